"""``conformance init`` writes files that load, explain every key, and never overwrite by accident."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import typer

from conformance.cli.init import FILES, init
from conformance.target import load
from conformance.target.approval import ApprovalSection, PoolSection
from conformance.target.sections import (
    NAMED,
    RECIPES,
    SINGLE,
    STANDINGS,
    CallSection,
    ProductSection,
    Section,
)

ENVIRON = {
    "OBIT_POOLS_SECRET_KEY": "sk_test_1234567890",
    "OBIT_PUBLISHABLE_KEY": "pk_test_1234567890",
    "OBIT_WEBHOOK_SECRET": "whsec_1234567890",
    "OBIT_OTHER_PARTNER_SECRET_KEY": "sk_test_0987654321",
    "OBIT_WRONG_MODE_SECRET_KEY": "sk_live_1234567890",
}


def uncommented(text: str) -> str:
    """The file with everything set that it shows."""
    return re.sub(r"(?m)^#(?=[^ \n])", "", re.sub(r"(?m)^#(?=  \{)", "", text))


def test_what_is_written_loads(tmp_path: Path) -> None:
    init(tmp_path / "new")

    target = load(str(tmp_path / "new" / "conformance.toml"), ENVIRON)

    assert target.approval is not None
    assert set(target.approval.pools) == {"EUR-USDT"}
    assert set(target.digests) == {"profile", "approval"}
    assert target.missing == {}


def test_what_is_shown_but_not_set_loads_too(tmp_path: Path) -> None:
    init(tmp_path)
    for name in FILES:
        text = (tmp_path / name).read_text()
        (tmp_path / name).write_text(uncommented(text))
    profile = tmp_path / "conformance.toml"
    profile.write_text(profile.read_text().replace('base_url_variable = "MY_POOLS_URL"\n', ""))
    profile.write_text(profile.read_text().replace('base_url_variable = "MY_GATE_URL"\n', ""))
    (tmp_path / "pools-v1.yaml").touch()
    (tmp_path / "gate-v1.yaml").touch()

    target = load(str(profile), ENVIRON | {"OBIT_SECRET_KEY": "sk_test_0123456789abcdef"})

    assert set(target.accounts) == {"approved", "other_partner", "wrong_mode"}
    assert set(target.outcomes) == {"failed", "returned"}
    assert target.handler is not None
    assert target.approval is not None
    assert target.approval.pools["EUR-USDT"].max_order is not None


def models() -> list[tuple[str, type[Section]]]:
    profile = [*SINGLE.values(), *(model for model, _ in NAMED.values()), ProductSection, CallSection]
    record = [ApprovalSection, PoolSection]
    return [("conformance.toml", model) for model in profile] + [("approval.toml", model) for model in record]


@pytest.mark.parametrize(("name", "model"), models(), ids=lambda part: getattr(part, "__name__", ""))
def test_every_key_there_is_is_shown(name: str, model: type[Section], tmp_path: Path) -> None:
    init(tmp_path)
    text = uncommented((tmp_path / name).read_text())

    shown = set(re.findall(r"(\w+) ?=", text)) | set(re.findall(r"(?m)^\[(?:target\.)?(\w+)", text))

    assert set(model.model_fields) - shown == set()


def test_every_line_that_sets_something_follows_an_explanation(tmp_path: Path) -> None:
    init(tmp_path)
    bare = []
    for name in FILES:
        lines = (tmp_path / name).read_text().splitlines()
        explained = False
        for line in lines:
            is_key = re.match(r"#?\w+ = ", line) is not None
            if is_key and not explained:
                bare.append(line)
            # One explanation covers the keys of a table that stand together under it.
            explained = (explained and bool(line.strip())) or line.startswith("# ")

    assert bare == []


def test_every_standing_and_every_recipe_is_named(tmp_path: Path) -> None:
    init(tmp_path)
    text = (tmp_path / "conformance.toml").read_text()

    assert {name for name in (*STANDINGS, *RECIPES) if name not in text} == set()


def test_the_files_are_toml_without_a_secret(tmp_path: Path) -> None:
    init(tmp_path)

    for name in FILES:
        assert tomllib.loads((tmp_path / name).read_text())
        assert re.search(r"(sk|pk)_(test|live)_\w", (tmp_path / name).read_text()) is None


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_exists_is_kept(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / name).write_text("mine")

    with pytest.raises(typer.Exit) as caught:
        init(tmp_path)

    assert caught.value.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"
    said = capsys.readouterr().err
    assert str(tmp_path / name) in said
    assert "--force" in said


def test_force_overwrites(tmp_path: Path) -> None:
    (tmp_path / "conformance.toml").write_text("mine")

    init(tmp_path, force=True)

    assert load(str(tmp_path / "conformance.toml"), ENVIRON).name == "partner-sandbox"


def test_a_place_that_cannot_be_written_to_is_a_clear_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(typer.Exit) as caught:
        init(tmp_path / "file" / "inside")

    assert caught.value.exit_code == 2
    assert "cannot be written to" in capsys.readouterr().err
