"""The order record: what it keeps, which one counts, and the key that names an order wherever it is tried."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from conformance.scenarios.controlled.record import (
    FILE,
    OrderRecord,
    RecordProblem,
    earlier,
    identity_of,
    keep,
    key_of,
    last,
)

ORDER = OrderRecord(
    identity="one",
    number=1,
    idempotency_key="key-1",
    run="first",
    target="live",
    base_url="https://pools-api.0bit.app/v1",
    account="approved",
    pool="EUR-USDT",
    currency="EUR",
    amount="10.00",
    max_amount="30.00",
    quote="pq_1",
    written="2026-01-01T00:00:00+00:00",
)


def kept(folder: Path, name: str, **changes: object) -> OrderRecord:
    record = dataclasses.replace(ORDER, **changes)  # type: ignore[arg-type]
    (folder / name).mkdir()
    keep(record, folder / name)
    return record


def test_records_of_the_same_order_are_found_in_the_folders_beside(tmp_path: Path) -> None:
    mine = [kept(tmp_path, "a"), kept(tmp_path, "b", number=2)]
    kept(tmp_path, "c", identity="another")
    (tmp_path / "new").mkdir()
    assert earlier(tmp_path / "new", "one") == mine
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [FILE]


@pytest.mark.parametrize(
    ("records", "run"),
    [
        ([], None),
        ([{}], "first"),
        ([{}, {"run": "second", "number": 2}], "second"),
        ([{"number": 2}, {"run": "second"}], "first"),
        ([{"closed": True}, {"run": "second", "written": "2026-01-02T00:00:00+00:00"}], "first"),
        ([{}, {"run": "second", "closed": True}], "second"),
    ],
    ids=["none", "one", "a later order", "an earlier order", "closed before open", "open before closed"],
)
def test_the_newest_order_counts_and_of_it_what_knows_most(records: list[dict[str, object]], run: str | None) -> None:
    found = last(dataclasses.replace(ORDER, **changes) for changes in records)  # type: ignore[arg-type]
    assert (found and found.run) == run


@pytest.mark.parametrize("place", ["base_url", "partner", "pool", "wallet"])
def test_an_order_elsewhere_or_to_another_wallet_is_another_order(place: str) -> None:
    terms = {"base_url": "https://a.example/v1", "partner": "p", "pool": "EUR-USDT", "wallet": "0x1"}
    assert identity_of(**terms) != identity_of(**{**terms, place: "other"})
    assert identity_of(**terms) == identity_of(**terms)
    assert "0x1" not in identity_of(**terms)


def test_each_order_of_an_identity_has_one_key() -> None:
    assert key_of("one", 1) == key_of("one", 1)
    assert len({key_of("one", 1), key_of("one", 2), key_of("two", 1)}) == 3


@pytest.mark.parametrize(
    "changes",
    [{"number": "1"}, {"closed": "no"}, {"further": ""}, {"quote": None}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_record_with_other_members_is_not_read_as_one(changes: dict[str, object], tmp_path: Path) -> None:
    kept(tmp_path, "a")
    path = tmp_path / "a" / FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(RecordProblem, match="an order may stand behind it"):
        earlier(tmp_path / "new", "one")
