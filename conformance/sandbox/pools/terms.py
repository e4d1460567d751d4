"""What a quote locks and its trade copies: pool, side, amounts, price, network and destination."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from decimal import Decimal

from conformance.sandbox import money


@dataclass(frozen=True, slots=True)
class Terms:
    """The locked terms. Amounts and rate are exact decimals; basis points are integers."""

    pool_id: str
    side: str
    fiat_currency: str
    crypto_currency: str
    fiat_amount: Decimal
    crypto_amount: Decimal
    rate: str
    spread_bps: int
    fee_bps: int
    crypto_network: str
    dest_address: str | None
    dest_network: str | None


def render(terms: Terms) -> dict[str, object]:
    """The terms as members of a quote or a trade."""
    return {
        "poolId": terms.pool_id,
        "side": terms.side,
        "fiatCurrency": terms.fiat_currency,
        "cryptoCurrency": terms.crypto_currency,
        "fiatAmount": money.render(terms.fiat_amount),
        "cryptoAmount": money.render(terms.crypto_amount),
        "rate": terms.rate,
        "spreadBps": terms.spread_bps,
        "feeBps": terms.fee_bps,
        "cryptoNetwork": terms.crypto_network,
        "destAddress": terms.dest_address,
        "destNetwork": terms.dest_network,
    }


def store(terms: Terms) -> str:
    """The terms as text for the database; amounts stay exact."""
    return json.dumps(asdict(terms), default=str)


def restore(text: str) -> Terms:
    """The terms that ``store`` has written."""
    record = json.loads(text)
    amounts = {name: Decimal(record[name]) for name in ("fiat_amount", "crypto_amount")}
    return Terms(**{**record, **amounts})
