"""What an examination found, as data, and the exit code it comes to. How it looks on a screen is next door."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What one check says."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; nothing the run was asked for depends on it."""
    WARNING = "warn"
    """May make verdicts wrong or late, and keeps nothing from being tried."""
    LACKING = "lacks"
    """Something in scope cannot be evidenced."""
    WRONG = "wrong"
    """The profile or a key has to be corrected first."""
    UNREACHABLE = "silent"
    """The target does not answer."""


EXITS = ((State.WRONG, 2), (State.UNREACHABLE, 4), (State.LACKING, 3))
"""The exit code of the gravest state; 0 without any of them."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line: what was looked at, how it stands and why."""

    subject: str
    state: State
    text: str


@dataclass(frozen=True, slots=True)
class Gap:
    """One missing thing, who could provide it, and the requirements that cannot be evidenced without it."""

    missing: str
    provider: str
    requirements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one examination found."""

    target: str
    tier: str
    scope: str
    embedded: bool
    checks: tuple[Check, ...]
    gaps: tuple[Gap, ...] = ()
    """What keeps requirements in scope from being evidenced."""

    @property
    def exit_code(self) -> int:
        """0 when everything the scope needs is there, else 2, 4 or 3."""
        states = {check.state for check in self.checks}
        return next((code for state, code in EXITS if state in states), 0)
