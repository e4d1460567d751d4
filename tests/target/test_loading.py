"""What a right profile becomes: built-in targets, resolved variables, and what is missing."""

from __future__ import annotations

import hashlib
import os
from decimal import Decimal
from pathlib import Path

import pytest

from conformance.requirements import load as load_requirements
from conformance.target import BUILT_IN, STANDINGS, Limits, ProfileError, Target, load
from target.profiles import ENVIRON, RIGHT, SECRET_KEY, spoiled, written

PUBLISHED = {
    "OBIT_POOLS_SECRET_KEY": "sk_test_1234567890",
    "OBIT_PUBLISHABLE_KEY": "pk_test_1234567890",
    "OBIT_WEBHOOK_SECRET": "whsec_1234567890",
}

WEBHOOKS = '[webhooks.pools]\nsecret = "W"\n'


def loaded(folder: Path, text: str = RIGHT, **environ: str) -> Target:
    return load(written(folder, text), {**ENVIRON, **environ})


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("sandbox", "https://pools-api-sandbox.0bit.app/v1"),
        ("production", "https://pools-api.0bit.app/v1"),
    ],
)
def test_a_built_in_target_has_the_published_host_and_states_its_limits(name: str, url: str) -> None:
    target = load(name, PUBLISHED)

    assert target.base_urls["pools"] == url
    assert target.limits is not None


@pytest.mark.parametrize("name", ["sandbox", "production"])
def test_a_built_in_target_leaves_0gate_out_until_its_key_is_there(name: str) -> None:
    without, key = load(name, PUBLISHED), PUBLISHED["OBIT_POOLS_SECRET_KEY"]
    with_it = load(name, PUBLISHED | {"OBIT_SECRET_KEY": key})

    assert (without.products, without.missing) == (("wire", "pools", "handler"), {"gate": "OBIT_SECRET_KEY"})
    assert (with_it.products, with_it.missing) == (("wire", "pools", "gate", "handler"), {})


def test_0gate_is_judged_alone_where_only_its_address_is_given(tmp_path: Path) -> None:
    target = loaded(tmp_path, spoiled("[target.pools]", "[target.gate]"))

    assert target.products == ("wire", "gate", "handler")


def test_every_built_in_name_is_a_profile() -> None:
    environ = {
        f"OBIT_SANDBOX_APPROVED_{kind}_KEY": f"{p}_test_1" for kind, p in (("SECRET", "sk"), ("PUBLISHABLE", "pk"))
    }
    environ |= PUBLISHED | {"OBIT_EMBEDDED_POOLS_URL": "http://127.0.0.1:1/v1"}
    environ |= {"OBIT_EMBEDDED_GATE_URL": "http://127.0.0.1:1/gate/v1"}

    assert [load(name, environ).name for name in BUILT_IN] == list(BUILT_IN)


def test_a_profile_says_what_it_says(tmp_path: Path) -> None:
    target = loaded(tmp_path, spoiled("https://pools.example.com/v1", "https://pools.example.com/v1/"))

    assert (target.name, target.environment, target.strict) == ("mine", "sandbox", False)
    assert target.base_urls == {"pools": "https://pools.example.com/v1"}
    assert target.limits == Limits(trades=40, notional=Decimal("5000.00"), requests_per_second=20)
    assert target.patience.settle == 60
    assert target.order.pool is None
    assert target.accounts["approved"].secret_variable == "POOLS_KEY"
    secret = target.accounts["approved"].secret_key
    assert secret is not None
    assert secret.reveal() == SECRET_KEY


def test_what_optional_sections_say_is_resolved(tmp_path: Path) -> None:
    (tmp_path / "vendor.yaml").touch()
    text = spoiled('/v1"', '/v1"\ncontract = "vendor.yaml"') + (
        '[order]\namount = "10.00"\n[patience]\nsettle = 5\n'
        '[webhooks.pools]\nlisten = "[::1]:8000"\nsecret = "W"\n'
        'public_url = "https://hooks.example.com/a/"\n[handler]\nurl = "http://127.0.0.1:9/w"\nsecret = "H"\n'
        'effects_url = "http://localhost:9/e/{eventId}"\neffects_path = "data.count"\n'
    )

    target = loaded(tmp_path, text, W="whsec_w", H="whsec_h")

    assert target.contracts == {"pools": tmp_path / "vendor.yaml"}
    assert target.order.amount == Decimal("10.00")
    assert target.patience.settle == 5
    webhooks = target.webhooks["pools"]
    assert (webhooks.listen_host, webhooks.listen_port) == ("::1", 8000)
    assert webhooks.public_url == "https://hooks.example.com/a"
    assert (webhooks.header, webhooks.scheme, webhooks.tolerance) == (
        "Gate-Signature",
        "t-v1-hmac-sha256",
        300,
    )
    assert target.handler is not None
    assert target.handler.effects_url == "http://localhost:9/e/{eventId}"


def test_a_base_url_may_come_from_a_variable(tmp_path: Path) -> None:
    text = spoiled('base_url = "https://pools.example.com/v1"', 'base_url_variable = "POOLS_URL"')

    target = loaded(tmp_path, text, POOLS_URL="http://[::1]:8080/v1/")

    assert target.base_urls == {"pools": "http://[::1]:8080/v1"}


def test_a_base_url_from_a_variable_obeys_the_same_rules(tmp_path: Path) -> None:
    text = spoiled('base_url = "https://pools.example.com/v1"', 'base_url_variable = "POOLS_URL"')

    with pytest.raises(ProfileError, match="plain http to a host that is not loopback"):
        loaded(tmp_path, text, POOLS_URL="http://pools.example.com/v1")


