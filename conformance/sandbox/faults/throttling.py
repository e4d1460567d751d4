"""Mistakes at the door of a caller who has used up his rate."""

from __future__ import annotations

from conformance.sandbox import app
from conformance.sandbox.calls import Sandbox
from conformance.sandbox.gate import access, refusals
from conformance.sandbox.gate.access import Access
from conformance.sandbox.pools import access as pools_access
from conformance.sandbox.refusal import Refusal
from conformance.sandbox.variations import Patch, fault


@fault(
    "throttle-behind-the-gates",
    summary="The rate is looked at only for accounts that have pool access; the others are told about their access",
    fact="facts section 4: 429 under throttle is common to all twelve operations, before anything else is looked at",
    klass="throttle",
    breaks=("POOLS-THROTTLED",),
)
def throttle_behind_the_gates(patch: Patch) -> None:
    healthy = app.check_rate

    def check_rate(sandbox: Sandbox, account: str) -> None:
        with sandbox.store.read() as tx:
            its_access = pools_access.load(tx, account)
        if its_access.status is not None:
            healthy(sandbox, account)

    patch.replace(app, "check_rate", check_rate)


@fault(
    "throttle-answers-403",
    summary="A caller over his rate is refused as if he lacked the permission",
    fact="facts section 2.2: 429 is the answer to a caller over his rate",
    klass="throttle",
    breaks=("POOLS-THROTTLED",),
)
def throttle_answers_403(patch: Patch) -> None:
    healthy = app.check_rate

    def check_rate(sandbox: Sandbox, account: str) -> None:
        try:
            healthy(sandbox, account)
        except Refusal:
            raise Refusal(403, "forbidden", "slow down") from None

    patch.replace(app, "check_rate", check_rate)


@fault(
    "gate-throttle-answers-403",
    summary="A caller over his rate is refused as if he lacked the permission",
    fact="gate facts section 2.2: 429 is the answer to a caller over his rate",
    klass="throttle",
    breaks=("GATE-THROTTLED",),
)
def gate_throttle_answers_403(patch: Patch) -> None:
    def check_rate(its_access: Access) -> None:
        if its_access.throttled:
            raise refusals.forbidden("slow down")

    patch.replace(access, "check_rate", check_rate)
