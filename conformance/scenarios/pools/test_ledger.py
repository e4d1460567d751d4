"""Step 8 and the reads behind it: ledger, trades, balance and funding reconcile with our own order record."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, timedelta
from decimal import Decimal
from typing import Any

from conformance.client import Reply
from conformance.journal import Order, ReconciliationRow
from conformance.model.pools import may_follow
from conformance.scenarios.bench import Bench
from conformance.scenarios.judging import Judge, scenario
from conformance.scenarios.pools.desk import (
    FINAL,
    LATE,
    REFUNDED,
    Desk,
    contradicts,
    decimal,
    iso,
    joins,
    moment,
    next_cursor,
    nobodys,
    odd_amount,
    the_list,
)

WORDS = FINAL | {"reserved"}
"""The published statuses of a trade that is in the list."""
ATTEMPTS = 8
"""How often two reads are tried to be of the same moment while others trade on the account."""

POLLED = 60
"""How many orders of an account, the newest, are polled once more before they are reconciled."""


@scenario("POOLS-RECONCILES", "POOLS-LEDGER-ONE-DEBIT", "POOLS-LEDGER-REFUNDS", smoke=True, last=True, trades=3)
def test_every_order_of_this_run_reconciles(bench: Bench, desk: Desk, judge: Judge) -> None:
    _settle_some(bench, desk)
    rows: list[ReconciliationRow] = []
    for account in dict.fromkeys(order.account for order in bench.orders):
        rows += _reconciled_account(bench, desk if account == desk.account else Desk(bench, account))
    for row in rows:
        bench.journal.append(row)
    unmatched = [f"{row.order}: {row.result}" for row in rows if row.result != "matched"]
    judge.check(
        "POOLS-RECONCILES",
        not unmatched,
        f"{len(rows)} orders, each with one trade and its ledger entries",
        "; ".join(unmatched[:5]) or f"{len(rows)} orders match",
    )
    if not desk.gated:
        for requirement in ("POOLS-LEDGER-ONE-DEBIT", "POOLS-LEDGER-REFUNDS"):
            judge.not_applicable(requirement, "the balance gate of this account is off")
        return
    rows = [row for row in rows if row.account == desk.account]
    debits = [row.order for row in rows if list(map(Decimal, row.debits)) != [-Decimal(row.order_amount)]]
    judge.check(
        "POOLS-LEDGER-ONE-DEBIT",
        not debits,
        "one buy_debit of minus the order's amount for each order",
        f"not so for {', '.join(debits[:5])}" if debits else f"so for {len(rows)} orders",
    )
    refunds = [
        row.order
        for row in rows
        if list(map(Decimal, row.refunds)) != [-Decimal(debit) for debit in row.debits if row.trade_status in REFUNDED]
    ]
    judge.check(
        "POOLS-LEDGER-REFUNDS",
        not refunds,
        "one full refund for a failed, released or returned trade, none for any other",
        f"not so for {', '.join(refunds[:5])}" if refunds else f"so for {len(rows)} orders",
    )


def _settle_some(bench: Bench, desk: Desk) -> None:
    """Leave an order in every end this target can be brought to, whatever else ran before."""
    for outcome in ("settled", "failed", "released"):
        recipe = bench.target.outcomes.get(outcome)
        if recipe is None and outcome != "settled":
            continue
        quote = desk.firm(**{"amount": odd_amount(bench, desk), **(recipe.request if recipe else {})})
        executed = desk.execute(quote)
        if recipe is not None:
            facts = {"account": desk.account, "poolId": quote.pool, "quoteId": quote.id}
            bench.perform(outcome, **facts, transactId=str(executed.object().get("transactId")))
        desk.poll_to_end(quote.id)


def _reconciled_account(bench: Bench, desk: Desk) -> list[ReconciliationRow]:
    """The rows of one account: its orders joined with what a poll, the trades list and the ledger show."""
    orders = [order for order in bench.orders if order.account == desk.account]
    listed = [row for _, row in desk.list_trades()]
    trades = {str(row.get("transactId")): row for row in listed}
    counted = Counter(str(row.get("quoteId")) for row in listed)
    polled = {order.quote: desk.api.poll(order.quote).object() for order in orders[-POLLED:]}
    entries = [row for _, row in desk.list_entries()]
    return [
        reconciled(desk, order, trades, polled.get(order.quote, {}), entries, counted[order.quote]) for order in orders
    ]


def reconciled(
    desk: Desk,
    order: Order,
    trades: dict[str, dict[str, Any]],
    polled: dict[str, Any],
    entries: list[dict[str, Any]],
    copies: int,
) -> ReconciliationRow:
    """One order joined by its ids with what the target shows; ``result`` says what does not fit."""
    trade = trades.get(order.transact)
    status = str(polled.get("status") or (trade or {}).get("status") or "")
    joined = [entry for entry in entries if joins(entry, {order.quote, order.transact})]
    deltas = [
        delta
        for entry in joined
        if (delta := decimal(entry.get("delta"))) is not None and not contradicts(delta, entry.get("reason"))
    ]
    debits = tuple(delta for delta in deltas if delta < 0)
    refunds = tuple(delta for delta in deltas if delta >= 0)
    amount = Decimal(order.amount)
    problems = []
    if trade is None:
        problems.append("no trade in the list")
    elif trade.get("quoteId") != order.quote:
        problems.append("the trade names another quote")
    if copies > 1:
        problems.append(f"{copies} trades for one quote")
    before = desk.bench.shared.get(f"status {order.quote}")
    if str(before) in FINAL and status and not may_follow(str(before), status):
        problems.append(f"polled as {before} before, {status} now")
    # What an off_ramp order does to the fiat ledger is stated nowhere.
    if desk.gated and order.side == "on_ramp":
        wanted = Decimal(0) if status in REFUNDED else -amount
        if sum(deltas, Decimal(0)) != wanted:
            problems.append(f"ledger nets {sum(deltas, Decimal(0))}, a {status} order nets {wanted}")
        if len(debits) != 1:
            problems.append(f"{len(debits)} debits")
    return ReconciliationRow(
        order=order.order,
        account=order.account,
        pool=order.pool,
        quote=order.quote,
        transact=order.transact,
        currency=order.currency,
        order_amount=order.amount,
        trade_status=status,
        debits=tuple(map(str, debits)),
        refunds=tuple(map(str, refunds)),
        net=str(sum(deltas, Decimal(0))),
        result="; ".join(problems) or "matched",
    )


@scenario("POOLS-LEDGER-SUM", "POOLS-LEDGER-BALANCE", smoke=True, trades=3)
def test_the_ledger_explains_the_balance(bench: Bench, desk: Desk, judge: Judge) -> None:
    if not desk.gated:
        for requirement in ("POOLS-LEDGER-SUM", "POOLS-LEDGER-BALANCE"):
            judge.not_applicable(requirement, "the balance gate of this account is off")
        return
    _settle_some(bench, desk)
    _judge_sum(desk, judge)
    _judge_balance(desk, judge)


def _judge_sum(desk: Desk, judge: Judge) -> None:
    """A walk shows the ledger as its first page found it, so that page's figure is what the deltas add up to."""
    for attempt in range(ATTEMPTS):
        walked = list(desk.list_entries(whole=True))
        first = walked[0][0] if walked else desk.api.ledger(currency=desk.terms.fiat)
        if walked and next_cursor(walked[-1][0].object()) is not None:
            judge.cannot("POOLS-LEDGER-SUM", "a ledger short enough to be walked whole", "the operator of the target")
            return
        available = decimal(first.object().get("available"))
        total = sum((decimal(row.get("delta")) or Decimal(0) for _, row in walked), Decimal(0))
        tail = desk.api.ledger(limit="1", currency=desk.terms.fiat)
        quiet = the_list(tail.object(), "entries")[:1] == [row for _, row in walked[:1]]
        # A list may lag behind the figure beside it, so a difference has to last.
        if total == available or (quiet and attempt >= LATE):
            judge.check(
                "POOLS-LEDGER-SUM",
                available is not None and total == available,
                f"deltas that add up to the available {available}",
                f"{len(walked)} deltas that add up to {total}",
                first,
                tail,
            )
            return
        desk.bench.clock.sleep(4 * desk.bench.target.patience.poll_every if quiet else 0)
    judge.cannot("POOLS-LEDGER-SUM", "a moment without foreign ledger entries", "the operator of the target")


