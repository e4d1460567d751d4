"""The dialects of 0Gate's records, branding, embed and capabilities: what a look at each finds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.sandbox.looks import Row
from tests.sandbox.process import Sandbox, running

ORIGIN = {"Origin": "https://shop.example"}
PUBLISHABLE = "pk_test_sandbox_approved"
NUMBER = itertools.count()


def call(sandbox: Sandbox, method: str, path: str, *, key: str = "sk_test_sandbox_approved", **sent: Any) -> Any:
    """An answer of 0Gate."""
    headers = {"Idempotency-Key": f"look-{next(NUMBER)}", **sent.pop("headers", {})}
    url = sandbox.url.replace("/v1", "/gate/v1") + path
    answer: httpx.Response = sandbox.client(key).request(method, url, headers=headers, **sent)
    return answer


def customer(sandbox: Sandbox, **changes: Any) -> httpx.Response:
    body = {"email": f"look{next(NUMBER)}@partner.example", **changes}
    answer: httpx.Response = call(sandbox, "POST", "/customers", json=body)
    return answer


def is_listed(sandbox: Sandbox) -> bool:
    """Whether a new record is in the list at once."""
    made = customer(sandbox).json()["id"]
    return made in [row["id"] for row in call(sandbox, "GET", "/customers").json()["data"]]


def page_of_seven(sandbox: Sandbox) -> tuple[int, bool]:
    """Rows of a page of seven where there are seven at least, and whether it says that more follow."""
    for _ in range(7):
        customer(sandbox)
    page = call(sandbox, "GET", "/customers?limit=7").json()
    return len(page["data"]), page["has_more"] or len(page["data"]) == 7


def branded(sandbox: Sandbox, **tokens: Any) -> httpx.Response:
    answer: httpx.Response = call(sandbox, "PATCH", "/branding", json=tokens)
    return answer


def colour(sandbox: Sandbox) -> tuple[list[str], str]:
    """The members of the answer to an update, and the colour that is kept."""
    told = list(branded(sandbox, primary_color="#ABCDEF").json())
    return told[:1], call(sandbox, "GET", "/branding").json()["primary_color"]


def bootstrapped(sandbox: Sandbox, body: Any = None, origin: Any = ORIGIN) -> httpx.Response:
    answer: httpx.Response = call(sandbox, "POST", "/embed/bootstrap", key=PUBLISHABLE, json=body or {}, headers=origin)
    return answer


def currencies(sandbox: Sandbox) -> list[str]:
    return [row["code"] for row in call(sandbox, "GET", "/capabilities/currencies").json()["data"]]


ROWS = [
    Row("gate-customer-created-200", lambda s: customer(s).status_code, 201, 200),
    Row("gate-customer-brief", lambda s: {"created_at", "phone"} <= customer(s).json().keys(), True, False),
    Row("gate-customer-list-lags", is_listed, True, False),
    Row("gate-customer-short-pages", page_of_seven, (7, True), (5, True)),
    Row("gate-malformed-422", lambda s: (customer(s, email=1).status_code, branded(s, x="1").status_code), (400, 400),
        (422, 422)),
    Row("gate-embed-brief", lambda s: (bootstrapped(s).status_code, "session_id" in bootstrapped(s).json()),
        (201, True), (200, False)),
    Row("gate-origin-401", lambda s: bootstrapped(s, origin={"Origin": "https://x.example"}).status_code, 403, 401),
    Row("gate-client-secret-404", lambda s: bootstrapped(s, {"clientSecret": "gsec_x"}).status_code, 401, 404),
    Row("gate-branding-plain-answer", colour, (["brand_name"], "#ABCDEF"), (["updated"], "#abcdef")),
    Row("gate-edge-region", currencies, ["EUR", "GBP", "BRL"], ["BRL"]),
    Row("gate-inactive-assets-listed",
        lambda s: call(s, "GET", "/capabilities/assets").json()["data"][0]["active"], True, False),
]  # fmt: skip


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
