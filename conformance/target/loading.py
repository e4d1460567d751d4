"""Finding, reading and resolving a target profile by name or by file."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from conformance.target.approval import Approval, read_approval
from conformance.target.document import Document, parse, read_text
from conformance.target.problems import Problem, ProfileError, choices, instead, visible
from conformance.target.profile import Target
from conformance.target.resolve import Resolver, read_sections
from conformance.target.sections import OrderDefaults, Patience, SessionDefaults, TargetSection

BUILT_IN = ("embedded", "sandbox", "production")
"""Profiles that come with the harness; any other name is a file."""


def load(name_or_file: str, environ: Mapping[str, str], *, allow_foreign_helpers: bool = False) -> Target:
    """The target of a built-in name or of a TOML file, its variables taken from ``environ``.

    ``allow_foreign_helpers`` lets helper calls leave the target's origin, without any key. Raises
    ``ProfileError`` with all that is wrong with the profile, its approval record and the variables they name.
    """
    outcome = _target_or_error(name_or_file, environ, allow_foreign_helpers)
    del environ  # a traceback that shows local variables must not show keys
    if isinstance(outcome, ProfileError):
        raise outcome
    return outcome


def _target_or_error(name_or_file: str, environ: Mapping[str, str], allow_foreign: bool) -> Target | ProfileError:
    try:
        return _load(name_or_file, environ, allow_foreign)
    except ProfileError as problem:
        return ProfileError(problem.problems)


def _load(name_or_file: str, environ: Mapping[str, str], allow_foreign: bool) -> Target:
    path, shown = _locate(name_or_file)
    document = parse(read_text(path, shown), shown)
    resolver = Resolver(document, read_sections(document), environ, allow_foreign)
    section: TargetSection | None = resolver.sections.one(TargetSection, "target")
    resolver.resolve_base_urls()
    limits = resolver.limits()
    accounts = resolver.accounts()
    webhooks = resolver.webhooks()
    handler = resolver.handler()
    cards = resolver.cards()
    outcomes = resolver.outcomes()
    contracts = {} if section is None else _contracts(document, section, path.parent)
    approval, further = _approval(document, section, path.parent)
    problems = [*document.problems, *further]
    if problems or section is None:
        raise ProfileError(problems)
    digests = {"profile": document.digest}
    if approval is not None:
        digests["approval"] = approval.digest
    return Target(
        name=section.name,
        environment=section.environment,
        strict=section.strict,
        settles_only_by_poll=section.settles_only_by_poll,
        base_urls=resolver.base_urls,
        contracts=contracts,
        accounts=accounts,
        missing=resolver.missing,
        approval=approval,
        limits=limits,
        order=resolver.sections.one(OrderDefaults, "order") or OrderDefaults(),
        session=resolver.sections.one(SessionDefaults, "session") or SessionDefaults(),
        patience=resolver.sections.one(Patience, "patience") or Patience(),
        webhooks=webhooks,
        handler=handler,
        outcomes=outcomes,
        digests=digests,
        cards=cards,
    )


def _locate(name_or_file: str) -> tuple[Path, str]:
    known = f"{choices(BUILT_IN)}, or the path of a TOML file"
    if not name_or_file.strip():
        fix = "name a target, or leave --target out for the embedded sandbox"
        raise ProfileError([Problem("--target", None, "", "empty --target", known, fix)])
    if name_or_file in BUILT_IN:
        return Path(str(resources.files("conformance.target") / "profiles" / f"{name_or_file}.toml")), name_or_file
    path = Path(name_or_file)
    shown = "/".join(visible(part) for part in name_or_file.split("/"))
    if "\0" in name_or_file or not path.is_file():
        fix = instead(name_or_file, BUILT_IN, "check the path, or write a profile with: conformance init")
        raise ProfileError([Problem(shown, None, "", "no such file", known, fix)])
    return path, shown


def _contracts(document: Document, section: TargetSection, folder: Path) -> dict[str, Path]:
    found = {}
    for product, its in (("pools", section.pools), ("gate", section.gate)):
        if its is None or its.contract is None:
            continue
        found[product] = folder / its.contract
        if not found[product].is_file():
            key = ("target", product, "contract")
            document.note(key, "no such file", "an OpenAPI file", "check the path; it is relative to the profile")
    return found


def _approval(
    document: Document, section: TargetSection | None, folder: Path
) -> tuple[Approval | None, tuple[Problem, ...]]:
    """The approval record the profile names, and what is wrong with it."""
    if section is None or section.approval is None:
        return None, ()
    path = folder / section.approval
    if path.suffix not in (".json", ".toml") or not path.is_file():
        found = "no such file" if path.suffix in (".json", ".toml") else "a file that is neither .json nor .toml"
        fix = "check the path; it is relative to the profile"
        document.note(("target", "approval"), found, "an approval record in JSON or TOML", fix)
        return None, ()
    shown = visible(path.name)
    try:
        return read_approval(read_text(path, shown), shown, as_json=path.suffix == ".json"), ()
    except ProfileError as problem:
        return None, problem.problems


__all__ = ["BUILT_IN", "load"]
