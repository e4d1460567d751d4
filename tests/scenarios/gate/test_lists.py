"""What is wrong with a walk over a list of 0Gate is told from its rows and pages alone."""

from __future__ import annotations

import pytest

from conformance.scenarios.gate.lists import Page, out_of_order, strangers, walk_problems


def pages(*rows: str, more: bool = False) -> list[Page]:
    """Pages by the letters of their rows; all but the last say that there is more."""
    made = [Page(tuple({"id": name} for name in page), True) for page in rows]
    return [*made[:-1], Page(made[-1].rows, more)]


@pytest.mark.parametrize(
    ("walked", "problems"),
    [
        (pages("ab", "c"), []),
        (pages("a", "b", "c"), []),
        (pages("xa", "by", "cz"), []),
        (pages("ab", "cd", more=True), []),
        (pages("ab", "bc"), ["1 row(s) shown more than once"]),
        (pages("ab"), ["1 of our 3 rows left out"]),
        (pages("abc"), ["a page of 3 rows under limit 2"]),
        (pages("ab", "", "c"), ["an empty page that says there is more"]),
        (pages("ab", "c", "", more=True), ["an empty page that says there is more"]),
    ],
    ids=["whole", "short pages", "strangers", "more", "twice", "lost", "too long", "empty between", "empty for ever"],
)
def test_a_walk_shows_each_wanted_row_once_within_the_limit(walked: list[Page], problems: list[str]) -> None:
    assert walk_problems(walked, ["a", "b", "c"], 2, whole=True) == problems


def test_a_walk_that_was_broken_off_leaves_nothing_out() -> None:
    assert walk_problems(pages("ab", more=True), ["a", "c"], 2, whole=False) == []


@pytest.mark.parametrize(
    ("shown", "older"),
    [("cba", []), ("cxbya", []), ("ca", []), ("abc", ["b", "a"]), ("cab", ["a"])],
)
def test_newest_first_is_a_matter_of_those_that_are_shown(shown: str, older: list[str]) -> None:
    assert out_of_order(list(shown), ["c", "b", "a"]) == older


def test_a_row_under_a_filter_has_that_status() -> None:
    rows = [{"id": "a", "status": "open"}, {"id": "b", "status": "cancelled"}, {"id": "c"}]

    assert strangers(rows, "open") == ["b is cancelled", "c is None"]
