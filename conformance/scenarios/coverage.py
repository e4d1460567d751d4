"""Which scenario declares which requirement, read from the scenarios themselves."""

from __future__ import annotations

import importlib
import pkgutil

import conformance.scenarios
from conformance.requirements import load
from conformance.scenarios.judging import MARK, Declaration

CONTRACT = "contract, on every exchange"


def judged_by() -> dict[str, tuple[str, ...]]:
    """For each requirement the names of the scenarios that declare it; the wire is judged on every exchange."""
    found: dict[str, list[str]] = {}
    for name, declaration in declarations().items():
        for judged in declaration.judges:
            found.setdefault(judged, []).append(name)
    for requirement in load():
        if requirement.id.startswith("WIRE-"):
            found.setdefault(requirement.id, []).append(CONTRACT)
    return {judged: tuple(names) for judged, names in found.items()}


def declarations() -> dict[str, Declaration]:
    """Every scenario and what it declares."""
    found = {}
    for info in pkgutil.walk_packages(conformance.scenarios.__path__, "conformance.scenarios."):
        if not info.name.rpartition(".")[2].startswith("test_"):
            continue
        for name, test in vars(importlib.import_module(info.name)).items():
            for mark in getattr(test, "pytestmark", ()):
                if name.startswith("test_") and mark.name == MARK:
                    found[name] = mark.args[0]
    return found
