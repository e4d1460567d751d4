"""Order records are read from CSV, JSON Lines and SQLite alike, and what cannot be read is named with its fix."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from conformance.partner.orders import Order, OrdersError
from conformance.partner.orders_files import TOLD, Reading, read_orders
from conformance.partner.reconcile_pages import TRADES, saved_pages

from .books import Json, lines, order, trade


def read(reading: Reading) -> list[Order]:
    """All orders of a file."""
    found: list[Order] = []
    read_orders(reading, found.extend)
    return found


def as_csv(path: Path, records: list[Json], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    """A CSV file of these records."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(records[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(records)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def as_lines(path: Path, records: list[Json]) -> Path:
    return lines(path.parent, path.name, map(json.dumps, records))


def as_table(path: Path, records: list[Json], table: str = "orders") -> Path:
    columns = ", ".join(f'"{name}"' for name in records[0])
    marks = ", ".join("?" * len(records[0]))
    with sqlite3.connect(path) as database:
        database.execute(f'CREATE TABLE "{table}" ({columns})')
        database.executemany(f'INSERT INTO "{table}" VALUES ({marks})', [tuple(record.values()) for record in records])
    database.close()
    return path


RECORDS = [order(1), order(2, amount="0.10", request_id=None)]


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(lambda folder: as_csv(folder / "orders.csv", RECORDS), id="CSV"),
        pytest.param(lambda folder: as_csv(folder / "orders.txt", RECORDS, ";"), id="CSV with semicolons"),
        pytest.param(lambda folder: as_csv(folder / "orders.tsv", RECORDS, "\t"), id="CSV with tabs"),
        pytest.param(lambda folder: as_csv(folder / "orders.csv", RECORDS, encoding="utf-8-sig"), id="CSV with a BOM"),
        pytest.param(lambda folder: as_lines(folder / "orders.jsonl", RECORDS), id="JSON Lines"),
        pytest.param(lambda folder: as_lines(folder / "orders", RECORDS), id="JSON Lines without a suffix"),
        pytest.param(lambda folder: as_table(folder / "orders.db", RECORDS), id="SQLite"),
        pytest.param(lambda folder: as_table(folder / "orders", RECORDS), id="SQLite without a suffix"),
    ],
)
def test_the_same_records_are_read_from_every_format(file: Any, tmp_path: Path) -> None:
    first, second = read(Reading(file(tmp_path)))

    assert (first.reference, first.quote, first.transact, first.key) == (
        "ord_0001",
        "pq_test_0001",
        "txn_test_0001",
        "key-00000001",
    )
    assert (first.amount, second.amount) == (Decimal("100.00"), Decimal("0.10"))
    assert (first.blank, second.blank) == ((), ("request",))
    assert not first.inexact


def test_the_samples_of_the_vendor_are_records(tmp_path: Path) -> None:
    """The example product record of the access page, with the amount it leaves out."""
    record = {
        "product_area": "getting-access",
        "partner_reference": "partner_order_123",
        "pool_id": "EUR-USDT",
        "quote_id": "pq_test_123",
        "transact_id": "pt_test_456",
        "status": "reserved",
        "request_id": "req_01HZY0POOLS",
        "reconciliation_state": "open",
        "amount": "100.00",
    }

    (found,) = read(Reading(as_lines(tmp_path / "orders.jsonl", [record])))

    assert (found.reference, found.transact, found.status) == ("partner_order_123", "pt_test_456", "reserved")


def test_columns_in_camel_case_and_with_spaces_are_understood(tmp_path: Path) -> None:
    file = lines(tmp_path, "orders.csv", ["orderId,Quote ID,Transact-Id,amount,status", "o,q,t,1.00,settled"])

    (found,) = read(Reading(file))

    assert (found.reference, found.quote, found.transact) == ("o", "q", "t")


def test_a_column_of_any_name_can_be_chosen(tmp_path: Path) -> None:
    file = lines(tmp_path, "orders.csv", ["ref,amount,order_amount,state", "q1,1.00,2.00,paid"])

    (found,) = read(
        Reading(
            file, columns={"quote": "ref", "amount": "order_amount", "status": "state"}, statuses={"paid": "settled"}
        )
    )

    assert (found.quote, found.amount, found.status) == ("q1", Decimal("2.00"), "settled")


def test_a_number_with_a_fraction_is_read_and_remembered_as_inexact(tmp_path: Path) -> None:
    (from_lines,) = read(Reading(as_lines(tmp_path / "orders.jsonl", [order(amount=100.25)])))
    (from_table,) = read(Reading(as_table(tmp_path / "orders.db", [order(amount=100.25)])))

    assert from_lines.inexact
    assert from_table.inexact
    assert from_lines.amount == from_table.amount == Decimal("100.25")


