"""Broken twins of the order client: each replaces a duty of ``orders.Orders`` by a mistake partners really make.

``python orders_faults.py --fault NAME WANTED`` runs one; ``--list-faults`` tells which requirements each breaks.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from orders import SCHEMA, Answer, Orders, Row, options, quoted, run

SERVER_ONLY, PLACES = "PARTNER-TRAFFIC-SECRET-KEYS-SERVER-ONLY", "PARTNER-TRAFFIC-PUBLISHABLE-KEYS-PLACES"
CAPABILITIES, OFFERED = "PARTNER-TRAFFIC-CAPABILITIES-FIRST", "PARTNER-TRAFFIC-OFFERED-ONLY"
STRINGS, EXECUTABLE = "PARTNER-TRAFFIC-AMOUNTS-STRINGS", "PARTNER-TRAFFIC-EXECUTABLE-QUOTES-ONLY"
EXPIRY, REJECTED = "PARTNER-TRAFFIC-BEFORE-EXPIRY", "PARTNER-TRAFFIC-NOT-AFTER-REJECT"
DESTINATION, KEYED = "PARTNER-TRAFFIC-NO-DESTINATION-AT-TRANSACT", "PARTNER-TRAFFIC-TRANSACT-KEYED"
KEY_EACH, KEEPS_KEY = "PARTNER-TRAFFIC-KEY-PER-EXECUTION", "PARTNER-TRAFFIC-RETRY-KEEPS-KEY"
BY_QUOTE, STOPS = "PARTNER-TRAFFIC-POLL-BY-QUOTE", "PARTNER-TRAFFIC-POLL-STOPS"
DENIED, INVALID = "PARTNER-TRAFFIC-DENIED-NOT-LOOPED", "PARTNER-TRAFFIC-INVALID-NOT-REPEATED"
CONFLICT, THROTTLE = "PARTNER-TRAFFIC-CONFLICT-READ-FIRST", "PARTNER-TRAFFIC-THROTTLE-RESPECTED"
KNOWN, RECORDED, ONCE = "PARTNER-ORDERS-KNOWN", "PARTNER-ORDERS-RECORDED", "PARTNER-ORDERS-ONCE"
KEY, TERMS, STATUS = "PARTNER-ORDERS-KEY", "PARTNER-ORDERS-TERMS", "PARTNER-ORDERS-STATUS"
RETURNED, IDS = "PARTNER-ORDERS-RETURNED", "PARTNER-ORDERS-IDS"
EXACT, DETAIL = "PARTNER-ORDERS-EXACT", "PARTNER-ORDERS-DETAIL"

AGAIN = 8
"""How often the twins that do not know when to stop go on."""

ACCEPTED_AFTER = 20
"""Seconds the customer takes in the twin that executes whatever was accepted, however late."""

LOOSE = SCHEMA.replace(" UNIQUE", "")
"""The same tables without what keeps keys, quotes and trades apart."""


class KeyInTheBrowser(Orders):
    def headers(self, key: str | None) -> dict[str, str]:
        page = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
        page |= {"Origin": "https://shop.example", "Referer": "https://shop.example/", "Sec-Fetch-Mode": "cors"}
        return {**super().headers(key), **page, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "empty"}


class OneKeyForAll(Orders):
    """Takes the publishable key for reads, since reading is harmless."""

    def movements(self) -> list[tuple[str, Decimal]]:
        secret, self.key = self.key, os.environ.get("OBIT_POOLS_PUBLISHABLE_KEY", "pk_test_sandbox_approved")
        try:
            return super().movements()
        finally:
            self.key = secret


class QuotesBlind(Orders):
    def offers(self, pool: str) -> Answer:
        return Answer(200)

    def offered(self, wanted: Row, capabilities: Row) -> bool:
        return True


class OffersEverything(Orders):
    def offered(self, wanted: Row, capabilities: Row) -> bool:
        return True


class FloatAmounts(Orders):
    def terms(self, wanted: Row) -> dict[str, Any]:
        return {**super().terms(wanted), "amount": float(wanted["amount"])}


class TrustsThe200(Orders):
    def executable(self, quote: Row) -> bool:
        return True

    def lifetime(self, quote: Answer) -> float:
        return 60

    def look(self, order: Row) -> Answer | None:
        return super().look(order) if order["quote_id"] else None


class ForgetsTheClock(Orders):
    """Gives the customer all the time in the world."""

    late = False

    def lifetime(self, quote: Answer) -> float:
        if not self.late:
            self.late = True
            time.sleep(ACCEPTED_AFTER)
        return 60


class ExecutesTheRejected(Orders):
    def execute(self, order: Row) -> None:
        self.call("POST", f"/pools/quotes/{quoted(order['quote_id'])}/reject")
        super().execute(order)


class DestinationAtTransact(Orders):
    def send(self, method: str, path: str, body: Row | None = None, key: str | None = None) -> Answer:
        if path.endswith("/transact"):
            body = {**(body or {}), "destAddress": "0x00000000000000000000000000000000000a11ce"}
        return super().send(method, path, body, key)


class NoKey(Orders):
    def send(self, method: str, path: str, body: Row | None = None, key: str | None = None) -> Answer:
        return super().send(method, path, body)


class KeyOfTheDay(Orders):
    schema = LOOSE

    def new_key(self, wanted: Row) -> str:
        return "orders-of-today"


class RetriesConflicts(KeyOfTheDay):
    def pause(self, answer: Answer, attempt: int) -> float | None:
        return 0.1 if answer.status == 409 else super().pause(answer, attempt)


class NewKeyEachTry(Orders):
    sent = 0

    def send(self, method: str, path: str, body: Row | None = None, key: str | None = None) -> Answer:
        self.sent += 1
        return super().send(method, path, body, f"{key}-{self.sent}" if key else None)


class PollsByTrade(Orders):
    def poll(self, order: Row) -> bool:
        if order["transact_id"]:
            self.call("GET", f"/pools/transactions/{quoted(order['transact_id'])}")
        return super().poll(order)


class PollsForever(Orders):
    def follow(self, order_id: str) -> None:
        super().follow(order_id)
        for _ in range(AGAIN if self.find(order_id)["status"] == "failed" else 0):
            self.poll(self.find(order_id))


class LoopsDenied(Orders):
    def offers(self, pool: str) -> Answer:
        answer = super().offers(pool)
        for _ in range(AGAIN if answer.status == 403 else 0):
            answer = super().offers(pool)
        return answer


class LoopsInvalid(Orders):
    def pause(self, answer: Answer, attempt: int) -> float | None:
        return 0.1 if answer.status == 400 else super().pause(answer, attempt)

    def call(self, method: str, path: str, body: Row | None = None, key: str | None = None) -> Answer:
        answer = super().call(method, path, body, key)
        return super().call(method, path, body, key) if answer.status == 400 else answer


class IgnoresRetryAfter(Orders):
    def pause(self, answer: Answer, attempt: int) -> float | None:
        return 0.1 if answer.status == 429 else super().pause(answer, attempt)


class CutsIdsShort(Orders):
    """Closes the day into a column of twelve characters."""

    schema = LOOSE

    def reconcile(self) -> None:
        super().reconcile()
        cut = "UPDATE orders SET quote_id = substr(quote_id, 1, 12), transact_id = substr(transact_id, 1, 12)"
        with self.database:
            self.database.execute(cut)


class ForgetsTheFailed(Orders):
    """Takes an order that did not work out from the books."""

    def reconcile(self) -> None:
        super().reconcile()
        with self.database:
            self.database.execute("DELETE FROM orders WHERE status IN ('failed', 'released')")


class QuotesAnewAfterALoss(Orders):
    """Starts all over where an answer was lost, and the first execution is nobody's."""

    def execute(self, order: Row) -> None:
        path = f"/pools/{quoted(order['pool_id'])}/transact"
        answer = self.send("POST", path, {"quoteId": order["quote_id"]}, order["idempotency_key"])
        if not answer.unknown:
            return self.adopt(order, answer) if answer.ok else self.update(order, status="denied")
        wanted = {**order, "crypto": order["pool_id"][-4:], "network": "tron", "address": "0x" + "0" * 35 + "a11ce"}
        quote = self.call("POST", f"/pools/{quoted(order['pool_id'])}/quote", self.terms(wanted))
        self.update(order, quote_id=quote.body["quoteId"], idempotency_key=self.new_key(wanted))
        return super().execute(self.find(order["order_id"]))


