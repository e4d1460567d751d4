"""Finding the operation of a method and a path."""

from pathlib import Path

import pytest

from conformance.contract import load

from .exchanges import builtin
from .test_load import changed, written


@pytest.mark.parametrize(
    ("method", "path", "key", "parameters"),
    [
        ("GET", "/pools", "GET /pools", {}),
        ("get", "/pools", "GET /pools", {}),
        ("POST", "/pools/EUR-USDT/quote", "POST /pools/{id}/quote", {"id": "EUR-USDT"}),
        ("GET", "/pools/funding", "GET /pools/funding", {}),
        ("GET", "/pools/ledger", "GET /pools/ledger", {}),
        ("GET", "/pools/trades", "GET /pools/trades", {}),
        ("GET", "/pools/trades/balance", "GET /pools/trades/{transactId}", {"transactId": "balance"}),
        ("GET", "/pools/transactions/pq_1", "GET /pools/transactions/{quoteId}", {"quoteId": "pq_1"}),
        ("POST", "/pools/quotes/pq_1/reject", "POST /pools/quotes/{quoteId}/reject", {"quoteId": "pq_1"}),
        ("POST", "/pools/trades/quote", "POST /pools/{id}/quote", {"id": "trades"}),
        ("GET", "/pools/EUR%2FUSDT/balance", "GET /pools/{id}/balance", {"id": "EUR/USDT"}),
        ("GET", "/pools/%E2%82%AC%0A/balance", "GET /pools/{id}/balance", {"id": "€\n"}),
        ("GET", "/p%6Fols", "GET /pools", {}),
        ("GET", "/pools/%FF/balance", "GET /pools/{id}/balance", {"id": "\ufffd"}),
    ],
)
def test_a_path_has_its_operation(method: str, path: str, key: str, parameters: dict[str, str]) -> None:
    match = builtin().find(method, path)
    assert match is not None
    assert (match.operation.key, match.parameters) == (key, parameters)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/pools"),
        ("GET", "/pools/"),
        ("GET", "pools"),
        ("GET", ""),
        ("GET", "/"),
        ("GET", "//pools"),
        ("GET", "/pools//balance"),
        ("GET", "/pools/../balance"),
        ("GET", "/pools/%2E%2E/balance"),
        ("GET", "/v1/pools"),
        ("GET", "/pools/EUR-USDT/balance/more"),
    ],
)
def test_another_path_has_none(method: str, path: str) -> None:
    assert builtin().find(method, path) is None


@pytest.mark.parametrize(("path", "known"), [("/pools", True), ("/pools/x/quote", True), ("/pool", False)])
def test_a_path_is_known_whatever_the_method(path: str, known: bool) -> None:
    assert builtin().knows(path) is known


def test_a_parameter_may_be_a_part_of_a_segment(tmp_path: Path) -> None:
    item = {"get": {"responses": {"200": {"description": ""}}}}
    contract = load(written(tmp_path, changed(paths={"/a/{id}": item, "/a/{id}.{kind}": item, "/a/b.c": item})))
    found = {path: contract.find("GET", path) for path in ("/a/b.c", "/a/x.json", "/a/x")}
    assert {path: match and (match.operation.template, match.parameters) for path, match in found.items()} == {
        "/a/b.c": ("/a/b.c", {}),
        "/a/x.json": ("/a/{id}.{kind}", {"id": "x", "kind": "json"}),
        "/a/x": ("/a/{id}", {"id": "x"}),
    }
