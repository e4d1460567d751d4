"""The commands in a report: what the shell makes of them is exactly what was sent, and no key is in them."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.evidence.curl import curl, quote, reproduce, rerun
from tests.evidence.synthetic import HOSTILE, exchange, run

KEY = {"approved": "OBIT_POOLS_SECRET_KEY"}


def arguments(command: str, **environment: str) -> list[str]:
    """What curl would be given, by a shell that has a function in its place."""
    script = f"curl() {{ printf '%s\\0' \"$@\"; }}\n{command}"
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **environment}
    ran = subprocess.run(["bash", "-c", script], env=env, capture_output=True, timeout=30, check=True)
    return ran.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]


needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="the commands are for a shell")


@needs_bash
def test_the_shell_hands_curl_what_was_sent_with_the_key_from_the_environment() -> None:
    sent = exchange("a", request_body='{"note": "it\'s $HOME `id` \\\\ !"}')

    given_to_curl = arguments(curl(sent, KEY), OBIT_POOLS_SECRET_KEY="the-key")

    assert given_to_curl == [
        "-sS",
        "-i",
        "-X",
        "POST",
        "https://pools.example.test/v1/pools/EUR-USDT/quote",
        "-H",
        "Authorization: Bearer the-key",
        "-H",
        "Content-Type: application/json",
        "--data-raw",
        '{"note": "it\'s $HOME `id` \\\\ !"}',
    ]


@pytest.mark.parametrize(
    ("variables", "account", "expected"),
    [
        (KEY, "approved", "$OBIT_POOLS_SECRET_KEY"),
        ({}, "other_partner", "$KEY_OF_OTHER_PARTNER"),
        ({"approved": 'X"; rm -rf "$HOME'}, "approved", "$KEY_OF_APPROVED"),
        ({}, '"; reboot; "', "$KEY_OF_REBOOT"),
        ({}, "", "$KEY_OF_ACCOUNT"),
    ],
)
def test_a_command_names_a_variable_and_nothing_else(variables: dict[str, str], account: str, expected: str) -> None:
    assert f'-H "Authorization: Bearer {expected}"' in curl(exchange("a", account=account), variables)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"method": "GET", "request_body": None}, "curl -sS -i https"),
        ({"url": "https://a.test/v1/pools/[x]{y}"}, "--globoff"),
        ({"url": "https://a.test/v1/pools/../x"}, "--path-as-is"),
        ({"request_headers": (("X-Empty", ""),)}, "-H 'X-Empty;'"),
        ({"request_body": "@/etc/passwd"}, "--data-raw @/etc/passwd"),
        ({"request_body": ""}, "--data-raw ''"),
    ],
)
def test_curl_s_own_habits_do_not_change_the_request(changes: dict[str, object], expected: str) -> None:
    assert expected in curl(exchange("a", **changes), KEY)


@pytest.mark.parametrize("header", ["Host", "content-length", "Connection", "Accept-Encoding", "User-Agent"])
def test_what_curl_sets_itself_is_left_out(header: str) -> None:
    assert header not in curl(exchange("a", request_headers=((header, "1"),)), KEY)


@needs_bash
@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(max_codepoint=0x7F, exclude_characters="\0")))
def test_quoting_gives_back_every_text_the_shell_can_hold(text: str) -> None:
    assert arguments(f"curl {quote(text)}") == [text]


@given(st.text())
def test_a_quoted_text_drives_no_terminal(text: str) -> None:
    assert not any(ord(c) < 0x20 and c not in "\n\t" for c in quote(text))


@needs_bash
def test_a_hostile_url_stays_one_argument() -> None:
    sent = exchange("a", url=f"https://a.test/{HOSTILE}", request_headers=(), request_body=None, method="GET")

    *options, url = arguments(curl(sent, KEY))

    assert options == ["-sS", "-i", "--globoff"]
    assert url.startswith("https://a.test/<script>")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("conformance run --target sandbox", "conformance run --target sandbox --only R --seed 7"),
        ("conformance run --seed 3 --target x", "conformance run --target x --only R --seed 7"),
        ("conformance run --seed=3 --only A B --strict", "conformance run --strict --only R --seed 7"),
        ("conformance run --only A --only B", "conformance run --only R --seed 7"),
        ("conformance run --step 5 --shard 1/2", "conformance run --only R --seed 7"),
        ("conformance run --output reports/x -v", "conformance run -v --only R --seed 7"),
        ("conformance run --target 'my target.toml'", "conformance run --target 'my target.toml' --only R --seed 7"),
        ("conformance run --target 'unclosed", "$CANNOT"),
    ],
)
def test_running_again_keeps_the_command_and_narrows_it(command: str, expected: str) -> None:
    if expected == "$CANNOT":
        expected = """'conformance run --target '"'"'unclosed' --only R --seed 7"""

    assert rerun(run(command=command), "R") == expected


def test_reproducing_keeps_the_selection_and_fixes_the_seed() -> None:
    started = run(command="conformance run --only A --seed 1 --output x")

    assert reproduce(started) == "conformance run --only A --seed 7"
