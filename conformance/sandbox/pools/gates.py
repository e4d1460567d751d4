"""Gates 5 to 9: access row, verification, tier, pool and side. Each fails closed and changes nothing."""

from __future__ import annotations

from conformance.sandbox.pools import catalogue
from conformance.sandbox.pools.access import Access
from conformance.sandbox.pools.catalogue import OFF_RAMP, Pool
from conformance.sandbox.refusal import Refusal


def entitle(access: Access, pool_id: str) -> Pool:
    """The pool, if the account may use it. The gates stand in the published order."""
    check_access_row(access)
    check_kyc(access)
    check_tier(access)
    pool = catalogue.find(pool_id)
    check_pool(access, pool)
    return pool


def check_access_row(access: Access) -> None:
    """403 ``pools_not_enabled`` without a row, ``pool_access_suspended`` for one that is not active."""
    if access.status is None:
        raise Refusal(403, "pools_not_enabled", "the account has no pool access")
    if access.status != "active":
        raise Refusal(403, "pool_access_suspended", "pool access is suspended")


def check_kyc(access: Access) -> None:
    """403 ``kyc_not_approved`` while verification is pending or revoked."""
    if access.kyc_status != "approved":
        raise Refusal(403, "kyc_not_approved", "verification is not approved")


def check_tier(access: Access) -> None:
    """403 in the shape of a suspension while no tier is assigned."""
    if access.tier is None:
        raise Refusal(403, "pool_access_suspended", "no tier is assigned to the account")


def check_pool(access: Access, pool: Pool) -> None:
    """403 ``pool_not_allowed`` for a real pool outside the entitlement."""
    if pool.id not in access.allowed_pools:
        raise Refusal(403, "pool_not_allowed", "the pool is not enabled for this account")


def check_side_quotable(access: Access, side: str) -> None:
    """403 for a side the account lacks. Off-ramp is priced for everyone and refused at transact."""
    if side != OFF_RAMP and side not in access.sides:
        raise Refusal(403, "side_not_enabled", "the side is not enabled for this account")


def check_side_executable(access: Access, side: str) -> None:
    """501 for an off-ramp execution that is not enabled; 403 for a side that has been withdrawn meanwhile."""
    if side == OFF_RAMP and not (access.off_ramp_enabled and side in access.sides):
        raise Refusal(501, "off_ramp_not_enabled", "off-ramp is not enabled for this account")
    if side not in access.sides:
        raise Refusal(403, "side_not_enabled", "the side is not enabled for this account")


def usable_pools(access: Access) -> list[Pool]:
    """Every pool the account passes all gates for; empty where a gate is closed."""
    usable = []
    for pool in catalogue.POOLS.values():
        try:
            usable.append(entitle(access, pool.id))
        except Refusal:
            continue
    return usable
