"""Mistakes with what an account of 0Gate may use: the product, rails, customer records, trust and its rate."""

from __future__ import annotations

import threading
from collections.abc import Callable

from starlette.requests import Request

from conformance.sandbox.calls import Call, Operation, Reply, Sandbox
from conformance.sandbox.faults import seams
from conformance.sandbox.gate import access, customers, quotes, rails, serving
from conformance.sandbox.gate.access import Access
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.variations import Patch, fault


@fault(
    "gate-product-not-checked",
    summary="An account without 0Gate may use all of it",
    fact="gate facts sections 1.3 and 9: product entitlement is checked after authentication, 403 without",
    klass="entitlements",
    breaks=("GATE-DENY-PRODUCT",),
)
def gate_product_not_checked(patch: Patch) -> None:
    patch.replace(access, "check_product", lambda its_access: None)


@fault(
    "gate-product-checked-at-writes",
    summary="An account without 0Gate may read all of it",
    fact="gate facts sections 1.3 and 9: product entitlement is checked after authentication, 403 without",
    klass="entitlements",
    breaks=("GATE-DENY-PRODUCT",),
)
def gate_product_checked_at_writes(patch: Patch) -> None:
    waive_for_reads(patch, "check_product")


@fault(
    "gate-product-missing-as-401",
    summary="An account without 0Gate is told that its key is not valid",
    fact="gate facts section 2.2: a valid credential without entitlement is a 403",
    klass="entitlements",
    breaks=("GATE-DENY-PRODUCT",),
)
def gate_product_missing_as_401(patch: Patch) -> None:
    deny_as(patch, "check_product", 401)


@fault(
    "gate-rails-not-checked",
    summary="An account without the rails entitlement may lock and redeem",
    fact="gate facts section 9: rails entitlement is needed for quotes and rails, 403 without",
    klass="entitlements",
    breaks=("GATE-DENY-RAILS",),
    drags=("GATE-DENY-RAILS-LATER",),
)
def gate_rails_not_checked(patch: Patch) -> None:
    patch.replace(access, "check_rails", lambda its_access: None)


@fault(
    "gate-rails-checked-at-redemption-only",
    summary="An account without the rails entitlement may lock and read quotes",
    fact="gate facts section 9: rails entitlement is needed for lockQuote and retrieveSignedQuote too",
    klass="entitlements",
    breaks=("GATE-DENY-RAILS",),
)
def gate_rails_checked_at_redemption_only(patch: Patch) -> None:
    patch.replace(quotes, "access", seams.module_with(access, check_rails=lambda its_access: None))


@fault(
    "gate-rails-checked-at-lock-only",
    summary="The rails entitlement is asked for at the lock and not at the redemption",
    fact="gate facts section 9: rails entitlement is needed for createPayIn and createPayOut",
    klass="entitlements",
    breaks=("GATE-DENY-RAILS-LATER",),
    drags=("GATE-DENY-RAILS",),
)
def gate_rails_checked_at_lock_only(patch: Patch) -> None:
    patch.replace(rails, "access", seams.module_with(access, check_rails=lambda its_access: None))


@fault(
    "gate-rails-missing-as-404",
    summary="To an account without the rails entitlement quotes and rails are not there",
    fact="gate facts section 9: 403 without the entitlement",
    klass="entitlements",
    breaks=("GATE-DENY-RAILS",),
    drags=("GATE-DENY-RAILS-LATER", "WIRE-STATUS"),
)
def gate_rails_missing_as_404(patch: Patch) -> None:
    deny_as(patch, "check_rails", 404)


@fault(
    "gate-customers-not-checked",
    summary="An account without customer records may use them",
    fact="gate facts section 9 and seed 002: customer records where enabled",
    klass="entitlements",
    breaks=("GATE-DENY-CUSTOMERS",),
)
def gate_customers_not_checked(patch: Patch) -> None:
    patch.replace(customers, "check_enabled", lambda call: None)


@fault(
    "gate-customers-checked-at-create-only",
    summary="An account without customer records may list and delete them",
    fact="gate facts section 9 and seed 002: customer records where enabled",
    klass="entitlements",
    breaks=("GATE-DENY-CUSTOMERS",),
)
def gate_customers_checked_at_create_only(patch: Patch) -> None:
    healthy = customers.create

    def create(call: Call) -> Reply:
        with call.sandbox.store.read() as tx:
            access.check_customers(access.load(tx, call.account))
        return healthy(call)

    patch.replace(customers, "check_enabled", lambda call: None)
    patch.replace(customers, "create", create)


@fault(
    "gate-package-from-anybody",
    summary="An account that is not trusted may hand verification over",
    fact="gate facts section 4.A: without trusted status a kyc_package is a 403",
    klass="entitlements",
    breaks=("GATE-DENY-TRUST",),
)
def gate_package_from_anybody(patch: Patch) -> None:
    patch.replace(access, "check_trusted", lambda its_access: None)


@fault(
    "gate-rate-limited-for-writes",
    summary="An account that has used up its rate may go on reading",
    fact="gate facts section 2.2: 429 for a caller over his rate",
    klass="rates",
    breaks=("GATE-THROTTLED",),
)
def gate_rate_limited_for_writes(patch: Patch) -> None:
    waive_for_reads(patch, "check_rate")


def waive_for_reads(patch: Patch, check: str) -> None:
    """Leave a check of the account out where nothing is written."""
    healthy_answer = serving.answer
    healthy_check: Callable[[Access], None] = getattr(access, check)
    under_way = threading.local()

    def answer(sandbox: Sandbox, operation: Operation, request: Request, body: bytes) -> Reply:
        under_way.method = operation.method
        return healthy_answer(sandbox, operation, request, body)

    def checked(its_access: Access) -> None:
        if under_way.method != "GET":
            healthy_check(its_access)

    patch.replace(serving, "answer", answer)
    patch.replace(access, check, checked)


def deny_as(patch: Patch, check: str, status: int) -> None:
    """Refuse for want of an entitlement with another status."""
    healthy: Callable[[Access], None] = getattr(access, check)
    refuse = seams.refusing(status, "no_access")

    def checked(its_access: Access) -> None:
        try:
            healthy(its_access)
        except Refusal:
            raise refuse("this is not for you") from None

    patch.replace(access, check, checked)
