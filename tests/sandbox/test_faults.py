"""Every fault can be put in and taken out, names what it breaks, and is seen by a client over HTTP."""

from __future__ import annotations

import functools
import re
import sys
from pathlib import Path

import pytest
import yaml

import conformance.sandbox
from conformance.sandbox import variations
from conformance.sandbox.variations import Fault

from . import meetings, returns, stories, unsaid
from .worlds import Story, tell

FAULTS = {fault.name: fault for fault in variations.faults()}
CATALOGUE = Path(conformance.sandbox.__file__).parents[1] / "requirements"
PRODUCTS = ("wire", "pools", "gate")

# Which story shows which fault.
SHOWN_BY: dict[Story, str] = {
    stories.one_order: """
        balance-always-null balance-as-number balance-shows-treasury balance-stale debit-forgotten debit-in-crypto
        debit-rounded debit-twice delta-as-number ledger-entry-without-reason ledger-ref-without-join
        poll-flickers-back poll-never-advances quote-names-route rate-as-number refund-on-settlement
        request-id-missing-on-ledger spread-as-text status-of-the-bank trade-amount-differs-on-read
        trade-amount-less-fee trade-drops-network trade-names-provider trade-reprices trade-without-quote-id
        transact-answers-settled
    """,
    stories.each_outcome: """
        failed-becomes-settled failure-reads-settled ledger-available-forgets-refunds poll-refunds-each-time
        refund-as-deposit refund-forgotten refund-less-fee refund-twice released-reopens return-not-credited
        return-not-surfaced returned-settles-again returned-without-settling
    """,
    stories.reads_between_polls: """
        balance-read-advances ledger-read-advances trade-list-advances trade-read-advances trade-read-lags
    """,
    stories.retries: """
        key-answers-for-other-quote key-conflict-uses-quote-up key-executes-other-quote key-ignored
        key-is-the-only-guard late-replay-executes replay-debits-again replay-names-new-trade replay-refused
    """,
    stories.unusual_keys: """
        key-compared-without-case key-cut-short key-missing-accepted key-missing-refused-too-late
    """,
    stories.same_key_of_two_partners: """
        key-shared-by-partners-answers key-shared-by-partners-blocks
    """,
    stories.endings: """
        consumed-becomes-expired consumed-reads-active expired-executable expired-is-gone expired-purged
        expired-reads-active reading-extends-expiry reading-reprices reject-consumed-accepted
        reject-consumed-undoes-trade reject-expired-accepted reject-idempotent reject-not-kept
        rejected-becomes-expired rejected-executable
    """,
    stories.prices: """
        debit-at-quote expiry-already-past expiry-fifteen-minutes expiry-in-local-time expiry-without-zone
        fee-differs-from-capabilities fee-taken-from-output firm-not-executable firm-without-expiry
        firm-without-quote-id indicative-debits indicative-executable indicative-ignored indicative-makes-trade
        indicative-with-quote-id quote-shared-by-identical-orders rate-not-applied spread-above-cap
        total-without-fee unavailable-as-404 unavailable-as-503 unavailable-for-unknown-reason
        unavailable-quoted-anyway unavailable-with-quote-id
    """,
    stories.odd_orders: """
        amount-as-number-crashes body-missing-crashes limits-in-fiat maximum-not-enforced minimum-not-enforced
        negative-amount-accepted other-currency-accepted unknown-network-accepted unknown-side-accepted
        unreadable-amount-becomes-minimum validation-as-422 zero-amount-accepted
    """,
    stories.other_destination: """
        destination-from-transact
    """,
    stories.entitlement: """
        balance-available-is-the-amount balance-names-other-pools balance-without-tier balance-zero-when-ungated
        capabilities-all-sides capabilities-bounds-swapped capabilities-maximum-of-other-tier
        capabilities-minimum-of-other-tier capabilities-network-missing capabilities-of-first-pool
        capabilities-without-spread-cap discovery-one-pool-per-currency discovery-refused-without-default-pool
        discovery-row-per-network discovery-shows-all discovery-shows-reserve funding-as-text
        funding-currency-ignored funding-currency-required funding-unprovisioned-as-404 funding-unprovisioned-empty
        funding-without-reference pool-gate-missing-at-balance
    """,
    stories.denials: """
        access-gate-missing-at-quote access-gate-missing-at-transact codes-all-forbidden kyc-gate-missing-at-quote
        kyc-gate-missing-at-transact pool-denied-as-400 pool-gate-missing-at-capabilities pool-gate-missing-at-quote
        suspended-as-401 suspension-gate-missing-at-quote suspension-seen-too-late tier-as-400
        tier-gate-missing-at-quote tier-gate-missing-at-transact
    """,
    stories.refused_executions: """
        balance-gate-missing key-stuck-after-402 off-ramp-as-409 off-ramp-crashes off-ramp-executed
        off-ramp-uses-quote-up refused-402-keeps-debit refused-402-keeps-trade refused-402-uses-quote-up
        velocity-as-402 velocity-per-order velocity-stops-quotes
    """,
    stories.strange_keys: """
        discovery-open key-missing-refused-with-403 key-unknown-accepted key-unknown-refused-with-403
        mode-checked-for-reads-only mode-not-checked publishable-reads-balance publishable-reads-ledger
        publishable-reads-trades publishable-refused-in-discovery publishable-rejects publishable-transacts
    """,
    stories.strangers: """
        cursor-carries-its-owner foreign-quote-as-403 foreign-quote-executable foreign-quote-readable
        foreign-quote-rejectable foreign-quote-rejected-behind-404 foreign-trade-as-403 foreign-trade-pollable
        foreign-trade-readable ledger-of-everybody trades-of-everybody
    """,
    stories.nobodys: """
        envelope-nested envelope-request-id-differs envelope-status-code-text envelope-status-code-wrong
        envelope-without-code errors-as-problem-json not-found-as-html request-id-missing-on-errors
        unknown-pool-as-400 unknown-quote-executed-as-409 unknown-quote-reads-expired unknown-quote-rejected
        unknown-trade-crashes unknown-transaction-as-403
    """,
    stories.lists: """
        cursor-unreadable-crashes filter-created-after-ignored filter-created-before-ignored filter-side-ignored
        filter-status-ignored filters-after-paging ledger-ends-with-empty-cursor ledger-first-page-only
        ledger-hides-refunds ledger-limit-refused ledger-limit-zero-crashes ledger-never-ends
        ledger-repeats-at-page-end ledger-skips-at-page-end limit-not-a-number-crashes trades-has-more-at-the-end
        trades-has-more-never trades-limit-ignored trades-never-end trades-oldest-first trades-pages-by-offset
        trades-repeat-at-page-end trades-settled-only trades-skip-at-page-end
    """,
    stories.long_ledger: """
        ledger-limit-not-clamped
    """,
    meetings.races: """
        race-loser-crashes race-loser-debited race-other-keys race-polls-refund race-reject-against-transact
        race-same-key race-transact-against-reject
    """,
    meetings.overspending: """
        race-overdraws race-passes-cap race-refused-debit-stays
    """,
    unsaid.over_the_rate: """
        gate-throttle-answers-403 throttle-answers-403 throttle-behind-the-gates
    """,
    returns.retries_after_others: """
        final-trade-forgotten last-execution-only replay-names-newest-trade replay-served-to-strangers
    """,
    returns.hang_ups: """
        hang-up-frees-quote hang-up-keeps-key-busy
    """,
    returns.hang_up_on_a_reject: """
        hang-up-undoes-reject
    """,
    returns.impatient_retries: """
        in-progress-mark-too-short
    """,
    returns.crossings: """
        in-flight-refusal-debits key-in-progress-for-everybody race-balance-update-lost race-expiry-keeps-debit
        race-one-key-two-quotes
    """,
    unsaid.defaults: """
        balance-shows-verification discovery-refuses-without-access network-defaults-to-ethereum
        network-listed-and-refused network-required type-defaults-to-indicative type-required
    """,
    unsaid.every_end: """
        filter-forgets-released
    """,
    unsaid.beyond_the_cap: """
        cap-forgets-the-order
    """,
    unsaid.shut_together: """
        suspension-hides-kyc two-problems-are-none
    """,
    unsaid.long_lists: """
        ledger-default-is-the-maximum ledger-holds-one-more ledger-page-oldest-first trades-default-is-everything
    """,
    unsaid.filtered_by_strangers: """
        status-filter-of-everybody time-filter-of-everybody
    """,
    unsaid.told_unasked: """
        webhook-for-rejected webhook-names-the-provider
    """,
    meetings.deliveries: """
        webhook-always-settled webhook-body-changed-after-signing webhook-for-reserved webhook-for-returned
        webhook-id-new-on-redelivery webhook-id-of-other-digest webhook-none webhook-signed-with-half-a-secret
        webhook-signed-with-previous-secret webhook-signs-parsed-body webhook-timestamp-stale
        webhook-type-of-other-product webhook-unsigned
    """,
}
ROWS = [(name, story) for story, names in SHOWN_BY.items() for name in names.split()]


