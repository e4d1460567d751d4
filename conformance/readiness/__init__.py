"""What a run would need and whether it is there, examined beforehand. Nothing here judges the target."""

from conformance.readiness.delivery import Shown, show_delivery
from conformance.readiness.examine import examine
from conformance.readiness.report import Check, Report, State

__all__ = ["Check", "Report", "Shown", "State", "examine", "show_delivery"]
