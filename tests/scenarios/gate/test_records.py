"""Customer records are compared with what was asked for as no source says how exactly they come back."""

from __future__ import annotations

import pytest

from conformance.scenarios.gate.records import differing, not_as, says
from conformance.scenarios.gate.test_customer_lists import disorder
from conformance.scenarios.gate.test_customers import marker_wrong
from tests.scenarios.benches import reply


@pytest.mark.parametrize(
    ("name", "found", "wanted", "holds"),
    [
        ("email", "A@X.example", "a@x.example", True),
        ("email", "b@x.example", "a@x.example", False),
        ("country_code", "de", "DE", True),
        ("external_id", "Ref", "ref", False),
        ("phone", "+1 202-555-0123", "+12025550123", True),
        ("phone", "+12025550124", "+12025550123", False),
        ("first_name", None, None, True),
        ("first_name", "", None, True),
        ("first_name", "Kept", None, False),
        ("metadata", {"a": "1", "more": "2"}, {"a": "1"}, True),
        ("metadata", {"a": "2"}, {"a": "1"}, False),
        ("metadata", None, {"a": "1"}, False),
    ],
)
def test_a_member_is_as_wanted(name: str, found: object, wanted: object, holds: bool) -> None:
    assert says(name, found, wanted) is holds


def test_an_absent_member_says_nothing_unless_it_must_be_there() -> None:
    assert not_as({"email": "a@x.example"}, {"first_name": "A"}) == []
    assert not_as({"first_name": "A"}, {"email": "a@x.example"}) == ["email"]


def test_two_readings_differ_in_what_both_show() -> None:
    assert differing({"email": "a", "phone": "1"}, {"email": "b"}) == ["email"]


@pytest.mark.parametrize(
    ("moments", "problem"),
    [
        (["2026-01-01T00:00:02Z", "2026-01-01T00:00:01Z", "2026-01-01T00:00:01Z"], ""),
        (["2026-01-01T00:00:01Z", None, "2026-01-01T00:00:02Z"], "1 record(s) after one that is older"),
        ([None, None], ""),
    ],
)
def test_rows_are_in_disorder_where_a_later_one_comes_after(moments: list[str | None], problem: str) -> None:
    assert disorder([{"created_at": made} for made in moments]) == problem


@pytest.mark.parametrize(
    ("status", "body", "wrong"),
    [
        (200, {"id": "c1", "object": "customer", "deleted": True, "deleted_at": None}, []),
        (204, None, ["status 204"]),
        (200, {"id": "c2", "object": "customer", "deleted": True}, ["id 'c2'"]),
        (200, {"id": "c1", "object": "customer"}, ["deleted None"]),
    ],
)
def test_the_marker_of_a_deletion(status: int, body: object, wrong: list[str]) -> None:
    assert marker_wrong(reply(status, body), "c1") == wrong
