"""A failing trace as a file of its own: what it sends, what it compares, and what is not in it."""

from __future__ import annotations

import ast
import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from conformance.evidence import assemble, write
from conformance.evidence.replay import FILES
from conformance.evidence.replayer import ROUNDS, Answer, Facts
from conformance.evidence.trace import POLLS
from conformance.journal import Engine, Exchange, Outcome, Record
from conformance.requirements import load
from tests.evidence import synthetic

BASE = "https://pools.example.test/v1"
KEY = "conformance-261001080000000000-0123456789abcdef"
ACCOUNTS = {"approved": "OUR_KEY", "other_partner": "THEIR_KEY"}
ENVIRONMENT = {"OUR_KEY": "sk_test_ours", "THEIR_KEY": "sk_test_theirs"}
REQUIREMENT = "POOLS-TRANSACT-ONCE"


def sent(
    name: str,
    method: str,
    path: str,
    answer: Any,
    status: int | None = 200,
    body: Any = None,
    key: str | None = None,
    at: int = 0,
    **changes: Any,
) -> Exchange:
    """One exchange of a trace, begun ``at`` milliseconds after the first."""
    fingerprint = "[redacted:0123456789ab]" if changes.get("account", "approved") == "approved" else "[redacted:ba98]"
    headers = (("Authorization", f"Bearer {fingerprint}"), *((("Idempotency-Key", key),) if key else ()))
    return synthetic.exchange(
        name,
        **{
            "operation": None,
            "method": method,
            "url": f"{BASE}{path}",
            "request_headers": headers,
            "request_body": None if body is None else json.dumps(body),
            "status": status,
            "response_headers": (("content-type", "application/json"),),
            "response_body": json.dumps(answer),
            "started": f"2026-10-01T08:01:02.{at:03}+00:00",
            "elapsed_ms": 5,
            **changes,
        },
    )


def quoted(number: str, at: int = 0) -> Exchange:
    return sent(f"q{number}", "POST", "/pools/EUR-USDT/quote", {"quoteId": f"pq_{number}", "rate": "1.07"},
                body={"amount": "10.00"}, at=at)  # fmt: skip


def executed(name: str, quote: str, trade: str, key: str = KEY, at: int = 100, **changes: Any) -> Exchange:
    answer = {"transactId": trade, "quoteId": quote, "status": "reserved"}
    said = {"status": 200, "body": {"quoteId": quote}, "key": key, "at": at, **changes}
    return sent(name, "POST", "/pools/EUR-USDT/transact", answer, **said)


TWICE = (quoted("111"), executed("t1", "pq_111", "txn_1"), executed("t2", "pq_111", "txn_2", at=200))
"""The fault: the same transact again names another trade."""


def run_folder(folder: Path, *exchanges: Exchange, shown: Sequence[str] = ("t1", "t2"), **judged: Any) -> Path:
    """A run with one failure shown by ``shown``, every report of it written."""
    told = {"expected": "the same trade", "observed": "another trade", "requirement": REQUIREMENT, **judged}
    words = synthetic.judgement(told.pop("requirement"), Outcome.FAIL, exchanges=tuple(shown), **told)
    records: list[Record] = [synthetic.run(variables=ACCOUNTS), *exchanges, words]
    synthetic.write_journal(folder, records)
    write(folder, load())
    return folder


def only_file(folder: Path) -> Path:
    [found] = (folder / "replay").iterdir()
    return found


@dataclass
class Target:
    """A target that follows a script of its own and remembers what it was asked."""

    same_trade: bool = False
    asked: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    healthy_for: int = 0
    """So many requests are answered without the fault."""
    meeting: threading.Barrier | None = None
    """Where transacts wait for each other before one is answered."""
    url: str = ""

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: Any) -> tuple[int, Any]:
        self.asked.append((method, path, {name.lower(): value for name, value in headers.items()}, body))
        number = len(self.asked)
        if path.endswith("/quote"):
            return 200, {"quoteId": f"pq_new{number}", "rate": "1.09"}
        if path.endswith("/transact"):
            if self.meeting:
                self.meeting.wait(20)
            healthy = self.same_trade or number <= self.healthy_for
            trade = "txn_new" if healthy else f"txn_new{number}"
            return 200, {"transactId": trade, "quoteId": body["quoteId"], "status": "reserved"}
        return 200, {}


@contextlib.contextmanager
def serving(target: Target) -> Iterator[Target]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, answer = target.answer(
                self.command, self.path, dict(self.headers), json.loads(raw) if raw else None
            )
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self) -> None:
            self.do_GET()

        def do_HEAD(self) -> None:
            self.send_response(405)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        target.url = f"http://127.0.0.1:{server.server_port}/v1"
        yield target
        server.shutdown()
        thread.join()


