"""What can be wrong with a recipe: placeholders nobody fills, calls that leave the target, keys that go with them.

Filling and resolving URLs is the business of ``recipes``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from conformance.target import urls
from conformance.target.document import Document
from conformance.target.problems import Path, choices, dotted, instead, shape
from conformance.target.recipes import HelperCall, Recipe, has_stray_brace, placeholders
from conformance.target.sections import GATE_RECIPES, RECIPES, TRADE_RECIPES, CallSection, RecipeSection


@dataclass(frozen=True, slots=True)
class RecipeChecks:
    """What a profile's recipes are checked against; problems are noted in the document."""

    document: Document
    base_urls: Mapping[str, str]
    """By product. Empty if the profile has no usable one, which is a problem of its own."""
    accounts: Sequence[str]
    """The accounts the profile declares."""
    allow_foreign: bool

    def recipe(self, name: str, section: RecipeSection) -> Recipe:
        """The recipe of this outcome, checked."""
        path: Path = ("outcomes", name)
        if section.request and name not in TRADE_RECIPES:
            self.document.note(
                (*path, "request"),
                "changes to a quote request",
                f"helper calls only, because {name} concerns no quote request",
                "write calls instead",
            )
        if not section.calls and not section.request:
            wanted = "request or calls" if name in TRADE_RECIPES else "calls"
            self.document.note(path, "an empty recipe", wanted, f"add {wanted} or remove {dotted(path)}")
        calls = [
            self._call((*path, "calls", position), call, RECIPES[name]) for position, call in enumerate(section.calls)
        ]
        return Recipe(dict(section.request), tuple(calls))

    def _call(self, path: Path, call: CallSection, known: tuple[str, ...]) -> HelperCall:
        check_template(self.document, (*path, "url"), call.url, known)
        self._check_body((*path, "body"), call.body, known)
        is_foreign = self._is_foreign(call.url, "gate" if path[1] in GATE_RECIPES else "pools")
        if is_foreign and not self.allow_foreign:
            self.document.note(
                (*path, "url"),
                "a URL of another origin than the target's",
                "a URL of the target itself",
                "write a path from its root, or allow foreign helpers on the command line",
            )
        if call.account is not None:
            self._check_call_account((*path, "account"), call.account, is_foreign=is_foreign)
        return HelperCall(call.method, call.url, call.body, call.account)

    def _check_call_account(self, path: Path, account: str, *, is_foreign: bool) -> None:
        if account not in self.accounts:
            self.document.note(
                path,
                "an account the profile does not declare",
                choices(self.accounts),
                instead(account, self.accounts, "declare it or take it out"),
            )
        elif is_foreign:
            self.document.note(
                path,
                "a key for another origin than the target's",
                "no account, because keys are sent to the target only",
                "take account out",
            )

    def _check_body(self, path: Path, value: Any, known: tuple[str, ...]) -> None:
        if isinstance(value, str):
            check_template(self.document, path, value, known)
        elif isinstance(value, dict):
            for key, item in value.items():
                self._check_body((*path, key), item, known)
        elif isinstance(value, list):
            for position, item in enumerate(value):
                self._check_body((*path, position), item, known)
        elif value is not None and not isinstance(value, (bool, int)):
            self.document.note(
                path, shape(value), "text, a whole number, a boolean, a list or a table", "write it as text"
            )

    def _is_foreign(self, url: str, product: str) -> bool:
        base = self.base_urls.get(product)
        return base is not None and urls.origin_of(urljoin(base, url)) != urls.origin_of(base)


def check_template(document: Document, path: Path, text: str, known: tuple[str, ...]) -> None:
    """Note a placeholder that is not known there, or a brace that belongs to none."""
    unknown = [name for name in placeholders(text) if name not in known]
    if unknown:
        names = ", ".join(f"{{{name}}}" for name in known)
        near = instead(unknown[0], known, "take the placeholder out")
        document.note(path, "an unknown placeholder", f"no placeholders but {names}", near)
    elif has_stray_brace(text):
        document.note(path, "a brace without its partner", "placeholders like {quoteId}", "close or remove it")


__all__ = ["RecipeChecks", "check_template"]
