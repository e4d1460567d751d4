"""What every run reads first, read once: imported by the process that runs are forked from."""

from __future__ import annotations

from conformance import contract, requirements

for _product in ("pools", "gate"):
    contract.load(None, _product)
requirements.load()
