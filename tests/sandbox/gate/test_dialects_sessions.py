"""The dialects of 0Gate's sessions, keys and gates: what a look at each finds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.sandbox.looks import Row
from tests.sandbox.process import Sandbox, running

PUBLISHABLE = "pk_test_sandbox_approved"
WRONG_MODE = "sk_live_sandbox_wrong_mode"
SESSION = {"amount": "25.00", "currency": "EUR", "return_url": "https://partner.example/complete"}
NUMBER = itertools.count()
FRESH = object()


def call(
    sandbox: Sandbox, method: str, path: str, *, key: str = "sk_test_sandbox_approved", idem: Any = FRESH, **sent: Any
) -> httpx.Response:
    """An answer of 0Gate, under a fresh idempotency key unless told otherwise."""
    headers = {} if idem is None else {"Idempotency-Key": f"look-{next(NUMBER)}" if idem is FRESH else idem}
    url = sandbox.url.replace("/v1", "/gate/v1") + path
    answer: httpx.Response = sandbox.client(key).request(method, url, headers=headers, **sent)
    return answer


def created(sandbox: Sandbox, idem: Any = FRESH, **changes: Any) -> httpx.Response:
    return call(sandbox, "POST", "/gate_sessions", idem=idem, json={**SESSION, **changes})


def session(sandbox: Sandbox, **changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = created(sandbox, **changes).json()
    return body


def is_listed(sandbox: Sandbox) -> bool:
    """Whether a new session is in the list at once."""
    made = session(sandbox)["id"]
    return made in [row["id"] for row in call(sandbox, "GET", "/gate_sessions").json()["data"]]


def page_of_six(sandbox: Sandbox) -> int:
    """Rows of a page of six where there are six at least."""
    for _ in range(6):
        session(sandbox)
    return len(call(sandbox, "GET", "/gate_sessions?limit=6").json()["data"])


def malformed(sandbox: Sandbox) -> tuple[int, bool]:
    """The status of a session without a readable amount, and whether its message is a list."""
    answer = created(sandbox, amount="ten")
    return answer.status_code, isinstance(answer.json()["message"], list)


def cancelled_twice(sandbox: Sandbox) -> list[int]:
    """The answers to one cancellation sent twice under its key."""
    path, key = f"/gate_sessions/{session(sandbox)['id']}/cancel", f"cancel-{next(NUMBER)}"
    return [call(sandbox, "POST", path, idem=key).status_code for _ in range(2)]


def wrong_keys(sandbox: Sandbox) -> list[int]:
    return [call(sandbox, "GET", "/branding", key=key).status_code for key in (PUBLISHABLE, WRONG_MODE)]


def without_records(sandbox: Sandbox) -> list[int]:
    """What an account without customer records hears at the list and at a record."""
    paths = ("/customers", "/customers/67a1f3b9e4b0c10001234567")
    return [call(sandbox, "GET", path, key="sk_test_sandbox_no_customers").status_code for path in paths]


ROWS = [
    Row("gate-session-created-200", lambda s: created(s).status_code, 201, 200),
    Row("gate-session-called-session", lambda s: session(s)["object"], "gate_session", "session"),
    Row(
        "gate-session-brief",
        lambda s: (session(s)["amount"], {"created_at", "flow"} <= session(s).keys()),
        ("25.00", True),
        ("25", False),
    ),
    Row("gate-session-more", lambda s: "channel" in session(s), False, True),
    Row("gate-session-list-lags", is_listed, True, False),
    Row("gate-session-short-pages", page_of_six, 6, 4),
    Row("gate-session-malformed-422", malformed, (400, False), (422, True)),
    Row("gate-cancel-key-unread", cancelled_twice, [201, 201], [201, 409]),
    Row("gate-key-optional", lambda s: created(s, idem=None).status_code, 400, 201),
    Row("gate-wrong-key-401", wrong_keys, [403, 403], [401, 401]),
    Row("gate-object-before-records", without_records, [403, 403], [403, 404]),
]


@pytest.fixture(scope="module")
def usual() -> Iterator[Sandbox]:
    with running("--control") as started:
        yield started


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.dialect)
def test_the_usual_sandbox_does_not_behave_so(usual: Sandbox, row: Row) -> None:
    assert row.look(usual) == row.usual


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.dialect)
def test_a_dialect_behaves_as_it_says(row: Row) -> None:
    with running("--control", "--dialect", row.dialect) as varied:
        assert row.look(varied) == row.varied
