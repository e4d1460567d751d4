"""Made-up runs for the evidence tests: small catalogues, and journals as a real run writes them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from conformance.journal import (
    Engine,
    Exchange,
    Journal,
    Judgement,
    Leftover,
    Observation,
    Order,
    Outcome,
    Reading,
    ReconciliationRow,
    Record,
    RunRecord,
    seal,
)
from conformance.requirements import Basis, Catalogue, Level, Requirement, Scope, Side, load

STARTED = "2026-10-01T08:00:00+00:00"
FINISHED = "2026-10-01T08:06:40+00:00"
HOSTILE = '<script>alert("x")</script> \x1b[31m\x00\u202e\ud800 `|` @team =cmd()'


def run(**changes: Any) -> RunRecord:
    """A run of the whole catalogue against a foreign target, unless told otherwise."""
    plain = RunRecord(
        run="20261001-080000-7",
        started=STARTED,
        target="sandbox",
        environment="sandbox",
        embedded=False,
        base_urls={"pools": "https://pools.example.test/v1"},
        scope="operator",
        tier="certify",
        selection=(),
        seed=7,
        accounts=("approved", "other_partner"),
        features=("on_ramp", "webhooks"),
        versions={"conformance": "0.1.0", "python": "3.11.9", "hypothesis": "6.170.0"},
        digests={
            "profile": "sha256:" + "a" * 64,
            "approval": "sha256:" + "b" * 64,
            "contract": "sha256:" + "c" * 64,
        },
        contract_revision="2026-05-25",
        command="conformance run --target sandbox",
        variables={"approved": "OBIT_POOLS_SECRET_KEY"},
    )
    return dataclasses.replace(plain, **changes)


def requirement(name: str, **changes: Any) -> Requirement:
    """A documented must in partner scope, unless told otherwise."""
    plain = Requirement(
        id=name,
        statement=f"The statement of {name}.",
        level=Level.MUST,
        basis=Basis.DOCUMENTED,
        side=Side.ENVIRONMENT,
        scope=Scope.PARTNER,
        source="seed 000",
    )
    return dataclasses.replace(plain, **changes)


def catalogue(*requirements: Requirement) -> Catalogue:
    """A catalogue of these requirements."""
    return Catalogue({r.id: r for r in requirements})


def judgement(name: str, outcome: Outcome, **changes: Any) -> Judgement:
    """One word on one requirement."""
    return dataclasses.replace(
        Judgement(name, outcome, Engine.SCENARIO, "scenarios/test_made_up.py::test_it"), **changes
    )


def reading(records: Iterable[Record], sealed: bool = True, problems: tuple[str, ...] = ()) -> Reading:
    """A journal as if read back."""
    return Reading(tuple(records), sealed and not problems, FINISHED if sealed else "", problems)


def exchange(name: str, **changes: Any) -> Exchange:
    """A firm quote being made."""
    plain = Exchange(
        id=name,
        scenario="scenarios/test_made_up.py::test_it",
        engine=Engine.SCENARIO,
        account="approved",
        product="pools",
        operation="POST /pools/{id}/quote",
        method="POST",
        url="https://pools.example.test/v1/pools/EUR-USDT/quote",
        request_headers=(
            ("host", "pools.example.test"),
            ("Authorization", "Bearer [redacted:0123456789ab]"),
            ("Content-Type", "application/json"),
        ),
        request_body='{"side": "on_ramp", "amount": "10.00"}',
        status=200,
        response_headers=(("Content-Type", "application/json"), ("X-Request-Id", f"req_{name}")),
        response_body=f'{{"quoteId": "pq_{name}", "available": true, "executable": true, "rate": "1.0821"}}',
        response_size=80,
        error=None,
        started="2026-10-01T08:01:02.345+00:00",
        elapsed_ms=41,
        request_id=f"req_{name}",
    )
    return dataclasses.replace(plain, **changes)


def write_journal(folder: Path, records: Iterable[Record], sealed: bool = True) -> Path:
    """Write a run folder with one segment; returns the run folder."""
    journal = Journal(folder / "journal", "main")
    for record in records:
        journal.append(record)
    journal.close()
    if sealed:
        seal(folder / "journal", FINISHED)
    return folder


def traffic(number: int) -> list[Exchange]:
    """Exchanges of several operations and statuses."""
    shapes = (
        ("GET /pools", "GET", "/pools", 200),
        ("POST /pools/{id}/quote", "POST", "/pools/EUR-USDT/quote", 200),
        ("POST /pools/{id}/transact", "POST", "/pools/EUR-USDT/transact", 200),
        ("GET /pools/transactions/{quoteId}", "GET", "/pools/transactions/pq_1", 200),
        ("POST /pools/{id}/quote", "POST", "/pools/EUR-USDT/quote", 400),
        ("GET /pools/ledger", "GET", "/pools/ledger?limit=200", 200),
        ("POST /pools/{id}/transact", "POST", "/pools/EUR-USDT/transact", 409),
        ("GET /pools/trades/{transactId}", "GET", "/pools/trades/pt_unknown", 404),
        (None, "PATCH", "/pools/EUR-USDT", 404),
        ("GET /pools", "GET", "/pools", 401),
    )
    made = []
    for index in range(number):
        operation, method, path, status = shapes[index % len(shapes)]
        made.append(
            exchange(
                f"main-{index + 1}",
                operation=operation,
                method=method,
                url=f"https://pools.example.test/v1{path}",
                request_body='{"side": "on_ramp", "amount": "10.00"}' if method == "POST" else None,
                status=status,
            )
        )
    return made


def green(exchanges: int = 40, **changes: Any) -> list[Record]:
    """A run in which every requirement of the built-in catalogue passed."""
    calls = traffic(exchanges)
    judged = [
        judgement(r.id, Outcome.PASS, exchanges=(calls[index % len(calls)].id,), engine=_engine(r))
        for index, r in enumerate(load())
    ]
    return [run(**changes), *calls, *judged, *_books(), *_choices()]


def _failures() -> dict[str, list[Judgement]]:
    """What went wrong in the red run: by a machine, by a contract check, unsteadily, and not to be judged."""
    return {
        "POOLS-TRANSACT-CONCURRENT-ONCE": [
            judgement(
                "POOLS-TRANSACT-CONCURRENT-ONCE",
                Outcome.FAIL,
                engine=Engine.MACHINE,
                expected="one trade for 8 simultaneous transacts with one Idempotency-Key",
                observed="2 trades (pt_3a91, pt_3a92) and 2 buy_debit entries of -10.00 for pq_main-2",
                exchanges=("main-2", "main-3", "main-7"),
                steps=(
                    "quote = firm quote on_ramp 10.00 EUR in EUR-USDT",
                    "transact quote twice at once, same key",
                    "read the trades of the quote: 2",
                ),
            )
        ],
        "WIRE-BODY": [
            judgement(
                "WIRE-BODY",
                Outcome.FAIL,
                engine=Engine.CONTRACT,
                expected="rate: a decimal string",
                observed="rate: 1.0821 (a JSON number)",
                exchanges=(f"main-{number}",),
            )
            for number in (2, 12, 22, 32)
        ]
        + [
            judgement(
                "WIRE-BODY",
                Outcome.FAIL,
                observed="expiresAt is missing",
                expected="expiresAt",
                exchanges=("main-2",),
            )
        ],
        "POOLS-UNKNOWN-OBJECT": [
            judgement(
                "POOLS-UNKNOWN-OBJECT",
                Outcome.FAIL,
                expected="404 twice",
                observed="404, then 403 for the same request",
                exchanges=("main-8", "main-18"),
                nondeterministic=True,
            )
        ],
        "POOLS-TRADES-PAGES": [
            judgement(
                "POOLS-TRADES-PAGES",
                Outcome.ERROR,
                observed="pools.example.test did not answer in time (ReadTimeout)",
                exchanges=("main-9",),
            )
        ],
        "POOLS-LEDGER-CLAMP": [
            judgement(
                "POOLS-LEDGER-CLAMP",
                Outcome.FAIL,
                expected="200 entries at most",
                observed="400 for limit=500",
            )
        ],
    }


def _left_open() -> dict[str, list[Judgement]]:
    """What nothing was there for."""
    return {
        "POOLS-DISCOVERY-EXACT": [_gap("POOLS-DISCOVERY-EXACT", "no approval record", "partner")],
        "POOLS-CAPABILITIES-APPROVED": [_gap("POOLS-CAPABILITIES-APPROVED", "no approval record", "partner")],
        "PARTNER-WEBHOOK-VERIFIES": [_gap("PARTNER-WEBHOOK-VERIFIES", "no handler given", "partner")],
        "PARTNER-WEBHOOK-ACCEPTS": [_gap("PARTNER-WEBHOOK-ACCEPTS", "no handler given", "partner")],
        "PARTNER-WEBHOOK-DEDUPES": [_gap("PARTNER-WEBHOOK-DEDUPES", "no handler given", "partner")],
        "POOLS-WEBHOOK-SIGNED": [_gap("POOLS-WEBHOOK-SIGNED", "receiver unreachable", "profile author")],
        "POOLS-LEDGER-ONE-DEBIT": [judgement("POOLS-LEDGER-ONE-DEBIT", Outcome.NOT_APPLICABLE)],
    }


def red(exchanges: int = 40, **changes: Any) -> list[Record]:
    """A run with failures of several kinds, an error, gaps, an excused failure and a leftover."""
    calls = traffic(exchanges)
    told = _failures() | _left_open()
    judged = [
        word
        for index, r in enumerate(load())
        for word in told.get(r.id)
        or [judgement(r.id, Outcome.PASS, exchanges=(calls[index % len(calls)].id,), engine=_engine(r))]
    ]
    excuse = {
        "requirement": "POOLS-LEDGER-CLAMP",
        "reason": "the vendor refuses instead of clamping, ticket 4711",
        "owner": "payments team",
        "expires": "2026-12-31",
    }
    odd = ReconciliationRow(
        "order-3", "approved", "EUR-USDT", "pq_3", "pt_3", "EUR", "10.00", "settled",
        ("-10.00", "-10.00"), (), "-20.00",
        "debited twice",
    )  # fmt: skip
    left = Leftover("trade", "pt_9", "still reserved when patience ran out")
    return [run(known_failures=(excuse,), **changes), *calls, *judged, *_books(), odd, *_choices(), left]


def hostile(**changes: Any) -> list[Record]:
    """A run whose every free text tries to be something else."""
    call = exchange(
        "main-1",
        url=f"https://pools.example.test/v1/pools/{HOSTILE}/quote",
        request_headers=(("Authorization", "Bearer [redacted:0123456789ab]"), ("X-Odd", HOSTILE)),
        request_body=HOSTILE,
        response_headers=(("X-Odd", HOSTILE),),
        response_body=HOSTILE,
        request_id=HOSTILE,
        error=None,
    )
    fail = judgement(
        "WIRE-BODY", Outcome.FAIL, expected=HOSTILE, observed=HOSTILE, steps=(HOSTILE,), exchanges=("main-1",)
    )
    row = ReconciliationRow(
        *(["=cmd()|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", HOSTILE] * 2)[:8],
        ("-10.00",),
        (),
        "-10.00",
        "\t=1",
    )
    return [
        run(target=HOSTILE, environment=HOSTILE, command=f"conformance run --target '{HOSTILE}'", **changes),
        call,
        fail,
        judgement("POOLS-RECONCILES", Outcome.NOT_EVIDENCED, missing=HOSTILE, provider=HOSTILE),
        Observation(HOSTILE, HOSTILE, "WIRE-BODY", "main-1"),
        row,
        Leftover(HOSTILE, HOSTILE, HOSTILE),
    ]


def _gap(name: str, missing: str, provider: str) -> Judgement:
    return judgement(name, Outcome.NOT_EVIDENCED, missing=missing, provider=provider)


def _engine(requirement: Requirement) -> Engine:
    if requirement.id.startswith("WIRE-"):
        return Engine.CONTRACT
    return Engine.WEBHOOK if "WEBHOOK" in requirement.id else Engine.SCENARIO


def _books() -> list[Record]:
    made: list[Record] = []
    for number in (1, 2):
        made.append(
            Order(
                f"order-{number}", "scenarios/test_made_up.py::test_it", "approved", "EUR-USDT",
                "on_ramp", "EUR", "10.00",
                f"pq_{number}", f"pt_{number}", f"key-{number}", "settled", f"req_{number}",
            )
        )  # fmt: skip
        made.append(
            ReconciliationRow(
                f"order-{number}", "approved", "EUR-USDT", f"pq_{number}", f"pt_{number}", "EUR",
                "10.00", "settled", ("-10.00",), (), "-10.00", "matched",
            )
        )  # fmt: skip
    return made


def _choices() -> list[Record]:
    return [
        Observation("status of a transact that makes a trade", "200", "POOLS-TRANSACT-RESERVES", "main-3"),
        Observation("status of a transact that makes a trade", "200", "POOLS-TRANSACT-RESERVES", "main-13"),
        Observation("trade id prefix", "pt_", "", "main-3"),
        Observation("member executable missing from an unavailable quote", "absent", "WIRE-BODY", "main-2", warn=True),
    ]
