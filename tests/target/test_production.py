"""What makes a target production, what is refused there, and where a live key may go."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.target import ProfileError, Target, load, refusal
from target.profiles import ENVIRON, RIGHT, spoiled, written

LIVE = {"POOLS_KEY": "sk_live_1234567890"}
WRONG_MODE = '[accounts.wrong_mode]\nsecret_key = "WRONG_KEY"\n'

FIRST_ORDER = "the one first order is placed with --controlled-order"

LOOPBACK = spoiled("https://pools.example.com", "http://127.0.0.1:1")
PUBLISHED = spoiled("pools.example.com", "pools-api.0bit.app")


def loaded(folder: Path, text: str, **environ: str) -> Target:
    return load(written(folder, text), {**ENVIRON, **environ})


@pytest.mark.parametrize(
    ("text", "environ", "production"),
    [
        (RIGHT, {}, False),
        (LOOPBACK, {}, False),
        (spoiled('"sandbox"', '"production"'), {}, True),
        (PUBLISHED, {}, True),
        (spoiled("pools.example.com", "gate-api.0bit.app"), {}, True),
        (PUBLISHED.replace("pools-api.0bit.app", "Pools-API.0bit.APP:443"), {}, True),
        (PUBLISHED.replace("pools-api.0bit.app", "pools-api.0bit.app."), {}, True),
        (LOOPBACK, LIVE, True),
        (LOOPBACK, {"PUBLIC_KEY": "pk_live_1234567890"}, True),
        (LOOPBACK + WRONG_MODE, {"WRONG_KEY": "sk_live_1234567890"}, True),
        (LOOPBACK + WRONG_MODE + "disposable = true\n", {"WRONG_KEY": "sk_live_1234567890"}, False),
    ],
    ids=[
        "test key, some host",
        "test key, loopback",
        "the word",
        "published host",
        "published host of 0Gate",
        "published host in other letters",
        "published host with the root's dot",
        "live secret key",
        "live publishable key",
        "live key of another account",
        "disposable live key",
    ],
)
def test_production_is_a_host_or_a_word_or_a_key(
    text: str, environ: dict[str, str], production: bool, tmp_path: Path
) -> None:
    assert loaded(tmp_path, text, **environ).is_production is production


@pytest.mark.parametrize(
    ("method", "generated", "why"),
    [
        ("GET", False, None),
        ("HEAD", False, None),
        ("get", False, None),
        ("GET", True, "generated traffic is never sent there"),
        ("POST", False, f"only reads are sent there, not POST; {FIRST_ORDER}"),
        ("post", False, f"only reads are sent there, not POST; {FIRST_ORDER}"),
        ("DELETE", False, f"only reads are sent there, not DELETE; {FIRST_ORDER}"),
        ("POST", True, "generated traffic is never sent there"),
    ],
)
def test_production_is_read_by_hand_only(method: str, generated: bool, why: str | None, tmp_path: Path) -> None:
    target = loaded(tmp_path, PUBLISHED)

    reason = refusal(target, method, is_generated=generated)

    assert reason == (None if why is None else f"mine is production: {why}")


@pytest.mark.parametrize("generated", [False, True])
def test_elsewhere_nothing_is_refused(generated: bool, tmp_path: Path) -> None:
    assert refusal(loaded(tmp_path, RIGHT), "POST", is_generated=generated) is None


@pytest.mark.parametrize("variable", ["POOLS_KEY", "PUBLIC_KEY"])
def test_a_live_key_never_goes_to_a_host_that_is_not_production(variable: str, tmp_path: Path) -> None:
    key = f"{'sk' if variable == 'POOLS_KEY' else 'pk'}_live_1234567890"

    with pytest.raises(ProfileError, match=f"{variable} holds a live key"):
        loaded(tmp_path, spoiled('"sandbox"', '"production"'), **{variable: key})


def test_a_live_key_goes_to_a_published_production_host(tmp_path: Path) -> None:
    assert loaded(tmp_path, PUBLISHED, **LIVE).accounts["approved"].holds_live_key


def test_a_wrong_mode_key_is_sent_only_if_it_is_declared_disposable(tmp_path: Path) -> None:
    key = {"WRONG_KEY": "sk_live_1234567890"}

    with pytest.raises(ProfileError, match="disposable = true"):
        loaded(tmp_path, RIGHT + WRONG_MODE, **key)
    assert "wrong_mode" in loaded(tmp_path, RIGHT + WRONG_MODE + "disposable = true\n", **key).accounts


@pytest.mark.parametrize("further", [{}, {"OBIT_SECRET_KEY": "sk_live_0987654321"}], ids=["0Pools", "both products"])
def test_the_built_in_production_profile_takes_live_keys(further: dict[str, str]) -> None:
    target = load("production", {"OBIT_POOLS_SECRET_KEY": "sk_live_1234567890", **further})

    assert (target.is_production, target.accounts["approved"].holds_live_key) == (True, True)
    assert ("gate" in target.base_urls) is bool(further)
