"""The branding is put back as it was, and what cannot be put back is told."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from conformance.client import NetworkTrouble, Reply
from conformance.journal import Leftover, read
from conformance.scenarios.gate.desk import Desk
from conformance.scenarios.gate.looks import TOKENS, differences, put_back
from tests.scenarios.benches import bench, reply

BLUE: dict[str, object] = {**dict.fromkeys(TOKENS), "primary_color": "#0000ff", "brand_name": "Partner"}


class Account:
    """Keeps a look; may be unable to clear a token, or fall silent."""

    def __init__(self, *, clears: bool = True) -> None:
        self.look = dict(BLUE)
        self.clears = clears
        self.is_silent = False

    def branding(self) -> Reply:
        if self.is_silent:
            raise NetworkTrouble("gone", "main-1")
        return reply(200, self.look)

    def update_branding(self, request: Mapping[str, object]) -> Reply:
        if not self.clears and None in request.values():
            return reply(400, {})
        self.look |= request
        return reply(200, self.look)


def desk_of(tmp_path: Path, account: Account) -> Desk:
    return cast("Desk", SimpleNamespace(api=account, bench=bench(tmp_path)))


def left_over(tmp_path: Path) -> list[Leftover]:
    return list(read(tmp_path / "journal").of(Leftover))


def test_colours_are_equal_in_either_case() -> None:
    assert differences({"primary_color": "#0000FF", "brand_name": "x"}, {"primary_color": "#0000ff"}) == ["brand_name"]


def test_the_look_is_put_back_after_a_failure(tmp_path: Path) -> None:
    account = Account()

    with suppress(RuntimeError), put_back(desk_of(tmp_path, account)):
        account.look |= {"primary_color": "#111111", "logo_url": "https://x.example/l.svg"}
        raise RuntimeError

    assert account.look == BLUE


def test_a_token_that_cannot_be_cleared_does_not_keep_the_others(tmp_path: Path) -> None:
    account = Account(clears=False)

    with put_back(desk_of(tmp_path, account)):
        account.look |= {"primary_color": "#111111", "accent_color": "#222222"}

    assert account.look["primary_color"] == "#0000ff"
    assert [(one.subject, one.id) for one in left_over(tmp_path)] == [("branding", "accent_color")]


def test_a_look_that_cannot_be_put_back_is_told(tmp_path: Path) -> None:
    account = Account()

    with put_back(desk_of(tmp_path, account)):
        account.is_silent = True

    assert len(left_over(tmp_path)) == 1
