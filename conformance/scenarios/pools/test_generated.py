"""Requests nobody wrote down: generated from the contract, sent to our own objects, every answer judged.

Judges what holds for every answer, and the refusal of what a source says is refused. Generating lives in ``generated``.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

from jsonschema_rs import ValidationError, ValidationErrorKind

from conformance.client import Credentials, NetworkTrouble, Refused, Reply
from conformance.contract import Contract
from conformance.contract import judge as judge_exchange
from conformance.contract.source import escape, resolve
from conformance.journal import Engine
from conformance.scenarios.bench import Bench
from conformance.scenarios.generated import KEY, POOL, QUOTE, TRADE, Objection, Plan, Request, generate, objections
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.desk import Desk, FirmQuote
from conformance.scenarios.pools.proof import nothing_moved
from conformance.target import refusal

BOUNDS = {"smoke": 10, "certify": 60, "regress": 400}
"""Generated requests to one operation, by tier. The smoke tier comes here only when it is asked for by name."""

SECONDS = {"smoke": 30.0, "certify": 120.0, "regress": 600.0}
"""How long a tier goes on sending, whatever is left."""

TRADES = 4
"""Generated executions of a fresh quote; beyond, one that is spent already is named, so that no money moves."""

TROUBLES = 3
"""Requests in a row without an answer, after which an operation is left alone, and after twice as many the target."""

WIRE = (
    "WIRE-REQUEST-ID",
    "WIRE-ERROR-ENVELOPE",
    "WIRE-STATUS",
    "WIRE-CONTENT-TYPE",
    "WIRE-BODY",
    "WIRE-MONEY",
    "WIRE-NO-SERVER-ERROR",
    "WIRE-BOUNDARY",
)
VALIDATION, FUNDING, KEY_REQUIRED = "POOLS-QUOTE-VALIDATION", "POOLS-FUNDING", "POOLS-TRANSACT-KEY-REQUIRED"

_STATED = frozenset({"body", "side", "cryptoNetwork", "fiatCurrency", "cryptoCurrency", "amount"})
"""The members whose refusal POOLS-QUOTE-VALIDATION states; how others are read is for the target to say."""

_SOMEBODYS = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What may be the id of an object that is not ours; longer or other ones are no ids anybody was given."""


@dataclass(frozen=True, slots=True)
class Demand:
    """That a request must be refused: what it breaks, and whether a safe ``available: false`` will do as well."""

    requirement: str
    broken: str
    soft: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """A plan, what was made of it, and the answer."""

    plan: Plan
    request: Request
    reply: Reply


@dataclass(frozen=True, slots=True)
class Fault:
    """One answer that broke a requirement."""

    sent: Sent
    expected: str
    observed: str


@dataclass
class Tally:
    """What all answers together say of one requirement."""

    held: int = 0
    last: str = ""
    faults: list[Fault] = field(default_factory=list)

    def add(self, sent: Sent, ok: bool, expected: str, observed: str) -> None:
        """Count one answer."""
        if ok:
            self.held, self.last = self.held + 1, sent.reply.exchange
        else:
            self.faults.append(Fault(sent, expected, observed))


@scenario(*WIRE, VALIDATION, FUNDING, KEY_REQUIRED, engine=Engine.GENERATED, trades=8)
def test_generated_requests(bench: Bench, desk: Desk, judge: Judge, tier: str) -> None:
    why = refusal(bench.target, "GET", is_generated=True)
    if why:
        raise Refused(f"a target that may be sent generated traffic ({why})", "the operator of the target")
    traffic = Traffic(bench, desk)
    generation = generate(traffic.contract, desk.terms.request(), seed=bench.rng.getrandbits(32), bound=BOUNDS[tier])
    for reason in generation.unreadable:
        judge.observe("generated traffic: nothing generated", reason)
    traffic.run(generation.plans, SECONDS[tier])
    for requirement in (*WIRE, VALIDATION, FUNDING):
        _conclude(judge, requirement, traffic.tallies[requirement], traffic.summary())
    _conclude_key(judge, traffic)
    if traffic.troubles:
        last = traffic.troubles[-1]
        judge.trouble(
            "WIRE-NO-SERVER-ERROR",
            f"{len(traffic.troubles)} generated request(s) had no answer, the last: {last.problem}",
            last.exchange,
        )


