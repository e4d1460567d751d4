"""Capabilities: what the account can offer where, asked before anything is shown to a user. Nothing here writes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

from conformance.client import GateApi, Refused, Reply
from conformance.scenarios.gate.desk import OFF_RAMP, ON_RAMP, Desk, envelope_problem, the_rows
from conformance.scenarios.judging import Judge, scenario

NOWHERE = "ZZ"
"""A country code that ISO 3166 leaves to users, so that no country has it."""
NO_CURRENCY = "XXX"
"""What ISO 4217 writes where no currency is involved."""
NO_ASSET = "CONFNOASSET9"

TRIED = 3
"""Assets and countries that are looked at one by one; the lists are looked at whole."""


def words(reply: Reply, member: str) -> list[str]:
    """This member of each row, in capitals: which case codes come back in is not published."""
    return [str(row[member]).upper() for row in the_rows(reply) if isinstance(row.get(member), str)]


def empty(reply: Reply) -> bool:
    """Whether the answer is a list with nothing in it."""
    return not envelope_problem(reply) and reply.object()["data"] == []


def about(reply: Reply) -> str:
    """An answer in a few words."""
    problem = envelope_problem(reply)
    return f"{reply.status}, {problem}" if problem else f"{reply.status} with {len(reply.object()['data'])} row(s)"


@scenario("GATE-CAP-LISTS", reads_only=True)
def test_every_capability_list_comes_whole(desk: Desk, judge: Judge) -> None:
    currency = desk.terms.currency
    reads: dict[str, Callable[[], Reply]] = {
        "countries": desk.api.countries,
        "currencies": desk.api.currencies,
        "assets": desk.api.assets,
        "assets to sell": partial(desk.api.assets, side=OFF_RAMP),
        "payment methods": partial(desk.api.payment_methods, currency=currency),
        "payout methods": partial(desk.api.payout_methods, currency=currency),
    }
    for name, read in reads.items():
        reply = read()
        problem = envelope_problem(reply)
        more = reply.object().get("has_more")
        judge.check(
            "GATE-CAP-LISTS",
            not problem and more is False,
            f"the {name} in a list envelope, has_more false",
            problem or f"the {name} in a list envelope, has_more {more}",
            reply,
        )


@scenario("GATE-CAP-COUNTRIES", reads_only=True)
def test_countries_are_found_by_code_and_by_what_is_supported(desk: Desk, judge: Judge) -> None:
    whole = desk.api.countries()
    codes = words(whole, "country_code")
    if not codes:
        judge.cannot("GATE-CAP-COUNTRIES", "a country in the catalogue", "the operator of the target")
        return
    ours = (desk.terms.country or "").upper()
    one = ours if ours in codes else codes[0]
    for asked in (one.upper(), one.lower(), NOWHERE):
        reply = desk.api.countries(country_code=asked)
        found = words(reply, "country_code")
        wanted = {one} if asked != NOWHERE else set()
        # What an unknown code is answered with is not published; other countries than the one asked for are not it.
        judge.check(
            "GATE-CAP-COUNTRIES",
            set(found) == wanted and (reply.ok or not wanted),
            f"{' '.join(wanted) or 'no country'} for country_code {asked}",
            f"{reply.status}: {' '.join(found[:10]) or 'no country'}",
            reply,
        )
    reply = desk.api.countries(supported="true")
    supported = {str(row.get("country_code")).upper() for row in the_rows(whole) if row.get("supported") is True}
    found = words(reply, "country_code")
    wrong = sorted(set(found) ^ supported)
    judge.check(
        "GATE-CAP-COUNTRIES",
        reply.ok and not wrong and all(row.get("supported") is True for row in the_rows(reply)),
        "with supported=true exactly the countries the catalogue calls supported",
        f"{reply.status}: {len(found)} of {len(supported)}; different: {' '.join(wrong[:10]) or 'none'}",
        whole,
        reply,
    )
    others = words(desk.api.countries(supported="false"), "country_code")
    judge.observe("countries with supported=false", f"{len(others)} of {len(codes)}", "GATE-CAP-COUNTRIES")


@scenario("GATE-CAP-UNKNOWN-REGION", reads_only=True)
def test_an_unknown_region_is_an_empty_list(desk: Desk, judge: Judge) -> None:
    regions = [NOWHERE, *islice(unserved(desk), 1)]
    reads: dict[str, Callable[..., Reply]] = {
        "currencies": desk.api.currencies,
        "assets": desk.api.assets,
        "assets to sell": partial(desk.api.assets, side=OFF_RAMP),
    }
    for region in regions:
        for name, read in reads.items():
            reply = read(country_code=region)
            judge.check(
                "GATE-CAP-UNKNOWN-REGION",
                reply.status == 200 and empty(reply),
                f"200 with an empty list of {name} for {region}",
                about(reply),
                reply,
            )


def unserved(desk: Desk) -> list[str]:
    """The countries that the catalogue says have no corridor."""
    rows = the_rows(desk.api.countries())
    return [
        str(row["country_code"])
        for row in rows
        if row.get("supported") is False and isinstance(row.get("country_code"), str)
    ]


@scenario("GATE-CAP-METHODS", reads_only=True)
def test_methods_are_listed_for_a_currency(desk: Desk, judge: Judge) -> None:
    currency, terms = desk.terms.currency, desk.terms
    for name, read, side, used in (
        ("payment", desk.api.payment_methods, ON_RAMP, terms.payment_method),
        ("payout", desk.api.payout_methods, OFF_RAMP, terms.payout_method),
    ):
        reply = read(currency=currency)
        ids = [row.get("id") for row in the_rows(reply)]
        nameless = [row for row in the_rows(reply) if not all(isinstance(row.get(it), str) for it in ("id", "name"))]
        problem = envelope_problem(reply) or (f"{len(nameless)} row(s) without id or name" if nameless else "")
        if not problem and not ids:
            problem = hidden_method(desk, side, used)
        judge.check(
            "GATE-CAP-METHODS",
            not problem,
            f"the {name} methods of {currency}, each with id and name",
            problem or about(reply),
            reply,
        )
        nothing = read(country_code=NOWHERE)
        judge.check(
            "GATE-CAP-METHODS",
            nothing.status == 200 and empty(nothing),
            f"200 with an empty list of {name} methods where neither currency nor region resolves",
            about(nothing),
            nothing,
        )
        both = read(currency=currency, country_code=NOWHERE)
        judge.check(
            "GATE-CAP-METHODS",
            [row.get("id") for row in the_rows(both)] == ids or set(words(both, "id")) == set(words(reply, "id")),
            f"the same {name} methods of {currency} whatever region is named beside it",
            about(both),
            reply,
            both,
        )


def hidden_method(desk: Desk, side: str, used: str | None) -> str:
    """What is wrong with an empty list of methods: that a quote takes one of them; empty where none does."""
    if used is None:
        return ""
    try:
        desk.lock(side)
    except Refused:
        return ""
    return f"none is listed, and a quote is locked with {used}"


@scenario("GATE-CAP-ASSET", reads_only=True)
def test_an_asset_of_the_list_is_found_by_its_symbol(desk: Desk, judge: Judge) -> None:
    offered = {side: on_offer(desk.api, side) for side in (ON_RAMP, OFF_RAMP)}
    if not any(offered.values()):
        judge.cannot("GATE-CAP-ASSET", "an active asset in the list", "the operator of the target")
    for side, symbols in offered.items():
        for symbol in symbols[:TRIED]:
            for asked in (symbol.upper(), symbol.lower()):
                reply = desk.api.asset(asked, side=side)
                body = reply.object()
                judge.check(
                    "GATE-CAP-ASSET",
                    reply.status == 200 and body.get("symbol") == symbol and "data" not in body,
                    f"200 with the asset {symbol} itself, for {asked} ({side})",
                    f"{reply.status} with symbol {body.get('symbol')}{' in an envelope' if 'data' in body else ''}",
                    reply,
                )
    default = desk.api.asset(offered[ON_RAMP][0]) if offered[ON_RAMP] else None
    if default is not None:
        judge.check("GATE-CAP-ASSET", default.ok, "200: without a side it is on_ramp", f"{default.status}", default)


def on_offer(api: GateApi, side: str, **query: str) -> list[str]:
    """The symbols of the assets that are listed as active for a side."""
    rows = the_rows(api.assets(side=side, **query))
    return [str(row["symbol"]) for row in rows if row.get("active") is True and "symbol" in row]


@scenario("GATE-CAP-ASSET-UNKNOWN", reads_only=True)
def test_an_asset_that_is_not_on_offer_is_not_found(desk: Desk, judge: Judge) -> None:
    api = desk.api
    lists: dict[str, Reply] = {side: api.assets(side=side) for side in (ON_RAMP, OFF_RAMP)}
    absent: list[tuple[str, dict[str, str]]] = [(NO_ASSET, {}), (NO_ASSET.lower(), {"side": OFF_RAMP})]
    for side, reply in lists.items():
        absent += [(symbol, {"side": side}) for symbol in inactive(the_rows(reply))[:TRIED]]
    every = words(lists[ON_RAMP], "symbol") + words(lists[OFF_RAMP], "symbol")
    absent += not_listed(every, lists[OFF_RAMP], {"side": OFF_RAMP})
    absent += not_listed(every, lists[ON_RAMP], {"side": ON_RAMP})
    for region in regions_to_try(desk):
        absent += not_listed(every, api.assets(country_code=region), {"country_code": region})
    for symbol, query in absent:
        reply = api.asset(symbol, **query)
        judge.check(
            "GATE-CAP-ASSET-UNKNOWN",
            reply.status == 404,
            f"404 for {symbol}, which is not on offer ({told(query)})",
            f"{reply.status} with {'an asset' if reply.ok else 'a refusal'}",
            reply,
        )


def inactive(rows: list[dict[str, Any]]) -> list[str]:
    """The symbols a list shows as not active."""
    return [str(row["symbol"]) for row in rows if row.get("active") is False and "symbol" in row]


def not_listed(symbols: list[str], reply: Reply, query: dict[str, str]) -> list[tuple[str, dict[str, str]]]:
    """The first of ``symbols`` that a readable list, which comes whole, does not show, with what it was asked for."""
    if envelope_problem(reply):
        return []
    missing = dict.fromkeys(symbol for symbol in symbols if symbol not in words(reply, "symbol"))
    return [(symbol, query) for symbol in islice(missing, 1)]


def regions_to_try(desk: Desk) -> list[str]:
    """A country without a corridor, and a few with one."""
    rows = the_rows(desk.api.countries())
    served = [str(row["country_code"]) for row in rows if row.get("supported") is True and "country_code" in row]
    return [*unserved(desk)[:1], *reversed(served[-TRIED:])]


def told(query: dict[str, str]) -> str:
    """A query in words."""
    return ", ".join(f"{name} {value}" for name, value in query.items()) or "nowhere"


@scenario("GATE-CAP-ELIGIBILITY", reads_only=True)
def test_eligibility_is_always_answered_and_false_where_nothing_is_known(desk: Desk, judge: Judge) -> None:
    terms = desk.terms
    here = {"country_code": terms.country} if terms.country else {}
    ours = {**here, "currency": terms.currency, "asset": terms.asset}
    asked: list[tuple[dict[str, str], bool]] = [
        (ours, False),
        ({}, False),
        ({"country_code": NOWHERE}, True),
        ({**ours, "country_code": NOWHERE}, True),
        ({**here, "asset": NO_ASSET}, True),
        ({**here, "currency": NO_CURRENCY}, True),
    ]
    for query, must_be_refused in asked:
        reply = desk.api.eligibility(**query)
        problem = eligibility_problem(reply, must_be_refused=must_be_refused)
        judge.check(
            "GATE-CAP-ELIGIBILITY",
            not problem,
            f"200 with eligible {'false and a reason' if must_be_refused else 'true, or false and a reason'}"
            f" ({told(query)})",
            problem or f"200 with eligible {reply.object()['eligible']}",
            reply,
        )
    if terms.country:
        said = desk.api.eligibility(**ours).object().get("eligible")
        judge.observe("eligibility of the terms of this run", str(said), "GATE-CAP-ELIGIBILITY")


def eligibility_problem(reply: Reply, *, must_be_refused: bool) -> str:
    """What is wrong with an answer about eligibility; empty when nothing is (gate facts 4.B)."""
    body = reply.object()
    eligible, reason = body.get("eligible"), body.get("unavailable_reason")
    if reply.status != 200:
        return f"status {reply.status}"
    if not isinstance(eligible, bool):
        return "eligible is neither true nor false"
    if eligible and must_be_refused:
        return "eligible true"
    if not eligible and not (isinstance(reason, str) and reason):
        return "eligible false without an unavailable_reason"
    return ""
