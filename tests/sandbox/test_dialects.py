"""Every dialect changes the one thing it names, can be taken back, and names its passage in the facts."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator

import pytest

from conformance.sandbox import variations
from conformance.sandbox.variations import Dialect

from . import gate
from .dialect_rows import ROWS
from .looks import Row
from .process import Sandbox, running

DIALECTS = variations.dialects()


@pytest.fixture(scope="module")
def usual() -> Iterator[Sandbox]:
    with running("--control") as started:
        yield started


def names_of_the_sandbox() -> dict[tuple[str, str], object]:
    """Everything that stands under a name in a module of the sandbox or of its server."""
    return {
        (module_name, name): value
        for module_name, module in list(sys.modules.items())
        if module_name.startswith(("conformance.sandbox", "uvicorn"))
        for name, value in vars(module).items()
    }


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_a_dialect_replaces_something_and_puts_it_back(dialect: Dialect) -> None:
    before = names_of_the_sandbox()

    patch = variations.apply([], [dialect.name])
    during = names_of_the_sandbox()
    patch.undo()
    after = names_of_the_sandbox()

    assert any(during[place] is not value for place, value in before.items())
    assert all(after[place] is value for place, value in before.items())


def rows_of_gate() -> list[Row]:
    """What the modules about the dialects of 0Gate look at, each beside its own tests."""
    found = (module.name for module in pkgutil.iter_modules(gate.__path__) if module.name.startswith("test_dialects_"))
    return [row for name in found for row in importlib.import_module(f"{gate.__name__}.{name}").ROWS]


def test_every_dialect_is_looked_at() -> None:
    rows = [*ROWS, *rows_of_gate()]
    assert sorted(row.dialect for row in rows) == [dialect.name for dialect in DIALECTS]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.dialect)
def test_the_usual_sandbox_does_not_behave_so(usual: Sandbox, row: Row) -> None:
    assert row.look(usual) == row.usual


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.dialect)
def test_a_dialect_behaves_as_it_says(row: Row) -> None:
    with running("--control", "--dialect", row.dialect) as varied:
        assert row.look(varied) == row.varied


def test_dialects_can_be_spoken_together_and_taken_back_together() -> None:
    before = names_of_the_sandbox()

    variations.apply([], [dialect.name for dialect in DIALECTS]).undo()
    after = names_of_the_sandbox()

    assert all(after[place] is value for place, value in before.items())


def test_only_worlds_that_move_trades_by_themselves_ask_for_another_profile() -> None:
    asking = {dialect.name: dict(dialect.needs) for dialect in DIALECTS if dialect.needs}

    not_only_by_poll = {"settles_only_by_poll": False}
    assert asking == dict.fromkeys(("returns-by-itself", "worker-alone-settles", "worker-settles"), not_only_by_poll)
