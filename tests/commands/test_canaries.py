"""Secrets of our own and of the target's answers: nowhere in what a run writes or prints, however it fails."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from conformance.journal import Exchange

from .command import Ended, conformance, ended, exchanges, journal, sandbox, started
from .liars import Answering, Liar, lying

STANDINGS = ("approved", "other_partner", "no_access", "unfunded", "velocity_capped")

KEYS = {
    f"OBIT_SANDBOX_{standing.upper()}_{kind}": f"{prefix}_{standing}+canary/{number}=="
    for standing in STANDINGS
    for number, (kind, prefix) in enumerate([("SECRET_KEY", "sk"), ("PUBLISHABLE_KEY", "pk"), ("WEBHOOK_SECRET", "wh")])
}
"""Credentials of no published shape, so that only their values give them away, with letters that encodings change."""

HANDLER_SECRET = "handler+canary/secret=="
IBAN = "DE89 3704 CANARY 0044 05"
CLIENT_SECRET = "cs_1/canary+of=the answer"

SECRETS = [*KEYS.values(), HANDLER_SECRET, IBAN, CLIENT_SECRET]

FAULTS = ["--fault", "key-unknown-accepted", "--fault", "reject-idempotent"]

HANDLER = """
[handler]
url = "{origin}/hook"
secret = "CANARY_HANDLER_SECRET"
effects_url = "{origin}/effects/{{eventId}}"
effects_path = "count"
"""


def telling(answering: Answering) -> None:
    """An answer that repeats the key it was sent, in several spellings, and holds a secret of the target's own."""
    key = answering.headers.get("authorization", "").removeprefix("Bearer ")
    body = {
        "statusCode": 500,
        "message": f"cannot serve {key}",
        "path": f"/balance?key={quote(key, safe='')}",
        "next_action": {"client_secret": CLIENT_SECRET, "again": json.dumps({"clientSecret": CLIENT_SECRET})},
        "copy": CLIENT_SECRET,
    }
    answering.reply(500, json.dumps(body).encode(), x_debug=f"key {key}", location=f"/?key={quote_plus(key)}")


def counting(answering: Answering) -> None:
    answering.reply(200, b'{"count": 1}')


@contextmanager
def leaky_target(folder: Path) -> Iterator[Liar]:
    """A faulty sandbox with canaries for keys, behind a liar that repeats them, and the profile of it all."""
    with (
        sandbox("--control", *FAULTS, **KEYS, OBIT_SANDBOX_IBAN=IBAN) as served,
        lying(served.origin, balance=telling, hook=counting) as liar,
    ):
        profiles = resources.files("conformance.target") / "profiles"
        text = (profiles / "embedded.toml").read_text("utf-8")
        (folder / "leaky.toml").write_text(text + HANDLER.format(origin=liar.origin))
        (folder / "embedded-approval.json").write_text((profiles / "embedded-approval.json").read_text("utf-8"))
        yield liar


def variables(liar: Liar) -> dict[str, str]:
    urls = {"OBIT_EMBEDDED_POOLS_URL": liar.url, "OBIT_EMBEDDED_GATE_URL": f"{liar.origin}/gate/v1"}
    return {**KEYS, **urls, "CANARY_HANDLER_SECRET": HANDLER_SECRET, "XDG_CACHE_HOME": "cache"}


def spellings(secret: str) -> set[bytes]:
    """A secret as it is, and as URLs, JSON, hexadecimal and base64 at any offset would spell it."""
    raw = secret.encode()
    found = {raw, quote(secret, safe="").encode(), quote_plus(secret).encode(), json.dumps(secret)[1:-1].encode()}
    found |= {quote(secret).encode(), raw.hex().encode()}
    for offset in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # Without the letters that depend on what stands before and behind.
            found.add(encode(b"\0" * offset + raw)[offset and offset + 1 : -4])
    return found


def leaks(texts: Iterable[tuple[str, bytes]]) -> list[str]:
    wanted = [(secret, spelling) for secret in SECRETS for spelling in spellings(secret)]
    return [f"{secret} in {name}" for name, text in texts for secret, spelling in wanted if spelling in text]


def everything(folder: Path, run: Ended) -> Iterator[tuple[str, bytes]]:
    """All files a command left in its working directory, hidden ones included, and what it printed."""
    yield "standard output", run.out.encode()
    yield "standard error", run.err.encode()
    for path in folder.rglob("*"):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()