def replayed(file: Path, target: Target, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a replay file in an interpreter that knows httpx and nothing of the harness's checkout."""
    return subprocess.run(
        [sys.executable, "-P", str(file), "--base-url", target.url],
        cwd=file.parent,
        env={**ENVIRONMENT, **variables, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )


# --- what it sends ---


def test_it_needs_httpx_and_the_standard_library_and_nothing_else(tmp_path: Path) -> None:
    tree = ast.parse(only_file(run_folder(tmp_path, *TWICE)).read_text(encoding="utf-8"))

    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {name.partition(".")[0] for name in imported} - sys.stdlib_module_names == {"httpx"}


def test_ids_flow_from_the_new_answers_and_one_fresh_key_stands_where_one_key_stood(tmp_path: Path) -> None:
    file = only_file(run_folder(tmp_path, *TWICE))
    asked = []
    for _ in range(2):
        with serving(Target()) as target:
            assert replayed(file, target).returncode == 1
        asked.append(target.asked)

    for quote, first, second in asked:
        assert (quote[0], quote[1], quote[3]) == ("POST", "/v1/pools/EUR-USDT/quote", {"amount": "10.00"})
        assert first[3] == second[3] == {"quoteId": "pq_new1"}
        assert first[2]["idempotency-key"] == second[2]["idempotency-key"]
        assert {request[2]["authorization"] for request in (quote, first, second)} == {"Bearer sk_test_ours"}
    keys = {request[2]["idempotency-key"] for run in asked for request in run[1:]}
    assert len(keys) == 2
    assert KEY not in keys


def test_nothing_handed_out_then_and_no_secret_is_in_what_it_sends(tmp_path: Path) -> None:
    text = only_file(run_folder(tmp_path, *TWICE)).read_text(encoding="utf-8")

    assert [word for word in ("pq_111", "txn_1", KEY, "redacted:") if word in text] == []
    assert "OUR_KEY" in text


def test_the_other_partner_s_requests_take_the_other_partner_s_key(tmp_path: Path) -> None:
    foreign = executed("t2", "pq_111", "txn_2", key="other-key-0123456789", at=200, account="other_partner")
    file = only_file(run_folder(tmp_path, *TWICE[:2], foreign))
    with serving(Target()) as target:
        replayed(file, target)

    assert [request[2]["authorization"] for request in target.asked] == [
        "Bearer sk_test_ours",
        "Bearer sk_test_ours",
        "Bearer sk_test_theirs",
    ]
    assert len({request[2]["idempotency-key"] for request in target.asked[1:]}) == 2


def test_requests_that_overlapped_leave_together(tmp_path: Path) -> None:
    at_once = (executed("t1", "pq_111", "txn_1", at=100), executed("t2", "pq_111", "txn_2", at=101))
    file = only_file(run_folder(tmp_path, TWICE[0], *at_once))
    # Each is answered only once the other has arrived: one after the other would never end well.
    with serving(Target(meeting=threading.Barrier(2))) as target:
        done = replayed(file, target)

    assert done.returncode == 1, done.stdout
    assert len(target.asked) == 3
    assert done.stdout.count("at the same moment") == 2


def test_requests_that_followed_each_other_closely_do_not(tmp_path: Path) -> None:
    in_turn = (executed("t1", "pq_111", "txn_1", at=100), executed("t2", "pq_111", "txn_2", at=104))
    file = only_file(run_folder(tmp_path, TWICE[0], *in_turn))
    with serving(Target()) as target:
        assert "at the same moment" not in replayed(file, target).stdout


def test_helper_calls_about_the_trace_go_to_the_new_origin_and_others_are_left_out(tmp_path: Path) -> None:
    helper = {"account": "helper", "request_headers": (), "scenario": TWICE[0].scenario}
    clock = "https://pools.example.test/_sandbox/clock"
    calls = (
        sent("h1", "POST", "", {}, body={"quoteId": "pq_111", "advance_seconds": "90"}, at=50, url=clock, **helper),
        quoted("222", at=55),
        sent("h2", "POST", "", {}, body={"quoteId": "pq_222", "advance_seconds": "90"}, at=60, url=clock, **helper),
    )
    file = only_file(run_folder(tmp_path, TWICE[0], *calls, *TWICE[1:]))
    with serving(Target()) as target:
        replayed(file, target)

    assert [request[1] for request in target.asked] == [
        "/v1/pools/EUR-USDT/quote",
        "/_sandbox/clock",
        "/v1/pools/EUR-USDT/transact",
        "/v1/pools/EUR-USDT/transact",
    ]
    assert target.asked[1][3] == {"quoteId": "pq_new1", "advance_seconds": "90"}


def test_what_was_done_to_the_trace_s_quote_in_between_is_done_again(tmp_path: Path) -> None:
    reject = sent("r", "POST", "/pools/quotes/pq_111/reject", {"quoteId": "pq_111"}, at=150)
    file = only_file(run_folder(tmp_path, *TWICE[:2], reject, TWICE[2], shown=["t2"]))
    with serving(Target()) as target:
        replayed(file, target)

    assert [request[1] for request in target.asked][1:3] == [
        "/v1/pools/EUR-USDT/transact",
        "/v1/pools/quotes/pq_new1/reject",
    ]


def test_who_used_the_same_key_before_is_part_of_the_trace(tmp_path: Path) -> None:
    earlier = (quoted("000"), executed("t0", "pq_000", "txn_0", at=50, scenario="another"))
    later = (quoted("111", at=80), executed("t1", "pq_111", "", status=409))
    file = only_file(run_folder(tmp_path, *earlier, *later, shown=["t1"]))
    with serving(Target()) as target:
        replayed(file, target)

    assert [request[3] for request in target.asked] == [
        {"amount": "10.00"},
        {"quoteId": "pq_new1"},
        {"amount": "10.00"},
        {"quoteId": "pq_new3"},
    ]
    assert len({request[2]["idempotency-key"] for request in target.asked if "idempotency-key" in request[2]}) == 1


def test_of_many_polls_only_the_first_are_sent_again(tmp_path: Path) -> None:
    path = "/pools/transactions/pq_111"
    polls = [sent(f"p{n}", "GET", path, {"status": "reserved"}, at=200 + 2 * n, elapsed_ms=1) for n in range(300)]
    file = only_file(run_folder(tmp_path, *TWICE[:2], *polls, executed("t2", "pq_111", "txn_2", at=900)))
    with serving(Target()) as target:
        replayed(file, target)

    assert len(target.asked) == 3 + POLLS


def test_a_redacted_value_becomes_a_named_variable(tmp_path: Path) -> None:
    fund = sent("t1", "POST", "/pools/funding", {"ok": True}, body={"iban": "[redacted:feedfacefeed]"})
    file = only_file(run_folder(tmp_path, fund, shown=["t1"]))
    name = "REPLAY_IBAN_FEEDFACEFEED"
    with serving(Target()) as target:
        without = replayed(file, target)
        replayed(file, target, **{name: 'DE"00'})

    assert (without.returncode, without.stderr) == (2, f"set these environment variables first: {name}\n")
    assert [request[3] for request in target.asked] == [{"iban": 'DE"00'}]


def test_without_the_keys_nothing_is_sent_and_the_variables_are_named(tmp_path: Path) -> None:
    file = only_file(run_folder(tmp_path, *TWICE))
    with serving(Target()) as target:
        done = replayed(file, target, OUR_KEY="")

    assert (done.returncode, target.asked) == (2, [])
    assert "OUR_KEY" in done.stderr


# --- what it says ---


@pytest.mark.parametrize(("healthy", "rounds"), [(0, 1), (2, 3), (9, ROUNDS)])
def test_what_takes_a_meeting_of_requests_gets_several_rounds(tmp_path: Path, healthy: int, rounds: int) -> None:
    at_once = (executed("t1", "pq_111", "txn_1", at=100), executed("t2", "pq_111", "txn_2", at=101))
    file = only_file(run_folder(tmp_path, TWICE[0], *at_once))
    with serving(Target(healthy_for=healthy * 3)) as target:
        done = replayed(file, target)

    assert (done.returncode, len(target.asked)) == (0 if healthy > ROUNDS else 1, rounds * 3)


@pytest.mark.parametrize(("same_trade", "code"), [(False, 1), (True, 0)])
def test_it_says_whether_the_fault_still_shows(tmp_path: Path, same_trade: bool, code: int) -> None:
    file = only_file(run_folder(tmp_path, *TWICE))
    with serving(Target(same_trade)) as target:
        done = replayed(file, target)

    assert done.returncode == code, done.stdout
    assert done.stdout.count("recorded 200, observed 200") == 3
    assert "Compared were the answers of step 2, 3:" in done.stdout
    assert ("transactId of step 3" in done.stdout) is same_trade


def test_a_request_whose_answer_was_lost_is_sent_again_and_not_compared(tmp_path: Path) -> None:
    lost = executed("t1", "pq_111", "", status=None, response_body=None, error="lost on purpose")
    file = only_file(run_folder(tmp_path, TWICE[0], lost, executed("t2", "pq_111", "txn_2", at=200)))
    with serving(Target()) as target:
        done = replayed(file, target)

    assert done.returncode == 1, done.stdout
    assert len(target.asked) == 3
    assert "recorded no answer, observed 200" in done.stdout


def test_a_target_that_cannot_be_reached_is_neither_broken_nor_mended(tmp_path: Path) -> None:
    file = only_file(run_folder(tmp_path, *TWICE))
    with serving(Target()) as target:
        pass

    done = replayed(file, target)

    assert done.returncode == 2
    assert "A request got no answer" in done.stdout


def told(*bodies: Any, status: int = 200) -> list[list[str]]:
    """The facts of answers that followed each other."""
    facts = Facts(frozenset({"10.00", "EUR-USDT"}), frozenset({"iban"}))
    headers = [("Content-Type", "application/json")]
    answers = [Answer(status, headers, json.dumps(body)) for body in bodies]
    return [facts.of(number, [answer]) for number, answer in enumerate(answers, 1)]


PAIRS = {
    "another id": ([{"quoteId": "q1"}, {"quoteId": "q1"}], [{"quoteId": "q1"}, {"quoteId": "q2"}], False),
    "other ids, alike": ([{"quoteId": "q1"}, {"quoteId": "q1"}], [{"quoteId": "q7"}, {"quoteId": "q7"}], True),
    "another time": ([{"at": "2026-01-01T00:00:15Z"}], [{"at": "2026-02-01T00:00:15Z"}], True),
    "another rate": ([{"rate": "1.07"}], [{"rate": "1.09"}], True),
    "a rate as a number": ([{"rate": "1.07"}], [{"rate": 1.07}], False),
    "another sign": ([{"delta": "-1.07"}], [{"delta": "1.07"}], False),
    "not what was ordered": ([{"delta": "-10.00"}], [{"delta": "-11.00"}], False),
    "a rate that changed": (
        [{"quoteId": "q1", "rate": "1.07"}, {"quoteId": "q1", "rate": "1.07"}],
        [{"quoteId": "q1", "rate": "1.07"}, {"quoteId": "q1", "rate": "1.08"}],
        False,
    ),
    "no product any more": (
        [{"amount": "10.00", "rate": "1.07", "output": "10.70"}],
        [{"amount": "10.00", "rate": "1.07", "output": "10.60"}],
        False,
    ),
    "another word": ([{"status": "reserved"}], [{"status": "settled"}], False),
    "another sentence": ([{"message": "it is late"}], [{"message": "it is too late"}], True),
    "another secret": ([{"iban": "[redacted:1]"}], [{"iban": "DE00"}], True),
    "a secret or none": ([{"iban": "[redacted:1]"}], [{"iban": None}], False),
    "rows of others": (
        [{"trades": [{"transactId": "t1"}], "nextCursor": None}],
        [{"trades": [{"transactId": "t8"}, {"transactId": "t9"}], "nextCursor": "t9"}],
        True,
    ),
    "a row of ours": (
        [{"transactId": "t1"}, {"trades": [{"transactId": "t1"}]}],
        [{"transactId": "t1"}, {"trades": []}],
        False,
    ),
    "a row of ours twice": (
        [{"transactId": "t1"}, {"trades": [{"transactId": "t1"}]}],
        [{"transactId": "t1"}, {"trades": [{"transactId": "t1"}, {"transactId": "t1"}]}],
        False,
    ),
    "rows without ids": ([{"pools": [{"pair": "A/B"}]}], [{"pools": [{"pair": "A/B"}, {"pair": "A/C"}]}], False),
}


@pytest.mark.parametrize(("recorded", "observed", "same"), PAIRS.values(), ids=PAIRS)
def test_what_counts_as_the_same_answer(recorded: list[Any], observed: list[Any], same: bool) -> None:
    assert (told(*recorded) == told(*observed)) is same


def test_another_status_or_body_that_is_no_json_is_another_answer() -> None:
    plain = Facts(frozenset(), frozenset()).of(1, [Answer(200, (), "{}")])

    assert told({}, status=409) != told({})
    assert Facts(frozenset(), frozenset()).of(1, [Answer(200, (), "<p>")]) != plain
    assert Facts(frozenset(), frozenset()).of(1, [Answer(None)]) == ["no answer"]


def test_simultaneous_answers_have_no_order_and_count_as_one_or_several() -> None:
    def together(*trades: str) -> list[str]:
        bodies = [json.dumps({"transactId": trade}) for trade in trades]
        return Facts(frozenset(), frozenset()).of(1, [Answer(200, (), body) for body in bodies])

    assert together("t1", "t2") == together("t3", "t4", "t5")
    assert together("t1", "t1") != together("t1", "t2")


def read_twice(*lists: list[dict[str, str]], words: str = "us ${base}/pools/trades") -> list[str]:
    """The facts of the second reading of a list of trades, by requests that speak of 10.00."""
    facts = Facts(frozenset({"10.00"}), frozenset())
    answers = [Answer(200, (), json.dumps({"trades": rows}), words) for rows in lists]
    return [facts.of(number, [answer]) for number, answer in enumerate(answers, 1)][-1]


def trade(number: int, amount: str = "10.00") -> dict[str, str]:
    return {"transactId": f"txn_{number}", "fiatAmount": amount}


def test_a_row_over_an_amount_of_the_trace_counts_once_its_list_is_read_again() -> None:
    nothing_new = read_twice([trade(1)], [trade(1)])

    assert read_twice([trade(1)], [trade(2), trade(1)]) != nothing_new
    assert read_twice([], [trade(2)]) == read_twice([trade(1)], [trade(2), trade(1)])
    assert read_twice([trade(1)], [trade(2, "11.00"), trade(1)]) == nothing_new
    assert read_twice([trade(1)], [trade(2), trade(1)], words="") == nothing_new


# --- which failures get a file ---


def test_the_reports_name_the_file_beside_the_failure(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, *TWICE)
    name = f"replay/{REQUIREMENT}-1.py"

    assert only_file(folder) == folder / name
    assert f'href="{name}"' in (folder / "index.html").read_text(encoding="utf-8")
    assert f"`{name}`" in (folder / "summary.md").read_text(encoding="utf-8")
    told = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))["requirements"]
    assert [r["cases"][0]["replay"] for r in told if r["id"] == REQUIREMENT] == [name]


