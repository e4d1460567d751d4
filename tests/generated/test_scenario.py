"""Generated traffic: silent on what is legal, red for exactly what is wrong, and never at the cost of others."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.journal import Engine, Outcome
from conformance.scenarios.pools.test_generated import SECONDS

from .runs import DECLARED, Result, run, told
from .stub import Answer, Call, Stub, error


def member(call: Call, name: str) -> Any:
    return call.body.get(name) if isinstance(call.body, dict) else None


def crashes_on_long_ids(stub: Stub, call: Call, honest: Answer) -> Answer:
    return error(500, "internal_error") if max(map(len, call.path.split("/"))) > 100 else honest


def quotes_any_side(stub: Stub, call: Call, honest: Answer) -> Answer:
    wrong = call.path.endswith("/quote") and member(call, "side") not in ("on_ramp", None, [])
    return stub.quoted("EUR-USDT", {**call.body, "side": "on_ramp"}) if wrong and honest.status == 400 else honest


def quotes_amounts_that_are_none(stub: Stub, call: Call, honest: Answer) -> Answer:
    wrong = call.path.endswith("/quote") and isinstance(member(call, "amount"), dict | list)
    return stub.quoted("EUR-USDT", {**call.body, "amount": "10.00"}) if wrong and honest.status == 400 else honest


def funds_any_currency(stub: Stub, call: Call, honest: Answer) -> Answer:
    if call.path != "/pools/funding" or honest.status == 200:
        return honest
    return stub.honest(replace(call, query={}))


def executes_without_a_key(stub: Stub, call: Call, honest: Answer) -> Answer:
    if call.path.endswith("/transact") and "idempotency-key" not in call.headers:
        return stub.execute(call.body["quoteId"], "none")
    return honest


def refuses_without_a_key_yet_executes(stub: Stub, call: Call, honest: Answer) -> Answer:
    executes_without_a_key(stub, call, honest)
    return honest


def labels_errors_as_html(stub: Stub, call: Call, honest: Answer) -> Answer:
    return replace(honest, media="text/html") if honest.status == 400 else honest


def forgets_the_request_id(stub: Stub, call: Call, honest: Answer) -> Answer:
    return replace(honest, headers={"X-Request-Id": ""}) if honest.status == 404 else honest


def invents_a_request_id_in_the_body(stub: Stub, call: Call, honest: Answer) -> Answer:
    return honest.with_body(request_id="req_other") if honest.status == 404 else honest


def answers_422(stub: Stub, call: Call, honest: Answer) -> Answer:
    return error(422) if call.query.get("side", ["on_ramp"])[0] not in ("on_ramp", "off_ramp") else honest


def rates_as_numbers(stub: Stub, call: Call, honest: Answer) -> Answer:
    return honest.with_body(rate=1.0) if honest.status == 200 and call.path.endswith("/quote") else honest


def names_the_provider(stub: Stub, call: Call, honest: Answer) -> Answer:
    return honest.with_body(providerName="x") if honest.status == 200 and call.path.endswith("/quote") else honest


def forgets_whether_there_is_more(stub: Stub, call: Call, honest: Answer) -> Answer:
    if call.path != "/pools/trades" or call.query.get("limit") != ["1"]:
        return honest
    return replace(honest, body={"trades": [], "nextCursor": None})


LIARS = [
    (crashes_on_long_ids, {"WIRE-NO-SERVER-ERROR"}),
    (quotes_any_side, {"POOLS-QUOTE-VALIDATION"}),
    (quotes_amounts_that_are_none, {"POOLS-QUOTE-VALIDATION"}),
    (funds_any_currency, {"POOLS-FUNDING"}),
    (executes_without_a_key, {"POOLS-TRANSACT-KEY-REQUIRED"}),
    (refuses_without_a_key_yet_executes, {"POOLS-TRANSACT-KEY-REQUIRED"}),
    (labels_errors_as_html, {"WIRE-CONTENT-TYPE"}),
    (forgets_the_request_id, {"WIRE-REQUEST-ID"}),
    (invents_a_request_id_in_the_body, {"WIRE-ERROR-ENVELOPE"}),
    (answers_422, {"WIRE-STATUS"}),
    # A number where a decimal string belongs is wrong as money and wrong as that body.
    (rates_as_numbers, {"WIRE-MONEY", "WIRE-BODY"}),
    (names_the_provider, {"WIRE-BOUNDARY"}),
    (forgets_whether_there_is_more, {"WIRE-BODY"}),
]


@pytest.mark.parametrize(("lie", "broken"), LIARS, ids=lambda value: getattr(value, "__name__", ""))
def test_each_lie_turns_exactly_its_requirement_red(lie: Any, broken: set[str], tmp_path: Path) -> None:
    assert run(Stub(lie), tmp_path).having(Outcome.FAIL) == broken


def reads_leniently(stub: Stub, call: Call, honest: Answer) -> Answer:
    """Scalars are taken for their text, what is empty for absent, unknown kinds for firm."""
    if not call.path.endswith("/EUR-USDT/quote") or honest.status != 400 or not isinstance(call.body, dict):
        return honest
    asked = {name: value for name, value in call.body.items() if value not in (None, False, 0, "")}
    if isinstance(asked.get("amount"), int | float) and not isinstance(asked["amount"], bool):
        asked["amount"] = str(asked["amount"])
    asked["type"] = "indicative" if asked.get("type") == "indicative" else "firm"
    asked = {"amount": "10.00", "fiatCurrency": "EUR", "cryptoCurrency": "USDT", **asked}
    return stub.honest(replace(call, content=json.dumps(asked).encode()))


def refuses_strictly(stub: Stub, call: Call, honest: Answer) -> Answer:
    """Filters, limits and cursors are validated, and so are ids."""
    known = {"limit": r"[1-9][0-9]?|1[0-9]{2}|200", "side": "on_ramp|off_ramp", "currency": "EUR", "cursor": "txn_.*"}
    for name, pattern in known.items():
        if any(not re.fullmatch(pattern, value) for value in call.query.get(name, [])):
            return error(400)
    return error(400) if max(map(len, call.path.split("/"))) > 40 else honest


def hides_behind_404(stub: Stub, call: Call, honest: Answer) -> Answer:
    return error(404, "not_found") if honest.status == 400 and call.path.endswith("/transact") else honest


def finds_odd_amounts_unavailable(stub: Stub, call: Call, honest: Answer) -> Answer:
    if honest.status != 400 or not call.path.endswith("/quote") or not isinstance(call.body, dict):
        return honest
    if any(call.body.get(name) != value for name, value in (("side", "on_ramp"), ("cryptoNetwork", "tron"))):
        return honest
    if call.body.get("fiatCurrency") != "EUR" or call.body.get("cryptoCurrency") != "USDT":
        return honest
    return Answer(200, {"available": False, "executable": False, "unavailableReason": "rate_unavailable"})


def names_pools_it_does_not_allow(stub: Stub, call: Call, honest: Answer) -> Answer:
    entitled = honest.status == 404 and re.fullmatch(r"/pools/[^/]+/(quote|transact|balance|capabilities)", call.path)
    return error(403, "pool_not_allowed") if entitled else honest


def goes_by_the_quote_alone(stub: Stub, call: Call, honest: Answer) -> Answer:
    """The pool in the path of a transact is not looked at."""
    if not call.path.endswith("/transact"):
        return honest
    return stub.transact(call, "EUR-USDT") if honest.status == 404 else honest


def insists_on_json(stub: Stub, call: Call, honest: Answer) -> Answer:
    if call.headers.get("content-type") == "text/plain":
        return Answer(415, b"json only", media="text/plain")
    return honest


def conflicts_on_spent_quotes(stub: Stub, call: Call, honest: Answer) -> Answer:
    spent = (
        honest.status == 201
        and call.path.endswith("/transact")
        and stub.keys[call.headers["idempotency-key"]] == call.body["quoteId"]
        and list(stub.keys.values()).count(call.body["quoteId"]) > 1
    )
    return error(409, "conflict") if spent else honest


LEGAL: list[Callable[[Stub, Call, Answer], Answer] | None] = [
    None,
    reads_leniently,
    refuses_strictly,
    hides_behind_404,
    finds_odd_amounts_unavailable,
    names_pools_it_does_not_allow,
    goes_by_the_quote_alone,
    insists_on_json,
    conflicts_on_spent_quotes,
]


@pytest.mark.parametrize("variant", LEGAL, ids=lambda value: getattr(value, "__name__", "plain"))
def test_a_legal_variant_passes_everything_declared(variant: Any, tmp_path: Path) -> None:
    result = run(Stub(variant), tmp_path)
    assert (result.having(Outcome.PASS), result.having(Outcome.FAIL, Engine.CONTRACT)) == (set(DECLARED), set())


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Stub, Result]:
    stub = Stub()
    return stub, run(stub, tmp_path_factory.mktemp("plain"))


def test_a_pass_says_how_many_requests_of_which_phases_it_rests_on(plain: tuple[Stub, Result]) -> None:
    (row,) = plain[1].of("WIRE-STATUS")
    assert re.fullmatch(
        r"none of \d+ among \d+ generated requests \(\d+ coverage, \d+ examples, \d+ fuzzing\) to 12 of 12 operations",
        row.observed,
    )


def test_a_failure_names_operation_generated_value_and_exchange(tmp_path: Path) -> None:
    result = run(Stub(funds_any_currency), tmp_path)
    (row,) = result.of("POOLS-FUNDING")
    shown = next(exchange for exchange in result.exchanges if exchange.id in row.exchanges)
    assert "GET /pools/funding with currency: " in row.observed
    assert (shown.operation, shown.status) == ("GET /pools/funding", 200)


def test_only_quotes_of_this_run_are_rejected(plain: tuple[Stub, Result]) -> None:
    stub, _ = plain
    named = {call.path.split("/")[3] for call in stub.calls if call.path.endswith("/reject")}
    somebodys = {name for name in named if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name)}
    assert somebodys
    assert somebodys <= stub.quotes.keys()


def test_every_trade_it_made_is_an_order_of_the_run(plain: tuple[Stub, Result]) -> None:
    stub, result = plain
    assert stub.trades
    assert {order.transact for order in result.orders} == stub.trades.keys()


def test_every_trade_it_made_was_charged_to_the_limits(plain: tuple[Stub, Result]) -> None:
    stub, result = plain
    assert len(stub.trades) <= result.bench.budget.planned[0] <= 8


def test_quotes_it_leaves_open_are_remembered_for_clean_up(plain: tuple[Stub, Result]) -> None:
    stub, result = plain
    active = {quote for quote, terms in stub.quotes.items() if terms["status"] == "active"}
    assert active
    assert active <= result.bench.open_quotes.keys()


def test_without_trades_in_the_limits_the_rest_is_judged_all_the_same(tmp_path: Path) -> None:
    stub = Stub()
    result = run(stub, tmp_path, trades=0)
    assert result.having(Outcome.NOT_EVIDENCED) == {"POOLS-TRANSACT-KEY-REQUIRED"}
    assert not stub.trades


def test_production_is_sent_nothing_generated(tmp_path: Path) -> None:
    stub = Stub()
    result = run(stub, tmp_path, environment="production")
    assert result.having(Outcome.NOT_EVIDENCED) == set(DECLARED)
    assert not stub.calls


def test_the_same_seed_and_a_fresh_target_give_the_same_requests(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    first, second = (told(run(Stub(), folder, fresh=True).exchanges) for folder in folders)
    assert first == second


def test_no_operation_gets_more_requests_than_its_bound(tmp_path: Path) -> None:
    result = run(Stub(), tmp_path, tier="smoke")
    asked = [row for row in result.exchanges if row.operation == "GET /pools/ledger"]
    # The proof that nothing moved reads the ledger once more.
    assert len(asked) <= 11


def test_a_target_that_does_not_answer_is_trouble_and_no_fault(tmp_path: Path) -> None:
    def unwell(stub: Stub, call: Call, honest: Answer) -> Answer:
        return Answer(502, b"bad gateway", media="text/plain") if call.path.endswith("/reject") else honest

    result = run(Stub(unwell), tmp_path)
    assert result.having(Outcome.FAIL) == set()
    assert "WIRE-NO-SERVER-ERROR" in result.having(Outcome.ERROR)


def test_what_time_leaves_unsent_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SECONDS, "certify", 0.0)
    result = run(Stub(), tmp_path)
    (row,) = result.of("WIRE-STATUS")
    assert row.outcome == Outcome.NOT_EVIDENCED
    assert re.search(r"0 generated requests .*; \d+ were left when time or answers ran out", row.missing)
