"""The example card program as a process of the harness: ready, secret, and gone when it is not needed any more."""

from __future__ import annotations

import os

import httpx
import pytest

from conformance.partner import cards_example
from conformance.target.process import ProcessError

NOWHERE = "http://127.0.0.1:9/v1"
KEY = "sk_test_of_the_approved_account"


def test_it_answers_while_it_is_needed_and_no_longer() -> None:
    with cards_example.start(os.environ, NOWHERE, KEY) as example:
        assert example is not None
        probe = example.probe.replace("{ref}", "nobody")
        assert httpx.get(probe).status_code == 404

    with pytest.raises(httpx.ConnectError):
        httpx.get(probe)


def test_its_secret_is_fresh_and_not_shown() -> None:
    with cards_example.start(os.environ, NOWHERE, KEY) as one, cards_example.start(os.environ, NOWHERE, KEY) as other:
        assert one is not None
        assert other is not None
        assert one.secret.reveal() != other.secret.reveal()
        assert one.secret.reveal() not in repr(one)


def test_an_unknown_fault_is_told_with_the_known_ones_and_without_any_secret() -> None:
    with (
        pytest.raises(ProcessError, match="choose from credit-on-quote") as caught,
        cards_example.start(os.environ, NOWHERE, KEY, fault="no-such-fault"),
    ):
        pass

    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"{", 400, id="no JSON"),
        pytest.param(b"[]", 400, id="a list"),
        pytest.param(b'{"ref": "r", "amount": "1", "currency": "EUR"}', 400, id="no quote"),
        pytest.param(b'{"ref": "r", "amount": 1, "currency": "EUR", "quoteId": "q"}', 400, id="a number"),
        pytest.param(b'{"ref": "r", "amount": "-1", "currency": "EUR", "quoteId": "q"}', 400, id="below zero"),
        pytest.param(b'{"ref": "r", "amount": "NaN", "currency": "EUR", "quoteId": "q"}', 400, id="no number"),
        pytest.param(b'{"ref": "r", "amount": "1", "currency": "EUR", "quoteId": "q"}', 200, id="right"),
    ],
)
def test_a_top_up_is_recorded_as_it_should_be_or_refused(body: bytes, status: int) -> None:
    with cards_example.start(os.environ, NOWHERE, KEY) as example:
        assert example is not None
        assert httpx.post(example.start, content=body).status_code == status


def test_another_amount_under_the_same_reference_is_refused_and_changes_nothing() -> None:
    first = {"ref": "r", "amount": "1.00", "currency": "EUR", "quoteId": "q"}
    with cards_example.start(os.environ, NOWHERE, KEY) as example:
        assert example is not None
        httpx.post(example.start, json=first)
        assert httpx.post(example.start, json={**first, "amount": "9.00"}).status_code == 409
        assert httpx.get(example.probe.replace("{ref}", "r")).json()["amount"] == "1.00"