def _judge_balance(desk: Desk, judge: Judge) -> None:
    """A balance read between two equal ledger reads is a read of the same moment."""
    for pool in fiat_pools(desk):
        for attempt in range(ATTEMPTS):
            before = desk.api.ledger(limit="1", currency=desk.terms.fiat)
            read = desk.api.balance(pool)
            after = desk.api.ledger(limit="1", currency=desk.terms.fiat)
            figures = [decimal(reply.object().get("available")) for reply in (before, after)]
            balance = decimal(read.object().get("balance"))
            quiet = before.object().get("entries") == after.object().get("entries") and figures[0] == figures[1]
            if quiet or balance in figures:
                judge.check(
                    "POOLS-LEDGER-BALANCE",
                    balance is not None and balance in figures,
                    f"the ledger's available {figures[0]} as the balance of {pool}",
                    str(balance),
                    before,
                    read,
                    after,
                )
                break
            if attempt == ATTEMPTS - 1:
                judge.cannot(
                    "POOLS-LEDGER-BALANCE", "a moment without foreign ledger entries", "the operator of the target"
                )


def fiat_pools(desk: Desk) -> list[str]:
    """The entitled pools with the fiat currency of this run, at most five."""
    allowed = desk.api.balance(desk.terms.pool).object().get("allowedPools")
    pools = [pool for pool in allowed if isinstance(pool, str)] if isinstance(allowed, list) else []
    same = [p for p in pools[:8] if desk.capabilities(p).get("fiatCurrency") == desk.terms.fiat]
    return same[:5] or [desk.terms.pool]


