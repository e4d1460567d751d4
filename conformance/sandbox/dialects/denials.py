"""Variations in who is refused, with which status, and which of several reasons wins."""

from __future__ import annotations

from conformance.sandbox import keys
from conformance.sandbox.calls import Call
from conformance.sandbox.dialects.rewriting import before_each
from conformance.sandbox.keys import Credential, Kind
from conformance.sandbox.pools import access, catalogue, gates, quotes
from conformance.sandbox.pools.access import Access
from conformance.sandbox.pools.catalogue import OFF_RAMP, Pool
from conformance.sandbox.pools.orders import Order
from conformance.sandbox.refusal import Refusal, invalid, not_found
from conformance.sandbox.variations import Patch, dialect

OUTSIDE = "facts C1: a pool outside the entitlement answers 404 on some pages, 403 pool_not_allowed on others"
DISCOVERY_KEYS = "facts C2: GET /pools is for publishable keys only; one sample sends a secret key"
KEY_KIND = "facts C3: a publishable key on a server route, or a key of the other mode, is 401 or 403"
OFF_RAMP_QUOTE = "facts C9: a quote for a side that is not enabled may answer 200, 400, 403 or 501"


@dialect("pool-outside-404", summary="A pool outside the entitlement is not found", fact=OUTSIDE)
def pool_outside_404(patch: Patch) -> None:
    def check_pool(its_access: Access, pool: Pool) -> None:
        if pool.id not in its_access.allowed_pools:
            raise not_found("no such pool")

    patch.replace(gates, "check_pool", check_pool)


@dialect("pool-unknown-403", summary="An unknown pool is refused like one outside the entitlement", fact=OUTSIDE)
def pool_unknown_403(patch: Patch) -> None:
    def find(pool_id: str) -> Pool:
        pool = catalogue.POOLS.get(pool_id)
        if pool is None:
            raise Refusal(403, "pool_not_allowed", "the pool is not enabled for this account")
        return pool

    patch.replace(catalogue, "find", find)


def refuse_secret_on_discovery(patch: Patch, refusal: Refusal) -> None:
    inner = keys.check_kind

    def check_kind(credential: Credential, accepted: tuple[Kind, ...]) -> None:
        if Kind.PUBLISHABLE in accepted and credential.kind is Kind.SECRET:
            raise refusal
        inner(credential, accepted)

    patch.replace(keys, "check_kind", check_kind)


@dialect("discovery-refuses-secret-401", summary="GET /pools answers 401 to a secret key", fact=DISCOVERY_KEYS)
def discovery_refuses_secret_401(patch: Patch) -> None:
    refuse_secret_on_discovery(patch, Refusal(401, "unauthorized", "this operation needs a publishable key"))


@dialect("discovery-refuses-secret-403", summary="GET /pools answers 403 to a secret key", fact=DISCOVERY_KEYS)
def discovery_refuses_secret_403(patch: Patch) -> None:
    refuse_secret_on_discovery(patch, Refusal(403, "key_mode_mismatch", "this operation needs a publishable key"))


@dialect("publishable-401", summary="A publishable key on a server route answers 401", fact=KEY_KIND)
def publishable_401(patch: Patch) -> None:
    def check_kind(credential: Credential, accepted: tuple[Kind, ...]) -> None:
        if credential.kind not in accepted:
            raise Refusal(401, "unauthorized", "this operation needs a secret key")

    patch.replace(keys, "check_kind", check_kind)


@dialect(
    "publishable-403-other-code",
    summary="A publishable key on a server route has a 403 code of its own",
    fact="facts C3 and seed 001: 403 is described as a key-mode or key-type error; no code is published for the type",
)
def publishable_403_other_code(patch: Patch) -> None:
    def check_kind(credential: Credential, accepted: tuple[Kind, ...]) -> None:
        if credential.kind not in accepted:
            raise Refusal(403, "key_type_not_allowed", "this operation needs a secret key")

    patch.replace(keys, "check_kind", check_kind)


