"""``conformance sandbox``: the reference sandbox, for people to develop against."""

from __future__ import annotations

import os
import sys

import typer


def sandbox(context: typer.Context) -> None:
    """Start the reference sandbox in the foreground; ``--help`` shows its own options."""
    # A process of its own takes this one's place: the harness imports nothing of the world it judges.
    os.execv(sys.executable, [sys.executable, "-m", "conformance.sandbox", *context.args])  # noqa: S606
