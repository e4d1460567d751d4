"""What ``conformance observe`` does between its options and the judging: the upstream, the proxy, the archive.

Passing on is the business of ``partner/proxy``, judging that of ``judging``.
"""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import signal
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from conformance.cli.judging import FROM_START, Asked, Inputs
from conformance.client import Redactor
from conformance.partner.proxy import Proxy
from conformance.partner.proxy_record import Archive, Watch
from conformance.partner.proxy_types import Exchanged, Limits, Upstream
from conformance.partner.traffic import PUBLISHED
from conformance.partner.traffic_reading import Origins
from conformance.run import UsageProblem
from conformance.target import urls
from conformance.target.problems import instead
from conformance.target.process import ProcessError, running

ARCHIVE = "recording.har"

BUILT_IN = {
    ("sandbox", "pools"): "https://pools-api-sandbox.0bit.app/v1",
    ("sandbox", "gate"): "https://gate-api-sandbox.0bit.app/v1",
}
LOOK = 1.0
"""Seconds between two looks by the rules while traffic passes."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Watching:
    """Where traffic is taken, where it goes, and for how long."""

    upstream: str
    """The base URL."""
    host: str
    port: int
    seconds: float | None
    from_start: bool


def check(product: str, seconds: float | None) -> None:
    """Raise ``UsageProblem`` for options that mean nothing."""
    if product not in ("pools", "gate"):
        raise UsageProblem(f"--product {product!r} is not known; choose pools or gate")
    if seconds is not None and not 0 < seconds < 1e7:
        raise UsageProblem(f"--for {seconds:g} is no length of time; give seconds above 0")


def listen_address(text: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT`` or ``PORT``. Raises ``UsageProblem``."""
    host, _, port = text.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not port.isdigit() or int(port) > 65535:
        raise UsageProblem(f"--listen {text!r} is no address; write 127.0.0.1:8400, with port 0 for any free one")
    try:
        ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise UsageProblem(f"--listen {text!r} names no address; write one such as 127.0.0.1:8400") from None
    return host, int(port)


@contextmanager
def base_url(upstream: str, product: str, environ: Mapping[str, str]) -> Iterator[str]:
    """The base URL of a sandbox given by URL, profile or ``embedded``; the embedded one lives as long as the context.

    Raises ``UsageProblem``, also for anything that is production: a proxy must not stand in front of real money.
    """
    if upstream == "embedded":
        command = [sys.executable, "-m", "conformance.sandbox", "--exit-with-stdin"]
        inherited = {name: value for name, value in environ.items() if not name.startswith("OBIT_")}
        try:
            with running("the embedded sandbox", command, inherited, (), 15) as ready:
                yield str(ready["url"] if product == "pools" else ready["gate"])
        except ProcessError as problem:
            raise UsageProblem(str(problem)) from problem
        return
    url = upstream if "://" in upstream else _of_profile(upstream, product, environ)
    if objection := urls.objection(url):
        raise UsageProblem(f"--upstream cannot be used: {objection}")
    if PUBLISHED.get(urls.host_of(url), ("", "test"))[1] != "test":
        raise UsageProblem(
            f"--upstream {urls.host_of(url)} is production, where a recording proxy has no place; "
            "record against the sandbox, or judge a recording of yours with: conformance judge FILE.har"
        )
    yield url.rstrip("/")


def _of_profile(name: str, product: str, environ: Mapping[str, str]) -> str:
    """The base URL a profile names. Its keys are not needed: the partner's own are on the requests."""
    if name == "production":
        raise UsageProblem("--upstream production: a recording proxy has no place there; use --upstream sandbox")
    if (name, product) in BUILT_IN:
        return BUILT_IN[name, product]
    try:
        document = tomllib.loads(Path(name).read_text("utf-8"))
    except (OSError, ValueError) as trouble:
        fix = instead(name, ("embedded", "sandbox"), "give a URL, a profile file, sandbox or embedded")
        raise UsageProblem(
            f"--upstream {name!r} is no profile that can be read ({type(trouble).__name__}); {fix}"
        ) from None
    target = document.get("target")
    section: Any = target.get(product) if isinstance(target, dict) else None
    if isinstance(target, dict) and target.get("environment") == "production":
        raise UsageProblem(f"--upstream {name}: its environment is production, where a recording proxy has no place")
    if not isinstance(section, dict):
        raise UsageProblem(f"--upstream {name}: the profile has no [target.{product}]; add it with a base_url")
    url = section.get("base_url") or environ.get(str(section.get("base_url_variable", "")), "")
    if not isinstance(url, str) or not url:
        raise UsageProblem(f"--upstream {name}: target.{product}.base_url is no URL; write one as text")
    return url


def observe(watching: Watching, asked: Asked, inputs: Inputs, say: Say) -> Asked:
    """Record until told to stop, and give what is to be judged. Raises ``UsageProblem``; nothing is left then."""
    folder = asked.output
    assert folder is not None, "the command names the folder"
    if folder.exists():
        raise UsageProblem(f"--output {folder} is taken; name a folder that does not exist yet")
    try:
        folder.mkdir(parents=True)
        file = (folder / ARCHIVE).open("w", encoding="utf-8")
    except OSError as problem:
        raise UsageProblem(f"{folder} cannot be written to ({problem.strerror}); choose another --output") from problem
    comment = f"{FROM_START}, in front of {watching.upstream}" if watching.from_start else watching.upstream
    with file:
        archive = Archive(file, Redactor(secrets.token_bytes(32), (), inputs.sensitive), inputs.sensitive, comment)
        try:
            asyncio.run(_record(watching, inputs, archive, say))
        except OSError as problem:
            (folder / ARCHIVE).unlink()
            folder.rmdir()
            where = f"{watching.host}:{watching.port}"
            raise UsageProblem(f"--listen {where} cannot be had ({problem.strerror}); choose another") from problem
        finally:
            archive.close()
    netloc = Upstream.of(watching.upstream).authority
    return replace(asked, file=folder / ARCHIVE, hosts=(*asked.hosts, netloc), from_start=watching.from_start)


async def _record(watching: Watching, inputs: Inputs, archive: Archive, say: Say) -> None:
    """Pass on and record until a signal comes or the time is up."""
    upstream = Upstream.of(watching.upstream)
    watch = Watch(
        inputs.contracts,
        Origins(frozenset({upstream.authority})),
        watching.from_start,
        lambda requirement, observed: say(f"FAIL {requirement}: {observed}"),
    )

    def record(exchanged: Exchanged) -> None:
        entry = archive.add(exchanged)
        watch.take(archive.entries, entry)

    proxy = Proxy(upstream, record, Limits())
    port = await proxy.start(watching.host, watching.port)
    host = f"[{watching.host}]" if ":" in watching.host else watching.host
    path = watching.upstream.partition("://")[2].partition("/")[2]
    say(f"observing http://{host}:{port}/{path} in front of {watching.upstream}")
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, stopped.set)
    until = None if watching.seconds is None else loop.time() + watching.seconds
    while not stopped.is_set():
        left = LOOK if until is None else min(LOOK, until - loop.time())
        if left <= 0:
            break
        with suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), left)
        watch.look()
    await proxy.stop()
    if proxy.refused:
        say(f"{proxy.refused} requests carried a live key and were not passed on: keep live keys away from sandboxes")


def is_open(host: str) -> bool:
    """Whether others than this machine can reach a listener there."""
    return not urls.is_loopback(host)
