"""The dialects of 0Gate's previews, quotes, rails and transactions: what a look at each finds."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.sandbox.looks import Row
from tests.sandbox.process import Sandbox, running

SESSION = {"amount": "100.00", "currency": "EUR", "return_url": "https://partner.example/complete"}
ORDER = {"currency": "EUR", "asset": "USDC", "amount": "100.00", "side": "on_ramp"}
LOCK = {**ORDER, "payment_method": "bank_transfer"}
AT_ONCE = 8


def call(sandbox: Sandbox, method: str, path: str, body: object = None, key: str | None = None) -> httpx.Response:
    """An answer of 0Gate."""
    url = sandbox.url.removesuffix("/v1") + "/gate/v1" + path
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    answer: httpx.Response = sandbox.client("sk_test_sandbox_approved").request(method, url, headers=headers, json=body)
    return answer


def made(sandbox: Sandbox, path: str, body: object) -> dict[str, Any]:
    """The object that a create gives."""
    answer = call(sandbox, "POST", path, body)
    assert answer.status_code < 300, answer.text
    found: dict[str, Any] = answer.json()
    return found


def session(sandbox: Sandbox) -> str:
    """The id of a new session."""
    return str(made(sandbox, "/gate_sessions", SESSION)["id"])


def quote(sandbox: Sandbox) -> dict[str, Any]:
    """A quote locked now."""
    return made(sandbox, "/quotes", LOCK)


def redeemed(sandbox: Sandbox, where: str | None = None, **extra: Any) -> httpx.Response:
    """The answer to a redemption of a new quote, in a new session unless told otherwise."""
    body = {"gate_session_id": where or session(sandbox), "quote_id": quote(sandbox)["id"], **extra}
    return call(sandbox, "POST", "/rails/pay_ins", body)


def preview(sandbox: Sandbox) -> httpx.Response:
    return call(sandbox, "POST", "/quotes/preview", ORDER)


def statuses(sandbox: Sandbox) -> list[int]:
    """How a preview, a lock and a redemption are answered."""
    return [
        preview(sandbox).status_code,
        call(sandbox, "POST", "/quotes", LOCK).status_code,
        redeemed(sandbox).status_code,
    ]


def made_and_read(sandbox: Sandbox) -> list[str]:
    """The status a new rail is answered with, and the one it reads."""
    rail = redeemed(sandbox).json()
    return [rail["status"], call(sandbox, "GET", f"/rails/pay_ins/{rail['id']}").json()["status"]]


def amounts(sandbox: Sandbox) -> list[str]:
    """The fiat side of a quote and of a rail."""
    return [quote(sandbox)["fiat_amount"], redeemed(sandbox).json()["amount"]]


def two_in_one_session(sandbox: Sandbox) -> list[int]:
    where = session(sandbox)
    return [redeemed(sandbox, where).status_code for _ in range(2)]


def in_cancelled_session(sandbox: Sandbox) -> int:
    where = session(sandbox)
    call(sandbox, "POST", f"/gate_sessions/{where}/cancel")
    return redeemed(sandbox, where).status_code


def malformed(sandbox: Sandbox) -> list[int]:
    """How a preview and a lock without an amount, and a rail with one, are refused."""
    bare = {name: value for name, value in LOCK.items() if name != "amount"}
    refused = [call(sandbox, "POST", path, bare) for path in ("/quotes/preview", "/quotes")]
    return [answer.status_code for answer in (*refused, redeemed(sandbox, amount="1.00"))]


def duplicates_at_once(sandbox: Sandbox) -> bool:
    """Whether some of many repeats that meet are refused, and one rail comes of them all."""
    refused, rails = set(), set()
    for _ in range(5):
        body, key = {"gate_session_id": session(sandbox), "quote_id": quote(sandbox)["id"]}, str(uuid.uuid4())
        together = threading.Barrier(AT_ONCE)

        def repeat(
            body: dict[str, Any] = body, key: str = key, together: threading.Barrier = together
        ) -> httpx.Response:
            together.wait(10)
            return call(sandbox, "POST", "/rails/pay_ins", body, key)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = [running.result() for running in [pool.submit(repeat) for _ in range(AT_ONCE)]]
        refused |= {answer.status_code for answer in answers if answer.status_code >= 300}
        rails = {answer.json()["id"] for answer in answers if answer.status_code < 300}
        assert len(rails) == 1
    assert refused <= {409}
    return bool(refused)


def first_page(sandbox: Sandbox) -> tuple[int, bool]:
    """Rows of a page of two where there are two at least, and whether it says that more follow."""
    where = session(sandbox)
    for _ in range(2):
        redeemed(sandbox, where)
    page = call(sandbox, "GET", f"/transactions?limit=2&session_id={where}").json()
    return len(page["data"]), page["has_more"]


def listed_at_once(sandbox: Sandbox) -> int:
    """How many transactions of a new rail are listed at once."""
    where = session(sandbox)
    redeemed(sandbox, where)
    return len(call(sandbox, "GET", f"/transactions?session_id={where}").json()["data"])


ROWS = [
    Row("gate-locked-and-redeemed-200", statuses, [200, 201, 201], [201, 200, 200]),
    Row("gate-rail-brief", lambda s: sorted(redeemed(s).json()) == ["id", "kind", "object", "status"], False, True),
    Row("gate-rail-pending-first", made_and_read, ["processing", "processing"], ["pending", "processing"]),
    Row("gate-preview-options-have-ids", lambda s: "id" in preview(s).json()["data"][0], False, True),
    Row("gate-amounts-short", amounts, ["100.00", "100.00"], ["100", "100"]),
    Row("gate-quote-brief", lambda s: quote(s).keys() >= {"expires_at", "created_at", "fees"}, True, False),
    Row("gate-one-rail-per-session", two_in_one_session, [201, 201], [201, 409]),
    Row("gate-rail-session-400", in_cancelled_session, 409, 400),
    Row("gate-rail-malformed-422", malformed, [400, 400, 400], [422, 422, 422]),
    Row("gate-duplicate-under-way-409", duplicates_at_once, False, True),
    Row("gate-transactions-short-pages", first_page, (2, False), (1, True)),
    Row("gate-transactions-lag", listed_at_once, 1, 0),
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
