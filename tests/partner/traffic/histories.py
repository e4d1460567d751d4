"""Hand-written recordings: entries of an HTTP Archive as a healthy integration makes them, to be changed by tests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from conformance import contract as contracts
from conformance.client import Redactor
from conformance.journal import Journal
from conformance.partner.har import entries
from conformance.partner.traffic import Traffic
from conformance.partner.traffic_caller import recorded_by_browser
from conformance.partner.traffic_reading import Origins
from conformance.partner.traffic_record import Recorder, Survey

START = datetime(2026, 5, 25, 12, 0, 0, tzinfo=UTC)
SANDBOX = "https://pools-api-sandbox.0bit.app/v1"
GATE = "https://gate-api-sandbox.0bit.app/v1"
SECRET = "sk_test_" + "a" * 32
PUBLISHABLE = "pk_test_" + "b" * 32
POOL = "EUR-USDT"
CHROME = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36",
    "Origin": "https://shop.partner.example",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "cors",
}

CONTRACTS = {product: contracts.load(None, product) for product in ("pools", "gate")}

Entry = dict[str, Any]


def at(seconds: float) -> str:
    """A time of the recording, in seconds after its start."""
    return (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def entry(
    seconds: float,
    method: str,
    path: str,
    body: Any = None,
    status: int = 200,
    answer: Any = None,
    *,
    base: str = SANDBOX,
    key: str | None = SECRET,
    sent: Mapping[str, str] | None = None,
    got: Mapping[str, str] | None = None,
    took: float = 0.05,
    skew: float = 0.0,
) -> Entry:
    """One entry. ``skew`` is how far the server's clock is ahead of the recorder's, in seconds."""
    request_headers = {"User-Agent": "wallet/1.0", "Accept": "application/json"}
    request_headers |= {"Authorization": f"Bearer {key}"} if key else {}
    request_headers |= {"Content-Type": "application/json"} if body is not None else {}
    served = START + timedelta(seconds=seconds + took + skew)
    response_headers = {"Content-Type": "application/json", "X-Request-Id": f"req_{seconds:g}"}
    response_headers |= {"Date": format_datetime(served.replace(microsecond=0), usegmt=True)} | dict(got or {})
    request: dict[str, Any] = {"method": method, "url": f"{base}{path}", "headers": _pairs(request_headers, sent)}
    if body is not None:
        request["postData"] = {"mimeType": "application/json", "text": json.dumps(body)}
    response: dict[str, Any] = {"status": status, "headers": _pairs(response_headers, None) if status else []}
    if status:
        response["content"] = {"mimeType": "application/json", "text": json.dumps(answer if answer is not None else {})}
    return {"startedDateTime": at(seconds), "time": took * 1000, "request": request, "response": response}


def _pairs(headers: Mapping[str, str], more: Mapping[str, str] | None) -> list[dict[str, str]]:
    """Headers as an archive lists them; an empty value in ``more`` takes one away."""
    merged = {name: value for name, value in ({**headers, **(more or {})}).items() if value}
    return [{"name": name, "value": value} for name, value in merged.items()]


def refusal(code: str, status: int) -> dict[str, Any]:
    """The error envelope."""
    return {"type": "invalid_request", "code": code, "message": "no", "request_id": "req_1", "statusCode": status}


def discovery(seconds: float, **changes: Any) -> Entry:
    """The pools, read with a publishable key."""
    answer = {"pools": [{"id": POOL, "pair": "EUR/USDT", "available": True}]}
    return entry(seconds, "GET", "/pools", answer=answer, **{"key": PUBLISHABLE, **changes})


def capabilities(seconds: float, pool: str = POOL, **changes: Any) -> Entry:
    """What a pool offers."""
    answer = {"poolId": pool, "sides": ["on_ramp"], "supportedNetworks": ["tron", "ethereum"]}
    return entry(seconds, "GET", f"/pools/{pool}/capabilities", answer=answer, **changes)


def quoted(seconds: float, quote: str = "pq_test_1", *, ttl: float = 15, asked: Any = None, **changes: Any) -> Entry:
    """A firm quote."""
    body = {"side": "on_ramp", "amount": "100.00", "cryptoNetwork": "tron", "type": "firm"} | (asked or {})
    answer = {"available": True, "executable": True, "quoteId": quote, "expiresAt": at(seconds + ttl)}
    return entry(seconds, "POST", f"/pools/{POOL}/quote", body, **{"answer": answer, **changes})


def transacted(seconds: float, quote: Any = "pq_test_1", key: str = "order-1", **changes: Any) -> Entry:
    """An execution, accepted."""
    more = changes.pop("more", {})
    answer = {"transactId": f"txn_{quote}", "quoteId": quote, "status": "reserved"}
    body = {"quoteId": quote} | more
    merged = {"answer": answer, **changes}
    merged["sent"] = {"Idempotency-Key": key} | dict(merged.get("sent") or {})
    if merged.get("status", 200) >= 400:
        merged["answer"] = changes.get("answer", refusal("refused", merged["status"]))
    return entry(seconds, "POST", f"/pools/{POOL}/transact", body, **merged)


def polled(seconds: float, state: str, quote: str = "pq_test_1", **changes: Any) -> Entry:
    """A status poll that says ``state``."""
    answer = {"transactId": f"txn_{quote}", "quoteId": quote, "status": state}
    return entry(seconds, "GET", f"/pools/transactions/{quote}", **{"answer": answer, **changes})


def ledger(seconds: float) -> Entry:
    """The ledger."""
    return entry(seconds, "GET", "/pools/ledger", answer={"currency": "EUR", "entries": []})


def session(seconds: float, key: str = "order-1-session", body: Any = None, **changes: Any) -> Entry:
    """A hosted session of 0Gate."""
    asked = {"amount": "100.00", "currency": "EUR", "return_url": "https://partner.example/done"} | (body or {})
    sent = {"Idempotency-Key": key} if key else {}
    answer = {"id": f"gs_test_{seconds:g}", "client_secret": f"gsec_gs_test_{seconds:g}_0123456789abcdef"}
    return entry(seconds, "POST", "/gate_sessions", asked, **{"answer": answer, "base": GATE, "sent": sent, **changes})


def bootstrap(seconds: float, **changes: Any) -> Entry:
    """The widget's bootstrap, from the browser."""
    body = {"clientSecret": "gsec_gs_test_1_0123456789abcdef"}
    merged = {"base": GATE, "key": PUBLISHABLE, "sent": CHROME, "answer": {"embed_token": "eyJ.a.b"}, **changes}
    return entry(seconds, "POST", "/embed/bootstrap", body, **merged)


