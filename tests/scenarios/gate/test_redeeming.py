"""What came of a redemption is told from answers alone: one rail, none, or something that happened twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from conformance.client import Reply
from conformance.scenarios.gate.desk import ON_RAMP, Desk, Quote
from conformance.scenarios.gate.redeeming import Proof, Watch, doubled, figures, leaves, movements, rail_id
from conformance.target import Patience
from tests.scenarios.benches import FakeWire, bench, reply

LOCKED = Quote("qt_1", ON_RAMP, {}, reply(201, {"id": "qt_1"}))
OPEN = reply(200, {"id": "gs_1", "status": "open"})
CONSUMED = reply(200, {"id": "qt_1", "status": "consumed"})
COMPLETED = reply(200, {"id": "gs_1", "status": "completed"})
ACTIVE = reply(200, {"id": "qt_1", "status": "active"})
RAIL = reply(200, {"id": "pi_1", "status": "processing"})
MADE = reply(201, {"id": "pi_1", "quote_id": "qt_1", "gate_session_id": "gs_1"}, "main-2")


def rows(*refids: str, more: bool = False, **fields: Any) -> Reply:
    """A page of transactions of the one session."""
    data = [{"refid": refid, "session_id": "gs_1", "status": "processing", **fields} for refid in refids]
    return reply(200, {"object": "list", "data": data, "has_more": more})


@dataclass
class ByPath(FakeWire):
    """Answers by the first part of the path; the last answer of each is repeated."""

    by_path: dict[str, list[Reply]] = field(default_factory=dict)

    def send(self, who: Any, method: str, path: str, *, body: object = None, **more: Any) -> Reply:
        """The next answer for this path."""
        waiting = self.by_path[path.split("/")[1]]
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


def watching(folder: Path, *, busy: bool = False, **after: tuple[Reply, ...]) -> Watch:
    """A watch over one quote and one session in which nothing had happened, and what is found after that."""
    at = bench(folder, patience=Patience(settle=1.0))
    found = {"quotes": [ACTIVE], "rails": [RAIL], "gate_sessions": [OPEN, OPEN], "transactions": [rows(), rows()]}
    for name, replies in after.items():
        found[name] = [*found[name][1:], *replies] if len(found[name]) > 1 else list(replies)
    wire: Any = ByPath(by_path=found)
    at.wire = wire
    return Watch(Desk(at), LOCKED, busy=["gs_1"]) if busy else Watch(Desk(at), LOCKED, "gs_1")


@pytest.mark.parametrize(
    ("after", "observed"),
    [
        ({}, "nothing moved"),
        ({"quotes": (CONSUMED,)}, "the quote reads consumed instead of active"),
        ({"quotes": (reply(404),)}, "the quote reads HTTP 404 instead of active"),
        ({"gate_sessions": (COMPLETED,)}, "the session reads completed instead of open"),
        ({"transactions": (rows("tx_1"),)}, "1 new transaction(s) in the session"),
        ({"transactions": (rows("tx_1", status="failed"),)}, "nothing moved"),
        ({"transactions": (rows("tx_1", session_id="gs_2"),)}, "nothing moved"),
        ({"transactions": (reply(500),)}, "nothing moved"),
    ],
    ids=["untouched", "consumed", "gone", "completed", "moved", "refused", "elsewhere", "unreadable list"],
)
def test_nothing_came_of_it_where_quote_session_and_transactions_are_as_before(
    tmp_path: Path, after: dict[str, tuple[Reply, ...]], observed: str
) -> None:
    proof = watching(tmp_path, **after).nothing()

    assert (proof.observed, proof.ok) == (observed, observed == "nothing moved")


@pytest.mark.parametrize(
    ("listed", "observed"),
    [(rows("tx_1"), "nothing moved"), (rows("tx_1", "tx_2"), "1 transaction(s) twice in the session")],
    ids=["the first movement comes late", "there is a second"],
)
def test_in_a_busy_session_only_what_is_there_twice_is_too_much(tmp_path: Path, listed: Reply, observed: str) -> None:
    watch = watching(tmp_path, busy=True, transactions=(listed,))

    assert watch.nothing().observed == observed


def one(folder: Path, *replies: Reply, **after: tuple[Reply, ...]) -> Proof:
    """The proof over these answers to redemptions, where the rest is as it should be unless told otherwise."""
    usual: dict[str, tuple[Reply, ...]] = {"quotes": (ACTIVE, CONSUMED), "transactions": (rows("tx_1"),)}
    return watching(folder, **{**usual, **after}).one(replies)


def test_one_rail_came_of_it_where_every_success_names_it_and_the_quote_is_consumed(tmp_path: Path) -> None:
    assert one(tmp_path, MADE, reply(409), MADE).ok


@pytest.mark.parametrize(
    ("replies", "after", "observed"),
    [
        ((reply(409),), {}, "0 rails answered"),
        ((MADE, reply(201, {"id": "pi_2"}, "main-3")), {}, "2 rails answered"),
        ((MADE, reply(201, {}, "main-3")), {}, "a success without an id"),
        ((reply(201, {"id": "pi_1", "quote_id": "qt_2"}),), {}, "a success names another quote"),
        ((reply(201, {"id": "pi_1", "gate_session_id": "gs_2"}),), {}, "a success names another session"),
        ((MADE,), {"rails": (reply(404),)}, "the rail reads 404, not under its id"),
        ((MADE,), {"quotes": (ACTIVE,)}, "the quote reads active"),
        ((MADE,), {"transactions": (rows("tx_1", "tx_2"),)}, "1 transaction(s) twice"),
    ],
    ids=["none", "two", "nameless", "other quote", "other session", "unreadable", "still active", "moved twice"],
)
def test_anything_else_is_not_one_rail(
    tmp_path: Path, replies: tuple[Reply, ...], after: dict[str, tuple[Reply, ...]], observed: str
) -> None:
    proof = one(tmp_path, *replies, **after)

    assert not proof.ok
    assert observed in proof.observed


def test_what_a_session_brought_about_is_read_over_short_pages(tmp_path: Path) -> None:
    desk = Desk(bench(tmp_path, rows("tx_1", more=True), rows("tx_2")))

    found, pages = movements(desk, "gs_1")

    assert [row["refid"] for row in found] == ["tx_1", "tx_2"]
    assert len(pages) == 2


def test_a_list_that_always_has_more_is_not_read_for_ever(tmp_path: Path) -> None:
    desk = Desk(bench(tmp_path, rows("tx_1", more=True)))

    assert len(movements(desk, "gs_1")[1]) == 3


BUY = {"refid": "tx_1", "action": "buy", "fiat_amount": "25.00"}


@pytest.mark.parametrize(
    ("other", "double"),
    [
        ({**BUY, "refid": "tx_2"}, 1),
        ({**BUY, "refid": "tx_2", "fiat_amount": "25"}, 1),
        ({**BUY, "refid": "tx_2", "action": "pay_in"}, 0),
        ({**BUY, "refid": "tx_2", "fiat_amount": "26.00"}, 0),
    ],
)
def test_two_transactions_alike_in_everything_but_their_reference_are_one_too_many(
    other: dict[str, Any], double: int
) -> None:
    assert doubled([BUY, other]) == double


@pytest.mark.parametrize(
    ("answer", "found"),
    [(MADE, "pi_1"), (reply(409, {"id": "pi_1"}), None), (reply(201, {"id": 7}), None), (reply(201, ["pi_1"]), None)],
)
def test_a_rail_has_an_id_where_a_success_says_so(answer: Reply, found: str | None) -> None:
    assert rail_id(answer) == found


def test_values_are_found_wherever_they_stand_with_the_name_they_stand_under() -> None:
    document = {"data": [{"fees": {"total": "0.30"}}, {"rate": "1.07"}], "has_more": False}

    assert set(leaves(document)) == {("total", "0.30"), ("rate", "1.07"), ("has_more", False)}
    assert figures(document) == {Decimal("0.30"), Decimal("1.07")}
