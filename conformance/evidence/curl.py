"""Commands a reader can paste: a ``curl`` for a recorded request, and the one that tries a requirement again.

Keys were redacted before they reached the journal; a command names the environment variable that holds one.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping

from conformance.evidence.text import visible
from conformance.journal import Exchange, RunRecord
from conformance.requirements.first_order import TIER

FINGERPRINT = re.compile(r"\[redacted:[0-9a-f]+\]")
"""What stands in a journal for a secret or for personal data."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

IMPLIED = frozenset({"host", "content-length", "connection", "accept-encoding", "user-agent", "transfer-encoding"})
"""Headers a client sets by itself, or that would only describe the one that made the recording."""

_REPLACED = {"--only", "--step", "--shard", "--seed", "--output"}


def quote(text: str) -> str:
    """The text as one shell word. Control characters are spelled out, so that nothing drives the terminal."""
    if visible(text) == text:
        return shlex.quote(text)
    # No argument can hold a NUL, and the shell would end the word there: it stays spelled out.
    text = text.replace("\0", "\\x00")
    spelled = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text.replace("\\", "\\\\").replace("'", "\\'"))
    return f"$'{visible(spelled)}'"


def curl(exchange: Exchange, variables: Mapping[str, str]) -> str:
    """The request of an exchange as a ``curl`` command; ``variables`` maps an account to its environment
    variable.
    """
    words = ["curl", "-sS", "-i"]
    if exchange.method != "GET" or exchange.request_body is not None:
        words += ["-X", quote(exchange.method)]
    if re.search(r"[\[\]{}]", exchange.url):
        words.append("--globoff")
    if "/." in exchange.url:
        words.append("--path-as-is")
    words.append(quote(exchange.url))
    for name, value in exchange.request_headers:
        if name.lower() not in IMPLIED:
            words += ["-H", _header(name, value, variable_of(exchange.account, variables))]
    if exchange.request_body is not None:
        words += ["--data-raw", quote(exchange.request_body)]
    return " ".join(words)


def rerun(run: RunRecord, requirement: str) -> str:
    """The one command that tries a requirement again with the same seed, into a run folder of its own."""
    if run.tier == TIER:
        return reproduce(run)
    return _again(run, _REPLACED, "--only", requirement)


def reproduce(run: RunRecord) -> str:
    """The one command that does the whole run again with the same seed, into a run folder of its own."""
    return _again(run, {"--seed", "--output"})


def _again(run: RunRecord, replaced: Collection[str], *added: str) -> str:
    try:
        words = shlex.split(run.command)
    except ValueError:
        words = [run.command]
    kept: list[str] = []
    dropping = False
    for word in words:
        option, equals, _ = word.partition("=")
        if option in replaced:
            dropping = not equals
        elif word.startswith("-") or not dropping:
            dropping = False
            kept.append(word)
    return " ".join(quote(word) for word in [*kept, *added, "--seed", str(run.seed)])


def variable_of(account: str, variables: Mapping[str, str]) -> str:
    """The environment variable that holds the key of ``account``, or a name for one."""
    name = variables.get(account, "")
    if _VARIABLE.fullmatch(name):
        return name
    return "KEY_OF_" + (re.sub(r"[^A-Za-z0-9]+", "_", account).strip("_").upper() or "ACCOUNT")


def _header(name: str, value: str, variable: str) -> str:
    if name.lower() == "authorization" and FINGERPRINT.search(value):
        scheme = value.partition(" ")[0] if " " in value else ""
        if not scheme or _VARIABLE.fullmatch(scheme):
            return f'"{_token(name)}: {scheme}{" " if scheme else ""}${variable}"'
    # curl drops a header without a value unless it is written with a semicolon.
    return quote(f"{name}: {value}" if value else f"{name};")


def _token(name: str) -> str:
    """A header name as it may stand between double quotes."""
    return re.sub(r"[^A-Za-z0-9-]", "", name)
