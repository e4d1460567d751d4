"""A malformed entry of the catalogue is refused with its file, its id and its fault."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance.requirements import Basis, Level, Requirement, Scope, Side, catalogue

RIGHT: dict[str, Any] = {"id": "POOLS-ONE", "statement": "It holds.", "source": "facts 1"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in the place of the one the catalogue is loaded from."""
    monkeypatch.setattr(resources, "files", lambda package: tmp_path)
    catalogue.load.cache_clear()
    yield tmp_path
    catalogue.load.cache_clear()


def loaded(folder: Path, *entries: Any) -> dict[str, Requirement]:
    """The catalogue made of these entries."""
    for product in catalogue.PRODUCTS:
        (folder / f"{product}.yaml").write_text("[]")
    (folder / "pools.yaml").write_text(yaml.safe_dump(list(entries)))
    return catalogue.load().requirements


def test_an_entry_needs_id_statement_and_source_and_the_rest_has_defaults(folder: Path) -> None:
    assert loaded(folder, RIGHT) == {
        "POOLS-ONE": Requirement(
            id="POOLS-ONE",
            statement="It holds.",
            level=Level.MUST,
            basis=Basis.DOCUMENTED,
            side=Side.ENVIRONMENT,
            scope=Scope.PARTNER,
            source="facts 1",
        )
    }


def test_every_field_is_read(folder: Path) -> None:
    whole = {
        **RIGHT,
        "level": "should",
        "basis": "entailed",
        "derivation": "It follows.",
        "side": "partner",
        "scope": "operator",
        "step": 3,
        "operations": ["GET /pools"],
        "needs": ["approval"],
        "provisional": True,
    }

    assert loaded(folder, whole)["POOLS-ONE"] == Requirement(
        "POOLS-ONE",
        "It holds.",
        Level.SHOULD,
        Basis.ENTAILED,
        Side.PARTNER,
        Scope.OPERATOR,
        "facts 1",
        "It follows.",
        3,
        "pools",
        ("GET /pools",),
        ("approval",),
        True,
    )


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in RIGHT.items() if key != name}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (without("id"), "pools.yaml: an entry without id: 'id'"),
        (without("statement"), "pools.yaml: POOLS-ONE: 'statement'"),
        (without("source"), "pools.yaml: POOLS-ONE: 'source'"),
        ({**RIGHT, "level": "shall"}, "pools.yaml: POOLS-ONE: 'shall' is not a valid Level"),
        ({**RIGHT, "basis": "hearsay"}, "pools.yaml: POOLS-ONE: 'hearsay' is not a valid Basis"),
        ({**RIGHT, "side": "both"}, "pools.yaml: POOLS-ONE: 'both' is not a valid Side"),
        ({**RIGHT, "scope": "all"}, "pools.yaml: POOLS-ONE: 'all' is not a valid Scope"),
        ({**RIGHT, "colour": "red"}, "pools.yaml: POOLS-ONE: unknown field 'colour'"),
        ({**RIGHT, "basis": "entailed"}, "pools.yaml: POOLS-ONE: entailed without a derivation"),
        ({**RIGHT, "needs": ["approval"]}, "pools.yaml: POOLS-ONE: needs more than one secret key"),
        ("POOLS-ONE", "pools.yaml: found str; expected an entry with id, statement and source"),
        ({**RIGHT, "step": 9}, "pools.yaml: POOLS-ONE: step 9 does not exist"),
        ({**RIGHT, "needs": "approval", "scope": "operator"}, "pools.yaml: POOLS-ONE: needs must be a list"),
        ({**RIGHT, "operations": "GET /pools"}, "pools.yaml: POOLS-ONE: operations must be a list"),
    ],
)
def test_a_malformed_entry_is_refused(folder: Path, entry: Any, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        loaded(folder, entry)

    assert str(caught.value).startswith(said)


def test_an_id_written_twice_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"pools\.yaml: POOLS-ONE is written twice"):
        loaded(folder, RIGHT, RIGHT)


def test_only_documented_and_entailed_statements_may_fail(folder: Path) -> None:
    entries = [
        {**RIGHT, "id": "POOLS-A"},
        {**RIGHT, "id": "POOLS-B", "basis": "entailed", "derivation": "It follows."},
        {**RIGHT, "id": "POOLS-C", "basis": "inferred"},
    ]

    assert [r.may_fail for r in loaded(folder, *entries).values()] == [True, True, False]