class WritesTwice(Orders):
    """Two listeners of one event, and each writes the order down."""

    schema = LOOSE

    def adopt(self, order: Row, answer: Answer) -> None:
        super().adopt(order, answer)
        if answer.body["status"] == "failed":
            with self.database:
                row = dict(self.find(order["order_id"])) | {"order_id": f"{order['order_id']}-2"}
                self.database.execute("INSERT INTO orders VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", list(row.values()))


class RecordsOneKey(Orders):
    """Sends a fresh key and records the one from its settings."""

    schema = LOOSE

    def reconcile(self) -> None:
        super().reconcile()
        with self.database:
            self.database.execute("UPDATE orders SET idempotency_key = 'orders-of-today'")


class RecordsWithItsFee(Orders):
    def reconcile(self) -> None:
        super().reconcile()
        for order in self.having("settled"):
            self.update(order, amount=str((Decimal(order["amount"]) * Decimal("1.02")).quantize(Decimal("0.01"))))


class ReservedIsDone(Orders):
    """Takes the reservation for the end of it."""

    def adopt(self, order: Row, answer: Answer) -> None:
        super().adopt(order, Answer(answer.status, {**answer.body, "status": "settled"}, answer.headers))

    def reconcile(self) -> None:
        pass


class KeepsTheReturned(Orders):
    """Knows no state after settled."""

    def adopt(self, order: Row, answer: Answer) -> None:
        if answer.body["status"] != "returned":
            super().adopt(order, answer)