def _conclude(judge: Judge, requirement: str, tally: Tally, summary: str) -> None:
    """Say what was found of one requirement: for each operation the smallest request that shows it broken."""
    by_operation: defaultdict[str, list[Fault]] = defaultdict(list)
    for fault in tally.faults:
        by_operation[fault.sent.plan.operation].append(fault)
    for operation, faults in by_operation.items():
        least = min(faults, key=lambda fault: fault.sent.request.size)
        plan = least.sent.plan
        judge.check(
            requirement,
            False,
            least.expected,
            f"{least.observed}, to {operation} with {plan.what} ({plan.phase}); {len(faults)} such answer(s)",
            least.sent.reply,
        )
    if by_operation:
        return
    if tally.held:
        judge.check(requirement, True, "no answer that breaks it", f"none of {tally.held} among {summary}", tally.last)
    else:
        judge.cannot(requirement, f"a generated request that decides it, among {summary}", "the harness")


def _conclude_key(judge: Judge, traffic: Traffic) -> None:
    if traffic.tallies[KEY_REQUIRED].held or traffic.tallies[KEY_REQUIRED].faults:
        _conclude(judge, KEY_REQUIRED, traffic.tallies[KEY_REQUIRED], traffic.summary())
    elif traffic.unaffordable:
        judge.cannot(KEY_REQUIRED, traffic.unaffordable.missing, traffic.unaffordable.provider)
    else:
        judge.cannot(KEY_REQUIRED, "a contract that requires the Idempotency-Key header", "the author of the contract")


