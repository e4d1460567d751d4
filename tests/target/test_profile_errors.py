"""A profile that is wrong gets an error that names file, line, key, what was found, expected and the fix.

In the rows, the line that has to be named ends in ``# HERE``.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from conformance.target import Problem, ProfileError, load
from target.profiles import ENVIRON, RIGHT, spoiled, written

PASTED = "sk_test_canary0123456789canary0123456789"


class Row(NamedTuple):
    id: str
    text: str
    key: str
    found: str
    expected: str
    fix: str


def added(text: str) -> str:
    return RIGHT + text


ROWS = [
    Row(
        "broken TOML",
        spoiled('name = "mine"', 'name = mine" # HERE'),
        "",
        "broken TOML",
        "TOML 1.0",
        "correct the syntax",
    ),
    Row(
        "unknown section",
        added("[limit] # HERE\ntrades = 1\n"),
        "limit",
        "an unknown section",
        "limits",
        "did you mean limits?",
    ),
    Row(
        "unknown key",
        spoiled('secret_key = "POOLS_KEY"', 'secret_key = "POOLS_KEY"\nsecretkey = "A" # HERE'),
        "accounts.approved.secretkey",
        "an unknown key",
        "publishable_key",
        "did you mean secret_key?",
    ),
    Row(
        "unknown key that is near nothing",
        spoiled('name = "mine"', 'name = "mine"\ncolour = "red" # HERE'),
        "target.colour",
        "an unknown key",
        "environment",
        "take target.colour out",
    ),
    Row(
        "unknown key in a nested table",
        spoiled("base_url = ", "base_uri = 1 # HERE\nbase_url = "),
        "target.pools.base_uri",
        "an unknown key",
        "base_url",
        "did you mean base_url?",
    ),
    Row(
        "unknown key in a helper call on a later line of a list",
        added('[outcomes.failed]\ncalls = [\n  { url = "/a" },\n  { url = "/b", metod = "GET" }, # HERE\n]\n'),
        "outcomes.failed.calls[1].metod",
        "an unknown key",
        "method",
        "did you mean method?",
    ),
    Row(
        "unknown standing",
        added('[accounts.suspendet] # HERE\nsecret_key = "S"\n'),
        "accounts.suspendet",
        "an unknown name",
        "kyc_pending",
        "did you mean suspended?",
    ),
    Row(
        "unknown recipe",
        added("[outcomes.setled] # HERE\nrequest = { amount = '1' }\n"),
        "outcomes.setled",
        "an unknown name",
        "released",
        "did you mean settled?",
    ),
    Row(
        "pasted secret",
        spoiled('"POOLS_KEY"', f'"{PASTED}" # HERE'),
        "accounts.approved.secret_key",
        "text that looks like a secret (40 characters)",
        "environment variables, never secrets",
        "environment variable",
    ),
    Row(
        "pasted secret without a known shape",
        spoiled('"POOLS_KEY"', '"A1B2C3D4E5F6A7B8C9D0E1F2" # HERE'),
        "accounts.approved.secret_key",
        "text that looks like a secret (24 characters)",
        "environment variables, never secrets",
        "environment variable",
    ),
    Row(
        "secret pasted where no variable belongs",
        added(f'[order]\ndest_address = "{PASTED}" # HERE\n'),
        "order.dest_address",
        "text that looks like a secret (40 characters)",
        "environment variables, never secrets",
        "environment variable",
    ),
    Row(
        "secret pasted as a key",
        added(f"[order]\n{PASTED} = true # HERE\n"),
        "order.(hidden)",
        "a name that looks like a secret",
        "environment variables, never secrets",
        "environment variable",
    ),
    Row(
        "not a variable's name",
        spoiled('"POOLS_KEY"', '"pools key" # HERE'),
        "accounts.approved.secret_key",
        "text of 9 characters",
        "the name of an environment variable",
        'secret_key = "OBIT_POOLS_SECRET_KEY"',
    ),
    Row(
        "text for a number",
        spoiled("trades = 40", 'trades = "40" # HERE'),
        "limits.trades",
        "text of 2 characters",
        "how many trades",
        "trades = 40",
    ),
    Row(
        "number below its range",
        spoiled("trades = 40", "trades = -1 # HERE"),
        "limits.trades",
        "a whole number",
        "how many trades",
        "trades = 40",
    ),
    Row(
        "infinite pace",
        spoiled("requests_per_second = 20", "requests_per_second = inf # HERE"),
        "limits.requests_per_second",
        "a number with a fraction",
        "at most 1000",
        "requests_per_second = 10",
    ),
    Row(
        "endless patience",
        added("[patience]\nsettle = 1e9 # HERE\n"),
        "patience.settle",
        "a number with a fraction",
        "at most 3600",
        "settle = 60",
    ),
    Row(
        "number for a boolean",
        spoiled('name = "mine"', 'name = "mine"\nstrict = 1 # HERE'),
        "target.strict",
        "a whole number",
        "true or false",
        "strict = true",
    ),
    Row(
        "unknown environment",
        spoiled('"sandbox"', '"staging" # HERE'),
        "target.environment",
        "text of 7 characters",
        "one of embedded, sandbox, production",
        'environment = "sandbox"',
    ),
    Row(
        "money as a float",
        spoiled('notional = "5000.00"', "notional = 5000.0 # HERE"),
        "limits.notional",
        "a number with a fraction",
        "an amount written as a string",
        'write notional = "5000.0"',
    ),
    Row(
        "money as an integer",
        spoiled('notional = "5000.00"', "notional = 5000 # HERE"),
        "limits.notional",
        "a whole number",
        "an amount written as a string",
        'write notional = "5000"',
    ),
    Row(
        "money with an exponent",
        spoiled('"5000.00"', '"5e3" # HERE'),
        "limits.notional",
        "text of 3 characters",
        "without exponent",
        'notional = "5000.00"',
    ),
    Row(
        "negative money",
        spoiled('"5000.00"', '"-1.00" # HERE'),
        "limits.notional",
        "text of 5 characters",
        "zero or more",
        'notional = "5000.00"',
    ),
    Row(
        "money that is not a number",
        spoiled('"5000.00"', '"NaN" # HERE'),
        "limits.notional",
        "text of 3 characters",
        "a decimal amount",
        'notional = "5000.00"',
    ),
    Row(
        "value for a section",
        added("[accounts]\nother_partner = 3 # HERE\n"),
        "accounts.other_partner",
        "a whole number",
        "a table",
        "[accounts.other_partner]",
    ),
    Row(
        "missing key",
        spoiled('name = "mine"\n', "").replace("[target]\n", "[target] # HERE\n"),
        "target.name",
        "nothing",
        "a short name",
        'add name = "partner-sandbox"',
    ),
    Row(
        "no limits for a foreign target",
        RIGHT.split("[limits]")[0],
        "limits",
        "nothing",
        "shared property",
        "add [limits]",
    ),
    Row(
        "no approved account",
        spoiled("[accounts.approved]", "[accounts.unfunded]"),
        "accounts.approved.secret_key",
        "nothing",
        "an approved account with a secret key",
        'add secret_key = "OBIT_POOLS_SECRET_KEY"',
    ),
    Row(
        "approved account with a publishable key only",
        spoiled('secret_key = "POOLS_KEY"\n', "").replace("[accounts.approved]", "[accounts.approved] # HERE"),
        "accounts.approved.secret_key",
        "nothing",
        "an approved account with a secret key",
        'add secret_key = "OBIT_POOLS_SECRET_KEY"',
    ),
    Row(
        "account without a key",
        added("[accounts.unfunded] # HERE\n"),
        "accounts.unfunded",
        "an account without a key",
        "secret_key or publishable_key",
        "add a key",
    ),
    Row(
        "disposable key of an account that must work",
        added('[accounts.unfunded]\nsecret_key = "U"\ndisposable = true # HERE\n'),
        "accounts.unfunded.disposable",
        "a disposable account",
        "wrong_mode",
        "take disposable out",
    ),
    Row(
        "plain http to another host",
        spoiled('"https://pools.example.com/v1"', '"http://pools.example.com/v1" # HERE'),
        "target.pools.base_url",
        "text of 27 characters",
        "plain http to a host that is not loopback",
        'base_url = "https://',
    ),
    Row(
        "credentials in a URL",
        spoiled("https://pools", "https://me:password@pools").replace('/v1"', '/v1" # HERE'),
        "target.pools.base_url",
        "text of",
        "it carries credentials",
        'base_url = "https://',
    ),
    Row(
        "query in a URL",
        spoiled('/v1"', '/v1?key=1" # HERE'),
        "target.pools.base_url",
        "text of",
        "it has a query or a fragment",
        'base_url = "https://',
    ),
    Row(
        "placeholder in a base URL",
        spoiled('/v1"', '/{v}" # HERE'),
        "target.pools.base_url",
        "text of",
        "it has a placeholder",
        'base_url = "https://',
    ),
    Row(
        "port that is none",
        spoiled("example.com", "example.com:99999").replace('/v1"', '/v1" # HERE'),
        "target.pools.base_url",
        "text of",
        "its host or port is malformed",
        'base_url = "https://',
    ),
    Row(
        "base URL twice",
        spoiled('/v1"', '/v1" # HERE\nbase_url_variable = "POOLS_KEY"'),
        "target.pools.base_url",
        "base_url and base_url_variable",
        "one of them",
        "keep or add one of them",
    ),
    Row(
        "base URL in a variable nobody set",
        spoiled('base_url = "https://pools.example.com/v1"', 'base_url_variable = "POOLS_URL" # HERE'),
        "target.pools.base_url_variable",
        "the environment variable POOLS_URL is not set",
        "the base URL",
        "export POOLS_URL",
    ),
    Row(
        "embedded environment somewhere else",
        spoiled('"sandbox"', '"embedded"').replace('/v1"', '/v1" # HERE'),
        "target.pools.base_url",
        "a host that is not loopback",
        "on this machine",
        'environment = "sandbox"',
    ),
    Row(
        "contract that is not there",
        spoiled('/v1"', '/v1"\ncontract = "none.yaml" # HERE'),
        "target.pools.contract",
        "no such file",
        "an OpenAPI file",
        "relative to the profile",
    ),
    Row(
        "approval record that is not there",
        spoiled('name = "mine"', 'name = "mine"\napproval = "none.json" # HERE'),
        "target.approval",
        "no such file",
        "an approval record",
        "relative to the profile",
    ),
    Row(
        "approval record in another format",
        spoiled('name = "mine"', 'name = "mine"\napproval = "mine.yaml" # HERE'),
        "target.approval",
        "neither .json nor .toml",
        "JSON or TOML",
        "check the path",
    ),
    Row(
        "foreign helper URL",
        added('[outcomes.failed]\ncalls = [{ url = "https://evil.example/{quoteId}" }] # HERE\n'),
        "outcomes.failed.calls[0].url",
        "a URL of another origin",
        "a URL of the target itself",
        "on the command line",
    ),
    Row(
        "helper URL of another origin without a scheme",
        added('[outcomes.failed]\ncalls = [{ url = "//evil.example/{quoteId}" }] # HERE\n'),
        "outcomes.failed.calls[0].url",
        "text of",
        "not an absolute http or https URL",
        "for example url",
    ),
    Row(
        "helper URL of the same host with another port",
        added('[outcomes.failed]\ncalls = [{ url = "https://pools.example.com:8443/x" }] # HERE\n'),
        "outcomes.failed.calls[0].url",
        "a URL of another origin",
        "a URL of the target itself",
        "a path from its root",
    ),
    Row(
        "placeholder in a helper's host",
        added('[outcomes.failed]\ncalls = [{ url = "https://{quoteId}.example.com/x" }] # HERE\n'),
        "outcomes.failed.calls[0].url",
        "text of",
        "a placeholder in its host",
        "for example url",
    ),
    Row(
        "unknown placeholder in a URL",
        added('[outcomes.failed]\ncalls = [{ url = "/x/{quote_id}" }] # HERE\n'),
        "outcomes.failed.calls[0].url",
        "an unknown placeholder",
        "{quoteId}",
        "did you mean quoteId?",
    ),
    Row(
        "placeholder of another recipe in a body",
        added('[outcomes.redelivery]\ncalls = [{ url = "/x", body = { a = ["{seconds}"] } }] # HERE\n'),
        "outcomes.redelivery.calls[0].body.a[0]",
        "an unknown placeholder",
        "{eventId}",
        "take the placeholder out",
    ),
    Row(
        "brace without its partner",
        added('[outcomes.failed]\ncalls = [{ url = "/x/{quoteId" }] # HERE\n'),
        "outcomes.failed.calls[0].url",
        "a brace without its partner",
        "{quoteId}",
        "close or remove it",
    ),
    Row(
        "fraction in a helper's body",
        added('[outcomes.failed]\ncalls = [{ url = "/x", body = { amount = 1.5 } }] # HERE\n'),
        "outcomes.failed.calls[0].body.amount",
        "a number with a fraction",
        "text, a whole number",
        "write it as text",
    ),
    Row(
        "helper for an account that is not declared",
        added('[outcomes.failed]\ncalls = [{ url = "/x", account = "aproved" }] # HERE\n'),
        "outcomes.failed.calls[0].account",
        "an account the profile does not declare",
        "one of approved",
        "did you mean approved?",
    ),
    Row(
        "request in a recipe about no quote",
        added('[outcomes.time_passes]\nrequest = { amount = "1" } # HERE\n'),
        "outcomes.time_passes.request",
        "changes to a quote request",
        "helper calls only",
        "write calls instead",
    ),
    Row(
        "empty recipe",
        added("[outcomes.settled] # HERE\n"),
        "outcomes.settled",
        "an empty recipe",
        "request or calls",
        "add request or calls",
    ),
    Row(
        "number in a request",
        added("[outcomes.settled]\nrequest = { amount = 10 } # HERE\n"),
        "outcomes.settled.request.amount",
        "a whole number",
        "texts",
        "correct or remove outcomes.settled.request.amount",
    ),
    Row(
        "receiver without a port",
        added('[webhooks.pools]\nlisten = "127.0.0.1" # HERE\nsecret = "W"\n'),
        "webhooks.pools.listen",
        "text of 9 characters",
        "host:port",
        'listen = "127.0.0.1:0"',
    ),
    Row(
        "effects without a path to their count",
        added(
            '[handler] # HERE\nurl = "http://127.0.0.1:9/w"\nsecret = "W"\neffects_url = "http://[::1]:9/{eventId}"\n'
        ),
        "handler.effects_path",
        "nothing",
        "effects_url and effects_path together",
        "add effects_path",
    ),
    Row(
        "unknown placeholder in the effects",
        added(
            '[handler]\nurl = "http://127.0.0.1:9/w"\nsecret = "W"\neffects_path = "n"\n'
            'effects_url = "http://localhost:9/{id}" # HERE\n'
        ),
        "handler.effects_url",
        "an unknown placeholder",
        "{eventId}",
        "take the placeholder out",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
def test_one_mistake_gives_one_problem_that_says_where_and_what_to_do(row: Row, tmp_path: Path) -> None:
    target = written(tmp_path, row.text)

    with pytest.raises(ProfileError) as caught:
        load(target, ENVIRON)

    [problem] = caught.value.problems
    lines = [number for number, line in enumerate(row.text.splitlines(), 1) if "# HERE" in line]
    assert (problem.file, problem.key) == (target, row.key)
    assert problem.line == (lines[0] if lines else None)
    assert row.found in problem.found
    assert row.expected in problem.expected
    assert row.fix in problem.fix


def test_an_error_shows_file_line_key_found_expected_and_fix() -> None:
    error = ProfileError([Problem("a.toml", 7, "limits.trades", "text", "a number", "write a number")])

    assert str(error).splitlines() == [
        "a.toml:7: limits.trades",
        "    found:    text",
        "    expected: a number",
        "    fix:      write a number",
    ]


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    text = spoiled("trades = 40", "trades = 'x'") + (
        '[approvals]\n[outcomes.failed]\ncalls = [{ url = "/{nobody}" }]\n[accounts.wrong]\nsecret_key = "W"\n'
    )

    with pytest.raises(ProfileError) as caught:
        load(written(tmp_path, text), {})

    assert {problem.key for problem in caught.value.problems} == {
        "limits.trades",
        "approvals",
        "outcomes.failed.calls[0].url",
        "accounts.wrong",
        "accounts.approved.secret_key",
    }


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_target_is_an_error_of_its_own(name: str) -> None:
    with pytest.raises(ProfileError, match="empty --target"):
        load(name, ENVIRON)


@pytest.mark.parametrize(
    ("name", "advice"),
    [("sandbx", "did you mean sandbox?"), ("no/such.toml", "conformance init"), (".", "conformance init")],
)
def test_a_target_that_is_neither_built_in_nor_a_file_gets_advice(name: str, advice: str) -> None:
    with pytest.raises(ProfileError, match="no such file") as caught:
        load(name, ENVIRON)

    assert advice in str(caught.value)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"a = '\xff'", "bytes that are not UTF-8"),
        (b"#" * (1 << 20) + b"#", "more than 1048576 bytes"),
        (b"a = " + b"[" * 100_000, "nested too deeply"),
        (b"a = " + b"1" * 10_000, "too many digits"),
        (b"", "nothing"),
    ],
    ids=["not UTF-8", "too large", "too deep", "too long a number", "empty"],
)
def test_a_hostile_file_is_an_error_not_a_crash(content: bytes, found: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.toml"
    path.write_bytes(content)

    with pytest.raises(ProfileError, match=found):
        load(str(path), ENVIRON)
