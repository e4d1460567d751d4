"""The launch packet: every row of the page is there, in the state that evidence and statements give it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from conformance.evidence import access_facts, write
from conformance.evidence.access_fill import FilledRow, LaunchPacket, State, fill
from conformance.evidence.access_page import Row, Table, keys, tables
from conformance.evidence.access_reports import decision, markdown, render_json
from conformance.evidence.packet import WATERMARK, Packet, assemble
from conformance.journal import Exchange, Fact, Outcome, Record, Statement
from conformance.requirements import load
from conformance.target.approval import ApprovalSection
from tests.evidence import synthetic

# --- the page ---

APPROVAL = [
    ("Product fit", "Why is headless 0Pools required instead of hosted 0Gate?"),
    ("Customer responsibility", "Who owns onboarding, disclosures, fraud, and support?"),
    ("Pool scope", "Which pairs, sides, networks, limits, and environment are needed?"),
    ("Funding model", "Is the program prefunded, settlement-based, or otherwise reviewed?"),
    ("Webhooks", "Which endpoint receives terminal events and how are they deduped?"),
    ("Monitoring", "Who responds to quote failures, stuck reserved trades, and ledger gaps?"),
    ("Reconciliation", "Which records close finance reporting?"),
]
PACKET = [
    ("Product description", "User journey, countries, assets, expected volumes.", "Partner product team"),
    ("KYB/KYC state", "Approved business and user verification process.", "Compliance"),
    ("Pool request", "Desired pairs, side, networks, limits, settlement model.", "Partner engineering"),
    ("Funding plan", "Prefunding method, top-up contact, balance monitoring.", "Finance/treasury"),
    ("Webhook plan", "Endpoint URL, signing verification, retry handling.", "Engineering"),
    ("Support plan", "Escalation email, required ids, user-safe copy.", "Support ops"),
]
READINESS = [
    ("Discovery", "Test entitlements only.", "Live entitlements only."),
    ("Quote", "Synthetic or limited terms.", "Live terms under approved limits."),
    ("Transact", "Test execution path.", "Real money movement or real settlement exposure."),
    ("Webhooks", "Must be verified before go-live.", "Required for automated reconciliation."),
    ("Reconciliation", "Test ledger joins.", "Daily finance close required."),
]
DECISION = [
    ("partner_id", "partner_01H"),
    ("product", "wallet_buy_stablecoin"),
    ("requested_pools", "EUR-USDT"),
    ("approved_environment", "production"),
    ("approved_sides", "buy"),
    ("funding_model", "prefunded_balance"),
    ("webhook_verified", "true"),
    ("support_escalation_ready", "true"),
]
RECORDS = [
    ("environment", "Keeps sandbox and production state separate.", "sandbox"),
    ("key_mode", "Prevents test/live mismatch.", "sk_test"),
    ("enabled_pools", "Defines usable lanes.", "EUR-USDT"),
    ("webhook_status", "Confirms async readiness.", "verified"),
]
"""The tables of the Getting access page (seed 000), in its order."""


def table(name: str) -> Table:
    return next(found for found in tables() if found.id == name)


def test_the_tables_stand_in_the_page_s_order() -> None:
    assert [(t.id, t.title) for t in tables()] == [
        ("approval", "Access approval matrix"),
        ("packet", "Access packet for production review"),
        ("readiness", "Environment readiness matrix"),
        ("decision", "Approval decision record"),
        ("records", "Records to keep"),
    ]


def test_every_row_of_the_page_is_there_in_its_words() -> None:
    readiness = [
        (name, way, asks) for name, test, live in READINESS for way, asks in (("sandbox", test), ("production", live))
    ]
    assert [(r.name, r.asks) for r in table("approval").rows] == APPROVAL
    assert [(r.name, r.asks, r.owner) for r in table("packet").rows] == PACKET
    assert [(r.name, r.environment, r.asks) for r in table("readiness").rows] == readiness
    assert [(r.name, r.example) for r in table("decision").rows] == DECISION
    assert [(r.name, r.asks, r.example) for r in table("records").rows] == RECORDS


ROWS = [pytest.param(t.id, r, id=f"{t.id}: {r.name} {r.environment}".strip()) for t in tables() for r in t.rows]


@pytest.mark.parametrize(("_table", "row"), ROWS)
def test_a_row_names_what_exists(_table: str, row: Row) -> None:
    known = load().requirements
    assert [name for name in (*row.needs, *row.duties) if name not in known] == []
    assert [name for name in row.duties if not name.startswith("PARTNER-STATED-")] == []
    assert [name for name in row.needs if name.startswith("PARTNER-STATED-")] == [], "a duty is stated, never shown"
    assert [name for name in row.approval if name not in ApprovalSection.model_fields] == []
    assert row.value in ("", *access_facts.NAMES)


@pytest.mark.parametrize(("_table", "row"), ROWS)
def test_an_owner_is_one_the_page_names_or_is_lent_by_a_row_of_the_packet(_table: str, row: Row) -> None:
    named = {name: owner for name, _, owner in PACKET}
    assert row.owner == named.get(row.owner_as, row.owner)
    assert row.owner in {*named.values(), "0Bit"}
    assert _table == "packet" or row.owner_as or row.owner == "0Bit"


# --- filling ---

RECORD = {
    "partner_id": ("partner_01H",),
    "product": ("wallet_buy_stablecoin",),
    "requested_pools": ("EUR-USDT",),
    "approved_environment": ("sandbox",),
    "approved_sides": ("buy",),
    "funding_model": ("prefunded_balance",),
    "webhook_verified": ("true",),
    "support_escalation_ready": ("true",),
    "pools": ("EUR-USDT: buy; tron; up to 10000 USDT",),
}

DISCOVERED = '{"pools": [{"id": "EUR-USDT", "side": "x"}, {"id": "EUR-USDC"}]}'


def facts(**changes: tuple[str, ...]) -> list[Record]:
    record = RECORD | changes
    said: list[Record] = [Fact(f"approval.{name}", values, "approval record") for name, values in record.items()]
    return [Fact("key_mode", ("sk_test",), "profile"), Fact("handler_host", ("hooks.example",), "profile"), *said]


def discovery() -> Exchange:
    return synthetic.exchange("main-90", operation="GET /pools", method="GET", response_body=DISCOVERED)


def judged(outcomes: dict[str, Outcome], otherwise: Outcome | None = Outcome.PASS) -> list[Record]:
    words = {r.id: outcomes.get(r.id, otherwise) for r in load() if not r.id.startswith("PARTNER-STATED-")}
    return [synthetic.judgement(name, outcome, exchanges=("main-90",)) for name, outcome in words.items() if outcome]


def state_everything() -> list[Record]:
    return [Statement(key, f"the answer to {key}", "Jane Doe, CTO", "2026-05-25") for key in keys()]


def assembled(folder: Path, records: Iterable[Record], *, sealed: bool = True) -> Packet:
    return assemble(synthetic.write_journal(folder, records, sealed), load())


def packet_of(folder: Path, records: Iterable[Record], *, sealed: bool = True) -> LaunchPacket:
    return fill([assembled(folder, records, sealed=sealed)], (), load())


def row(launch: LaunchPacket, name: str, wanted: Row) -> FilledRow:
    return next(found for found in launch.table(name).rows if found.row == wanted)


def states(launch: LaunchPacket) -> dict[str, list[str]]:
    return {t.table.id: [str(r.state) for r in t.rows] for t in launch.tables}


def sandbox(*more: Iterable[Record], **changes: object) -> list[Record]:
    return [synthetic.run(**changes), discovery(), *(record for records in more for record in records)]


EV, ST, OP = "evidenced", "stated", "open"


def test_with_everything_proved_only_what_people_say_and_the_other_environment_stay_open(tmp_path: Path) -> None:
    launch = packet_of(tmp_path, sandbox(facts(), judged({})))
    assert states(launch) == {
        "approval": [OP, OP, ST, ST, OP, OP, OP],
        "packet": [OP, OP, ST, OP, OP, OP],
        "readiness": [EV, OP] * 5,
        "decision": [ST, ST, ST, ST, ST, ST, EV, ST],
        "records": [OP] * 4,
    }


def test_with_everything_proved_and_stated_nothing_of_this_environment_is_open(tmp_path: Path) -> None:
    launch = packet_of(tmp_path, sandbox(facts(), judged({}), state_everything()))
    assert states(launch) == {
        "approval": [ST] * 7,
        "packet": [ST] * 6,
        "readiness": [EV, OP] * 5,
        "decision": [ST, ST, ST, ST, ST, ST, EV, ST],
        "records": [ST] * 4,
    }


def test_a_run_of_production_settles_its_own_column_and_no_other(tmp_path: Path) -> None:
    launch = packet_of(tmp_path, sandbox(judged({}), state_everything(), environment="production"))
    assert states(launch)["readiness"] == [*[OP, EV] * 4, OP, ST]


def test_with_nothing_run_every_row_is_open_with_an_owner(tmp_path: Path) -> None:
    launch = packet_of(tmp_path, [synthetic.run()])
    assert {state for found in states(launch).values() for state in found} == {OP}
    assert [r.row.name for t in launch.tables for r in t.rows if not r.row.owner or not (r.gaps or r.asked)] == []
    assert sum(map(len, launch.open.values())) == 35


@pytest.mark.parametrize(("name", "wanted"), ROWS)
def test_nothing_a_person_has_to_say_is_ever_evidenced(tmp_path: Path, name: str, wanted: Row) -> None:
    environment = wanted.environment or "sandbox"
    found = row(packet_of(tmp_path, sandbox(facts(), judged({}), environment=environment)), name, wanted)
    assert (found.state is State.EVIDENCED) == (not wanted.key)


@pytest.mark.parametrize(("name", "wanted"), [p for p in ROWS if p.values[1].needs])  # type: ignore[attr-defined]
def test_one_failed_requirement_fails_its_row_whatever_is_stated(tmp_path: Path, name: str, wanted: Row) -> None:
    for number, need in enumerate(wanted.needs):
        told = sandbox(
            facts(), judged({need: Outcome.FAIL}), state_everything(), environment=wanted.environment or "sandbox"
        )
        launch = packet_of(tmp_path / str(number), told)
        assert row(launch, name, wanted).state is State.FAILED
        assert f"{need} failed" in markdown(launch).replace("\\", "")


@pytest.mark.parametrize(("name", "wanted"), [p for p in ROWS if p.values[1].needs])  # type: ignore[attr-defined]
def test_a_statement_does_not_replace_what_evidence_can_show(tmp_path: Path, name: str, wanted: Row) -> None:
    for number, need in enumerate(wanted.needs):
        told = sandbox(
            facts(),
            judged({need: Outcome.NOT_EVIDENCED}),
            state_everything(),
            environment=wanted.environment or "sandbox",
        )
        found = row(packet_of(tmp_path / str(number), told), name, wanted)
        assert found.state is State.OPEN
        assert any(need in gap for gap in found.gaps)


@pytest.mark.parametrize(("name", "wanted"), [p for p in ROWS if p.values[1].key])  # type: ignore[attr-defined]
def test_a_statement_is_shown_with_who_said_it_and_when(tmp_path: Path, name: str, wanted: Row) -> None:
    said = Statement(wanted.key, "our own words", "Ann Lee, Finance", "2026-06-01")
    launch = packet_of(tmp_path, sandbox(judged({}), [said], environment=wanted.environment or "sandbox"))
    found = row(launch, name, wanted)
    assert found.statements == (said,)
    assert found.asked == ""
    assert "our own words (stated by Ann Lee, Finance, 2026-06-01)" in markdown(launch)


def rows(launch: LaunchPacket) -> dict[str, FilledRow]:
    return {f"{t.table.id}: {r.row.name} {r.row.environment}".strip(): r for t in launch.tables for r in t.rows}


def test_an_excused_failure_is_a_failure(tmp_path: Path) -> None:
    entry = {"requirement": "POOLS-RECONCILES", "reason": "known", "owner": "us", "expires": "2026-12-31"}
    told = sandbox(judged({"POOLS-RECONCILES": Outcome.FAIL}), known_failures=(entry,))
    assert rows(packet_of(tmp_path, told))["readiness: Reconciliation sandbox"].state is State.FAILED


def test_what_does_not_apply_is_neutral_beside_what_passed(tmp_path: Path) -> None:
    told = sandbox(facts(), judged({"POOLS-LEDGER-ONE-DEBIT": Outcome.NOT_APPLICABLE}))
    assert rows(packet_of(tmp_path, told))["approval: Funding model"].state is State.STATED


def test_a_row_none_of_whose_requirements_applies_is_open(tmp_path: Path) -> None:
    told = sandbox(judged({"POOLS-RECONCILES": Outcome.NOT_APPLICABLE}))
    assert rows(packet_of(tmp_path, told))["readiness: Reconciliation sandbox"].state is State.OPEN


def test_a_run_that_did_not_end_proves_nothing_and_still_fails(tmp_path: Path) -> None:
    told = sandbox(judged({"POOLS-FIRM-TERMS": Outcome.FAIL}))
    found = rows(packet_of(tmp_path, told, sealed=False))
    assert found["readiness: Discovery sandbox"].state is State.OPEN
    assert "not whole" in found["readiness: Discovery sandbox"].gaps[0]
    assert found["readiness: Quote sandbox"].state is State.FAILED


def test_a_duty_stated_in_full_answers_its_row_and_half_of_it_does_not(tmp_path: Path) -> None:
    duties = ("PARTNER-STATED-DISCLOSURES", "PARTNER-STATED-SUPPORT-CONTACTS")
    said = [Statement(duty, "we do", "Jane Doe", "2026-05-25") for duty in duties]
    both = rows(packet_of(tmp_path / "both", sandbox(said)))["approval: Customer responsibility"]
    half = rows(packet_of(tmp_path / "half", sandbox(said[:1])))["approval: Customer responsibility"]
    assert (both.state, half.state) == (State.STATED, State.OPEN)
    assert half.statements == (said[0],)


# --- values ---


def test_values_come_from_profile_and_traffic_and_name_their_exchanges(tmp_path: Path) -> None:
    launch = packet_of(tmp_path, sandbox(facts(), judged({})))
    found = {r.row.name: r for r in launch.table("records").rows}
    assert {name: r.answer for name, r in found.items()} == {
        "environment": "sandbox",
        "key_mode": "sk_test",
        "enabled_pools": ["EUR-USDT", "EUR-USDC"],
        "webhook_status": "verified",
    }
    value = found["enabled_pools"].value
    assert value is not None
    assert value.exchanges == (("20261001-080000-7", "main-90"),)


@pytest.mark.parametrize("body", ["", "<html>", "[]", '{"pools": 1}', '{"pools": [1, {"id": 2}]}', "[" * 100_000])
def test_a_discovery_that_does_not_read_lists_nothing(tmp_path: Path, body: str) -> None:
    call = dataclasses.replace(discovery(), response_body=body)
    found = rows(packet_of(tmp_path, [synthetic.run(), call]))["records: enabled_pools"]
    assert (found.answer, found.state) == (None, State.OPEN)


def test_a_key_nobody_accepted_has_no_mode(tmp_path: Path) -> None:
    refused = dataclasses.replace(discovery(), status=401)
    found = rows(packet_of(tmp_path, [synthetic.run(), refused, *facts()]))
    assert found["records: key_mode"].answer is None
    assert found["records: environment"].answer is None


ENVIRONMENTS = {
    "embedded": "sandbox",
    "sandbox": "sandbox",
    "test": "sandbox",
    "production": "production",
    "recording, test mode": "sandbox",
    "recording, live mode": "production",
    "recording, live and test mode": "",
    "recording": "",
    "saved pages": "",
}


@pytest.mark.parametrize(("said", "counts_as"), ENVIRONMENTS.items())
def test_which_environment_a_run_speaks_of(tmp_path: Path, said: str, counts_as: str) -> None:
    assert access_facts.environment_of(assembled(tmp_path, [synthetic.run(environment=said)])) == counts_as


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:hunter2@hooks.example:8443/secret/path?token=x", "hooks.example:8443"),
        ("https://hooks.example/a", "hooks.example"),
        ("https://[bad", ""),
        ("http://h:99999", ""),
    ],
)
def test_of_a_url_only_host_and_port_are_shown(url: str, shown: str) -> None:
    assert access_facts.host(url) == shown


# --- the decision record ---


def test_the_decision_record_has_the_published_shape(tmp_path: Path) -> None:
    launch = packet_of(tmp_path, sandbox(facts(), judged({})))
    assert decision(launch) == {
        "partner_id": "partner_01H",
        "product": "wallet_buy_stablecoin",
        "requested_pools": ["EUR-USDT"],
        "approved_environment": "sandbox",
        "approved_sides": ["buy"],
        "funding_model": "prefunded_balance",
        "webhook_verified": True,
        "support_escalation_ready": True,
    }


def test_what_nobody_said_or_showed_is_null(tmp_path: Path) -> None:
    assert set(decision(packet_of(tmp_path, [synthetic.run()])).values()) == {None}


@pytest.mark.parametrize(
    ("outcome", "verified", "state"),
    [(Outcome.PASS, True, "evidenced"), (Outcome.FAIL, False, "failed"), (Outcome.NOT_EVIDENCED, None, "open")],
)
def test_a_webhook_is_verified_by_evidence_whatever_the_record_claims(
    tmp_path: Path, outcome: Outcome, verified: bool | None, state: str
) -> None:
    launch = packet_of(tmp_path, sandbox(facts(), judged({"PARTNER-WEBHOOK-DEDUPES": outcome})))
    assert decision(launch)["webhook_verified"] is verified
    assert rows(launch)["decision: webhook_verified"].state == state


def test_an_escalation_the_record_denies_is_open(tmp_path: Path) -> None:
    launch = packet_of(tmp_path, sandbox(facts(support_escalation_ready=("false",)), judged({})))
    found = rows(launch)["decision: support_escalation_ready"]
    assert (found.state, found.answer) == (State.OPEN, None)
    assert "says support_escalation_ready: false" in found.asked


def test_an_environment_no_run_was_in_is_open(tmp_path: Path) -> None:
    launch = packet_of(tmp_path, sandbox(facts(approved_environment=("production",)), judged({})))
    found = rows(launch)["decision: approved_environment"]
    assert found.state is State.OPEN
    assert found.gaps == ("no run here is of the approved environment (production)",)


def test_records_that_differ_answer_nothing(tmp_path: Path) -> None:
    told = [
        assemble(
            synthetic.write_journal(tmp_path / name, sandbox(facts(product=(name,)), judged({}), run=name)), load()
        )
        for name in ("one", "two")
    ]
    launch = fill(told, (), load())
    found = rows(launch)["decision: product"]
    assert (found.state, found.answer) == (State.OPEN, None)
    assert "differ in product" in found.asked


def test_the_record_of_a_production_run_comes_before_that_of_a_sandbox_run(tmp_path: Path) -> None:
    told = [
        assembled(tmp_path / name, sandbox(facts(approved_environment=(name,)), judged({}), run=name, environment=name))
        for name in ("sandbox", "production")
    ]
    found = rows(fill(told, (), load()))["decision: approved_environment"]
    assert (found.state, found.answer) == (State.STATED, "production")


# --- several runs ---


def test_one_run_proves_what_another_left_open_and_its_failure_stays(tmp_path: Path) -> None:
    open_, good, bad = (
        assemble(
            synthetic.write_journal(tmp_path / name, sandbox(judged({"POOLS-RECONCILES": outcome}), run=name)), load()
        )
        for name, outcome in (("a", Outcome.NOT_EVIDENCED), ("b", Outcome.PASS), ("c", Outcome.FAIL))
    )
    name = "readiness: Reconciliation sandbox"
    assert rows(fill([open_, good], (), load()))[name].state is State.EVIDENCED
    assert rows(fill([open_, good, bad], (), load()))[name].state is State.FAILED


def test_what_the_embedded_sandbox_showed_is_marked_beside_a_foreign_run(tmp_path: Path) -> None:
    ours, theirs = (
        assembled(tmp_path / name, sandbox(judged({}), **changes, run=name))
        for name, changes in (
            ("ours", {"embedded": True, "environment": "embedded"}),
            ("theirs", {}),
        )
    )
    launch = fill([ours, theirs], (), load())
    assert launch.watermark == f"{WATERMARK} (ours)"
    assert "pass (run 1 of the embedded sandbox, main-90); pass (run 2, main-90)" in markdown(launch)


# --- the reports ---


def test_the_reports_of_a_run_say_the_same(tmp_path: Path) -> None:
    folder = synthetic.write_journal(tmp_path, sandbox(facts(), judged({}), state_everything()))
    write(folder, load())
    data = json.loads((folder / "launch.json").read_text())
    told = "35 rows: 6 evidenced, 24 stated, 5 open, 0 failed"
    assert data["counts"] == {"failed": 0, "open": 5, "stated": 24, "evidenced": 6}
    assert data["approval_decision_record"]["record"]["partner_id"] == "the answer to decision-partner-id"
    assert data["records_to_keep"]["key_mode"] == "sk_test"
    assert told in (folder / "launch.md").read_text()
    assert told in (folder / "summary.md").read_text()
    assert '<section id="launch-packet"' in (folder / "index.html").read_text()


def test_every_row_stands_in_the_page_and_in_markdown(tmp_path: Path) -> None:
    folder = synthetic.write_journal(tmp_path, sandbox(facts(), judged({})))
    write(folder, load())
    texts = [
        (folder / name).read_text().replace("\\", "").replace("&#39;", "'") for name in ("index.html", "launch.md")
    ]
    asked = [r.asks for t in tables() for r in t.rows]
    assert [asks for asks in asked for text in texts if asks not in text] == []


def test_a_table_is_not_broken_by_what_people_say(tmp_path: Path) -> None:
    hostile = Statement("product-fit", f"a | b <br> `c` | {synthetic.HOSTILE}\n| x |", synthetic.HOSTILE, "2026-05-25")
    folder = synthetic.write_journal(tmp_path, sandbox([hostile]))
    write(folder, load())
    lines = [line for line in (folder / "launch.md").read_text().splitlines() if line.startswith("| Product fit")]
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in lines] == [6]
    assert "<script>alert" not in (folder / "index.html").read_text()
    assert json.loads((folder / "launch.json").read_text())["tables"][0]["rows"][0]["statements"]


def test_what_is_open_comes_with_the_lines_that_would_state_it(tmp_path: Path) -> None:
    text = markdown(packet_of(tmp_path, [synthetic.run()]))
    skeleton = text.split("```toml\n")[1].split("```")[0]
    assert set(re.findall(r"^([a-z-]+) = \"\"", skeleton, re.MULTILINE)) == set(keys())


def test_the_data_is_ascii_and_names_every_owner(tmp_path: Path) -> None:
    text = render_json(packet_of(tmp_path, [synthetic.run(target=synthetic.HOSTILE)]))
    assert text.isascii()
    assert set(json.loads(text)["open"]) == {owner for _, _, owner in PACKET} | {"0Bit"}
