"""``conformance webhook`` as a user meets it: exit codes, the run folder it leaves, and what it refuses to try."""

import json
import sys
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from conformance.cli.app import app
from conformance.journal import Exchange, Observation, RunRecord, ScenarioRecord
from conformance.requirements import load
from tests.attestation.keys import written
from tests.commands.command import conformance, journal, judgements

from .processes import PARTNER, SECRET, running

HANDLER = [sys.executable, str(PARTNER / "handler.py")]
FAULTS = [sys.executable, str(PARTNER / "faults.py")]
HANDLERS = {requirement.id for requirement in load() if requirement.product == "handler"}


@contextmanager
def handler(*program):
    with running(list(program) or HANDLER) as found:
        yield found


def webhook(folder, url, *options, **variables):
    variables = {"OBIT_WEBHOOK_SECRET": SECRET, **variables}
    return conformance("webhook", url, "--output", folder / "run", *options, cwd=folder, **variables)


def verdict(folder):
    return json.loads((folder / "run" / "verdict.json").read_text(encoding="utf-8"))


def statuses(folder):
    return {entry["id"]: entry["status"] for entry in verdict(folder)["requirements"]}


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """A whole certification of the honest handler: how it ended, and where."""
    folder = tmp_path_factory.mktemp("honest")
    with handler() as found:
        ended = webhook(folder, found.url, "--effects-url", found.effects.url)
    return ended, folder


def test_an_honest_handler_is_conformant_and_its_folder_holds_the_evidence(honest):
    ended, folder = honest

    assert (ended.code, ended.err) == (0, "")
    assert "CONFORMANT" in ended.out
    assert statuses(folder) == dict.fromkeys(HANDLERS, "pass")
    reading = journal(folder / "run")
    run = reading.of(RunRecord)[0]
    assert (reading.sealed, run.products, run.embedded) == (True, ("handler",), False)
    assert len(reading.of(ScenarioRecord)) == 1
    assert {exchange.account for exchange in reading.of(Exchange)} == {"handler"}
    assert "handler: upper-case-signature" in {observed.subject for observed in reading.of(Observation)}


def test_the_folder_can_be_verified_and_reported_again(honest):
    _ended, folder = honest

    assert conformance("verify", folder / "run", cwd=folder).code == 0
    assert conformance("report", folder / "run", cwd=folder).code == 0


def test_no_secret_is_written_and_every_id_is_marked(honest):
    _ended, folder = honest
    files = [path for path in (folder / "run").rglob("*") if path.is_file()]
    bodies = [exchange.request_body for exchange in journal(folder / "run").of(Exchange)]

    assert [path.name for path in files if SECRET.encode() in path.read_bytes()] == []
    assert bodies
    assert [body for body in bodies if "_test_conformance_" not in body] == []


def test_a_broken_handler_is_not_conformant_and_the_rerun_is_printed(tmp_path):
    with handler(*FAULTS, "--fault", "no-dedupe") as found:
        ended = webhook(tmp_path, found.url, "--effects-url", found.effects.url)
        again = conformance(
            *verdict_command(ended), "--output", tmp_path / "again", cwd=tmp_path, OBIT_WEBHOOK_SECRET=SECRET
        )

    assert ended.code == again.code == 1
    assert {name for name, status in statuses(tmp_path).items() if status == "fail"} == {"PARTNER-WEBHOOK-DEDUPES"}
    assert not (tmp_path / "run" / "replay").exists()


def verdict_command(ended):
    """The words of the command a failure tells to run it again."""
    line = next(line for line in ended.out.splitlines() if line.strip().startswith("conformance webhook"))
    return line.replace("'", "").split()[1:]


def test_a_should_that_is_broken_does_not_break_the_verdict(tmp_path):
    with handler(*FAULTS, "--fault", "fails-on-forgeries") as found:
        ended = webhook(tmp_path, found.url, "--effects-url", found.effects.url)

    assert ended.code == 0
    assert statuses(tmp_path)["PARTNER-WEBHOOK-REFUSAL-STATUS"] == "fail"


def test_the_folder_is_signed_where_a_key_is_given(tmp_path):
    private, public = written(tmp_path)
    with handler() as found:
        ended = webhook(tmp_path, found.url, "--effects-url", found.effects.url, "--sign", private)

    assert ended.code == 0
    assert conformance("verify", tmp_path / "run", "--key", public, cwd=tmp_path).code == 0


def test_without_a_probe_the_verdict_is_incomplete(tmp_path):
    with handler() as found:
        ended = webhook(tmp_path, found.url)

    assert ended.code == 3
    assert statuses(tmp_path)["PARTNER-WEBHOOK-DEDUPES"] == "not-evidenced"
    missing = judgements(tmp_path / "run", "PARTNER-WEBHOOK-DEDUPES")
    assert all("--effects-url" in judgement.missing for judgement in missing)


