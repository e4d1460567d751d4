"""What Schemathesis is made to generate: the same every time, ours where ids stand, and nothing an API never sees."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from schemathesis.checks import CHECKS
from schemathesis.errors import InvalidSchema

from conformance.contract import Contract, load
from conformance.journal import Outcome
from conformance.scenarios.generated import KEY, Plan, Request, generate, phases, spread, turns
from conformance.scenarios.generated.settings import CONFIG
from conformance.scenarios.pools.seeds import POOL, QUOTE, TRADE

from .contracts import QUOTE_REQUEST, SEEDS, vendors
from .runs import DECLARED, run
from .stub import Stub

BOUND = 400


@pytest.fixture(scope="module")
def plans(contract: Contract) -> tuple[Plan, ...]:
    return generate(contract, SEEDS, seed=1, bound=BOUND).plans


def test_the_same_arguments_generate_the_same_requests(contract: Contract, plans: tuple[Plan, ...]) -> None:
    assert generate(contract, SEEDS, seed=1, bound=BOUND).plans == plans


def test_another_process_generates_the_same_requests(plans: tuple[Plan, ...]) -> None:
    program = (
        "import json\n"
        "from conformance.contract import load\n"
        "from conformance.scenarios.generated import generate\n"
        "from conformance.scenarios.pools.seeds import seeds_of\n"
        f"plans = generate(load(), seeds_of({QUOTE_REQUEST!r}), seed=1, bound={BOUND}).plans\n"
        "print(json.dumps([repr(plan.request) for plan in plans]))\n"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(told.stdout) == [repr(plan.request) for plan in plans]


def test_every_operation_of_the_contract_is_generated_for(contract: Contract, plans: tuple[Plan, ...]) -> None:
    assert {plan.operation for plan in plans} == {operation.key for operation in contract.operations}


def test_both_phases_are_generated(plans: tuple[Plan, ...]) -> None:
    assert {plan.phase for plan in plans} == {"examples", "coverage"}


def test_only_documented_methods_are_generated(contract: Contract, plans: tuple[Plan, ...]) -> None:
    documented = {operation.key for operation in contract.operations}
    assert {f"{plan.request.method} {plan.operation.partition(' ')[2]}" for plan in plans} <= documented


def test_the_samples_of_the_contract_are_never_sent(plans: tuple[Plan, ...]) -> None:
    sent = "".join(repr(plan.request) for plan in plans)
    samples = ("pq_test_8f3c000000000123", "txn_test_000000000456", "EUR-USDT", "00000000-0000-4000-8000-000000000456")
    assert [sample for sample in samples if sample in sent] == []


@pytest.mark.parametrize(
    ("operation", "stand_ins"),
    [
        ("GET /pools/{id}/capabilities", {POOL}),
        ("POST /pools/{id}/quote", {POOL}),
        ("POST /pools/{id}/transact", {POOL, QUOTE, KEY}),
        ("GET /pools/transactions/{quoteId}", {QUOTE}),
        ("GET /pools/trades/{transactId}", {TRADE}),
        ("POST /pools/quotes/{quoteId}/reject", {QUOTE}),
    ],
)
def test_a_plain_request_names_our_own_objects(operation: str, stand_ins: set[str], plans: tuple[Plan, ...]) -> None:
    first = next(plan for plan in plans if plan.operation == operation)
    assert {name for name in (POOL, QUOTE, TRADE, KEY) if first.mentions(name)} == stand_ins


def test_stand_ins_are_replaced_in_path_header_and_body() -> None:
    request = Request(
        "POST", f"/pools/{POOL}/transact", (("Idempotency-Key", KEY),), f'{{"quoteId": "{QUOTE}"}}'.encode()
    )
    plan = Plan("POST /pools/{id}/transact", "examples", "plain", "", "", request, None)
    filled = plan.filled({POOL: "A B", QUOTE: 'q"1', KEY: "k-1"})
    assert filled == Request("POST", "/pools/A%20B/transact", (("Idempotency-Key", "k-1"),), b'{"quoteId": "q\\"1"}')


def test_valid_quotes_ask_for_what_the_run_trades(plans: tuple[Plan, ...]) -> None:
    bodies = [json.loads(plan.request.content or b"") for plan in plans if plan.what.startswith("Object with valid")]
    quotes = [body for body in bodies if "side" in body]
    assert quotes
    assert {body["amount"] for body in quotes} >= {"12.34"}
    assert {body["cryptoNetwork"] for body in quotes} >= {"tron", "ethereum", "solana"}


def test_the_required_header_is_left_out_once(plans: tuple[Plan, ...]) -> None:
    without = [plan for plan in plans if plan.missing_header]
    assert [(plan.operation, plan.missing_header) for plan in without] == [
        ("POST /pools/{id}/transact", "Idempotency-Key")
    ]
    assert without[0].request.header("idempotency-key") is None


def test_no_credential_and_no_name_of_the_generator_is_sent(plans: tuple[Plan, ...]) -> None:
    names = {name.lower() for plan in plans for name, _ in plan.request.headers}
    assert names == {"content-type", "idempotency-key"}


def test_nothing_is_generated_that_a_proxy_would_answer(plans: tuple[Plan, ...]) -> None:
    odd = [
        plan.request
        for plan in plans
        if any(code in plan.request.path for code in ("%00", "%0A", "%2F", "%5C", "%25", ".."))
        or any(not value.isprintable() or not value.isascii() for _, value in plan.request.headers)
        or len(plan.request.path) > 2_000
    ]
    assert odd == []


def test_no_request_is_repeated(plans: tuple[Plan, ...]) -> None:
    assert len({plan.request for plan in plans}) == len(plans)


def test_a_bound_keeps_one_of_each_kind_before_a_second() -> None:
    request = Request("GET", "/pools", (), None)
    kinds = [Plan("GET /pools", "coverage", what, "", "", request, None) for what in "aaabbc"]
    assert {plan.what for plan in spread(kinds, 3)} == {"a", "b", "c"}


def test_of_one_kind_the_last_generated_are_kept() -> None:
    kinds = [Plan("GET /pools", "coverage", "a", "", "", Request("GET", f"/{n}", (), None), None) for n in range(5)]
    assert [plan.request.path for plan in spread(kinds, 2)] == ["/3", "/4"]


def test_operations_take_turns_so_that_each_has_its_share_of_a_short_time() -> None:
    request = Request("GET", "/", (), None)
    listed = [Plan(operation, "coverage", what, "", "", request, None) for operation, what in ("a1", "a2", "b1", "a3")]
    assert [plan.operation + plan.what for plan in turns(listed)] == ["a1", "b1", "a2", "a3"]


def test_an_id_that_no_url_can_hold_as_it_stands_is_escaped() -> None:
    plan = Plan("GET /pools/trades/{transactId}", "examples", "", "", "", Request("GET", f"/{TRADE}", (), None), None)
    assert plan.filled({TRADE: "txn\ud800/1"}).path == "/txn%ED%A0%80%2F1"


def test_every_check_of_schemathesis_is_either_asked_or_switched_off_with_its_reason() -> None:
    assert set(CHECKS.get_all_names()) == CONFIG["checks"].keys()
    asked = {name for name, check in CONFIG["checks"].items() if check.get("enabled", True)}
    assert asked == {"negative_data_rejection", "missing_required_header"}


def test_a_smoke_run_does_not_import_schemathesis() -> None:
    program = "import sys; import conformance.scenarios.pools.test_generated; print('schemathesis' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout.strip() == "False"


def test_the_vendors_own_file_generates_for_every_operation(contract: Contract, tmp_path: Path) -> None:
    theirs = load(vendors(contract, tmp_path))
    generation = generate(theirs, SEEDS, seed=1, bound=BOUND)
    assert generation.unreadable == ()
    assert {plan.operation for plan in generation.plans} == {operation.key for operation in theirs.operations}
    assert "pq_sample_1" not in "".join(repr(plan.request) for plan in generation.plans)


def test_the_vendors_own_file_judges_an_honest_target_green(contract: Contract, tmp_path: Path) -> None:
    result = run(Stub(), tmp_path, contract=vendors(contract, tmp_path))
    assert (result.having(Outcome.PASS), result.having(Outcome.FAIL)) == (set(DECLARED), set())


def test_an_operation_that_cannot_be_generated_for_is_named_and_the_rest_goes_on(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = phases._cases

    def cases(operation: Any) -> Any:
        if operation.label == "GET /pools/ledger":
            raise InvalidSchema("a limit without end")
        return honest(operation)

    monkeypatch.setattr(phases, "_cases", cases)
    generation = generate(contract, SEEDS, seed=1, bound=5)
    assert generation.unreadable == ("GET /pools/ledger: a limit without end",)
    assert len({plan.operation for plan in generation.plans}) == len(contract.operations) - 1
