"""``verdict.json``: the evidence as data, for CI, for comparing runs and for an attestation.

Members may be added within ``conformance-verdict/1``; none is renamed, removed or given another meaning.

- ``schema``  ``conformance-verdict/1``
- ``watermark``  what has to be said first; empty for a foreign target
- ``verdict``, ``exit_code``, ``reasons``  the run's verdict; each reason is ``{verdict, text}``, the first
  decided
- ``launch``  ``{evidence, line, steps: [{number, title, state, musts, proved, neutral, failed: [id], gaps:
  [gap]}]}``; a gap is ``{missing, provider, requirements: [id]}``
- ``run``  id, target, environment, embedded, base_urls, scope, tier, selection, seed, strict, accounts
  (names), features, contract_revision, command, started, finished, expires (started + 90 days), versions,
  digests
- ``counts``  status to number of requirements, over the whole catalogue; ``required`` the same over the
  required set
- ``requirements``  in catalogue order: id, statement, status, level, basis, side, scope, step, source,
  provisional, selected, required, engines, exchanges (number), judgements (outcome to number), missing,
  provider, note, and ``cases``: ``{expected, observed, scenario, engine, count, nondeterministic, steps,
  exchanges: [id], request_ids}``
- ``not_evidenced``  what was asked for and found no evidence, as gaps
- ``observations``  ``{subject, value, requirement, warn, count, exchange}``
- ``first_order``  the nine points of a controlled production order: ``{number, words, state, evidence, missing, owner,
  request_ids}``; empty for any other run
- ``coverage``  operation to status to number of exchanges
- ``exercised`` how many of the operations and of the stated (operation, status) pairs were met; the pairs that were not
- ``reconciliation``  result to number of rows
- ``leftovers``  ``{subject, id, reason}``
- ``known_failures``  the entries the run was started with
- ``journal``  ``{sealed, problems, exchanges, segments: [{name, records, head}]}``; a head is the SHA-256
  chain value
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import Any

from conformance.evidence import first_order
from conformance.evidence.findings import Finding
from conformance.evidence.packet import Packet
from conformance.evidence.per_requirement import RequirementVerdict, Status

SCHEMA = "conformance-verdict/1"


def render(packet: Packet) -> str:
    """The text of ``verdict.json``. ASCII only, so that no reader's encoding can bend it."""
    return json.dumps(document(packet), indent=2, ensure_ascii=True) + "\n"


def document(packet: Packet) -> dict[str, Any]:
    """The evidence as a JSON object."""
    verdict = packet.verdict
    told = {finding.id: finding for finding in packet.findings}
    return {
        "schema": SCHEMA,
        "watermark": packet.watermark,
        "verdict": verdict.status,
        "exit_code": verdict.exit_code,
        "reasons": [{"verdict": reason.status, "text": reason.text} for reason in verdict.reasons],
        "launch": {
            "evidence": verdict.launch_evidence,
            "line": verdict.launch_line,
            "steps": [asdict(step) for step in verdict.steps],
        },
        "run": _run(packet),
        "counts": _counts(verdict.requirements),
        "required": _counts([v for v in verdict.requirements if v.required]),
        "requirements": [_requirement(v, told.get(v.requirement.id)) for v in verdict.requirements],
        "not_evidenced": [asdict(gap) for gap in packet.gaps],
        "observations": [asdict(seen) for seen in packet.observations],
        "first_order": first_order.as_data(packet) if first_order.is_one(packet) else [],
        "coverage": packet.coverage,
        "exercised": asdict(packet.exercised),
        "reconciliation": dict(sorted(Counter(row.result for row in packet.rows).items())),
        "leftovers": [asdict(leftover) for leftover in packet.leftovers],
        "known_failures": list(packet.run.known_failures),
        "journal": {
            "sealed": verdict.sealed,
            "problems": list(verdict.problems),
            "exchanges": len(packet.exchanges),
            "segments": [asdict(segment) for segment in packet.segments],
        },
    }


def _run(packet: Packet) -> dict[str, Any]:
    run = packet.run
    return {
        "id": run.run,
        "target": run.target,
        "environment": run.environment,
        "embedded": run.embedded,
        "base_urls": run.base_urls,
        "scope": run.scope,
        "tier": run.tier,
        "selection": list(run.selection),
        "seed": run.seed,
        "strict": run.strict,
        "accounts": list(run.accounts),
        "features": list(run.features),
        "contract_revision": run.contract_revision,
        "command": run.command,
        "started": run.started,
        "finished": packet.verdict.finished,
        "expires": packet.expires,
        "versions": run.versions,
        "digests": run.digests,
    }


def _counts(verdicts: tuple[RequirementVerdict, ...] | list[RequirementVerdict]) -> dict[str, int]:
    counted = Counter(verdict.status for verdict in verdicts)
    return {status: counted[status] for status in Status}


def _requirement(verdict: RequirementVerdict, finding: Finding | None) -> dict[str, Any]:
    requirement = verdict.requirement
    return {
        "id": requirement.id,
        "statement": requirement.statement,
        "status": verdict.status,
        "level": requirement.level,
        "basis": requirement.basis,
        "side": requirement.side,
        "scope": requirement.scope,
        "step": requirement.step,
        "source": requirement.source,
        "provisional": requirement.provisional,
        "selected": verdict.selected,
        "required": verdict.required,
        "engines": list(verdict.engines),
        "exchanges": verdict.exchanges,
        "judgements": dict(sorted(Counter(j.outcome for j in verdict.judgements).items())),
        "missing": verdict.missing,
        "provider": verdict.provider,
        "note": verdict.note,
        "cases": _cases(finding) if finding else [],
    }


def _cases(finding: Finding) -> list[dict[str, Any]]:
    return [
        {
            "expected": case.judgement.expected,
            "observed": case.judgement.observed,
            "scenario": case.judgement.scenario,
            "engine": case.judgement.engine,
            "count": case.count,
            "nondeterministic": case.judgement.nondeterministic,
            "steps": list(case.judgement.steps),
            "exchanges": list(case.judgement.exchanges),
            "request_ids": list(case.request_ids),
            "replay": case.replay,
        }
        for case in finding.cases
    ]
