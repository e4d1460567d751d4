"""The verdict on one requirement: how many words become one, and what silence means."""

from __future__ import annotations

import pytest

from conformance.evidence import judge
from conformance.evidence.per_requirement import RequirementVerdict, Status
from conformance.journal import Engine, Judgement, Observation, Outcome, Record
from conformance.requirements import Basis, Requirement, Scope
from tests.evidence.synthetic import catalogue, judgement, reading, requirement, run

P, F, E = Outcome.PASS, Outcome.FAIL, Outcome.ERROR
NA, NE = Outcome.NOT_APPLICABLE, Outcome.NOT_EVIDENCED


def decided(what: Requirement, records: list[Record], sealed: bool = True, **how: object) -> RequirementVerdict:
    other = requirement("OTHER")
    everything = [run(**how), judgement("OTHER", P), *records]
    verdict = judge(reading(everything, sealed), catalogue(what, other))
    return verdict.requirements[0]


@pytest.mark.parametrize(
    ("outcomes", "basis", "strict", "expected"),
    [
        ([P], Basis.DOCUMENTED, False, Status.PASS),
        ([F], Basis.DOCUMENTED, False, Status.FAIL),
        ([P, P, F], Basis.DOCUMENTED, False, Status.FAIL),
        ([P, F], Basis.ENTAILED, False, Status.FAIL),
        ([E, F], Basis.DOCUMENTED, False, Status.FAIL),
        ([P, E], Basis.DOCUMENTED, False, Status.ERROR),
        ([NE, NA, P], Basis.DOCUMENTED, False, Status.PASS),
        ([NE, NA], Basis.DOCUMENTED, False, Status.NOT_APPLICABLE),
        ([NE], Basis.DOCUMENTED, False, Status.NOT_EVIDENCED),
        ([F], Basis.INFERRED, False, Status.PASS),
        ([F], Basis.INFERRED, True, Status.WARN),
        ([P, F], Basis.INFERRED, True, Status.WARN),
        ([P], Basis.INFERRED, True, Status.PASS),
        ([E, F], Basis.INFERRED, True, Status.ERROR),
        ([F], Basis.DOCUMENTED, True, Status.FAIL),
    ],
)
def test_many_words_become_one(outcomes: list[Outcome], basis: Basis, strict: bool, expected: Status) -> None:
    records: list[Record] = [judgement("R", outcome) for outcome in outcomes]

    assert decided(requirement("R", basis=basis), records, strict=strict).status is expected


@pytest.mark.parametrize(("strict", "expected"), [(True, Status.WARN), (False, Status.PASS)])
def test_an_observed_departure_from_a_guess_warns_only_when_strict(strict: bool, expected: Status) -> None:
    records: list[Record] = [judgement("R", P), Observation("subject", "value", "R", warn=True)]

    assert decided(requirement("R"), records, strict=strict).status is expected


@pytest.mark.parametrize(
    ("what", "sealed", "how", "status", "missing"),
    [
        (requirement("R"), True, {}, Status.ERROR, "no scenario judged it"),
        (requirement("R"), False, {}, Status.NOT_EVIDENCED, "the run ended before it was tried"),
        (
            requirement("R"),
            True,
            {"selection": ("OTHER",)},
            Status.NOT_EVIDENCED,
            "outside the selection of this run",
        ),
        (requirement("R"), True, {"selection": ("R",)}, Status.ERROR, "no scenario judged it"),
        (
            requirement("R", scope=Scope.OPERATOR, needs=("approval", "account:ungated")),
            True,
            {"scope": "partner"},
            Status.NOT_EVIDENCED,
            "no approval record; no account of standing ungated",
        ),
        (
            requirement("R", scope=Scope.OPERATOR, needs=("approval",)),
            True,
            {"scope": "operator"},
            Status.ERROR,
            "no scenario judged it",
        ),
    ],
)
def test_silence_means_what_the_run_makes_of_it(
    what: Requirement, sealed: bool, how: dict[str, object], status: Status, missing: str
) -> None:
    verdict = decided(what, [], sealed, **how)

    assert (verdict.status, verdict.missing) == (status, missing)


def test_after_a_failed_preflight_nothing_was_tried() -> None:
    preflight = Judgement("", E, Engine.PREFLIGHT, "preflight", observed="401 for the plain read")

    verdict = decided(requirement("R"), [preflight])

    assert (verdict.status, verdict.missing) == (
        Status.NOT_EVIDENCED,
        "nothing was tried: 401 for the plain read",
    )


def test_a_pass_still_names_the_part_that_stayed_open() -> None:
    records: list[Record] = [
        judgement("R", P),
        judgement("R", NE, missing="no kyc_revoked account", provider="operator"),
    ]

    verdict = decided(requirement("R"), records)

    assert (verdict.status, verdict.missing, verdict.provider) == (
        Status.PASS,
        "no kyc_revoked account",
        "operator",
    )


def test_exchanges_are_counted_once_however_often_they_are_cited() -> None:
    records: list[Record] = [judgement("R", P, exchanges=("a", "b")), judgement("R", P, exchanges=("b", "c"))]

    assert decided(requirement("R"), records).exchanges == 3


def test_every_engine_that_spoke_is_named() -> None:
    records: list[Record] = [
        judgement("R", P, engine=Engine.MACHINE),
        judgement("R", P, engine=Engine.CONTRACT),
    ]

    assert decided(requirement("R"), records).engines == ("contract", "machine")


def test_an_excuse_gives_its_reason_and_its_owner() -> None:
    entry = {"requirement": "R", "reason": "ticket 1", "owner": "payments", "expires": "2026-12-31"}

    verdict = decided(requirement("R"), [judgement("R", F)], known_failures=(entry,))

    assert (verdict.status, verdict.note) == (Status.EXCUSED, "ticket 1 (owner payments, until 2026-12-31)")
