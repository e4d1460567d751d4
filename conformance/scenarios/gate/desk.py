"""The moves scenarios make on 0Gate: open a session, lock a quote, redeem it, record a customer, walk a list.

Nothing here judges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from conformance.client import GateApi, Refused, Reply
from conformance.scenarios.bench import Bench, merged
from conformance.scenarios.pools.desk import decimal, moment

PAGES = 40
"""Bound of a walk in pages. A longer history is judged on its newest part."""
LATE = 3
"""How often a row that is not there yet is looked for again: no source says that lists are up to date at once."""
RECENT = timedelta(minutes=15)
"""How long before the run started a row may have been made and still be looked at: clocks differ."""
MARGIN = 3.0
"""Seconds around an expiry within which nothing is judged."""

ON_RAMP, OFF_RAMP = "on_ramp", "off_ramp"
RAIL_OF = {ON_RAMP: "pay_in", OFF_RAMP: "pay_out"}
SIDE_OF = {rail: side for side, rail in RAIL_OF.items()}
SESSION_ENDS = frozenset({"completed", "expired", "cancelled"})
RAIL_ENDS = frozenset({"settled", "failed", "cancelled"})

Page = Callable[..., Reply]


@dataclass(frozen=True, slots=True)
class Terms:
    """What this run asks 0Gate for at this target, the same wherever a scenario has no reason to differ."""

    amount: str
    currency: str
    country: str | None
    asset: str
    payment_method: str | None
    payout_method: str | None
    return_url: str


@dataclass(frozen=True, slots=True)
class Session:
    """A session of this run, the request that made it and the answer."""

    id: str
    secret: str | None
    request: dict[str, object]
    reply: Reply

    @property
    def tag(self) -> str:
        """What stands in the metadata of this session and of no other."""
        metadata = self.request.get("metadata")
        return str(metadata.get("conformance_tag")) if isinstance(metadata, dict) else ""


@dataclass(frozen=True, slots=True)
class Quote:
    """A signed quote of this run, the request that locked it and the answer."""

    id: str
    side: str
    request: dict[str, object]
    reply: Reply

    @property
    def expires(self) -> datetime | None:
        """When the lock ends, as the quote says."""
        return moment(self.reply.object().get("expires_at"))

    @property
    def rail(self) -> str:
        """The kind of rail that redeems it."""
        return RAIL_OF[self.side]


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer record of this run, the request that made it and the answer."""

    id: str
    request: dict[str, object]
    reply: Reply