@scenario("POOLS-LEDGER-PAGES", trades=3)
def test_the_ledger_pages_without_skips_or_repeats(desk: Desk, judge: Judge) -> None:
    quotes = [desk.firm() for _ in range(3)]
    for quote in quotes:
        desk.execute(quote)
    for quote in quotes:
        desk.moved_late(quote.id)
    small, replies = _walk_ledger(desk, "2")
    if not desk.gated:
        judge.not_applicable("POOLS-LEDGER-PAGES", "the balance gate of this account is off")
    else:
        missing = [q.id for q in quotes if sum(joins(row, {q.id, *_trade_ids(desk, q.id)}) for row in small) != 1]
        ended = replies[-1].object().get("nextCursor") is None or len(replies) >= 60
        judge.check(
            "POOLS-LEDGER-PAGES",
            not missing and ended,
            "each of three debits once on a walk by twos, and a null cursor at its end",
            f"{len(missing)} debit(s) skipped or repeated" if missing else "so it is",
            *replies[:5],
            replies[-1],
        )


def _trade_ids(desk: Desk, quote: str) -> set[str]:
    return {order.transact for order in desk.bench.orders if order.quote == quote}


def _walk_ledger(desk: Desk, limit: str) -> tuple[list[dict[str, Any]], list[Reply]]:
    rows: list[dict[str, Any]] = []
    replies: list[Reply] = []
    cursor: str | None = None
    for _ in range(60):
        replies.append(desk.api.ledger(limit=limit, **({"cursor": cursor} if cursor else {})))
        rows += the_list(replies[-1].object(), "entries")
        cursor = next_cursor(replies[-1].object())
        if cursor is None:
            break
    return rows, replies


@scenario("POOLS-TRADES-PAGES", "POOLS-LEDGER-NEWEST-FIRST", trades=5)
def test_trades_page_without_skips_or_repeats_while_trades_arrive(desk: Desk, judge: Judge) -> None:
    oldest = str(desk.execute(desk.firm()).object().get("transactId"))
    # Times may be kept in whole seconds: only trades a second apart have an order that every target must show.
    desk.bench.clock.sleep(1.1)
    ids = [oldest, *(str(desk.execute(desk.firm()).object().get("transactId")) for _ in range(3))]
    newest = desk.newest_trades([{known} for known in ids])
    _judge_ledger_order(desk, judge, ids)
    whole = [at for row in the_list(newest.object(), "trades") if (at := moment(row.get("createdAt")))]
    seen: list[str] = []
    replies: list[Reply] = []
    times = []
    cursor: str | None = None
    for page in range(60):
        replies.append(desk.api.trades(limit="2", **({"cursor": cursor} if cursor else {})))
        rows = the_list(replies[-1].object(), "trades")
        seen += [str(row.get("transactId")) for row in rows]
        times += [at for row in rows if (at := moment(row.get("createdAt")))]
        if page == 0:
            desk.execute(desk.firm())
        cursor = next_cursor(replies[-1].object())
        if cursor is None or (set(ids) <= set(seen) and page > 8):
            break
    end = replies[-1].object()
    problems = [f"{transact} seen {seen.count(transact)} times" for transact in ids if seen.count(transact) != 1]
    repeated = [transact for transact, count in Counter(seen).items() if count > 1 and transact not in ids]
    problems += [f"{transact} repeated" for transact in repeated[:3]]
    order = [transact for transact in seen if transact in ids]
    if any(found != sorted(found, reverse=True) for found in (times, whole)) or (
        oldest in order and order[-1] != oldest
    ):
        problems.append("not newest first")
    longest = max(len(the_list(reply.object(), "trades")) for reply in replies)
    if longest > 2:
        problems.append(f"{longest} trades on a page of two")
    if cursor is None and (end.get("hasMore") is not False or end.get("nextCursor") is not None):
        problems.append("the last page does not say hasMore false and nextCursor null")
    judge.check(
        "POOLS-TRADES-PAGES",
        not problems,
        "four trades once each, newest first, on a walk by twos into which a trade arrives",
        "; ".join(problems) or "so it is",
        *replies[:5],
        replies[-1],
    )


