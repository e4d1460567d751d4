"""A target as the rest of the harness sees it: everything a profile says, with its variables resolved.

Reading profiles is the business of ``load``; what a target allows, of ``production`` and ``limits``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from conformance.target import urls
from conformance.target.approval import Approval
from conformance.target.recipes import Recipe
from conformance.target.secret import Secret
from conformance.target.sections import Limits, OrderDefaults, Patience, SessionDefaults


@dataclass(frozen=True, slots=True)
class Account:
    """A named credential set with a known standing at the target, and the variables its keys came from."""

    name: str
    secret_key: Secret | None
    publishable_key: Secret | None
    secret_variable: str | None
    publishable_variable: str | None
    disposable: bool
    """A key made to be refused: it opens nothing, so its live shape neither guards nor forbids anything."""
    gate_key: Secret | None = None
    """The secret key for 0Gate where it is another one than for 0Pools."""
    gate_variable: str | None = None

    def secret_for(self, product: str) -> tuple[Secret | None, str | None]:
        """The secret key sent to this product, and the variable it came from."""
        if product == "gate" and self.gate_key is not None:
            return self.gate_key, self.gate_variable
        return self.secret_key, self.secret_variable

    @property
    def keys(self) -> tuple[Secret, ...]:
        """Every key it holds."""
        found = (self.secret_key, self.gate_key, self.publishable_key)
        return tuple(key for key in found if key is not None)

    @property
    def holds_live_key(self) -> bool:
        """Whether one of its keys is a genuine production key."""
        return not self.disposable and any(key.is_live for key in self.keys)


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Where this run receives deliveries and how it verifies them."""

    listen_host: str
    listen_port: int
    """0 means any free port."""
    public_url: str | None
    """Where the target sends to; None means the receiver's own loopback URL."""
    secret: Secret
    secret_variable: str
    header: str
    scheme: str
    tolerance: int
    """Seconds a signature may be old."""
    event_id: str
    """The JSON member that holds the event's id."""
    retries_within: float | None = None
    """Seconds after which a failed delivery has come again; None where nobody promises any."""
    gives_up_within: float | None = None
    """Seconds after which a delivery that always fails is dead-lettered; None where nobody promises any."""
    times_out_after: float | None = None
    """Seconds after which an attempt without an answer has failed; None where nobody promises any."""


@dataclass(frozen=True, slots=True)
class Handler:
    """The partner's webhook handler under judgement, and the read-only probe that counts effects."""

    url: str
    secret: Secret
    secret_variable: str
    effects_url: str | None
    effects_path: str | None


@dataclass(frozen=True, slots=True)
class Cards:
    """The partner's card program under judgement: where top-ups are requested, shown, told of and looked into.

    ``{ref}`` and ``{status}`` in a URL stand for the top-up and for what a browser claims.
    """

    start: str
    probe: str
    events: str | None
    look: str | None
    callback: str | None
    secret: Secret
    secret_variable: str
    test_program: bool
    """Whether test top-ups may go to another machine."""


