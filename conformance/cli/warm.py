"""What every run reads first, read once: imported by the process that runs are forked from."""

from __future__ import annotations

import gc

from conformance import contract, requirements
from conformance.evidence import html
from conformance.scenarios.coverage import declarations

for _product in ("pools", "gate"):
    contract.load(None, _product)
requirements.load()
declarations()  # imports every scenario
html.template()
# What is there by now stays; no run needs to look through it for garbage.
gc.freeze()
