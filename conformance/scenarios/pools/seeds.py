"""What of a run stands in generated requests to 0Pools."""

from __future__ import annotations

from collections.abc import Mapping

from conformance.scenarios.generated import OWN, Seeds

POOL = f"{OWN}pool"
QUOTE = f"{OWN}quote"
TRADE = f"{OWN}trade"

_OWNERS = {"pools": POOL, "transactions": QUOTE, "quotes": QUOTE, "trades": TRADE}


def seeds_of(quote_request: Mapping[str, object]) -> Seeds:
    """Ours for a run that trades as ``quote_request`` asks, a firm request the target should accept."""
    preview = {k: v for k, v in quote_request.items() if not k.startswith("dest")} | {"type": "indicative"}
    return Seeds(
        owners=_OWNERS,
        bodies={
            "POST /pools/{}/quote": (quote_request, preview),
            "POST /pools/{}/transact": ({"quoteId": QUOTE},),
        },
        made=(QUOTE, TRADE),
        # A preview and another network lead on as well.
        free=frozenset({"type", "cryptoNetwork"}),
    )
