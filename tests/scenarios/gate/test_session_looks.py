"""How two tellings of one session are compared: what may differ between legal answers, and what may not."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.scenarios.gate.lists import tag_of
from conformance.scenarios.gate.test_sessions import changed, departures, holds, same_address, shows_secret
from tests.scenarios.benches import reply

MADE: dict[str, Any] = {
    "id": "gs_1",
    "amount": "25.00",
    "currency": "EUR",
    "return_url": "https://shop.example/back",
    "expires_at": "2026-11-22T10:00:00Z",
    "metadata": {"conformance_tag": "t"},
    "user_reference": None,
}


@pytest.mark.parametrize(
    ("later", "told"),
    [
        ({}, []),
        ({"amount": "25"}, []),
        ({"expires_at": "2026-11-22T10:00:00.250000+00:00"}, []),
        ({"user_reference": "u"}, []),
        ({"metadata": None}, []),
        ({"return_url": "https://SHOP.example/back"}, []),
        ({"amount": "25.01"}, ["amount"]),
        ({"expires_at": "2026-11-22T10:01:00Z"}, ["expires_at"]),
        ({"metadata": {}}, ["metadata"]),
        ({"id": "gs_2"}, ["id"]),
        ({"return_url": "https://shop.example/elsewhere"}, ["return_url"]),
    ],
)
def test_a_session_is_told_the_same_however_it_is_written(later: dict[str, Any], told: list[str]) -> None:
    assert changed(MADE, {**MADE, **later}) == told


def test_an_ended_session_may_have_another_expiry_and_more_metadata() -> None:
    later = {**MADE, "expires_at": "2026-11-21T10:00:00Z", "metadata": {"conformance_tag": "t", "tx": "1"}}

    assert changed(MADE, later, ended=True) == []


def test_an_ended_session_is_still_about_the_same() -> None:
    assert changed(MADE, {**MADE, "amount": "1.00", "metadata": {}}, ended=True) == ["amount", "metadata"]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, []),
        ({"amount": "25", "currency": "eur"}, []),
        ({"metadata": {"conformance_tag": "t", "source": "api"}}, []),
        ({"metadata": None}, []),
        ({"amount": "26.00"}, ["amount"]),
        ({"currency": "USD"}, ["currency"]),
        ({"metadata": {"conformance_tag": "another"}}, ["metadata"]),
        ({"return_url": "https://shop.example/"}, ["return_url"]),
    ],
)
def test_a_session_repeats_what_it_was_asked_for(body: dict[str, Any], wrong: list[str]) -> None:
    asked = {name: MADE[name] for name in ("amount", "currency", "return_url", "metadata")}

    assert departures({**asked, **body}, asked) == wrong


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("https://a.example", "https://A.example/", True),
        ("https://a.example/?x=1", "https://a.example/", False),
        ("http://a.example/", "https://a.example/", False),
        ("https://[", "https://[", True),
        (None, "https://a.example/", False),
    ],
)
def test_an_address_is_the_same_where_it_leads_to_the_same_place(left: object, right: object, same: bool) -> None:
    assert same_address(left, right) is same


@pytest.mark.parametrize(
    ("found", "asked", "says"),
    [({"a": 1, "b": 2}, {"a": 1}, True), ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, True), ({"b": 2}, {"a": 1}, False)],
)
def test_an_object_says_what_was_asked_whatever_else_it_says(found: object, asked: object, says: bool) -> None:
    assert holds(found, asked) is says


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"id": "gs_1"}, False),
        ({"id": "gs_1", "client_secret": None}, False),
        ({"id": "gs_1", "client_secret": "gsec_other"}, True),
        ({"data": [{"id": "gs_1", "client_secret": "gsec_other"}]}, True),
        ({"id": "gs_1", "note": "gsec_1_kept"}, True),
    ],
)
def test_a_secret_is_shown_by_its_name_or_its_value(body: object, shown: bool) -> None:
    assert shows_secret(reply(200, body), ("gsec_1_kept",)) is shown


@pytest.mark.parametrize(
    ("holder", "tag"),
    [({"metadata": {"conformance_tag": "t"}}, "t"), ({"metadata": None}, ""), ({"metadata": {}}, ""), ({}, "")],
)
def test_a_row_is_told_by_its_tag(holder: dict[str, Any], tag: str) -> None:
    assert tag_of(holder) == tag
