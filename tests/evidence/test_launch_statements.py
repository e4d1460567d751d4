"""Statement files of a launch packet: what they may say, what is refused and how, and what a profile's facts show."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from conformance.evidence.access_page import keys
from conformance.journal import Fact, Statement
from conformance.partner import launch_statements, statement
from conformance.requirements import load
from conformance.target import ProfileError
from conformance.target import load as load_target
from conformance.target.facts import facts
from conformance.target.secret import Secret

HEAD = 'by = "Jane Doe, CTO"\non = 2026-05-25\n'
KNOWN = tuple(load())


def stated(folder: Path, *texts: str, secrets: tuple[str, ...] = ()) -> tuple[Statement, ...]:
    paths = []
    for number, text in enumerate(texts):
        paths.append(folder / f"stated-{number}.toml")
        paths[-1].write_text(text, encoding="utf-8")
    return launch_statements.load(paths, keys(), KNOWN, secrets)


def test_rows_and_duties_are_stated_by_somebody_on_a_day(tmp_path: Path) -> None:
    text = f'{HEAD}[access]\nproduct-fit = " our own wallet "\n[duties]\nrequest-ids = "kept for ten years"\n'
    assert stated(tmp_path, text) == (
        Statement("product-fit", "our own wallet", "Jane Doe, CTO", "2026-05-25"),
        Statement("PARTNER-STATED-REQUEST-IDS", "kept for ten years", "Jane Doe, CTO", "2026-05-25"),
    )


def test_each_owner_may_write_a_file_of_their_own(tmp_path: Path) -> None:
    finance = 'by = "Ann Lee, Finance"\non = 2026-06-01\n[access]\nfunding-plan = "by bank transfer"\n'
    found = stated(tmp_path, f'{HEAD}[access]\nproduct-fit = "x"\n', finance)
    assert [(s.subject, s.by, s.on) for s in found] == [
        ("product-fit", "Jane Doe, CTO", "2026-05-25"),
        ("funding-plan", "Ann Lee, Finance", "2026-06-01"),
    ]


def test_the_file_of_the_judge_command_is_taken_and_it_takes_ours(tmp_path: Path) -> None:
    path = tmp_path / "both.toml"
    path.write_text(f'{HEAD}[duties]\nrequest-ids = "kept"\n[access]\nproduct-fit = "x"\n')
    judged = statement.records(statement.load(path, KNOWN), KNOWN)
    assert judged == [Statement("PARTNER-STATED-REQUEST-IDS", "kept", "Jane Doe, CTO", "2026-05-25")]
    assert judged[0] in launch_statements.load([path], keys(), KNOWN)


ACCESS = f"{HEAD}[access]\n"
CANARY = "sk_test_canary0123456789"
RANDOM = "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA"

WRONG = {
    "broken TOML": ("by = ", ":1", "broken TOML"),
    "no text at all": ("", ": by", "add"),
    "nobody": ('on = 2026-05-25\n[access]\nproduct-fit = "x"', ": by", "nothing"),
    "somebody who is a number": ('by = 7\non = 2026-05-25\n[access]\nproduct-fit = "x"', ": by", "a whole number"),
    "a day in quotes": (
        HEAD.replace("2026-05-25", '"2026-05-25"') + '[access]\nproduct-fit = "x"',
        ": on",
        "no quotes",
    ),
    "a moment": (HEAD.replace("2026-05-25", "2026-05-25T10:00:00") + '[access]\nproduct-fit = "x"', ": on", "date"),
    "nothing stated": (HEAD, ": access", "add [access]"),
    "a table that is a text": (f'{HEAD}access = "x"', ": access", "a table"),
    "an unknown table": (f'{HEAD}[acess]\nproduct-fit = "x"', ": acess", "did you mean access?"),
    "an unknown row": (f'{ACCESS}product-fits = "x"', ": access.product-fits", "did you mean product-fit?"),
    "an unknown duty": (f'{HEAD}[duties]\nrequest-id = "x"', ": duties.request-id", "did you mean request-ids?"),
    "an empty row": (f'{ACCESS}product-fit = "  "', ": access.product-fit", "what is stated, in words"),
    "a row that is a list": (f'{ACCESS}product-fit = ["x"]', ": access.product-fit", "a list of 1"),
    "a row that is true": (f"{ACCESS}product-fit = true", ": access.product-fit", "a boolean"),
    "a key": (f'{ACCESS}product-fit = "see {CANARY}"', ": access.product-fit", "looks like a secret"),
    "a key as a name": (f'{ACCESS}{CANARY} = "x"', "(hidden)", "looks like a secret"),
    "a key as the author": (HEAD.replace("Jane Doe, CTO", CANARY) + '[access]\nproduct-fit = "x"', ": by", "secret"),
    "a webhook secret": (f'{ACCESS}webhook-endpoint = "whsec_canary0123456789"', ": access.webhook-endpoint", "secret"),
    "bank details": (
        f'{ACCESS}funding-plan = "to DE02 1203 0000 0000 2020 51"',
        ": access.funding-plan",
        "bank details",
    ),
    "a secret of the target": (f'{ACCESS}funding-plan = "x {RANDOM}"', ": access.funding-plan", "holds a secret"),
    "a file of something else": ("x" * ((1 << 20) + 1), "stated-0.toml", "more than 1048576 bytes"),
    "values without end": (f"{ACCESS}product-fit = {'[' * 5000}", "stated-0.toml", "nested too deeply"),
}


@pytest.mark.parametrize(("text", "place", "said"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_taken_is_refused_with_place_shape_and_fix(
    tmp_path: Path, text: str, place: str, said: str
) -> None:
    with pytest.raises(ProfileError) as refused:
        stated(tmp_path, text, secrets=(RANDOM,))
    told = str(refused.value)
    assert "stated-0.toml" in told
    assert place in told
    assert said in told
    assert "fix:" in told
    assert [secret for secret in (CANARY, RANDOM, "whsec_canary", "DE02 1203") if secret in told] == []


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="no such file"):
        launch_statements.load([tmp_path / "none.toml"], keys(), KNOWN)


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ProfileError) as refused:
        stated(tmp_path, f'{ACCESS}product-fit = ""\nproduct-fits = "x"\n', "by = 1\n")
    assert {problem.key for problem in refused.value.problems} == {
        "access.product-fit",
        "access.product-fits",
        "by",
        "on",
        "access",
    }


def test_two_who_state_the_same_row_are_asked_which_holds(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"stated-1.toml:4: access.product-fit(.|\n)*stated-0.toml has it already"):
        stated(tmp_path, f'{ACCESS}product-fit = "x"\n', f'{ACCESS}product-fit = "y"\n')


@pytest.mark.parametrize(
    "words", ["ops@partner.example, answered day and night", "EUR-USDT on tron", "2026-05-25", "DE"]
)
def test_what_people_write_is_no_secret(tmp_path: Path, words: str) -> None:
    assert stated(tmp_path, f'{ACCESS}product-fit = "{words}"\n')[0].says == words


# --- facts of a profile ---

PROFILE = """\
[target]
name = "partner-sandbox"
environment = "sandbox"
approval = "approval.json"

