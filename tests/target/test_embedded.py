"""The embedded sandbox starts with fresh keys, loads as a target, and is what its profile and approval say."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import httpx
import pytest

from conformance.target import STANDINGS, Secret, Target, embedded, load
from conformance.target.embedded import EmbeddedError, fresh_keys

POLLS = 10


class Partner:
    """A partner's calls to the embedded sandbox, no more of them than these tests need."""

    def __init__(self, target: Target, account: str = "approved") -> None:
        self.target = target
        key = target.accounts[account].secret_key
        assert key is not None
        self._http = httpx.Client(headers={"Authorization": f"Bearer {key.reveal()}"}, timeout=10)

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self._http.request(method, self.target.base_urls["pools"] + path, **more)

    def quote(self, **changes: str) -> dict[str, Any]:
        order = self.target.order
        body = {
            "side": "on_ramp",
            "fiatCurrency": "EUR",
            "cryptoCurrency": "USDT",
            "amount": str(order.amount),
            "cryptoNetwork": order.network,
            "destAddress": order.dest_address,
        }
        answer: dict[str, Any] = self.call("POST", f"/pools/{order.pool}/quote", json=body | changes).json()
        return answer

    def statuses(self, quote: str) -> list[str]:
        """What the trade of this quote becomes, poll by poll."""
        key = {"Idempotency-Key": str(uuid.uuid4())}
        body = {"quoteId": quote}
        traded = self.call("POST", f"/pools/{self.target.order.pool}/transact", json=body, headers=key)
        assert traded.is_success, traded.text
        return [self.call("GET", f"/pools/transactions/{quote}").json()["status"] for _ in range(POLLS)]

    def bring_about(self, outcome: str, **facts: str) -> list[int]:
        """Make the helper calls of a recipe; the statuses they were answered with."""
        base = self.target.base_urls["pools"]
        calls = self.target.outcomes[outcome].calls
        return [
            httpx.request(call.method, call.url_for(base, facts), json=call.body_for(facts), timeout=10).status_code
            for call in calls
        ]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[embedded.Embedded]:
    with embedded.start(os.environ, timeout=30) as running:
        yield running


@pytest.fixture(scope="module")
def target(sandbox: embedded.Embedded) -> Target:
    return load("embedded", sandbox.environ)


def test_keys_are_new_each_time_and_no_two_are_the_same() -> None:
    once, again = fresh_keys(), fresh_keys()

    assert len({*once.values(), *again.values()}) == 2 * 3 * len(STANDINGS)


def test_only_the_wrong_mode_has_a_live_key() -> None:
    live = {name for name, value in fresh_keys().items() if Secret(value).is_live}

    assert live == {"OBIT_SANDBOX_WRONG_MODE_SECRET_KEY", "OBIT_SANDBOX_WRONG_MODE_PUBLISHABLE_KEY"}


def test_what_is_asked_for_reaches_the_process_and_the_users_secrets_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: dict[str, Any] = {}

    @contextlib.contextmanager
    def fake(
        name: str, command: Sequence[str], environ: Mapping[str, str], hidden: Sequence[str], timeout: float
    ) -> Iterator[dict[str, Any]]:
        seen.update(words=list(command)[3:], environ=environ, timeout=timeout)
        yield {"ready": True, "url": "http://127.0.0.1:1/v1", "gate": "http://127.0.0.1:1/gate/v1", "control": None}

    monkeypatch.setattr(embedded, "running", fake)
    mine = {"PATH": "/bin", "OBIT_POOLS_SECRET_KEY": "sk_live_mine"}
    with embedded.start(
        mine,
        faults=["f"],
        dialects=["a", "b"],
        control=False,
        webhook_url="http://127.0.0.1:2/",
        extra_args=["--polls-to-settle", "3"],
        timeout=7,
    ) as running:
        given = running.environ

    assert " ".join(seen["words"]) == (
        "--exit-with-stdin --fault f --dialect a --dialect b --webhook-url http://127.0.0.1:2/ --polls-to-settle 3"
    )
    assert "sk_live_mine" not in seen["environ"].values()
    assert seen["environ"]["PATH"] == "/bin"
    assert seen["timeout"] == 7
    assert given == {**given, "OBIT_EMBEDDED_POOLS_URL": "http://127.0.0.1:1/v1"}
    assert "PATH" not in given


