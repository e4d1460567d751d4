"""The command run again: it finds the order of before and reads it, whatever ended the run that placed it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.command import await_that, ended, interrupt, started
from tests.commands.liars import Answering
from tests.sandbox.process import FAILS

from .live import OURS, live, points, statuses


def test_a_second_run_reads_the_order_and_places_none(tmp_path: Path) -> None:
    with live(tmp_path) as world:
        world.order()
        before = len(world.written)
        again = world.order(output="runs/two")
        trades = world.trades
    found = points(tmp_path / "runs" / "two")
    assert (trades, world.written[before:]) == (["settled"], [])
    assert [number for number, state in found.items() if state == "confirmed"] == [1, 2, 3, 6, 7, 8]
    assert (again.code, "the run that placed the order: one has the evidence; this one only reads" in again.out) == (
        3,
        True,
    )


@pytest.mark.parametrize("executed", [True, False], ids=["after it arrived", "before it arrived"])
def test_a_run_killed_over_its_order_is_taken_up_by_reading(executed: bool, tmp_path: Path) -> None:
    def hang(answering: Answering) -> None:
        if executed:
            answering.truth()
        answering.over.wait(60)

    with live(tmp_path, transact=hang) as world:
        world.profile()
        process = started(["-m", "conformance", *map(str, world.words())], tmp_path, OURS)
        await_that(lambda: len(world.sent("transact")) == 1 and (not executed or len(world.trades) == 1))
        process.kill()
        ended(process)
        before = len(world.written)
        again = world.order(output="runs/two")
        trades, written = world.trades, world.written[before:]
    record = world.record("runs/two")
    assert world.record()["status"] == ""
    assert (trades, written) == ((["settled"], []) if executed else ([], ["reject"])), again.said
    assert (record["number"], record["status"]) == (1, "settled" if executed else "none")
    assert again.code == 3


def test_an_interrupted_run_says_that_the_next_one_reads(tmp_path: Path) -> None:
    def hang(answering: Answering) -> None:
        answering.truth()
        answering.over.wait(60)

    with live(tmp_path, transact=hang) as world:
        world.profile()
        process = started(["-m", "conformance", *map(str, world.words())], tmp_path, OURS)
        await_that(lambda: len(world.trades) == 1)
        interrupt(process)
        run = ended(process)
        again = world.order(output="runs/two")
        trades = world.trades
    assert (run.code, again.code, trades) == (130, 3, ["settled"])
    assert "run the command again: it reads what became of the order" in run.out


def test_after_an_order_that_never_was_or_came_back_another_may_be_placed(tmp_path: Path) -> None:
    with live(tmp_path) as world:
        world.profile(wallet=FAILS)
        first = world.order()
        world.order(output="runs/two")
        keys = {key for key, _ in world.sent("transact")}
        trades = world.trades
    assert (first.code, trades, len(keys)) == (4, ["failed", "failed"], 2)
    assert world.record("runs/two")["number"] == 2


def test_with_the_record_lost_the_target_knows_the_key_again_and_nothing_is_executed(tmp_path: Path) -> None:
    with live(tmp_path) as world:
        world.order()
        again = world.order(output="elsewhere/two")
        trades, keys = world.trades, {key for key, _ in world.sent("transact")}
    assert (trades, len(keys), again.code) == (["settled"], 1, 3), again.said
    assert "perhaps an earlier order, whose record is not here, has this key" in again.out
    assert statuses(tmp_path / "elsewhere" / "two")["POOLS-TRANSACT-RESERVES"] == "not-evidenced"


@pytest.mark.parametrize("text", ["", "{}", '{"identity": 1}', "[1]"])
def test_a_record_that_cannot_be_read_stops_the_run_before_a_quote(text: str, tmp_path: Path) -> None:
    (tmp_path / "runs" / "old").mkdir(parents=True)
    (tmp_path / "runs" / "old" / "controlled-order.json").write_text(text)
    with live(tmp_path) as world:
        run = world.order()
    assert (run.code, world.written) == (2, [])
    assert "no order was placed: " in run.err
    assert "cannot be read as an order record" in run.err
    assert not (tmp_path / "runs" / "one").exists()
