"""Keys, and the wall between partners: what no key, a wrong key, a publishable key and another partner may see."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from conformance.client import PoolsApi, Reply
from conformance.scenarios.bench import Bench
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.desk import Desk, iso, joins, next_cursor, the_list
from conformance.scenarios.pools.proof import as_it_was, nothing_moved

NOBODYS_KEY = "sk_test_conformance0nobody0issued0this0"


def guarded_calls(desk: Desk, api: PoolsApi, quote: str) -> list[tuple[str, Callable[[], Reply]]]:
    """The eleven operations that take a secret key, aimed at a real pool and a real quote."""
    pool, key = desk.terms.pool, desk.bench.key()
    return [
        ("capabilities", lambda: api.capabilities(pool)),
        ("quote", lambda: api.quote(pool, desk.terms.request())),
        ("transact", lambda: api.transact(pool, quote, key)),
        ("status", lambda: api.poll(quote)),
        ("trades", api.trades),
        ("trade", lambda: api.trade("txn_test_conformance0unknown")),
        ("read quote", lambda: api.read_quote(quote)),
        ("reject", lambda: api.reject(quote)),
        ("balance", lambda: api.balance(pool)),
        ("funding", api.funding),
        ("ledger", api.ledger),
    ]


@scenario("AUTH-MISSING-KEY", "AUTH-UNKNOWN-KEY")
def test_without_a_valid_key_every_operation_answers_401(bench: Bench, desk: Desk, judge: Judge) -> None:
    quote = desk.firm()
    for requirement, token in (("AUTH-MISSING-KEY", None), ("AUTH-UNKNOWN-KEY", NOBODYS_KEY)):
        api = bench.anonymous(token)
        calls = [("discovery", api.pools), *guarded_calls(desk, api, quote.id)]
        replies = [(name, call()) for name, call in calls]
        wrong = [f"{name} {reply.status}" for name, reply in replies if reply.status != 401]
        proof = nothing_moved(desk, quote.id, "active")
        judge.check(
            requirement,
            not wrong and proof.ok,
            "401 from all twelve operations, and nothing moved",
            f"{', '.join(wrong) or '401 from all'}; {proof.observed}",
            *(reply for _, reply in replies if reply.status != 401),
            *proof.seen,
        )


@scenario("AUTH-PUBLISHABLE-DISCOVERY-ONLY", needs=["publishable_key"])
def test_a_publishable_key_opens_nothing_but_discovery(bench: Bench, desk: Desk, judge: Judge) -> None:
    quote = desk.firm()
    replies = [(name, call()) for name, call in guarded_calls(desk, bench.published(), quote.id)]
    wrong = [f"{name} {reply.status}" for name, reply in replies if reply.status not in (401, 403)]
    proof = nothing_moved(desk, quote.id, "active")
    judge.check(
        "AUTH-PUBLISHABLE-DISCOVERY-ONLY",
        not wrong and proof.ok,
        "401 or 403 from all eleven other operations, and nothing moved",
        f"{', '.join(wrong) or 'refused by all'}; {proof.observed}",
        *(reply for _, reply in replies if reply.status not in (401, 403)),
        *proof.seen,
    )


@scenario("POOLS-ISOLATION-OBJECTS", "POOLS-ISOLATION-LISTS", needs=["account:other_partner"], trades=2)
def test_another_partner_cannot_see_or_touch_our_objects(bench: Bench, desk: Desk, judge: Judge) -> None:
    quote, done = desk.firm(), desk.firm()
    desk.execute(desk.firm())
    transact = str(desk.execute(done).object().get("transactId"))
    other = Desk(bench, "other_partner")
    before = desk.moved_late(done.id, transact)
    attempts = [
        ("read of our quote", other.api.read_quote(quote.id)),
        ("status of our trade", other.api.poll(done.id)),
        ("read of our trade", other.api.trade(transact)),
        ("reject of our quote", other.api.reject(quote.id)),
        ("transact of our quote", other.api.transact(quote.pool, quote.id, bench.key())),
        ("transact of our executed quote", other.api.transact(done.pool, done.id, bench.key())),
    ]
    wrong = [f"{name} {reply.status}" for name, reply in attempts if reply.status != 404]
    proof = nothing_moved(desk, quote.id, "active")
    kept = as_it_was(desk, done.id, transact, before)
    judge.check(
        "POOLS-ISOLATION-OBJECTS",
        not wrong and proof.ok and kept.ok,
        "404 for each, and our objects unchanged",
        f"{', '.join(wrong) or '404 for each'}; {proof.observed}; {kept.observed}",
        *(reply for name, reply in attempts),
        *proof.seen,
        *kept.seen,
    )
    _judge_lists(bench, desk, other, judge)


def _judge_lists(bench: Bench, desk: Desk, other: Desk, judge: Judge) -> None:
    """The other partner's lists, also continued from our own cursors, show nothing of ours."""
    heads = [desk.api.trades(limit="1"), desk.api.ledger(limit="1")]
    cursors = [next_cursor(head.object()) for head in heads]
    pages = [other.api.trades(limit="100"), other.api.ledger(limit="200")]
    started = iso(bench.started - timedelta(days=1))
    for query in ({"side": desk.terms.side}, {"status": "reserved"}, {"status": "settled"}, {"created_after": started}):
        pages.append(other.api.trades(limit="100", **query))
    pages += [other.api.trades(cursor=cursors[0])] if cursors[0] else []
    pages += [other.api.ledger(cursor=cursors[1])] if cursors[1] else []
    ours = {known for order in bench.orders if order.account == desk.account for known in (order.transact, order.quote)}
    rows = [row for page in pages if page.ok for row in the_list(page.object())]
    leaked = [row for row in rows if joins(row, ours)]
    judge.check(
        "POOLS-ISOLATION-LISTS",
        not leaked,
        "no trade and no ledger entry of ours in the other partner's lists, filtered or not, from the start or our "
        "cursors",
        f"{len(leaked)} row(s) of ours among {len(rows)}",
        *pages,
    )


@scenario("POOLS-ISOLATION-KEYS", needs=["account:other_partner"], trades=2)
def test_idempotency_keys_of_two_partners_do_not_meet(bench: Bench, desk: Desk, judge: Judge) -> None:
    other = Desk(bench, "other_partner")
    ours, theirs, key = desk.firm(), other.firm(), bench.key()
    first = desk.execute(ours, key)
    second = other.execute(theirs, key)
    ids = [reply.object().get("transactId") for reply in (first, second)]
    judge.check(
        "POOLS-ISOLATION-KEYS",
        first.ok and second.ok and ids[0] != ids[1] and second.object().get("quoteId") in (None, theirs.id),
        "each partner gets a trade of its own under the same key",
        f"{first.status} and {second.status}" + (", one trade for both" if ids[0] == ids[1] else ""),
        first,
        second,
    )
