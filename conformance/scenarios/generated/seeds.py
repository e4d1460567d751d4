"""What of a run stands in the generated requests of one product, in place of the samples of its contract.

Which ids and terms a product has is its own business (``pools/seeds``, ``gate/seeds``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_PARAMETER = re.compile(r"\{[^{}]+\}")
_NOTHING: Mapping[str, str] = MappingProxyType({})

Body = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Seeds:
    """Ours, by place: a place is known by method and path template, whatever its parameters are called."""

    owners: Mapping[str, str]
    """By the literal before it, what stands for a path parameter: a stand-in, or a value as it is."""
    bodies: Mapping[str, tuple[Body, ...]]
    """By operation, as ``POST /quotes/{}/reject``, bodies that fit the run. The first is the plain one."""
    made: tuple[str, ...]
    """Stand-ins of what an earlier answer has to give: a walk does not begin with them."""
    free: frozenset[str] = frozenset()
    """Members of those bodies whose every word is as good as ours."""
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    """By lower-case name, values of headers."""
    query: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    """By name, samples of query parameters."""
    is_all: bool = False
    """Whether a steady request has no other members than those of its plain body."""

    def bodies_of(self, method: str, template: str) -> tuple[Body, ...]:
        """The bodies of one operation; none where the contract's own will do."""
        return self.bodies.get(place(f"{method.upper()} {template}"), ())


def place(operation: str) -> str:
    """An operation as method and path template, whatever the parameters are called."""
    return _PARAMETER.sub("{}", operation)