[target.pools]
base_url = "https://pools-api-sandbox.0bit.app/v1"

[accounts.approved]
secret_key = "CANARY_SECRET"
publishable_key = "CANARY_PUBLISHABLE"

[limits]
trades = 10
notional = "100.00"
requests_per_second = 5

[webhooks.pools]
secret = "CANARY_SIGNING"
public_url = "https://receiver.example:8443/hook/with/path"

[handler]
url = "https://hooks.partner.example/obit"
secret = "CANARY_HANDLER"
"""

RECORD = """\
{"partner_id": "partner_01H", "product": "wallet", "requested_pools": ["EUR-USDT"], "approved_environment": "sandbox",
 "approved_sides": ["buy"], "funding_model": "prefunded_balance", "webhook_verified": true,
 "support_escalation_ready": false,
 "pools": {"EUR-USDT": {"networks": ["tron"], "min_order": "5.00", "max_order": "100.00"}}}
"""

VARIABLES = {
    "CANARY_SECRET": CANARY,
    "CANARY_PUBLISHABLE": "pk_test_canary9876543210",
    "CANARY_SIGNING": "whsec_canary_signing_12345",
    "CANARY_HANDLER": "handler+canary/secret==",
}


def of_profile(folder: Path) -> dict[str, Fact]:
    (folder / "profile.toml").write_text(PROFILE)
    (folder / "approval.json").write_text(RECORD)
    return {fact.subject: fact for fact in facts(load_target(str(folder / "profile.toml"), VARIABLES))}


def test_a_profile_s_facts_are_names_hosts_and_modes(tmp_path: Path) -> None:
    found = {subject: fact.values for subject, fact in of_profile(tmp_path).items()}
    assert found == {
        "key_mode": ("sk_test",),
        "publishable_key_mode": ("pk_test",),
        "receiver_host.pools": ("receiver.example:8443",),
        "handler_host": ("hooks.partner.example",),
        "approval.partner_id": ("partner_01H",),
        "approval.product": ("wallet",),
        "approval.requested_pools": ("EUR-USDT",),
        "approval.approved_environment": ("sandbox",),
        "approval.approved_sides": ("buy",),
        "approval.funding_model": ("prefunded_balance",),
        "approval.webhook_verified": ("true",),
        "approval.support_escalation_ready": ("false",),
        "approval.features": (),
        "approval.pools": ("EUR-USDT: buy; tron; from 5.00 USDT up to 100.00 USDT",),
    }


def test_no_secret_is_a_fact(tmp_path: Path) -> None:
    text = repr(of_profile(tmp_path))
    assert [value for value in VARIABLES.values() if value in text] == []


@pytest.mark.parametrize(
    ("key", "mode"),
    [
        ("sk_live_abc123", ("sk_live",)),
        ("sk_test_abc123", ("sk_test",)),
        ("opaque-credential", None),
        ("sk_testing", None),
    ],
)
def test_of_a_key_only_its_published_shape_is_shown(tmp_path: Path, key: str, mode: tuple[str, ...] | None) -> None:
    (tmp_path / "profile.toml").write_text(PROFILE)
    (tmp_path / "approval.json").write_text(RECORD)
    target = load_target(str(tmp_path / "profile.toml"), VARIABLES)
    account = dataclasses.replace(target.accounts["approved"], secret_key=Secret(key))
    found = facts(dataclasses.replace(target, accounts={"approved": account}))
    assert next((fact.values for fact in found if fact.subject == "key_mode"), None) == mode
