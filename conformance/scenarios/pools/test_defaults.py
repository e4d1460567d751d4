"""What goes without saying: defaults of a request, how long a page is when nobody asked, and what no answer tells."""

from __future__ import annotations

from conformance.client import Reply
from conformance.contract.body import members
from conformance.contract.words import safe_name, words
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.desk import Desk, FirmQuote, firm_quote, the_list
from conformance.scenarios.pools.test_quotes import REASONS

UNSPOKEN_LIMIT = 50
"""Rows of a page where no limit is named, in both lists (facts 7)."""

UNTOLD = frozenset({"kyc", "kyb", "access"})
"""Words in the names of members that a balance read must not have (facts 4.10)."""

TRON = "tron"


@scenario("POOLS-QUOTE-DEFAULT-FIRM")
def test_a_quote_without_a_type_is_firm(desk: Desk, judge: Judge) -> None:
    reply = desk.ask(type=None)
    answer = reply.object()
    soft = reply.ok and answer.get("available") is False and str(answer.get("unavailableReason")) in REASONS
    judge.check(
        "POOLS-QUOTE-DEFAULT-FIRM",
        soft or firm_quote(desk.terms.pool, desk.terms.request(type=None), reply) is not None,
        "an executable quote with an id, or available: false",
        f"{reply.status}, " + ("executable" if answer.get("executable") is True else "not executable"),
        reply,
    )


@scenario("POOLS-QUOTE-DEFAULT-NETWORK", trades=1)
def test_a_quote_without_a_network_is_for_tron(desk: Desk, judge: Judge) -> None:
    networks = desk.capabilities().get("supportedNetworks")
    if not isinstance(networks, list) or TRON not in networks:
        judge.not_applicable("POOLS-QUOTE-DEFAULT-NETWORK", f"the pool does not support {TRON}")
        return
    reply = desk.ask(cryptoNetwork=None)
    quote = firm_quote(desk.terms.pool, desk.terms.request(cryptoNetwork=None), reply)
    if quote is None:
        soft = reply.ok and reply.object().get("available") is False
        judge.check("POOLS-QUOTE-DEFAULT-NETWORK", soft, "a quote, or available: false", str(reply.status), reply)
        return
    shown = [reply, *_traded(desk, quote)]
    told = {str(found) for one in shown if (found := one.object().get("cryptoNetwork")) is not None}
    judge.check(
        "POOLS-QUOTE-DEFAULT-NETWORK",
        told <= {TRON},
        f"{TRON} in the quote and its trade, where they tell a network",
        ", ".join(sorted(told)) or "none is told",
        *shown,
    )


def _traded(desk: Desk, quote: FirmQuote) -> list[Reply]:
    """The execution of a quote and a read of its trade, where there is one."""
    executed = desk.execute(quote)
    transact = executed.object().get("transactId")
    return [executed, desk.api.trade(transact)] if isinstance(transact, str) else [executed]


@scenario("POOLS-CAPABILITIES-NETWORKS-USABLE")
def test_every_supported_network_can_be_asked_for(desk: Desk, judge: Judge) -> None:
    networks = desk.capabilities().get("supportedNetworks")
    listed = [name for name in networks if isinstance(name, str)] if isinstance(networks, list) else []
    if not listed:
        judge.not_applicable("POOLS-CAPABILITIES-NETWORKS-USABLE", "the capabilities list no network")
        return
    replies = [(name, desk.ask(type="indicative", cryptoNetwork=name, destAddress=None)) for name in listed[:12]]
    refused = [name for name, reply in replies if reply.status == 400]
    judge.check(
        "POOLS-CAPABILITIES-NETWORKS-USABLE",
        not refused,
        "no 400 for a price on any of the supported networks",
        f"400 on {', '.join(refused)}" if refused else f"none on {len(replies)} networks",
        *(reply for _, reply in replies),
    )


@scenario("POOLS-BALANCE-NOTHING-MORE", reads_only=True)
def test_a_balance_read_tells_nothing_of_access_and_verification(desk: Desk, judge: Judge) -> None:
    reply = desk.api.balance(desk.terms.pool)
    told = sorted({safe_name(name) for _, name, _ in members(reply.object()) if not UNTOLD.isdisjoint(words(name))})
    judge.check(
        "POOLS-BALANCE-NOTHING-MORE",
        reply.ok and not told,
        "no member that names access or verification",
        f"{reply.status}, " + (", ".join(told) or "none"),
        reply,
    )


def _fill(desk: Desk) -> None:
    """More trades than a page holds where none is limited in number; elsewhere those of the run have to do."""
    if desk.bench.target.limits is None:
        held = len(the_list(desk.api.trades(limit="100").object(), "trades"))
        for _ in range(held, UNSPOKEN_LIMIT + 2):
            desk.execute(desk.firm())


@scenario("POOLS-LIST-LIMIT", last=True)
def test_a_page_is_no_longer_than_its_limit(desk: Desk, judge: Judge) -> None:
    _fill(desk)
    for name, read in (("trades", desk.api.trades), ("entries", desk.api.ledger)):
        for query, most in (({}, UNSPOKEN_LIMIT), ({"limit": "1"}, 1), ({"limit": "7"}, 7)):
            reply = read(**query)
            rows = len(the_list(reply.object(), name))
            asked = f"{most} of the {name}" if query else f"the {name} without a limit"
            judge.check(
                "POOLS-LIST-LIMIT",
                reply.ok and rows <= most,
                f"at most {most} rows for {asked}",
                f"{reply.status} with {rows} rows",
                reply,
            )
