"""Branding: the look of the widget changes token by token, and a refused change changes nothing.

It is the account's real look, so each scenario puts back what it found, whatever happens.
"""

from __future__ import annotations

from conformance.client import Reply
from conformance.scenarios.bench import Bench
from conformance.scenarios.gate.desk import Desk
from conformance.scenarios.gate.looks import TOKENS, Look, differences, look_of, put_back, restore
from conformance.scenarios.judging import Judge, scenario


def fresh_colour(bench: Bench) -> str:
    """A colour that nobody is likely to have set."""
    return f"#{bench.rng.getrandbits(24):06X}"


@scenario("GATE-BRANDING-MERGE")
def test_a_branding_update_changes_what_it_names_and_nothing_else(bench: Bench, desk: Desk, judge: Judge) -> None:
    with put_back(desk) as before:
        wanted = dict(before)
        for update in (
            {"primary_color": fresh_colour(bench)},
            {"accent_color": fresh_colour(bench), "brand_name": "Conformance"},
            {"secondary_color": fresh_colour(bench)},
        ):
            changed = desk.api.update_branding(update)
            wanted |= update
            seen: list[Reply] = []

            def is_there(wanted: Look = wanted, seen: list[Reply] = seen) -> bool:
                seen.append(desk.api.branding())
                return seen[-1].ok and not differences(look_of(seen[-1]), wanted)

            found = desk.awaited(is_there)
            # The body of the answer is not published, but what it says of a token is to be kept, so it must hold.
            told = {**wanted, **{name: changed.object()[name] for name in TOKENS if name in changed.object()}}
            wrong = [*differences(look_of(seen[-1]), wanted), *differences(told, wanted)]
            judge.require(
                "GATE-BRANDING-MERGE",
                changed.ok and found and not wrong,
                f"2xx, and a look in which {', '.join(update)} changed and nothing else",
                f"{changed.status}; not as expected: {', '.join(dict.fromkeys(wrong)) or 'nothing'}",
                changed,
                seen[-1],
            )
        cleared = desk.api.update_branding({"secondary_color": None})
        kept = look_of(desk.api.branding())["secondary_color"] is not None
        judge.observe(
            "branding token set to null",
            f"{cleared.status}, {'kept' if kept else 'cleared'}",
            "GATE-BRANDING-MERGE",
            cleared,
        )


REFUSED: tuple[Look, ...] = (
    {"conformance_token": "1"},
    {"primary_color": "red"},
    {"secondary_color": "#12345"},
    {"accent_color": "#12345G"},
    {"primary_color": "not a colour"},
    {"logo_url": "http://partner.example/logo.svg"},
    {"logo_url": "/logo.svg"},
    {"logo_url": "//partner.example/logo.svg"},
    {"logo_url": "ftp://partner.example/logo.svg"},
)
"""One thing that is published to be refused in each."""

REFUSALS = (400, 422)


@scenario("GATE-BRANDING-REJECTS")
def test_a_refused_branding_update_changes_nothing(bench: Bench, desk: Desk, judge: Judge) -> None:
    with put_back(desk) as before:
        for wrong in REFUSED:
            # With it goes a token that would be fine, so that half an update shows.
            fine = next(name for name in ("accent_color", "primary_color") if name not in wrong)
            refused = desk.api.update_branding({fine: fresh_colour(bench), **wrong})
            after = desk.api.branding()
            moved = differences(look_of(after), before)
            judge.check(
                "GATE-BRANDING-REJECTS",
                refused.status in REFUSALS and after.ok and not moved,
                f"a refusal (400) of {described(wrong)}, and the look as it was",
                f"{refused.status}; changed: {', '.join(moved) or 'nothing'}",
                refused,
                after,
            )
            if moved:
                restore(desk, before)


def described(update: Look) -> str:
    """An update in words."""
    return ", ".join(f"{name} {value}" for name, value in update.items())
