"""Mutants of a rule are made as texts: one change each, none that says nothing. No mutant is run here."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.mutations import RULES, SANDBOX, Mutant, difference, drawn, same_program, sites_in

ROOT = Path(__file__).parents[2]

RULE = '''
"""A module."""

LIMIT: int = 15


def covers(balance: int, due: int, state: str) -> bool:
    """Whether it does."""
    if state != "active":
        raise ValueError("the state is wrong")
    return balance >= due
'''


def mutants(text: str, seed: int = 1) -> list[Mutant]:
    return list(drawn(list(sites_in("rule.py", text)), seed))


@pytest.mark.parametrize(
    ("function", "was", "becomes"),
    [
        ("", "LIMIT: int = 15", "LIMIT: int = 16"),
        ("covers", 'if state != "active":', 'if state == "active":'),
        ("covers", 'if state != "active":', 'if state != "XXactiveXX":'),
        ("covers", "return balance >= due", "return balance > due"),
    ],
)
def test_numbers_words_and_comparisons_are_changed(function: str, was: str, becomes: str) -> None:
    assert ("rule.py", function, was, becomes) in {mutant.identity for mutant in mutants(RULE)}


SQL = """
def page(tx, owner, before):
    return tx.execute("SELECT * FROM trades WHERE owner = ? AND seq < ? ORDER BY seq DESC", (owner, before))


def close(tx, now, quote_id):
    return tx.execute("UPDATE quotes SET closed_at = ? WHERE quote_id = ? AND closed_at IS NULL", (now, quote_id))
"""


def test_conditions_and_order_of_sql_are_changed_and_nothing_that_it_writes() -> None:
    texts = {line.split('"')[1] for line in (mutant.becomes for mutant in mutants(SQL)) if line.count('"') == 2}
    whole = {line.split('"')[1] for line in SQL.splitlines() if '"' in line}

    assert texts - whole == {
        "SELECT * FROM trades WHERE owner <> ? AND seq < ? ORDER BY seq DESC",
        "SELECT * FROM trades WHERE owner = ? OR seq < ? ORDER BY seq DESC",
        "SELECT * FROM trades WHERE owner = ? AND seq <= ? ORDER BY seq DESC",
        "SELECT * FROM trades WHERE owner = ? AND seq < ? ORDER BY seq ASC",
        "UPDATE quotes SET closed_at = ? WHERE quote_id <> ? AND closed_at IS NULL",
        "UPDATE quotes SET closed_at = ? WHERE quote_id = ? OR closed_at IS NULL",
        "UPDATE quotes SET closed_at = ? WHERE quote_id = ? AND closed_at IS NOT NULL",
    }


def test_a_mutant_names_the_line_it_changes() -> None:
    lines = {mutant.was: mutant.line for mutant in mutants(RULE)}

    assert lines["return balance >= due"] == RULE.splitlines().index("    return balance >= due") + 1


def test_prose_and_capital_letters_say_nothing() -> None:
    changed = [mutant.becomes for mutant in mutants(RULE)]

    assert not [line for line in changed if "XXthe state" in line or "ACTIVE" in line or "A MODULE" in line]


def test_each_mutant_is_another_program_than_the_rule_and_than_every_other() -> None:
    made = mutants(RULE)

    assert len({mutant.source for mutant in made}) == len(made)
    assert not [mutant for mutant in made if same_program(mutant.source, RULE)]


def test_the_seed_decides_the_order_and_nothing_else() -> None:
    assert mutants(RULE, 1) == mutants(RULE, 1)
    assert mutants(RULE, 1) != mutants(RULE, 2)
    assert {m.identity for m in mutants(RULE, 1)} == {m.identity for m in mutants(RULE, 2)}


def test_layout_alone_is_no_change() -> None:
    assert same_program("a = [1,\n 2]", "a = [1, 2]")
    assert not same_program("a = 1", "a = 2")


def test_a_difference_over_several_lines_is_told_in_one() -> None:
    before = "def f():\n    return (\n        1,\n    )\n"

    assert difference(before, before.replace("1,", "2,\n        3,")) == (3, "1,", "2, 3,")


def test_every_rule_module_exists() -> None:
    assert not [rule for rule in RULES if not (ROOT / SANDBOX / rule).is_file()]
