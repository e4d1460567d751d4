"""What can be offered right now: reads that change nothing and come whole.

Where no region is named, the one that the edge has seen counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from conformance.sandbox import inputs
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.gate import catalogue, members, paging
from conformance.sandbox.gate.catalogue import Asset, Country, Currency
from conformance.sandbox.gate.members import OFF_RAMP, ON_RAMP, SIDES
from conformance.sandbox.refusal import not_found

EDGE_HEADER = "cf-ipcountry"


@dataclass(frozen=True, slots=True)
class Region:
    """Where the user is, and who said so: ``explicit``, ``ip``, or nobody."""

    code: str | None
    source: str | None

    @property
    def country(self) -> Country | None:
        """The country if it has a corridor."""
        found = catalogue.COUNTRIES.get(self.code or "")
        return found if found is not None and found.supported else None


def region_of(call: Call) -> Region:
    """The region of the query, else that of the edge; 400 for a code that cannot be one."""
    named = read_word(call.query, "country_code", members.COUNTRY)
    if named is not None:
        return Region(named, "explicit")
    edge = call.headers.get(EDGE_HEADER, "")
    return Region(edge.upper(), "ip") if members.COUNTRY.fullmatch(edge) else Region(None, None)


def read_word(query: Mapping[str, str], name: str, pattern: re.Pattern[str]) -> str | None:
    """A query value of this form in capitals, if there is one."""
    value = query.get(name)
    return None if value is None else members.matching(value, name, pattern).upper()


def read_side(query: Mapping[str, str]) -> str:
    """The side asked about; buying if none is named."""
    return inputs.one_of(query.get("side", ON_RAMP), "side", SIDES)


def list_countries(call: Call) -> Reply:
    """``GET /capabilities/countries``: the whole catalogue or what the filters leave; the edge is not asked."""
    code = read_word(call.query, "country_code", members.COUNTRY)
    wanted = call.query.get("supported")
    if wanted is not None:
        inputs.one_of(wanted, "supported", ("true", "false"))
    found = [
        render_country(country)
        for country in catalogue.COUNTRIES.values()
        if code in {None, country.code} and wanted in {None, str(country.supported).lower()}
    ]
    return paging.render("/capabilities/countries", found, has_more=False)


def render_country(country: Country) -> dict[str, object]:
    return {
        "country_code": country.code,
        "name": country.name,
        "default_currency": country.currency,
        "supported": country.supported,
    }


def list_currencies(call: Call) -> Reply:
    """``GET /capabilities/currencies``: that of the region, or all without one."""
    region = region_of(call)
    offered = catalogue.offered_currencies()
    if region.code is not None:
        offered = [each for each in offered if region.country is not None and each.code == region.country.currency]
    found = [{"code": each.code, "symbol": each.symbol, "name": each.name} for each in offered]
    return paging.render("/capabilities/currencies", found, has_more=False)


def list_assets(call: Call) -> Reply:
    """``GET /capabilities/assets``: what is on offer on one side, in the region and currency where they are known."""
    side, region = read_side(call.query), region_of(call)
    currency = read_word(call.query, "currency", members.CURRENCY)
    found = [
        render_asset(asset) | ({} if currency is None else {"currency": currency})
        for asset in catalogue.ASSETS.values()
        if is_offered(asset, side, region) and (currency is None or currency in asset.prices)
    ]
    return paging.render("/capabilities/assets", found, has_more=False)


def is_offered(asset: Asset, side: str, region: Region) -> bool:
    """Whether an asset can be had on this side and in this region; without a region only the side counts."""
    if not asset.active or side not in asset.sides:
        return False
    return region.code is None or (region.country is not None and region.country.code not in asset.withheld_in)


def read_asset(call: Call) -> Reply:
    """``GET /capabilities/assets/{symbol}``: 404 for an asset that is unknown, inactive or not on offer."""
    side, region = read_side(call.query), region_of(call)
    asset = catalogue.ASSETS.get(call.path["symbol"].upper())
    if asset is None or not is_offered(asset, side, region):
        raise not_found("no such asset")
    return Reply(200, render_asset(asset))


def render_asset(asset: Asset) -> dict[str, object]:
    return {
        "symbol": asset.symbol,
        "active": asset.active,
        "networks": [{"chain": chain, "contract_address": contract} for chain, contract in asset.networks.items()],
        "limits": {"min_amount": asset.min_amount, "max_amount": asset.max_amount},
    }


def list_payment_methods(call: Call) -> Reply:
    """``GET /capabilities/payment-methods``: how fiat can be paid in."""
    return list_methods(call, "/capabilities/payment-methods", ON_RAMP)


def list_payout_methods(call: Call) -> Reply:
    """``GET /capabilities/payout-methods``: how fiat can be paid out."""
    return list_methods(call, "/capabilities/payout-methods", OFF_RAMP)


def list_methods(call: Call, path: str, side: str) -> Reply:
    """The methods of the currency, else of the region's currency; an empty list when neither says one."""
    currency = currency_of(read_word(call.query, "currency", members.CURRENCY), region_of(call))
    found = {} if currency is None else catalogue.methods(currency, side)
    return paging.render(path, [{"id": each, "name": name} for each, name in found.items()], has_more=False)


def currency_of(code: str | None, region: Region) -> Currency | None:
    """The currency named, which wins, or that of the region."""
    if code is None and region.country is not None:
        code = region.country.currency
    return catalogue.CURRENCIES.get(code or "")


def check_eligibility(call: Call) -> Reply:
    """``GET /capabilities/eligibility``: always 200 for a question that is well formed."""
    region = region_of(call)
    currency = read_word(call.query, "currency", members.CURRENCY)
    asset = read_word(call.query, "asset", members.SYMBOL)
    reason = unavailable_reason(region, currency, asset)
    body = {"eligible": reason is None, "unavailable_reason": reason, "geo_source": region.source}
    return Reply(200, body)


def unavailable_reason(region: Region, currency: str | None, asset: str | None) -> str | None:
    """Why this context cannot be served, or ``None`` when it can."""
    if region.code is None:
        return "region_unresolved"
    if region.country is None:
        return "country_not_supported"
    if currency not in {None, region.country.currency}:
        return "currency_not_offered"
    known = catalogue.ASSETS.get(asset or "")
    if asset is not None and (known is None or not is_offered(known, ON_RAMP, region)):
        return "asset_not_available"
    return None
