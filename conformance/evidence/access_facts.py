"""What a launch packet fills in from the journals of runs: environment, key mode, enabled pools, handler.

Each value names the exchanges it was read from. Verdicts on requirements are not values: ``access_fill`` has those.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from conformance.evidence.packet import Packet
from conformance.journal import Exchange

APPROVED: Final = "approved"
"""The account a run judges an environment with."""

ENVIRONMENTS: Final = ("embedded", "sandbox", "production")

APPROVAL: Final = "approval."
"""How the subjects of facts begin that the approval record says."""


@dataclass(frozen=True, slots=True)
class Value:
    """What was filled in. Without ``values`` it is open, and ``missing`` says what it takes."""

    values: tuple[str, ...] = ()
    exchanges: tuple[tuple[str, str], ...] = ()
    """Where it was read: run and exchange."""
    note: str = ""
    missing: str = ""


def environment_of(packet: Packet) -> str:
    """Which environment the evidence of a run speaks of: ``sandbox`` (test mode), ``production``, or neither."""
    said = packet.run.environment
    live, test = "live" in said, "test" in said
    if said == "production" or (live and not test):
        return "production"
    return "sandbox" if said in ("embedded", "sandbox") or (test and not live) else ""


def host(url: str) -> str:
    """Host and port of a URL: neither path nor query, which may hold what is nobody's business."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    return f"{parts.hostname or ''}{port}"


def hosts_of(packet: Packet) -> list[str]:
    """Where the calls of a run went."""
    return list(dict.fromkeys(filter(None, map(host, packet.run.base_urls.values()))))


def with_record(packets: Iterable[Packet]) -> list[Packet]:
    """The runs whose approval record counts: those of production where one of them has a record, else all."""
    found = [packet for packet in packets if any(fact.subject.startswith(APPROVAL) for fact in packet.facts)]
    return [packet for packet in found if environment_of(packet) == "production"] or found


def approved(packets: Iterable[Packet], field: str) -> set[tuple[str, ...]]:
    """What the approval records of the runs say of a field: one answer, several that differ, or none."""
    facts = (fact for packet in with_record(packets) for fact in packet.facts)
    return {fact.values for fact in facts if fact.subject == f"{APPROVAL}{field}"}


def value_of(name: str, packets: Sequence[Packet]) -> Value:
    """The value of this name. Raises ``KeyError`` for a name ``access.toml`` must not hold."""
    return _VALUES[name](packets)


def _answered(packet: Packet) -> Exchange | None:
    """The first call with the approved account's key that the target answered with success."""
    called = (e for e in packet.exchanges.values() if e.account == APPROVED and e.status is not None)
    return next((e for e in called if e.status is not None and 200 <= e.status < 300), None)


def _environment(packets: Sequence[Packet]) -> Value:
    found: dict[str, tuple[str, str]] = {}
    notes = []
    for packet in packets:
        run, answered = packet.run, _answered(packet)
        if run.environment in ENVIRONMENTS and answered is not None:
            found.setdefault(run.environment, (run.run, answered.id))
            notes.append(f"{run.environment} at {', '.join(hosts_of(packet))}")
    if not found:
        return Value(missing="no run whose key an environment accepted (conformance run --target PROFILE)")
    return Value(tuple(found), tuple(found.values()), "; ".join(dict.fromkeys(notes)))


def _as_approved(packets: Sequence[Packet]) -> Value:
    """The environments of the runs, if the one the approval record names is among them."""
    seen = _environment(packets)
    wanted = {name for values in approved(packets, "approved_environment") for name in values}
    if not wanted or not seen.values:
        return seen if wanted else Value(missing="no approval record with the runs (target.approval of the profile)")
    absent = sorted(wanted - set(seen.values))
    if absent:
        return Value(missing=f"no run here is of the approved environment ({', '.join(absent)})")
    return seen


def _key_mode(packets: Sequence[Packet]) -> Value:
    found: dict[str, tuple[str, str]] = {}
    for packet in packets:
        answered = _answered(packet)
        for fact in packet.facts:
            if fact.subject == "key_mode" and answered is not None:
                for mode in fact.values:
                    found.setdefault(mode, (packet.run.run, answered.id))
    if not found:
        return Value(missing="no run whose key has a published shape and was accepted")
    return Value(tuple(found), tuple(found.values()), "the key itself was accepted and is nowhere here")


def _enabled_pools(packets: Sequence[Packet]) -> Value:
    found: dict[str, None] = {}
    exchanges = []
    for packet in packets:
        for exchange in packet.exchanges.values():
            shown = _discovered(exchange)
            if shown:
                found.update(dict.fromkeys(shown))
                exchanges.append((packet.run.run, exchange.id))
                break
    if not found:
        return Value(missing="no run in which discovery listed a pool")
    return Value(tuple(found)[:POOLS], tuple(exchanges), "as discovery listed them")


POOLS: Final = 100


def _discovered(exchange: Exchange) -> list[str]:
    """The pools a discovery call of the approved account was shown."""
    if exchange.operation != "GET /pools" or exchange.account != APPROVED or exchange.status != 200:
        return []
    try:
        body: Any = json.loads(exchange.response_body or "")
    except (ValueError, RecursionError):
        return []
    pools = body.get("pools") if isinstance(body, dict) else None
    if not isinstance(pools, list):
        return []
    return [pool["id"] for pool in pools if isinstance(pool, dict) and isinstance(pool.get("id"), str)]


def _handler(packets: Sequence[Packet]) -> Value:
    """The handler that was judged, which need not be the one that is registered."""
    found: dict[str, None] = {}
    for packet in packets:
        urls = [url for name, url in packet.run.base_urls.items() if name == "handler"]
        hosts = [host(url) for url in urls]
        hosts += [name for fact in packet.facts if fact.subject == "handler_host" for name in fact.values]
        found.update(dict.fromkeys(filter(None, hosts)))
    if not found:
        return Value(missing="no handler was judged (conformance webhook URL, or [handler] in the profile)")
    return Value(tuple(found), (), "the handler that was judged")


_VALUES: Final[dict[str, Callable[[Sequence[Packet]], Value]]] = {
    "environment": _environment,
    "approved_environment": _as_approved,
    "key_mode": _key_mode,
    "enabled_pools": _enabled_pools,
    "handler": _handler,
}

NAMES: Final = tuple(_VALUES)
