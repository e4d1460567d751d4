"""One examination from beginning to end: the profile, the target, the spend, and what a run could evidence."""

from __future__ import annotations

from conformance.client import NetworkTrouble, Refused
from conformance.readiness import declared, live, outlook, spending
from conformance.readiness.report import Check, Gap, Report, State
from conformance.requirements import load as load_catalogue
from conformance.run import PlainRead, Run, plain_read
from conformance.scenarios.bench import Bench
from conformance.scenarios.coverage import declarations
from conformance.scenarios.judging import Declaration
from conformance.scenarios.pools.desk import Desk
from conformance.scenarios.selection import selected, turn


def examine(run: Run) -> Report:
    """Look at everything a run of these options would need; sends a few plain reads and changes nothing."""
    target, bench = run.target, run.benches[0]
    bench.wire.recorder.context.scenario = "doctor"
    reads = {product: plain_read(bench, product) for product in target.base_urls}
    answered = [found for found in reads.values() if found.reply is not None]
    checks = [
        declared.profile(target, run.options.target or "the embedded sandbox"),
        *(live.address(target, product, found) for product, found in reads.items()),
        *(live.key(target, product, found) for product, found in reads.items()),
        *(live.clock(found.sent, found.reply) for found in answered[:1] if found.reply is not None),
        declared.key_modes(target),
        declared.approval(target),
        declared.accounts(target),
        declared.recipes(target),
        *(declared.webhooks(target, product) for product in target.base_urls),
        declared.handler(target),
    ]
    further, gaps = _prospects(run, bench, reads.get("pools"))
    return Report(target.name, run.options.tier, run.scope, target.is_embedded, (*checks, *further), gaps)


def _prospects(run: Run, bench: Bench, found: PlainRead | None) -> tuple[list[Check], tuple[Gap, ...]]:
    """The planned spend and what could be evidenced with it."""
    target = run.target
    catalogue = load_catalogue().of(target.products)
    scenarios = _scenarios(run)
    spend, short = Check("spend", State.NOTE, "not known before the target answers"), frozenset[str]()
    if found is None:
        spend = Check("spend", State.NOTE, "0Pools is not judged here, so nothing is traded")
    elif found.reply is not None:
        try:
            plan = spending.planned(target, scenarios, Desk(bench).terms)
            spend, short = spending.check(target, plan), plan.short
        except (Refused, NetworkTrouble) as problem:
            spend = Check("spend", State.LACKING, f"nothing can be traded: it takes {problem}")
    stopped = outlook.obstacles(catalogue, scenarios, target, short)
    checks = [
        spend,
        outlook.coverage(catalogue, run.scope, run.options.tier, stopped),
        outlook.launch(catalogue, outlook.obstacles(catalogue, list(declarations().items()), target, ())),
    ]
    return checks, outlook.gaps(outlook.in_scope(catalogue, run.scope, run.options.tier), stopped)


def _scenarios(run: Run) -> list[tuple[str, Declaration]]:
    """What the run would try, in its order."""
    catalogue = load_catalogue()
    mine = catalogue.of(run.target.products).requirements.keys()
    tried = [
        item
        for item in declarations().items()
        if set(item[1].judges) <= mine and selected(item[1], catalogue, tier=run.options.tier)
    ]
    return sorted(tried, key=lambda item: turn(item[1]))
