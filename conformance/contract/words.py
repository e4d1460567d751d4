"""How members of a response are named: the public boundary and the members that carry money. Names only, no
bodies."""

from __future__ import annotations

import re
from functools import lru_cache

BOUNDARY = frozenset(
    {
        "provider",
        "providers",
        "route",
        "routes",
        "routing",
        "treasury",
        "reserve",
        "reserves",
        "liquidity",
        "venue",
        "venues",
        "maker",
        "makers",
        "worker",
        "workers",
        "runbook",
        "runbooks",
    }
)
"""What the vendor keeps behind the public boundary (overview, "Public boundary"; the balance page adds
venues and liquidity figures), for a contract file that does not list it. ``reserved`` is a trade status and
not among them."""

MONEY = frozenset(
    {
        "amount",
        "fiatAmount",
        "cryptoAmount",
        "rate",
        "balance",
        "delta",
        "minOrderUsdt",
        "maxOrderUsdt",
    }
)
"""Members known to carry an amount or a rate, for places whose schema does not say so."""

_READABLE = re.compile(r"[A-Za-z0-9_.:-]{1,40}")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """The lower-case words of a camelCase, snake_case or kebab-case name."""
    return tuple(word.lower() for word in _WORD.findall(name))


def safe_name(name: str) -> str:
    """A member name as it may be repeated in a text: itself when it reads like a name, else its length."""
    return name if is_word(name) else f"<name of {len(name)} characters>"


def is_word(text: str) -> bool:
    """Whether a text is short and plain enough to be repeated."""
    return _READABLE.fullmatch(text) is not None
