"""``conformance packet``: several runs and statements in one folder, made from journals alone and nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from conformance.cli.app import app
from conformance.evidence import write
from conformance.evidence.packet import WATERMARK
from conformance.journal import Record, Statement, read
from conformance.requirements import load
from tests.evidence import synthetic
from tests.evidence.test_browser import QUIET, chromium, rendered
from tests.evidence.test_launch_packet import facts, judged, sandbox
from tests.partner.traffic.histories import healthy, written

__all__ = ["QUIET", "chromium"]

STATED = 'by = "Jane Doe, CTO"\non = 2026-05-25\n[access]\nproduct-fit = "our own wallet"\n'
SECRET = "canary+of/the=target"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("stated.toml").write_text(STATED)


def run(name: str, records: list[Record] | None = None, **changes: object) -> Path:
    """A run's folder with its reports."""
    folder = synthetic.write_journal(Path(name), records or sandbox(facts(), judged({}), run=name, **changes))
    write(folder, load())
    return folder


def runs(*names: str) -> None:
    for name in names:
        run(name)


def packet(*words: str) -> Result:
    return CliRunner().invoke(app, ["packet", *words])


def document(folder: str = "out") -> dict[str, object]:
    found: dict[str, object] = json.loads(Path(folder, "launch.json").read_text())
    return found


def rows(folder: str = "out") -> dict[str, dict[str, object]]:
    tables: list[dict[str, object]] = document(folder)["tables"]  # type: ignore[assignment]
    return {f"{t['id']}: {r['row']} {r['environment']}".strip(): r for t in tables for r in t["rows"]}  # type: ignore[attr-defined]