def test_an_option_the_sandbox_does_not_know_is_an_error_in_its_own_words() -> None:
    with (
        pytest.raises(EmbeddedError, match="no_such_fault"),
        embedded.start(os.environ, faults=["no_such_fault"], timeout=30),
    ):
        pass


def test_it_stops_with_its_context() -> None:
    with embedded.start(os.environ, control=False, timeout=30) as running:
        assert running.control is None
        assert httpx.get(f"{running.url}/pools", timeout=10).status_code == 401

    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{running.url}/pools", timeout=10)


def test_a_running_sandbox_shows_none_of_its_keys(sandbox: embedded.Embedded) -> None:
    assert not any(value in repr(sandbox) for name, value in sandbox.environ.items() if "URL" not in name)


def test_the_profile_declares_every_standing_and_lacks_nothing(target: Target) -> None:
    assert tuple(target.accounts) == STANDINGS
    assert target.missing == {}
    assert target.is_embedded
    assert not target.is_production


@pytest.mark.parametrize("standing", STANDINGS)
def test_the_sandbox_knows_every_key_of_the_profile(standing: str, target: Target) -> None:
    answer = Partner(target, standing).call("GET", "/pools/trades")

    assert answer.status_code == {"wrong_mode": 403, "throttled": 429}.get(standing, 200)


def test_the_approval_record_is_what_was_provisioned(target: Target) -> None:
    assert target.approval is not None
    partner = Partner(target)
    listed = {pool["id"] for pool in partner.call("GET", "/pools").json()["pools"]}

    assert listed == set(target.approval.pools)
    for pool in target.approval.pools.values():
        found = partner.call("GET", f"/pools/{pool.id}/capabilities").json()
        assert set(found["sides"]) == pool.sides
        assert set(found["supportedNetworks"]) == pool.networks
        assert Decimal(found["minOrderUsdt"]) == pool.min_order
        assert found["maxOrderUsdt"] is None or Decimal(found["maxOrderUsdt"]) == pool.max_order


@pytest.mark.parametrize("outcome", ["settled", "failed", "released", "returned"])
def test_a_trade_recipe_ends_the_trade_as_it_says(outcome: str, target: Target) -> None:
    partner = Partner(target)
    quote = partner.quote(**target.outcomes[outcome].request)

    assert partner.statuses(quote["quoteId"])[-1] == outcome


def test_the_recipe_for_an_unavailable_pool_makes_a_quote_unavailable(target: Target) -> None:
    answer = Partner(target).quote(**target.outcomes["unavailable"].request)

    assert answer["available"] is False


def test_the_recipe_for_time_lets_a_quote_expire_and_no_other(target: Target) -> None:
    partner = Partner(target)
    old, other = partner.quote()["quoteId"], partner.quote()["quoteId"]

    assert partner.bring_about("time_passes", quoteId=old, seconds="3600") == [200]

    status = {quote: partner.call("GET", f"/pools/quotes/{quote}").json()["status"] for quote in (old, other)}
    assert status == {old: "expired", other: "active"}


def test_the_recipes_for_access_take_it_and_give_it_back(target: Target) -> None:
    partner = Partner(target, "other_partner")
    path = f"/pools/{target.order.pool}/capabilities"

    assert partner.bring_about("access_suspended", account="other_partner") == [200]
    denied = partner.call("GET", path).status_code
    assert partner.bring_about("access_restored", account="other_partner") == [200]

    assert (denied, partner.call("GET", path).status_code) == (403, 200)


def test_the_recipes_for_webhooks_set_an_endpoint_and_send_again(target: Target) -> None:
    partner = Partner(target)
    # Nobody listens there; these tests only ask whether the sandbox takes the calls.
    assert partner.bring_about("webhook_endpoint", account="approved", url="http://127.0.0.1:9/") == [200]
    quote = partner.quote(**target.outcomes["settled"].request)["quoteId"]
    partner.statuses(quote)
    trade = partner.call("GET", f"/pools/transactions/{quote}").json()["transactId"]

    assert partner.bring_about("redelivery", transactId=trade) == [200]
