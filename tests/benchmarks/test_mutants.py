"""What is made of a judged mutant: its standing, the explanations, the score. No sandbox is started here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import mutants
from benchmarks.mutants import Explained, Result, Run, Standing, explained, outdated, score, standing, summary
from benchmarks.mutations import Mutant

MUTANT = Mutant("rules.py", 3, "covers", "return balance >= due", "return balance > due", "mutated")

ENTRY = """
[[legal]]
file = "rules.py"
function = "covers"
was = "return balance >= due"
becomes = "return balance > due"
reason = "the sources leave it open"
"""


def result(found: Standing, legal: str = "") -> Result:
    return Result(MUTANT, found, "certify", "a verdict", ("POOLS-X",) * (found is Standing.CAUGHT), 1.0, legal)


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (Run(1, "NONCONFORMANT", ("POOLS-X",), ""), Standing.CAUGHT),
        (Run(0, "CONFORMANT", (), ""), Standing.SURVIVED),
        (Run(0, "PARTIAL", (), ""), None),
        (Run(2, "none", (), "the embedded sandbox was not ready within 10 s"), Standing.DEAD),
        (Run(2, "none", (), "embedded refuses the key"), Standing.INCONCLUSIVE),
        (Run(3, "INCOMPLETE", (), ""), Standing.INCONCLUSIVE),
        (Run(4, "INCONCLUSIVE", (), ""), Standing.INCONCLUSIVE),
        (Run(5, "CONFORMANT WITH EXCEPTIONS", (), ""), Standing.INCONCLUSIVE),
        (Run(1, "none", (), "a traceback"), Standing.INCONCLUSIVE),
        (Run(None, "hung", (), ""), Standing.INCONCLUSIVE),
    ],
)
def test_only_the_verdict_of_a_finished_run_decides(run: Run, expected: Standing | None) -> None:
    assert standing(run) is expected


@pytest.mark.parametrize(
    ("smoke", "tiers", "expected"),
    [
        (Run(1, "NONCONFORMANT", ("POOLS-X",), ""), ["smoke"], Standing.CAUGHT),
        (Run(0, "PARTIAL", (), ""), ["smoke", "certify"], Standing.SURVIVED),
        (Run(4, "INCONCLUSIVE", (), ""), ["smoke", "certify"], Standing.SURVIVED),
    ],
)
def test_the_mutant_is_in_place_while_it_is_judged_and_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, smoke: Run, tiers: list[str], expected: Standing
) -> None:
    (tmp_path / "rules.py").write_text("healthy")
    seen = []

    def judged(folder: Path, tier: str, seed: int) -> Run:
        seen.append((tier, (folder / "rules.py").read_text()))
        return smoke if tier == "smoke" else Run(0, "CONFORMANT", (), "")

    monkeypatch.setattr(mutants, "judged", judged)

    found = mutants.tried(tmp_path, MUTANT, 1, "")

    assert found.standing is expected
    assert seen == [(tier, "mutated") for tier in tiers]
    assert (tmp_path / "rules.py").read_text() == "healthy"


def test_versions_of_equal_length_have_times_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "rules.py"
    path.write_text("HEALTHY")

    times = set()
    for _ in range(3):
        with mutants.in_place(tmp_path, MUTANT):
            times.add(int(path.stat().st_mtime))
        times.add(int(path.stat().st_mtime))

    assert len(times) == 6


def test_an_explanation_is_found_by_content_wherever_the_line_stands() -> None:
    moved = Mutant("rules.py", 99, "covers", MUTANT.was, MUTANT.becomes, "mutated")

    assert explained(ENTRY)[moved.identity].reason == "the sources leave it open"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (ENTRY.replace("the sources leave it open", " "), "gives no reason"),
        (ENTRY.replace('function = "covers"\n', ""), "must have exactly"),
        (ENTRY + "line = 3\n", "must have exactly"),
        (ENTRY + ENTRY, "explained twice"),
    ],
)
def test_an_entry_that_explains_nothing_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        explained(text)


@pytest.mark.parametrize(("now", "stale"), [("    return balance >= due\n", 0), ("    return balance == due\n", 1)])
def test_an_explanation_of_a_line_that_is_gone_is_outdated(tmp_path: Path, now: str, stale: int) -> None:
    (tmp_path / "rules.py").write_text(f"def covers(balance, due):\n{now}")

    assert len(outdated(list(explained(ENTRY).values()), tmp_path)) == stale


def test_the_explanations_in_use_explain_lines_that_stand() -> None:
    known: list[Explained] = list(explained(mutants.KNOWN.read_text(encoding="utf-8")).values())

    assert not outdated(known, mutants.ROOT)


def test_the_score_leaves_out_the_dead_and_the_explained_and_forgives_nothing_else() -> None:
    results = [
        *(result(Standing.CAUGHT), result(Standing.CAUGHT), result(Standing.SURVIVED)),
        *(result(Standing.INCONCLUSIVE), result(Standing.DEAD), result(Standing.SURVIVED, "legal")),
    ]

    assert score(results) == (2, 4)


def test_survivors_are_listed_with_place_and_change() -> None:
    told = summary([result(Standing.SURVIVED)])

    assert "rules.py:3" in told
    assert "- return balance >= due\n    + return balance > due" in told


def test_an_explanation_that_the_judge_refutes_is_called_wrong() -> None:
    assert "WRONG" in summary([result(Standing.CAUGHT, "it is legal")])
    assert "WRONG" not in summary([result(Standing.SURVIVED, "it is legal")])


def test_the_written_result_holds_what_a_later_run_tries_again(tmp_path: Path) -> None:
    written = tmp_path / "mutants.json"
    written.write_text(mutants.as_json([result(Standing.SURVIVED)], 1))

    assert json.loads(written.read_text())["mutants"][0]["standing"] == "survived"
    assert mutants.not_caught(written) == {MUTANT.identity}
