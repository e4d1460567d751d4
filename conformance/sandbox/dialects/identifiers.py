"""Variations in what an identifier looks like: trades, quotes and requests."""

from __future__ import annotations

import re
import secrets
import uuid
from contextvars import ContextVar

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from conformance.sandbox import edge
from conformance.sandbox.dialects.rewriting import around
from conformance.sandbox.pools import quotes, trades
from conformance.sandbox.variations import Patch, dialect

TRADE_PREFIXES = "facts C7: pages show txn_test_, pt_test_ and pool_trade_ ids; treat the id as opaque"
USABLE = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)
OPAQUE = "facts section 3: all ids are to be treated as opaque"


@dialect("trade-id-pt", summary="Trade ids read pt_test_…", fact=TRADE_PREFIXES)
def trade_id_pt(patch: Patch) -> None:
    patch.replace(trades, "new_transact_id", lambda mode: f"pt_{mode}_{secrets.token_hex(8)}")


@dialect("trade-id-pool-trade", summary="Trade ids read pool_trade_…", fact=TRADE_PREFIXES)
def trade_id_pool_trade(patch: Patch) -> None:
    patch.replace(trades, "new_transact_id", lambda mode: f"pool_trade_{secrets.token_hex(8)}")


@dialect("trade-id-uuid", summary="Trade ids are UUIDs", fact=TRADE_PREFIXES)
def trade_id_uuid(patch: Patch) -> None:
    patch.replace(trades, "new_transact_id", lambda mode: str(uuid.uuid4()))


@dialect("trade-id-plain", summary="Trade ids are letters and digits without a separator", fact=TRADE_PREFIXES)
def trade_id_plain(patch: Patch) -> None:
    patch.replace(trades, "new_transact_id", lambda mode: f"T{secrets.token_hex(12).upper()}")


@dialect("quote-id-uuid", summary="Quote ids are UUIDs", fact=OPAQUE)
def quote_id_uuid(patch: Patch) -> None:
    patch.replace(quotes, "new_quote_id", lambda mode: str(uuid.uuid4()))


@dialect(
    "request-id-short",
    summary="Request ids are upper case and name no mode",
    fact="facts section 3: samples req_test_000000000123 and req_01HZY0POOLS",
)
def request_id_short(patch: Patch) -> None:
    patch.replace(edge, "new_request_id", lambda mode: f"req_01{secrets.token_hex(6).upper()}")


@dialect("request-id-uuid", summary="Request ids are UUIDs", fact=f"{OPAQUE}; the prefix req_ is seen in samples only")
def request_id_uuid(patch: Patch) -> None:
    patch.replace(edge, "new_request_id", lambda mode: str(uuid.uuid4()))


@dialect(
    "request-id-adopted",
    summary="A request id sent by the client is taken over",
    fact="facts section 14: what happens to an X-Request-Id supplied by the client is stated nowhere",
)
def request_id_adopted(patch: Patch) -> None:
    sent: ContextVar[str] = ContextVar("sent", default="")
    inner = edge.new_request_id

    def remembering(application: ASGIApp) -> ASGIApp:
        async def remember(scope: Scope, receive: Receive, send: Send) -> None:
            given = Headers(scope=scope).get("x-request-id", "")
            sent.set(given if USABLE.fullmatch(given) else "")
            await application(scope, receive, send)

        return remember

    around(patch, remembering)
    patch.replace(edge, "new_request_id", lambda mode: sent.get() or inner(mode))
