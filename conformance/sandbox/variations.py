"""Faults and dialects: how a seam of the healthy sandbox is replaced from outside, before serving starts.

A fault is a defect that breaks named requirements; a dialect is a legal variation that breaks none. The
entries live in the packages ``faults`` and ``dialects``; nothing in the healthy code knows of either.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType, ModuleType


class VariationError(ValueError):
    """A name that is not registered, registered twice, or a seam that does not exist."""


class Patch:
    """Replaces module-level names and can put them back."""

    def __init__(self) -> None:
        self._replaced: list[tuple[ModuleType, str, object]] = []

    def replace(self, module: ModuleType, name: str, new: object) -> None:
        """Put ``new`` in the place of a function or constant. Raises ``VariationError`` if there is none."""
        self._replaced.append((module, name, self.original(module, name)))
        setattr(module, name, new)

    def original(self, module: ModuleType, name: str) -> object:
        """What stands there now. Raises ``VariationError`` if nothing does."""
        if not hasattr(module, name):
            raise VariationError(f"{module.__name__} has no seam called {name}")
        found: object = getattr(module, name)
        return found

    def undo(self) -> None:
        """Put everything back, last replaced first."""
        while self._replaced:
            module, name, original = self._replaced.pop()
            setattr(module, name, original)


Apply = Callable[[Patch], None]
NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Fault:
    """A seeded defect: the class of mistake, the facts it offends, what it must break and what may go with it."""

    name: str
    summary: str
    fact: str
    klass: str
    breaks: tuple[str, ...]
    drags: tuple[str, ...]
    apply: Apply

    def as_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "summary": self.summary,
            "fact": self.fact,
            "class": self.klass,
            "breaks": list(self.breaks),
            "drags": list(self.drags),
        }


@dataclass(frozen=True, slots=True)
class Dialect:
    """A legal variation and the passage that leaves room for it.

    ``needs`` says what a description of the usual sandbox must say differently about this one, member by member.
    """

    name: str
    summary: str
    fact: str
    needs: Mapping[str, object]
    apply: Apply

    def as_json(self) -> dict[str, object]:
        return {"name": self.name, "summary": self.summary, "fact": self.fact, "needs": dict(self.needs)}


_faults: dict[str, Fault] = {}
_dialects: dict[str, Dialect] = {}


def fault(
    name: str, *, summary: str, fact: str, klass: str, breaks: tuple[str, ...], drags: tuple[str, ...] = ()
) -> Callable[[Apply], Apply]:
    """Register the decorated function as a fault. It is called with a ``Patch`` before serving starts."""

    def register(apply_it: Apply) -> Apply:
        if name in _faults:
            raise VariationError(f"two faults are called {name}")
        _faults[name] = Fault(name, summary, fact, klass, breaks, drags, apply_it)
        return apply_it

    return register


def dialect(name: str, *, summary: str, fact: str, needs: Mapping[str, object] = NOTHING) -> Callable[[Apply], Apply]:
    """Register the decorated function as a dialect."""

    def register(apply_it: Apply) -> Apply:
        if name in _dialects:
            raise VariationError(f"two dialects are called {name}")
        _dialects[name] = Dialect(name, summary, fact, needs, apply_it)
        return apply_it

    return register


def faults() -> list[Fault]:
    """Every fault of the package ``faults``, by name."""
    _import_all("conformance.sandbox.faults")
    return [_faults[name] for name in sorted(_faults)]


def dialects() -> list[Dialect]:
    """Every dialect of the package ``dialects``, by name."""
    _import_all("conformance.sandbox.dialects")
    return [_dialects[name] for name in sorted(_dialects)]


def apply(fault_names: Sequence[str], dialect_names: Sequence[str]) -> Patch:
    """Apply the chosen variations, dialects first. Raises ``VariationError`` for an unknown name."""
    patch = Patch()
    for entry in [*_chosen("dialect", dialect_names), *_chosen("fault", fault_names)]:
        entry.apply(patch)
    return patch


def _chosen(kind: str, names: Sequence[str]) -> list[Fault | Dialect]:
    if not names:
        return []
    known: dict[str, Fault | Dialect] = {entry.name: entry for entry in (faults() if kind == "fault" else dialects())}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise VariationError(f"no {kind} is called {unknown[0]}; --list-{kind}s names them")
    return [known[name] for name in names]


def _import_all(package_name: str) -> None:
    package = importlib.import_module(package_name)
    for module in pkgutil.iter_modules(package.__path__, f"{package_name}."):
        importlib.import_module(module.name)