COUNT = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
print(database.execute("SELECT count(*) FROM effects WHERE event_id = ?", sys.argv[2:]).fetchone()[0])
"""


def test_a_command_may_be_the_probe(tmp_path):
    database = str(tmp_path / "partner.db")
    command = json.dumps([sys.executable, "-c", COUNT, database, "{eventId}"])
    with handler(*HANDLER, "--db", database) as found:
        ended = webhook(tmp_path, found.url, "--effects-command", command, "--product", "pools")

    assert ended.code == 0
    assert statuses(tmp_path)["PARTNER-WEBHOOK-DEDUPES"] == "pass"


def test_a_handler_nobody_can_reach_is_inconclusive(tmp_path):
    ended = webhook(tmp_path, "http://127.0.0.1:9/hook")

    assert ended.code == 4
    assert "never answered" in ended.out


def test_one_product_leaves_the_other_s_requirements_out(tmp_path):
    with handler() as found:
        ended = webhook(tmp_path, found.url, "--effects-url", found.effects.url, "--product", "pools")

    assert ended.code == 0
    assert {name for name, status in statuses(tmp_path).items() if status == "not-applicable"} == {
        "PARTNER-WEBHOOK-TEST-EVENT",
        "PARTNER-WEBHOOK-ORDER",
    }


def test_a_selection_is_partial(tmp_path):
    with handler() as found:
        ended = webhook(
            tmp_path, found.url, "--effects-url", found.effects.url, "--only", "PARTNER-WEBHOOK-REPEATS-TAKEN"
        )

    assert ended.code == 0
    assert "PARTIAL" in ended.out
    assert {j.requirement for j in judgements(tmp_path / "run", "PARTNER-WEBHOOK-REPEATS-TAKEN")}


@pytest.mark.parametrize(
    ("options", "variables", "says"),
    [
        (("--product", "both"), {"OBIT_WEBHOOK_SECRET": ""}, "OBIT_WEBHOOK_SECRET is not set"),
        (("--secret-variable", "ANOTHER"), {}, "ANOTHER is not set"),
        ((), {"OBIT_WEBHOOK_SECRET": "whsec_live_0123456789"}, "live"),
        (("--product", "swaps"), {}, "choose pools, gate, both"),
        (("--scheme", "md5"), {}, "choose t-v1-hmac-sha256"),
        (("--scheme", "hmac-sha256-hex"), {}, "--product pools"),
        (("--tolerance", "0"), {}, "tolerance"),
        (("--header", "a b"), {}, "header"),
        (("--feature", "rail"), {}, "did you mean rails"),
        (("--effects-on", "pool.transaction.setled"), {}, "did you mean pool.transaction.settled"),
        (("--product", "pools", "--effects-on", "gate_session.completed"), {}, "--product pools"),
        (("--effects-url", "http://127.0.0.1:9/count"), {}, "{eventId}"),
        (("--effects-path", "count"), {}, "--effects-url"),
        (("--effects-command", "count {eventId}"), {}, "JSON list"),
        (("--effects-command", '["count"]'), {}, "{eventId}"),
        (("--effects-command", "[]"), {}, "JSON list"),
        (("--effects-url", "http://127.0.0.1:9/{eventId}", "--effects-command", '["c","{eventId}"]'), {}, "give one"),
        (("--restart-command", "restart"), {}, "JSON list"),
        (("--only", "POOLS-READS-PURE"), {}, "judges no requirement"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_sent(tmp_path, options, variables, says):
    words = ["webhook", "http://127.0.0.1:9/hook", "--output", str(tmp_path / "run"), *options]
    ended = CliRunner().invoke(app, words, env={"OBIT_WEBHOOK_SECRET": SECRET, **variables})

    assert ended.exit_code == 2
    assert says in ended.stderr
    assert not (tmp_path / "run").exists()


def test_a_handler_elsewhere_needs_to_be_confirmed(tmp_path):
    refused = webhook(tmp_path, "http://handler.invalid/hook")
    confirmed = webhook(tmp_path, "http://handler.invalid/hook", "--confirm-test-handler")

    assert refused.code == 2
    assert "--confirm-test-handler" in refused.err
    assert confirmed.code == 4


def test_a_folder_in_use_is_left_alone(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "kept").write_text("mine", encoding="utf-8")
    ended = webhook(tmp_path, "http://127.0.0.1:9/hook")

    assert ended.code == 2
    assert (tmp_path / "run" / "kept").read_text(encoding="utf-8") == "mine"
