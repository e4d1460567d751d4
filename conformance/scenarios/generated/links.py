"""The stateful phase: requests that an answer leads to, by the links the contract states.

Schemathesis reads the links, evaluates their runtime expressions and generates what they leave open; the walk over them
is ours. Its own state machine can be made to send over our client, but not to put up with a living target: Hypothesis
draws each step from the answers before it, and ends the phase with ``FlakyStrategyDefinition`` when the same step is
answered differently (measured: after a hundred requests, with one answer in seven changed), which a quote that
expires or a trade that moves on does within the rules. Nor has it a place for a step the limits of a profile forbid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from conformance.contract import Contract
from conformance.scenarios.generated.cases import opened, response_to, sendable
from conformance.scenarios.generated.documents import Drawn
from conformance.scenarios.generated.phases import drawn
from conformance.scenarios.generated.plans import Plan, escaped
from conformance.scenarios.generated.seeds import Seeds

SUPPLY = 25
"""Cases of one operation that are drawn at a time."""


@dataclass(frozen=True, slots=True)
class Followed:
    """One link of the contract: from an operation answered with a status to the operation it leads to."""

    name: str
    source: str
    status: str
    """As the contract writes it: ``200``, ``2XX`` or ``default``."""
    target: str


@dataclass(frozen=True, slots=True)
class Step:
    """A plan that was sent, and its answer."""

    plan: Plan
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Linked:
    """The links of a contract, and the requests they lead to. The same seed and answers give the same requests."""

    def __init__(self, contract: Contract, seeds: Seeds, *, seed: int) -> None:
        self.contract = contract
        operations, unreadable = opened(contract, seeds, Drawn.STEADY, seed)
        self.unreadable: list[str] = unreadable
        self._made = seeds.made
        self._seed = seed
        self._operations = {operation.label: operation for operation in operations}
        self._strategies: dict[str, Any] = {}
        self._supply: dict[str, list[Any]] = {}
        self._links: dict[Followed, Any] = {}
        for operation in operations:
            self._read(operation)
        self.roots = [label for label in dict.fromkeys(link.source for link in self._links) if self._is_root(label)]
        """Operations links lead away from that can be tried without an answer to build on."""

    @property
    def links(self) -> tuple[Followed, ...]:
        """Every link of the contract, in its order."""
        return tuple(self._links)

    def _read(self, operation: Any) -> None:
        from schemathesis.core.errors import InvalidTransition
        from schemathesis.specs.openapi.stateful.links import OpenApiLink

        for status, response in operation.responses.items():
            for name, definition in response.iter_links():
                try:
                    link = OpenApiLink(name, str(status), definition, operation)
                except InvalidTransition as problem:
                    self.unreadable.append(f"{operation.label}: link {name}: {problem}")
                    continue
                self._links[Followed(name, operation.label, str(status), link.target.label)] = link

    def _is_root(self, label: str) -> bool:
        plan = self.start(label)
        return plan is not None and not any(map(plan.mentions, self._made))

    def leading_from(self, step: Step) -> list[Followed]:
        """The links the contract states for this answer."""
        match = next((found for found in self.contract.operations if found.key == step.plan.operation), None)
        response = match.response(step.status) if match else None
        if response is None:
            return []
        return [link for link in self._links if (link.source, link.status) == (step.plan.operation, response.status)]

    def start(self, operation: str) -> Plan | None:
        """A request the target should accept; None where none can be generated."""
        case = self._case(operation)
        return sendable(self.contract, case) if case is not None else None

    def follow(self, link: Followed, step: Step) -> Plan | None:
        """The request a link leads to, its values taken from the step and the rest generated.

        None when the answer does not hold what the link needs, or holds something that is no id: an id is text.
        """
        from schemathesis.generation.stateful.state_machine import StepOutput

        answer = response_to(step.plan, step.status, step.headers, step.body)
        transition = self._links[link].extract(StepOutput(response=answer, case=step.plan.case))
        case = self._case(link.target)
        if case is None:
            return None
        case.freeze_metadata()
        for container, values in transition.parameters.items():
            for name, extracted in values.items():
                value = _value(extracted)
                if value is None:
                    return None
                # What a request's path gave is escaped already.
                ready = container != "path_parameters" or str(extracted.definition).startswith("$request.path.")
                getattr(case, container)[name] = value if ready else escaped(str(value))
        if transition.request_body is not None:
            body = _value(transition.request_body)
            if body is None:
                return None
            merged = isinstance(case.body, dict) and isinstance(body, dict)
            case.body = {**case.body, **body} if merged else body
        return sendable(self.contract, case)

    def _case(self, label: str) -> Any:
        supply = self._supply.setdefault(label, [])
        if not supply:
            if label not in self._strategies:
                self._strategies[label] = self._strategy(label)
            self._seed += 1
            supply.extend(drawn(self._strategies[label], self._seed, SUPPLY))
        return _unfiltered(supply.pop()) if supply else None

    def _strategy(self, label: str) -> Any:
        from schemathesis.generation import GenerationMode
        from schemathesis.generation.feedback import NO_FEEDBACK
        from schemathesis.generation.meta import TestPhase

        return self._operations[label].as_strategy(
            generation_mode=GenerationMode.POSITIVE, feedback=NO_FEEDBACK, phase=TestPhase.STATEFUL
        )


def _unfiltered(case: Any) -> Any:
    """The case without what was drawn for filters: only a link may narrow what there is to go on with."""
    required = {parameter.name for parameter in case.operation.query if parameter.is_required}
    for name in set(case.query or {}) - required:
        del case.query[name]
    return case


def _value(extracted: Any) -> Any:
    """What a link gives to one place, or None: an expression has to give text that names something."""
    from schemathesis.core.result import Ok
    from schemathesis.core.transforms import UNRESOLVABLE

    value = extracted.value.ok() if isinstance(extracted.value, Ok) else None
    return None if value is UNRESOLVABLE else _named(extracted.definition, value)


def _named(definition: object, value: object) -> Any:
    """``value`` as ``definition`` gave it: a constant as it stands, of an expression only text, None otherwise."""
    if isinstance(definition, dict) and isinstance(value, dict):
        members = {name: _named(definition.get(name), member) for name, member in value.items()}
        return None if None in members.values() else members
    if isinstance(definition, str) and definition.startswith("$"):
        return value if isinstance(value, str) and value else None
    return value