def test_a_whole_number_is_an_exact_amount(tmp_path: Path) -> None:
    (found,) = read(Reading(as_table(tmp_path / "orders.db", [order(amount=100)])))

    assert (found.amount, found.inexact) == (Decimal(100), False)


HEAD = "order_id,quote_id,amount,status"
SECRET = "sk_live_AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHH"

HOSTILE = [
    pytest.param("o.csv", b"", ["o.csv", "an empty file"], id="empty"),
    pytest.param(
        "o.csv", b"order_id,status\no,settled\n", ["o.csv:1: amount", "no such column", "--column"], id="no amount"
    ),
    pytest.param("o.csv", b"amount,status\n1,settled\n", ["no column with an id", "quote_id"], id="no id"),
    pytest.param("o.csv", b"order_id,order_id,amount,status\n", ["o.csv:1: order_id", "named twice"], id="twice"),
    pytest.param(
        "o.csv",
        b"quote_id,quoteId,amount,status\n",
        ["2 columns that could say it", "--column quote="],
        id="two columns",
    ),
    pytest.param("o.csv", f"{HEAD}\no,q,1.00\n".encode(), ["o.csv:2", "3 values", "4, as the header"], id="short row"),
    pytest.param(
        "o.csv", f"{HEAD}\no,q,1.00,settled,x\n".encode(), ["o.csv:2", "5 values", "4, as the header"], id="long row"
    ),
    pytest.param("o.csv", f'{HEAD}\no,"q,1.00,settled\n'.encode(), ["o.csv:2", "broken CSV"], id="open quote"),
    pytest.param("o.csv", f"{HEAD}\no,q\0,1.00,settled\n".encode(), ["o.csv:2: quote_id", "control"], id="NUL"),
    pytest.param("o.csv", f"{HEAD}\nö,q,1.00,settled\n".encode("latin-1"), ["o.csv:2", "no UTF-8"], id="not UTF-8"),
    pytest.param(
        "o.csv",
        f'{HEAD}\no,"{"q" * 200_000}",1.00,settled\n'.encode(),
        ["o.csv:2", "broken CSV", "field larger"],
        id="endless field",
    ),
    pytest.param("o.jsonl", b"{" + b"x" * (1 << 21), ["o.jsonl:1", "a line of more than"], id="endless line"),
    *(
        pytest.param(
            "o.csv",
            f"{HEAD}\no,q,{amount},settled\n".encode(),
            ["o.csv:2: amount", "expected: a decimal amount", "write 100.00"],
            id=f"amount {amount[:12] or 'empty'}",
        )
        for amount in ("", "-1.00", "1e3", "NaN", "Infinity", "EUR 1", "1 000", "0x10", "1." + "0" * 19, "١.٠٠")
    ),
    pytest.param("o.csv", f'{HEAD}\no,q,"1,000.00",settled\n'.encode(), ["o.csv:2: amount"], id="thousands"),
    pytest.param(
        "o.csv",
        f"{HEAD}\no,q,1.00,done\n".encode(),
        ["o.csv:2: status", "text of 4 characters", "--status done=settled"],
        id="unknown status",
    ),
    pytest.param("o.csv", f"{HEAD}\no,q,1.00,setled\n".encode(), ["did you mean settled?"], id="misspelt status"),
    pytest.param(
        "o.csv",
        f"{HEAD},created_at\no,q,1.00,settled,yesterday\n".encode(),
        ["o.csv:2: created_at", "ISO 8601"],
        id="time",
    ),
    pytest.param("o.csv", f"{HEAD},currency\no,q,1.00,settled,€\n".encode(), ["o.csv:2: currency"], id="currency"),
    pytest.param(
        "o.csv", f"{HEAD}\no,{'q' * 201},1.00,settled\n".encode(), ["o.csv:2: quote_id", "at most 200"], id="long id"
    ),
    pytest.param(
        "o.csv",
        f"{HEAD}\no,{SECRET},1.00,settled\n".encode(),
        ["o.csv:2: quote_id", "looks like a secret", "take the secret out"],
        id="secret",
    ),
    pytest.param("o.jsonl", b'{"order_id": "o", \n', ["o.jsonl:1", "broken JSON"], id="broken JSON"),
    pytest.param("o.jsonl", b"[" * 100_000 + b"\n", ["o.jsonl:1", "broken JSON"], id="deep JSON"),
    pytest.param("o.jsonl", b'["o"]\n', ["o.jsonl:1", "a list of 1", "one JSON object a line"], id="a list"),
    pytest.param(
        "o.jsonl",
        b'{"quote_id": {"a": 1}, "amount": "1", "status": "settled"}\n',
        ["o.jsonl:1: quote_id", "a table of 1 keys"],
        id="an object for an id",
    ),
    pytest.param(
        "o.jsonl",
        b'{"quote_id": "q", "amount": true, "status": "settled"}\n',
        ["o.jsonl:1: amount", "a boolean"],
        id="true",
    ),
    pytest.param(
        "o.jsonl",
        b'{"quote_id": "q", "amount": 1' + b"0" * 4000 + b', "status": "settled"}\n',
        ["o.jsonl:1: amount", "at most 200 digits"],
        id="an endless number",
    ),
    pytest.param("o.db", b"SQLite format 3\0" + b"x" * 200, ["o.db", "SQLite says"], id="damaged database"),
]


