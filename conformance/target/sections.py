"""The sections of a profile as pydantic models: each key, its type and, as description, what belongs there.

What needs more than one section, or the environment, is judged in ``resolve``.
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from conformance.target import urls
from conformance.target.problems import NEVER_SECRETS, looks_like_credential, looks_random

STANDINGS = (
    "approved",
    "other_partner",
    "no_access",
    "suspended",
    "kyc_pending",
    "kyc_revoked",
    "no_tier",
    "pool_not_allowed",
    "unfunded",
    "ungated",
    "velocity_capped",
    "wrong_mode",
    "off_ramp",
    "unprovisioned_funding",
    "no_gate",
    "no_rails",
    "no_customers",
    "trusted",
    "throttled",
)
"""The standings an account can have at a target; an account is named after its standing."""

RECIPES = {
    "settled": ("account", "poolId", "quoteId", "transactId"),
    "failed": ("account", "poolId", "quoteId", "transactId"),
    "released": ("account", "poolId", "quoteId", "transactId"),
    "returned": ("account", "poolId", "quoteId", "transactId"),
    "unavailable": ("account", "poolId"),
    "time_passes": ("account", "quoteId", "seconds"),
    "access_suspended": ("account",),
    "kyc_revoked": ("account",),
    "tier_removed": ("account",),
    "pool_removed": ("account", "poolId"),
    "access_restored": ("account",),
    "webhook_endpoint": ("account", "url"),
    "redelivery": ("account", "quoteId", "transactId", "eventId"),
    "session_processing": ("account", "sessionId"),
    "session_completed": ("account", "sessionId"),
    "session_failed": ("account", "sessionId"),
    "session_expired": ("account", "sessionId"),
    "kyc_required": ("account", "sessionId"),
    "kyc_approved": ("account", "sessionId"),
    "rail_settled": ("account", "railId"),
    "rail_failed": ("account", "railId"),
    "rail_cancelled": ("account", "railId"),
    "gate_time_passes": ("account", "quoteId", "seconds"),
    "gate_removed": ("account",),
    "rails_removed": ("account",),
    "gate_restored": ("account",),
    "gate_webhook_endpoint": ("account", "url"),
    "gate_webhook_endpoint_removed": ("account",),
}
"""Each recipe with the placeholders its helper calls may use."""

GATE_RECIPES = frozenset(list(RECIPES)[list(RECIPES).index("session_processing") :])
"""The recipes that act on 0Gate; the others act on 0Pools."""

TRADE_RECIPES = ("settled", "failed", "released", "returned", "unavailable")
"""The recipes that may change what a quote asks for; the others only make helper calls."""


def fault(expected: str, fix: str) -> PydanticCustomError:
    """A refusal whose words reach the author of the file; ``{key}`` in the fix stands for the key."""
    return PydanticCustomError("profile", "{expected}", {"expected": expected, "fix": fix})


def _variable(text: str) -> str:
    if looks_like_credential(text) or looks_random(text):
        raise fault(
            f"the name of an environment variable: {NEVER_SECRETS}",
            "take the secret out (replace it if the file was shared), put it in an environment variable and "
            "write that variable's name here",
        )
    if not text.isascii() or not text.isidentifier() or text != text.upper():
        raise fault(
            "the name of an environment variable (upper case letters, digits and _)",
            'write for example {key} = "OBIT_POOLS_SECRET_KEY"',
        )
    return text


def _url(text: str) -> str:
    return _checked(text, "it has a placeholder" if "{" in text or "}" in text else None)


def _template_url(text: str) -> str:
    return _checked(text, None)


def _checked(text: str, further: str | None) -> str:
    reason = urls.objection(text) or further
    if reason is not None:
        raise fault(
            f"an https URL (http for loopback only) without credentials, query or fragment; {reason}",
            'write for example {key} = "https://pools-api-sandbox.0bit.app/v1"',
        )
    return text.rstrip("/")


def _helper_url(text: str) -> str:
    if "://" in text or text.startswith("//"):
        return _template_url(text)
    if not text.startswith("/") or any(c.isspace() or c in "\\?#" for c in text):
        raise fault(
            "an absolute URL, or a path from the root of the target, without query or fragment",
            'write for example {key} = "/helpers/trades/{{quoteId}}"',
        )
    return text


_AMOUNT = re.compile(r"[0-9]{1,30}(\.[0-9]{1,18})?")


def money(value: Any) -> Decimal:
    """A decimal amount written as text. Numbers are refused: with a fraction they are inexact."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise fault("an amount written as a string, because money is never a float", f'write {{key}} = "{value}"')
    if isinstance(value, (str, Decimal)) and _AMOUNT.fullmatch(str(value)):
        return Decimal(value)
    raise fault("a decimal amount as a string, zero or more, without exponent", 'write for example {key} = "5000.00"')


