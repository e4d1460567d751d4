"""The handlers under ``examples/handlers`` are certified as a partner would, and each shows its true weaknesses."""

import json
import os
import re
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from conformance.cli.certifying import Asked, execute
from conformance.evidence import RunStatus
from conformance.evidence.per_requirement import Status
from conformance.webhooks.vectors import (
    ACCEPTS,
    DEDUPES,
    IN_TIME,
    ORDER,
    PARTNER,
    REFUSAL,
    REPEATS_TAKEN,
    TEST_EVENT,
    TYPES,
    UNREADABLE,
    VERIFIES,
)
from tests.webhooks.processes import SECRET, restartable

ROOT = Path(__file__).resolve().parents[2]
HANDLERS = ROOT / "examples" / "handlers"
TABLE = ROOT / "docs" / "webhook-handlers.md"


@dataclass(frozen=True)
class Truth:
    """What certifying a handler shows: the verdict, what is wrong, what is open, and what it does of its own choice."""

    verdict: RunStatus
    failed: dict[str, str]
    open: frozenset[str] = frozenset()
    observed: dict[str, str] = field(default_factory=dict)


ON_THE_LIBRARY = {
    "upper-case-signature": "400, no effect",
    "several-v1-good-first": "400, no effect",
    "several-v1-good-last": "200, 1 effect",
    "not-utf-8": "400, no effect",
    "event-in-a-list": "500, no effect",
    "unknown-type": "200, no effect",
    "unknown-members": "200, 1 effect",
    "slow-sender": "200, 1 effect",
}
"""What the vendor's client library brings with it, whatever it stands in."""

NOT_ASCII = {REFUSAL: "signature-not-ascii: 500"}

TRUTHS = {
    "starlette_handler.py": Truth(
        RunStatus.CONFORMANT,
        NOT_ASCII,
        observed={**ON_THE_LIBRARY, "doubled-header": "400, no effect", "body-of-3-mib": "200, 1 effect"},
    ),
    "flask_handler.py": Truth(
        RunStatus.CONFORMANT,
        NOT_ASCII,
        observed={**ON_THE_LIBRARY, "doubled-header": "200, 1 effect", "body-of-3-mib": "200, 1 effect"},
    ),
    "django_handler.py": Truth(
        RunStatus.CONFORMANT,
        NOT_ASCII,
        observed={**ON_THE_LIBRARY, "doubled-header": "200, 1 effect", "body-of-3-mib": "400, no effect"},
    ),
    "node_handler.mjs": Truth(
        RunStatus.NONCONFORMANT,
        {ACCEPTS: "taken-before-restart: 200; no effect after the restart"},
        observed={
            "upper-case-signature": "200, 1 effect",
            "several-v1-good-last": "200, 1 effect",
            "doubled-header": "200, 1 effect",
            "not-utf-8": "200, 1 effect",
            "event-in-a-list": "200, no effect",
            "body-of-3-mib": "200, 1 effect",
        },
    ),
    "standardwebhooks_handler.py": Truth(
        RunStatus.NONCONFORMANT,
        {
            ACCEPTS: "valid: 401, no effect",
            TYPES: "valid-gate_session.created: 401",
            TEST_EVENT: "valid-webhook.test: 401",
        },
        frozenset({VERIFIES, DEDUPES, UNREADABLE, REPEATS_TAKEN, ORDER}),
        {"not-utf-8": "no answer, no effect"},
    ),
}


def program(name, folder):
    """How a handler is started; those in Python keep a database, the one in Node cannot."""
    if name.endswith(".mjs"):
        node = shutil.which("node")
        if node is None:
            if os.environ.get("CONFORMANCE_REQUIRE_ALL") == "1":
                pytest.fail("node is not installed, and CONFORMANCE_REQUIRE_ALL asks for it")
            pytest.skip("node is not installed")
        return [node, str(HANDLERS / name)], []
    return [sys.executable, str(HANDLERS / name)], ["--db", str(folder / "effects.db")]


def certified(name, folder):
    """The packet of a certification of everything, a restart included."""
    words, options = program(name, folder)
    with restartable(words, *options) as handler:
        asked = Asked(
            url=handler.url,
            product="both",
            secret_variable="OBIT_WEBHOOK_SECRET",
            header="Gate-Signature",
            scheme="t-v1-hmac-sha256",
            tolerance=300,
            effects_url=handler.effects.url,
            effects_path=None,
            effects_command=None,
            effects_on=(),
            features=("rails", "customers", "kyc_packages"),
            restart_command=json.dumps(handler.restart),
            confirmed=False,
            only=(),
            output=folder / "run",
        )
        packet, _folder = execute(asked, {"OBIT_WEBHOOK_SECRET": SECRET})
    return packet


@pytest.mark.parametrize("name", TRUTHS)
def test_a_handler_shows_its_true_weaknesses(name, tmp_path):
    truth, packet = TRUTHS[name], certified(name, tmp_path)
    seen = {verdict.requirement.id: verdict for verdict in packet.verdict.requirements}
    told = {observed.subject.removeprefix("handler: "): observed.value for observed in packet.observations}

    assert packet.verdict.status is truth.verdict
    assert {name for name, verdict in seen.items() if verdict.status is Status.FAIL} == set(truth.failed)
    assert {name for name, verdict in seen.items() if verdict.status is Status.NOT_EVIDENCED} == truth.open
    for requirement, words in truth.failed.items():
        assert any(words in judgement.observed for judgement in seen[requirement].judgements)
    assert {name: told[name] for name in truth.observed} == truth.observed
    assert seen[IN_TIME].status is Status.PASS


@pytest.mark.parametrize("name", TRUTHS)
def test_the_table_in_the_docs_says_what_the_certification_shows(name):
    (row,) = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if f"`{name}`" in line]

    assert f"| {TRUTHS[name].verdict} |" in row
    assert set(re.findall(r"PARTNER-[A-Z-]+", row)) == set(TRUTHS[name].failed)


def test_every_requirement_and_every_handler_is_explained_in_the_docs():
    text = TABLE.read_text(encoding="utf-8")

    assert [requirement for requirement in PARTNER if f"`{requirement}`" not in text] == []
    assert {path.name for path in HANDLERS.glob("*_handler.*")} == set(TRUTHS)