@functools.cache
def environment_requirements() -> set[str]:
    entries = [entry for name in PRODUCTS for entry in yaml.safe_load((CATALOGUE / f"{name}.yaml").read_text())]
    return {entry["id"] for entry in entries if entry.get("side", "environment") == "environment"}


@functools.cache
def healthy(story: Story) -> list[object]:
    return tell(story)


@functools.cache
def with_fault(name: str, story: Story) -> list[object]:
    return tell(story, name)


def names_of_the_sandbox() -> dict[tuple[str, str], object]:
    """Everything that stands under a name in a module of the sandbox."""
    return {
        (module_name, name): value
        for module_name, module in list(sys.modules.items())
        if module_name.startswith("conformance.sandbox")
        for name, value in vars(module).items()
    }


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_replaces_something_and_puts_it_back(name: str) -> None:
    before = names_of_the_sandbox()

    patch = variations.apply([name], [])
    during = names_of_the_sandbox()
    patch.undo()
    after = names_of_the_sandbox()

    assert any(during[place] is not value for place, value in before.items())
    assert all(after[place] is value for place, value in before.items())


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_a_fault_says_what_it_is(fault: Fault) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", fault.name)
    assert fault.summary
    assert re.search(r"facts sections? |seed 00", fault.fact)
    assert fault.klass


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_a_fault_names_requirements_of_the_environment_each_once(fault: Fault) -> None:
    named = [*fault.breaks, *fault.drags]

    assert fault.breaks
    assert len(named) == len(set(named))
    assert set(named) <= environment_requirements()


