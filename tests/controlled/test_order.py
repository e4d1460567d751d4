"""One order, never above its bound, whatever the target does with it; and a verdict that says what became of it."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.commands.command import conformance
from tests.commands.liars import Answering, distorting
from tests.sandbox.process import FAILS, RELEASED, RETURNED

from .live import KEY, adding, free_port, live, losing, passing_on, points, statuses, verdict

THROTTLED = {
    "type": "rate_limited",
    "code": "rate_limited",
    "message": "slow down",
    "request_id": "req_test_liar0000000",
    "doc_url": None,
    "statusCode": 429,
}

CONFIRMED = dict.fromkeys(range(1, 9), "confirmed") | {9: "to be stated"}
"""The most a run can say: that support finds the order is for a person to say."""


def receiving() -> tuple[str, str]:
    """Where deliveries go, and the part of a profile that has them received there."""
    port = free_port()
    hook = f"http://127.0.0.1:{port}/webhooks"
    told = f'listen = "127.0.0.1:{port}"\npublic_url = "{hook}"\nsecret = "OBIT_WEBHOOK_SECRET"\n'
    return hook, f"[webhooks.pools]\n{told}"


def test_a_healthy_order_confirms_every_point_a_run_can_decide(tmp_path: Path) -> None:
    hook, further = receiving()
    with live(tmp_path, "--webhook-url", hook) as world:
        world.profile(further=further)
        run = world.order("--seed", 7, OBIT_WEBHOOK_SECRET="whsec_sandbox_approved")
        transacts, trades, debited = world.sent("transact"), world.trades, world.debited
    folder = tmp_path / "runs" / "one"
    assert (run.code, points(folder)) == (0, CONFIRMED), run.said
    assert (trades, debited) == (["settled"], Decimal("10.00"))
    assert (world.written, len(set(transacts))) == (["quote", "transact", "transact"], 1)
    assert statuses(folder)["POOLS-WEBHOOK-SIGNED"] == "pass"
    assert "pool.transaction.settled with event id" in (folder / "first-production-order.md").read_text()
    assert {verdict(folder)["run"]["tier"], verdict(folder)["verdict"]} == {"controlled-order", "PARTIAL"}


def test_a_delivery_that_does_not_verify_is_not_excused_by_polling(tmp_path: Path) -> None:
    hook, further = receiving()
    with live(tmp_path, "--webhook-url", hook) as world:
        world.profile(further=further)
        run = world.order(OBIT_WEBHOOK_SECRET="whsec_of_somebody_else")
    assert (run.code, points(tmp_path / "runs" / "one")) == (1, CONFIRMED | {7: "failed"})


def test_the_report_on_an_order_is_rebuilt_from_its_journal(tmp_path: Path) -> None:
    with live(tmp_path) as world:
        world.order()
    told = tmp_path / "runs" / "one" / "first-production-order.md"
    before = told.read_text()
    told.unlink()
    conformance("report", "runs/one", cwd=tmp_path)
    assert told.read_text() == before


def test_a_failing_order_leaves_no_script_that_would_place_another(tmp_path: Path) -> None:
    with live(tmp_path, "--fault", "debit-twice") as world:
        run = world.order()
    folder = tmp_path / "runs" / "one"
    again = "conformance run --target live.toml --controlled-order --max-amount 30.00 --seed"
    assert (run.code, list(folder.rglob("*.py"))) == (1, [])
    assert again in run.out
    assert "--only" not in run.out


def test_every_id_of_the_order_is_in_the_record_and_no_key_of_an_account_anywhere(tmp_path: Path) -> None:
    with live(tmp_path) as world:
        world.order()
        trade, (key, _) = world.rows("trades")[0], world.sent("transact")[0]
    folder = tmp_path / "runs" / "one"
    record, told = world.record(), (folder / "first-production-order.md").read_text()
    assert [record["quote"], record["transact"], record["idempotency_key"]] == [
        trade["quoteId"],
        trade["transactId"],
        key,
    ]
    assert (record["status"], record["closed"], record["amount"], record["max_amount"]) == (
        "settled",
        True,
        "10.00",
        "30.00",
    )
    assert f"quote {record['quote']}, trade {record['transact']}, key {key}" in told
    assert [path for path in folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("most", "lies", "written", "said"),
    [
        ("10.50", {"quote": distorting(fiatAmount="10.51")}, ["quote", "reject"], "this one states 10.51 EUR"),
        ("10.50", {"quote": adding(fee="0.60")}, ["quote", "reject"], "this one states 10.60 EUR"),
    ],
    ids=["more than was asked for", "a fee on top"],
)
def test_no_order_is_sent_on_a_quote_beyond_the_bound(
    most: str, lies: dict[str, object], written: list[str], said: str, tmp_path: Path
) -> None:
    with live(tmp_path, **lies) as world:  # type: ignore[arg-type]
        run = world.order(most=most)
        trades = world.trades
    assert (trades, world.written, run.code) == ([], written, 3), run.said
    assert said in run.out
    assert "no transact was sent" in run.out


@pytest.mark.parametrize(("most", "transacts", "once"), [("10.00", 1, "not-evidenced"), ("20.00", 2, "pass")])
def test_the_order_is_repeated_only_where_the_bound_covers_a_second_trade(
    most: str, transacts: int, once: str, tmp_path: Path
) -> None:
    with live(tmp_path) as world:
        run = world.order(most=most)
        sent = world.sent("transact")
    found = statuses(tmp_path / "runs" / "one")
    assert (len(sent), found["POOLS-TRANSACT-ONCE"], run.code) == (transacts, once, 0 if once == "pass" else 3)
    assert ("--max-amount 20.00" in run.out) is (once != "pass")


@pytest.mark.parametrize("most", ["10.00", "29.99", "30.00"])
def test_even_a_target_that_executes_every_repetition_cannot_spend_more_than_the_bound(
    most: str, tmp_path: Path
) -> None:
    with live(tmp_path, "--fault", "key-ignored") as world:
        run = world.order(most=most)
        debited, sent = world.debited, len(world.sent("transact"))
    assert debited == 10 * sent <= Decimal(most)
    assert run.code == (1 if sent > 1 else 3)


@pytest.mark.parametrize(
    ("wallet", "options", "code", "said"),
    [
        (FAILS, (), 4, "the controlled order is failed"),
        (RELEASED, (), 4, "the controlled order is released"),
        (RETURNED, (), 4, "the controlled order is returned"),
        (None, ("--fault", "poll-never-advances"), 1, "the controlled order is reserved"),
    ],
)
def test_an_order_that_does_not_settle_is_told_in_the_verdict(
    wallet: str | None, options: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    with live(tmp_path, *options) as world:
        world.profile(**({"wallet": wallet} if wallet else {}))
        run = world.order()
        trades = world.trades
    reasons = [reason["text"] for reason in verdict(tmp_path / "runs" / "one")["reasons"]]
    assert (run.code, len(trades)) == (code, 1)
    assert any(said in reason for reason in reasons), reasons


@pytest.mark.parametrize("lost", [1, 2])
def test_a_lost_answer_is_followed_by_the_same_key_then_by_reading_and_there_is_one_trade(
    lost: int, tmp_path: Path
) -> None:
    with live(tmp_path, transact=losing(lost, executed=True)) as world:
        run = world.order()
        trades, transacts, quotes = world.trades, world.sent("transact"), world.sent("quote")
    found = statuses(tmp_path / "runs" / "one")
    assert (trades, len(set(transacts)), len(quotes), len(transacts)) == (["settled"], 1, 1, 3)
    assert found["POOLS-TRANSACT-ONCE"] == "pass"
    assert (found["POOLS-TRANSACT-RESERVES"], run.code) == (("pass", 0) if lost == 1 else ("not-evidenced", 3)), (
        run.said
    )


def test_a_repetition_that_is_throttled_is_no_fault_of_the_target(tmp_path: Path) -> None:
    answered: list[int] = []

    def throttle_the_second(answering: Answering) -> None:
        answered.append(1)
        passing_on(answering) if len(answered) == 1 else answering.reply(429, json.dumps(THROTTLED).encode())

    with live(tmp_path, transact=throttle_the_second) as world:
        run = world.order()
        trades = world.trades
    assert (trades, run.code, statuses(tmp_path / "runs" / "one")["POOLS-TRANSACT-ONCE"]) == (["settled"], 4, "error")


def test_a_lost_answer_that_the_bound_does_not_cover_again_is_followed_by_reading_only(tmp_path: Path) -> None:
    with live(tmp_path, transact=losing(1, executed=True)) as world:
        world.order(most="19.99")
        trades = world.trades
    assert (trades, world.written) == (["settled"], ["quote", "transact"])
    assert world.record()["status"] == "settled"


def test_a_lost_quote_is_asked_for_again_and_only_one_is_executed(tmp_path: Path) -> None:
    with live(tmp_path, quote=losing(1, executed=True)) as world:
        run = world.order()
        trades = world.trades
    assert (run.code, trades, len(world.sent("quote")), len(set(world.sent("transact")))) == (0, ["settled"], 2, 1)


def test_an_order_that_cannot_be_written_down_is_not_sent(tmp_path: Path) -> None:
    def in_the_way(answering: Answering) -> None:
        (tmp_path / "runs" / "one" / "controlled-order.json.new").mkdir()
        passing_on(answering)

    with live(tmp_path, quote=in_the_way) as world:
        run = world.order()
    assert (world.written, run.code) == (["quote", "reject"], 3)
    assert "controlled-order.json cannot be written (Is a directory); no transact was sent" in run.out


def test_an_order_that_never_arrived_is_ended_by_rejecting_its_quote(tmp_path: Path) -> None:
    with live(tmp_path, transact=losing(9, executed=False)) as world:
        run = world.order()
        trades = world.trades
    assert (trades, world.written) == ([], ["quote", "transact", "transact", "reject"])
    assert (world.record()["status"], world.record()["closed"], run.code) == ("none", True, 3)
    assert "reading shows that there is none" in run.out


@pytest.mark.parametrize(
    ("changes", "written", "code", "said"),
    [
        ({"kycStatus": "pending"}, [], 4, "answered 403 kyc_not_approved; no quote was asked for"),
        ({"status": "suspended"}, [], 4, "answered 403 pool_access_suspended; no quote was asked for"),
        ({"velocityCap": "5.00"}, ["quote", "transact", "reject"], 3, "transact answered 429"),
        ({"unavailablePools": {"EUR-USDT": "pool_dry"}}, ["quote"], 3, "a pool that can be quoted now: pool_dry"),
    ],
)
def test_a_denied_account_places_no_order_and_is_no_fault_of_the_target(
    changes: dict[str, object], written: list[str], code: int, said: str, tmp_path: Path
) -> None:
    with live(tmp_path) as world:
        world.control("/accounts/approved", **changes)
        run = world.order()
        trades, debited = world.trades, world.debited
    assert (trades, debited, world.written, run.code) == ([], 0, written, code), run.said
    assert said in run.out


def test_a_point_that_fails_before_the_order_ends_the_run_without_one(tmp_path: Path) -> None:
    with live(tmp_path) as world:
        profile = world.profile()
        approval = tmp_path / "approval.json"
        approval.write_text(approval.read_text().replace('"EUR-USDT", "EUR-USDC"', '"EUR-USDT"'))
        run = world.order()
    assert profile.exists()
    assert (world.written, run.code, points(tmp_path / "runs" / "one")[2]) == ([], 1, "failed")
    assert "POOLS-DISCOVERY-EXACT did not hold, so no order was placed" in run.out


@pytest.mark.parametrize(("stated", "settled"), [("solana", False), ("tron", True)])
def test_a_delivery_network_nobody_asked_for_stops_the_order(stated: str, settled: bool, tmp_path: Path) -> None:
    with live(tmp_path, quote=distorting(destNetwork=stated)) as world:
        run = world.order(most="10.00")
        trades = world.trades
    assert (trades, run.code) == (["settled"] if settled else [], 3)
    assert ("the quote states solana; no transact was sent" in run.out) is not settled


@pytest.mark.parametrize("member", [{"destAddress": FAILS}, {"cryptoNetwork": "solana"}, {"fiatCurrency": "USD"}])
def test_a_quote_of_other_terms_than_were_asked_for_is_not_executed(member: dict[str, str], tmp_path: Path) -> None:
    with live(tmp_path, quote=distorting(**member)) as world:
        run = world.order()
    assert (world.written, run.code, points(tmp_path / "runs" / "one")[4]) == (["quote", "reject"], 1, "failed")


def test_without_an_approval_record_two_points_stay_open_and_say_whose_they_are(tmp_path: Path) -> None:
    with live(tmp_path) as world:
        path = world.profile()
        path.write_text(path.read_text().replace('approval = "approval.json"\n', ""))
        run = world.order()
    found = points(tmp_path / "runs" / "one")
    assert ({number for number, state in found.items() if state == "not evidenced"}, run.code) == ({2, 3}, 3)
    assert "the profile names no approval record" in run.out
