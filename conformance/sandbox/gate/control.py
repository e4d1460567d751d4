"""The 0Gate part of the control surface: what the hosted widget, the rails, an operator or time would do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Final

from conformance.sandbox import clock, inputs
from conformance.sandbox.calls import Reply, Sandbox
from conformance.sandbox.gate import access, lifecycle, origins, outbox, quotes, rails, sessions, world
from conformance.sandbox.gate.access import Access
from conformance.sandbox.gate.sessions import Session
from conformance.sandbox.refusal import invalid, not_found
from conformance.sandbox.webhooks import sending

LONGEST: Final = 2048
MOST_DOMAINS: Final = 50
LARGEST_ADVANCE: Final = 10 * 366 * 24 * 60 * 60

Path = Mapping[str, str]
Document = Mapping[str, object]
SessionMove = Callable[[sqlite3.Connection, Sandbox, Session], object]

# What can befall a session, by the last part of the path; looked up by name at each call.
SESSION_MOVES: Final = {
    "process": "process",
    "complete": "complete",
    "fail": "fail",
    "expire": "expire",
    "require_kyc": "require_kyc",
    "approve_kyc": "approve_kyc",
}
RAIL_ENDS: Final = {"settle": rails.SETTLED, "fail": rails.FAILED, "cancel": rails.CANCELLED}


def move_session(sandbox: Sandbox, path: Path, document: Document) -> Reply:
    """Let a session be processed, completed, failed, expired, or its user be asked for verification or pass it."""
    move: SessionMove = getattr(lifecycle, SESSION_MOVES[known_move(path, SESSION_MOVES)])
    with sandbox.store.write() as tx:
        row = tx.execute("SELECT * FROM gate_sessions WHERE session_id = ?", (path["id"],)).fetchone()
        if row is None:
            raise not_found("no such session")
        session = sessions.restore(row)
        move(tx, sandbox, session)
        shown = sessions.render(sessions.find(tx, session.owner, session.session_id))
    sandbox.wake_deliveries()
    return Reply(200, shown)


def end_rail(sandbox: Sandbox, path: Path, document: Document) -> Reply:
    """Let a pay-in or pay-out settle, fail or be cancelled; 409 once it has ended."""
    status = RAIL_ENDS[known_move(path, RAIL_ENDS)]
    with sandbox.store.write() as tx:
        row = tx.execute("SELECT * FROM gate_rails WHERE rail_id = ?", (path["id"],)).fetchone()
        if row is None:
            raise not_found("no such rail")
        shown = rails.render(rails.end(tx, sandbox, rails.restore(row), status))
    sandbox.wake_deliveries()
    return Reply(200, shown)


def known_move(path: Path, moves: Mapping[str, object]) -> str:
    """The move named in the path; 404 for one that does not exist."""
    if path["move"] not in moves:
        raise not_found(f"no such move; there are {', '.join(moves)}")
    return path["move"]


def advance_clock(sandbox: Sandbox, path: Path, document: Document) -> Reply:
    """Move the clock of one account, or of one quote, forward by whole seconds; sessions due by then expire."""
    seconds = document.get("advance_seconds")
    if type(seconds) is not int or not 0 <= seconds <= LARGEST_ADVANCE:
        raise invalid(f"advance_seconds must be a whole number from 0 to {LARGEST_ADVANCE}")
    with sandbox.store.write() as tx:
        if "quote_id" in document:
            quotes.advance(tx, inputs.text(document, "quote_id", LONGEST), seconds)
        else:
            clock.advance_account(tx, known_account(inputs.text(document, "account", LONGEST)), seconds)
            lifecycle.expire_due(tx, sandbox)
    sandbox.wake_deliveries()
    return Reply(200, {"advanced": seconds})


def known_account(account: str) -> str:
    """404 for an account that 0Gate does not have."""
    if account not in world.ACCOUNTS:
        raise not_found("no such account")
    return account


def patch_account(sandbox: Sandbox, path: Path, document: Document) -> Reply:
    """Change entitlements of one account; the others stay. 400 for anything but true and false."""
    account = known_account(path["name"])
    names = asdict(Access())
    for name, value in document.items():
        if name not in names or not isinstance(value, bool):
            raise invalid(f"an account has {', '.join(names)}, each true or false")
    with sandbox.store.write() as tx:
        changed = replace(access.load(tx, account), **{name: bool(value) for name, value in document.items()})
        access.save(tx, account, changed)
    return Reply(200, {"account": account, **asdict(changed)})


def write_domains(sandbox: Sandbox, path: Path, document: Document) -> Reply:
    """The domains from which an account's pages may start the widget from now on, in the place of those before."""
    account = known_account(inputs.text(document, "account", LONGEST))
    domains = document.get("domains")
    if not isinstance(domains, list) or len(domains) > MOST_DOMAINS:
        raise invalid(f"domains must be a list of at most {MOST_DOMAINS}")
    for domain in domains:
        if not isinstance(domain, str) or not origins.ORIGIN.fullmatch(domain):
            raise invalid("a domain is scheme, host and perhaps port, such as https://shop.example, without wildcards")
    with sandbox.store.write() as tx:
        origins.save(tx, account, domains)
    return Reply(200, {"account": account, "domains": domains})


def write_endpoint(sandbox: Sandbox, document: Document, allow_remote: bool) -> Reply:
    """Where an account's events are delivered from now on; ``null`` for nowhere."""
    account = known_account(inputs.text(document, "account", LONGEST))
    if document.get("url") is None:
        with sandbox.store.write() as tx:
            outbox.remove_endpoint(tx, account)
        return Reply(200, {"account": account, "url": None})
    url = inputs.text(document, "url", LONGEST)
    try:
        sending.check_url(url, allow_remote)
    except sending.EndpointError as error:
        raise invalid(str(error)) from None
    with sandbox.store.write() as tx:
        outbox.set_endpoint(tx, account, url)
    return Reply(200, {"account": account, "url": url})
