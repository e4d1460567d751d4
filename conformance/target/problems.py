"""What is wrong with a profile or an approval record, said so that its author can mend it, no value repeated.

Finding the problems is the business of the modules that read the files.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Path = tuple[str | int, ...]
"""Where a value stands in a file: table names, keys and, inside lists, positions from 0."""

NEVER_SECRETS = "a profile names environment variables, never secrets"

_CREDENTIAL = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:sk|pk|rk)_(?:test|live)_\w*"
    r"|(?:sk|rk)_[A-Za-z0-9]{12,}"
    r"|whsec_\w+"
    r"|eyJ[\w-]{8,}\.[\w-]+"
    r"|-----BEGIN "
    r"|(?i:bearer)\s+\S{8,}"
    r")"
)
_UNBROKEN = re.compile(r"[A-Za-z0-9+/=-]{20,}")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: where it stands, what was found there, what belongs there, and how to get there."""

    file: str
    line: int | None
    key: str
    found: str
    expected: str
    fix: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        head = f"{where}: {self.key}" if self.key else where
        return f"{head}\n    found:    {self.found}\n    expected: {self.expected}\n    fix:      {self.fix}"


class ProfileError(Exception):
    """A profile, an approval record or the environment they name cannot be used; all its problems at once.

    Raised before anything is sent, so a run that meets it ends as a usage error.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        if not problems:
            raise ValueError("a ProfileError needs at least one problem")
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def looks_like_credential(text: str) -> bool:
    """Whether the text holds something with the published shape of a key, a webhook secret or a token."""
    return _CREDENTIAL.search(text) is not None


def looks_random(text: str) -> bool:
    """Whether the text is one long unbroken run with digits in it, as secrets are and names are not."""
    return _UNBROKEN.fullmatch(text) is not None and any(c.isdigit() for c in text)


def visible(name: str) -> str:
    """A name out of a file or a command line, unless somebody put a secret where the name belongs."""
    return "(hidden)" if looks_like_credential(name) or looks_random(name) else name


def shape(value: object) -> str:
    """What kind of value this is, without its content: any text might be a secret in the wrong place."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "a boolean"
        case int():
            return "a whole number"
        case float():
            return "a number with a fraction"
        case "":
            return "empty text"
        case str() if looks_like_credential(value) or looks_random(value):
            return f"text that looks like a secret ({len(value)} characters)"
        case str():
            return f"text of {len(value)} characters"
        case list():
            return f"a list of {len(value)}"
        case dict():
            return f"a table of {len(value)} keys"
        case _:
            return f"a {type(value).__name__}"


def dotted(path: Path) -> str:
    """A key path the way its author writes it: ``outcomes.returned.calls[0].url``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{visible(part)}" if text else visible(part)
    return text


def choices(known: Iterable[str]) -> str:
    """The known names as one sentence part."""
    return "one of " + ", ".join(known)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name this one is most likely a slip of, if any is close."""
    return next(iter(difflib.get_close_matches(name, list(known), 1, 0.6)), None)


def instead(name: str, known: Iterable[str], otherwise: str) -> str:
    """The advice for an unknown name: the nearest known one, or ``otherwise``."""
    near = nearest(name, known)
    return f"did you mean {near}?" if near else otherwise


__all__ = [
    "NEVER_SECRETS",
    "Path",
    "Problem",
    "ProfileError",
    "choices",
    "dotted",
    "instead",
    "looks_like_credential",
    "looks_random",
    "nearest",
    "shape",
    "visible",
]
