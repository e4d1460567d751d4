"""``conformance observe`` in front of the embedded sandbox: what it records, what it refuses, how it ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from conformance.cli.app import app
from conformance.cli.observing import base_url
from tests.commands.command import Ended, conformance, ended, started

from .integrations import PUBLISHABLE, SECRET, healthy, without_key


@dataclass
class Observed:
    """A running ``conformance observe``."""

    process: subprocess.Popen[str]
    url: str

    def stop(self, number: int = signal.SIGINT) -> Ended:
        self.process.send_signal(number)
        return ended(self.process)


@contextmanager
def observing(cwd: Path, *words: str, upstream: str = "embedded") -> Iterator[Observed]:
    """The command with a free port, until the context or the test ends it."""
    command = ["-m", "conformance", "observe", "--upstream", upstream, "--listen", "127.0.0.1:0", *words]
    process = started(command, cwd, {})
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        found = re.match(r"observing (http://\S+) in front of ", said)
        assert found, said
        yield Observed(process, found[1])
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def verdict(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "verdict.json").read_text())
    return found


def failed(folder: Path) -> list[str]:
    listed = json.loads((folder / "verdict.json").read_text())["requirements"]
    return [entry["id"] for entry in listed if entry["status"] == "fail"]


def test_a_healthy_integration_is_green_live_and_from_its_recording(tmp_path: Path) -> None:
    with observing(tmp_path, "--output", "run") as observed:
        healthy(observed.url)
        done = observed.stop()
    assert done.code == 0, done.said
    assert verdict(tmp_path / "run")["verdict"] == "CONFORMANT"
    recording = (tmp_path / "run" / "recording.har").read_text()
    assert SECRET not in recording
    assert PUBLISHABLE not in recording
    again = conformance("judge", "run/recording.har", "--output", "again", cwd=tmp_path)
    assert again.code == 0, again.said


def test_what_is_broken_is_said_while_it_happens_and_judged_at_the_end(tmp_path: Path) -> None:
    with observing(tmp_path, "--output", "run") as observed:
        without_key(observed.url)
        assert observed.process.stderr is not None
        said = observed.process.stderr.readline()
        done = observed.stop(signal.SIGTERM)
    assert said.startswith("FAIL PARTNER-TRAFFIC-TRANSACT-KEYED: ")
    assert done.code == 1, done.said
    assert failed(tmp_path / "run") == ["PARTNER-TRAFFIC-TRANSACT-KEYED"]


def test_it_ends_by_itself_when_the_time_is_up(tmp_path: Path) -> None:
    with observing(tmp_path, "--output", "run", "--for", "0.5") as observed:
        done = ended(observed.process)
    assert done.code == 4
    assert "holds no call to 0Bit" in done.out


def test_a_live_key_is_not_passed_on(tmp_path: Path) -> None:
    with observing(tmp_path, "--output", "run") as observed:
        answer = httpx.get(f"{observed.url}/pools", headers={"Authorization": "Bearer pk_live_0123456789abcdef"})
        done = observed.stop()
    assert answer.status_code == 403
    assert "1 requests carried a live key and were not passed on" in done.err
    assert "0123456789abcdef" not in (tmp_path / "run" / "recording.har").read_text()


PRODUCTION = (
    '[target]\nname = "x"\nenvironment = "production"\n[target.pools]\nbase_url = "https://api.partner.example/v1"\n'
)
REFUSED: list[tuple[list[str], str]] = [
    (["--upstream", "production"], "has no place there"),
    (["--upstream", "https://pools-api.0bit.app/v1"], "is production"),
    (["--upstream", "https://gate-api.0bit.app/v1"], "is production"),
    (["--upstream", "profile.toml"], "its environment is production"),
    (["--upstream", "http://sandbox.example/v1"], "plain http"),
    (["--upstream", "https://user:word@sandbox.example/v1"], "credentials"),
    (["--upstream", "sandbx"], "sandbox"),
    (["--upstream", "embedded", "--listen", "nowhere"], "is no address"),
    (["--upstream", "embedded", "--listen", "host.example:80"], "names no address"),
    (["--upstream", "embedded", "--for", "0"], "no length of time"),
    (["--upstream", "embedded", "--product", "scan"], "choose pools or gate"),
    (["--upstream", "embedded", "--only", "PARTNER-TRAFFIC-POLL-STOP"], "PARTNER-TRAFFIC-POLL-STOPS"),
]


@pytest.mark.parametrize(("words", "said"), REFUSED, ids=[" ".join(row[0]) for row in REFUSED])
def test_what_cannot_be_observed_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "profile.toml").write_text(PRODUCTION)
    done = CliRunner().invoke(app, ["observe", *words, "--output", "run"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert not (tmp_path / "run").exists()


PROFILE = '[target]\nname = "x"\nenvironment = "sandbox"\n[target.pools]\n'
UPSTREAMS = [
    ("sandbox", "pools", "https://pools-api-sandbox.0bit.app/v1"),
    ("sandbox", "gate", "https://gate-api-sandbox.0bit.app/v1"),
    ("http://127.0.0.1:4010/v1/", "pools", "http://127.0.0.1:4010/v1"),
    ("named.toml", "pools", "https://sandbox.example/v1"),
    ("variable.toml", "pools", "https://other.example/v1"),
]


@pytest.mark.parametrize(("upstream", "product", "url"), UPSTREAMS, ids=[f"{u} {p}" for u, p, _ in UPSTREAMS])
def test_an_upstream_is_a_url_a_name_or_a_profile_without_its_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, upstream: str, product: str, url: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("named.toml").write_text(f'{PROFILE}base_url = "https://sandbox.example/v1"\n')
    Path("variable.toml").write_text(f'{PROFILE}base_url_variable = "WHERE"\n')
    with base_url(upstream, product, {"WHERE": "https://other.example/v1"}) as found:
        assert found == url


def test_an_address_that_is_taken_is_said(tmp_path: Path) -> None:
    with observing(tmp_path, "--output", "run") as observed:
        port = observed.url.rpartition(":")[2].partition("/")[0]
        done = conformance(
            "observe", "--upstream", "http://127.0.0.1:1/v1", "--listen", port, "--output", "other", cwd=tmp_path
        )
    assert (done.code, f"--listen 127.0.0.1:{port} cannot be had" in done.err) == (2, True)
    assert not (tmp_path / "other").exists()
