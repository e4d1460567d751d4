"""The OpenAPI files as data, and the judging of one exchange against them.

Knows no target, no client, no sandbox.
"""

from conformance.contract.contract import Contract, Match, Operation, Response, load
from conformance.contract.events import departure
from conformance.contract.judging import Finding, Report, judge
from conformance.contract.source import ContractError

__all__ = [
    "Contract",
    "ContractError",
    "Finding",
    "Match",
    "Operation",
    "Report",
    "Response",
    "departure",
    "judge",
    "load",
]