@pytest.mark.parametrize(("name", "content", "said"), HOSTILE)
def test_a_file_that_cannot_be_read_is_told_with_place_shape_and_fix(
    name: str, content: bytes, said: list[str], tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(OrdersError) as caught:
        read(Reading(tmp_path / name))

    text = str(caught.value)
    assert [words for words in said if words not in text] == []
    assert "found:" in text
    assert "expected:" in text
    assert "fix:" in text
    assert SECRET not in text
    assert len(text) < 2_000


def test_a_table_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    file = as_table(tmp_path / "o.db", [order()], "order_book")

    with pytest.raises(OrdersError, match=r"no such table(?s:.*)one of: order_book"):
        read(Reading(file, table="orders"))


def test_a_table_with_an_odd_name_is_only_a_name(tmp_path: Path) -> None:
    odd = 'orders" ; DROP TABLE x; --'
    file = tmp_path / "o.db"
    with sqlite3.connect(file) as database:
        database.execute('CREATE TABLE "orders"" ; DROP TABLE x; --" (quote_id, amount, status)')
        database.execute("INSERT INTO \"orders\"\" ; DROP TABLE x; --\" VALUES ('q', '1.00', 'settled')")
    database.close()

    assert [found.quote for found in read(Reading(file, table=odd))] == ["q"]


def test_a_database_is_not_written_to(tmp_path: Path) -> None:
    file = as_table(tmp_path / "o.db", [order()])
    before = file.read_bytes()

    read(Reading(file))

    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["o.db"]


def test_every_problem_of_a_file_is_told_at_once_up_to_a_bound(tmp_path: Path) -> None:
    file = lines(tmp_path, "o.csv", [HEAD, *("o,q,x,settled" for _ in range(TOLD + 5))])

    with pytest.raises(OrdersError) as caught:
        read(Reading(file))

    assert len(caught.value.problems) == TOLD
    assert str(caught.value).endswith("and 5 further problems of the same file")


@pytest.mark.parametrize(
    ("reading", "said"),
    [
        ({"columns": {"qoute": "q"}}, "did you mean quote?"),
        ({"columns": {"quote": "quote_idd"}}, "did you mean quote_id?"),
        ({"statuses": {"done": "setled"}}, "did you mean settled?"),
    ],
)
def test_an_option_that_cannot_be_meant_is_told_with_the_nearest(
    reading: dict[str, dict[str, str]], said: str, tmp_path: Path
) -> None:
    file = lines(tmp_path, "o.csv", [HEAD, "o,q,1.00,settled"])

    with pytest.raises(OrdersError) as caught:
        read(Reading(file, **reading))  # type: ignore[arg-type]

    assert said in str(caught.value)


PAGE = {"trades": [trade()], "nextCursor": None, "hasMore": False}

SAVED = [
    pytest.param(json.dumps(PAGE), id="one page"),
    pytest.param(json.dumps(PAGE, indent=2), id="one page over many lines"),
    pytest.param(json.dumps([PAGE]), id="a list of pages"),
    pytest.param(json.dumps([trade()]), id="a list of rows"),
    pytest.param(json.dumps(trade()), id="one row a line"),
    pytest.param(json.dumps({"items": [trade()], "nextCursor": None}), id="a list by another name"),
]


@pytest.mark.parametrize("text", SAVED)
def test_pages_are_read_however_they_were_saved(text: str, tmp_path: Path) -> None:
    (page,) = saved_pages([lines(tmp_path, "trades.json", [text])], TRADES)

    assert [row["transactId"] for row in page.rows] == ["txn_test_0001"]
    assert page.cursor is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", ["t.json:2", "broken JSON", "save the body"]),
        (json.dumps(PAGE) + "\n{", ["t.json:2", "broken JSON", "one page a line"]),
        ('"trades"', ["t.json:1", "text of 6 characters"]),
        ("[1]", ["t.json:1: [0]", "a whole number"]),
        ('{"type": "invalid_request"}', ["t.json:1", "a table of 1 keys", "GET /pools/trades"]),
        ("[" * 100_000, ["t.json", "broken JSON"]),
    ],
)
def test_a_page_that_is_none_is_told_with_place_shape_and_fix(text: str, said: list[str], tmp_path: Path) -> None:
    with pytest.raises(OrdersError) as caught:
        list(saved_pages([lines(tmp_path, "t.json", [text])], TRADES))

    assert [words for words in said if words not in str(caught.value)] == []
