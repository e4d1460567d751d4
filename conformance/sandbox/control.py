"""The control surface under ``/_sandbox``: what an operator or the passing of time would do.

Outside the contract, there only when asked for, only from this machine, without keys. Its refusals are the same
envelopes as those of the API.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance.sandbox import app, clock, edge, inputs
from conformance.sandbox.calls import Reply, Sandbox
from conformance.sandbox.gate import control as gate_control
from conformance.sandbox.pools import control as pools_control
from conformance.sandbox.pools import world
from conformance.sandbox.refusal import conflict, invalid, not_found
from conformance.sandbox.webhooks import outbox, sending

PREFIX = "/_sandbox"
LONGEST = 2048
LARGEST_ADVANCE = 10 * 366 * 24 * 60 * 60

Action = Callable[[Sandbox, Mapping[str, str], Mapping[str, object]], Reply]


def routes(sandbox: Sandbox, allow_remote_webhooks: bool) -> list[Route]:
    """The routes of the control surface."""

    def set_endpoint(sandbox: Sandbox, path: Mapping[str, str], document: Mapping[str, object]) -> Reply:
        return write_endpoint(sandbox, document, allow_remote_webhooks)

    def set_gate_endpoint(sandbox: Sandbox, path: Mapping[str, str], document: Mapping[str, object]) -> Reply:
        return gate_control.write_endpoint(sandbox, document, allow_remote_webhooks)

    actions: list[tuple[str, str, Action]] = [
        ("POST", "/clock", advance_clock),
        ("POST", "/accounts/{name}", pools_control.patch_account),
        ("POST", "/funding", pools_control.credit),
        ("POST", "/trades/{quoteId}/outcome", pools_control.set_outcome),
        ("POST", "/webhooks/endpoint", set_endpoint),
        ("POST", "/webhooks/redeliver", redeliver),
        ("GET", "/deliveries", list_deliveries),
        ("POST", "/gate/clock", gate_control.advance_clock),
        ("POST", "/gate/accounts/{name}", gate_control.patch_account),
        ("POST", "/gate/sessions/{id}/{move}", gate_control.move_session),
        ("POST", "/gate/rails/{id}/{move}", gate_control.end_rail),
        ("POST", "/gate/domains", gate_control.write_domains),
        ("POST", "/gate/webhooks/endpoint", set_gate_endpoint),
    ]
    return [app.route(PREFIX + path, [method], action_endpoint(sandbox, action)) for method, path, action in actions]


def action_endpoint(sandbox: Sandbox, action: Action) -> app.Endpoint:
    async def endpoint(request: Request) -> Response:
        check_local(request.client.host if request.client else "")
        body = await edge.read_body(request)
        document = inputs.read_object("application/json", body) if request.method == "POST" else {}
        return app.rendered(await run_in_threadpool(action, sandbox, request.path_params, document))

    return endpoint


def check_local(host: str) -> None:
    """404 for a caller from another machine: for it, the surface is not there."""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise not_found("no such path")


def advance_clock(sandbox: Sandbox, path: Mapping[str, str], document: Mapping[str, object]) -> Reply:
    """Move the clock of one account, or of one quote, forward by whole seconds. Never anybody else's."""
    seconds = document.get("advance_seconds")
    if type(seconds) is not int or not 0 <= seconds <= LARGEST_ADVANCE:
        raise invalid(f"advance_seconds must be a whole number from 0 to {LARGEST_ADVANCE}")
    with sandbox.store.write() as tx:
        if "quoteId" in document:
            pools_control.advance_quote(tx, inputs.text(document, "quoteId", LONGEST), seconds)
        else:
            account = known_account(document)
            clock.advance_account(tx, account, seconds)
    return Reply(200, {"advanced": seconds})


def known_account(document: Mapping[str, object]) -> str:
    """The account named in the body; 404 for one the sandbox does not have."""
    account = inputs.text(document, "account", LONGEST)
    if account not in world.ACCOUNTS:
        raise not_found("no such account")
    return account


def write_endpoint(sandbox: Sandbox, document: Mapping[str, object], allow_remote: bool) -> Reply:
    """Where an account's events are delivered from now on."""
    account = known_account(document)
    url = inputs.text(document, "url", LONGEST)
    try:
        sending.check_url(url, allow_remote)
    except sending.EndpointError as error:
        raise invalid(str(error)) from None
    with sandbox.store.write() as tx:
        outbox.set_endpoint(tx, account, url)
    return Reply(200, {"account": account, "url": url})


def redeliver(sandbox: Sandbox, path: Mapping[str, str], document: Mapping[str, object]) -> Reply:
    """Send an event once more, by ``eventId`` or ``transactId``, to the endpoint of now."""
    name = "eventId" if "eventId" in document else "transactId"
    wanted = inputs.text(document, name, LONGEST)
    with sandbox.store.write() as tx:
        events = outbox.events_about(tx, wanted)
        if not events:
            raise not_found("no such event")
        made = []
        for event in events:
            url = outbox.endpoint_of(tx, event["account"])
            if url is None:
                raise conflict("the account has no webhook endpoint")
            made.append(outbox.enqueue(tx, event["event_id"], url, sandbox.clock()))
    sandbox.wake_deliveries()
    return Reply(200, {"deliveries": made})


def list_deliveries(sandbox: Sandbox, path: Mapping[str, str], document: Mapping[str, object]) -> Reply:
    """Every delivery with its state and attempts."""
    with sandbox.store.read() as tx:
        return Reply(200, {"deliveries": outbox.list_deliveries(tx)})