def test_no_run_gets_more_files_than_the_bound_and_every_failure_comes_before_a_second_case(tmp_path: Path) -> None:
    failed = [r.id for r in load() if r.step != 7][: FILES - 2]
    words = [
        synthetic.judgement(name, Outcome.FAIL, expected="e", observed=case, exchanges=("t1", "t2"))
        for name in failed
        for case in ("one", "other")
    ]
    synthetic.write_journal(tmp_path, [synthetic.run(variables=ACCOUNTS), *TWICE, *words])
    write(tmp_path, load())

    names = {path.stem for path in (tmp_path / "replay").iterdir()}
    assert len(names) == FILES
    assert {f"{name}-1" for name in failed} <= names


OTHERS = json.dumps({"trades": [{"transactId": "txn_9", "quoteId": "pq_9"}]})


@pytest.mark.parametrize(
    ("exchanges", "changes"),
    [
        (TWICE, {"shown": ()}),
        (TWICE, {"shown": ("gone",)}),
        (TWICE, {"engine": Engine.WEBHOOK}),
        (TWICE, {"requirement": "POOLS-WEBHOOK-SIGNED"}),
        ((sent("t1", "GET", "", {}, url="https://elsewhere.test/v1/pools"),), {"shown": ("t1",)}),
        ((sent("t1", "GET", "/pools/trades", {}, response_body=OTHERS),), {"shown": ("t1",)}),
        ((sent("t1", "GET", "/pools", {}, response_body="[1, … (70000 bytes)"),), {"shown": ("t1",)}),
    ],
    ids=["no exchange", "lost", "a delivery", "deliveries", "not the target's", "rows of others", "cut short"],
)
def test_a_failure_whose_trace_shows_nothing_by_itself_gets_none(
    tmp_path: Path, exchanges: tuple[Exchange, ...], changes: dict[str, Any]
) -> None:
    folder = run_folder(tmp_path, *exchanges, **changes)

    assert [case.replay for finding in assemble(folder, load()).findings for case in finding.cases] == [""]
    assert not (folder / "replay").exists()


def test_files_of_an_earlier_writing_are_replaced(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, *TWICE)
    (folder / "replay" / "OLD-1.py").write_text("")
    write(folder, load())

    assert [path.name for path in (folder / "replay").iterdir()] == [f"{REQUIREMENT}-1.py"]


def test_hostile_text_stays_data(folders: dict[str, Path]) -> None:
    for file in (folders["hostile"] / "replay").iterdir():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        statements = {type(node).__name__ for node in tree.body}
        assert statements <= {"Expr", "Import", "ImportFrom", "Assign", "ClassDef", "FunctionDef", "If"}
        assert "\x1b" not in file.read_text(encoding="utf-8")
    assert list((folders["hostile"] / "replay").iterdir())
