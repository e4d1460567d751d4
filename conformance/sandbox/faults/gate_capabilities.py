"""Mistakes in 0Gate's capability reads: lists, regions, methods, assets and eligibility."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.faults import gate_seams, seams
from conformance.sandbox.gate import capabilities, catalogue, members, paging
from conformance.sandbox.gate.capabilities import Region
from conformance.sandbox.gate.catalogue import Asset, Currency
from conformance.sandbox.refusal import invalid, not_found
from conformance.sandbox.variations import Patch, fault

LISTS = ("list_countries", "list_currencies", "list_assets", "list_payment_methods", "list_payout_methods")


@fault(
    "gate-capabilities-have-more",
    summary="Capability lists say that there is more",
    fact="gate facts sections 3 and 4.B: has_more is always false on capability lists",
    klass="capabilities",
    breaks=("GATE-CAP-LISTS",),
    drags=("WIRE-BODY",),
)
def gate_capabilities_have_more(patch: Patch) -> None:
    for handler in LISTS:
        seams.amend(patch, capabilities, handler, lambda reply: seams.with_members(reply, has_more=True))


@fault(
    "gate-payout-methods-page",
    summary="Payout methods come one to a page, with has_more true",
    fact="gate facts section 4.B: lists come whole, has_more always false, no paging",
    klass="capabilities",
    breaks=("GATE-CAP-LISTS",),
    drags=("GATE-CAP-METHODS", "WIRE-BODY"),
)
def gate_payout_methods_page(patch: Patch) -> None:
    def first(reply: Reply) -> Reply:
        rows = reply.body["data"]
        assert isinstance(rows, list)
        return seams.with_members(reply, data=rows[:1], has_more=True)

    seams.amend(patch, capabilities, "list_payout_methods", first)


@fault(
    "gate-country-code-case-sensitive",
    summary="A country code in small letters finds no country",
    fact="gate facts section 4.B: country_code is case-insensitive",
    klass="capabilities",
    breaks=("GATE-CAP-COUNTRIES",),
)
def gate_country_code_case_sensitive(patch: Patch) -> None:
    healthy = capabilities.list_countries

    def list_countries(call: Call) -> Reply:
        code = call.query.get("country_code", "")
        reply = healthy(call)
        return reply if code == code.upper() else seams.with_members(reply, data=[])

    patch.replace(capabilities, "list_countries", list_countries)


@fault(
    "gate-country-filter-ignored",
    summary="The whole catalogue of countries is shown whatever code is asked for",
    fact="gate facts section 4.B: country_code looks a single country up",
    klass="capabilities",
    breaks=("GATE-CAP-COUNTRIES",),
)
def gate_country_filter_ignored(patch: Patch) -> None:
    without_query(patch, "list_countries", "country_code")


@fault(
    "gate-supported-filter-ignored",
    summary="Unsupported countries are shown although only supported ones were asked for",
    fact="gate facts section 4.B: supported filters the countries",
    klass="capabilities",
    breaks=("GATE-CAP-COUNTRIES",),
)
def gate_supported_filter_ignored(patch: Patch) -> None:
    without_query(patch, "list_countries", "supported")


@fault(
    "gate-supported-filter-turned-round",
    summary="supported=true shows the countries without a corridor and supported=false the others",
    fact="gate facts section 4.B: supported means that there is a corridor",
    klass="capabilities",
    breaks=("GATE-CAP-COUNTRIES",),
)
def gate_supported_filter_turned_round(patch: Patch) -> None:
    healthy = capabilities.list_countries
    turned = {"true": "false", "false": "true"}

    def list_countries(call: Call) -> Reply:
        query = {name: turned.get(call.query[name], call.query[name]) for name in call.query}
        return healthy(replace(call, query=query))

    patch.replace(capabilities, "list_countries", list_countries)


@fault(
    "gate-unknown-region-as-404",
    summary="Asking for the currencies of an unknown region is a 404",
    fact="gate facts section 4.B: an unknown or unsupported region gives an empty list",
    klass="capabilities",
    breaks=("GATE-CAP-UNKNOWN-REGION",),
    drags=("WIRE-STATUS",),
)
def gate_unknown_region_as_404(patch: Patch) -> None:
    refuse_unknown_region(patch, "list_currencies", 404)


@fault(
    "gate-unknown-region-as-400",
    summary="Asking for the assets of an unknown region is a 400",
    fact="gate facts section 4.B: a region that is not supported gives an empty list",
    klass="capabilities",
    breaks=("GATE-CAP-UNKNOWN-REGION",),
)
def gate_unknown_region_as_400(patch: Patch) -> None:
    refuse_unknown_region(patch, "list_assets", 400)


@fault(
    "gate-unknown-region-gets-everything",
    summary="For an unknown region everything is shown that there is anywhere",
    fact="gate facts section 4.B: an unknown or unsupported region gives an empty list",
    klass="capabilities",
    breaks=("GATE-CAP-UNKNOWN-REGION",),
)
def gate_unknown_region_gets_everything(patch: Patch) -> None:
    for handler in ("list_currencies", "list_assets"):
        forget_unknown_region(patch, handler)


@fault(
    "gate-methods-need-a-currency",
    summary="Methods without a currency or region are refused with 400",
    fact="gate facts section 4.B: with neither resolving the answer is 200 with empty data",
    klass="capabilities",
    breaks=("GATE-CAP-METHODS",),
    drags=("GATE-CAP-LISTS", "GATE-CAP-UNKNOWN-REGION"),
)
def gate_methods_need_a_currency(patch: Patch) -> None:
    def currency_of(code: str | None, region: Region) -> Currency | None:
        found = healthy(code, region)
        if found is None:
            raise invalid("currency is required")
        return found

    healthy = capabilities.currency_of
    patch.replace(capabilities, "currency_of", currency_of)


@fault(
    "gate-methods-default-to-euro",
    summary="Where no currency resolves, the methods of the euro are shown",
    fact="gate facts section 4.B: with neither resolving data is empty",
    klass="capabilities",
    breaks=("GATE-CAP-METHODS",),
)
def gate_methods_default_to_euro(patch: Patch) -> None:
    healthy = capabilities.currency_of

    def currency_of(code: str | None, region: Region) -> Currency:
        return healthy(code, region) or catalogue.CURRENCIES["EUR"]

    patch.replace(capabilities, "currency_of", currency_of)


@fault(
    "gate-methods-without-name",
    summary="Methods are bare ids",
    fact="gate facts section 4.B: a method has an id and a name",
    klass="capabilities",
    breaks=("GATE-CAP-METHODS",),
    drags=("WIRE-BODY",),
)
def gate_methods_without_name(patch: Patch) -> None:
    for handler in ("list_payment_methods", "list_payout_methods"):
        seams.amend(
            patch, capabilities, handler, lambda reply: gate_seams.each_item(reply, lambda row: {"id": row["id"]})
        )


@fault(
    "gate-symbol-case-sensitive",
    summary="An asset is found by its symbol in capitals only",
    fact="gate facts section 4.B: symbol is case-insensitive",
    klass="capabilities",
    breaks=("GATE-CAP-ASSET",),
)
def gate_symbol_case_sensitive(patch: Patch) -> None:
    healthy = capabilities.read_asset

    def read_asset(call: Call) -> Reply:
        if call.path["symbol"] not in catalogue.ASSETS:
            raise not_found("no such asset")
        return healthy(call)

    patch.replace(capabilities, "read_asset", read_asset)


@fault(
    "gate-asset-echoes-symbol",
    summary="An asset shows the symbol as it was asked for instead of its own",
    fact="gate facts section 4.B: symbol is an attribute of the asset, looked up without regard to case",
    klass="capabilities",
    breaks=("GATE-CAP-ASSET",),
)
def gate_asset_echoes_symbol(patch: Patch) -> None:
    healthy = capabilities.read_asset
    patch.replace(
        capabilities,
        "read_asset",
        lambda call: seams.with_members(healthy(call), symbol=call.path["symbol"]),
    )


@fault(
    "gate-asset-in-envelope",
    summary="One asset is answered as a list of one",
    fact="gate facts section 4.B: a bare asset object, no envelope",
    klass="capabilities",
    breaks=("GATE-CAP-ASSET",),
    drags=("WIRE-BODY",),
)
def gate_asset_in_envelope(patch: Patch) -> None:
    healthy = capabilities.read_asset

    def read_asset(call: Call) -> Reply:
        return paging.render("/capabilities/assets", [healthy(call).body], has_more=False)

    patch.replace(capabilities, "read_asset", read_asset)


@fault(
    "gate-unknown-asset-is-empty",
    summary="An unknown symbol is answered with an asset that is not active",
    fact="gate facts section 4.B: an unknown asset is a 404",
    klass="capabilities",
    breaks=("GATE-CAP-ASSET-UNKNOWN",),
    drags=("GATE-UNKNOWN-ID",),
)
def gate_unknown_asset_is_empty(patch: Patch) -> None:
    healthy = capabilities.read_asset

    def read_asset(call: Call) -> Reply:
        symbol = call.path["symbol"]
        if symbol.upper() in catalogue.ASSETS:
            return healthy(call)
        return Reply(200, capabilities.render_asset(Asset(symbol, {}, {}, active=False)))

    patch.replace(capabilities, "read_asset", read_asset)


@fault(
    "gate-inactive-asset-served",
    summary="Assets that are not active are listed as such, and read all the same",
    fact="gate facts section 4.B: an inactive asset is a 404",
    klass="capabilities",
    breaks=("GATE-CAP-ASSET-UNKNOWN",),
    drags=("GATE-CAP-ASSET",),
)
def gate_inactive_asset_served(patch: Patch) -> None:
    def is_offered(asset: Asset, side: str, region: Region) -> bool:
        return healthy(replace(asset, active=True), side, region)

    healthy = capabilities.is_offered
    patch.replace(capabilities, "is_offered", is_offered)


@fault(
    "gate-unknown-asset-as-400",
    summary="An unknown symbol is refused as malformed",
    fact="gate facts section 4.B: an unknown asset is a 404",
    klass="capabilities",
    breaks=("GATE-CAP-ASSET-UNKNOWN",),
    drags=("GATE-UNKNOWN-ID",),
)
def gate_unknown_asset_as_400(patch: Patch) -> None:
    patch.replace(capabilities, "not_found", seams.refusing(400, "invalid_request"))


@fault(
    "gate-ineligible-as-404",
    summary="Where the answer would be no, the eligibility check is a 404",
    fact="gate facts section 4.B: 200 always for a well-formed call",
    klass="capabilities",
    breaks=("GATE-CAP-ELIGIBILITY",),
    drags=("WIRE-STATUS",),
)
def gate_ineligible_as_404(patch: Patch) -> None:
    def checked(reply: Reply) -> Reply:
        if reply.body["eligible"] is False:
            raise not_found("this context is not eligible")
        return reply

    seams.amend(patch, capabilities, "check_eligibility", checked)


@fault(
    "gate-ineligible-without-reason",
    summary="An eligibility check says no and not why",
    fact="gate facts section 4.B: unavailable_reason is a machine code when eligible is false",
    klass="capabilities",
    breaks=("GATE-CAP-ELIGIBILITY",),
    drags=("WIRE-BODY",),
)
def gate_ineligible_without_reason(patch: Patch) -> None:
    seams.amend(
        patch, capabilities, "check_eligibility", lambda reply: seams.with_members(reply, unavailable_reason=None)
    )


@fault(
    "gate-everybody-eligible",
    summary="Who comes from a region nobody knows is eligible",
    fact="gate facts section 4.B: a region that cannot be resolved is eligible false",
    klass="capabilities",
    breaks=("GATE-CAP-ELIGIBILITY",),
)
def gate_everybody_eligible(patch: Patch) -> None:
    patch.replace(capabilities, "unavailable_reason", lambda region, currency, asset: None)


@fault(
    "gate-eligible-as-text",
    summary="eligible is the word yes or no",
    fact="gate facts section 4.B: eligible is a boolean",
    klass="capabilities",
    breaks=("GATE-CAP-ELIGIBILITY",),
    drags=("WIRE-BODY",),
)
def gate_eligible_as_text(patch: Patch) -> None:
    def worded(reply: Reply) -> Reply:
        return seams.with_members(reply, eligible="yes" if reply.body["eligible"] else "no")

    seams.amend(patch, capabilities, "check_eligibility", worded)


def without_query(patch: Patch, handler: str, left_out: str) -> None:
    """Answer as if one value of the query had not been sent."""
    healthy: Callable[[Call], Reply] = getattr(capabilities, handler)

    def handle(call: Call) -> Reply:
        return healthy(replace(call, query={name: call.query[name] for name in call.query if name != left_out}))

    patch.replace(capabilities, handler, handle)


def names_unknown_region(call: Call) -> bool:
    """Whether the query names a region that is in no catalogue."""
    code = call.query.get("country_code", "")
    return bool(members.COUNTRY.fullmatch(code)) and code.upper() not in catalogue.COUNTRIES


def refuse_unknown_region(patch: Patch, handler: str, status: int) -> None:
    """Refuse a region that is in no catalogue instead of finding nothing for it."""
    healthy: Callable[[Call], Reply] = getattr(capabilities, handler)
    refuse = seams.refusing(status, "unknown_region")

    def handle(call: Call) -> Reply:
        if names_unknown_region(call):
            raise refuse("no such region")
        return healthy(call)

    patch.replace(capabilities, handler, handle)


def forget_unknown_region(patch: Patch, handler: str) -> None:
    """Take a region that is in no catalogue for none."""
    healthy: Callable[[Call], Reply] = getattr(capabilities, handler)

    def handle(call: Call) -> Reply:
        if names_unknown_region(call):
            return healthy(
                replace(call, query={name: call.query[name] for name in call.query if "country" not in name})
            )
        return healthy(call)

    patch.replace(capabilities, handler, handle)
