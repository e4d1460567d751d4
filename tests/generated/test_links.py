"""Where the links of a contract lead: to the requests an answer names, and nowhere when it names nothing."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from conformance.contract import Contract
from conformance.scenarios.generated import Followed, Linked, Request, Step
from conformance.scenarios.pools.seeds import POOL

from .contracts import SEEDS

JSON = (("Content-Type", "application/json"),)
QUOTING = "POST /pools/{id}/quote"


@pytest.fixture(scope="module")
def linked(contract: Contract) -> Linked:
    return Linked(contract, SEEDS, seed=1)


def answered(linked: Linked, operation: str, body: object, status: int = 200) -> Step:
    plan = linked.start(operation)
    assert plan is not None
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Step(plan, status, JSON, content)


def leads(linked: Linked, step: Step, name: str) -> Request | None:
    (link,) = [link for link in linked.leading_from(step) if link.name == name]
    plan = linked.follow(link, step)
    return plan.request if plan else None


def test_every_link_the_contract_states_is_known(linked: Linked) -> None:
    assert (len(linked.links), linked.unreadable) == (14, [])
    assert Followed("executeQuote", QUOTING, "200", "POST /pools/{id}/transact") in linked.links


def test_a_walk_begins_where_nothing_has_to_be_known(linked: Linked) -> None:
    assert linked.roots == ["GET /pools", QUOTING, "GET /pools/trades"]


def test_only_links_of_the_answers_status_lead_on(linked: Linked) -> None:
    assert linked.leading_from(answered(linked, QUOTING, {}, 404)) == []
    assert {link.name for link in linked.leading_from(answered(linked, QUOTING, {}))} == {
        "executeQuote",
        "readQuote",
        "declineQuote",
        "pollQuote",
    }


def test_the_quote_of_an_answer_is_executed_in_the_pool_it_was_asked_of(linked: Linked) -> None:
    request = leads(linked, answered(linked, QUOTING, {"quoteId": "pq_1"}), "executeQuote")
    assert request is not None
    assert (request.path, json.loads(request.content or b"")) == (f"/pools/{POOL}/transact", {"quoteId": "pq_1"})
    assert request.header("idempotency-key")


PATHS = [
    ("GET /pools", {"pools": [{"id": "EUR-USDC"}]}, "readBalance", "/pools/EUR-USDC/balance"),
    (QUOTING, {"quoteId": "pq_1"}, "readQuote", "/pools/quotes/pq_1"),
    (QUOTING, {"quoteId": "pq_1"}, "declineQuote", "/pools/quotes/pq_1/reject"),
    ("GET /pools/trades", {"trades": [{"transactId": "txn_1"}]}, "readTrade", "/pools/trades/txn_1"),
    ("GET /pools/transactions/{quoteId}", {"transactId": "txn_1"}, "readTrade", "/pools/trades/txn_1"),
    ("GET /pools/trades/{transactId}", {"quoteId": "pq_1"}, "readQuote", "/pools/quotes/pq_1"),
    (QUOTING, {"quoteId": "ä 1"}, "readQuote", "/pools/quotes/%C3%A4%201"),
    (QUOTING, {"quoteId": "pq\ud800"}, "readQuote", "/pools/quotes/pq%ED%A0%80"),
]


@pytest.mark.parametrize(("operation", "body", "link", "path"), PATHS, ids=[f"{row[2]} {row[3]}" for row in PATHS])
def test_a_link_leads_to_what_the_answer_names(
    linked: Linked, operation: str, body: object, link: str, path: str
) -> None:
    request = leads(linked, answered(linked, operation, body), link)
    assert request is not None
    assert request.path == path


NOTHING = [
    ("no quote", {}),
    ("a quote that is null", {"quoteId": None}),
    ("a quote that is empty", {"quoteId": ""}),
    ("a quote that is a list", {"quoteId": []}),
    ("a quote that is an object", {"quoteId": {"id": "pq_1"}}),
    ("a quote that is a number", {"quoteId": 7}),
    ("a quote with a slash", {"quoteId": "pq/1"}),
    ("a list", []),
    ("no JSON", b"\xff{"),
    ("nothing", b""),
]


@pytest.mark.parametrize(("what", "body"), NOTHING, ids=[row[0] for row in NOTHING])
def test_an_answer_that_names_nothing_leads_nowhere(linked: Linked, what: str, body: object) -> None:
    assert leads(linked, answered(linked, QUOTING, body), "readQuote") is None


@pytest.mark.parametrize("body", [{}, {"quoteId": []}, {"quoteId": 7}, [], b""], ids=repr)
def test_nothing_is_executed_that_an_answer_does_not_name(linked: Linked, body: object) -> None:
    assert leads(linked, answered(linked, QUOTING, body), "executeQuote") is None


def test_the_same_seed_and_answers_lead_to_the_same_requests(contract: Contract) -> None:
    def walked() -> list[Request | None]:
        linked = Linked(contract, SEEDS, seed=3)
        step = answered(linked, QUOTING, {"quoteId": "pq_1"})
        return [step.plan.request, *(leads(linked, step, "executeQuote") for _ in range(30))]

    assert walked() == walked()


def test_what_a_walk_begins_with_is_what_the_run_trades(linked: Linked) -> None:
    asked = [answered(linked, QUOTING, {}).plan.request.content or b"" for _ in range(40)]
    bodies = [json.loads(body) for body in asked]
    assert {body["amount"] for body in bodies} == {"12.34"}
    assert len({(body["type"], body["cryptoNetwork"]) for body in bodies}) > 4


def with_links(contract: Contract, links: dict[str, Any]) -> Contract:
    document = copy.deepcopy(contract.document)
    document["paths"]["/pools/{id}/quote"]["post"]["responses"]["200"]["links"] = links
    return replace(contract, document=document)


def test_a_link_by_reference_leads_as_far_as_one_by_name(contract: Contract) -> None:
    link = {
        "operationRef": "#/paths/~1pools~1quotes~1{quoteId}/get",
        "parameters": {"path.quoteId": "$response.body#/quoteId"},
    }
    linked = Linked(with_links(contract, {"look": link}), SEEDS, seed=1)
    request = leads(linked, answered(linked, QUOTING, {"quoteId": "pq_1"}), "look")
    assert request is not None
    assert request.path == "/pools/quotes/pq_1"


def test_a_link_that_cannot_be_read_is_named_and_the_rest_goes_on(contract: Contract) -> None:
    linked = Linked(with_links(contract, {"lost": {"operationId": "nobodysOperation"}}), SEEDS, seed=1)
    (told,) = linked.unreadable
    assert told.startswith(f"{QUOTING}: link lost: ")
    assert len(linked.links) == 10


def test_a_contract_without_links_leads_nowhere(contract: Contract) -> None:
    document = json.loads(json.dumps(contract.document).replace('"links"', '"x-links"'))
    linked = Linked(replace(contract, document=document), SEEDS, seed=1)
    assert (linked.links, linked.roots) == ((), [])