class Desk:
    """0Gate worked by one account."""

    def __init__(self, bench: Bench, account: str = "approved") -> None:
        self.bench = bench
        self.account = account
        self.api: GateApi = bench.gate(account)

    @property
    def terms(self) -> Terms:
        """What to ask for: the profile's [session] where it says, else what the capabilities offer."""
        kept = f"gate terms {self.account}"
        if kept not in self.bench.shared:
            self.bench.shared[kept] = choose_terms(self.bench, self.api)
        found: Terms = self.bench.shared[kept]
        return found

    def tag(self) -> str:
        """A word that no other object of any run bears."""
        return self.bench.key()

    # -- sessions --------------------------------------------------------------------------------------------------

    def session_request(self, **overrides: object) -> dict[str, object]:
        """A plain session request with a tag of its own; an override of None leaves the member out."""
        plain: dict[str, object] = {
            "amount": self.terms.amount,
            "currency": self.terms.currency,
            "return_url": self.terms.return_url,
            "metadata": {"conformance_tag": self.tag()},
        }
        return merged(plain, overrides)

    def open_session(self, **overrides: object) -> Session:
        """An open session. Raises ``Refused`` when the target does not give one to a plain request."""
        request = self.session_request(**overrides)
        reply = self.api.create_session(request, self.bench.uuid())
        session = self.noted(request, reply)
        if session is None:
            raise Refused(f"a session to work with (the target answered {reply.status})", "the operator of the target")
        return session

    def noted(self, request: dict[str, object], reply: Reply) -> Session | None:
        """The session in ``reply``, remembered so that it can be tidied away; None if there is none."""
        found = reply.object() if reply.ok else {}
        name = found.get("id")
        if not isinstance(name, str) or not name:
            return None
        self.bench.open_sessions[name] = self.account
        secret = found.get("client_secret")
        return Session(name, secret if isinstance(secret, str) else None, request, reply)

    def ended(self, session: str) -> None:
        """Forget a session that needs no tidying any more."""
        self.bench.open_sessions.pop(session, None)

    def sessions_tagged(self, tag: str) -> list[dict[str, Any]]:
        """The sessions of the list whose metadata bears ``tag``."""
        rows = self.walk(self.api.list_sessions, limit="100")
        return [row for _, row in rows if (row.get("metadata") or {}).get("conformance_tag") == tag]

    def status_of(self, session: str) -> str:
        """The status a session reads, or the HTTP status where it does not."""
        reply = self.api.session(session)
        return str(reply.object().get("status")) if reply.ok else f"HTTP {reply.status}"

    # -- quotes and rails ------------------------------------------------------------------------------------------

    def quote_request(self, side: str = ON_RAMP, **overrides: object) -> dict[str, object]:
        """A plain request for a signed quote; an override of None leaves the member out."""
        method = self.terms.payment_method if side == ON_RAMP else self.terms.payout_method
        if method is None:
            what = "payment_method" if side == ON_RAMP else "payout_method"
            raise Refused(
                f"a {what} under [session] in the profile, or in the capabilities", "the author of the profile"
            )
        plain: dict[str, object] = {
            "currency": self.terms.currency,
            "asset": self.terms.asset,
            "amount": self.terms.amount,
            "side": side,
            "payment_method": method,
        }
        return merged(plain, overrides)

    def lock(self, side: str = ON_RAMP, **overrides: object) -> Quote:
        """A signed quote. Raises ``Refused`` when the target does not give one to a plain request."""
        request = self.quote_request(side, **overrides)
        reply = self.api.lock_quote(request, self.bench.uuid())
        found = reply.object().get("id") if reply.ok else None
        if not isinstance(found, str) or not found:
            what = "an account with the rails entitlement" if reply.status == 403 else "a signed quote to work with"
            raise Refused(f"{what} (the target answered {reply.status})", "the operator of the target")
        return Quote(found, side, request, reply)

    def redeem(self, session: str, quote: Quote, key: str | None, **extra: object) -> Reply:
        """Redeem a quote on the rail of its side. Spends the profile's limits."""
        self.bench.afford(str(quote.request["amount"]))
        body = {"gate_session_id": session, "quote_id": quote.id, **extra}
        return self.api.create_rail(quote.rail, body, key)

    def quote_status(self, quote: Quote) -> str:
        """The status a quote reads, or the HTTP status where it does not."""
        reply = self.api.quote(quote.id)
        return str(reply.object().get("status")) if reply.ok else f"HTTP {reply.status}"

    def has_faded(self, quote: Quote) -> bool:
        """Whether real time has brought a quote so near its expiry that its state cannot be predicted."""
        return quote.expires is not None and (quote.expires - self.bench.clock.now()).total_seconds() < MARGIN

    def untouched(self, quote: Quote, status: str) -> bool:
        """Whether ``status``, just read, is that of a quote nobody redeemed: active, or lapsed in real time."""
        return status == "active" or (status == "expired" and self.has_faded(quote))

    # -- customers -------------------------------------------------------------------------------------------------

    def customer_request(self, **overrides: object) -> dict[str, object]:
        """A plain customer request whose address and reference nobody has; an override of None leaves a member out."""
        tag = self.tag()
        plain: dict[str, object] = {
            "email": f"{tag}@conformance.example",
            "external_id": tag,
            "first_name": "Conformance",
            "metadata": {"conformance_tag": tag},
        }
        return merged(plain, overrides)

    def record_customer(self, **overrides: object) -> Customer:
        """A customer record. Raises ``Refused`` when the target does not make one of a plain request."""
        request = self.customer_request(**overrides)
        reply = self.api.create_customer(request, self.bench.uuid())
        customer = self.noted_customer(request, reply)
        if customer is None:
            what = "an account with customer records" if reply.status == 403 else "a customer record to work with"
            raise Refused(f"{what} (the target answered {reply.status})", "the operator of the target")
        return customer

    def noted_customer(self, request: dict[str, object], reply: Reply) -> Customer | None:
        """The customer in ``reply``, remembered so that it can be tidied away; None if there is none."""
        name = reply.object().get("id") if reply.ok else None
        if not isinstance(name, str) or not name:
            return None
        self.bench.customers[name] = self.account
        return Customer(name, request, reply)

    # -- lists -----------------------------------------------------------------------------------------------------

    def walk(self, read: Page, *, pages: int = PAGES, **query: str) -> Iterator[tuple[Reply, dict[str, Any]]]:
        """Walk a list by cursor, newest first, with the page each row stands on; stops at rows older than this run.

        The cursor is the id of the last row (``refid`` for a transaction). Raises ``Refused`` for a page that is not
        answered with 2xx.
        """
        after: str | None = None
        for _ in range(pages):
            reply = readable(read(**query, **({"starting_after": after} if after else {})))
            rows = the_rows(reply)
            for row in rows:
                yield reply, row
            last = rows[-1] if rows else {}
            after = last.get("id") or last.get("refid")
            if reply.object().get("has_more") is not True or not isinstance(after, str) or self.is_older(last):
                return

    def walk_deliveries(self, *, pages: int = PAGES, **query: str) -> Iterator[tuple[Reply, dict[str, Any]]]:
        """Walk the delivery log by ``skip``, most recent first. Raises ``Refused`` for a page that cannot be read."""
        skip = 0
        for _ in range(pages):
            reply = readable(self.api.deliveries(**query, skip=str(skip)))
            rows = the_rows(reply)
            for row in rows:
                yield reply, row
            skip += len(rows)
            if not rows or reply.object().get("has_more") is not True:
                return

    def is_older(self, row: Mapping[str, Any]) -> bool:
        """Whether a row says that it was made before this run; one without a time we know says nothing."""
        made = moment(row.get("created_at"))
        return made is not None and made < self.bench.started - RECENT

    def awaited(self, look: Callable[[], bool]) -> bool:
        """Whether what ``look`` looks for comes to be there, within a bound: lists may lag behind."""
        for _ in range(LATE):
            if look():
                return True
            self.bench.clock.sleep(4 * self.bench.target.patience.poll_every)
        return look()

    def until(self, read: Callable[[], Reply], wanted: Callable[[Reply], bool]) -> Reply:
        """Read until an answer is as ``wanted`` or the profile's patience for outcomes is over; returns the last."""
        clock, patience = self.bench.clock, self.bench.target.patience
        deadline = clock.monotonic() + patience.settle
        while True:
            reply = read()
            if wanted(reply) or clock.monotonic() >= deadline:
                return reply
            clock.sleep(patience.poll_every)


