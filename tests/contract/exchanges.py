"""Building exchanges to judge: the examples of the built-in contract, and answers bent from them.

Holds no expectation; those are in the test modules beside it.
"""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from conformance.contract import Contract, Finding, Operation, Report, judge, load
from conformance.contract.source import resolve

QUOTE = ("POST", "/pools/EUR-USDT/quote")
TRANSACT = ("POST", "/pools/EUR-USDT/transact")
POLL = ("GET", "/pools/transactions/pq_1")
TRADES = ("GET", "/pools/trades")
LEDGER = ("GET", "/pools/ledger")
BALANCE = ("GET", "/pools/EUR-USDT/balance")
FUNDING = ("GET", "/pools/funding")
CAPABILITIES = ("GET", "/pools/EUR-USDT/capabilities")
REJECT = ("POST", "/pools/quotes/pq_1/reject")
READ_QUOTE = ("GET", "/pools/quotes/pq_1")
POOLS = ("GET", "/pools")

REQUEST_ID = "req_test_000000000123"
HEADERS = (("X-Request-Id", REQUEST_ID), ("Content-Type", "application/json"))


@cache
def builtin() -> Contract:
    return load()


def judged(
    operation: tuple[str, str],
    status: int,
    body: Any,
    *,
    headers: tuple[tuple[str, str], ...] = HEADERS,
    truncated: bool = False,
    contract: Contract | None = None,
) -> Report:
    """Judge one answer; ``body`` is bytes as they are or a JSON value."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return judge(contract or builtin(), *operation, status, headers, raw, truncated)


def failed(report: Report) -> set[str]:
    return {finding.requirement for finding in report.findings if not finding.ok}


def held(report: Report) -> set[str]:
    return {finding.requirement for finding in report.findings if finding.ok}


def finding(report: Report, requirement: str) -> Finding:
    """The one finding on a requirement."""
    (found,) = (row for row in report.findings if row.requirement == requirement)
    return found


def examples(contract: Contract) -> Iterator[tuple[Operation, str, str, Any]]:
    """Every response example of a contract: operation, status as written, name, value."""
    for operation in contract.operations:
        raw = contract.document["paths"][operation.template][operation.method.lower()]
        for status, response in raw["responses"].items():
            content = follow(contract, response).get("content", {})
            for media in content.values():
                for name, example in media["examples"].items():
                    yield operation, status, name, follow(contract, example)["value"]


def example(operation: tuple[str, str], status: str, name: str) -> dict[str, Any]:
    """A copy of one response example of the built-in contract."""
    match = builtin().find(*operation)
    assert match is not None
    for found, code, label, value in examples(builtin()):
        if (found, code, label) == (match.operation, status, name):
            copy: dict[str, Any] = json.loads(json.dumps(value))
            return copy
    raise LookupError(f"no example {name} of {operation} {status}")


def follow(contract: Contract, node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        node = resolve(contract.document, node["$ref"])
    return node


def error(status: int, **changes: Any) -> dict[str, Any]:
    """An error envelope for ``status``; a change to ``...`` leaves the member out."""
    body = {
        "type": "invalid_request",
        "code": "invalid_request",
        "message": "not like this",
        "request_id": REQUEST_ID,
        "doc_url": None,
        "statusCode": status,
    }
    return {name: value for name, value in {**body, **changes}.items() if value is not ...}


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}
