"""The bytes of each delivery: bodies, signatures and headers, made by pure functions from a vector and an event."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from conformance.webhooks.events import Event
from conformance.webhooks.signature import Scheme, sign
from conformance.webhooks.vectors import Bytes, Header, Key, Repeat, Vector, When

OUTSIDE_SECONDS: Final = 60
"""How far from the edge of the tolerance a signed time lies, so that clocks may differ a little."""

# These sign the forgeries and open nothing.
_NOBODYS_SECRET: Final = "whsec_conformance_nobodys_secret"  # noqa: S105
_OTHER_MODES_SECRET: Final = "whsec_live_conformance_nobodys_secret"  # noqa: S105

_LARGE: Final = 256 * 1024
_HUGE: Final = 3 * 1024 * 1024
_CUT: Final = 16
"""Characters a cut digest keeps."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A delivery ready to send: the signature header's values (none: no such header) and the raw body."""

    signatures: tuple[bytes, ...]
    body: bytes
    further: tuple[tuple[str, str], ...] = ()
    """The other headers 0Gate publishes: none of them is signed."""
    slow: bool = False


def compose(vector: Vector, event: Event, secret: str, now: int, tolerance: int, scheme: Scheme) -> Signed:
    """The delivery of ``event`` that ``vector`` describes, at ``now`` in Unix seconds."""
    signed, sent = _bodies(event, vector.bytes, now)
    at = now + _offset(vector.when, tolerance)
    key = {Key.OWN: secret, Key.NOBODYS: _NOBODYS_SECRET, Key.OTHER_MODE: _OTHER_MODES_SECRET}[vector.key]
    value = sign(key, signed, at, scheme)
    forged = sign(_NOBODYS_SECRET, signed, at, scheme)
    return Signed(_values(vector.header, value, forged, at), sent, _further(event, at), vector.slow)


def copies(repeat: Repeat, event: Event, secret: str, now: int, tolerance: int, scheme: Scheme) -> list[Signed]:
    """The deliveries of one event. In sequence each is signed afresh a second apart, as a retry would be."""
    body = compact(event.members(now))
    ages = [0 if repeat.at_once else min(left, tolerance // 2) for left in reversed(range(repeat.copies))]
    return [genuine(event, body, secret, now - age, scheme) for age in ages]


def genuine(event: Event, body: bytes, secret: str, at: int, scheme: Scheme) -> Signed:
    """A delivery as its sender makes it, signed at ``at`` in Unix seconds."""
    return Signed((sign(secret, body, at, scheme).encode(),), body, _further(event, at))


def compact(members: dict[str, Any]) -> bytes:
    """The body as a serialiser spells it."""
    return json.dumps(members, separators=(",", ":")).encode()


def _offset(when: When, tolerance: int) -> int:
    outside, inside = tolerance + OUTSIDE_SECONDS, max(tolerance - OUTSIDE_SECONDS, tolerance // 2)
    offsets = {When.NOW: 0, When.RECENT: -inside, When.SOON: inside, When.STALE: -outside, When.FUTURE: outside}
    return offsets[when]


def _values(header: Header, value: str, forged: str, at: int) -> tuple[bytes, ...]:
    prefix, digest = value[:-64], value[-64:]
    texts: dict[Header, tuple[str, ...]] = {
        Header.SIGNED: (value,),
        Header.ABSENT: (),
        Header.EMPTY: ("",),
        Header.GARBAGE: ("not-a-signature",),
        Header.NO_DIGEST: (f"t={at},v1=",),
        Header.NO_TIME: (f"v1={digest}",),
        Header.CUT: (prefix + digest[:_CUT],),
        Header.NOT_ASCII: (prefix + digest[:-1] + "é",),
        Header.UPPER: (prefix + digest.upper(),),
        Header.GOOD_FIRST: (f"{value},v1={forged[-64:]}",),
        Header.GOOD_LAST: (f"{forged},v1={digest}",),
        Header.DOUBLED: (forged, value),
    }
    return tuple(text.encode() for text in texts[header])


def _further(event: Event, at: int) -> tuple[tuple[str, str], ...]:
    return (("X-0bit-Timestamp", str(at)), ("X-0bit-Event-Id", event.id), ("X-0bit-Event-Type", event.type))


def _bodies(event: Event, kind: Bytes, now: int) -> tuple[bytes, bytes]:
    """The body that is signed, and the one that is sent."""
    members = event.members(now)
    plain = compact(members)
    match kind:
        case Bytes.TAMPERED:
            return plain, compact(_tampered(members))
        case Bytes.RESERIALISED:
            return plain, json.dumps(members, indent=2).encode()
        case Bytes.UNUSUAL:
            sent = _unusual(members)
        case Bytes.BROKEN:
            sent = plain[:-1]
        case Bytes.NOT_UTF8:
            sent = plain[:-1] + b',"note":"\xff\xfe"}'
        case Bytes.LISTED:
            sent = b"[" + plain + b"]"
        case Bytes.UNKNOWN_TYPE:
            sent = compact({**members, "type": f"{event.type}_of_conformance"})
        case Bytes.EXTRA:
            sent = compact({**members, "conformance_member": {"unknown": [1, None, "x"]}})
        case Bytes.LARGE:
            sent = _padded(members, _LARGE)
        case Bytes.HUGE:
            sent = _padded(members, _HUGE)
        case _:
            sent = plain
    return sent, sent


def _tampered(members: dict[str, Any]) -> dict[str, Any]:
    """The event with its id, but about another object."""
    if "quoteId" in members:
        return {**members, "quoteId": members["quoteId"] + "_tampered"}
    data = members["data"]
    return {**members, "data": {**data, "id": f"{data.get('id', '')}_tampered"}}


def _unusual(members: dict[str, Any]) -> bytes:
    """The same JSON in a spelling no serialiser would choose, so that only the raw bytes can verify."""
    lines = [f"  {json.dumps(name)} :{json.dumps(value)}" for name, value in members.items()]
    text = "{\n" + "\n,".join(lines) + "\n}\n"
    kind = members["type"]
    return text.replace(f'"{kind}"', f'"\\u{ord(kind[0]):04x}{kind[1:]}"').encode()


def _padded(members: dict[str, Any], size: int) -> bytes:
    return compact({**members, "conformance_padding": "x" * size})