def _judge_ledger_order(desk: Desk, judge: Judge, ids: list[str]) -> None:
    """The debit of the first of these trades, made a second before the others, stands behind theirs."""
    if not desk.gated:
        judge.not_applicable("POOLS-LEDGER-NEWEST-FIRST", "the balance gate of this account is off")
        return
    orders = desk.bench.orders
    known = [{transact, *(order.quote for order in orders if order.transact == transact)} for transact in ids]
    page = desk.newest_entries(known)
    places = [
        next((place for place, row in enumerate(the_list(page.object(), "entries")) if joins(row, one)), None)
        for one in known
    ]
    found = [place for place in places if place is not None]
    if len(found) < len(ids):
        judge.cannot("POOLS-LEDGER-NEWEST-FIRST", "the debits of four trades on one page", "the operator of the target")
        return
    judge.check(
        "POOLS-LEDGER-NEWEST-FIRST",
        found[0] == max(found),
        "the oldest of four debits behind the three that are a second newer",
        f"from the top they stand at {', '.join(str(place + 1) for place in found)}, the oldest named first",
        page,
    )


@scenario("POOLS-TRADES-FILTERS", trades=7)
def test_filters_return_what_matches_and_nothing_else(bench: Bench, desk: Desk, judge: Judge) -> None:
    done = desk.firm()
    finished = desk.execute(done)
    polls = desk.poll_to_end(done.id)
    final = str(polls[-1].object().get("status"))
    # Newer trades that a filter on the final status leaves out: whole pages of them lie before the match.
    executed, *_ = [desk.execute(desk.firm()) for _ in range(4)]
    fresh, old = str(executed.object().get("transactId")), str(finished.object().get("transactId"))
    created = moment(desk.api.trade(fresh).object().get("createdAt")) or executed.date.astimezone(UTC)
    desk.newest_trades([{fresh}, {old}])
    # Bounds may include or exclude the instant itself, and its format beyond ISO 8601 is open: stay minutes away.
    before, after = iso(created - timedelta(minutes=10)), iso(created + timedelta(minutes=10))
    cases: list[tuple[dict[str, str], set[str], set[str]]] = [
        ({"side": "on_ramp"}, {fresh, old}, set()),
        ({"side": "off_ramp"}, set(), {fresh, old}),
        ({"created_after": before}, {fresh, old}, set()),
        ({"created_after": after}, set(), {fresh, old}),
        ({"created_before": after}, {fresh, old}, set()),
        ({"created_before": before}, set(), {fresh, old}),
    ]
    ends, shown_by = [(final, old)], [finished, polls[-1], executed]
    for outcome in ("failed", "released"):
        if outcome in bench.target.outcomes:
            made = _brought_to(bench, desk, outcome)
            ended = str(made.object().get("transactId"))
            ends.append((str(desk.api.trade(ended).object().get("status")), ended))
            shown_by.append(made)
    # A word that is none of the published ones may be refused as a filter; that it is shown is judged elsewhere.
    known = [(status, ended) for status, ended in ends if status in WORDS]
    cases += [({"status": status}, {ended}, {fresh} if status != "reserved" else set()) for status, ended in known]
    for query, wanted, unwanted in cases:
        reply, rows = _filtered(desk, query, wanted)
        shown = {str(row.get("transactId")) for row in rows}
        wrong = unwanted & shown
        if wrong and "status" in query and status_now(desk, fresh) == final:
            wrong = set()  # it settled by itself meanwhile, which the contract allows
        problems = [f"{len(wanted - shown)} matching trade(s) missing"] if wanted - shown else []
        problems += [f"{len(wrong)} trade(s) that do not match"] if wrong else []
        problems += [
            f"a row with {name} {row.get(name)}" for row in rows for name in ("side", "status")
            if name in query and row.get(name) not in (None, query[name])
        ]  # fmt: skip
        judge.check(
            "POOLS-TRADES-FILTERS",
            reply.status == 200 and not problems,
            f"200 with exactly the trades of {query}",
            f"{reply.status}; " + ("; ".join(problems[:3]) or "exactly those"),
            *shown_by,
            reply,
        )


