"""A helper process is awaited until it is ready, is ended for certain, and fails with a reason."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from conformance.target import process
from conformance.target.process import ProcessError, running

READY = "import json, os, sys; print(json.dumps({'ready': True, 'pid': os.getpid()}), flush=True)\n"
UNTIL_INPUT_ENDS = "sys.stdin.read()\n"
STUBBORN = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


def script(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    "text",
    [
        READY + UNTIL_INPUT_ENDS,
        READY + "import threading; threading.Event().wait()\n",
        STUBBORN + READY + "import threading; threading.Event().wait()\n",
        READY,
    ],
    ids=["ends with its input", "ends when asked", "ends by force", "has ended already"],
)
def test_a_process_is_over_when_its_context_is(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_STOP", 0.5)

    with running("it", script(text), os.environ, (), 30) as message:
        pid = message["pid"]

    assert not is_running(pid)


def test_a_process_is_over_when_its_context_fails() -> None:
    context = running("it", script(READY + UNTIL_INPUT_ENDS), os.environ, (), 30)
    pid = context.__enter__()["pid"]
    failure = RuntimeError("the run failed")

    is_swallowed = context.__exit__(RuntimeError, failure, None)

    assert not is_swallowed
    assert not is_running(pid)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import sys; sys.exit('no such option')", "(exit status 1); it wrote last:\nno such option"),
        ("import sys; sys.exit(3)", "(exit status 3) and wrote nothing"),
        ("print('hello', flush=True); input()", "it was not ready"),
        ("print('{}', flush=True); input()", "it was not ready"),
        ("print('[1', flush=True); input()", "it was not ready"),
    ],
    ids=[
        "dies with a message",
        "dies silently",
        "says something else",
        "says not ready",
        "says half a thing",
    ],
)
def test_a_process_that_does_not_get_ready_is_an_error_with_its_last_words(text: str, said: str) -> None:
    with pytest.raises(ProcessError) as caught, running("it", script(text), os.environ, (), 30):
        pass

    assert said in str(caught.value)


def test_a_process_that_stays_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_STOP", 0.5)

    with (
        pytest.raises(ProcessError, match=r"it was not ready within 0\.2 s"),
        running("it", script("input()"), os.environ, (), 0.2),
    ):
        pass


def test_last_words_are_few_and_hide_what_must_be_hidden() -> None:
    text = "import os, sys\nfor n in range(99): print('line', n, os.environ['KEY'], file=sys.stderr)\nsys.exit(1)"

    with (
        pytest.raises(ProcessError) as caught,
        running("it", script(text), {**os.environ, "KEY": "c4n4ry"}, ("c4n4ry",), 30),
    ):
        pass

    assert "c4n4ry" not in str(caught.value)
    assert "line 98 (hidden)" in str(caught.value)
    assert "line 50 " not in str(caught.value)


def test_a_process_that_talks_after_it_is_ready_is_not_held_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)
        port = listening.getsockname()[1]
        text = (
            READY
            + "print('x' * 1_000_000, flush=True)\nprint('y' * 1_000_000, file=sys.stderr, flush=True)\n"
            + f"import socket; socket.create_connection(('127.0.0.1', {port}))\n"
            + UNTIL_INPUT_ENDS
        )

        with running("it", script(text), os.environ, (), 30):
            caller, _ = listening.accept()

    caller.close()


def test_a_process_sees_the_environment_it_is_given_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOT_GIVEN", "1")
    text = "import json, os; print(json.dumps({'ready': True, 'sees': 'NOT_GIVEN' in os.environ}), flush=True)"

    with running("it", script(text), {"PATH": os.environ["PATH"]}, (), 30) as message:
        assert message["sees"] is False
