"""``conformance reconcile`` against a running sandbox: orders kept while trading reconcile, doctored ones do not."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from conformance.cli.app import app
from conformance.target import embedded

from .books import Json

ENDS = {
    "settled": "0x00000000000000000000000000000000000a11ce",
    "failed": "0x000000000000000000000000000000000000fa11",
    "released": "0x0000000000000000000000000000000000004e1e",
    "returned": "0x0000000000000000000000000000000000004e74",
}
POLLS = 10
PROFILE = """
[target]
name = "traded"
environment = "sandbox"
[target.pools]
base_url = "{url}"
[accounts.approved]
secret_key = "OBIT_POOLS_SECRET_KEY"
[limits]
trades = 1
notional = "1.00"
requests_per_second = 100
"""


@dataclass(frozen=True)
class Traded:
    """A sandbox on which a partner has traded, and the records the partner kept."""

    http: httpx.Client
    key: str
    folder: Path
    orders: list[Json]

    @property
    def profile(self) -> Path:
        return self.folder / "traded.toml"

    def saved(self, folder: Path, name: str) -> Path:
        """The answer to one plain read, saved."""
        path = folder / f"{name}.json"
        path.write_text(self.http.get(f"/pools/{name}", params={"limit": "100"}).text)
        return path


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traded]:
    """One order in each end a trade can come to, a rejected quote, and the records of them all."""
    folder = tmp_path_factory.mktemp("traded")
    with embedded.start(os.environ) as sandbox:
        key = sandbox.environ["OBIT_SANDBOX_APPROVED_SECRET_KEY"]
        (folder / "traded.toml").write_text(PROFILE.format(url=sandbox.url))
        with httpx.Client(base_url=sandbox.url, headers={"Authorization": f"Bearer {key}"}) as http:
            orders = [executed(http, number, end) for number, end in enumerate(ENDS, 1)]
            orders.append(rejected(http, 5))
            yield Traded(http, key, folder, orders)


def quoted(http: httpx.Client, amount: str, address: str) -> Json:
    """A firm quote."""
    terms = {"side": "on_ramp", "fiatCurrency": "EUR", "cryptoCurrency": "USDT", "cryptoNetwork": "tron"}
    body = {**terms, "type": "firm", "amount": amount, "destAddress": address}
    found: Json = http.post("/pools/EUR-USDT/quote", json=body).json()
    return found


def record(number: int, quote: Json, amount: str, **known: str) -> Json:
    """What a partner keeps of an order, as the overview asks."""
    return {
        "order_id": f"order-{number}",
        "pool_id": "EUR-USDT",
        "quote_id": quote["quoteId"],
        "transact_id": known.get("transact", ""),
        "idempotency_key": known.get("key", ""),
        "request_id": known.get("request", ""),
        "side": "on_ramp",
        "currency": "EUR",
        "amount": amount,
        "status": known["status"],
        "created_at": known.get("created", ""),
        "rate": quote["rate"],
        "fee_bps": str(quote["feeBps"]),
        "spread_bps": str(quote["spreadBps"]),
    }


def executed(http: httpx.Client, number: int, end: str) -> Json:
    """An order executed once and polled to its end, and its record."""
    amount, key = f"{10 + number}.25", str(uuid.uuid4())
    quote = quoted(http, amount, ENDS[end])
    answer = http.post("/pools/EUR-USDT/transact", json={"quoteId": quote["quoteId"]}, headers={"Idempotency-Key": key})
    trade = answer.json()
    for _ in range(POLLS):
        status = http.get(f"/pools/transactions/{quote['quoteId']}").json()["status"]
        if status == end:
            break
    return record(
        number,
        quote,
        amount,
        transact=trade["transactId"],
        key=key,
        request=answer.headers["x-request-id"],
        status=status,
        created=trade["createdAt"],
    )


def rejected(http: httpx.Client, number: int) -> Json:
    """An order the customer declined, and its record."""
    quote = quoted(http, "15.00", ENDS["settled"])
    http.post(f"/pools/quotes/{quote['quoteId']}/reject")
    return record(number, quote, "15.00", status="rejected")


@dataclass(frozen=True)
class Ended:
    """How the command ended."""

    code: int
    said: str
    folder: Path

    @property
    def verdict(self) -> Json:
        found: Json = json.loads((self.folder / "verdict.json").read_text())
        return found

    @property
    def rows(self) -> list[dict[str, str]]:
        with (self.folder / "reconciliation.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    @property
    def failed(self) -> set[str]:
        records = (json.loads(line)["record"] for line in (self.folder / "journal" / "main.jsonl").open())
        return {
            found["requirement"].removeprefix("PARTNER-ORDERS-")
            for found in records
            if found["kind"] == "judgement" and found["outcome"] == "fail"
        }

    @property
    def requests(self) -> set[tuple[str, str]]:
        """Method and path of everything that was sent."""
        records = (json.loads(line)["record"] for line in (self.folder / "journal" / "main.jsonl").open())
        sent = (found for found in records if found["kind"] == "exchange")
        return {(found["method"], httpx.URL(found["url"]).path.removeprefix("/v1")) for found in sent}


def reconcile(folder: Path, *words: str, key: str = "sk_test_nobodysnobodysnobodysnobodys") -> Ended:
    """Run the command to its end."""
    run = folder / "run"
    command = ["reconcile", *words, "--output", str(run)]
    with contextlib.chdir(folder):
        done = CliRunner().invoke(app, command, env={"OBIT_POOLS_SECRET_KEY": key, "OBIT_SECRET_KEY": key})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Ended(done.exit_code, done.output, run)


def written(folder: Path, records: list[Json]) -> Path:
    path = folder / "orders.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
    return path


WHOLE = ("--from", "2020-01-01", "--grace", "0")


def test_records_kept_while_trading_reconcile(traded: Traded, tmp_path: Path) -> None:
    orders = written(tmp_path, traded.orders)

    ended = reconcile(tmp_path, str(orders), "--target", str(traded.profile), *WHOLE, key=traded.key)

    assert ended.code == 0, ended.said
    assert ended.verdict["verdict"] == "CONFORMANT"
    assert [row["result"] for row in ended.rows] == ["matched"] * 5
    assert [row["trade_status"] for row in ended.rows] == [*ENDS, ""]
    assert "totals EUR: 5 orders, ordered 66.00, settled 11.25, debited -51.00, credited back 39.75, net -11.25" in (
        ended.said
    )


def test_nothing_is_sent_but_reads_that_move_nothing(traded: Traded, tmp_path: Path) -> None:
    orders = written(tmp_path, traded.orders)

    ended = reconcile(tmp_path, str(orders), "--target", str(traded.profile), *WHOLE, key=traded.key)

    assert ended.requests == {("GET", "/pools/trades"), ("GET", "/pools/ledger"), ("GET", "/pools/EUR-USDT/balance")}


def test_the_key_is_nowhere_in_the_evidence(traded: Traded, tmp_path: Path) -> None:
    orders = written(tmp_path, traded.orders)

    ended = reconcile(tmp_path, str(orders), "--target", str(traded.profile), *WHOLE, key=traded.key)

    files = [path for path in ended.folder.rglob("*") if path.is_file()]
    assert [path.name for path in files if traded.key.encode() in path.read_bytes()] == []


def dropped(records: list[Json]) -> list[Json]:
    return records[1:]


def changed(number: int, **changes: Any) -> Callable[[list[Json]], list[Json]]:
    """The records with one of them changed."""
    return lambda records: [{**found, **changes} if index == number else found for index, found in enumerate(records)]


DOCTORED = [
    pytest.param(dropped, {"RECORDED"}, id="an order dropped"),
    pytest.param(changed(0, amount="11.24"), {"TERMS"}, id="an amount changed"),
    pytest.param(changed(1, status="settled"), {"STATUS"}, id="a failed order called settled"),
    pytest.param(changed(3, status="settled"), {"RETURNED"}, id="a returned order kept as settled"),
    pytest.param(changed(0, order_id="order-2", quote_id=""), {"IDS", "ONCE"}, id="one order for two trades"),
    pytest.param(
        changed(0, transact_id="txn_test_nobodys", quote_id="pq_test_nobodys"),
        {"KNOWN", "RECORDED"},
        id="ids of no trade",
    ),
]


@pytest.mark.parametrize(("doctor", "broken"), DOCTORED)
def test_doctored_records_turn_red(
    traded: Traded, doctor: Callable[[list[Json]], list[Json]], broken: set[str], tmp_path: Path
) -> None:
    orders = written(tmp_path, doctor(traded.orders))

    ended = reconcile(tmp_path, str(orders), "--target", str(traded.profile), *WHOLE, key=traded.key)

    assert ended.code == 1, ended.said
    assert ended.failed == broken


def test_saved_pages_say_the_same_as_the_target(traded: Traded, tmp_path: Path) -> None:
    orders = written(tmp_path, traded.orders)
    trades, ledger = traded.saved(tmp_path, "trades"), traded.saved(tmp_path, "ledger")

    ended = reconcile(tmp_path, str(orders), "--trades", str(trades), "--ledger", str(ledger), *WHOLE)

    assert ended.code == 0, ended.said
    assert [row["result"] for row in ended.rows] == ["matched"] * 5
    assert ended.requests == set()


def test_without_a_period_nobody_says_that_records_are_complete(traded: Traded, tmp_path: Path) -> None:
    orders = written(tmp_path, traded.orders)

    ended = reconcile(tmp_path, str(orders), "--target", str(traded.profile), key=traded.key)

    assert ended.code == 3, ended.said
    assert "PARTNER-ORDERS-RECORDED: --from and --to" in ended.said


def test_one_requirement_alone_is_a_part(traded: Traded, tmp_path: Path) -> None:
    orders = written(tmp_path, traded.orders)
    only = ("--only", "PARTNER-ORDERS-TERMS")

    ended = reconcile(tmp_path, str(orders), "--target", str(traded.profile), *only, key=traded.key)

    assert ended.code == 0, ended.said
    assert ended.verdict["verdict"] == "PARTIAL"


def test_the_reports_are_rebuilt_from_the_journal(traded: Traded, tmp_path: Path) -> None:
    ended = reconcile(
        tmp_path, str(written(tmp_path, traded.orders)), "--target", str(traded.profile), *WHOLE, key=traded.key
    )
    before = (ended.folder / "reconciliation.csv").read_bytes()
    (ended.folder / "reconciliation.csv").unlink()

    done = CliRunner().invoke(app, ["report", str(ended.folder)])

    assert done.exit_code == 0
    assert (ended.folder / "reconciliation.csv").read_bytes() == before


def test_a_target_that_is_not_there_ends_inconclusive_with_what_was_recorded(tmp_path: Path) -> None:
    (tmp_path / "gone.toml").write_text(PROFILE.format(url="http://127.0.0.1:9/v1"))
    (tmp_path / "orders.csv").write_text("order_id,amount,status\no,1.00,settled\n")

    ended = reconcile(tmp_path, "orders.csv", "--target", "gone.toml")

    assert ended.code == 4, ended.said
    assert ended.verdict["verdict"] == "INCONCLUSIVE"
    assert ended.requests == {("GET", "/pools/trades")}


USAGE = [
    pytest.param([], "say where the target's side comes from", id="no side"),
    pytest.param(
        ["--target", "sandbox", "--trades", "orders.csv"], "say where the target's side comes from", id="both"
    ),
    pytest.param(["--target", "embedded"], "started afresh and holds no orders", id="embedded"),
    pytest.param(["--target", "sandbx"], "did you mean sandbox?", id="misspelt target"),
    pytest.param(["--target", "gone.toml"], "no such file", id="no profile"),
    pytest.param(["--trades", "gone.json"], "gone.json cannot be read", id="no pages"),
    pytest.param(["--trades", "orders.csv"], "orders.csv:1\n    found:    broken JSON", id="no page"),
    pytest.param(["--trades", "orders.csv", "--to", "2026-01-01"], "--to ends a period that --from begins", id="--to"),
    pytest.param(["--trades", "orders.csv", "--from", "soon"], "--from 'soon' is no time", id="--from"),
    pytest.param(["--trades", "orders.csv", "--column", "amount"], "--column 'amount' is no pair", id="--column"),
    pytest.param(["--trades", "orders.csv", "--only", "POOLS-X"], "reconcile judges no requirement", id="--only"),
    pytest.param(["--trades", "orders.csv", "--status", "x=y"], "one of", id="--status"),
]


@pytest.mark.parametrize(("words", "sentence"), USAGE)
def test_what_has_to_be_corrected_first_is_exit_2_and_leaves_nothing(
    words: list[str], sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "orders.csv").write_text("order_id,amount,status\no,1.00,settled\n")

    ended = reconcile(tmp_path, "orders.csv", *words)

    assert ended.code == 2, ended.said
    assert sentence in ended.said
    assert "Traceback" not in ended.said
    assert not ended.folder.exists()


def test_orders_that_cannot_be_read_are_told_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "gone.toml").write_text(PROFILE.format(url="http://127.0.0.1:9/v1"))
    (tmp_path / "orders.csv").write_text("order_id,amount,status\no,1.00,settled\np,1.0.0,settled\n")

    ended = reconcile(tmp_path, "orders.csv", "--target", "gone.toml")

    assert ended.code == 2
    assert ended.said.startswith("orders.csv:3: amount\n    found:    text of 5 characters\n    expected: a decimal")
    assert not ended.folder.exists()


def test_more_rows_than_the_journal_takes_are_all_in_a_file_beside_it(tmp_path: Path) -> None:
    many = 10_050
    with sqlite3.connect(tmp_path / "orders.db") as database:
        database.execute("CREATE TABLE orders (order_id, amount, status)")
        rows = ((f"o{n}", "1.00", "settled" if n % 2 else "expired") for n in range(many))
        database.executemany("INSERT INTO orders VALUES (?, ?, ?)", rows)
    database.close()
    (tmp_path / "trades.json").write_text('{"trades": [], "nextCursor": null}')

    ended = reconcile(tmp_path, "orders.db", "--trades", "trades.json")

    assert ended.code == 1, ended.said
    with (ended.folder / "reconciliation-all.csv").open(newline="") as file:
        assert sum(1 for _ in csv.DictReader(file)) == many
    assert len(ended.rows) == 10_000
    assert f"orders: {many}, matched {many // 2}" in ended.said
