"""The card program's broken twins: each replaces a duty of ``cards.CardProgram`` by a mistake partners really make.

``python cards.py --fault NAME`` serves one of them; ``python cards_faults.py`` lists which requirements each breaks.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cards import CardProgram, TopUp

SPENDABLE, CREDITS, ONCE, REVERSES, LINKED, STATES, TRACED = (
    f"PARTNER-CARDS-{word}" for word in ("SPENDABLE", "CREDITS", "ONCE", "REVERSES", "LINKED", "STATES", "TRACED")
)


class CreditOnQuote(CardProgram):
    def record(self, topup: TopUp) -> None:
        super().record(topup)
        self.post({**topup, "transactId": ""}, "credit", topup["amount"])


class CreditOnReserved(CardProgram):
    def move(self, ref: str, status: str) -> None:
        super().move(ref, status)
        topup = self.find(ref)
        if topup is not None and topup["poolStatus"] == "reserved":
            self.post(topup, "credit", topup["amount"])


class CreditOnAnyEnd(CardProgram):
    def move(self, ref: str, status: str) -> None:
        super().move(ref, status)
        topup = self.find(ref)
        if topup is not None and topup["poolStatus"] in ("failed", "released"):
            self.post(topup, "credit", topup["amount"])


class TrustsTheBrowser(CardProgram):
    def come_back(self, ref: str, claimed: str) -> None:
        with self.lock, self.database:
            self.move(ref, claimed)


class TrustsAnyDelivery(CardProgram):
    def authentic(self, signatures: Sequence[str], raw: bytes) -> bool:
        return True


class CountsPendingAsSpendable(CardProgram):
    def spendable(self, ref: str) -> Decimal:
        topup = self.find(ref)
        return super().spendable(ref) + (self.pending(topup) if topup else Decimal(0))


class ForgetsEarlyEvents(CardProgram):
    def bind(self, ref: str, transact_id: str) -> None:
        self.database.execute("DELETE FROM told WHERE transact_id = ?", (transact_id,))
        super().bind(ref, transact_id)

    def look(self, ref: str) -> None:
        """It believes in webhooks alone and never asks."""


class NeverCredits(CardProgram):
    def post(self, topup: TopUp, kind: str, amount: str) -> None:
        if kind != "credit":
            super().post(topup, kind, amount)


class CreditsEachEvent(CardProgram):
    def hear(self, signatures: Sequence[str], raw: bytes) -> None:
        super().hear(signatures, raw)
        event = json.loads(raw)
        with self.lock, self.database:
            refs = self.database.execute(
                "SELECT ref FROM topups WHERE transact_id = ? AND pool_status = 'settled'", (event.get("transactId"),)
            ).fetchall()
            for (ref,) in refs:
                topup = self.find(ref)
                if topup is not None:
                    count = self.database.execute("SELECT count(*) FROM card_ledger").fetchone()[0]
                    self.post(topup, f"credit {count}", topup["amount"])


class TopUpAgain(CardProgram):
    def start(self, topup: TopUp) -> None:
        known = self.find(topup["ref"])
        super().start(topup)
        if known is not None and known["transactId"]:
            with self.lock, self.database:
                self.database.execute(
                    "UPDATE topups SET amount = ? WHERE ref = ?",
                    (str(Decimal(known["amount"]) + Decimal(topup["amount"])), topup["ref"]),
                )


class StopsAtSettled(CardProgram):
    def move(self, ref: str, status: str) -> None:
        topup = self.find(ref)
        if topup is not None and topup["poolStatus"] == "settled":
            return
        super().move(ref, status)


class LateSettledCreditsAgain(CardProgram):
    def move(self, ref: str, status: str) -> None:
        topup = self.find(ref)
        if topup is not None and topup["poolStatus"] == "returned" and status == "settled":
            self.post(topup, "late credit", topup["amount"])
        super().move(ref, status)


class ReversesUnlinked(CardProgram):
    def post(self, topup: TopUp, kind: str, amount: str) -> None:
        super().post({**topup, "transactId": ""} if kind == "reversal" else topup, kind, amount)


class ReservedShownAsComplete(CardProgram):
    def shown(self, pool_status: str) -> str:
        return super().shown("settled" if pool_status == "reserved" else pool_status)


class ReturnedShownAsFailed(CardProgram):
    def shown(self, pool_status: str) -> str:
        return super().shown("failed" if pool_status == "returned" else pool_status)


class ForgetsTheTrade(CardProgram):
    def show(self, ref: str) -> dict[str, Any]:
        return {**super().show(ref), "quoteId": "", "transactId": ""}


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake, the requirements it breaks, and those it may drag along."""

    name: str
    summary: str
    twin: type[CardProgram]
    breaks: tuple[str, ...]
    drags: tuple[str, ...] = ()


FAULTS = (
    Fault("credit-on-quote", "Makes funds spendable when the quote is made.", CreditOnQuote, (SPENDABLE,), (REVERSES,)),
    Fault("credit-on-reserved", "Makes funds spendable when the trade is reserved.", CreditOnReserved, (SPENDABLE,)),
    Fault("credit-on-any-end", "Takes every terminal state for success.", CreditOnAnyEnd, (SPENDABLE,)),
    Fault(
        "trusts-the-browser",
        "Believes the status in the browser's way back.",
        TrustsTheBrowser,
        (SPENDABLE,),
        (STATES,),
    ),
    Fault(
        "trusts-any-delivery",
        "Takes deliveries without verifying their signature.",
        TrustsAnyDelivery,
        (SPENDABLE,),
        (STATES,),
    ),
    Fault("pending-is-spendable", "Adds what is pending to what can be spent.", CountsPendingAsSpendable, (SPENDABLE,)),
    Fault(
        "forgets-early-events",
        "Drops an event that comes before its top-up is recorded, and never asks.",
        ForgetsEarlyEvents,
        (CREDITS,),
        (REVERSES, STATES),
    ),
    Fault("never-credits", "Shows a settled top-up as complete and leaves the funds out.", NeverCredits, (CREDITS,)),
    Fault(
        "credits-each-event", "Credits again for every delivery of the event.", CreditsEachEvent, (ONCE,), (REVERSES,)
    ),
    Fault("top-up-again", "Adds the amount again when the same top-up is requested again.", TopUpAgain, (ONCE,)),
    Fault("stops-at-settled", "Looks no further once the trade has settled.", StopsAtSettled, (REVERSES,), (STATES,)),
    Fault(
        "late-settled-credits-again",
        "Credits on a settled event that comes after the return.",
        LateSettledCreditsAgain,
        (REVERSES,),
    ),
    Fault("reverses-unlinked", "Writes a reversal that names no trade.", ReversesUnlinked, (LINKED,)),
    Fault(
        "reserved-shown-as-complete",
        "Tells the customer that a reserved top-up is complete.",
        ReservedShownAsComplete,
        (STATES,),
    ),
    Fault("returned-shown-as-failed", "Shows a returned top-up as failed.", ReturnedShownAsFailed, (STATES,)),
    Fault("forgets-the-trade", "Keeps no quote and trade id with the top-up.", ForgetsTheTrade, (TRACED,)),
)


def twin(name: str) -> type[CardProgram]:
    """The broken twin of this name; ends the program with exit code 2 where there is none."""
    for fault in FAULTS:
        if fault.name == name:
            return fault.twin
    print(f"--fault: invalid choice: {name!r} (choose from {', '.join(f.name for f in FAULTS)})", file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    listed = [
        {"name": fault.name, "summary": fault.summary, "breaks": fault.breaks, "drags": fault.drags} for fault in FAULTS
    ]
    print(json.dumps(listed, indent=2))
