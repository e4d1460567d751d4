"""``conformance judge``: what it reads and refuses, what it writes, and that no secret of a recording gets out."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from conformance.cli.app import app
from conformance.evidence import verification
from conformance.partner.rules import RULES
from conformance.partner.statement import PREFIX
from conformance.requirements import load

from .histories import (
    SECRET,
    Entry,
    archive,
    bootstrap,
    capabilities,
    discovery,
    entry,
    healthy,
    ledger,
    polled,
    quoted,
    refusal,
    session,
    transacted,
    written,
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def judged(found: list[Entry], *words: str, **changes: str) -> Result:
    """The command on a recording of these entries, its evidence in ``run``."""
    written(Path("recording.har"), found, **changes)
    return CliRunner().invoke(app, ["judge", "recording.har", "--output", "run", *words])


def statuses() -> dict[str, str]:
    return {entry["id"]: entry["status"] for entry in verdict()["requirements"]}


def verdict() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("run/verdict.json").read_text())
    return found


def troubled() -> list[Entry]:
    """A recording in which everything goes wrong once, and the partner does what is right."""
    return [
        *healthy(),
        quoted(100, "pq_3"),
        transacted(101, "pq_3", "order-3", status=503),
        transacted(103, "pq_3", "order-3"),
        quoted(110, "pq_4"),
        transacted(111, "pq_4", "order-4", status=429, got={"Retry-After": "2"}),
        transacted(113.5, "pq_4", "order-4", status=409),
        polled(114, "reserved", "pq_4"),
        polled(116, "reserved", "pq_4"),
        quoted(120, status=403, answer=refusal("pool_access_suspended", 403)),
        quoted(130, status=400, answer=refusal("invalid_request", 400)),
        entry(140, "GET", "/capabilities/countries", base="https://gate-api-sandbox.0bit.app/v1"),
        session(141),
        session(142, "order-5-session", {"amount": "7.00"}),
        bootstrap(143, status=403),
        ledger(200),
    ]


def test_a_healthy_recording_is_conformant(tmp_path: Path) -> None:
    done = judged(healthy())
    assert done.exit_code == 0, done.output
    assert verdict()["verdict"] == "CONFORMANT"
    assert verdict()["run"]["target"] == "recording.har"
    assert verdict()["run"]["environment"] == "recording, test mode"


def test_in_scope_operator_refusals_are_wanted_too() -> None:
    assert judged(healthy(), "--scope", "operator").exit_code == 3
    found = statuses()
    assert found["PARTNER-TRAFFIC-THROTTLE-RESPECTED"] == "not-evidenced"


def test_a_recording_full_of_trouble_shows_every_rule_but_the_rails() -> None:
    assert judged(troubled()).exit_code == 0
    found = {name: status for name, status in statuses().items() if not name.startswith(PREFIX)}
    assert {name for name, status in found.items() if status != "pass"} == {"PARTNER-TRAFFIC-RAILS-NO-BANK-DETAILS"}


def test_the_eight_steps_are_not_shown_as_none_of_eight() -> None:
    done = judged(healthy())
    told = [done.output, *(Path(f"run/{name}").read_text() for name in ("summary.md", "index.html", "junit.xml"))]
    assert [text for text in told if "0 of 8" in text] == []
    assert "The eight steps before launch" not in "".join(told)
    assert verdict()["launch"]["evidence"] is False


def test_a_breach_names_its_entries_and_the_command_that_judges_it_again() -> None:
    done = judged([*healthy(), transacted(30, "pq_9", sent={"Idempotency-Key": ""})])
    assert done.exit_code == 1
    told = next(e for e in verdict()["requirements"] if e["id"] == "PARTNER-TRAFFIC-TRANSACT-KEYED")
    assert told["cases"][0]["exchanges"] == ["entry-12"]
    assert "conformance judge recording.har --only PARTNER-TRAFFIC-TRANSACT-KEYED" in done.output
    assert not Path("run/replay").exists()
    again = ["judge", "recording.har", "--only", "PARTNER-TRAFFIC-TRANSACT-KEYED", "--seed", "0", "--output", "again"]
    assert CliRunner().invoke(app, again).exit_code == 1


def test_a_selection_is_partial() -> None:
    assert judged(healthy(), "--only", "PARTNER-TRAFFIC-TRANSACT-KEYED").exit_code == 0
    assert verdict()["verdict"] == "PARTIAL"


def test_a_known_failure_excuses() -> None:
    Path("known.toml").write_text(
        '[[known_failure]]\nrequirement = "PARTNER-TRAFFIC-TRANSACT-KEYED"\nreason = "old app"\nowner = "apps"\n'
        "expires = 2099-01-01\n"
    )
    done = judged([*healthy(), transacted(30, sent={"Idempotency-Key": ""})], "--known-failures", "known.toml")
    assert done.exit_code == 5


def test_a_departure_from_a_guess_is_a_warning_under_strict_only() -> None:
    quick = [*healthy(), *(polled(30 + n * 0.1, "reserved", "pq_5") for n in range(10))]
    assert judged(quick, "--strict").exit_code == 0
    assert statuses()["PARTNER-TRAFFIC-POLL-BACKS-OFF"] == "warn"


def test_the_run_folder_verifies_and_is_rebuilt_from_its_journal() -> None:
    judged(healthy())
    assert verification.verify(Path("run"), load(), None).good
    before = Path("run/verdict.json").read_text()
    assert CliRunner().invoke(app, ["report", "run"]).exit_code == 0
    assert Path("run/verdict.json").read_text() == before


LOCAL = "https://sandbox.partner.example/v1"


def test_a_host_of_ones_own_can_be_named_where_no_key_shows_it() -> None:
    local = [discovery(0, base=LOCAL, key=None), capabilities(1, base=LOCAL, key=None), quoted(2, base=LOCAL, key=None)]
    assert judged(local).exit_code == 4
    assert "sandbox.partner.example (3)" in " ".join(reason["text"] for reason in verdict()["reasons"])
    written(Path("recording.har"), local)
    CliRunner().invoke(app, ["judge", "recording.har", "--host", "sandbox.partner.example", "--output", "named"])
    found = json.loads(Path("named/verdict.json").read_text())["coverage"]
    assert found["POST /pools/{id}/quote"] == {"200": 1}


# --- secrets ---------------------------------------------------------------------------------------------------------

CANARIES = {
    "a secret key": SECRET,
    "a key of no known shape": "opaque-credential-0123456789",
    "a client secret": "gsec_gs_test_1_0123456789abcdef",
    "an embed token": "eyJhbGciOiJIUzI1NiJ9.eyJ4IjoxfQ.c2lnbmF0dXJl",
    "an IBAN": "DE02120300000000202051",
    "a cookie": "session=0123456789abcdef",
    "a customer's address": "jane.doe@customer.example",
    "a stranger's business": "somebody-elses-body",
}


def leaking() -> list[Entry]:
    """A recording with a secret in every place one can be in."""
    gate = "https://gate-api-sandbox.0bit.app/v1"
    return [
        *healthy(),
        entry(30, "GET", "/pools/funding", answer={"iban": CANARIES["an IBAN"], "reference": "r"}),
        entry(31, "GET", f"/pools/trades?cursor={CANARIES['a client secret']}", sent={"Cookie": CANARIES["a cookie"]}),
        entry(32, "GET", "/pools/ledger", key=CANARIES["a key of no known shape"], status=401),
        entry(33, "GET", "/pools/trades", answer={"echo": f"Bearer {CANARIES['a key of no known shape']}"}),
        bootstrap(34, answer={"embed_token": CANARIES["an embed token"]}),
        entry(35, "GET", "/branding", base=gate, sent={"X-Embed-Token": CANARIES["an embed token"]}),
        entry(36, "POST", "/customers", {"email": CANARIES["a customer's address"]}, base=gate),
        entry(37, "GET", "/customers?email=jane.doe%40customer.example", base=gate),
        entry(38, "POST", "/x", {"text": CANARIES["a stranger's business"]}, base="https://mail.example/v1"),
        transacted(39, "undefined", SECRET, status=404),
    ]


def test_no_secret_of_a_recording_reaches_the_evidence() -> None:
    judged(leaking())
    files = [path for path in Path("run").rglob("*") if path.is_file()]
    recording = Path("recording.har").read_text()
    assert [name for name, secret in CANARIES.items() if secret not in recording] == []
    held = {path: path.read_bytes() for path in files}
    assert len(held) > 8
    assert [(n, str(p)) for n, secret in CANARIES.items() for p in files if secret.encode() in held[p]] == []


def test_an_equal_key_is_seen_to_be_equal_and_its_kind_stays() -> None:
    judged(healthy())
    sent = [
        {item["name"]: item["value"] for item in entry["request"]["headers"]}
        for entry in json.loads(Path("run/exchanges.har").read_text())["log"]["entries"]
    ]
    used = {headers["Authorization"] for headers in sent}
    assert len(used) == 2
    assert {value[:15] for value in used} == {"Bearer sk_test_", "Bearer pk_test_"}


# --- statement -------------------------------------------------------------------------------------------------------

STATED = 'by = "Jane Doe, CTO"\non = 2026-05-25\n[duties]\nrequest-ids = "kept for ten years"\n'


def test_what_is_stated_is_shown_as_stated_and_never_passes() -> None:
    Path("stated.toml").write_text(STATED)
    judged(healthy(), "--statement", "stated.toml")
    told = {entry["id"]: entry for entry in verdict()["requirements"]}
    stated, silent = told["PARTNER-STATED-REQUEST-IDS"], told["PARTNER-STATED-DISCLOSURES"]
    assert (stated["status"], silent["status"]) == ("not-evidenced", "not-evidenced")
    assert stated["missing"] == "stated by Jane Doe, CTO on 2026-05-25, and shown by nothing here: kept for ten years"
    assert "no statement says it" in silent["missing"]
    assert "stated by Jane Doe, CTO" in Path("run/index.html").read_text()


WRONG_STATEMENTS = {
    "no file": (None, "cannot be read"),
    "no TOML": ("by = ", "broken TOML"),
    "nobody": ('on = 2026-05-25\n[duties]\nrequest-ids = "x"', "by is missing"),
    "no day": ('by = "x"\non = "2026-05-25"\n[duties]\nrequest-ids = "x"', "on must be a date"),
    "an unknown duty": (
        STATED.replace("request-ids", "request-id"),
        "duties.request-id is no duty; nearest: request-ids",
    ),
    "an empty duty": (STATED.replace("kept for ten years", " "), "duties.request-ids is empty"),
    "another key": (f"extra = 1\n{STATED}", "unknown key 'extra'"),
    "no duties": ('by = "x"\non = 2026-05-25\n', "[duties] is missing"),
}


@pytest.mark.parametrize(("text", "said"), WRONG_STATEMENTS.values(), ids=WRONG_STATEMENTS)
def test_a_statement_that_says_nothing_is_refused(text: str | None, said: str) -> None:
    if text is not None:
        Path("stated.toml").write_text(text)
    done = judged(healthy(), "--statement", "stated.toml")
    assert done.exit_code == 2
    assert "stated.toml: " in done.stderr
    assert said in done.stderr
    assert not Path("run").exists()


# --- recordings that are none ----------------------------------------------------------------------------------------


def changed(change: Callable[[Entry], None], number: int = 3) -> str:
    """A healthy archive whose entry ``number`` was changed."""
    found = archive(copy.deepcopy(healthy()))
    change(found["log"]["entries"][number - 1])
    return json.dumps(found)


def setting(*path: str, to: Any) -> Callable[[Entry], None]:
    def change(item: Entry) -> None:
        holder: Any = item
        for name in path[:-1]:
            holder = holder[name]
        holder[path[-1]] = to

    return change


HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "nothing": ("", "the file is the end of the file; expected an object"),
    "a page": ("<html>", "expected an object (a HAR file begins with {)"),
    "a list": ("[]", "the file is a list; expected an object"),
    "no log": ("{}", 'it has no "log" with "entries"'),
    "a log that is a text": ('{"log": "x"}', "log is a text; expected an object"),
    "entries that are none": ('{"log": {"entries": {}}}', "log.entries is an object; expected a list"),
    "an entry that is a number": ('{"log": {"entries": [1]}}', "entry 1 is a number; expected an object"),
    "cut off in an entry": (json.dumps(archive(healthy()))[:2500], "the file ends inside entry"),
    "cut off between entries": ('{"log": {"entries": [{"request": {"method": "GET", "url": "x"}}', "after entry 1"),
    "two entries without a comma": ('{"log": {"entries": [{} {}]}}', "breaks off after entry 1"),
    "no UTF-8": (b'{"log": {"entries": [{"x": "\xff"}]}}', "it is not UTF-8 text"),
    "nested without end": ('{"log": {"entries": [' + "[" * 200_000 + "]" * 200_000 + "]}}", "nested too deeply"),
    "broken JSON in an entry": ('{"log": {"entries": [{"a": nope}]}}', "entry 1 is broken JSON"),
    "no request": (changed(lambda e: e.pop("request")), "entry 3: request is null; expected an object"),
    "a URL that is a number": (changed(setting("request", "url", to=7)), "entry 3: request.url is a number"),
    "no method": (changed(setting("request", "method", to="")), "entry 3: request.method is an empty text"),
    "headers that are an object": (
        changed(setting("request", "headers", to={})),
        "entry 3: request.headers is an object; expected a list",
    ),
    "a header without a value": (
        changed(setting("response", "headers", to=[{"name": "x"}])),
        "entry 3: response.headers holds an object without a text as name and as value",
    ),
    "no response": (changed(lambda e: e.pop("response")), "entry 3: response is null; expected an object"),
    "a status that is a text": (changed(setting("response", "status", to="200")), "response.status is a text"),
    "no time": (changed(setting("startedDateTime", to="yesterday")), "startedDateTime is a text that is no time"),
    "a body that is a list": (changed(setting("response", "content", to=[])), "response.content is a list"),
    "a body that is no text": (
        changed(setting("request", "postData", "text", to=1)),
        "request.postData.text is a number",
    ),
    "an encoding HAR does not know": (
        changed(setting("response", "content", "encoding", to="gzip")),
        "response.content.encoding is a text other than base64",
    ),
    "no base64": (
        changed(setting("response", "content", to={"text": "a", "encoding": "base64"})),
        "response.content.text is no base64",
    ),
}


@pytest.mark.parametrize(("content", "said"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_recording_is_refused_with_entry_field_shape_and_fix(content: str | bytes, said: str) -> None:
    Path("hostile.har").write_bytes(content if isinstance(content, bytes) else content.encode())
    done = CliRunner().invoke(app, ["judge", "hostile.har", "--output", "run"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("hostile.har: ")
    assert said in done.stderr
    assert not Path("run/journal").exists()


ODD: dict[str, Callable[[Entry], None]] = {
    "no duration": lambda e: e.pop("time"),
    "a duration below nothing": setting("time", to=-1),
    "a duration without end": setting("time", to=1e300),
    "a time without a zone": setting("startedDateTime", to="2026-05-25T12:00:02"),
    "a time in another zone": setting("startedDateTime", to="2026-05-25T14:00:02.000000+02:00"),
    "no body": setting("response", "content", to={}),
    "a body that is no JSON": setting("response", "content", to={"text": "<html>"}),
    "a body that is a list": setting("response", "content", to={"text": "[1]"}),
    "a body with a number of 9,000 digits": setting("response", "content", to={"text": '{"a": %s}' % ("9" * 9000)}),
    "a body nested without end": setting("response", "content", to={"text": "[" * 100_000}),
    "a lone surrogate": setting("response", "content", to={"text": '{"quoteId": "\\ud800"}'}),
    "a status below nothing": setting("response", "status", to=-1),
    "members nobody knows": setting("_initiator", to={"type": "script"}),
}


@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
def test_what_recorders_do_write_is_read(change: Callable[[Entry], None]) -> None:
    Path("odd.har").write_text(changed(change))
    done = CliRunner().invoke(app, ["judge", "odd.har", "--output", "run"])
    assert done.exit_code in (0, 3), done.output


@pytest.mark.parametrize("prefix", ["﻿", "\n  "], ids=["a byte order mark", "white space"])
def test_what_comes_before_the_archive_does_not_matter(prefix: str) -> None:
    Path("marked.har").write_text(prefix + json.dumps(archive(healthy()), indent=3))
    assert CliRunner().invoke(app, ["judge", "marked.har", "--output", "run"]).exit_code == 0


def test_members_of_any_size_around_the_entries_are_stepped_over() -> None:
    found = archive(healthy())["log"]
    pages = [{"id": f'page "{n}" \\', "title": "]}" * 1000} for n in range(2000)]
    text = json.dumps({"before": pages, "log": {"pages": pages, **found}, "after": pages})
    Path("large.har").write_text(text)
    assert CliRunner().invoke(app, ["judge", "large.har", "--output", "run"]).exit_code == 0


def test_every_requirement_of_the_catalogue_has_a_rule_or_is_stated() -> None:
    known = {r.id for r in load().of(["traffic"])}
    assert {rule.requirement for rule in RULES} == {name for name in known if not name.startswith(PREFIX)}


def test_the_documentation_lists_every_rule_with_its_least_evidence() -> None:
    text = (Path(__file__).parents[3] / "docs" / "certify-a-partner.md").read_text("utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| `")]
    told = {row[0].strip("| `"): (row[3], row[4].removesuffix(" |")) for row in rows if len(row) == 5}
    assert told == {r.requirement.removeprefix("PARTNER-TRAFFIC-"): (r.expected, r.evidence) for r in RULES}
