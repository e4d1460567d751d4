"""A recipe's helper calls are filled from the object at hand, and stay at the target."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.target import HelperCall, ProfileError, load
from target.profiles import ENVIRON, RIGHT, written

BASE = "https://pools.example.com/v1"


def call(url: str = "/x", body: dict[str, Any] | None = None) -> HelperCall:
    return HelperCall("POST", url, body, None)


@pytest.mark.parametrize(
    ("template", "url"),
    [
        ("/_sandbox/trades/{quoteId}", "https://pools.example.com/_sandbox/trades/pq_1"),
        ("https://pools.example.com/h/{quoteId}/end", "https://pools.example.com/h/pq_1/end"),
    ],
)
def test_a_url_is_completed_from_the_root_of_the_target(template: str, url: str) -> None:
    assert call(template).url_for(BASE, {"quoteId": "pq_1"}) == url


def test_an_id_from_the_target_cannot_change_the_url_around_it() -> None:
    url = call("/h/{quoteId}/end").url_for(BASE, {"quoteId": "../../v1?a=b#c/é"})

    assert url == "https://pools.example.com/h/..%2F..%2Fv1%3Fa%3Db%23c%2F%C3%A9/end"


@pytest.mark.parametrize("facts", [{}, {"quoteId": ""}, {"quoteId": "."}, {"quoteId": ".."}])
def test_a_url_without_its_object_is_refused(facts: dict[str, str]) -> None:
    with pytest.raises(LookupError, match=r"\{quoteId\}"):
        call("/{quoteId}/evil.example").url_for(BASE, facts)


@pytest.mark.parametrize(
    ("body", "facts", "sent"),
    [
        (None, {}, None),
        ({}, {}, {}),
        ({"outcome": "returned", "n": 1, "b": True}, {}, {"outcome": "returned", "n": 1, "b": True}),
        ({"id": "{quoteId}"}, {"quoteId": "pq_1"}, {"id": "pq_1"}),
        ({"note": "for {quoteId}!"}, {"quoteId": "pq_1"}, {"note": "for pq_1!"}),
        ({"advance": "{seconds}"}, {"seconds": "60"}, {"advance": 60}),
        ({"advance": "{seconds}s"}, {"seconds": "60"}, {"advance": "60s"}),
        ({"account": "{account}", "quoteId": "{quoteId}"}, {"account": "approved"}, {"account": "approved"}),
        (
            {"in": {"ids": ["{quoteId}", "{eventId}", "x"]}},
            {"quoteId": "pq_1"},
            {"in": {"ids": ["pq_1", "x"]}},
        ),
        ({"id": "{quoteId}"}, {"quoteId": "{account}", "account": "a"}, {"id": "{account}"}),
    ],
)
def test_a_body_is_filled_and_leaves_out_what_nobody_knows(
    body: dict[str, Any] | None, facts: dict[str, str], sent: dict[str, Any] | None
) -> None:
    assert call(body=body).body_for(facts) == sent


def test_a_profile_s_recipe_keeps_its_order(tmp_path: Path) -> None:
    text = RIGHT + (
        '[outcomes.returned]\nrequest = { destAddress = "T1" }\n'
        'calls = [{ url = "/one/{quoteId}", account = "approved" }, { method = "DELETE", url = "/two" }]\n'
    )

    recipe = load(written(tmp_path, text), ENVIRON).outcomes["returned"]

    assert recipe.request == {"destAddress": "T1"}
    assert [(c.method, c.url, c.account) for c in recipe.calls] == [
        ("POST", "/one/{quoteId}", "approved"),
        ("DELETE", "/two", None),
    ]


def test_the_command_line_can_allow_foreign_helpers(tmp_path: Path) -> None:
    text = RIGHT + '[outcomes.failed]\ncalls = [{ url = "https://bank.example/{quoteId}" }]\n'

    target = load(written(tmp_path, text), ENVIRON, allow_foreign_helpers=True)

    assert target.outcomes["failed"].calls[0].url_for(BASE, {"quoteId": "q"}) == "https://bank.example/q"


def test_a_key_never_goes_to_a_foreign_helper(tmp_path: Path) -> None:
    text = RIGHT + '[outcomes.failed]\ncalls = [{ url = "https://bank.example/x", account = "approved" }]\n'

    with pytest.raises(ProfileError, match="keys are sent to the target only"):
        load(written(tmp_path, text), ENVIRON, allow_foreign_helpers=True)
