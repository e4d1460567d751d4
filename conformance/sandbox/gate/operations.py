"""The operations of 0Gate and who answers each. Literal paths stand before those with an id."""

from __future__ import annotations

from typing import Final

from conformance.sandbox.calls import Operation
from conformance.sandbox.gate import (
    branding,
    capabilities,
    customers,
    embed,
    quotes,
    rails,
    sessions,
    transactions,
    webhooks,
)
from conformance.sandbox.keys import Kind

OPERATIONS: Final = (
    Operation("POST", "/gate_sessions", sessions, "create"),
    Operation("GET", "/gate_sessions", sessions, "list_page"),
    Operation("GET", "/gate_sessions/{id}", sessions, "read"),
    Operation("POST", "/gate_sessions/{id}/cancel", sessions, "cancel"),
    Operation("GET", "/capabilities/countries", capabilities, "list_countries"),
    Operation("GET", "/capabilities/currencies", capabilities, "list_currencies"),
    Operation("GET", "/capabilities/assets", capabilities, "list_assets"),
    Operation("GET", "/capabilities/assets/{symbol}", capabilities, "read_asset"),
    Operation("GET", "/capabilities/payment-methods", capabilities, "list_payment_methods"),
    Operation("GET", "/capabilities/payout-methods", capabilities, "list_payout_methods"),
    Operation("GET", "/capabilities/eligibility", capabilities, "check_eligibility"),
    Operation("POST", "/quotes/preview", quotes, "preview"),
    Operation("POST", "/quotes", quotes, "lock"),
    Operation("GET", "/quotes/{id}", quotes, "read"),
    Operation("POST", "/rails/pay_ins", rails, "create_pay_in"),
    Operation("GET", "/rails/pay_ins/{id}", rails, "read_pay_in"),
    Operation("POST", "/rails/pay_outs", rails, "create_pay_out"),
    Operation("GET", "/rails/pay_outs/{id}", rails, "read_pay_out"),
    Operation("GET", "/transactions", transactions, "list_page"),
    Operation("GET", "/transactions/{refid}", transactions, "read"),
    Operation("POST", "/embed/bootstrap", embed, "bootstrap", keys=(Kind.PUBLISHABLE,)),
    Operation("GET", "/branding", branding, "read"),
    Operation("PATCH", "/branding", branding, "update"),
    Operation("GET", "/webhooks/deliveries", webhooks, "list_page"),
    Operation("POST", "/webhooks/deliveries/{id}/replay", webhooks, "replay"),
    Operation("POST", "/webhooks/test", webhooks, "send_test"),
    Operation("POST", "/customers", customers, "create"),
    Operation("GET", "/customers", customers, "list_page"),
    Operation("GET", "/customers/{id}", customers, "read"),
    Operation("PATCH", "/customers/{id}", customers, "update"),
    Operation("DELETE", "/customers/{id}", customers, "delete"),
)
