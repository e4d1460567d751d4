"""Every statement of the contract as data: those a run can decide, and those none can. Judging happens elsewhere."""

from conformance.requirements.catalogue import (
    PRODUCTS,
    REVISION,
    STEPS,
    Basis,
    Catalogue,
    Level,
    Requirement,
    Scope,
    Side,
    load,
)
from conformance.requirements.undecidable import Reason, Undecided, undecided

__all__ = [
    "PRODUCTS",
    "REVISION",
    "STEPS",
    "Basis",
    "Catalogue",
    "Level",
    "Reason",
    "Requirement",
    "Scope",
    "Side",
    "Undecided",
    "load",
    "undecided",
]
