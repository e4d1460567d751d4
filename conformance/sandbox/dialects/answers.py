"""Variations in what an answer looks like."""

from __future__ import annotations

from conformance.sandbox.pools import transact
from conformance.sandbox.variations import Patch, dialect


@dialect(
    "transact-200",
    summary="Transact answers 200 to a fresh execution, instead of 201",
    fact="facts section 14: the success code of transact is stated nowhere",
)
def transact_200(patch: Patch) -> None:
    patch.replace(transact, "MADE_STATUS", 200)