def choose_terms(bench: Bench, api: GateApi) -> Terms:
    """What the profile's [session] says, completed from what the capabilities offer.

    Raises ``Refused`` where neither names a currency or an asset.
    """
    said = bench.target.session
    currency = said.currency or _first(api.currencies(**_about(country_code=said.country)), "code")
    asset = said.asset or _first(api.assets(**_about(country_code=said.country)), "symbol")
    if currency is None or asset is None:
        lacking = "currency" if currency is None else "asset"
        raise Refused(
            f"a {lacking} under [session] in the profile, or in the capabilities", "the author of the profile"
        )
    return Terms(
        amount=f"{said.amount:f}" if said.amount is not None else "25.00",
        currency=currency,
        country=said.country,
        asset=asset,
        payment_method=said.payment_method or _first(api.payment_methods(currency=currency), "id"),
        payout_method=said.payout_method or _first(api.payout_methods(currency=currency), "id"),
        return_url=said.return_url,
    )


def _about(**query: str | None) -> dict[str, str]:
    return {name: value for name, value in query.items() if value is not None}


def _first(reply: Reply, member: str) -> str | None:
    rows = the_rows(reply) if reply.ok else []
    usable = [row for row in rows if row.get("active") is not False]
    found = usable[0].get(member) if usable else None
    return found if isinstance(found, str) else None


def readable(reply: Reply) -> Reply:
    """The page, if it is one. Raises ``Refused`` otherwise: a list nobody can read proves the absence of nothing."""
    if not reply.ok:
        raise Refused(f"a list that can be read (it answered {reply.status})", "the operator of the target")
    return reply


def the_rows(reply: Reply) -> list[dict[str, Any]]:
    """The rows of a list envelope."""
    data = reply.object().get("data")
    return [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []


def envelope_problem(reply: Reply) -> str:
    """What is wrong with a list envelope; empty when nothing is (gate facts 3)."""
    page = reply.object()
    if not reply.ok:
        return f"status {reply.status}"
    if page.get("object") != "list":
        return "object is not list"
    if not isinstance(page.get("data"), list):
        return "data is no array"
    return "" if isinstance(page.get("has_more"), bool) else "has_more is no boolean"


def shown(reply: Reply, *names: str) -> dict[str, Any]:
    """These members of an answer."""
    body = reply.object()
    return {name: body.get(name) for name in names}


def same_money(left: object, right: object) -> bool:
    """Whether two amounts are equal as decimals, however they are written."""
    ours, theirs = decimal(left), decimal(right)
    return ours is not None and ours == theirs
