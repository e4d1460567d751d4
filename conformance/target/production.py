"""What a production target may be asked (design decision 11). The client asks before it sends."""

from __future__ import annotations

from conformance.target.profile import Target

READS = frozenset({"GET", "HEAD", "OPTIONS"})


def refusal(target: Target, method: str, *, is_generated: bool = False) -> str | None:
    """Why the harness itself must not send this request; None if it may.

    Production is read only, but for the one order of ``--controlled-order``, which has a permit of its own. Polling a
    trade's status is a read here: without writes there is no trade of ours that it could advance. Generated traffic
    never goes to production, reads included.
    """
    if not target.is_production:
        return None
    if is_generated:
        return f"{target.name} is production: generated traffic is never sent there"
    if method.upper() not in READS:
        return (
            f"{target.name} is production: only reads are sent there, not {method.upper()}; "
            "the one first order is placed with --controlled-order"
        )
    return None


__all__ = ["refusal"]