@pytest.mark.parametrize("host", ["127.0.0.1:80", "127.8.9.1", "[::1]:1", "localhost:3000", "LOCALHOST"])
def test_plain_http_is_for_this_machine(host: str, tmp_path: Path) -> None:
    target = loaded(tmp_path, spoiled("https://pools.example.com/v1", f"http://{host}/v1"))

    assert target.base_urls == {"pools": f"http://{host}/v1"}


@pytest.mark.parametrize("host", ["127.0.0.1.example.com", "localhost.example.com", "0.0.0.0", "2130706433", "[::]"])
def test_a_host_that_only_looks_like_this_machine_needs_https(host: str, tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="not loopback"):
        loaded(tmp_path, spoiled("https://pools.example.com/v1", f"http://{host}/v1"))


def test_the_embedded_environment_needs_no_limits(tmp_path: Path) -> None:
    text = RIGHT.replace('"sandbox"', '"embedded"').replace("https://pools.example.com", "http://127.0.0.1:1")

    target = loaded(tmp_path, text.split("[limits]")[0])

    assert target.limits is None
    assert target.is_embedded


def test_the_digests_are_those_of_the_files(tmp_path: Path) -> None:
    approval = tmp_path / "approval.toml"
    approval.write_text(
        'partner_id = "p"\nproduct = "w"\nrequested_pools = []\napproved_environment = "sandbox"\n'
        'approved_sides = ["buy"]\nfunding_model = "f"\nwebhook_verified = true\n'
        "support_escalation_ready = true\n"
    )
    text = spoiled('"mine"', '"mine"\napproval = "approval.toml"')

    target = loaded(tmp_path, text)

    assert target.digests == {
        "profile": hashlib.sha256((tmp_path / "mine.toml").read_bytes()).hexdigest(),
        "approval": hashlib.sha256(approval.read_bytes()).hexdigest(),
    }


def test_the_approved_account_must_have_its_key(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="POOLS_KEY is not set"):
        loaded(tmp_path, POOLS_KEY="")


def test_another_account_without_its_key_is_missing_by_its_variable(tmp_path: Path) -> None:
    target = loaded(tmp_path, RIGHT + '[accounts.unfunded]\nsecret_key = "UNFUNDED_KEY"\n')

    assert "unfunded" not in target.accounts
    assert target.missing == {"unfunded": "UNFUNDED_KEY"}


def test_other_partner_must_be_another_partner(tmp_path: Path) -> None:
    text = RIGHT + '[accounts.other_partner]\nsecret_key = "OTHER_KEY"\n'

    with pytest.raises(ProfileError, match="the key of another partner"):
        loaded(tmp_path, text, OTHER_KEY=SECRET_KEY)


def test_nothing_is_lacking_where_everything_is_declared(tmp_path: Path) -> None:
    target = load("sandbox", PUBLISHED)

    assert target.lacking("account:approved") is None
    assert target.lacking("publishable_key") is None


@pytest.mark.parametrize(
    ("need", "text", "words"),
    [
        ("account:unfunded", "", "the profile has no [accounts.unfunded]"),
        ("account:unfunded", '[accounts.unfunded]\nsecret_key = "U_KEY"\n', "variable U_KEY is not set"),
        ("outcome:returned", "", "the profile has no recipe [outcomes.returned]"),
        ("approval", "", "names no approval record"),
        ("publishable_key", "", "variable PUBLIC_KEY is not set"),
        ("webhooks", "", "the profile has no [webhooks.pools]"),
        ("webhooks", WEBHOOKS, "variable W is not set"),
        ("handler", "", "the profile has no [handler]"),
        ("handler", '[handler]\nurl = "https://h.example"\nsecret = "H"\n', "variable H is not set"),
    ],
)
def test_what_is_lacking_is_named_for_the_author(need: str, text: str, words: str, tmp_path: Path) -> None:
    target = load(written(tmp_path, RIGHT + text), {"POOLS_KEY": SECRET_KEY})

    assert words in (target.lacking(need) or "nothing")


def test_a_remote_target_cannot_reach_a_loopback_receiver(tmp_path: Path) -> None:
    there = loaded(tmp_path, RIGHT + WEBHOOKS, W="whsec_1")
    here = loaded(tmp_path, spoiled("https://pools.example.com", "http://127.0.0.1:1") + WEBHOOKS, W="whsec_1")

    assert "public_url" in (there.lacking("webhooks") or "")
    assert here.lacking("webhooks") is None


def test_every_need_of_the_catalogue_is_understood() -> None:
    target = load("sandbox", PUBLISHED)

    needs = {need for requirement in load_requirements() for need in requirement.needs}

    assert {need for need in needs if target.lacking(need) == ""} == set()
    assert {need.partition(":")[2] for need in needs if need.startswith("account:")} <= set(STANDINGS)


def test_an_unknown_need_is_a_mistake_of_the_catalogue() -> None:
    with pytest.raises(ValueError, match="moonlight"):
        load("sandbox", PUBLISHED).lacking("moonlight")


def test_the_environment_given_is_the_only_one_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PUBLISHED.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ProfileError, match="OBIT_POOLS_SECRET_KEY is not set"):
        load("sandbox", {})
    assert os.environ["OBIT_POOLS_SECRET_KEY"] == PUBLISHED["OBIT_POOLS_SECRET_KEY"]