class NoRequestIds(Orders):
    def update(self, order: Row, **changes: Any) -> None:
        super().update(order, **{name: value for name, value in changes.items() if name != "request_id"})


class FloatRecords(Orders):
    schema = SCHEMA.replace("amount TEXT", "amount REAL")


class NoTerms(Orders):
    """Keeps what the customer paid, and not at which rate and fee."""

    def record(self, wanted: Row, status: str, quote: Row | None = None, key: str | None = None) -> None:
        super().record(wanted, status, {"quoteId": quote["quoteId"]} if quote else None, key)


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake, the requirements it breaks, and those it may drag along."""

    name: str
    summary: str
    twin: type[Orders]
    breaks: tuple[str, ...]
    drags: tuple[str, ...] = ()


FAULTS = (
    Fault("key-in-the-browser", "Sends the secret key from a page.", KeyInTheBrowser, (SERVER_ONLY,)),
    Fault("publishable-key-reads", "Reads the ledger with the publishable key.", OneKeyForAll, (PLACES,)),
    Fault("quotes-blind", "Quotes without reading capabilities.", QuotesBlind, (CAPABILITIES,)),
    Fault("offers-everything", "Quotes networks the capabilities do not list.", OffersEverything, (OFFERED,)),
    Fault("float-amounts", "Sends amounts as JSON numbers.", FloatAmounts, (STRINGS,)),
    Fault("trusts-the-200", "Executes a quote because its answer was a 200.", TrustsThe200, (EXECUTABLE,)),
    Fault("forgets-the-clock", "Executes a quote long after its expiry.", ForgetsTheClock, (EXPIRY,)),
    Fault("executes-the-rejected", "Executes a quote it has rejected.", ExecutesTheRejected, (REJECTED,)),
    Fault("destination-at-transact", "Names the destination again at transact.", DestinationAtTransact, (DESTINATION,)),
    Fault("no-key", "Executes without an Idempotency-Key.", NoKey, (KEYED,)),
    Fault("key-of-the-day", "Uses one Idempotency-Key for all orders of a day.", KeyOfTheDay, (KEY_EACH,), (KEY,)),
    Fault("retries-conflicts", "Tries again and again on 409.", RetriesConflicts, (CONFLICT,), (KEY_EACH, KEY)),
    Fault("new-key-each-try", "Makes a new Idempotency-Key for every try.", NewKeyEachTry, (KEEPS_KEY,)),
    Fault("polls-by-trade", "Polls by the id of the trade.", PollsByTrade, (BY_QUOTE,)),
    Fault("polls-forever", "Goes on polling a trade that has failed.", PollsForever, (STOPS,)),
    Fault("loops-denied", "Repeats what was denied.", LoopsDenied, (DENIED,)),
    Fault("loops-invalid", "Repeats what was found invalid.", LoopsInvalid, (INVALID,)),
    Fault("ignores-retry-after", "Repeats a throttled execution at once.", IgnoresRetryAfter, (THROTTLE,)),
    Fault("cuts-ids-short", "Keeps the first twelve characters of ids.", CutsIdsShort, (KNOWN,), (RECORDED,)),
    Fault("forgets-the-failed", "Deletes orders whose trade has failed.", ForgetsTheFailed, (RECORDED,)),
    Fault("quotes-anew-after-a-loss", "Buys again where an answer was lost.", QuotesAnewAfterALoss, (RECORDED,)),
    Fault("writes-twice", "Records one trade as two orders.", WritesTwice, (ONCE,), (KEY,)),
    Fault("records-one-key", "Records the same Idempotency-Key for every order.", RecordsOneKey, (KEY,)),
    Fault("records-with-its-fee", "Records the amount with a fee of its own.", RecordsWithItsFee, (TERMS,)),
    Fault("reserved-is-done", "Records a reserved trade as settled.", ReservedIsDone, (STATUS,)),
    Fault("keeps-the-returned", "Leaves a returned order as settled.", KeepsTheReturned, (RETURNED,), (STATUS,)),
    Fault("no-request-ids", "Keeps no request ids with its orders.", NoRequestIds, (IDS,)),
    Fault("float-records", "Keeps amounts as floating point numbers.", FloatRecords, (EXACT,)),
    Fault("no-terms", "Keeps neither rate nor bps.", NoTerms, (DETAIL,)),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    if sys.argv[1:] == ["--list-faults"]:
        listed = [{"name": f.name, "summary": f.summary, "breaks": f.breaks, "drags": f.drags} for f in FAULTS]
        print(json.dumps(listed, indent=2))
        return 0
    twins = {fault.name: fault.twin for fault in FAULTS}
    parser.add_argument("--fault", choices=twins, required=True, help="which broken twin to run")
    arguments = options(parser).parse_args()
    return run(arguments, twins[arguments.fault])


if __name__ == "__main__":
    sys.exit(main())
