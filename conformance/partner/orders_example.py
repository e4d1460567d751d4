"""The example order client at work: in front of a sandbox of its own, through the recording proxy, until it is done.

It stands for a partner's own integration. What its traffic and its books say is judged in ``orders_judged``.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import secrets
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from conformance.client import Redactor
from conformance.partner.proxy import Proxy
from conformance.partner.proxy_record import Archive
from conformance.partner.proxy_types import Exchanged, Upstream
from conformance.target.embedded import Embedded
from conformance.target.example_partner import script

KEY: Final = "OBIT_SANDBOX_APPROVED_SECRET_KEY"
PUBLISHABLE: Final = "OBIT_SANDBOX_APPROVED_PUBLISHABLE_KEY"
"""Where the embedded sandbox's keys of the account that trades are."""

WEATHER: Final = ("answers-lost-at-times", "cap-retry-after")
"""Legal trouble its sandbox makes: what a client does then shows only where it happens."""

POLLS: Final = ("--polls-to-settle", "3")
"""A trade is seen reserved twice before it ends there, so that it shows how long the client waits."""

CAP: Final = "210.00"
"""The rolling cap of its account, which the last of the orders would exceed: a 429 that says how long to wait."""

SECONDS: Final = 120.0
"""Within which the client has to be done; the honest one takes nine."""

TAIL: Final = 2000
"""Characters of its error output that are worth showing."""

COLUMNS: Final = ("order_id", "pool_id", "side", "amount", "currency", "crypto", "network", "address")

DESTINATION: Final = "0x00000000000000000000000000000000000a11ce"

WANTED: Final = (
    ("order-1", "EUR-USDT", "25.00", "tron", DESTINATION),
    ("order-fails", "EUR-USDT", "30.10", "tron", "0x000000000000000000000000000000000000fa11"),
    ("order-is-released", "EUR-USDC", "40.00", "ethereum", "0x0000000000000000000000000000000000004e1e"),
    ("order-is-returned", "EUR-USDT", "50.00", "tron", "0x0000000000000000000000000000000000004e74"),
    ("order-pool-dry", "EUR-USDT", "66.01", "tron", DESTINATION),
    ("order-pool-denied", "EUR-DAI", "25.00", "ethereum", DESTINATION),
    ("order-too-small", "EUR-USDT", "0.01", "tron", DESTINATION),
    ("order-no-such-network", "EUR-USDT", "25.00", "arbitrum", DESTINATION),
    ("order-answer-lost", "EUR-USDT", "27.00", "tron", DESTINATION),
    ("order-above-the-cap", "EUR-USDT", "60.00", "tron", DESTINATION),
)
"""What customers want of it: reference, pool, amount, network, and the test address that decides how the trade ends."""


class PartnerError(Exception):
    """The example client could not do its work; says what it wrote last, without any secret."""


@dataclass(frozen=True, slots=True)
class Traded:
    """What is left when the client is done."""

    entries: tuple[dict[str, Any], ...]
    """What it sent and what came back, as entries of an archive, redacted."""
    host: str
    """Where its traffic went, as ``judge --host`` takes it."""
    book: Path
    """Its order records: a SQLite file."""


def source(fault: str | None = None) -> Path | None:
    """The program to run: the honest client, or the one that has the broken twins; None where neither is installed."""
    beside = script()
    found = beside.with_name("orders.py" if fault is None else "orders_faults.py") if beside is not None else None
    return found if found is not None and found.is_file() else None


def twins() -> tuple[str, ...]:
    """The names of the broken twins; none where they are not installed. Raises ``PartnerError`` if they do not tell."""
    program = source("any of them")
    if program is None:
        return ()
    command = [sys.executable, str(program), "--list-faults"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603 - our own
        return tuple(str(fault["name"]) for fault in json.loads(done.stdout))
    except (subprocess.SubprocessError, ValueError) as problem:
        raise PartnerError(f"the broken order clients do not list themselves ({type(problem).__name__})") from problem


class Partner:
    """One run of the client. ``stop`` may be called from another thread at any time."""

    def __init__(self, program: Path, environ: Mapping[str, str], fault: str | None, folder: Path) -> None:
        self._command = [sys.executable, str(program), str(folder / "wanted.csv"), "--db", str(folder / "orders.db")]
        self._command += ["--fault", fault] if fault is not None else []
        self._environ = {name: value for name, value in environ.items() if not name.startswith("OBIT_")}
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False

    def trade(self, sandbox: Embedded, sensitive: frozenset[str]) -> Traded:
        """Let it place its orders. Raises ``PartnerError`` where it does not come to an end, or breaks off."""
        (self._folder / "wanted.csv").write_text(_wanted(), "utf-8")
        answer = httpx.post(f"{sandbox.control}/accounts/approved", json={"velocityCap": CAP}, timeout=10)
        if not answer.is_success:
            raise PartnerError(f"its sandbox refused the cap of its account with {answer.status_code}")
        upstream = Upstream.of(sandbox.url)
        entries = asyncio.run(self._recorded(sandbox, upstream, sensitive))
        return Traded(tuple(entries), upstream.authority, self._folder / "orders.db")

    def stop(self) -> None:
        """End it now."""
        self._stopped = True
        if self._process is not None:
            self._process.kill()

    async def _recorded(self, sandbox: Embedded, upstream: Upstream, sensitive: frozenset[str]) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = []
        redactor = Redactor(secrets.token_bytes(32), (), sensitive)
        with closing(Archive(io.StringIO(), redactor, sensitive, "the example partner")) as archive:

            def record(exchanged: Exchanged) -> None:
                entries.append(archive.add(exchanged))

            proxy = Proxy(upstream, record)
            port = await proxy.start("127.0.0.1", 0)
            try:
                await asyncio.to_thread(self._run, f"http://127.0.0.1:{port}/v1", sandbox)
            finally:
                await proxy.stop()
        return entries

    def _run(self, url: str, sandbox: Embedded) -> None:
        hidden = {
            "OBIT_POOLS_SECRET_KEY": sandbox.environ[KEY],
            "OBIT_POOLS_PUBLISHABLE_KEY": sandbox.environ[PUBLISHABLE],
        }
        self._process = subprocess.Popen(  # noqa: S603 - the command is the harness's own
            self._command,
            env={**self._environ, **hidden, "OBIT_POOLS_URL": url},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        if self._stopped:
            self._process.kill()
        try:
            _, wrote = self._process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise PartnerError(f"it was not done within {SECONDS:g} s") from None
        # 1 says that an order is still open, which is for its books to show.
        if self._process.returncode not in (0, 1) or "Traceback" in wrote:
            for value in hidden.values():
                wrote = wrote.replace(value, "(hidden)")
            raise PartnerError(f"it ended with {self._process.returncode}; it wrote last: {wrote[-TAIL:]}")


def _wanted() -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for reference, pool, amount, network, address in WANTED:
        fiat, _, crypto = pool.partition("-")
        rows.writerow((reference, pool, "on_ramp", amount, fiat, crypto, network, address))
    return text.getvalue()


__all__ = ["KEY", "POLLS", "WEATHER", "Partner", "PartnerError", "Traded", "source", "twins"]
