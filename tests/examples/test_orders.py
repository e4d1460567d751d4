"""The example order client does what its page says, also when answers are lost and the program is killed."""

from __future__ import annotations

import importlib.util
import os
import secrets
import sqlite3
import sys
from email.message import Message
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from conformance.client import SystemClock
from conformance.journal import Judgement, Outcome, read
from conformance.partner.orders_example import source
from conformance.partner.orders_judged import Trial
from conformance.requirements import Level, load
from conformance.run import Options, UsageProblem, prepare

PARTNER = Path(__file__).resolve().parents[2] / "examples" / "partner"
WANTED = {
    "order_id": "o-1",
    "pool_id": "EUR-USDT",
    "side": "on_ramp",
    "amount": "25.00",
    "currency": "EUR",
    "crypto": "USDT",
    "network": "tron",
    "address": "0x52908400098527886E0F7030069857D2E4169EE7",
}
TRANSACT, POLL, QUOTE = "POST /pools/EUR-USDT/transact", "GET /pools/transactions/q-1", "POST /pools/EUR-USDT/quote"
READ_QUOTE, REJECT = "GET /pools/quotes/q-1", "POST /pools/quotes/q-1/reject"
NOW, SOON, PAST = "Mon, 25 May 2026 10:00:00 GMT", "2026-05-25T10:00:15Z", "2026-05-25T09:59:59Z"
FIRM = {"available": True, "executable": True, "quoteId": "q-1", "expiresAt": SOON, "rate": "1.07", "status": "active"}
TRADE = {"quoteId": "q-1", "transactId": "t-1"}


class Killed(BaseException):
    """The end of the process, between two lines of it."""


