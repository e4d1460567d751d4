"""The approval record: the published shape, what extends it, and what is wrong with a wrong one."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from conformance.target import Approval, ProfileError
from conformance.target.approval import read_approval

PUBLISHED: dict[str, Any] = {
    "partner_id": "partner_01H",
    "product": "wallet_buy_stablecoin",
    "requested_pools": ["EUR-USDT"],
    "approved_environment": "production",
    "approved_sides": ["buy"],
    "funding_model": "prefunded_balance",
    "webhook_verified": True,
    "support_escalation_ready": True,
}


def record(**changes: Any) -> Approval:
    return read_approval(json.dumps(PUBLISHED | changes, indent=1), "approval.json", as_json=True)


def test_the_published_record_is_understood() -> None:
    approval = record()

    assert (approval.partner_id, approval.environment) == ("partner_01H", "production")
    assert approval.sides == {"on_ramp"}
    assert set(approval.pools) == {"EUR-USDT"}
    assert approval.features == frozenset()


def test_the_words_buy_and_sell_mean_on_ramp_and_off_ramp() -> None:
    assert record(approved_sides=["buy", "sell"]).sides == record(approved_sides=["on_ramp", "off_ramp"]).sides


def test_described_pools_are_the_allowed_ones_whatever_was_requested() -> None:
    described = {"sides": ["buy"], "networks": ["tron"], "min_order": "10.00", "max_order": "1000.00"}

    approval = record(requested_pools=["EUR-USDT", "EUR-USDC"], pools={"EUR-USDC": described})

    [pool] = approval.pools.values()
    assert pool.id == "EUR-USDC"
    assert (pool.sides, pool.networks) == ({"on_ramp"}, {"tron"})
    assert (pool.min_order, pool.max_order) == (Decimal("10.00"), Decimal("1000.00"))


def test_what_a_pool_does_not_say_is_not_expected() -> None:
    pool = record(pools={"EUR-USDT": {}}).pools["EUR-USDT"]

    assert pool.sides == {"on_ramp"}
    assert (pool.networks, pool.min_order, pool.max_order) == (None, None, None)


def test_a_record_may_be_toml() -> None:
    lines = [f"{key} = {json.dumps(value)}" for key, value in PUBLISHED.items()]

    approval = read_approval("\n".join([*lines, "[pools.EUR-USDT]", 'networks = ["tron"]']), "a.toml", as_json=False)

    assert approval.pools["EUR-USDT"].networks == {"tron"}


@pytest.mark.parametrize(
    ("changes", "line", "key", "found", "fix"),
    [
        ({"partner": "x"}, 14, "partner", "an unknown key", "did you mean partner_id?"),
        ({"product": 3}, 3, "product", "a whole number", '"product": "wallet_buy_stablecoin"'),
        ({"approved_sides": ["hold"]}, 9, "approved_sides[0]", "text of 4 characters", '["buy"]'),
        ({"approved_sides": []}, 8, "approved_sides", "a list of 0", '["buy"]'),
        ({"approved_environment": "moon"}, 7, "approved_environment", "text of 4 characters", '"sandbox"'),
        ({"webhook_verified": "yes"}, 12, "webhook_verified", "text of 3 characters", "true"),
        (
            {"pools": {"EUR-USDT": {"max_order": 5000.0}}},
            16,
            "pools.EUR-USDT.max_order",
            "a number with a fraction",
            "5000.0",
        ),
        (
            {"pools": {"EUR-USDT": {"netwroks": ["tron"]}}},
            16,
            "pools.EUR-USDT.netwroks",
            "an unknown key",
            "did you mean networks?",
        ),
        (
            {"pools": {"EUR-USDT": {"sides": ["sell"]}}},
            16,
            "pools.EUR-USDT.sides",
            "a side that approved_sides does not have",
            "approve it there",
        ),
        (
            {"pools": {"EUR-USDT": {"min_order": "5", "max_order": "1"}}},
            17,
            "pools.EUR-USDT.max_order",
            "less than min_order",
            "exchange",
        ),
        (
            {"product": "sk_test_c4n4ryc4n4ry"},
            3,
            "product",
            "text that looks like a secret (20 characters)",
            "environment variable",
        ),
    ],
)
def test_one_mistake_gives_one_problem_that_says_where(
    changes: dict[str, Any], line: int, key: str, found: str, fix: str
) -> None:
    with pytest.raises(ProfileError) as caught:
        record(**changes)

    [problem] = caught.value.problems
    assert (problem.file, problem.line, problem.key, problem.found) == ("approval.json", line, key, found)
    assert fix in problem.fix


@pytest.mark.parametrize("key", PUBLISHED)
def test_every_key_of_the_published_record_is_required(key: str) -> None:
    text = json.dumps({name: value for name, value in PUBLISHED.items() if name != key})

    with pytest.raises(ProfileError) as caught:
        read_approval(text, "approval.json", as_json=True)

    assert [(problem.key, problem.found) for problem in caught.value.problems] == [(key, "nothing")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{", "broken JSON"),
        ('{"a": 1, "a": 2}', "the same name twice"),
        ("[]", "a list of 0"),
        ("[" * 100_000, "nested too deeply"),
        ("", "broken JSON"),
    ],
    ids=["cut off", "name twice", "not an object", "too deep", "empty"],
)
def test_a_text_that_is_no_record_is_an_error_not_a_crash(text: str, found: str) -> None:
    with pytest.raises(ProfileError, match=found):
        read_approval(text, "approval.json", as_json=True)
