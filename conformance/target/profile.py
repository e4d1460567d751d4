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
from conformance.target.sections import Limits, OrderDefaults, Patience


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

    @property
    def holds_live_key(self) -> bool:
        """Whether one of its keys is a genuine production key."""
        keys = [key for key in (self.secret_key, self.publishable_key) if key is not None]
        return not self.disposable and any(key.is_live for key in keys)


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


@dataclass(frozen=True, slots=True)
class Handler:
    """The partner's webhook handler under judgement, and the read-only probe that counts effects."""

    url: str
    secret: Secret
    secret_variable: str
    effects_url: str | None
    effects_path: str | None


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
    patience: Patience
    webhooks: Mapping[str, Webhooks]
    """By product."""
    handler: Handler | None
    outcomes: Mapping[str, Recipe]
    digests: Mapping[str, str]
    """SHA-256 of ``profile`` and, if there is one, of ``approval``."""

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
        return (*signing, self.handler.secret) if self.handler is not None else tuple(signing)

    def lacking(self, need: str) -> str | None:
        """What is missing to meet a requirement's need, in words for its author; None if nothing is.

        Knows the needs a requirement can state: ``approval``, ``publishable_key``, ``account:NAME``,
        ``outcome:NAME``, ``webhooks``, ``handler``. Raises ``ValueError`` for any other.
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
                return self._lacking_webhooks()
            case "handler":
                return self._lacking_handler()
            case _:
                raise ValueError(f"a requirement cannot need {need!r}")

    def _lacking_webhooks(self) -> str | None:
        if not self.webhooks:
            return self._unset("webhooks", "[webhooks.pools]")
        remote = any(not urls.is_loopback(urls.host_of(url)) for url in self.base_urls.values())
        if remote and all(webhooks.public_url is None for webhooks in self.webhooks.values()):
            return "webhooks.pools.public_url: the target cannot reach a receiver on loopback"
        return None

    def _lacking_handler(self) -> str | None:
        if self.handler is None:
            return self._unset("handler", "[handler]")
        probed = self.handler.effects_url is not None
        return None if probed else "handler.effects_url: without a probe of effects nothing shows what a delivery did"

    def _unset(self, what: str, place: str) -> str:
        variable = self.missing.get(what)
        return f"the profile has no {place}" if variable is None else f"the environment variable {variable} is not set"


__all__ = ["Account", "Handler", "Target", "Webhooks"]