def test_the_search_finds_a_secret_in_every_spelling() -> None:
    hidden = base64.b64encode(f"x{IBAN}x".encode()) + quote(CLIENT_SECRET).encode()
    assert {found.split(" in ")[0] for found in leaks([("a file", hidden)])} == {IBAN, CLIENT_SECRET}


CHOSEN = [
    "AUTH-UNKNOWN-KEY",
    "POOLS-REJECT-ONCE",
    "POOLS-BALANCE-CONTEXT",
    "POOLS-FUNDING",
    "POOLS-ISOLATION-KEYS",
    "POOLS-DISCOVERY-PUBLISHABLE",
    "POOLS-DENY-BALANCE",
    "POOLS-WEBHOOK-SIGNED",
    "PARTNER-WEBHOOK-VERIFIES",
]
"""Requirements whose scenarios use every canary; the first four fail here."""

ONLY = [word for requirement in CHOSEN for word in ("--only", requirement)]


def test_a_failing_run_shows_no_secret(tmp_path: Path) -> None:
    with leaky_target(tmp_path) as liar:
        run = conformance("run", "--target", "leaky.toml", "--output", "run", *ONLY, cwd=tmp_path, **variables(liar))
        sent = {asked.headers.get("Authorization", "") for asked in liar.asked}
    assert run.code == 1, run.said
    assert "FAIL POOLS-REJECT-ONCE" in run.out
    assert {f"Bearer {KEYS[f'OBIT_SANDBOX_{name}_SECRET_KEY']}" for name in ("APPROVED", "UNFUNDED")} <= sent
    assert f"Bearer {KEYS['OBIT_SANDBOX_APPROVED_PUBLISHABLE_KEY']}" in sent
    funding = [e for e in exchanges(tmp_path / "run") if e.operation == "GET /pools/funding" and e.status == 200]
    assert any('"iban": "[redacted:' in (exchange.response_body or "").replace('":"', '": "') for exchange in funding)
    assert leaks(everything(tmp_path, run)) == []


BREAKING = """
from conformance.scenarios.pools.desk import Desk

def firm(self, **overrides):
    held = self.api.who.token
    raise RuntimeError(f"did not expect {held}")

Desk.firm = firm
"""
"""A defect of ours: an exception nobody foresaw, with a secret in its message and in the locals around it."""

COMMAND = 'import breaking, runpy; runpy.run_module("conformance", run_name="__main__", alter_sys=True)'
TALKATIVE = ["-p", "breaking", "-vv", "--showlocals", "--tb=long", "--log-level=DEBUG", "-o", "junit_logging=all"]

WAYS = [
    pytest.param(["-c", COMMAND, "run"], id="conformance run"),
    pytest.param(
        ["-m", "pytest", "--pyargs", "conformance.scenarios", *TALKATIVE, "--junitxml=j.xml", "--alluredir=allure"],
        id="pytest",
    ),
]


@pytest.mark.parametrize("words", WAYS)
def test_an_exception_nobody_foresaw_shows_no_secret(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "breaking.py").write_text(BREAKING)
    with leaky_target(tmp_path) as liar:
        more = [
            "--target",
            "leaky.toml",
            "--output",
            "run",
            "--only",
            "POOLS-TRANSACT-ONCE",
            "--only",
            "POOLS-REJECT-ONCE",
        ]
        run = ended(started([*words, *more], tmp_path, variables(liar)))
    assert run.code == 4, run.said
    assert "RuntimeError: did not expect [redacted:" in run.out
    assert journal(tmp_path / "run").of(Exchange)
    assert leaks(everything(tmp_path, run)) == []


def test_hypothesis_talking_about_a_failure_shows_no_secret(tmp_path: Path) -> None:
    words = ["-m", "pytest", "--pyargs", "conformance.scenarios", "-s", "-vv", "--hypothesis-verbosity=verbose"]
    with leaky_target(tmp_path) as liar:
        more = ["--target", "leaky.toml", "--output", "run", "--only", "POOLS-REJECT-ONCE"]
        run = ended(started([*words, *more], tmp_path, variables(liar)))
    assert run.code == 1, run.said
    assert "FAIL POOLS-REJECT-ONCE" in run.out
    assert leaks(everything(tmp_path, run)) == []
