"""Where 0Gate cannot reach a receiver of ours, its log shows what it can, and what no log shows is not evidenced."""

from __future__ import annotations

import os
import re
from importlib import resources
from pathlib import Path

import pytest

from conformance.journal import Judgement, Outcome, read
from conformance.target import embedded
from tests.commands.command import conformance
from tests.sandbox.gate.endpoint import listening

TOLD = [f"GATE-WEBHOOK-{family}-EVENTS" for family in ("SESSION", "HOSTED", "RAIL", "CUSTOMER")]
LOGGED = ["GATE-TEST-EVENT", "GATE-DELIVERY-LIST", "GATE-DELIVERY-NO-BODY", "GATE-REPLAY-STATE"]
UNSEEN = [
    *(f"GATE-WEBHOOK-{name}" for name in ("SIGNATURE", "HEADERS", "ENVELOPE", "PAYLOAD", "NO-SECRET")),
    *(f"GATE-WEBHOOK-{name}" for name in ("ORDER", "RETRY", "NO-RETRY", "NOT-FOREIGN")),
    *("GATE-DELIVERY-LOGGED", "GATE-REPLAY", "GATE-TEST-EVENT-NO-URL"),
]


def outcomes(folder: Path, *options: str, webhook_url: str | None = None) -> dict[str, set[Outcome]]:
    """What a run whose profile has no receiver for 0Gate says of each requirement of its deliveries."""
    profile = (resources.files("conformance.target") / "profiles" / "embedded.toml").read_text("utf-8")
    without = re.sub(r"\[webhooks\.gate\]\n(?:[^\[\n].*\n|\n)*", "", profile)
    assert without != profile
    # Nothing but the log may answer, so nothing tells 0Gate where to deliver either.
    without = re.sub(r"\[outcomes\.gate_webhook_endpoint\w*\]\n(?:[^\[\n].*\n?|\n)*", "", without)
    without = without.replace('approval = "embedded-approval.json"\n', "")
    (folder / "deaf.toml").write_text(without)
    words = [word for name in [*TOLD, *LOGGED, *UNSEEN] for word in ("--only", name)]
    with embedded.start(os.environ, webhook_url=webhook_url, extra_args=options) as sandbox:
        command = ["run", "--target", "deaf.toml", "--seed", "1", "--output", "run", *words]
        ended = conformance(*command, cwd=folder, **sandbox.environ)
    assert ended.code in (0, 1, 3, 4), ended.said
    found: dict[str, set[Outcome]] = {}
    for judgement in read(folder / "run" / "journal").of(Judgement):
        found.setdefault(judgement.requirement, set()).add(judgement.outcome)
    return {name: seen for name, seen in found.items() if name in {*TOLD, *LOGGED, *UNSEEN}}


def test_the_log_shows_what_it_can(tmp_path: Path) -> None:
    with listening() as endpoint:
        found = outcomes(tmp_path, webhook_url=endpoint.url)

    assert [found[name] for name in [*TOLD, *LOGGED]] == [{Outcome.PASS}] * len([*TOLD, *LOGGED])
    assert [found[name] for name in UNSEEN] == [{Outcome.NOT_EVIDENCED}] * len(UNSEEN)


def test_without_an_address_nothing_is_logged_and_nothing_said(tmp_path: Path) -> None:
    found = outcomes(tmp_path)

    assert set(found) == {*TOLD, *LOGGED, *UNSEEN}
    assert all(seen == {Outcome.NOT_EVIDENCED} for seen in found.values())


@pytest.mark.parametrize(
    ("fault", "requirement"),
    [
        ("gate-no-event-of-cancellation", "GATE-WEBHOOK-SESSION-EVENTS"),
        ("gate-no-event-of-failure", "GATE-WEBHOOK-HOSTED-EVENTS"),
        ("gate-test-event-always-the-same", "GATE-TEST-EVENT"),
    ],
)
def test_the_log_shows_what_is_wrong(tmp_path: Path, fault: str, requirement: str) -> None:
    with listening() as endpoint:
        found = outcomes(tmp_path, "--fault", fault, webhook_url=endpoint.url)

    assert found[requirement] == {Outcome.FAIL}
