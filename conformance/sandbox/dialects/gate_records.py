"""Variations of 0Gate's customer records, branding, embed bootstrap and capability reads."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from conformance.sandbox import refusal
from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.gate import branding, capabilities, catalogue, customers, embed, origins, paging, refusals
from conformance.sandbox.gate.capabilities import Region
from conformance.sandbox.gate.customers import Customer
from conformance.sandbox.gate.sessions import Session
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.storage import Transaction
from conformance.sandbox.variations import Patch, dialect

SUCCESS: Final = "gate facts section 11 (6): the success status of a create is not published"
LAG_SECONDS: Final = 0.15
SHORT_PAGE: Final = 5

Handler = Callable[[Call], Reply]
Body = Mapping[str, object]


def filled(body: Body) -> dict[str, object]:
    """The members that say something."""
    return {name: value for name, value in body.items() if value is not None and value != {}}


@dialect("gate-customer-created-200", summary="A new customer record is answered with 200", fact=SUCCESS)
def gate_customer_created_200(patch: Patch) -> None:
    patch.replace(customers, "CREATED_STATUS", 200)


@dialect(
    "gate-customer-brief",
    summary="A customer record has no members that hold nothing, and no times",
    fact="gate facts section 4.H: the fields are nullable, and the timestamps are assumed",
)
def gate_customer_brief(patch: Patch) -> None:
    inner = customers.render

    def render(customer: Customer) -> dict[str, object]:
        body = filled(inner(customer))
        return {name: value for name, value in body.items() if name not in {"created_at", "updated_at"}}

    patch.replace(customers, "render", render)


@dialect(
    "gate-customer-list-lags",
    summary="A new customer record joins the list a moment later",
    fact="gate facts section 7: no source says that lists are up to date at once",
)
def gate_customer_list_lags(patch: Patch) -> None:
    made: dict[str, float] = {}
    insert, list_page = customers.insert, customers.list_page

    def note(tx: Transaction, call: Call, email: str, external_id: str | None, contact: Body) -> Customer:
        customer = insert(tx, call, email, external_id, contact)
        made[customer.customer_id] = time.monotonic()
        return customer

    def without_the_newest(call: Call) -> Reply:
        reply = list_page(call)
        rows = reply.body["data"]
        assert isinstance(rows, list)
        old = time.monotonic() - LAG_SECONDS
        return replace(reply, body={**reply.body, "data": [row for row in rows if made.get(row["id"], 0.0) < old]})

    patch.replace(customers, "insert", note)
    patch.replace(customers, "list_page", without_the_newest)


@dialect(
    "gate-customer-short-pages",
    summary="A page of customers holds five at most, whatever the limit, and says that there are more",
    fact="gate facts section 4.D: a page may be shorter than its limit while more follows; so the sister list",
)
def gate_customer_short_pages(patch: Patch) -> None:
    inner = paging.render

    def render(path: str, data: list[object], has_more: bool) -> Reply:
        is_long = path == "/customers" and len(data) > SHORT_PAGE
        return inner(path, data[:SHORT_PAGE] if is_long else data, has_more or is_long)

    patch.replace(paging, "render", render)


@dialect(
    "gate-malformed-422",
    summary="A malformed customer record or branding is refused with 422",
    fact="gate facts section 2.2: 422 is not documented, and the vendor's client treats it like 400",
)
def gate_malformed_422(patch: Patch) -> None:
    def unprocessable(inner: Handler) -> Handler:
        def handle(call: Call) -> Reply:
            try:
                return inner(call)
            except Refusal as refused:
                if refused.status != 400:
                    raise
                raise Refusal(422, refused.code, refused.message) from None

        return handle

    for module, name in ((customers, "create"), (customers, "update"), (branding, "update")):
        patch.replace(module, name, unprocessable(getattr(module, name)))
    for words in (refusal, refusals):
        patch.replace(words, "TYPES", {**words.TYPES, 422: "invalid_request"})


@dialect(
    "gate-embed-brief",
    summary="A bootstrap is answered with 200, without what holds nothing and without the branding",
    fact=f"{SUCCESS}; section 4.E: null or absent, and the place of the branding, are open",
)
def gate_embed_brief(patch: Patch) -> None:
    inner = embed.render

    def render(call: Call, session: Session | None, look: Body) -> dict[str, object]:
        return filled({**inner(call, session, look), "branding": None})

    patch.replace(embed, "BOOTSTRAPPED_STATUS", 200)
    patch.replace(embed, "render", render)


@dialect(
    "gate-origin-401",
    summary="A bootstrap from a page that is not allowed is refused with 401",
    fact="gate facts section 11 (8): an answer of the auth or permission kind",
)
def gate_origin_401(patch: Patch) -> None:
    inner = origins.check

    def check(tx: Transaction, account: str, headers: Mapping[str, str]) -> None:
        try:
            inner(tx, account, headers)
        except Refusal:
            raise refusals.unauthorized() from None

    patch.replace(origins, "check", check)


@dialect(
    "gate-client-secret-404",
    summary="A bootstrap with a client secret nobody issued is answered with 404",
    fact="gate facts section 4.E: that it fails is published, with which status is not",
)
def gate_client_secret_404(patch: Patch) -> None:
    patch.replace(refusals, "unusable_secret", lambda: refusal.not_found("no such session"))


@dialect(
    "gate-branding-plain-answer",
    summary="A branding update is answered without the branding, and colours are kept in small letters",
    fact="gate facts section 4.F: what an update returns is a guess; a colour is six hexadecimal digits",
)
def gate_branding_plain_answer(patch: Patch) -> None:
    update, read_token = branding.update, branding.read_token

    def answer_little(call: Call) -> Reply:
        return replace(update(call), body={"updated": True})

    def read_small(document: Body, name: str) -> str:
        value = read_token(document, name)
        return value.lower() if name in branding.COLOURS else value

    patch.replace(branding, "update", answer_little)
    patch.replace(branding, "read_token", read_small)


@dialect(
    "gate-edge-region",
    summary="The edge knows the caller's region, and answers for it where none is named",
    fact="gate facts section 4.B: a missing country_code falls back to the region of the edge",
)
def gate_edge_region(patch: Patch) -> None:
    inner = capabilities.region_of

    def region_of(call: Call) -> Region:
        found = inner(call)
        return found if found.code is not None else Region("BR", "ip")

    patch.replace(capabilities, "region_of", region_of)


@dialect(
    "gate-inactive-assets-listed",
    summary="An asset that is not on offer stands in the list as not active",
    fact="gate facts section 4.B: an item says whether it is active; reading an inactive one is 404",
)
def gate_inactive_assets_listed(patch: Patch) -> None:
    inner = capabilities.list_assets

    def list_assets(call: Call) -> Reply:
        reply = inner(call)
        rows = reply.body["data"]
        assert isinstance(rows, list)
        inactive = [capabilities.render_asset(asset) for asset in catalogue.ASSETS.values() if not asset.active]
        return replace(reply, body={**reply.body, "data": [*inactive, *rows] if rows else rows})

    patch.replace(capabilities, "list_assets", list_assets)
