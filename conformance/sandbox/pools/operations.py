"""The twelve operations of 0Pools and who answers each. Literal paths stand before those with a pool id."""

from __future__ import annotations

from typing import Final

from conformance.sandbox.calls import Operation
from conformance.sandbox.keys import Kind
from conformance.sandbox.pools import discovery, ledger, quotes, settlement, trades, transact

OPERATIONS: Final = (
    Operation("GET", "/pools", discovery, "list_pools", keys=(Kind.PUBLISHABLE, Kind.SECRET)),
    Operation("GET", "/pools/trades", trades, "list_page"),
    Operation("GET", "/pools/funding", discovery, "read_funding"),
    Operation("GET", "/pools/ledger", ledger, "list_entries"),
    Operation("GET", "/pools/trades/{transactId}", trades, "read"),
    Operation("GET", "/pools/transactions/{quoteId}", settlement, "poll"),
    Operation("GET", "/pools/quotes/{quoteId}", quotes, "read"),
    Operation("POST", "/pools/quotes/{quoteId}/reject", quotes, "reject"),
    Operation("GET", "/pools/{id}/capabilities", discovery, "read_capabilities"),
    Operation("GET", "/pools/{id}/balance", discovery, "read_balance"),
    Operation("POST", "/pools/{id}/quote", quotes, "create"),
    Operation("POST", "/pools/{id}/transact", transact, "execute"),
)
