"""The look of the widget as an account has it, and putting it back. Nothing here judges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from conformance.client import NetworkTrouble, Refused, Reply
from conformance.journal import Leftover
from conformance.scenarios.gate.desk import Desk

TOKENS = ("brand_name", "logo_url", "primary_color", "secondary_color", "accent_color")

Look = Mapping[str, object]


def look_of(reply: Reply) -> dict[str, object]:
    """The five tokens of an answer; one that is absent is as good as null."""
    body = reply.object()
    return {name: body.get(name) for name in TOKENS}


def differences(found: Look, wanted: Look) -> list[str]:
    """The tokens that differ. The digits of a colour count in either case."""
    return [name for name in TOKENS if _plain(name, found.get(name)) != _plain(name, wanted.get(name))]


def _plain(name: str, value: object) -> object:
    return value.upper() if name.endswith("_color") and isinstance(value, str) else value


@contextmanager
def put_back(desk: Desk) -> Iterator[dict[str, object]]:
    """The look as it is now, and so again afterwards. Raises ``Refused`` when it cannot be read to begin with."""
    reply = desk.api.branding()
    if not reply.ok:
        raise Refused(f"a branding that can be read (it answered {reply.status})", "the operator of the target")
    before = look_of(reply)
    try:
        yield before
    finally:
        restore(desk, before)


def restore(desk: Desk, before: Look) -> None:
    """Set every token that differs to what it was; what cannot be set stands in the journal as left over."""
    try:
        changed = differences(look_of(desk.api.branding()), before)
        if changed and not desk.api.update_branding({name: before[name] for name in changed}).ok:
            # One that cannot be put back must not keep the others: whether null clears is not published.
            for name in changed:
                desk.api.update_branding({name: before[name]})
        left, why = (differences(look_of(desk.api.branding()), before) if changed else []), "the target kept it"
    except (NetworkTrouble, Refused) as problem:
        left, why = ["the look"], f"it could not be put back: {type(problem).__name__}"
    for name in left:
        desk.bench.journal.append(Leftover("branding", name, why))
