"""A known-failures file is read whole or refused whole, with every problem it has."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.known_failures import LARGEST, KnownFailuresError, load
from conformance.requirements import load as load_catalogue

ENTRY = """
[[known_failure]]
requirement = "POOLS-FUNDING"
reason = "ticket 4711"
owner = "treasury"
expires = 2099-01-01
"""
OTHER = ENTRY.replace("POOLS-FUNDING", "POOLS-READS-PURE")


def written(folder: Path, text: str | bytes) -> Path:
    """The text as a file."""
    path = folder / "known.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_each_entry_says_what_why_who_and_until_when(tmp_path: Path) -> None:
    assert load(written(tmp_path, ENTRY + OTHER), load_catalogue()) == (
        {"requirement": "POOLS-FUNDING", "reason": "ticket 4711", "owner": "treasury", "expires": "2099-01-01"},
        {"requirement": "POOLS-READS-PURE", "reason": "ticket 4711", "owner": "treasury", "expires": "2099-01-01"},
    )


def test_a_file_without_entries_excuses_nothing(tmp_path: Path) -> None:
    assert load(written(tmp_path, "known_failure = []"), load_catalogue()) == ()


def test_an_expired_entry_is_read_all_the_same(tmp_path: Path) -> None:
    [entry] = load(written(tmp_path, ENTRY.replace("2099", "1999")), load_catalogue())

    assert entry["expires"] == "1999-01-01"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "found NoneType at the top"),
        ("known_failure = 1", "found int at the top"),
        ("[known_failure]\nrequirement = 'x'", "found dict at the top"),
        (ENTRY + "[other]", "found 'other' at the top"),
        ("known_failure = [1]", "known_failure 1: found int; expected a table"),
        (ENTRY.replace("FUNDING", "FUNDNG"), "known_failure 1: no requirement 'POOLS-FUNDNG'; nearest: POOLS-FUNDING"),
        (ENTRY.replace('"POOLS-FUNDING"', '["POOLS-FUNDING"]'), "known_failure 1: requirement is missing or empty"),
        (ENTRY.replace('"POOLS-FUNDING"', "1"), "known_failure 1: requirement is missing or empty"),
        (ENTRY.replace('"ticket 4711"', '" "'), "known_failure 1: reason is missing or empty"),
        (ENTRY.replace('owner = "treasury"', ""), "known_failure 1: owner is missing or empty"),
        (ENTRY.replace("expires = 2099-01-01", ""), "known_failure 1: expires must be a date"),
        (ENTRY.replace("2099-01-01", '"2099-01-01"'), "known_failure 1: expires must be a date"),
        (ENTRY.replace("2099-01-01", "2099-01-01T00:00:00Z"), "known_failure 1: expires must be a date"),
        (ENTRY + "colour = 'red'\n", "known_failure 1: unknown key 'colour'"),
        (ENTRY + ENTRY, "POOLS-FUNDING has 2 entries; keep one"),
        ("[[known_failure", "found broken TOML"),
        (ENTRY.replace("2099-01-01", "2099-13-01"), "found broken TOML"),
        (ENTRY + ENTRY.splitlines()[2], "found broken TOML"),
        (b"\xff\xfe", "found broken TOML"),
        ("a = " + "[" * 100_000, "found broken TOML"),
        ("a = " + "1" * 10_000, "found broken TOML"),
        (ENTRY + "#" * LARGEST, f"found more than {LARGEST} bytes"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused_with_its_fault(tmp_path: Path, text: str | bytes, said: str) -> None:
    path = written(tmp_path, text)

    with pytest.raises(KnownFailuresError) as caught:
        load(path, load_catalogue())

    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("name", ["absent.toml", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(KnownFailuresError, match="cannot be read"):
        load(tmp_path / name, load_catalogue())


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = ENTRY.replace("POOLS-FUNDING", "NOBODY") + OTHER.replace('owner = "treasury"', "").replace(
        "reason", "raeson"
    )

    with pytest.raises(KnownFailuresError) as caught:
        load(written(tmp_path, text), load_catalogue())

    assert [line.split(": ", 1)[1] for line in str(caught.value).splitlines()] == [
        "known_failure 1: no requirement 'NOBODY'",
        "known_failure 2: unknown key 'raeson'; expected requirement, reason, owner, expires",
        'known_failure 2: reason is missing or empty; write reason = "…"',
        'known_failure 2: owner is missing or empty; write owner = "…"',
    ]
