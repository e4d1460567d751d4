"""A right profile to spoil in one way, and the environment it needs."""

from __future__ import annotations

from pathlib import Path

SECRET_KEY = "sk_test_0123456789abcdef0123456789abcdef"
PUBLISHABLE_KEY = "pk_test_0123456789abcdef0123456789abcdef"

ENVIRON = {"POOLS_KEY": SECRET_KEY, "PUBLIC_KEY": PUBLISHABLE_KEY}

RIGHT = """
[target]
name = "mine"
environment = "sandbox"

[target.pools]
base_url = "https://pools.example.com/v1"

[accounts.approved]
secret_key = "POOLS_KEY"
publishable_key = "PUBLIC_KEY"

[limits]
trades = 40
notional = "5000.00"
requests_per_second = 20
"""


def spoiled(old: str, new: str) -> str:
    """The right profile with one place changed."""
    assert RIGHT.count(old) == 1, f"{old!r} must stand once in the right profile"
    return RIGHT.replace(old, new)


def written(folder: Path, text: str = RIGHT, name: str = "mine.toml") -> str:
    """The text as a file, by the name that ``--target`` takes."""
    path = folder / name
    path.write_text(text, "utf-8")
    return str(path)
