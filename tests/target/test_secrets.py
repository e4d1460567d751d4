"""No secret shows in an error, a representation or a traceback, wherever somebody put it."""

from __future__ import annotations

import copy
import dataclasses
import traceback
from pathlib import Path

import pytest

from conformance.target import ProfileError, Secret, load
from target.profiles import ENVIRON, RIGHT, spoiled, written

CANARY = "c4n4ryc4n4ryc4n4ry"

SHAPES = [f"sk_test_{CANARY}", f"pk_live_{CANARY}", f"whsec_{CANARY}", f"sk_{CANARY}", f"Bearer {CANARY}"]

# The mark stands for the secret.
PLACES = {
    "variable name": RIGHT.replace('"POOLS_KEY"', '"§"'),
    "name of the target": spoiled('"mine"', '"§"'),
    "environment": spoiled('"sandbox"', '"§"'),
    "base URL": spoiled('"https://pools.example.com/v1"', '"§"'),
    "URL's password": spoiled("https://", "https://me:§@"),
    "amount": spoiled('"5000.00"', '"§"'),
    "key": RIGHT + '"§" = 1\n',
    "table": RIGHT + '["§"]\n',
    "standing": RIGHT + '[accounts."§"]\n',
    "same table twice": RIGHT + '["§"]\n["§"]\n',
    "helper URL": RIGHT + '[outcomes.failed]\ncalls = [{ url = "/x/{§}" }]\n',
    "placeholder": RIGHT + '[outcomes.failed]\ncalls = [{ url = "/x", body = { a = "{§}" } }]\n',
    "helper account": RIGHT + '[outcomes.failed]\ncalls = [{ url = "/x", account = "§" }]\n',
    "approval path": spoiled('"mine"', '"mine"\napproval = "§.json"'),
    "same key twice": RIGHT + '"§" = 1\n"§" = 2\n',
    "broken TOML": RIGHT + "§\n",
    "wrong type around it": RIGHT + 'order = ["§"]\n',
}


def everything_shown(error: BaseException) -> str:
    """The error as any reporter might show it, local variables of the harness's own frames included."""
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in report.stack if frame.filename != __file__]
    assert frames, "the harness's own frames must be looked at"
    shown = [str(error), repr(error), repr(error.__context__), repr(error.__cause__)]
    return "\n".join([*shown, *(repr(frame.locals) for frame in frames)])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("place", PLACES)
def test_a_secret_pasted_anywhere_is_refused_and_never_repeated(place: str, shape: str, tmp_path: Path) -> None:
    text = PLACES[place].replace("§", shape)

    with pytest.raises(ProfileError) as caught:
        load(written(tmp_path, text), ENVIRON)

    assert CANARY not in everything_shown(caught.value)


@pytest.mark.parametrize("place", [place for place in PLACES if place != "name of the target"])
def test_a_secret_without_a_known_shape_is_not_repeated_where_it_is_wrong(place: str, tmp_path: Path) -> None:
    with pytest.raises(ProfileError) as caught:
        load(written(tmp_path, PLACES[place].replace("§", CANARY + CANARY)), ENVIRON)

    assert CANARY not in everything_shown(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        CANARY,
        f"pk_test_{CANARY}",
        f"whsec_{CANARY}",
        f"sk_live_{CANARY}",
        f"sk_test_{CANARY}\n",
        f"sk_test_{CANARY} é",
    ],
)
def test_a_value_that_cannot_be_a_key_is_described_and_never_repeated(value: str, tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="POOLS_KEY") as caught:
        load(written(tmp_path), {**ENVIRON, "POOLS_KEY": value})

    assert CANARY not in everything_shown(caught.value)


def test_a_right_key_does_not_show_when_something_else_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ProfileError) as caught:
        load(written(tmp_path, RIGHT + "[nonsense]\n"), {**ENVIRON, "POOLS_KEY": f"sk_test_{CANARY}"})

    assert CANARY not in everything_shown(caught.value)


def test_a_secret_on_the_command_line_is_not_repeated() -> None:
    with pytest.raises(ProfileError) as caught:
        load(f"sk_test_{CANARY}", ENVIRON)

    assert CANARY not in str(caught.value)


def test_a_target_shows_none_of_its_secrets(tmp_path: Path) -> None:
    text = RIGHT + '[webhooks.pools]\nsecret = "W"\n[handler]\nurl = "https://h.example"\nsecret = "H"\n'
    environ = {
        "POOLS_KEY": f"sk_test_{CANARY}",
        "PUBLIC_KEY": f"pk_test_{CANARY}",
        "W": f"whsec_{CANARY}",
        "H": f"whsec_h{CANARY}",
    }

    target = load(written(tmp_path, text), environ)

    shown = f"{target!r} {target!s} {dataclasses.asdict(target)} {target.accounts['approved'].secret_key}"
    assert CANARY not in shown
    assert [secret.reveal() for secret in target.other_secrets()] == [environ["W"], environ["H"]]


def test_a_secret_compares_by_value() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), copy.deepcopy(Secret("a"))}) == 1


@pytest.mark.parametrize(
    ("value", "live"),
    [("sk_live_1", True), ("pk_live_1", True), ("sk_test_1", False), ("sk_test_live_", False)],
)
def test_a_live_key_is_known_by_its_published_shape(value: str, live: bool) -> None:
    assert Secret(value).is_live is live