class Traffic:
    """Sends plans in order, with ids of this run in them, and tallies what the answers say."""

    def __init__(self, bench: Bench, desk: Desk) -> None:
        self.bench = bench
        self.desk = desk
        self.contract: Contract = bench.wire.recorder.contracts["pools"]
        self.tallies: defaultdict[str, Tally] = defaultdict(Tally)
        self.troubles: list[NetworkTrouble] = []
        self.unaffordable: Refused | None = None
        self._sent: Counter[tuple[str, str]] = Counter()
        self._trades_left = TRADES
        self._unsent = 0
        self._spent: tuple[FirmQuote, str] | None = None

    def run(self, plans: tuple[Plan, ...], seconds: float) -> None:
        """Send ``plans`` for at most ``seconds``, and no more to what does not answer."""
        deadline = self.bench.clock.monotonic() + seconds
        silent: Counter[str] = Counter()
        for number, plan in enumerate(plans):
            if self.bench.clock.monotonic() >= deadline or silent.total() >= 2 * TROUBLES:
                self._unsent = len(plans) - number
                return
            if silent[plan.operation] >= TROUBLES or names_somebody(plan):
                continue
            try:
                self._send(plan)
                silent.clear()
            except NetworkTrouble as trouble:
                self.troubles.append(trouble)
                silent[plan.operation] += 1

    def summary(self) -> str:
        """How many requests of which phases went to how many operations."""
        phases: Counter[str] = Counter()
        for (phase, _), count in self._sent.items():
            phases[phase] += count
        reached = len({operation for _, operation in self._sent})
        return (
            f"{self._sent.total()} generated requests ({', '.join(f'{n} {phase}' for phase, n in phases.items())}) "
            f"to {reached} of {len(self.contract.operations)} operations"
            + (f"; {self._unsent} were left when time or answers ran out" if self._unsent else "")
        )

    def _send(self, plan: Plan) -> None:
        ids = {POOL: self.desk.terms.pool, KEY: self.bench.key(), QUOTE: self._nobodys_id(), TRADE: self._nobodys_id()}
        firm: FirmQuote | None = None
        try:
            if plan.mentions(TRADE):
                ids[TRADE] = self._spent_quote()[1]
            if plan.mentions(QUOTE):
                firm = self._quote_for(plan)
                ids[QUOTE] = firm.id
        except Refused as problem:
            # An id nobody was given does for the rest; without a key it would be refused for the wrong reason.
            if plan.missing_header:
                self.unaffordable = problem
                return
        request = plan.filled(ids)
        reply = self.bench.wire.send(
            self._credentials(plan),
            request.method,
            self.bench.target.base_urls["pools"] + request.path,
            headers=dict(request.headers),
            content=request.content,
            # Repeating any of them is harmless, and one answer lost on the way must not count for much.
            retry=True,
            patient=not is_transact(plan),
        )
        self._sent[plan.phase, plan.operation] += 1
        sent = Sent(plan, request, reply)
        self._remember(sent, firm)
        self._judge(sent, firm)

    def _credentials(self, plan: Plan) -> Credentials:
        if plan.operation == "GET /pools":
            account = self.bench.target.accounts[self.desk.account]
            if account.publishable_key is not None:
                return self.bench.published(self.desk.account).who
        return self.desk.api.who

    def _quote_for(self, plan: Plan) -> FirmQuote:
        """A quote of ours for this request. Raises ``Refused`` when there is none or a limit forbids to use it.

        A transact that may execute gets a fresh one, within bounds. One with another pool in its path gets a spent
        one: no source says what becomes of it, and it must not cost money.
        """
        if is_transact(plan):
            if plan.missing_header or (plan.location != "path" and self._trades_left > 0):
                self._trades_left -= 1
                self.bench.afford(self.desk.terms.amount)
                return self.desk.firm()
            return self._spent_quote()[0]
        return self.desk.firm() if plan.request.method == "POST" else self._spent_quote()[0]

    def _spent_quote(self) -> tuple[FirmQuote, str]:
        """A quote of ours that has been executed, and its trade. Raises ``Refused`` when none may be."""
        if self._spent is None:
            quote = self.desk.firm()
            reply = self.desk.execute(quote)
            trade = reply.object().get("transactId") if reply.ok else None
            if not isinstance(trade, str):
                raise Refused(f"a trade of our own (transact answered {reply.status})", "the operator of the target")
            self._spent = (quote, trade)
        return self._spent

    def _nobodys_id(self) -> str:
        return f"conformance-nobodys-{self.bench.rng.getrandbits(64):016x}"

    def _remember(self, sent: Sent, firm: FirmQuote | None) -> None:
        """Keep book of what the answer made: quotes to give back, trades that have to reconcile."""
        plan, reply = sent.plan, sent.reply
        if is_quote(plan):
            self.desk.remember(reply)
        elif is_transact(plan) and firm is not None:
            self.desk.note_order(firm, sent.request.header("idempotency-key") or "", reply)
            trade = reply.object().get("transactId") if reply.ok else None
            if isinstance(trade, str) and self._spent is None:
                self._spent = (firm, trade)
        elif is_reject(plan) and firm is not None and reply.ok:
            self.bench.open_quotes.pop(firm.id, None)

    def _judge(self, sent: Sent, firm: FirmQuote | None) -> None:
        plan, request, reply = sent.plan, sent.request, sent.reply
        path = request.path.partition("?")[0]
        report = judge_exchange(
            self.contract, request.method, path, reply.status, reply.headers, reply.body, reply.truncated
        )
        for finding in report.findings:
            self.tallies[finding.requirement].add(sent, finding.ok, finding.expected, finding.observed)
        demanded = demand(self.contract, plan, request)
        held = objections(plan, reply.status, reply.headers, reply.body, must_be_refused=demanded is not None)
        if demanded is not None:
            accepted = Objection.ACCEPTED_INVALID in held and not (demanded.soft and is_unavailable(reply))
            self.tallies[demanded.requirement].add(
                sent, not accepted, f"a refusal of {demanded.broken}", f"{reply.status} for it"
            )
        if plan.missing_header.lower() == "idempotency-key" and firm is not None:
            proof = nothing_moved(self.desk, firm.id)
            accepted = Objection.ACCEPTED_WITHOUT_HEADER in held
            self.tallies[KEY_REQUIRED].add(
                sent, not accepted and proof.ok, "a refusal, and nothing moved", f"{reply.status}; {proof.observed}"
            )


def is_quote(plan: Plan) -> bool:
    """Whether the request asks for a quote."""
    return plan.operation.startswith("POST ") and plan.operation.endswith("/quote")


def is_transact(plan: Plan) -> bool:
    """Whether the request executes a quote."""
    return plan.operation.startswith("POST ") and plan.operation.endswith("/transact")


def is_reject(plan: Plan) -> bool:
    """Whether the request gives a quote up."""
    return plan.operation.startswith("POST ") and plan.operation.endswith("/reject")


