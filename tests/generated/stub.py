"""A small 0Pools on loopback, honest unless it is told one lie. State in memory, time never passes, trades settle."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

POOL = {"id": "EUR-USDT", "pair": "EUR/USDT", "fiatCurrency": "EUR", "cryptoCurrency": "USDT", "available": True}
NETWORKS = ("tron", "ethereum", "bsc", "polygon", "solana")
SOON = "2099-01-01T00:00:15Z"
NOW = "2099-01-01T00:00:00Z"


@dataclass(frozen=True)
class Call:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        """The body as JSON; None where it is not."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None


@dataclass(frozen=True)
class Answer:
    """One answer before it goes out."""

    status: int
    body: Any
    media: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    def with_body(self, **members: Any) -> Answer:
        """The same answer with members replaced."""
        return replace(self, body={**self.body, **members})


Lie = Callable[["Stub", Call, Answer], Answer]
"""Turns the honest answer to a call into another one; what the honest answer did has been done."""


def error(status: int, code: str = "invalid_request") -> Answer:
    """The documented envelope; the request id is filled in on the way out."""
    body = {"type": code, "code": code, "message": "no", "request_id": None, "doc_url": None, "statusCode": status}
    return Answer(status, body)


class Stub:
    """The state of one partner and the twelve operations over it."""

    def __init__(self, lie: Lie | None = None) -> None:
        self.lie = lie
        self.quotes: dict[str, dict[str, Any]] = {}
        self.trades: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, str] = {}
        self.calls: list[Call] = []
        self._lock = threading.Lock()

    def handle(self, call: Call) -> Answer:
        """Answer one call, honestly or not."""
        with self._lock:
            self.calls.append(call)
            answer = self.honest(call)
            answer = self.lie(self, call, answer) if self.lie else answer
            request_id = f"req_test_{len(self.calls)}"
            if isinstance(answer.body, dict) and answer.body.get("request_id", "") is None:
                answer = answer.with_body(request_id=request_id)
            return replace(answer, headers={"X-Request-Id": request_id, **answer.headers})

    def honest(self, call: Call) -> Answer:
        """What a conforming target answers."""
        if not call.headers.get("authorization", "").startswith(("Bearer sk_test_", "Bearer pk_test_")):
            return error(401, "unauthorized")
        routes: list[tuple[str, str, Callable[..., Answer]]] = [
            ("GET", r"/pools", lambda call: Answer(200, {"pools": [POOL]})),
            ("GET", r"/pools/trades", self._list_trades),
            ("GET", r"/pools/funding", self._funding),
            ("GET", r"/pools/ledger", self._ledger),
            ("GET", r"/pools/trades/([^/]+)", self._trade),
            ("GET", r"/pools/transactions/([^/]+)", self._poll),
            ("GET", r"/pools/quotes/([^/]+)", self._read_quote),
            ("POST", r"/pools/quotes/([^/]+)/reject", self._reject),
            ("GET", r"/pools/([^/]+)/capabilities", self._capabilities),
            ("GET", r"/pools/([^/]+)/balance", self._balance),
            ("POST", r"/pools/([^/]+)/quote", self._quote),
            ("POST", r"/pools/([^/]+)/transact", self.transact),
        ]
        for method, pattern, operation in routes:
            match = re.fullmatch(pattern, call.path)
            if match and method == call.method:
                return operation(call, *(unquote(value) for value in match.groups()))
        return error(404, "not_found")

    def execute(self, quote: str, key: str) -> Answer:
        """Make the trade of a quote, once."""
        terms = self.quotes[quote]
        if "transactId" not in terms:
            terms["transactId"] = f"txn_test_{len(self.trades) + 1}"
            terms["status"] = "consumed"
            kept = ("poolId", "side", "fiatCurrency", "cryptoCurrency", "fiatAmount", "cryptoAmount", "cryptoNetwork")
            trade = {name: terms[name] for name in (*kept, "rate", "spreadBps", "feeBps", "quoteId", "transactId")}
            self.trades[terms["transactId"]] = {**trade, "status": "reserved", "createdAt": NOW, "settledAt": None}
        self.keys.setdefault(key, quote)
        return Answer(201, self.trades[terms["transactId"]])

    def _capabilities(self, call: Call, pool: str) -> Answer:
        if pool != POOL["id"]:
            return error(404, "not_found")
        known = {name: POOL[name] for name in ("pair", "fiatCurrency", "cryptoCurrency")}
        rest = {"tier": "standard", "drawFeeBps": 30, "spreadCapBps": 50, "minOrderUsdt": "5.00"}
        return Answer(200, {"poolId": pool, **known, "supportedNetworks": ["tron"], "sides": ["on_ramp"], **rest})

    def _balance(self, call: Call, pool: str) -> Answer:
        if pool != POOL["id"]:
            return error(404, "not_found")
        return Answer(200, {"available": True, "balance": None, "tier": "standard", "allowedPools": [pool]})

    def _quote(self, call: Call, pool: str) -> Answer:
        if pool != POOL["id"]:
            return error(404, "not_found")
        asked = call.body
        if not isinstance(asked, dict) or not _is_acceptable(asked):
            return error(400)
        return self.quoted(pool, asked)

    def quoted(self, pool: str, asked: dict[str, Any]) -> Answer:
        """A quote for an acceptable request."""
        firm = asked.get("type", "firm") == "firm"
        terms = {
            "available": True,
            "executable": firm,
            "type": "firm" if firm else "indicative",
            "poolId": pool,
            "side": asked["side"],
            "fiatCurrency": "EUR",
            "cryptoCurrency": "USDT",
            "fiatAmount": str(asked["amount"]),
            "cryptoAmount": "10.00",
            "cryptoNetwork": asked.get("cryptoNetwork", "tron"),
            "rate": "1.00",
            "spreadBps": 25,
            "feeBps": 30,
        }
        if firm:
            terms |= {"quoteId": f"pq_test_{len(self.quotes) + 1}", "createdAt": NOW, "expiresAt": SOON}
            self.quotes[str(terms["quoteId"])] = {**terms, "status": "active"}
        return Answer(200, terms)

    def _read_quote(self, call: Call, quote: str) -> Answer:
        return Answer(200, self.quotes[quote]) if quote in self.quotes else error(404, "not_found")

    def _reject(self, call: Call, quote: str) -> Answer:
        if quote not in self.quotes:
            return error(404, "not_found")
        if self.quotes[quote]["status"] != "active":
            return error(409, "conflict")
        self.quotes[quote]["status"] = "rejected"
        return Answer(200, self.quotes[quote])

    def transact(self, call: Call, pool: str) -> Answer:
        """Execute a firm quote under a key."""
        key, asked = call.headers.get("idempotency-key", ""), call.body
        if not key or not isinstance(asked, dict) or not isinstance(asked.get("quoteId"), str):
            return error(400)
        quote = asked["quoteId"]
        if pool != POOL["id"] or quote not in self.quotes:
            return error(404, "not_found")
        if self.keys.get(key, quote) != quote or self.quotes[quote]["status"] == "rejected":
            return error(409, "conflict")
        return self.execute(quote, key)

    def _poll(self, call: Call, quote: str) -> Answer:
        trade = self.trades.get(self.quotes.get(quote, {}).get("transactId", ""))
        if trade is None:
            return error(404, "not_found")
        trade |= {"status": "settled", "settledAt": NOW}
        return Answer(200, trade)

    def _trade(self, call: Call, trade: str) -> Answer:
        return Answer(200, self.trades[trade]) if trade in self.trades else error(404, "not_found")

    def _list_trades(self, call: Call) -> Answer:
        return Answer(200, {"trades": list(self.trades.values()), "nextCursor": None, "hasMore": False})

    def _funding(self, call: Call) -> Answer:
        if call.query.get("currency", ["EUR"]) != ["EUR"]:
            return error(400)
        return Answer(200, {"currency": "EUR", "iban": None, "reference": "R1", "instructions": "Soon."})

    def _ledger(self, call: Call) -> Answer:
        return Answer(200, {"currency": "EUR", "available": "0.00", "entries": [], "nextCursor": None})


def _is_acceptable(asked: dict[str, Any]) -> bool:
    amount = asked.get("amount")
    return (
        asked.get("side") in ("on_ramp", "off_ramp")
        and asked.get("fiatCurrency") == "EUR"
        and asked.get("cryptoCurrency") == "USDT"
        and isinstance(amount, str)
        and re.fullmatch(r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,8})?", amount) is not None
        and amount.strip("0.") != ""
        and asked.get("cryptoNetwork", "tron") in NETWORKS
        and asked.get("type", "firm") in ("firm", "indicative")
    )


@contextlib.contextmanager
def serving(stub: Stub) -> Iterator[str]:
    """``stub`` on a free loopback port; gives its base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            url = urlsplit(self.path)
            call = Call(
                self.command,
                url.path.removeprefix("/v1"),
                parse_qs(url.query, keep_blank_values=True),
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(int(self.headers.get("content-length", 0))),
            )
            answer = stub.handle(call)
            body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in {"Content-Type": answer.media, **answer.headers}.items():
                if value:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer  # noqa: N815 - the names the library calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's signature
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