def files(folder: Path) -> dict[str, bytes]:
    """Every file, but those whose names are made anew each time."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and "allure-results" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_two_runs_and_a_statement_make_one_folder() -> None:
    run("one")
    run("two", environment="production")
    done = packet("one", "two", "--statements", "stated.toml", "-o", "out")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "Access approval matrix: 7 rows: 0 evidenced, 3 stated, 4 open, 0 failed" in done.stdout
    assert rows()["approval: Product fit"]["state"] == "stated"
    assert rows()["readiness: Discovery sandbox"]["state"] == "evidenced"
    assert rows()["readiness: Discovery production"]["state"] == "evidenced"
    assert {path.name for path in Path("out").iterdir()} == {
        "journal",
        "runs",
        "index.html",
        "launch.md",
        "launch.json",
    }
    assert Path("out/runs/one/index.html").is_file()


def test_what_was_stated_is_in_the_packet_s_sealed_journal() -> None:
    run("one")
    packet("one", "--statements", "stated.toml", "-o", "out")
    reading = read(Path("out/journal"))
    assert reading.sealed
    assert reading.of(Statement) == [Statement("product-fit", "our own wallet", "Jane Doe, CTO", "2026-05-25")]


def test_every_report_is_rebuilt_from_the_journals_alone() -> None:
    runs("one", "two")
    packet("one", "two", "--statements", "stated.toml", "-o", "out")
    before = files(Path("out"))
    for path in Path("out").rglob("*"):
        if path.is_file() and "journal" not in path.parts:
            path.unlink()
    done = CliRunner().invoke(app, ["report", "out"])
    assert done.exit_code == 0, done.output
    assert files(Path("out")) == before


def test_a_packet_can_be_added_to() -> None:
    runs("one", "two")
    packet("one", "--statements", "stated.toml", "-o", "first")
    assert packet("first", "two", "-o", "out").exit_code == 0
    assert [found["run"] for found in document()["runs"]] == ["one", "two"]  # type: ignore[attr-defined]
    assert rows()["approval: Product fit"]["state"] == "stated"


def test_what_lay_in_a_run_folder_by_chance_is_not_handed_over() -> None:
    folder = run("one")
    (folder / "recording.har").write_text(SECRET)
    (folder / "journal" / "notes.txt").write_text(SECRET)
    (folder / "index.html").write_text(SECRET)
    assert packet("one", "-o", "out").exit_code == 0
    assert [name for name, content in files(Path("out")).items() if SECRET.encode() in content] == []


def test_duties_stated_to_the_judge_command_answer_rows() -> None:
    written(Path("recording.har"), healthy())
    Path("duties.toml").write_text(
        'by = "Jane Doe"\non = 2026-05-25\n[duties]\nsupport-contacts = "ops@partner.example"\n'
    )
    words = ["judge", "recording.har", "--statement", "duties.toml", "--output", "judged"]
    assert CliRunner().invoke(app, words).exit_code == 0
    packet("judged", "-o", "out")
    assert rows()["approval: Monitoring"]["state"] == "stated"
    assert rows()["records: key_mode"]["evidence"][0]["state"] == "evidenced"  # type: ignore[index]


def test_what_the_embedded_sandbox_showed_is_watermarked_everywhere() -> None:
    run("ours", embedded=True, environment="embedded")
    run("theirs", environment="recording, test mode")
    done = packet("ours", "theirs", "-o", "out")
    texts = [done.stdout, *(Path("out", name).read_text() for name in ("index.html", "launch.md", "launch.json"))]
    assert [text[:200] for text in texts if f"{WATERMARK} (ours)" not in text] == []


def test_a_run_of_a_foreign_target_is_not_watermarked() -> None:
    run("theirs")
    packet("theirs", "-o", "out")
    assert WATERMARK not in Path("out/index.html").read_text()


def test_a_name_that_is_a_path_leads_nowhere() -> None:
    run("one", sandbox(judged({}), run="../../escaped"))
    assert packet("one", "-o", "out").exit_code == 0
    assert [path.name for path in Path("out/runs").iterdir()] == ["run-1"]
    assert not Path("escaped").exists()


def test_two_runs_never_share_a_folder() -> None:
    run("first", sandbox(judged({}), run="run-2"))
    run("second", sandbox(judged({}), run="../x"))
    assert packet("first", "second", "-o", "out").exit_code == 0
    assert sorted(path.name for path in Path("out/runs").iterdir()) == ["run-2", "run-2-"]


def test_hostile_text_stays_text_in_the_packet_s_page() -> None:
    run("one", synthetic.hostile())
    assert packet("one", "-o", "out").exit_code == 0
    assert "<script" not in Path("out/index.html").read_text()


# --- verifying ---


def verified(folder: str = "out") -> Result:
    return CliRunner().invoke(app, ["verify", folder])


def test_a_packet_and_its_runs_hold() -> None:
    runs("one", "two")
    packet("one", "two", "-o", "out")
    done = verified()
    assert done.exit_code == 0, done.output
    assert done.stdout.count("verdict.json: is what the journal yields") == 2


def test_a_report_that_was_changed_does_not_hold() -> None:
    run("one")
    packet("one", "-o", "out")
    path = Path("out/launch.json")
    path.write_text(path.read_text().replace('"open"', '"evidenced"'))
    done = verified()
    assert done.exit_code == 1
    assert "DOES NOT HOLD  launch.json" in done.stdout


@pytest.mark.parametrize("command", ["verify", "report", "packet"])
def test_a_run_that_was_exchanged_is_noticed(command: str) -> None:
    run("one")
    packet("one", "-o", "out")
    shutil.rmtree("out/runs/one")
    run("other", sandbox(judged({}), run="one"))
    shutil.copytree("other", "out/runs/one")
    words = [command, "out"] + (["-o", "again"] if command == "packet" else [])
    done = CliRunner().invoke(app, words)
    assert done.exit_code == (1 if command == "verify" else 2), done.output
    assert "is not the run this packet was made of" in done.output


# --- what is refused ---


def refused(*words: str) -> str:
    done = packet(*words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert not Path("out").exists()
    return done.stderr


def test_what_holds_no_run_is_refused() -> None:
    Path("empty").mkdir()
    assert "empty: no run can be read there" in refused("empty", "-o", "out")
    assert "nowhere: no run can be read there" in refused("nowhere", "-o", "out")


def test_a_segment_that_is_no_file_is_refused_for_a_copy_without_it_would_look_whole() -> None:
    (run("one") / "journal" / "linked.jsonl").symlink_to(Path("stated.toml").resolve())
    assert "linked.jsonl is no file" in refused("one", "-o", "out")


def test_our_own_sandbox_does_not_fill_what_an_environment_left_open() -> None:
    run("ours", embedded=True, environment="embedded")
    run("theirs")
    told = refused("theirs", "ours", "-o", "out")
    assert "ours judged the embedded sandbox and theirs an environment" in told


def test_the_same_run_twice_is_refused() -> None:
    run("one")
    assert "hold the same run; name it once" in refused("one", "one", "-o", "out")


def test_a_folder_that_is_taken_is_refused() -> None:
    run("one")
    done = packet("one", "-o", "one")
    assert done.exit_code == 2
    assert "is not an empty folder" in done.stderr


@pytest.mark.parametrize("words", [SECRET, "sk_test_canary0123456789"])
def test_a_secret_in_a_statement_is_refused_and_not_repeated(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBIT_POOLS_SECRET_KEY", SECRET)
    run("one")
    Path("stated.toml").write_text(STATED.replace("our own wallet", f"with {words}"))
    told = refused("one", "--statements", "stated.toml", "-o", "out")
    assert "stated.toml:4: access.product-fit" in told
    assert words not in told


def test_a_run_refuses_a_statement_before_anything_is_tried() -> None:
    Path("stated.toml").write_text(STATED.replace("product-fit", "product-fits"))
    words = ["run", "--tier", "smoke", "--statements", "stated.toml", "--output", "ran"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert "stated.toml:4: access.product-fits" in done.stderr
    assert "did you mean product-fit?" in done.stderr
    assert not Path("ran").exists()


# --- in a browser ---


def test_the_packet_s_page_renders_under_its_own_policy(chromium: str, tmp_path: Path) -> None:
    run("one")
    packet("one", "--statements", "stated.toml", "-o", "out")
    shown, log = rendered(chromium, tmp_path / "out" / "index.html", tmp_path / "browser")
    assert "our own wallet (stated by Jane Doe, CTO, 2026-05-25)" in shown
    assert "Refused to" not in log
    assert "CONSOLE" not in log, log
