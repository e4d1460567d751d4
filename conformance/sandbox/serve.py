"""The process: options, the socket, the ready line, and the end. What is served is built elsewhere."""

from __future__ import annotations

import argparse
import ipaddress
import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Sequence
from typing import Final

import uvicorn

from conformance.sandbox import app, assembly, protocol, variations
from conformance.sandbox.assembly import Options
from conformance.sandbox.gate import serving as gate_serving

KEEP_ALIVE_SECONDS: Final = 120
log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """Uvicorn that says on stdout where it listens, once it does."""

    ready_line = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        print(self.ready_line, flush=True)


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m conformance.sandbox", description="Serve the reference sandbox.")
    add = options.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=0, help="port to listen on; 0 picks a free one (default)")
    add("--db", metavar="FILE", help="keep the state in this SQLite file (default: in memory)")
    add("--control", action="store_true", help="serve the control surface under /_sandbox")
    add("--webhook-url", metavar="URL", help="deliver the approved account's events to this address")
    add("--allow-remote-webhooks", action="store_true", help="deliver beyond this machine too")
    add(
        "--polls-to-settle",
        type=int,
        default=2,
        metavar="N",
        help="the poll that ends a trade (default: %(default)s)",
    )
    add("--exit-with-stdin", action="store_true", help="stop when standard input ends")
    add(
        "--mode",
        choices=("test", "live"),
        default="test",
        help="which keys belong here (default: %(default)s)",
    )
    add("--fault", metavar="NAME", action="append", default=[], help="serve with a seeded defect; repeatable")
    add(
        "--dialect",
        metavar="NAME",
        action="append",
        default=[],
        help="serve with a legal variation; repeatable",
    )
    add("--list-faults", action="store_true", help="print the seeded defects as JSON and stop")
    add("--list-dialects", action="store_true", help="print the legal variations as JSON and stop")
    return options


def main(argv: Sequence[str]) -> int:
    """Run until told to stop. Returns 0, 130 when interrupted; exits with 2 for options that cannot be served."""
    options = parser()
    chosen = options.parse_args(argv)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="sandbox: %(levelname)s %(message)s")
    if chosen.list_faults or chosen.list_dialects:
        listed = variations.faults() if chosen.list_faults else variations.dialects()
        print(json.dumps([entry.as_json() for entry in listed], indent=2))
        return 0
    if chosen.polls_to_settle < 1:
        options.error("--polls-to-settle must be at least 1")
    try:
        variations.apply(chosen.fault, chosen.dialect)
        assembled = assembly.assemble(
            Options(
                mode=chosen.mode,
                db=chosen.db,
                control=chosen.control,
                webhook_url=chosen.webhook_url,
                allow_remote_webhooks=chosen.allow_remote_webhooks,
                polls_to_settle=chosen.polls_to_settle,
            ),
            os.environ,
        )
    except ValueError as error:
        options.error(str(error))
    if not is_loopback(chosen.host):
        log.warning("listening on %s: anyone who reaches it can use the development keys", chosen.host)
    listening = socket.create_server((chosen.host, chosen.port), backlog=512)
    origin = f"http://{authority(chosen.host, listening.getsockname()[1])}"
    server = Server(
        uvicorn.Config(
            assembled.application,
            http=protocol.protocol_for(chosen.mode),
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=2,
        )
    )
    ready = {
        "ready": True,
        "url": origin + app.PREFIX,
        "gate": origin + gate_serving.PREFIX,
        "control": f"{origin}/_sandbox" if chosen.control else None,
    }
    server.ready_line = json.dumps(ready)
    if chosen.exit_with_stdin:
        threading.Thread(target=_stop_with_stdin, args=(server,), daemon=True).start()
    assembled.start()
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        return 130
    finally:
        assembled.stop()
    return 0


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _stop_with_stdin(server: Server) -> None:
    while sys.stdin.buffer.read(4096):
        continue
    server.should_exit = True
