"""Run folders the evidence tests share: each written once, read by many."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.evidence import write
from conformance.requirements import load
from tests.evidence import synthetic


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Run folders with every report written: green, red, unsealed, embedded, hostile."""
    runs = {
        "green": (synthetic.green(), True),
        "red": (synthetic.red(), True),
        "unsealed": (synthetic.green()[:100], False),
        "embedded": (synthetic.red(embedded=True, target="embedded"), True),
        "hostile": (synthetic.hostile(), True),
    }
    made = {}
    for name, (records, sealed) in runs.items():
        made[name] = synthetic.write_journal(tmp_path_factory.mktemp(name), records, sealed)
        write(made[name], load())
    return made