def _brought_to(bench: Bench, desk: Desk, outcome: str) -> Reply:
    """The answer that made a trade for which the recipe of ``outcome`` has then been followed to the end."""
    quote = desk.firm(**bench.recipe(outcome).request)
    made = desk.execute(quote)
    transact = str(made.object().get("transactId"))
    facts = {"account": desk.account, "poolId": quote.pool, "quoteId": quote.id, "transactId": transact}
    bench.perform(outcome, **facts)
    desk.poll_to_end(quote.id)
    desk.newest_trades([{transact}])
    return made


def _filtered(desk: Desk, query: dict[str, str], wanted: set[str]) -> tuple[Reply, list[dict[str, Any]]]:
    """A filtered list walked by twos until it has shown what is wanted and a few pages more, or ends."""
    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    for page in range(60):
        reply = desk.api.trades(limit="2", **query, **({"cursor": cursor} if cursor else {}))
        rows += the_list(reply.object(), "trades")
        cursor = next_cursor(reply.object())
        if cursor is None or (page >= 3 and wanted <= {str(row.get("transactId")) for row in rows}):
            break
    return reply, rows


def status_now(desk: Desk, transact: str) -> str:
    """The status a pure read shows."""
    return str(desk.api.trade(transact).object().get("status"))


SHARED = ("quoteId", "poolId", "side", "fiatAmount", "cryptoAmount", "rate", "cryptoNetwork", "createdAt")


@scenario("POOLS-TRADE-READ", trades=1)
def test_every_read_shows_the_same_trade(desk: Desk, judge: Judge) -> None:
    quote = desk.firm()
    transact = str(desk.execute(quote).object().get("transactId"))
    early = desk.api.trade(transact)
    polled = desk.poll_to_end(quote.id)[-1]
    read = desk.api.trade(transact)
    desk.newest_trades([{transact}])
    listed = next(((r, row) for r, row in desk.list_trades() if row.get("transactId") == transact), None)
    views = [("status poll", polled.object()), ("trade read", read.object())]
    if listed is not None:
        views.append(("list", listed[1]))
    problems = [] if listed is not None else ["the list does not show it"]
    if polled.object().get("transactId") != transact:
        problems.append("the status poll shows another transactId")
    # A poll has shown how far the trade is, so a later read that shows less comes from an old copy.
    if early.ok and not may_follow(str(polled.object().get("status")), str(read.object().get("status"))):
        problems.append(f"polled as {polled.object().get('status')}, then read as {read.object().get('status')}")
    for name, view in views[1:]:
        if view.get("transactId") != transact:
            problems.append(f"the {name} has transactId {view.get('transactId')!r}")
        for member in SHARED:
            one, other = polled.object().get(member), view.get(member)
            if one is not None and other is not None and one != other:
                problems.append(f"{member} differs between status poll and {name}")
    judge.check(
        "POOLS-TRADE-READ",
        polled.ok and read.ok and not problems,
        "one trade, the same in the status poll, the read and the list",
        "; ".join(problems) or f"{polled.status}, {read.status}: the same",
        polled,
        read,
    )


@scenario("POOLS-BALANCE-CONTEXT", reads_only=True)
def test_the_balance_read_gives_the_context_of_its_pool(desk: Desk, judge: Judge) -> None:
    reply = desk.api.balance(desk.terms.pool)
    found = reply.object()
    problems = [] if reply.status == 200 else [f"status {reply.status}"]
    if not isinstance(found.get("available"), bool):
        problems.append("available is not a boolean")
    if "balance" not in found or not (found["balance"] is None or decimal(found["balance"]) is not None):
        problems.append("balance is neither a decimal string nor null")
    if not isinstance(found.get("tier"), str):
        problems.append("no tier")
    if desk.terms.pool not in (found.get("allowedPools") or []):
        problems.append("allowedPools does not list the pool itself")
    judge.check(
        "POOLS-BALANCE-CONTEXT",
        not problems,
        "its four members",
        "; ".join(problems) or "they are there",
        reply,
    )