@pytest.fixture(scope="module")
def orders() -> ModuleType:
    spec = importlib.util.spec_from_file_location("example_orders", PARTNER / "orders.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class World:
    """Answers by operation, one after another and the last one for ever; remembers what was sent and waited for."""

    def __init__(self, module: ModuleType, answers: dict[str, list[Any]], database: str = ":memory:") -> None:
        self.sent: list[tuple[str, Any, str | None]] = []
        self.waits: list[float] = []
        self.module, self.answers, self.database = module, answers, sqlite3.connect(database)
        world = self

        class Played(module.Orders):  # type: ignore[name-defined, misc]
            def send(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
                world.sent.append((f"{method} {path}", body, key))
                return world.answer(f"{method} {path}")

        self.orders = Played("http://pools.example/v1", "sk_test_example", self.database)

    def answer(self, operation: str) -> Any:
        offers = (200, {"sides": ["on_ramp"], "supportedNetworks": ["tron"]})
        given = self.answers.get(operation, [offers if operation.endswith("/capabilities") else (404, {})])
        found = given.pop(0) if len(given) > 1 else given[0]
        if found is Killed:
            raise Killed
        headers = Message()
        headers["Date"], headers["X-Request-Id"] = NOW, f"req-{len(self.sent)}"
        for name, value in (found[2] if len(found) > 2 else {}).items():
            headers[name] = value
        return self.module.Answer(found[0], found[1], headers)

    def order(self) -> dict[str, Any]:
        return dict(self.orders.find("o-1"))

    def of(self, operation: str) -> list[tuple[str, Any, str | None]]:
        return [sent for sent in self.sent if sent[0] == operation]


@pytest.fixture
def waits(orders: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(orders.time, "sleep", found.append)
    return found


def test_the_key_is_in_the_store_before_the_execution_is_sent(orders: ModuleType, tmp_path: Path) -> None:
    world = World(orders, {QUOTE: [(200, FIRM)], TRANSACT: [Killed]}, str(tmp_path / "orders.db"))
    with pytest.raises(Killed):
        world.orders.place(WANTED)

    ((stored,),) = sqlite3.connect(tmp_path / "orders.db").execute("SELECT idempotency_key FROM orders").fetchall()
    assert stored == world.of(TRANSACT)[0][2]


@pytest.mark.usefixtures("waits")
def test_after_a_crash_the_same_key_and_quote_are_sent_again(orders: ModuleType, tmp_path: Path) -> None:
    before = World(orders, {QUOTE: [(200, FIRM)], TRANSACT: [Killed]}, str(tmp_path / "orders.db"))
    with pytest.raises(Killed):
        before.orders.place(WANTED)
    settled = {**TRADE, "status": "settled"}
    answers = {
        POLL: [(404, {}), (200, settled)],
        READ_QUOTE: [(200, FIRM)],
        TRANSACT: [(201, {**TRADE, "status": "reserved"})],
    }
    after = World(orders, answers, str(tmp_path / "orders.db"))
    after.orders.resume()

    assert after.of(TRANSACT) == before.of(TRANSACT)
    assert after.of(QUOTE) == []
    assert after.order()["status"] == "settled"


@pytest.mark.usefixtures("waits")
def test_a_crash_after_the_execution_adopts_its_trade_and_executes_nothing(orders: ModuleType, tmp_path: Path) -> None:
    before = World(orders, {QUOTE: [(200, FIRM)], TRANSACT: [Killed]}, str(tmp_path / "orders.db"))
    with pytest.raises(Killed):
        before.orders.place(WANTED)
    after = World(orders, {POLL: [(200, {**TRADE, "status": "settled"})]}, str(tmp_path / "orders.db"))
    after.orders.resume()

    assert after.of(TRANSACT) == []
    assert (after.order()["transact_id"], after.order()["status"]) == ("t-1", "settled")


@pytest.mark.parametrize("lost", [(504, {}), (500, {}), (0, {})], ids=["504", "500", "no answer"])
def test_an_execution_whose_answer_is_lost_is_repeated_with_its_key(
    orders: ModuleType, waits: list[float], lost: tuple[int, dict[str, Any]]
) -> None:
    world = World(orders, {QUOTE: [(200, FIRM)], TRANSACT: [lost, (200, {**TRADE, "status": "settled"})]})
    world.orders.place(WANTED)

    first, second = world.of(TRANSACT)
    assert first == second
    assert len(waits) == 1
    assert world.order()["status"] == "settled"


def test_tries_of_a_write_that_keeps_failing_end_and_back_off(orders: ModuleType, waits: list[float]) -> None:
    world = World(orders, {QUOTE: [(200, FIRM)], TRANSACT: [(503, {})]})
    world.orders.place(WANTED)

    assert len(world.of(TRANSACT)) == world.orders.tries
    assert waits[: world.orders.tries - 1] == sorted(waits[: world.orders.tries - 1])
    assert world.order()["status"] == "quoted"


def test_a_throttled_request_waits_as_long_as_it_is_told(orders: ModuleType, waits: list[float]) -> None:
    throttled = (429, {}, {"Retry-After": "7"})
    world = World(orders, {QUOTE: [throttled, (200, {"available": False})]})
    world.orders.place(WANTED)

    assert waits == [7.0]


def test_what_asks_for_too_long_a_wait_is_given_up_and_its_quote_rejected(
    orders: ModuleType, waits: list[float]
) -> None:
    capped = (429, {}, {"Retry-After": "86400"})
    world = World(orders, {QUOTE: [(200, FIRM)], TRANSACT: [capped], REJECT: [(200, {})]})
    world.orders.place(WANTED)

    assert waits == []
    assert len(world.of(TRANSACT)) == 1
    assert world.order()["status"] == "rejected"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ((200, {"available": False, "unavailableReason": "pool_dry"}), "unavailable"),
        ((200, {"available": True, "executable": False}), "unavailable"),
        ((200, {**FIRM, "expiresAt": PAST}), "expired"),
        ((400, {}), "rejected"),
        ((403, {}), "denied"),
    ],
    ids=["unavailable", "indicative", "expired", "invalid", "denied"],
)
def test_a_quote_that_cannot_be_executed_is_not(
    orders: ModuleType, answer: tuple[int, dict[str, Any]], status: str
) -> None:
    world = World(orders, {QUOTE: [answer]})
    world.orders.place(WANTED)

    assert world.of(TRANSACT) == []
    assert world.order()["status"] == status
    assert len(world.of(QUOTE)) == 1


@pytest.mark.parametrize(("member", "value"), [("side", "off_ramp"), ("network", "solana")])
def test_what_capabilities_do_not_list_is_not_quoted(orders: ModuleType, member: str, value: str) -> None:
    world = World(orders, {})
    world.orders.place({**WANTED, member: value})

    assert world.of(QUOTE) == []
    assert world.order()["status"] == "denied"


def test_the_same_order_again_sends_nothing(orders: ModuleType) -> None:
    world = World(orders, {QUOTE: [(200, FIRM)], TRANSACT: [(201, {**TRADE, "status": "settled"})]})
    world.orders.place(WANTED)
    sent = len(world.sent)
    world.orders.place(WANTED)

    assert len(world.sent) == sent


def test_polling_backs_off_and_stops_at_the_end(orders: ModuleType, waits: list[float]) -> None:
    reserved, failed = (200, {**TRADE, "status": "reserved"}), (200, {**TRADE, "status": "failed"})
    world = World(orders, {QUOTE: [(200, FIRM)], TRANSACT: [reserved], POLL: [reserved, reserved, reserved, failed]})
    world.orders.place(WANTED)

    assert len(world.of(POLL)) == 4
    assert waits == sorted(set(waits))


def test_a_settled_order_that_comes_back_is_recorded_as_returned(orders: ModuleType) -> None:
    settled, returned = {**TRADE, "status": "settled"}, {**TRADE, "status": "returned"}
    moved = [{"ref": "q-1", "delta": "-25.00"}, {"ref": "q-1", "delta": "25.00"}]
    answers = {
        QUOTE: [(200, FIRM)],
        TRANSACT: [(201, settled)],
        POLL: [(200, returned)],
        "GET /pools/ledger?limit=200": [(200, {"entries": moved, "nextCursor": None})],
    }
    world = World(orders, answers)
    world.orders.place(WANTED)
    world.orders.reconcile()

    assert (world.order()["status"], world.order()["reconciliation_state"]) == ("returned", "closed")


@pytest.mark.parametrize("deltas", [[], ["-25.01"], ["-25.00", "-25.00"], ["-25.00", "25.00"]])
def test_an_order_the_ledger_does_not_confirm_stays_open(orders: ModuleType, deltas: list[str]) -> None:
    settled = (200, {**TRADE, "status": "settled"})
    moved = [{"ref": "q-1", "delta": delta} for delta in deltas]
    ledger = {"GET /pools/ledger?limit=200": [(200, {"entries": moved})]}
    world = World(orders, {QUOTE: [(200, FIRM)], TRANSACT: [settled], POLL: [settled], **ledger})
    world.orders.place(WANTED)
    world.orders.reconcile()

    assert world.order()["reconciliation_state"] == "open"


OPEN = {"PARTNER-TRAFFIC-CONFLICT-READ-FIRST"}
"""What its own traffic does not come to show: its quotes are executed in time and once."""

ABOUT_GATE = {
    "PARTNER-TRAFFIC-BOOTSTRAP-NO-SECRET-KEY",
    "PARTNER-TRAFFIC-GATE-CAPABILITIES-FIRST",
    "PARTNER-TRAFFIC-GATE-WRITES-KEYED",
    "PARTNER-TRAFFIC-GATE-KEY-PER-WRITE",
    "PARTNER-TRAFFIC-RAILS-NO-BANK-DETAILS",
}
"""It trades over 0Pools only."""


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> list[Judgement]:
    folder = tmp_path_factory.mktemp("journal")
    from conformance.journal import Journal

    program = source()
    assert program is not None
    trial = Trial(program, os.environ, None, Journal(folder, "partner"), secrets.token_bytes(32), SystemClock())
    trial.begin()
    trial.end()
    return [record for record in read(folder).records if isinstance(record, Judgement)]


def test_a_run_finds_nothing_wrong_with_it(judged: list[Judgement]) -> None:
    outcomes = {judgement.requirement: judgement.outcome for judgement in judged}
    known = {r.id for r in load() if r.product in ("traffic", "orders")}
    stated = {name for name in known if name.startswith("PARTNER-STATED-")}

    assert outcomes.keys() == known
    assert {name for name, outcome in outcomes.items() if outcome is Outcome.PASS} == known - stated - OPEN - ABOUT_GATE
    assert {name for name, outcome in outcomes.items() if outcome is Outcome.NOT_APPLICABLE} == ABOUT_GATE
    assert {name for name, outcome in outcomes.items() if outcome is Outcome.NOT_EVIDENCED} == stated | OPEN


def test_what_it_states_stays_stated(judged: list[Judgement]) -> None:
    said = {j.requirement for j in judged if j.missing.startswith("stated by the authors of this example")}

    assert said == {"PARTNER-STATED-REQUEST-IDS", "PARTNER-STATED-ORDER-RECORDS", "PARTNER-STATED-DURABLE-KEYS"}
    assert all(j.outcome is Outcome.NOT_EVIDENCED for j in judged if j.requirement in said)


def test_each_duty_its_traffic_or_books_show_is_broken_by_a_twin() -> None:
    from conformance.cli.faults import listed

    broken = {name for seeded in listed() if seeded.kind == "orders fault" for name in seeded.breaks}
    partner = [
        r for r in load() if r.product in ("traffic", "orders") and r.side == "partner" and r.level is Level.MUST
    ]
    elsewhere = ABOUT_GATE | {"PARTNER-TRAFFIC-KEY-MODE", "PARTNER-TRAFFIC-WRITES-BOUNDED"}

    assert {r.id for r in partner if not r.id.startswith("PARTNER-STATED-")} - broken == elsewhere


def test_its_page_lists_every_twin_and_what_it_breaks() -> None:
    from conformance.cli.faults import listed

    page = (PARTNER.parents[1] / "docs" / "certify-a-partner.md").read_text("utf-8")
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| `") and "PARTNER-" not in line]
    told = {
        row[1].strip(" `"): row[3].replace("`", "").strip()
        for row in rows
        if row[3].strip(" `").startswith(("TRAFFIC", "ORDERS"))
    }

    twins = [seeded for seeded in listed() if seeded.kind == "orders fault"]
    assert told == {twin.name: ", ".join(b.removeprefix("PARTNER-") for b in twin.breaks) for twin in twins}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Options(orders_fault="key-of-day"), "did you mean key-of-the-day"),
        (Options(target="sandbox", orders_fault="key-of-the-day"), "switches of the embedded sandbox"),
    ],
    ids=["unknown twin", "another target"],
)
def test_a_twin_that_cannot_be_run_is_refused_before_anything_is_done(
    options: Options, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageProblem, match=said):
        prepare(options, {})

    assert list(tmp_path.iterdir()) == []
