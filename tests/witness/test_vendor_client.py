"""The vendor's published Python client, unmodified, against our sandbox: what it can do, and what it does badly."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import zerobit.gate as vendor
from requests.adapters import HTTPAdapter
from zerobit.gate._http import HttpClient
from zerobit.gate.types import EmbedBootstrapResponse, SessionWithClientSecret

from tests.sandbox.gate import contract
from tests.sandbox.gate.endpoint import Endpoint, listening
from tests.sandbox.gate.partner import SESSION, Gate, gate_of
from tests.sandbox.process import Sandbox, running

PAGE = "https://shop.example"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running("--control") as started:
        yield started


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with listening() as made:
        yield made


def client_of(sandbox: Sandbox, key: str = "sk_test_sandbox_approved", **options: Any) -> vendor.GateClient:
    """The client with a key of the sandbox. It puts ``/v1`` into its paths, so it is given what stands before that."""
    return vendor.GateClient(api_key=key, base_url=sandbox.url.removesuffix("/v1") + "/gate", **options)


@pytest.fixture(scope="module")
def client(sandbox: Sandbox) -> vendor.GateClient:
    return client_of(sandbox)


def test_a_session_is_created_read_and_cancelled(client: vendor.GateClient) -> None:
    created = client.sessions.create({**SESSION, "metadata": {"order_id": "order_test_1"}})
    read = client.sessions.retrieve(created["id"])
    cancelled = client.sessions.cancel(created["id"])

    assert created["client_secret"].startswith(f"gsec_{created['id']}_")
    assert {**read, "client_secret": created["client_secret"]} == created
    assert (read["status"], read["mode"], read["metadata"]) == ("open", "test", {"order_id": "order_test_1"})
    assert cancelled == {**read, "status": "cancelled"}


def test_a_session_has_every_member_the_client_types(client: vendor.GateClient) -> None:
    assert SessionWithClientSecret.__required_keys__ <= client.sessions.create(SESSION).keys()


def test_a_create_repeated_under_the_caller_s_key_is_the_same_session(client: vendor.GateClient) -> None:
    key = str(uuid.uuid4())

    assert client.sessions.create(SESSION, idempotency_key=key) == client.sessions.create(SESSION, idempotency_key=key)


def test_a_widget_is_started_for_a_session_from_an_allowed_page(sandbox: Sandbox, client: vendor.GateClient) -> None:
    # The client sets no Origin itself; it takes the HTTP session it is given.
    http = requests.Session()
    http.headers["Origin"] = PAGE
    created = client.sessions.create(SESSION)

    started = client_of(sandbox, "pk_test_sandbox_approved", session=http).embed.bootstrap(
        {"clientSecret": created["client_secret"]}
    )

    assert EmbedBootstrapResponse.__required_keys__ <= started.keys()
    assert (started["session_id"], started["amount"]) == (created["id"], created["amount"])


def mistaken_key(sandbox: Sandbox) -> object:
    return client_of(sandbox, "sk_test_nobody").sessions.retrieve("gs_test_any")


def wrong_mode(sandbox: Sandbox) -> object:
    return client_of(sandbox, "sk_live_sandbox_wrong_mode").sessions.retrieve("gs_test_any")


def unknown_session(sandbox: Sandbox) -> object:
    return client_of(sandbox).sessions.retrieve("gs_test_any")


def number_for_an_amount(sandbox: Sandbox) -> object:
    return client_of(sandbox).sessions.create({**SESSION, "amount": "free"})


def other_body_under_one_key(sandbox: Sandbox) -> object:
    key = str(uuid.uuid4())
    client_of(sandbox).sessions.create(SESSION, idempotency_key=key)
    return client_of(sandbox).sessions.create({**SESSION, "amount": "7.00"}, idempotency_key=key)


def cancelled_twice(sandbox: Sandbox) -> object:
    session = client_of(sandbox).sessions.create(SESSION)["id"]
    client_of(sandbox).sessions.cancel(session)
    return client_of(sandbox).sessions.cancel(session)


def widget_from_nowhere(sandbox: Sandbox) -> object:
    return client_of(sandbox, "pk_test_sandbox_approved").embed.bootstrap()


def throttled(sandbox: Sandbox) -> object:
    return client_of(sandbox, "sk_test_sandbox_throttled", max_retries=0).sessions.retrieve("gs_test_any")


@pytest.mark.parametrize(
    ("call", "status", "kind"),
    [
        (number_for_an_amount, 400, vendor.InvalidRequestError),
        (mistaken_key, 401, vendor.AuthenticationError),
        (wrong_mode, 403, vendor.PermissionError),
        (widget_from_nowhere, 403, vendor.PermissionError),
        (unknown_session, 404, vendor.GateError),
        (other_body_under_one_key, 409, vendor.IdempotencyError),
        (cancelled_twice, 409, vendor.IdempotencyError),
        (throttled, 429, vendor.RateLimitError),
    ],
)
def test_our_errors_are_of_its_classes(
    sandbox: Sandbox, call: Callable[[Sandbox], object], status: int, kind: type[vendor.GateError]
) -> None:
    with pytest.raises(vendor.GateError) as raised:
        call(sandbox)

    error = raised.value
    assert type(error) is kind
    assert (error.status_code, str(error)) == (status, error.raw["message"])
    assert error.request_id == error.raw["request_id"]


def test_a_throttled_caller_is_told_how_long_to_wait(sandbox: Sandbox) -> None:
    with pytest.raises(vendor.RateLimitError) as raised:
        throttled(sandbox)

    assert raised.value.retry_after_seconds is not None
    assert raised.value.retry_after_seconds > 0


def test_it_verifies_every_event_the_worker_delivers(
    sandbox: Sandbox, client: vendor.GateClient, endpoint: Endpoint
) -> None:
    for account in ("approved", "trusted"):
        assert sandbox.control("/gate/webhooks/endpoint", account=account, url=endpoint.url).status_code == 200
    every_type = set(contract.document()["webhooks"])

    make_everything_happen(gate_of(sandbox), gate_of(sandbox, "trusted"))

    seen: dict[str, dict[str, Any]] = {}
    while every_type - seen.keys():
        headers, event, body = endpoint.next()
        owner = event["data"].get("partner_id", "partner_approved").removeprefix("partner_")
        verified = client.webhooks.construct_event(body, headers["gate-signature"], f"whsec_sandbox_{owner}")
        assert verified == event
        seen[event["type"]] = event
    assert len(seen) == 21
    assert seen["gate_session.completed"]["data"]["tx_refid"]


def make_everything_happen(gate: Gate, trusted: Gate) -> None:
    """One event of every type, at least."""
    for moves in (["process", "complete"], ["fail"], ["expire"], ["require_kyc"]):
        session = gate.session()["id"]
        for move in moves:
            assert gate.move(session, move).status_code == 200
    gate.made("cancelSession", id=gate.session()["id"])
    for end in ("settle", "fail", "cancel"):
        for rail in (gate.pay_in(), gate.pay_out()):
            assert gate.end_rail(rail["id"], end).status_code == 200
    customer = gate.customer()["id"]
    gate.made("updateCustomer", {"first_name": "New"}, id=customer)
    gate.made("deleteCustomer", id=customer)
    gate.made("sendTestWebhook")
    trusted.session(kyc_package={"document": "PASSPORT-SPECIMEN"})


@pytest.mark.parametrize(
    ("spoil", "secret"),
    [
        (lambda body: body + b" ", "whsec_sandbox_approved"),
        (lambda body: body, "whsec_sandbox_other_partner"),
    ],
    ids=["another body", "another secret"],
)
def test_it_refuses_what_the_worker_did_not_sign_so(
    sandbox: Sandbox, client: vendor.GateClient, endpoint: Endpoint, spoil: Callable[[bytes], bytes], secret: str
) -> None:
    sandbox.control("/gate/webhooks/endpoint", account="approved", url=endpoint.url)
    gate_of(sandbox).made("sendTestWebhook")
    headers, _, body = endpoint.next()

    with pytest.raises(vendor.WebhookSignatureError):
        client.webhooks.construct_event(spoil(body), headers["gate-signature"], secret)


class LosesAnswers(HTTPAdapter):
    """Sends every request, and loses the answer to the first of them on the way back."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[str] = []
        self.answers: list[dict[str, Any]] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        answer = super().send(request, *args, **kwargs)
        self.keys.append(request.headers["Idempotency-Key"])
        self.answers.append(answer.json())
        if len(self.answers) == 1:
            raise requests.exceptions.ConnectionError("the answer was lost")
        return answer


@pytest.mark.parametrize(
    ("own_key", "keys", "sessions"),
    [
        pytest.param(None, 2, 2, id="its own retry makes a second session"),
        pytest.param("order-4711", 1, 1, id="a key of the caller's prevents that"),
    ],
)
def test_it_draws_a_new_key_for_each_of_its_own_retries(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, own_key: str | None, keys: int, sessions: int
) -> None:
    monkeypatch.setattr(HttpClient, "_sleep", lambda _self, _seconds: None)
    http, lossy = requests.Session(), LosesAnswers()
    http.mount("http://", lossy)

    made = client_of(sandbox, session=http).sessions.create(SESSION, idempotency_key=own_key)

    assert len(lossy.answers) == 2
    assert (len(set(lossy.keys)), len({answer["id"] for answer in lossy.answers})) == (keys, sessions)
    assert made == lossy.answers[-1]
