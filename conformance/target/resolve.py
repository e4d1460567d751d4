"""From sections and environment to the parts of a target: what only shows when several are seen together.

Types and single keys are judged in ``sections``; files are read in ``load``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.target import urls
from conformance.target.document import Document
from conformance.target.problems import Path, dotted, shape
from conformance.target.profile import Account, Cards, Handler, Webhooks
from conformance.target.recipe_checks import RecipeChecks, check_template
from conformance.target.recipes import Recipe
from conformance.target.secret import Secret
from conformance.target.sections import (
    NAMED,
    SINGLE,
    AccountSection,
    CardsSection,
    HandlerSection,
    Limits,
    ProductSection,
    RecipeSection,
    Section,
    TargetSection,
    WebhookSection,
)

_KEYS = {"sk": "a secret key (sk_test_… or sk_live_…)", "pk": "a publishable key (pk_test_… or pk_live_…)"}
EVENT_IDS = {"pools": "eventId", "gate": "id"}
"""The member with the event's id, where the profile does not say."""
_SENDABLE = re.compile(r"[\x21-\x7e]+")


@dataclass(slots=True)
class Sections:
    """The sections of one profile that are right by themselves; the others are noted in the document."""

    single: dict[str, Section] = field(default_factory=dict)
    named: dict[str, dict[str, Section]] = field(default_factory=dict)

    def one(self, model: type[Any], name: str) -> Any:
        """The section, or None if it is absent or wrong."""
        section = self.single.get(name)
        return section if isinstance(section, model) else None


def read_sections(document: Document) -> Sections:
    """Every section of the document that is right by itself."""
    sections = Sections(named={name: {} for name in NAMED})
    for name, value in document.data.items():
        if name in SINGLE:
            section = document.section(SINGLE[name], (name,), value)
            if section is not None:
                sections.single[name] = section
        elif name in NAMED:
            sections.named[name] = _named(document, name, value)
        else:
            document.unknown((name,), (*SINGLE, *NAMED), "section")
    if "target" not in document.data:
        document.note(("target",), "nothing", "a [target] section", "add [target] with name and environment")
    return sections


def _named(document: Document, name: str, value: Any) -> dict[str, Section]:
    model, known = NAMED[name]
    if not isinstance(value, dict):
        document.note((name,), shape(value), "tables", f"write them as [{name}.{known[0]}]")
        return {}
    found: dict[str, Section] = {}
    for key, item in value.items():
        if key not in known:
            document.unknown((name, key), known, "name")
        elif (section := document.section(model, (name, key), item)) is not None:
            found[key] = section
    return found


