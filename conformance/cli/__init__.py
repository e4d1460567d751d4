"""The command line: one module per command, each thin. Commands are imported when they are called."""

from __future__ import annotations

import sys


def main() -> None:
    """Run ``conformance``. Ends the process with the exit code of the command."""
    from conformance.cli.app import app

    sys.exit(app(standalone_mode=True))
