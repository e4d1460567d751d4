"""When a delivery is tried again, as a table without waiting."""

from __future__ import annotations

import pytest

from conformance.sandbox.webhooks import outbox, sending


@pytest.mark.parametrize(
    ("attempts", "status", "expected"),
    [
        (1, 200, ("delivered", 100.0)),
        (6, 299, ("delivered", 100.0)),
        (1, None, ("pending", 100.2)),
        (1, 500, ("pending", 100.2)),
        (2, 302, ("pending", 100.5)),
        (5, 404, ("pending", 104.0)),
        (6, 500, ("given_up", 100.0)),
        (6, None, ("given_up", 100.0)),
    ],
)
def test_after_an_attempt(attempts: int, status: int | None, expected: tuple[str, float]) -> None:
    state, due = outbox.after_attempt(attempts, status, 100.0)

    assert (state, due) == (expected[0], pytest.approx(expected[1]))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hook",
        "file:///etc/passwd",
        "http://",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:0/",
        "http://user:pass@127.0.0.1/",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/\r\nX: y",
        "http://h\u00e4ndler/",
    ],
)
def test_a_url_that_cannot_be_delivered_to_is_refused_even_when_remote_ones_are_allowed(url: str) -> None:
    with pytest.raises(sending.EndpointError):
        sending.check_url(url, allow_remote=True)


@pytest.mark.parametrize(
    "host", ["example.com", "10.0.0.1", "169.254.169.254", "0.0.0.0", "[::]", "127.0.0.1.example.com"]
)
def test_another_machine_is_refused_unless_allowed(host: str) -> None:
    with pytest.raises(sending.EndpointError, match="this machine"):
        sending.check_url(f"http://{host}/hook", allow_remote=False)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/hook", "http://localhost/", "https://[::1]:8443/a?b=c"])
def test_this_machine_is_fine(url: str) -> None:
    sending.check_url(url, allow_remote=False)
