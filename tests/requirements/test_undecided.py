"""Nothing the sources say falls between: each place is stated by a requirement, or listed with why none states it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance.requirements import Reason, Undecided, load, undecided
from conformance.requirements.undecidable import MEANING
from tests.requirements.gate_places import cited as cited_gate
from tests.requirements.places import ALSO_CALLED, DECIDED_BY, PAGES, PLACES, REPEATED, cited

ALL = undecided()
ENTRIES = [
    entry for entry in ALL if "gate facts" not in entry.source and not entry.source.startswith(("seed 002", "seed 003"))
]
REQUIRED = {place for requirement in load() for place in cited(requirement.source)}
LISTED = {place for entry in ENTRIES for place in cited(entry.source)}

WHOLE_PAGES = {f"seed {page}" for page in PAGES}
ELSEWHERE = ("seed 002 ", "seed 003 ")
"""The pages of the sister product, from which rules for partners come too."""


@pytest.mark.parametrize("place", sorted(PLACES - REPEATED))
def test_every_place_is_stated_by_a_requirement_or_listed_with_a_reason(place: str) -> None:
    assert place in REQUIRED | LISTED | DECIDED_BY.keys()


def test_no_source_names_a_place_that_does_not_exist() -> None:
    assert sorted(LISTED - PLACES) == []
    assert {place for place in REQUIRED - PLACES - WHOLE_PAGES if not f"{place} ".startswith(ELSEWHERE)} == set()


def test_the_places_told_apart_here_are_not_cited_by_now() -> None:
    assert DECIDED_BY.keys() & (REQUIRED | LISTED) == set()
    assert set(DECIDED_BY.values()) <= set(load().requirements)
    assert set(ALSO_CALLED.values()) <= PLACES


@pytest.mark.parametrize("entry", ALL, ids=lambda entry: entry.statement[:50])
def test_an_entry_says_what_and_why_in_whole_sentences(entry: Undecided) -> None:
    assert entry.statement.endswith(".")
    assert entry.because.endswith(".")
    assert list(cited(entry.source)) or list(cited_gate(entry.source))


def test_no_statement_is_both_a_requirement_and_undecided() -> None:
    assert {entry.statement for entry in ALL} & {requirement.statement for requirement in load()} == set()


def test_every_reason_is_explained_and_used() -> None:
    assert set(MEANING) == set(Reason)
    assert {entry.reason for entry in ENTRIES} == set(Reason)


@pytest.mark.parametrize(
    ("source", "places"),
    [
        ("facts 4.2, 8 gate 10, C3", ["facts 4.2", "facts 8 gate 10", "facts C3"]),
        ("facts 4.3 (TTL), 0.8", ["facts 4.3", "facts 0.8"]),
        ("facts 4.3 side effects", ["facts 4.3"]),
        ("facts 14 (Success codes)", ["facts 14 (success codes)"]),
        ("seed 001 (quote outcomes, error model)", ["seed 001 (quote outcomes)", "seed 001 (error and retry model)"]),
        ("seed 000; facts 8", ["seed 000", "facts 8"]),
    ],
)
def test_how_a_source_is_read(source: str, places: list[str]) -> None:
    assert list(cited(source)) == places


RIGHT = {"statement": "It may be so.", "source": "facts 1", "reason": "words", "because": "A sample."}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in the place of the one the list is loaded from."""
    monkeypatch.setattr(resources, "files", lambda package: tmp_path)
    undecided.cache_clear()
    yield tmp_path
    undecided.cache_clear()


def loaded(folder: Path, *entries: Any) -> tuple[Undecided, ...]:
    (folder / "undecided.yaml").write_text(yaml.safe_dump(list(entries)))
    (folder / "undecided-gate.yaml").write_text("[]")
    return undecided()


def test_an_entry_is_read_as_written(folder: Path) -> None:
    assert loaded(folder, RIGHT) == (Undecided("It may be so.", "facts 1", Reason.WORDS, "A sample."),)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({k: v for k, v in RIGHT.items() if k != "because"}, "undecided.yaml: It may be so.: 'because'"),
        ({k: v for k, v in RIGHT.items() if k != "statement"}, "undecided.yaml: an entry without statement"),
        ({**RIGHT, "reason": "hearsay"}, "undecided.yaml: It may be so.: 'hearsay' is not a valid Reason"),
        ({**RIGHT, "level": "must"}, "undecided.yaml: It may be so.: unknown field 'level'"),
        ("It may be so.", "undecided.yaml: found str; expected an entry"),
    ],
)
def test_a_malformed_entry_is_refused(folder: Path, entry: Any, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        loaded(folder, entry)

    assert str(caught.value).startswith(said)


def test_a_statement_written_twice_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="written twice"):
        loaded(folder, RIGHT, {**RIGHT, "because": "Another."})
