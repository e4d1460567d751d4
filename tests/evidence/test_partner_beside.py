"""What a run asks of the partner it judges beside an environment: less than of the environment, and no breach."""

from __future__ import annotations

import pytest

from conformance.evidence import RunStatus, judge
from conformance.evidence.exercised import exercised
from conformance.journal import Engine, Outcome
from conformance.requirements import Scope
from tests.evidence.synthetic import catalogue, exchange, judgement, reading, requirement, run

ENVIRONMENT = requirement("E", product="wire")
ALWAYS_SHOWN = requirement("T", product="traffic")
SHOWN_WHERE_REFUSED = requirement("R", product="traffic", scope=Scope.OPERATOR)
BESIDE = ("wire", "traffic")


@pytest.mark.parametrize(
    ("products", "shown", "refused", "status"),
    [
        (BESIDE, Outcome.PASS, Outcome.NOT_EVIDENCED, RunStatus.CONFORMANT),
        (BESIDE, Outcome.NOT_EVIDENCED, Outcome.PASS, RunStatus.INCOMPLETE),
        (BESIDE, Outcome.PASS, Outcome.FAIL, RunStatus.NONCONFORMANT),
        (("traffic",), Outcome.PASS, Outcome.NOT_EVIDENCED, RunStatus.INCOMPLETE),
    ],
    ids=["refusals unseen", "nothing seen", "a breach", "a recording judged by itself in scope operator"],
)
def test_refusals_a_partner_did_not_meet_are_missed_only_where_its_recording_is_what_is_judged(
    products: tuple[str, ...], shown: Outcome, refused: Outcome, status: RunStatus
) -> None:
    asked = [ALWAYS_SHOWN, SHOWN_WHERE_REFUSED] + ([ENVIRONMENT] if "wire" in products else [])
    said = [judgement("E", Outcome.PASS), judgement("T", shown), judgement("R", refused)]
    records = [
        run(products=products, scope=Scope.OPERATOR),
        *(s for s in said if s.requirement in {r.id for r in asked}),
    ]

    assert judge(reading(records), catalogue(*asked)).status is status


def test_what_does_not_apply_is_told_beside_the_score() -> None:
    records = [run(products=BESIDE), judgement("E", Outcome.PASS), judgement("T", Outcome.NOT_APPLICABLE)]
    verdict = judge(reading(records), catalogue(ENVIRONMENT, ALWAYS_SHOWN))

    assert verdict.reasons[0].text == "1 of 2 required requirements passed, 1 does not apply"


def test_the_partners_own_traffic_exercises_nothing_of_the_target() -> None:
    sent = exchange("partner-1", operation="GET /pools", status=200, engine=Engine.TRAFFIC)

    assert exercised({"GET /pools": ["200"]}, [sent]).missing == ("GET /pools 200",)
