"""A handler is restarted by the partner's command while deliveries come, and what it then still knows is judged."""

import sys
from dataclasses import replace

import pytest

from conformance.journal.records import Outcome
from conformance.webhooks.handler import Patience, certify
from conformance.webhooks.vectors import ACCEPTS, DEDUPES, Choice

from .processes import PARTNER, restartable, serving

HANDLER = [sys.executable, str(PARTNER / "handler.py")]
AROUND = {"taken-before-restart", "sent-during-restart"}
POOLS = Choice(products=frozenset({"pools"}))
BRISK = Patience(answer=5, effects=2, quiet=0.1, body=0.05, restart=20)


def around(handler):
    """What the deliveries around the restart show, by name and requirement."""
    certificate = certify(replace(handler, choice=POOLS, patience=BRISK))
    return {(f.name, f.requirement): f for f in certificate.findings if f.name in AROUND}, certificate


def test_what_is_stored_survives_a_restart_and_has_one_effect(tmp_path):
    with restartable(HANDLER, "--db", str(tmp_path / "partner.db")) as handler:
        found, _ = around(handler)

    assert {key: finding.outcome for key, finding in found.items()} == {
        (name, requirement): Outcome.PASS for name in AROUND for requirement in (ACCEPTS, DEDUPES)
    }
    assert found["sent-during-restart", ACCEPTS].attempts[-1].status == 200
    assert len(found["taken-before-restart", DEDUPES].attempts) == 2


def test_what_is_kept_in_memory_is_lost_with_the_process():
    with restartable(HANDLER) as handler:
        found, _ = around(handler)

    assert found["taken-before-restart", ACCEPTS].outcome is Outcome.FAIL
    assert "no effect after the restart" in found["taken-before-restart", ACCEPTS].observed
    assert found["sent-during-restart", ACCEPTS].outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ((sys.executable, "-c", "raise SystemExit(4)"), "exit code 4"),
        (("/nowhere/at/all",), "cannot be started"),
        ((sys.executable, "-c", "import time; time.sleep(60)"), "did not end within 1 s"),
    ],
)
def test_a_restart_that_fails_is_nobody_s_fault_at_the_handler(command, says):
    with serving("handler.py") as handler:
        patience = replace(BRISK, restart=1)
        certificate = certify(replace(handler, choice=POOLS, patience=patience, restart=command))

    (trouble,) = [finding for finding in certificate.findings if finding.outcome is Outcome.ERROR]
    assert says in trouble.observed


@pytest.mark.parametrize(("options", "says"), [({"restart": ()}, "--restart-command"), ({"effects": None}, "probe")])
def test_a_restart_that_shows_nothing_is_not_tried(options, says):
    with serving("handler.py") as handler:
        given = {"restart": ("/nowhere/at/all",), "choice": POOLS, **options}
        certificate = certify(replace(handler, **given))

    assert [says in seen.value for seen in certificate.observed if seen.subject == "handler: restart"] == [True]
