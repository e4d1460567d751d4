"""What the Python handlers here share: a store that takes an event once, and how they are started and stopped."""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

SIGNATURE_HEADER = "Gate-Signature"

# What a shop would act on; everything else is taken and forgotten.
ACTED_ON = (
    "pool.transaction.settled",
    "pool.transaction.failed",
    "pool.transaction.released",
    "gate_session.completed",
)


class Store:
    """Effects by event id. The primary key is what makes an event happen once. Threads may share it."""

    def __init__(self, path: str) -> None:
        self.lock = threading.Lock()
        self.database = sqlite3.connect(path, check_same_thread=False)
        self.database.execute("CREATE TABLE IF NOT EXISTS effects (event_id TEXT PRIMARY KEY, type TEXT NOT NULL)")

    def take(self, event: Mapping[str, Any]) -> None:
        """Give the event its effect, unless it had it, or has none. Raises ``KeyError`` for what is no event."""
        kind, event_id = event["type"], event["eventId"] if "eventId" in event else event["id"]
        if kind in ACTED_ON:
            with self.lock, self.database:
                self.database.execute("INSERT INTO effects VALUES (?, ?) ON CONFLICT DO NOTHING", (event_id, kind))

    def count(self, event_id: str) -> int:
        """How many effects the event has had."""
        with self.lock:
            row = self.database.execute("SELECT count(*) FROM effects WHERE event_id = ?", (event_id,))
            return int(row.fetchone()[0])


def begin(description: str | None) -> tuple[argparse.Namespace, str, Store]:
    """The options, the signing secret and the store; ends the program where there is no secret."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--db", default=":memory:", help="SQLite file; without one nothing outlives the process")
    parser.add_argument("--exit-with-stdin", action="store_true", help="stop when standard input is closed")
    options = parser.parse_args()
    secret = os.environ.get("OBIT_WEBHOOK_SECRET", "")
    if not secret:
        sys.exit("OBIT_WEBHOOK_SECRET is not set: put the webhook signing secret there")
    return options, secret, Store(options.db)


def ready(port: int, stop: Callable[[], object], *, with_stdin: bool) -> None:
    """Say where the handler listens, and stop it when standard input ends, if that was asked for."""
    url = f"http://127.0.0.1:{port}"
    print(json.dumps({"ready": True, "url": f"{url}/webhooks", "effects": f"{url}/effects/{{eventId}}"}), flush=True)
    if with_stdin:
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), stop()), daemon=True).start()
