"""The requirement catalogue: every statement of the contract a run can decide, as data. Judging happens elsewhere."""

from conformance.requirements.catalogue import REVISION, STEPS, Basis, Catalogue, Level, Requirement, Scope, Side, load

__all__ = ["REVISION", "STEPS", "Basis", "Catalogue", "Level", "Requirement", "Scope", "Side", "load"]