@dialect("wrong-mode-401", summary="A key of the other mode answers 401", fact=KEY_KIND)
def wrong_mode_401(patch: Patch) -> None:
    def check_mode(credential: Credential, mode: str) -> None:
        if credential.mode != mode:
            raise Refusal(401, "unauthorized", "a valid API key is required")

    patch.replace(keys, "check_mode", check_mode)


def refuse_off_ramp_at_quote(patch: Patch, refusal: Refusal) -> None:
    inner = gates.check_side_quotable

    def check_side_quotable(its_access: Access, side: str) -> None:
        if side == OFF_RAMP and side not in its_access.sides:
            raise refusal
        inner(its_access, side)

    patch.replace(gates, "check_side_quotable", check_side_quotable)


@dialect("off-ramp-quote-400", summary="An off-ramp quote that is not enabled answers 400", fact=OFF_RAMP_QUOTE)
def off_ramp_quote_400(patch: Patch) -> None:
    refuse_off_ramp_at_quote(patch, invalid("side must be one of the sides in the capabilities"))


@dialect("off-ramp-quote-403", summary="An off-ramp quote that is not enabled answers 403", fact=OFF_RAMP_QUOTE)
def off_ramp_quote_403(patch: Patch) -> None:
    refuse_off_ramp_at_quote(patch, Refusal(403, "side_not_enabled", "the side is not enabled for this account"))


@dialect("off-ramp-quote-501", summary="An off-ramp quote that is not enabled answers 501", fact=OFF_RAMP_QUOTE)
def off_ramp_quote_501(patch: Patch) -> None:
    refuse_off_ramp_at_quote(patch, Refusal(501, "off_ramp_not_enabled", "off-ramp is not enabled for this account"))


@dialect(
    "off-ramp-quote-unavailable",
    summary="An off-ramp quote that is not enabled fails softly",
    fact=f"{OFF_RAMP_QUOTE}; 200 includes available false",
)
def off_ramp_quote_unavailable(patch: Patch) -> None:
    inner = quotes.unavailable_reason

    def unavailable_reason(its_access: Access, pool: Pool, order: Order) -> str | None:
        closed = order.side == OFF_RAMP and order.side not in its_access.sides
        return "engine_unavailable" if closed else inner(its_access, pool, order)

    patch.replace(quotes, "unavailable_reason", unavailable_reason)


@dialect(
    "gates-reversed",
    summary="Of several closed gates the last published one answers: pool, tier, verification, access row",
    fact="facts section 14: which denial wins when several apply is stated nowhere",
)
def gates_reversed(patch: Patch) -> None:
    def entitle(its_access: Access, pool_id: str) -> Pool:
        pool = catalogue.find(pool_id)
        gates.check_pool(its_access, pool)
        gates.check_tier(its_access)
        gates.check_kyc(its_access)
        gates.check_access_row(its_access)
        return pool

    patch.replace(gates, "entitle", entitle)


@dialect(
    "gated-reads",
    summary="Access row, verification and tier are also asked for on history, funding, ledger, quotes and polls",
    fact="facts section 4: whether the denial codes apply beyond the four entitled operations is unstated",
)
def gated_reads(patch: Patch) -> None:
    def check(handler: str, call: Call) -> None:
        if handler == "list_pools":
            return
        with call.sandbox.store.read() as tx:
            its_access = access.load(tx, call.account)
        gates.check_access_row(its_access)
        gates.check_kyc(its_access)
        gates.check_tier(its_access)

    before_each(patch, check)


@dialect(
    "gates-before-body",
    summary="Quote and transact ask the gates before they read body and headers",
    fact="facts section 14: which refusal wins when several apply is stated nowhere",
)
def gates_before_body(patch: Patch) -> None:
    def check(handler: str, call: Call) -> None:
        if handler in {"create", "execute"}:
            with call.sandbox.store.read() as tx:
                its_access = access.load(tx, call.account)
            gates.entitle(its_access, call.path["id"])

    before_each(patch, check)