def is_unavailable(reply: Reply) -> bool:
    """Whether the answer is a safe "not now": nothing is quoted."""
    answer = reply.object()
    return reply.ok and answer.get("available") is False and answer.get("quoteId") is None


def names_somebody(plan: Plan) -> bool:
    """Whether a write names a well-formed id that is not ours: it might be an object of somebody."""
    if is_reject(plan):
        named: object = unquote(plan.request.path.split("/")[-2])
    elif is_transact(plan):
        body = _json(plan.request.content)
        named = body.get("quoteId") if isinstance(body, dict) else None
    else:
        return False
    return isinstance(named, str) and named != QUOTE and _SOMEBODYS.fullmatch(named) is not None


# -- what a source says is refused -------------------------------------------------------------------------------------


def demand(contract: Contract, plan: Plan, request: Request) -> Demand | None:
    """Why the request must be refused, or None where no source says so.

    It must break the judging view of the contract, in which only stated constraints are left, and also when it is read
    as leniently as an API may read it. Other operations have no such promise, and neither has a request whose path
    names something else than ours.
    """
    if plan.location == "path":
        return None
    if is_quote(plan):
        broken = broken_members(contract, plan, request)
        if broken:
            return Demand(VALIDATION, f"a wrong {', '.join(broken)}", broken == ("amount",))
    if plan.operation == "GET /pools/funding":
        asked = parse_qs(request.path.partition("?")[2], keep_blank_values=True).get("currency", [])
        pointer = parameter_schema(contract, plan.operation, "currency")
        # An empty one may be read as absent, and no source speaks of several.
        if len(asked) == 1 and asked[0] and pointer and not contract.schemas.judging(pointer).is_valid(asked[0]):
            return Demand(FUNDING, "a currency without funding", False)
    return None


def broken_members(contract: Contract, plan: Plan, request: Request) -> tuple[str, ...]:
    """The members of a quote request that break a stated constraint; ``body`` when it is no object at all."""
    pointer = body_schema(contract, plan.operation)
    media = request.header("content-type") or "application/json"
    if pointer is None or "json" not in media:
        return ()
    body = leniently(_json(request.content) if request.content else {})
    found = {_member(error) for error in contract.schemas.judging(pointer).iter_errors(body)}
    return tuple(sorted(found & _STATED))


def leniently(body: Any) -> Any:
    """The body as an API may still read it: null, false, zero and empty text are absent, a number is its text."""
    if not isinstance(body, dict):
        return body
    return {
        name: json.dumps(value) if isinstance(value, bool | int | float) else value
        for name, value in body.items()
        if value or isinstance(value, dict | list)
    }


def body_schema(contract: Contract, operation: str) -> str | None:
    """JSON pointer of the schema of an operation's JSON body, if it has one."""
    place = _operation(operation)
    if "requestBody" not in resolve(contract.document, place):
        return None
    body, content = _followed(contract, f"{place}/requestBody")
    media = next((name for name in content.get("content", {}) if "json" in name), None)
    return f"{body}/content/{escape(media)}/schema" if media else None


def parameter_schema(contract: Contract, operation: str, name: str) -> str | None:
    """JSON pointer of the schema of an operation's parameter, if it has one."""
    place = _operation(operation)
    for holder in (place, place.rpartition("/")[0]):
        for index, _ in enumerate(resolve(contract.document, holder).get("parameters", ())):
            found, parameter = _followed(contract, f"{holder}/parameters/{index}")
            if parameter.get("name") == name and "schema" in parameter:
                return f"{found}/schema"
    return None


def _operation(operation: str) -> str:
    method, _, template = operation.partition(" ")
    return f"/paths/{escape(template)}/{method.lower()}"


def _followed(contract: Contract, place: str) -> tuple[str, Mapping[str, Any]]:
    node = resolve(contract.document, place)
    for _ in range(20):
        if "$ref" not in node:
            break
        place = unquote(node["$ref"].removeprefix("#"))
        node = resolve(contract.document, place)
    return place, node


def _member(error: ValidationError) -> str:
    """The member an error is about, or ``body`` when it is the body as a whole."""
    if error.instance_path:
        return str(error.instance_path[0])
    return error.kind.property if isinstance(error.kind, ValidationErrorKind.Required) else "body"


def _json(content: bytes | None) -> Any:
    try:
        return json.loads(content or b"")
    except ValueError:
        return None
