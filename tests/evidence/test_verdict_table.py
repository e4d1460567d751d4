"""The verdict of a run: every row of the published table, and which row wins when several apply."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from conformance.evidence import RunStatus, judge
from conformance.journal import Engine, Judgement, Outcome, Record
from conformance.requirements import Basis, Level, Requirement, Scope
from tests.evidence.synthetic import catalogue, judgement, reading, requirement, run

A, B = requirement("A"), requirement("B")
OUTSIDE = requirement("OUTSIDE", scope=Scope.OPERATOR, needs=("handler",))
PASS = [judgement("A", Outcome.PASS), judgement("B", Outcome.PASS)]
PREFLIGHT = Judgement("", Outcome.ERROR, Engine.PREFLIGHT, "preflight", observed="the target could not be reached")


def entry(name: str, expires: str = "2026-12-31") -> dict[str, str]:
    return {"requirement": name, "reason": "ticket 1", "owner": "payments", "expires": expires}


def words(a: Outcome, b: Outcome = Outcome.PASS) -> list[Judgement]:
    return [judgement("A", a), judgement("B", b)]


ROWS: list[tuple[str, RunStatus, int, list[Record], dict[str, object]]] = [
    # what happened, the verdict, its exit code, what was judged, how the run was made
    ("all passed", RunStatus.CONFORMANT, 0, [*PASS], {}),
    ("a must failed", RunStatus.NONCONFORMANT, 1, [*words(Outcome.FAIL)], {}),
    ("target unreachable", RunStatus.INCONCLUSIVE, 4, [PREFLIGHT], {}),
    ("harness error", RunStatus.INCONCLUSIVE, 4, [*words(Outcome.ERROR)], {}),
    ("a requirement forgotten", RunStatus.INCONCLUSIVE, 4, [judgement("A", Outcome.PASS)], {}),
    ("nothing at all", RunStatus.INCONCLUSIVE, 4, [], {}),
    (
        "nothing but gaps",
        RunStatus.INCONCLUSIVE,
        4,
        [*words(Outcome.NOT_EVIDENCED, Outcome.NOT_EVIDENCED)],
        {},
    ),
    ("a must not evidenced", RunStatus.INCOMPLETE, 3, [*words(Outcome.NOT_EVIDENCED)], {}),
    ("one named", RunStatus.PARTIAL, 0, [judgement("A", Outcome.PASS)], {"selection": ("A",)}),
    ("one shard", RunStatus.PARTIAL, 0, [judgement("A", Outcome.PASS)], {"selection": ("shard 1/2",)}),
    ("a known failure", RunStatus.CONFORMANT_WITH_EXCEPTIONS, 5, [*words(Outcome.FAIL)], {"known": ("A",)}),
    ("not applicable", RunStatus.CONFORMANT, 0, [*words(Outcome.NOT_APPLICABLE)], {}),
    # combinations: the first row that applies
    (
        "failed and unreachable",
        RunStatus.NONCONFORMANT,
        1,
        [*words(Outcome.FAIL, Outcome.ERROR)],
        {},
    ),
    ("failed, then died", RunStatus.NONCONFORMANT, 1, [*words(Outcome.FAIL)], {"sealed": False}),
    (
        "error and gap",
        RunStatus.INCONCLUSIVE,
        4,
        [*words(Outcome.ERROR, Outcome.NOT_EVIDENCED)],
        {},
    ),
    ("died", RunStatus.INCOMPLETE, 3, [*PASS], {"sealed": False}),
    ("a selection that died", RunStatus.INCOMPLETE, 3, [*PASS], {"sealed": False, "selection": ("A",)}),
    (
        "a gap in the selection",
        RunStatus.INCOMPLETE,
        3,
        [*words(Outcome.NOT_EVIDENCED)],
        {"selection": ("A", "B")},
    ),
    (
        "a gap outside the selection",
        RunStatus.PARTIAL,
        0,
        [*words(Outcome.NOT_EVIDENCED)],
        {"selection": ("B",)},
    ),
    (
        "the selection has only a gap",
        RunStatus.INCONCLUSIVE,
        4,
        [*words(Outcome.NOT_EVIDENCED)],
        {"selection": ("A",)},
    ),
    ("a failure in a selection", RunStatus.NONCONFORMANT, 1, [*words(Outcome.FAIL)], {"selection": ("A",)}),
    (
        "a failure beside the selection",
        RunStatus.NONCONFORMANT,
        1,
        [*words(Outcome.FAIL)],
        {"selection": ("B",)},
    ),
    (
        "excused in a selection",
        RunStatus.PARTIAL,
        0,
        [*words(Outcome.FAIL)],
        {"known": ("A",), "selection": ("A", "B")},
    ),
    (
        "excused beside a gap",
        RunStatus.INCOMPLETE,
        3,
        [*words(Outcome.FAIL, Outcome.NOT_EVIDENCED)],
        {"known": ("A",)},
    ),
    (
        "excused beside a failure",
        RunStatus.NONCONFORMANT,
        1,
        [*words(Outcome.FAIL, Outcome.FAIL)],
        {"known": ("A",)},
    ),
    ("a known failure passes", RunStatus.NONCONFORMANT, 1, [*PASS], {"known": ("A",)}),
    ("a known failure of nothing", RunStatus.NONCONFORMANT, 1, [*PASS], {"known": ("Z",)}),
    ("judged by another catalogue", RunStatus.INCONCLUSIVE, 4, [*PASS, judgement("Z", Outcome.FAIL)], {}),
]


@pytest.mark.parametrize(("status", "code", "records", "how"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_the_first_row_that_applies_decides(
    status: RunStatus, code: int, records: list[Record], how: dict[str, object]
) -> None:
    known = how.get("known", ())
    assert isinstance(known, tuple)
    started = run(
        scope="partner",
        selection=how.get("selection", ()),
        known_failures=tuple(entry(name) for name in known),
    )

    verdict = judge(reading([started, *records], sealed=how.get("sealed", True) is True), catalogue(A, B))

    assert (verdict.status, verdict.exit_code) == (status, code)


@pytest.mark.parametrize(("status", "code"), [(RunStatus.USAGE_ERROR, 2), (RunStatus.INTERRUPTED, 130)])
def test_what_never_reaches_a_journal_has_its_exit_code_too(status: RunStatus, code: int) -> None:
    assert status.exit_code == code


@pytest.mark.parametrize(
    ("what", "outcome", "scope", "expected"),
    [
        (requirement("OUTSIDE", scope=Scope.OPERATOR), Outcome.FAIL, "partner", RunStatus.NONCONFORMANT),
        (
            requirement("OUTSIDE", scope=Scope.OPERATOR),
            Outcome.NOT_EVIDENCED,
            "partner",
            RunStatus.CONFORMANT,
        ),
        (
            requirement("OUTSIDE", scope=Scope.OPERATOR),
            Outcome.NOT_EVIDENCED,
            "operator",
            RunStatus.INCOMPLETE,
        ),
        (requirement("SHOULD", level=Level.SHOULD), Outcome.FAIL, "partner", RunStatus.CONFORMANT),
        (requirement("SHOULD", level=Level.SHOULD), Outcome.NOT_EVIDENCED, "partner", RunStatus.CONFORMANT),
        (requirement("NEW", provisional=True), Outcome.FAIL, "partner", RunStatus.CONFORMANT),
        (requirement("NEW", provisional=True), Outcome.NOT_EVIDENCED, "partner", RunStatus.CONFORMANT),
        (requirement("NEW", provisional=True), Outcome.ERROR, "partner", RunStatus.CONFORMANT),
        (requirement("GUESS", basis=Basis.INFERRED), Outcome.FAIL, "partner", RunStatus.CONFORMANT),
    ],
)
def test_what_counts_depends_on_level_basis_scope_and_promotion(
    what: Requirement, outcome: Outcome, scope: str, expected: RunStatus
) -> None:
    records = [run(scope=scope), judgement("A", Outcome.PASS), judgement(what.id, outcome)]

    verdict = judge(reading(records), catalogue(A, what))

    assert verdict.status is expected


def test_what_lies_outside_the_scope_unjudged_is_listed_with_who_could_provide_it() -> None:
    verdict = judge(reading([run(scope="partner"), *PASS]), catalogue(A, B, OUTSIDE))

    outside = verdict.requirements[-1]
    assert (verdict.status, outside.missing, outside.provider) == (
        RunStatus.CONFORMANT,
        "no handler given",
        "partner",
    )


def test_naming_a_requirement_outside_the_scope_makes_it_wanted() -> None:
    records: list[Record] = [
        run(scope="partner", selection=("A", "OUTSIDE")),
        judgement("A", Outcome.PASS),
        judgement("OUTSIDE", Outcome.NOT_EVIDENCED, missing="no handler given"),
    ]

    assert judge(reading(records), catalogue(A, OUTSIDE)).status is RunStatus.INCOMPLETE


def test_a_smoke_run_wants_the_requirements_of_the_steps_only() -> None:
    in_step = requirement("STEP", step=3)
    records = [run(tier="smoke"), judgement("STEP", Outcome.PASS)]

    assert judge(reading(records), catalogue(A, in_step)).status is RunStatus.PARTIAL


def test_a_selected_step_wants_its_requirements_only() -> None:
    in_step, other = requirement("STEP", step=3), requirement("OTHER", step=4)
    records = [
        run(selection=("step 3",)),
        judgement("STEP", Outcome.NOT_EVIDENCED),
        judgement("OTHER", Outcome.PASS),
    ]

    verdict = judge(reading(records), catalogue(in_step, other))

    assert [v.selected for v in verdict.requirements] == [True, False]


@pytest.mark.parametrize(
    ("started", "expires", "expected"),
    [
        ("2026-10-01T23:59:59+00:00", "2026-10-01", RunStatus.CONFORMANT_WITH_EXCEPTIONS),
        ("2026-10-02T00:00:00+00:00", "2026-10-01", RunStatus.NONCONFORMANT),
        ("2026-10-01T08:00:00Z", "2026-10-31", RunStatus.CONFORMANT_WITH_EXCEPTIONS),
        ("2026-10-01T08:00:00Z", "soon", RunStatus.NONCONFORMANT),
        ("2026-10-01T08:00:00Z", "", RunStatus.NONCONFORMANT),
    ],
)
def test_an_excuse_holds_through_its_last_day_by_the_run_s_own_date(
    started: str, expires: str, expected: RunStatus
) -> None:
    started_run = run(started=started, known_failures=(entry("A", expires),))

    verdict = judge(reading([started_run, *words(Outcome.FAIL)]), catalogue(A, B))

    assert verdict.status is expected


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.FAIL, Outcome.NOT_EVIDENCED])
def test_an_expired_entry_fails_the_run_whatever_became_of_it(outcome: Outcome) -> None:
    started = run(known_failures=(entry("A", "2026-09-30"),))

    verdict = judge(reading([started, *words(outcome)]), catalogue(A, B))

    assert verdict.status is RunStatus.NONCONFORMANT
    assert any("the known failure of A (owner payments) expired (2026-09-30)" in r.text for r in verdict.reasons)


def test_an_entry_for_what_was_not_tried_is_not_stale() -> None:
    started = run(known_failures=(entry("A"),), selection=("B",))

    assert judge(reading([started, *PASS[1:]]), catalogue(A, B)).status is RunStatus.PARTIAL


@pytest.mark.parametrize(
    ("records", "sealed", "problems", "expected"),
    [
        ([*PASS], False, (), "the run did not end: its journal has no seal"),
        ([*words(Outcome.FAIL)], False, (), "the run did not end: its journal has no seal"),
        (
            [*PASS],
            True,
            ("gw0.jsonl line 7 breaks the hash chain",),
            "the journal is damaged: gw0.jsonl line 7",
        ),
        ([PREFLIGHT], True, (), "the target could not be reached"),
        ([*words(Outcome.FAIL)], True, (), "1 must requirement failed: A"),
        ([*words(Outcome.NOT_EVIDENCED)], True, (), "1 must requirement in scope not evidenced: A"),
    ],
)
def test_the_reasons_say_what_happened(
    records: Sequence[Record], sealed: bool, problems: tuple[str, ...], expected: str
) -> None:
    verdict = judge(reading([run(), *records], sealed, problems), catalogue(A, B))

    assert any(reason.text.startswith(expected) for reason in verdict.reasons)


def test_a_journal_without_a_run_record_says_nothing() -> None:
    with pytest.raises(ValueError, match="no run record"):
        judge(reading(PASS), catalogue(A, B))