@dataclass(slots=True)
class Resolver:
    """One profile being resolved: its document, its right sections, the environment, and what is missing."""

    document: Document
    sections: Sections
    environ: Mapping[str, str] = field(repr=False)
    allow_foreign_helpers: bool
    missing: dict[str, str] = field(default_factory=dict)
    base_urls: dict[str, str] = field(default_factory=dict)

    def resolve_base_urls(self) -> None:
        """The base URL of each product, from the file or from the variable it names."""
        target = self._target()
        if target is None:
            return
        if target.pools is None and target.gate is None:
            self.document.note(
                ("target", "pools"),
                "nothing",
                "a table with base_url, or the same for gate: what is to be judged",
                'add [target.pools] with base_url = "https://pools-api-sandbox.0bit.app/v1"',
            )
        for name, product in (("pools", target.pools), ("gate", target.gate)):
            if product is not None:
                self._resolve_base_url(target, name, product)

    def _resolve_base_url(self, target: TargetSection, name: str, product: ProductSection) -> None:
        path: Path = ("target", name, "base_url")
        if (product.base_url is None) == (product.base_url_variable is None):
            found = "nothing" if product.base_url is None else "base_url and base_url_variable"
            self.document.note(path, found, "base_url or base_url_variable, one of them", "keep or add one of them")
            return
        url = product.base_url
        if product.base_url_variable is not None:
            path = ("target", name, "base_url_variable")
            url = self._url_in(path, product.base_url_variable)
        if url is None:
            return
        self.base_urls[name] = url
        if target.environment == "embedded" and not urls.is_loopback(urls.host_of(url)):
            self.document.note(
                path,
                "a host that is not loopback",
                "the embedded environment to be on this machine",
                'give the target environment = "sandbox" and its own [limits]',
            )

    def limits(self) -> Limits | None:
        """The limits; a target that somebody else uses too must state them (design decision 7)."""
        limits: Limits | None = self.sections.one(Limits, "limits")
        target = self._target()
        if target is not None and target.environment != "embedded" and "limits" not in self.document.data:
            self.document.note(
                ("limits",),
                "nothing",
                f"limits of what a run may spend, because {target.environment} is shared property",
                'add [limits] with trades = 100, notional = "5000.00" and requests_per_second = 10',
            )
        return limits

    def accounts(self) -> dict[str, Account]:
        """The accounts whose keys are in the environment; the others become ``missing``."""
        found = {}
        for name, section in self._named("accounts", AccountSection):
            account = self._account(name, section)
            if account is not None:
                found[name] = account
        approved = self._raw("accounts").get("approved", {})
        if isinstance(approved, dict) and "secret_key" not in approved:
            self.document.note(
                ("accounts", "approved", "secret_key"),
                "nothing",
                "an approved account with a secret key: without it nothing can run",
                'add secret_key = "OBIT_POOLS_SECRET_KEY" to [accounts.approved]',
            )
        own = approved.get("gate_secret_key") if isinstance(approved, dict) else None
        if "approved" in found and own is not None and found["approved"].gate_key is None:
            # The other product may still be judged; that this one is not shows in every report.
            self.base_urls.pop("gate", None)
            self.missing["gate"] = own
        pair = [found[name].secret_key for name in ("approved", "other_partner") if name in found]
        if len(pair) == 2 and pair[0] is not None and pair[0] == pair[1]:
            self.document.note(
                ("accounts", "other_partner", "secret_key"),
                "the key of the approved account",
                "the key of another partner",
                "set its variable to another partner's key",
            )
        return found

    def webhooks(self) -> dict[str, Webhooks]:
        """The receivers whose signing secret is in the environment."""
        found = {}
        for product, section in self._named("webhooks", WebhookSection):
            secret = self._signing_secret(("webhooks", product, "secret"), section.secret)
            if secret is None:
                self.missing[f"webhooks.{product}"] = section.secret
                continue
            host, _, port = section.listen.rpartition(":")
            found[product] = Webhooks(
                listen_host=host.strip("[]"),
                listen_port=int(port),
                public_url=section.public_url,
                secret=secret,
                secret_variable=section.secret,
                header=section.header,
                scheme=section.scheme,
                tolerance=section.tolerance,
                event_id=section.event_id or EVENT_IDS[product],
                retries_within=section.retries_within,
                gives_up_within=section.gives_up_within,
                times_out_after=section.times_out_after,
            )
        return found

    def handler(self) -> Handler | None:
        """The partner's handler, if the profile has one and its signing secret is in the environment."""
        section: HandlerSection | None = self.sections.one(HandlerSection, "handler")
        if section is None:
            return None
        if (section.effects_url is None) != (section.effects_path is None):
            absent = "effects_path" if section.effects_path is None else "effects_url"
            self.document.note(
                ("handler", absent),
                "nothing",
                "effects_url and effects_path together",
                f"add {absent} or take the other out",
            )
        if section.effects_url is not None:
            check_template(self.document, ("handler", "effects_url"), section.effects_url, ("eventId",))
        secret = self._signing_secret(("handler", "secret"), section.secret)
        if secret is None:
            self.missing["handler"] = section.secret
            return None
        return Handler(section.url, secret, section.secret, section.effects_url, section.effects_path)

    def cards(self) -> Cards | None:
        """The partner's card program, if the profile has one and its signing secret is in the environment."""
        section: CardsSection | None = self.sections.one(CardsSection, "cards")
        if section is None:
            return None
        for name, known in (("probe", ("ref",)), ("look", ("ref",)), ("callback", ("ref", "status"))):
            url = getattr(section, name)
            if url is not None:
                check_template(self.document, ("cards", name), url, known)
        for name in ("start", "probe", "events", "look", "callback"):
            url = getattr(section, name)
            if url is not None and not section.test_program and not urls.is_loopback(urls.host_of(url)):
                self.document.note(
                    ("cards", name),
                    "a host that is not loopback",
                    "a card program on this machine: test top-ups have effects where they arrive",
                    "add test_program = true if they may go there",
                )
        secret = self._signing_secret(("cards", "secret"), section.secret)
        if secret is None:
            self.missing["cards"] = section.secret
            return None
        return Cards(
            section.start,
            section.probe,
            section.events,
            section.look,
            section.callback,
            secret,
            section.secret,
            section.test_program,
        )

    def outcomes(self) -> dict[str, Recipe]:
        """The recipes that are right by themselves, their calls checked against the target they will go to."""
        declared = [name for name in self._raw("accounts") if name in NAMED["accounts"][1]]
        checks = RecipeChecks(self.document, self.base_urls, declared, self.allow_foreign_helpers)
        return {name: checks.recipe(name, section) for name, section in self._named("outcomes", RecipeSection)}

    def _target(self) -> TargetSection | None:
        section: TargetSection | None = self.sections.one(TargetSection, "target")
        return section

    def _named(self, name: str, model: type[Any]) -> list[tuple[str, Any]]:
        return [(key, item) for key, item in self.sections.named[name].items() if isinstance(item, model)]

    def _raw(self, name: str) -> Mapping[str, Any]:
        value = self.document.data.get(name)
        return value if isinstance(value, dict) else {}

    def _url_in(self, path: Path, variable: str) -> str | None:
        value = self.environ.get(variable, "")
        if not value:
            self._unset(path, variable, "the base URL")
            return None
        reason = urls.objection(value)
        if reason is None and "{" not in value:
            return value.rstrip("/")
        self.document.note(
            path,
            f"{variable} holds {shape(value)}",
            f"an https URL (http for loopback only); {reason or 'it has a placeholder'}",
            f"correct the environment variable {variable}",
        )
        return None

    def _unset(self, path: Path, variable: str, what: str) -> None:
        self.document.note(
            path,
            f"the environment variable {variable} is not set",
            f"{what} in the environment variable {variable}",
            f"export {variable}, or name another variable here",
        )

    def _account(self, name: str, section: AccountSection) -> Account | None:
        path: Path = ("accounts", name)
        if section.secret_key is None and section.publishable_key is None:
            self.document.note(
                path,
                "an account without a key",
                "secret_key or publishable_key",
                f"add a key or remove {dotted(path)}",
            )
            return None
        if section.disposable and name != "wrong_mode":
            self.document.note(
                (*path, "disposable"),
                "a disposable account",
                "only the account wrong_mode to be disposable",
                "take disposable out",
            )
        exempt = section.disposable and name == "wrong_mode"
        secret = self._key((*path, "secret_key"), section.secret_key, "sk", exempt=exempt)
        gate = self._key((*path, "gate_secret_key"), section.gate_secret_key, "sk", exempt=exempt)
        publishable = self._key((*path, "publishable_key"), section.publishable_key, "pk", exempt=exempt)
        if name == "approved" and section.publishable_key is not None and publishable is None:
            self.missing["publishable_key"] = section.publishable_key
        wanted = section.secret_key if section.secret_key is not None else section.publishable_key
        if wanted is not None and (secret if section.secret_key is not None else publishable) is None:
            self.missing[name] = wanted
            if name == "approved":
                self._unset((*path, "secret_key"), wanted, "the secret key of the approved account")
            return None
        return Account(
            name,
            secret,
            publishable,
            section.secret_key,
            section.publishable_key,
            exempt,
            gate,
            section.gate_secret_key,
        )

    def _key(self, path: Path, variable: str | None, prefix: str, *, exempt: bool) -> Secret | None:
        """The key a variable holds; None if it is unset, or after noting that its value cannot be one."""
        value = self.environ.get(variable, "") if variable is not None else ""
        if variable is None or not value:
            return None
        if not value.startswith(f"{prefix}_") or _SENDABLE.fullmatch(value) is None:
            self.document.note(
                path,
                f"{variable} holds {_key_shape(value)}",
                _KEYS[prefix],
                f"set the environment variable {variable} to {_KEYS[prefix]}",
            )
            return None
        secret = Secret(value)
        if secret.is_live and not exempt and any(not _takes_live_keys(url) for url in self.base_urls.values()):
            self.document.note(
                path,
                f"{variable} holds a live key",
                "a test key, because the target is not a published production host",
                f"set {variable} to a test key"
                + (" or, for a key made to be refused, write disposable = true" if path[1] == "wrong_mode" else ""),
            )
        return secret

    def _signing_secret(self, path: Path, variable: str) -> Secret | None:
        value = self.environ.get(variable, "")
        if not value:
            return None
        if _SENDABLE.fullmatch(value) is None:
            self.document.note(
                path,
                f"{variable} holds {shape(value)} with white space or control characters",
                "a signing secret (whsec_…)",
                f"correct the environment variable {variable}",
            )
            return None
        return Secret(value)


def _takes_live_keys(url: str) -> bool:
    """A genuine live key goes to a published production host or stays here (design decision 11)."""
    host = urls.host_of(url)
    return host in urls.PRODUCTION_HOSTS or urls.is_loopback(host)


def _key_shape(value: str) -> str:
    for prefix, name in (
        ("sk_", "a secret key"),
        ("pk_", "a publishable key"),
        ("whsec_", "a webhook secret"),
    ):
        if value.startswith(prefix):
            odd = "" if _SENDABLE.fullmatch(value) else " with white space or other unusual characters"
            return f"{name} ({prefix}…, {len(value)} characters){odd}"
    return shape(value)


__all__ = ["Resolver", "Sections", "read_sections"]
