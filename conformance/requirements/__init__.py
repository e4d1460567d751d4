"""The requirement catalogue: every statement of the contract a run can decide, as data. Judging happens elsewhere."""

from conformance.requirements.catalogue import Basis, Catalogue, Level, Requirement, Scope, Side, load

__all__ = ["Basis", "Catalogue", "Level", "Requirement", "Scope", "Side", "load"]
