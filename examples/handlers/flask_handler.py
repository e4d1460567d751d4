"""A webhook handler in Flask, on the vendor's client library and its helper for Flask."""

from __future__ import annotations

import logging

from common import begin, ready
from flask import Flask, request
from werkzeug.serving import make_server
from zerobit.gate import GateClient, WebhookSignatureError
from zerobit.gate.integrations.flask import construct_event_from_request

OPTIONS, SECRET, STORE = begin(__doc__)

# The client wants a key although a webhook handler sends nothing with it.
CLIENT = GateClient(api_key="sk_test_never_sent_anywhere")

app = Flask(__name__)


@app.post("/webhooks")
def webhooks() -> tuple[str, int]:
    try:
        event = construct_event_from_request(CLIENT, request, SECRET)
    except WebhookSignatureError:
        return "", 400
    STORE.take(event)
    return "", 200


@app.get("/effects/<event_id>")
def effects(event_id: str) -> dict[str, int]:
    return {"count": STORE.count(event_id)}


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    server = make_server("127.0.0.1", OPTIONS.port, app, threaded=True)
    ready(server.server_port, server.shutdown, with_stdin=OPTIONS.exit_with_stdin)
    server.serve_forever(poll_interval=0.1)
