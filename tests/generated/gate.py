"""What is ours in a run against 0Gate, for tests of generated requests; no statement about behaviour."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from conformance.scenarios.gate.desk import ON_RAMP, Desk, Terms

ORIGIN = "https://shop.example"
TERMS = Terms("25.00", "EUR", "DE", "USDC", "bank_transfer", "bank_transfer", "https://partner.example/complete")


class StillDesk:
    """A desk that only says what it would ask for."""

    terms = TERMS
    bench = SimpleNamespace(target=SimpleNamespace(session=SimpleNamespace(origin=ORIGIN)))

    def session_request(self, **overrides: object) -> dict[str, object]:
        plain: dict[str, object] = {"amount": "25.00", "currency": "EUR", "return_url": TERMS.return_url}
        return plain | overrides

    def quote_request(self, side: str = ON_RAMP) -> dict[str, object]:
        return {"currency": "EUR", "asset": "USDC", "amount": "25.00", "side": side, "payment_method": "bank_transfer"}


def desk() -> Desk:
    return cast("Desk", StillDesk())