def _listen(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise fault("host:port, where port 0 means any free one", 'write for example {key} = "127.0.0.1:0"')
    return text


def _file(text: str) -> str:
    if "\0" in text or PurePath(text).name == "":
        raise fault("the path of a file, relative to the profile", 'write for example {key} = "approval.json"')
    return text


Text = Annotated[str, Field(min_length=1, max_length=300)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Variable = Annotated[str, AfterValidator(_variable)]
Url = Annotated[str, AfterValidator(_url)]
TemplateUrl = Annotated[str, AfterValidator(_template_url)]
HelperUrl = Annotated[str, AfterValidator(_helper_url)]
FilePath = Annotated[str, AfterValidator(_file)]
Money = Annotated[Decimal, BeforeValidator(money)]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


class Section(BaseModel):
    """What all sections share: nothing is guessed, nothing is converted, nothing changes later."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


class ProductSection(Section):
    base_url: Url | None = Field(
        default=None,
        description="the base URL with its version",
        examples=["https://pools-api-sandbox.0bit.app/v1"],
    )
    base_url_variable: Variable | None = Field(
        default=None,
        description="the name of an environment variable that holds the base URL",
        examples=["MY_POOLS_URL"],
    )
    contract: FilePath | None = Field(
        default=None, description="the path of the vendor's own OpenAPI file", examples=["pools-v1.yaml"]
    )


class TargetSection(Section):
    name: Name = Field(
        description="a short name for reports (letters, digits, dot, dash, _)", examples=["partner-sandbox"]
    )
    environment: Literal["embedded", "sandbox", "production"] = Field(
        description="one of embedded, sandbox, production", examples=["sandbox"]
    )
    strict: bool = Field(default=False, description="true or false", examples=[True])
    settles_only_by_poll: bool = Field(default=False, description="true or false", examples=[True])
    approval: FilePath | None = Field(
        default=None,
        description="the path of the approval record, relative to the profile",
        examples=["approval.json"],
    )
    pools: ProductSection | None = Field(
        default=None,
        description="a table with base_url",
        examples=[{"base_url": "https://pools-api-sandbox.0bit.app/v1"}],
    )
    gate: ProductSection | None = Field(
        default=None,
        description="a table with base_url",
        examples=[{"base_url": "https://gate-api-sandbox.0bit.app/v1"}],
    )


class AccountSection(Section):
    secret_key: Variable | None = Field(
        default=None,
        description="the name of the environment variable with the secret key",
        examples=["OBIT_POOLS_SECRET_KEY"],
    )
    gate_secret_key: Variable | None = Field(
        default=None,
        description="the name of the environment variable with the secret key for 0Gate, where it is another one",
        examples=["OBIT_SECRET_KEY"],
    )
    publishable_key: Variable | None = Field(
        default=None,
        description="the name of the environment variable with the publishable key",
        examples=["OBIT_PUBLISHABLE_KEY"],
    )
    disposable: bool = Field(default=False, description="true or false", examples=[True])


class Limits(Section):
    """What a run may spend at a target that is shared property (design decision 7)."""

    trades: int = Field(ge=0, le=1_000_000, description="how many trades a run may execute", examples=[40])
    notional: Money = Field(
        description="the fiat of all executed trades together, a decimal string", examples=["5000.00"]
    )
    requests_per_second: float = Field(
        gt=0,
        le=1000,
        allow_inf_nan=False,
        description="requests per second, above 0 and at most 1000",
        examples=[10],
    )


class OrderDefaults(Section):
    """What to trade with; what is absent is read from discovery and capabilities."""

    pool: Text | None = Field(default=None, description="a pool id", examples=["EUR-USDT"])
    amount: Money | None = Field(
        default=None, description="the fiat of one order, a decimal string", examples=["10.00"]
    )
    network: Text | None = Field(default=None, description="the crypto network of the pool", examples=["tron"])
    dest_address: Text | None = Field(default=None, description="a wallet that may receive the crypto", examples=["T…"])
    dest_network: Text | None = Field(default=None, description="the delivery network", examples=["tron"])


class SessionDefaults(Section):
    """What to open 0Gate sessions and lock quotes with; what is absent is read from the capabilities."""

    amount: Money | None = Field(
        default=None, description="the fiat of one session, a decimal string", examples=["25.00"]
    )
    currency: Text | None = Field(default=None, description="the fiat currency", examples=["EUR"])
    country: Text | None = Field(
        default=None, description="the country code capabilities are read for", examples=["DE"]
    )
    asset: Text | None = Field(default=None, description="the crypto symbol", examples=["USDC"])
    payment_method: Text | None = Field(default=None, description="the id of a payment method", examples=["sepa"])
    payout_method: Text | None = Field(default=None, description="the id of a payout method", examples=["sepa"])
    return_url: Url = Field(
        default="https://shop.example/return",
        description="where the hosted flow returns to",
        examples=["https://shop.example/return"],
    )
    origin: Url | None = Field(
        default=None, description="an allowed domain of the account, as an origin", examples=["https://shop.example"]
    )


class Patience(Section):
    """How long to wait, in seconds."""

    settle: Seconds = Field(default=60, description="seconds until a trade must be final, at most 3600", examples=[60])
    request: Seconds = Field(
        default=15, description="seconds until an answer must be there, at most 3600", examples=[15]
    )
    delivery: Seconds = Field(
        default=30, description="seconds until a webhook must arrive, at most 3600", examples=[30]
    )
    poll_every: Seconds = Field(
        default=0.5, description="seconds between two status polls, at most 3600", examples=[0.5]
    )


class WebhookSection(Section):
    listen: Annotated[str, AfterValidator(_listen)] = Field(
        default="127.0.0.1:0", description="host:port the receiver binds", examples=["127.0.0.1:0"]
    )
    public_url: Url | None = Field(
        default=None,
        description="the URL under which the target reaches the receiver",
        examples=["https://hooks.example.com"],
    )
    secret: Variable = Field(
        description="the name of the environment variable with the signing secret",
        examples=["OBIT_WEBHOOK_SECRET"],
    )
    header: Text = Field(
        default="Gate-Signature", description="the header with the signature", examples=["Gate-Signature"]
    )
    scheme: Literal["t-v1-hmac-sha256", "hmac-sha256-hex"] = Field(
        default="t-v1-hmac-sha256",
        description="the signature scheme: t-v1-hmac-sha256 or hmac-sha256-hex",
        examples=["t-v1-hmac-sha256"],
    )
    tolerance: int = Field(
        default=300, ge=1, le=86400, description="seconds a signature may be old, 1 to 86400", examples=[300]
    )
    event_id: Text | None = Field(default=None, description="the JSON member with the event's id", examples=["eventId"])
    retries_within: Seconds | None = Field(
        default=None,
        description="seconds after which a failed delivery has come again, at most 3600",
        examples=[90],
    )
    gives_up_within: Annotated[float, Field(gt=0, le=14_400, allow_inf_nan=False)] | None = Field(
        default=None,
        description="seconds after which a delivery that always fails is given up, at most 14400",
        examples=[9600],
    )
    times_out_after: Annotated[float, Field(gt=0, le=120, allow_inf_nan=False)] | None = Field(
        default=None,
        description="seconds after which an attempt that is not answered has failed, at most 120",
        examples=[10],
    )


class HandlerSection(Section):
    url: Url = Field(description="where the partner's handler listens", examples=["http://127.0.0.1:9000/webhooks"])
    secret: Variable = Field(
        description="the name of the environment variable with the handler's signing secret",
        examples=["OBIT_WEBHOOK_SECRET"],
    )
    effects_url: TemplateUrl | None = Field(
        default=None,
        description="a URL that tells what an event did, with {eventId} in it",
        examples=["http://127.0.0.1:9000/effects/{eventId}"],
    )
    effects_path: Text | None = Field(
        default=None, description="the JSON member, dotted, that counts the effects", examples=["count"]
    )


class CardsSection(Section):
    start: Url = Field(description="where a top-up is requested", examples=["http://127.0.0.1:9100/topups"])
    probe: TemplateUrl = Field(
        description="a URL that shows a top-up, with {ref} in it", examples=["http://127.0.0.1:9100/topups/{ref}"]
    )
    events: Url | None = Field(
        default=None, description="where it takes deliveries", examples=["http://127.0.0.1:9100/webhooks"]
    )
    look: TemplateUrl | None = Field(
        default=None,
        description="a URL that makes it look how a trade stands, with {ref} in it",
        examples=["http://127.0.0.1:9100/topups/{ref}/look"],
    )
    callback: TemplateUrl | None = Field(
        default=None,
        description="where a browser returns to, with {ref} and {status} in it",
        examples=["http://127.0.0.1:9100/done/{ref}/{status}"],
    )
    secret: Variable = Field(
        description="the name of the environment variable with the secret its deliveries are signed with",
        examples=["OBIT_WEBHOOK_SECRET"],
    )
    test_program: bool = Field(
        default=False,
        description="true if test top-ups may go to it although it is on another machine",
        examples=[True],
    )


class CallSection(Section):
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field(
        default="POST", description="one of GET, POST, PUT, PATCH, DELETE", examples=["POST"]
    )
    url: HelperUrl = Field(description="a URL of the target, or a path from its root", examples=["/helpers/{quoteId}"])
    body: dict[str, Any] | None = Field(
        default=None, description="a table sent as JSON", examples=[{"outcome": "returned"}]
    )
    account: Name | None = Field(
        default=None, description="the account whose secret key authorises the call", examples=["approved"]
    )


class RecipeSection(Section):
    request: dict[str, Text] = Field(
        default_factory=dict, description="a table of texts that replace members of the quote request"
    )
    calls: list[CallSection] = Field(
        default_factory=list, max_length=10, description="a list of at most 10 helper calls"
    )


SINGLE: dict[str, type[Section]] = {
    "target": TargetSection,
    "limits": Limits,
    "order": OrderDefaults,
    "session": SessionDefaults,
    "patience": Patience,
    "handler": HandlerSection,
    "cards": CardsSection,
}
"""Sections that stand once in a file."""

NAMED: dict[str, tuple[type[Section], tuple[str, ...]]] = {
    "accounts": (AccountSection, STANDINGS),
    "webhooks": (WebhookSection, ("pools", "gate")),
    "outcomes": (RecipeSection, tuple(RECIPES)),
}
"""Sections that stand once for each of the names beside them."""

__all__ = [
    "GATE_RECIPES",
    "NAMED",
    "RECIPES",
    "SINGLE",
    "STANDINGS",
    "TRADE_RECIPES",
    "AccountSection",
    "CallSection",
    "CardsSection",
    "HandlerSection",
    "Limits",
    "Money",
    "Name",
    "OrderDefaults",
    "Patience",
    "ProductSection",
    "RecipeSection",
    "Section",
    "SessionDefaults",
    "TargetSection",
    "Text",
    "WebhookSection",
    "fault",
    "money",
]
