"""What a budget is spent on: all four phases within its time, and what only the last two of them see."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.contract import Contract
from conformance.journal import Engine, Outcome
from conformance.scenarios.pools.test_generated import COVERED, FUZZED, SECONDS
from tests.client.clocks import FakeClock

from .contracts import vendors
from .runs import DECLARED, Result, run, told
from .stub import POOL, Answer, Call, Stub, error

TICK = 0.01
"""Seconds each look at the clock takes; a request has a handful of them."""


def spent(stub: Stub, folder: Path, *, budget: float = 20.0, **options: Any) -> Result:
    """A regress run on a clock that moves only when it is looked at."""
    return run(stub, folder, tier="regress", budget=budget, clock=FakeClock(TICK), **options)


def covered(result: Result) -> str:
    (row,) = [row for row in result.observations if row.subject == COVERED]
    return row.value


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> tuple[Stub, Result]:
    stub = Stub()
    return stub, spent(stub, tmp_path_factory.mktemp("honest"), budget=60.0)


def test_all_four_phases_are_sent_and_a_conforming_target_passes(honest: tuple[Stub, Result]) -> None:
    _, result = honest
    assert (result.having(Outcome.PASS), result.having(Outcome.FAIL, Engine.CONTRACT)) == (set(DECLARED), set())
    (row,) = result.of("WIRE-STATUS")
    assert re.search(r"\(\d+ coverage, \d+ examples, \d+ fuzzing, \d+ stateful\) to 12 of 12 operations", row.observed)


def test_it_says_what_the_time_was_spent_on(honest: tuple[Stub, Result]) -> None:
    _, result = honest
    assert re.fullmatch(
        r"60 seconds; \d+ generated requests \(.*\) to 12 of 12 operations.*; "
        r"\d+ of \d+ \(operation, status\) pairs the contract lists; "
        r"\d+ links followed, 12 of the 14 the contract states",
        covered(result),
    )


def test_the_pairs_counted_are_those_that_were_seen(honest: tuple[Stub, Result]) -> None:
    _, result = honest
    seen = {(row.operation, row.status) for row in result.exchanges}
    (reached,) = re.findall(r"(\d+) of \d+ \(operation", covered(result))
    # Poll, list and quote requests the harness made for itself are seen as well, with the same statuses.
    assert int(reached) == len(seen)


def test_links_lead_from_the_quote_to_its_trade(honest: tuple[Stub, Result]) -> None:
    stub, _ = honest
    other_networks = {trade for trade, terms in stub.trades.items() if terms["cryptoNetwork"] != "tron"}
    assert other_networks, "only quotes of generated requests have another network"
    read = {call.path.split("/")[-1] for call in stub.calls if call.path.startswith("/pools/trades/")}
    polled = {call.path.split("/")[-1] for call in stub.calls if call.path.startswith("/pools/transactions/")}
    assert other_networks & read
    assert {stub.trades[trade]["quoteId"] for trade in other_networks} & polled


def test_every_trade_is_an_order_of_the_run_and_charged_to_the_limits(honest: tuple[Stub, Result]) -> None:
    stub, result = honest
    assert {order.transact for order in result.orders} == stub.trades.keys()
    assert len(stub.trades) <= result.bench.budget.planned[0] <= 40


def test_half_of_the_trades_the_limits_leave_are_left_to_those_that_come_next(tmp_path: Path) -> None:
    result = spent(Stub(), tmp_path, trades=20)
    assert result.bench.budget.planned[0] <= 8 + 10


def test_without_trades_in_the_limits_links_are_followed_all_the_same(tmp_path: Path) -> None:
    stub = Stub()
    result = spent(stub, tmp_path, trades=0)
    assert not stub.trades
    assert result.having(Outcome.FAIL) == set()
    assert int(re.findall(r"(\d+) links followed", covered(result))[0]) > 0


def test_only_quotes_of_this_run_are_executed_or_rejected(honest: tuple[Stub, Result]) -> None:
    stub, _ = honest
    rejected = {call.path.split("/")[3] for call in stub.calls if call.path.endswith("/reject")}
    executed = {
        call.body["quoteId"]
        for call in stub.calls
        if call.path.endswith("/transact") and isinstance(call.body, dict) and isinstance(call.body.get("quoteId"), str)
    }
    somebodys = {name for name in rejected | executed if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name)}
    assert somebodys
    assert somebodys <= stub.quotes.keys()


def lists_another_pool_first(stub: Stub, call: Call, honest: Answer) -> Answer:
    if call.path == "/pools":
        return honest.with_body(pools=[{**POOL, "id": "EUR-USDC", "pair": "EUR/USDC"}, POOL])
    asked = call.body
    if call.path == "/pools/EUR-USDC/quote" and isinstance(asked, dict) and asked.get("cryptoCurrency") == "USDT":
        return stub.quoted("EUR-USDC", asked) if "amount" in asked and "side" in asked else honest
    return honest


def test_quotes_of_another_pool_than_the_runs_are_read_and_never_executed(tmp_path: Path) -> None:
    stub = Stub(lists_another_pool_first)
    spent(stub, tmp_path, budget=60.0)
    others = {quote for quote, terms in stub.quotes.items() if terms["poolId"] == "EUR-USDC"}
    executed = {str(call.body.get("quoteId")) for call in stub.calls if isinstance(call.body, dict)}
    read = {call.path.split("/")[-1] for call in stub.calls if call.path.startswith("/pools/quotes/")}
    assert others & read
    assert not others & executed


@pytest.mark.parametrize("budget", [2.0, 8.0])
def test_nothing_is_begun_when_the_time_is_up(budget: float, tmp_path: Path) -> None:
    stub, clock = Stub(), FakeClock(TICK)
    run(stub, tmp_path, tier="regress", budget=budget, clock=clock)
    # Beyond it go the looks at the clock while the last request, and what it needed, was on its way.
    assert budget <= clock.monotonic() <= budget + 60 * TICK
    assert stub.calls


def test_no_budget_is_so_short_that_a_phase_is_left_out(tmp_path: Path) -> None:
    row = covered(spent(Stub(), tmp_path, budget=8.0))
    assert re.search(r"\(.*examples.*\d+ fuzzing, \d+ stateful\) to 12 of 12 operations; \d+ were left", row)


def test_a_shorter_budget_sends_the_beginning_of_what_a_longer_one_sends(tmp_path: Path) -> None:
    sent = []
    for budget in (4.0, 20.0):
        folder = tmp_path / str(budget)
        folder.mkdir()
        sent.append(told(spent(Stub(), folder, budget=budget, fresh=True).exchanges))
    short, long = sent
    assert 20 < len(short) < len(long)
    assert long[: len(short)] == short


def test_another_seed_sends_others(tmp_path: Path) -> None:
    sent = []
    for seed in (7, 8):
        folder = tmp_path / str(seed)
        folder.mkdir()
        sent.append(told(spent(Stub(), folder, budget=8.0, fresh=True, seed=seed).exchanges))
    assert sent[0] != sent[1]


def crashes_on_a_middling_limit(stub: Stub, call: Call, honest: Answer) -> Answer:
    """The bounds of a limit, one beside each, and its default are well."""
    asked = call.query.get("limit", [""])[0]
    middling = call.path == "/pools/trades" and re.fullmatch(r"[3-9]|[1-4][0-9]", asked)
    return error(500, "internal_error") if middling else honest


def crashes_on_trades_of_the_past(stub: Stub, call: Call, honest: Answer) -> Answer:
    asked = call.query.get("created_after", [""])[0]
    return error(500, "internal_error") if call.path == "/pools/trades" and "0001" < asked < "1969" else honest


def loses_trades_on_other_networks(stub: Stub, call: Call, honest: Answer) -> Answer:
    """What a generated quote was executed as is not read back in the form it was made."""
    if not call.path.startswith("/pools/trades/") or honest.status != 200 or honest.body["cryptoNetwork"] == "tron":
        return honest
    return Answer(200, {name: value for name, value in honest.body.items() if name != "quoteId"})


def crashes_on_rejecting_what_was_executed(stub: Stub, call: Call, honest: Answer) -> Answer:
    return error(500, "internal_error") if call.path.endswith("/reject") and honest.status == 409 else honest


HIDDEN: list[tuple[Callable[[Stub, Call, Answer], Answer], str, str]] = [
    (crashes_on_a_middling_limit, "WIRE-NO-SERVER-ERROR", "fuzzing"),
    (crashes_on_trades_of_the_past, "WIRE-NO-SERVER-ERROR", "fuzzing"),
    (loses_trades_on_other_networks, "WIRE-BODY", "stateful"),
    (crashes_on_rejecting_what_was_executed, "WIRE-NO-SERVER-ERROR", "stateful"),
]


@pytest.mark.parametrize(("lie", "broken", "phase"), HIDDEN, ids=[row[0].__name__ for row in HIDDEN])
def test_a_lie_the_first_two_phases_do_not_meet_is_seen_by_the_others(
    lie: Any, broken: str, phase: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [tmp_path / name for name in ("short", "long")]
    for folder in folders:
        folder.mkdir()
    with monkeypatch.context() as patch:
        patch.setitem(FUZZED, "certify", 0)
        patch.setitem(SECONDS, "certify", 600.0)
        assert run(Stub(lie), folders[0]).having(Outcome.FAIL) == set()
    result = spent(Stub(lie), folders[1], budget=40.0, fresh=True)
    assert result.having(Outcome.FAIL) == {broken}
    (row,) = result.of(broken)
    assert f"({phase})" in row.observed


def test_a_failure_at_the_end_of_links_tells_the_way_there(tmp_path: Path) -> None:
    result = spent(Stub(loses_trades_on_other_networks), tmp_path, budget=40.0)
    (row,) = result.of("WIRE-BODY")
    told_steps = [re.sub(r"(pq|txn)_test_\d+", r"\1", step) for step in row.steps]
    assert told_steps[:2] == [
        "POST /pools/EUR-USDT/quote answered 200",
        "executeQuote: POST /pools/EUR-USDT/transact answered 201",
    ]
    by_id = {exchange.id: exchange for exchange in result.exchanges}
    shown = [(by_id[name].method, by_id[name].operation) for name in row.exchanges]
    assert shown[:2] == [("POST", "POST /pools/{id}/quote"), ("POST", "POST /pools/{id}/transact")]
    assert shown[-1] == ("GET", "GET /pools/trades/{transactId}")
    assert len(row.exchanges) == len(row.steps) + 1


def odd_quote_ids(value: object) -> Callable[[Stub, Call, Answer], Answer]:
    def lie(stub: Stub, call: Call, honest: Answer) -> Answer:
        return honest.with_body(quoteId=value) if isinstance(honest.body, dict) and "quoteId" in honest.body else honest

    return lie


def odd_trade_ids(value: object) -> Callable[[Stub, Call, Answer], Answer]:
    def lie(stub: Stub, call: Call, honest: Answer) -> Answer:
        return (
            honest.with_body(transactId=value)
            if isinstance(honest.body, dict) and "transactId" in honest.body
            else honest
        )

    return lie


def odd_status(stub: Stub, call: Call, honest: Answer) -> Answer:
    return honest.with_body(status=[]) if isinstance(honest.body, dict) and "status" in honest.body else honest


def odd_pools(stub: Stub, call: Call, honest: Answer) -> Answer:
    return Answer(200, {"pools": [{"id": ["EUR"]}, 7, None]}) if call.path == "/pools" else honest


ODD = [
    ("a quote id with half a surrogate pair", odd_quote_ids("pq_\ud800")),
    ("a quote id that is a number", odd_quote_ids(7)),
    ("a quote id that is a list", odd_quote_ids([])),
    ("a quote id with a newline", odd_quote_ids("pq_1\n")),
    ("a quote id with braces", odd_quote_ids("{quoteId}")),
    ("a trade id with half a surrogate pair", odd_trade_ids("txn_\ud800")),
    ("a trade id that is a number", odd_trade_ids(7)),
    ("a trade id that is an object", odd_trade_ids({})),
    ("a status that is a list", odd_status),
    ("a pool that is none", odd_pools),
]


@pytest.mark.parametrize(("what", "lie"), ODD, ids=[row[0] for row in ODD])
def test_odd_values_of_a_target_stop_nothing(what: str, lie: Any, tmp_path: Path) -> None:
    result = spent(Stub(lie), tmp_path, budget=12.0)
    assert [row.observed for row in result.judgements if row.outcome == Outcome.ERROR] == []
    assert "stateful" in covered(result)


def without_networks_but_tron(stub: Stub, call: Call, honest: Answer) -> Answer:
    asked = call.body if isinstance(call.body, dict) else {}
    other = call.path.endswith("/quote") and asked.get("cryptoNetwork", "tron") != "tron"
    return error(400) if other and honest.status == 200 else honest


def dry_every_other_time(stub: Stub, call: Call, honest: Answer) -> Answer:
    if not call.path.endswith("/quote") or honest.status != 200 or len(stub.calls) % 2:
        return honest
    return Answer(200, {"available": False, "executable": False, "unavailableReason": "pool_dry"})


def refuses_what_is_done_already(stub: Stub, call: Call, honest: Answer) -> Answer:
    spent_quotes = list(stub.keys.values())
    again = call.path.endswith("/transact") and honest.status == 201 and isinstance(call.body, dict)
    return error(409, "conflict") if again and spent_quotes.count(call.body["quoteId"]) > 1 else honest


def refuses_unknown_members(stub: Stub, call: Call, honest: Answer) -> Answer:
    known = {"side", "fiatCurrency", "cryptoCurrency", "amount", "cryptoNetwork", "type", "destAddress", "destNetwork"}
    return error(400) if isinstance(call.body, dict) and call.body.keys() - known - {"quoteId"} else honest


LEGAL = [without_networks_but_tron, dry_every_other_time, refuses_what_is_done_already, refuses_unknown_members]


@pytest.mark.parametrize("variant", LEGAL, ids=lambda value: value.__name__)
def test_a_legal_variant_stays_green(variant: Any, tmp_path: Path) -> None:
    result = spent(Stub(variant), tmp_path)
    assert (result.having(Outcome.FAIL), result.having(Outcome.FAIL, Engine.CONTRACT)) == (set(), set())
    assert result.having(Outcome.PASS) == set(DECLARED)


def test_the_vendors_own_file_is_followed_as_far_as_its_links_can_be_read(contract: Contract, tmp_path: Path) -> None:
    result = spent(Stub(), tmp_path, contract=vendors(contract, tmp_path))
    assert result.having(Outcome.PASS) == set(DECLARED)
    unread = [row.value for row in result.observations if row.subject == "generated traffic: no link followed"]
    assert len(unread) == 14


def test_a_target_that_stops_answering_is_left_alone(tmp_path: Path) -> None:
    def unwell(stub: Stub, call: Call, honest: Answer) -> Answer:
        return Answer(502, b"bad gateway", media="text/plain") if len(stub.calls) > 60 else honest

    stub = Stub(unwell)
    result = spent(stub, tmp_path, budget=600.0)
    assert result.having(Outcome.FAIL) == set()
    assert "WIRE-NO-SERVER-ERROR" in result.having(Outcome.ERROR)
    assert len(stub.calls) < 100


def test_production_is_sent_nothing_generated(tmp_path: Path) -> None:
    stub = Stub()
    assert spent(stub, tmp_path, environment="production").having(Outcome.NOT_EVIDENCED) == set(DECLARED)
    assert not stub.calls


def test_other_tiers_say_nothing_of_a_budget(tmp_path: Path) -> None:
    assert [row for row in run(Stub(), tmp_path).observations if row.subject == COVERED] == []
