"""Lists of customer records: envelope, order, pages and filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

from conformance.client import Reply
from conformance.scenarios.bench import Bench
from conformance.scenarios.gate.desk import PAGES, Customer, Desk, envelope_problem, the_rows
from conformance.scenarios.gate.records import caught_up, found_by, ids
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.desk import moment

NEEDS = ("customers",)
DEFAULT = 10
"""Rows of a page without a limit."""
SECOND = timedelta(seconds=1.2)
"""Time between two creates after which their moments differ, even where they are cut to seconds."""


def an_early_one(bench: Bench) -> tuple[Customer, Any]:
    """A record that is old by the time the others are made, and when it was made."""
    return Desk(bench).record_customer(), bench.clock.now()


@scenario("GATE-CUSTOMER-LIST", needs=NEEDS, parks=an_early_one)
def test_customers_are_listed_newest_first_and_each_once(
    bench: Bench, desk: Desk, judge: Judge, parked: tuple[Customer, Any]
) -> None:
    early, made_at = parked
    # The order of two that were made within a second is not to be seen where moments are cut to seconds.
    bench.clock.sleep(max(0.0, (made_at + SECOND - bench.clock.now()).total_seconds()))
    own = [early.id, *(desk.record_customer().id for _ in range(DEFAULT))]
    caught_up(desk)
    plain = desk.api.customers()
    judge.check(
        "GATE-CUSTOMER-LIST",
        not envelope_problem(plain) and len(the_rows(plain)) <= DEFAULT,
        f"a list envelope with at most {DEFAULT} rows",
        envelope_problem(plain) or f"{len(the_rows(plain))} rows",
        plain,
    )
    for limit in (100, 3):
        pages, rows, whole = walked(desk, own, limit)
        longest = max(Counter(page.exchange for page in pages).values(), default=0)
        again = [name for name, count in Counter(ids(rows)).items() if count > 1]
        missing = [name for name in own if name not in ids(rows)] if whole else []
        wrong = [f"a page of {longest} rows"] if longest > limit else []
        wrong += [f"{len(again)} record(s) twice"] if again else []
        wrong += [f"{len(missing)} of {len(own)} own records missing"] if missing else []
        wrong += [problem] if (problem := disorder(rows)) else []
        judge.check(
            "GATE-CUSTOMER-LIST",
            not wrong,
            f"each record once, newest first, in pages of at most {limit}",
            "; ".join(wrong) or f"{len(rows)} records so",
            *dict.fromkeys(page.exchange for page in pages),
        )


def walked(desk: Desk, own: Sequence[str], limit: int) -> tuple[list[Reply], list[dict[str, Any]], bool]:
    """Walk until a page after all of ``own``: the page of each row, the rows, and whether the walk was long enough.

    One that is cut off by our own bound proves nothing missing.
    """
    pages: list[Reply] = []
    rows: list[dict[str, Any]] = []
    for page, row in desk.walk(desk.api.customers, limit=str(limit)):
        if set(own) <= set(ids(rows)) and page.exchange != pages[-1].exchange:
            return pages, rows, True
        pages.append(page)
        rows.append(row)
    return pages, rows, len({page.exchange for page in pages}) < PAGES


def disorder(rows: Sequence[Mapping[str, Any]]) -> str:
    """What is wrong with the order of rows that should come newest first, as far as they say when they were made."""
    moments = [made for row in rows if (made := moment(row.get("created_at"))) is not None]
    risen = sum(later > earlier for earlier, later in pairwise(moments))
    return f"{risen} record(s) after one that is older" if risen else ""


@scenario("GATE-CUSTOMER-FILTERS", needs=NEEDS)
def test_the_filters_show_exactly_the_customer_that_fits(desk: Desk, judge: Judge) -> None:
    customer, _ = desk.record_customer(), caught_up(desk)
    for name in ("email", "external_id"):
        value = str(customer.request[name])
        desk.awaited(lambda name=name, value=value: found_by(desk, **{name: value})[1] == [customer.id])  # type: ignore[misc]
        reply, found = found_by(desk, **{name: value})
        others = len([one for one in found if one != customer.id])
        judge.check(
            "GATE-CUSTOMER-FILTERS",
            not envelope_problem(reply) and found == [customer.id],
            f"the one customer with this {name}",
            envelope_problem(reply)
            or f"{'that one' if customer.id in found else 'not that one'}, and {others} other(s)",
            reply,
        )
        for part in (value[:-1], value[1:]):
            reply, found = found_by(desk, **{name: part})
            # A value that nobody can have may be refused.
            judge.check(
                "GATE-CUSTOMER-FILTERS",
                customer.id not in found and (not reply.ok or not found),
                f"nobody for a part of an {name}",
                f"{reply.status} with {len(found)} row(s)",
                reply,
            )
