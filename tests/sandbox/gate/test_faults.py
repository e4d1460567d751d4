"""Every fault of 0Gate is seen by a client over HTTP. What holds of all faults is tested beside those of 0Pools."""

from __future__ import annotations

import functools

import pytest

from conformance.sandbox import variations
from tests.sandbox.worlds import Story, tell

from . import crossings, notices, redemptions, stories

FAULTS = {fault.name: fault for fault in variations.faults() if ".gate_" in fault.apply.__module__}

# Which story shows which fault.
SHOWN_BY: dict[Story, str] = {
    stories.a_session: """
        gate-amount-as-number gate-cancel-again-is-fine gate-cancel-answers-200 gate-cancel-answers-open
        gate-cancel-over-an-end gate-cancel-wears-off gate-cancel-without-effect gate-conflict-as-412
        gate-create-amount-rounded gate-create-without-secret gate-metadata-forgotten gate-read-expires
        gate-read-extends-expiry gate-secret-in-list gate-secret-on-cancel gate-secret-on-read
    """,
    stories.ends: """
        gate-cancel-conflict-cancels gate-cancel-trusts-a-cache gate-completed-becomes-expired
        gate-completion-not-kept gate-expired-reads-cancelled gate-expiry-not-kept
        gate-failed-action-ends-session gate-session-reads-processing
    """,
    stories.odd_sessions: """
        gate-amount-as-number-accepted gate-amount-unchecked gate-currency-made-up gate-package-from-anybody
        gate-refused-create-kept gate-return-address-optional
    """,
    stories.session_keys: """
        gate-body-compared-in-part gate-cancel-frees-key gate-key-answers-other-body
        gate-key-compared-without-case gate-key-conflict-after-the-fact gate-key-good-for-one-repeat
        gate-key-runs-other-body gate-keys-shared-answer gate-keys-shared-block gate-last-key-only
        gate-replay-new-id gate-replay-refused gate-session-key-ignored
    """,
    stories.session_lists: """
        gate-sessions-cursor-carries-owner gate-sessions-cursor-ignored gate-sessions-filter-of-everybody
        gate-sessions-filtered-after-paging gate-sessions-first-page-only gate-sessions-limit-ignored
        gate-sessions-list-lags gate-sessions-list-nameless gate-sessions-never-end gate-sessions-of-everybody
        gate-sessions-oldest-first gate-sessions-open-only gate-sessions-page-one-longer
        gate-sessions-paged-by-offset gate-sessions-repeat-at-page-end gate-sessions-skip-at-page-end
        gate-sessions-status-ignored gate-status-filter-lags
    """,
    stories.capabilities: """
        gate-asset-echoes-symbol gate-asset-in-envelope gate-capabilities-have-more
        gate-country-code-case-sensitive gate-country-filter-ignored gate-eligible-as-text
        gate-everybody-eligible gate-inactive-asset-served gate-ineligible-as-404
        gate-ineligible-without-reason gate-methods-default-to-euro gate-methods-need-a-currency
        gate-methods-without-name gate-payout-methods-page gate-supported-filter-ignored
        gate-supported-filter-turned-round gate-symbol-case-sensitive gate-unknown-asset-as-400
        gate-unknown-asset-is-empty gate-unknown-region-as-400 gate-unknown-region-as-404
        gate-unknown-region-gets-everything
    """,
    stories.customers: """
        gate-customer-key-ignored gate-customer-kyc-taken-from-body gate-customer-name-in-capitals
        gate-customer-reads-less gate-duplicate-refused-after-insert gate-duplicate-updates gate-email-twice
        gate-null-clears-nothing gate-omitted-is-cleared gate-reference-twice gate-update-changes-email
        gate-update-changes-kyc-status gate-update-drops-immutable gate-update-keeps-unknown
        gate-update-not-kept gate-update-refused-in-part gate-update-undoes-the-last
    """,
    stories.odd_customers: """
        gate-customer-country-unchecked gate-customer-email-unchecked gate-customer-name-endless
        gate-customer-without-email
    """,
    stories.deletions: """
        gate-delete-again-is-404 gate-delete-answers-record gate-delete-marker-moves gate-delete-not-kept
        gate-deleted-found-by-filter gate-deleted-frees-email gate-deleted-frees-reference gate-deleted-listed
        gate-deleted-readable gate-foreign-customer-as-403 gate-recreate-restores
    """,
    stories.customer_lists: """
        gate-customers-email-ignored gate-customers-filter-of-everybody gate-customers-first-page-only
        gate-customers-of-everybody gate-customers-oldest-first gate-customers-reference-in-part
        gate-customers-reference-unfound gate-customers-repeat-at-page-end gate-customers-skip-at-page-end
    """,
    stories.branding: """
        gate-branding-answers-what-was-sent gate-branding-colour-unchecked gate-branding-logo-without-tls
        gate-branding-not-kept gate-branding-refused-in-part gate-branding-replaced
        gate-branding-unknown-token-dropped
    """,
    stories.widget: """
        gate-embed-any-origin gate-embed-binds-newest-session gate-embed-binds-nothing
        gate-embed-foreign-secret gate-embed-origin-by-beginning gate-embed-origin-optional
        gate-embed-origin-without-scheme gate-embed-refusal-with-token gate-embed-secret-key-accepted
        gate-embed-secret-read-for-its-session gate-embed-subdomains gate-embed-token-of-other-algorithm
        gate-embed-token-opaque gate-embed-token-unsigned gate-embed-unknown-key
        gate-embed-unknown-secret-ignored gate-embed-without-key gate-embed-origin-by-ending
        gate-embed-origin-anywhere gate-embed-referer-anywhere
    """,
    stories.widget_afterwards: """
        gate-embed-cancelled-session gate-embed-expired-session gate-embed-secret-outlives-session
    """,
    stories.two_partners: """
        gate-branding-of-everybody gate-branding-overwrites-all gate-email-taken-by-anybody
        gate-reference-taken-by-anybody
    """,
    stories.doors: """
        gate-branding-open gate-capabilities-open gate-missing-key-as-400 gate-missing-key-as-403
        gate-mode-checked-for-writes gate-mode-not-checked gate-publishable-changes-branding
        gate-publishable-creates-sessions gate-publishable-reads-capabilities gate-publishable-reads-customers
        gate-publishable-redeems gate-publishable-refused-too-late gate-unknown-key-accepted
        gate-unknown-key-as-403 gate-unknown-key-as-404
    """,
    stories.entitlements: """
        gate-customers-checked-at-create-only gate-customers-not-checked gate-product-checked-at-writes
        gate-product-missing-as-401 gate-product-not-checked gate-rails-checked-at-lock-only
        gate-rails-checked-at-redemption-only gate-rails-missing-as-404 gate-rails-not-checked
        gate-rate-limited-for-writes
    """,
    stories.nobodys: """
        gate-bad-amount-crashes gate-cancel-unknown-accepted gate-envelope-nested
        gate-envelope-request-id-differs gate-envelope-status-wrong gate-envelope-without-code
        gate-errors-as-html gate-request-id-missing-on-lists gate-session-names-route
        gate-unknown-cursor-crashes gate-unknown-quote-reads-expired
    """,
    stories.strangers: """
        gate-cancel-foreign gate-cancel-foreign-behind-404 gate-foreign-customer-deleted-behind-404
        gate-foreign-customer-readable gate-foreign-customer-updated gate-foreign-quote-as-403
        gate-foreign-quote-readable gate-foreign-quote-redeemable gate-foreign-quote-used-up
        gate-foreign-rail-as-403 gate-foreign-rail-readable gate-foreign-session-as-403
        gate-foreign-session-readable gate-foreign-session-redeemed-for gate-foreign-transaction-as-403
        gate-foreign-transaction-readable gate-unknown-session-as-400
    """,
    redemptions.previews: """
        gate-lock-of-other-asset gate-lock-of-other-side gate-preview-as-numbers
        gate-preview-is-a-signed-quote gate-preview-locks gate-preview-without-prices
    """,
    redemptions.odd_orders: """
        gate-amount-of-nine-decimals gate-amount-of-zero-quoted gate-lock-method-made-up
        gate-negative-amount-quoted gate-number-as-amount-quoted gate-order-side-made-up
    """,
    redemptions.quotes: """
        gate-lapsed-is-404 gate-lapsed-reads-active gate-lapsed-redeemable gate-lock-expired-at-birth
        gate-lock-unsigned gate-quote-as-numbers gate-read-redeems gate-read-renews-quote gate-read-reprices
    """,
    redemptions.rails: """
        gate-pay-out-is-a-pay-in gate-pay-out-key-ignored gate-quote-redeemed-again
        gate-quote-redeemed-again-answers-first gate-rail-amount-as-number
        gate-rail-key-ignored gate-rail-refused-uses-quote-up gate-rail-takes-amount-less-fees
        gate-redeemed-reads-active gate-second-try-redeems
    """,
    redemptions.rail_ends: """
        gate-cancelled-rail-reads-failed gate-failed-rail-frees-quote gate-failed-rail-reads-settled
        gate-failed-rail-tries-again gate-rail-end-not-kept gate-rail-never-settles
        gate-rail-settles-and-reopens gate-settled-rail-later-fails
    """,
    redemptions.refused_rails: """
        gate-rail-details-use-quote-up gate-rail-drops-details gate-rail-echoes-details
        gate-rail-for-completed-session gate-rail-for-ended-session gate-rail-for-unverified-user
        gate-rail-ignores-amount gate-rail-of-unknown-session gate-rail-unverified-uses-quote-up
        gate-unknown-session-uses-quote-up gate-unverified-pay-outs-only
    """,
    redemptions.transactions: """
        gate-rail-without-transaction gate-transaction-amounts-as-numbers gate-transaction-names-route
        gate-transaction-reads-otherwise gate-transaction-unreadable gate-transactions-filter-of-everybody
        gate-transactions-list-without-data gate-transactions-lose-their-session
        gate-transactions-of-everybody gate-transactions-of-first-session gate-transactions-repeat-at-page-end
        gate-transactions-session-ignored gate-transactions-skip-at-page-end
    """,
    notices.sessions_told: """
        gate-completed-without-transaction gate-created-told-twice gate-event-amount-as-number
        gate-event-data-at-the-top gate-event-for-refused-cancel gate-event-of-id-only gate-event-time-as-text
        gate-event-time-in-milliseconds gate-event-without-id gate-event-without-metadata
        gate-event-without-reference gate-expiry-told-as-cancellation gate-no-event-of-cancellation
        gate-no-event-of-completion gate-no-event-of-creation gate-no-event-of-expiry gate-no-event-of-failure
        gate-no-event-of-processing gate-replay-tells-again gate-secret-in-created-event
        gate-secret-in-last-event
    """,
    notices.rails_told: """
        gate-event-of-rail-names-quote gate-no-event-of-rail-failure gate-no-event-of-rail-start
        gate-no-event-of-redemption gate-pay-out-told-as-pay-in gate-rail-settled-told-at-start
        gate-redemption-told-twice
    """,
    notices.customers_told: """
        gate-customer-creation-told-as-update gate-customer-deletion-told-each-time
        gate-no-event-of-customer-deletion gate-no-event-of-customer-update
    """,
    notices.two_partners_told: """
        gate-webhook-only-200-counts gate-webhook-sent-twice gate-webhook-to-everybody
    """,
    notices.refused_deliveries: """
        gate-webhook-any-answer-counts gate-webhook-created-comes-late gate-webhook-new-id-on-retry
        gate-webhook-signed-once gate-webhook-tried-once
    """,
    notices.unanswered_deliveries: """
        gate-webhook-silence-counts gate-webhook-silence-forgotten
    """,
    notices.refused_for_good: """
        gate-webhook-three-attempts
    """,
    notices.taken_deliveries: """
        gate-deliveries-forgotten gate-deliveries-limit-ignored gate-deliveries-of-everybody
        gate-deliveries-oldest-first gate-deliveries-show-body gate-deliveries-show-payload
        gate-deliveries-skip-counts-pages gate-deliveries-skip-ignored gate-deliveries-status-ignored
        gate-delivery-log-without-address gate-delivery-logged-under-family
        gate-delivery-logged-under-other-id gate-delivery-stuck-in-flight gate-replay-of-success-accepted
        gate-replay-of-success-as-409 gate-replay-of-unknown-as-400 gate-replay-refused-and-sent
        gate-test-event-always-the-same gate-test-event-live gate-test-event-of-other-type
        gate-test-event-sent-once gate-test-event-without-livemode gate-webhook-body-changed-after-signing
        gate-webhook-header-names-delivery gate-webhook-header-of-other-time gate-webhook-header-without-type
        gate-webhook-signature-in-capitals gate-webhook-signed-with-half-a-secret
        gate-webhook-signed-with-other-secret gate-webhook-signs-body-alone gate-webhook-signs-parsed-body
        gate-webhook-timestamp-in-milliseconds gate-webhook-unsigned
    """,
    notices.dead_letters: """
        gate-foreign-delivery-as-403 gate-replay-answers-dead-letter gate-replay-as-new-event
        gate-replay-foreign gate-replay-not-sent
    """,
    notices.nowhere: """
        gate-test-event-to-nowhere gate-test-event-without-address-as-404
    """,
    crossings.races: """
        gate-race-in-progress-forever gate-race-loser-crashes gate-race-one-address gate-race-one-quote
        gate-race-rails-one-key gate-race-same-key
    """,
    crossings.hang_ups: """
        gate-hang-up-forgets-key gate-hang-up-keeps-key-busy
    """,
}
ROWS = [(name, story) for story, names in SHOWN_BY.items() for name in names.split()]


@functools.cache
def healthy(story: Story) -> list[object]:
    return tell(story)


@functools.cache
def with_fault(name: str, story: Story) -> list[object]:
    return tell(story, name)


def test_each_fault_is_shown_by_one_story() -> None:
    assert sorted(name for name, _ in ROWS) == sorted(FAULTS)


@pytest.mark.parametrize("story", SHOWN_BY, ids=lambda story: story.__name__)
def test_two_healthy_sandboxes_tell_the_same_story(story: Story) -> None:
    assert tell(story) == healthy(story)


@pytest.mark.parametrize(("name", "story"), ROWS, ids=[name for name, _ in ROWS])
def test_a_client_sees_the_fault(name: str, story: Story) -> None:
    assert with_fault(name, story) != healthy(story)


@pytest.mark.parametrize(("name", "story"), ROWS, ids=[name for name, _ in ROWS])
def test_a_fault_crashes_nothing_unless_that_is_what_it_does(name: str, story: Story) -> None:
    crashed = "'api_error'" in str(with_fault(name, story))

    assert not crashed or "WIRE-NO-SERVER-ERROR" in FAULTS[name].breaks