@scenario("POOLS-BALANCE-UNGATED", needs=["account:ungated"], reads_only=True)
def test_the_balance_is_null_exactly_when_the_gate_is_off(bench: Bench, desk: Desk, judge: Judge) -> None:
    off = bench.pools("ungated").balance(desk.terms.pool)
    approval = bench.target.approval
    prefunded = approval is not None and approval.funding_model == "prefunded_balance"
    on = desk.api.balance(desk.terms.pool)
    gated = on.object().get("balance") if prefunded else "not prefunded"
    judge.check(
        "POOLS-BALANCE-UNGATED",
        off.ok and "balance" in off.object() and off.object()["balance"] is None and gated is not None,
        "null for the ungated account, a figure for the prefunded one",
        f"{'null' if off.object().get('balance') is None else 'a figure'}; "
        f"{'a figure' if gated is not None else 'null'}",
        off,
        on,
    )


@scenario("POOLS-FUNDING", reads_only=True)
def test_funding_is_in_euro_only(desk: Desk, judge: Judge) -> None:
    for query in ({}, {"currency": "EUR"}):
        reply = desk.api.funding(**query)
        currency = reply.object().get("currency")
        judge.check(
            "POOLS-FUNDING",
            reply.status == 200 and currency == "EUR",
            "200 for EUR",
            f"{reply.status} for {currency}",
            reply,
        )
    other = desk.api.funding(currency="USD")
    judge.check("POOLS-FUNDING", other.status == 400, "400 for USD", str(other.status), other)


@scenario("POOLS-FUNDING-UNPROVISIONED", needs=["account:unprovisioned_funding"], reads_only=True)
def test_unprovisioned_funding_is_no_error(bench: Bench, judge: Judge) -> None:
    reply = bench.pools("unprovisioned_funding").funding()
    found = reply.object()
    judge.check(
        "POOLS-FUNDING-UNPROVISIONED",
        reply.status == 200 and "iban" in found and found["iban"] is None,
        "200 with iban null",
        f"{reply.status} with {'iban null' if found.get('iban') is None else 'an iban'}",
        reply,
    )


@scenario("POOLS-UNKNOWN-OBJECT", trades=1)
def test_unknown_objects_are_not_found(bench: Bench, desk: Desk, judge: Judge) -> None:
    api = desk.api
    real = desk.firm()
    executed = desk.execute(real)
    pool, quote = "XTS-XTSC", nobodys(bench, real.id)
    trade = nobodys(bench, str(executed.object().get("transactId")))
    calls = [
        ("capabilities of an unknown pool", api.capabilities(pool)),
        ("balance of an unknown pool", api.balance(pool)),
        ("quote on an unknown pool", api.quote(pool, desk.terms.request())),
        ("transact on an unknown pool", api.transact(pool, quote, bench.key())),
        ("status of an unknown quote", api.poll(quote)),
        ("an unknown trade", api.trade(trade)),
        ("an unknown quote", api.read_quote(quote)),
        ("reject of an unknown quote", api.reject(quote)),
    ]
    for what, reply in calls:
        # Whether a pool outside the entitlement answers 403 or 404 is contradictory; for one nobody has, a target that
        # checks the entitlement first may still say 403.
        allowed = {404, 403} if "pool" in what else {404}
        judge.check(
            "POOLS-UNKNOWN-OBJECT",
            reply.status in allowed,
            f"{what}: {' or '.join(map(str, sorted(allowed, reverse=True)))}",
            f"{what}: {reply.status}",
            reply,
        )


LARGEST_PAGE = 200


@scenario("POOLS-LEDGER-CLAMP", last=True)
def test_a_ledger_limit_is_clamped(bench: Bench, desk: Desk, judge: Judge) -> None:
    if desk.gated and bench.trades_left(desk.terms.amount) is None:
        # Nothing is spent in a world of our own: make the ledger long enough for a missing clamp to show.
        short = LARGEST_PAGE + 1 - sum(1 for _ in desk.list_entries())
        for _ in range(short):
            desk.execute(desk.firm())
    for limit in ("0", "100000"):
        reply = desk.api.ledger(limit=limit)
        rows = the_list(reply.object(), "entries")
        judge.check(
            "POOLS-LEDGER-CLAMP",
            reply.status == 200 and len(rows) <= LARGEST_PAGE,
            f"200 with at most 200 entries for limit={limit}",
            f"{reply.status} with {len(rows)} entries",
            reply,
        )