@dataclass(frozen=True, slots=True)
class Target:
    """One environment, or one partner integration, under judgement."""

    name: str
    environment: str
    """``embedded``, ``sandbox`` or ``production``, as the profile says."""
    strict: bool
    settles_only_by_poll: bool
    """The target promises that nothing but a status poll advances a trade."""
    base_urls: Mapping[str, str]
    """By product, without a trailing slash."""
    contracts: Mapping[str, Path]
    """By product, where the profile names the vendor's own file."""
    accounts: Mapping[str, Account]
    missing: Mapping[str, str]
    """What the profile declares and the environment does not hold: account name (or ``publishable_key``,
    ``webhooks``, ``handler``) to the variable that would provide it."""
    approval: Approval | None
    limits: Limits | None
    """None only for the embedded environment, which nobody else uses."""
    order: OrderDefaults
    session: SessionDefaults
    patience: Patience
    webhooks: Mapping[str, Webhooks]
    """By product."""
    handler: Handler | None
    outcomes: Mapping[str, Recipe]
    digests: Mapping[str, str]
    """SHA-256 of ``profile`` and, if there is one, of ``approval``."""
    cards: Cards | None = None
    """The partner's card program, where one is to be judged."""

    @property
    def is_embedded(self) -> bool:
        """Whether this is our own sandbox, so that the run proves the harness and no environment."""
        return self.environment == "embedded"

    @property
    def is_production(self) -> bool:
        """Whether money can be real here: a published production host, the word, or a genuine live key."""
        return (
            self.environment == "production"
            or any(urls.host_of(url) in urls.PRODUCTION_HOSTS for url in self.base_urls.values())
            or any(account.holds_live_key for account in self.accounts.values())
        )

    def other_secrets(self) -> tuple[Secret, ...]:
        """The secrets that belong to no account: those that deliveries are signed with."""
        signing = [webhooks.secret for webhooks in self.webhooks.values()]
        signing += [subject.secret for subject in (self.handler, self.cards) if subject is not None]
        return tuple(signing)

    def lacking(self, need: str) -> str | None:
        """What is missing to meet a requirement's need, in words for its author; None if nothing is.

        Knows the needs a requirement can state: ``approval``, ``publishable_key``, ``account:NAME``,
        ``outcome:NAME``, ``webhooks``, ``gate_webhooks``, ``gate_retries``, ``gate_dead_letters``, ``gate_timeouts``,
        ``rails``, ``customers``, ``origin``, ``handler``, ``cards``. Raises ``ValueError`` for any other.
        """
        kind, _, name = need.partition(":")
        match kind:
            case "account":
                return None if name in self.accounts else self._unset(name, f"[accounts.{name}]")
            case "outcome":
                return None if name in self.outcomes else f"the profile has no recipe [outcomes.{name}]"
            case "approval":
                return None if self.approval is not None else "the profile names no approval record (target.approval)"
            case "publishable_key":
                approved = self.accounts.get("approved")
                has_key = approved is not None and approved.publishable_key is not None
                return None if has_key else self._unset(need, "accounts.approved.publishable_key")
            case "webhooks":
                return self._lacking_webhooks("pools")
            case "gate_webhooks":
                return self._lacking_webhooks("gate")
            case "gate_retries":
                return self._lacking_promise("retries_within", 'the first wait is published as a minute, "operational"')
            case "gate_dead_letters":
                return self._lacking_promise("gives_up_within", "five attempts are published to take 2 h 36 min")
            case "gate_timeouts":
                return self._lacking_promise("times_out_after", 'an attempt is published to take 10 s, "operational"')
            case "rails" | "customers":
                # Only the target can tell; what it refuses is not evidenced then.
                return None
            case "origin":
                has_origin = self.session.origin is not None
                return None if has_origin else "the profile names no allowed domain (session.origin)"
            case "cards":
                return None if self.cards is not None else self._unset("cards", "[cards]")
            case "handler":
                return self._lacking_handler()
            case _:
                raise ValueError(f"a requirement cannot need {need!r}")

    @property
    def products(self) -> tuple[str, ...]:
        """What of the catalogue a run against this target answers for."""
        judged = (product for product in ("pools", "gate") if product in self.base_urls)
        # A card program is funded over 0Pools.
        funded = self.cards is not None and "pools" in self.base_urls
        return ("wire", *judged, "handler", *(("cards",) if funded else ()))

    def _lacking_webhooks(self, product: str) -> str | None:
        if product not in self.webhooks:
            return self._unset(f"webhooks.{product}", f"[webhooks.{product}]")
        remote = any(not urls.is_loopback(urls.host_of(url)) for url in self.base_urls.values())
        if remote and self.webhooks[product].public_url is None:
            return f"webhooks.{product}.public_url: the target cannot reach a receiver on loopback"
        return None

    def _lacking_promise(self, name: str, why: str) -> str | None:
        settings = self.webhooks.get("gate")
        if settings is not None and getattr(settings, name) is not None:
            return None
        return f"the profile has no webhooks.gate.{name} ({why})"

    def _lacking_handler(self) -> str | None:
        if self.handler is None:
            return self._unset("handler", "[handler]")
        probed = self.handler.effects_url is not None
        return None if probed else "handler.effects_url: without a probe of effects nothing shows what a delivery did"

    def _unset(self, what: str, place: str) -> str:
        variable = self.missing.get(what)
        return f"the profile has no {place}" if variable is None else f"the environment variable {variable} is not set"


__all__ = ["Account", "Cards", "Handler", "Target", "Webhooks"]