def healthy() -> list[Entry]:
    """Two orders from discovery to reconciliation, one settled and one released."""
    return [
        discovery(0),
        capabilities(1),
        quoted(2, "pq_test_1"),
        transacted(4, "pq_test_1", "order-1"),
        polled(5, "reserved", "pq_test_1"),
        polled(7, "settled", "pq_test_1"),
        quoted(10, "pq_test_2"),
        transacted(12, "pq_test_2", "order-2"),
        polled(13, "reserved", "pq_test_2"),
        polled(15, "released", "pq_test_2"),
        ledger(20),
    ]


def archive(found: Iterable[Entry], *, creator: str = "proxy", comment: str = "") -> dict[str, Any]:
    """The entries as an HTTP Archive."""
    made = {"name": creator, "version": "1"}
    return {"log": {"version": "1.2", "creator": made, "comment": comment, "entries": list(found)}}


def written(path: Path, found: Iterable[Entry], **changes: str) -> Path:
    """The entries as a file."""
    path.write_text(json.dumps(archive(found, **changes)), "utf-8")
    return path


def traffic(folder: Path, found: Iterable[Entry], *, from_start: bool = False, **changes: str) -> Traffic:
    """The calls of these entries, read the way the command reads them."""
    path = written(folder / "recording.har", found, **changes)
    survey = Survey(Origins(), frozenset({"client_secret", "clientSecret"}))
    for _, item in entries(path):
        survey.note(item)
    journal = Journal(folder / "journal", "main")
    in_browser = recorded_by_browser(changes.get("creator", ""), "")
    recorder = Recorder(journal, Redactor(b"k", survey.secrets, survey.sensitive), CONTRACTS, survey, in_browser)
    for number, item in entries(path):
        recorder.take(number, item)
    journal.close()
    return recorder.traffic(from_start)