@pytest.mark.parametrize("requirement", sorted(environment_requirements()))
def test_each_requirement_is_broken_by_a_fault(requirement: str) -> None:
    assert [fault.name for fault in FAULTS.values() if requirement in fault.breaks]


def test_each_fault_is_shown_by_one_story() -> None:
    of_gate = {name for name, fault in FAULTS.items() if ".gate_" in fault.apply.__module__}

    assert sorted(name for name, _ in ROWS) == sorted(set(FAULTS) - of_gate)


@pytest.mark.parametrize("story", SHOWN_BY, ids=lambda story: story.__name__)
def test_two_healthy_sandboxes_tell_the_same_story(story: Story) -> None:
    assert tell(story) == healthy(story)


@pytest.mark.parametrize(("name", "story"), ROWS, ids=[name for name, _ in ROWS])
def test_a_client_sees_the_fault(name: str, story: Story) -> None:
    assert with_fault(name, story) != healthy(story)


@pytest.mark.parametrize(("name", "story"), ROWS, ids=[name for name, _ in ROWS])
def test_a_fault_crashes_nothing_unless_that_is_what_it_does(name: str, story: Story) -> None:
    seen = str(with_fault(name, story))
    crashed = "'internal_error'" in seen or "'a crash'" in seen

    assert not crashed or "WIRE-NO-SERVER-ERROR" in FAULTS[name].breaks
