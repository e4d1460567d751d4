"""What the 0Gate contract says of the events it sends: which there are, how they are signed, what they carry."""

import jsonschema_rs
import pytest

from .documents import ROOT, Node, follow, load, resolve, validator

GATE = load(ROOT / "openapi" / "gate-v1.yaml")
HOOKS: Node = GATE["webhooks"]

# event: schema of its data; "?" where no source describes the data
EVENTS = {
    "gate_session.created": "Session",
    "gate_session.processing": "Session",
    "gate_session.completed": "Session",
    "gate_session.failed": "Session",
    "gate_session.cancelled": "Session",
    "gate_session.expired": "Session",
    "gate_session.kyc_package_accepted": "?",
    "kyc.required": "?",
    "rail.pay_in.processing": "PayIn",
    "rail.pay_in.settled": "PayIn",
    "rail.pay_in.failed": "PayIn",
    "rail.pay_in.cancelled": "PayIn",
    "rail.pay_out.processing": "PayOut",
    "rail.pay_out.settled": "PayOut",
    "rail.pay_out.failed": "PayOut",
    "rail.pay_out.cancelled": "PayOut",
    "quote.consumed": "?",
    "customer.created": "?",
    "customer.updated": "?",
    "customer.deleted": "?",
}
SYNTHETIC = "webhook.test"
HEADERS = {"Gate-Signature", "X-0bit-Timestamp", "X-0bit-Event-Id", "X-0bit-Event-Type"}

every_event = pytest.mark.parametrize("name", [*EVENTS, SYNTHETIC])


def test_there_are_the_twenty_published_events_and_the_synthetic_one() -> None:
    assert len(EVENTS) == 20
    assert HOOKS.keys() == {*EVENTS, SYNTHETIC}


@every_event
def test_an_event_is_posted_with_its_four_headers_and_no_credential(name: str) -> None:
    assert HOOKS[name].keys() == {"post"}
    operation = HOOKS[name]["post"]
    rows = [follow(GATE, f"{place(name)}/parameters/{index}")[1] for index in range(len(operation["parameters"]))]
    assert {row["name"] for row in rows} == HEADERS
    assert all(row["in"] == "header" and row["required"] for row in rows)
    assert operation["security"] == []


@every_event
def test_an_event_may_be_taken_refused_or_not_stored(name: str) -> None:
    assert HOOKS[name]["post"]["responses"].keys() == {"2XX", "4XX", "5XX"}


def test_event_operations_have_names_of_their_own() -> None:
    names = [hook["post"]["operationId"] for hook in HOOKS.values()]
    names += [row["operationId"] for item in GATE["paths"].values() for row in item.values() if "operationId" in row]
    assert len(names) == len(set(names)) == 52


@every_event
def test_the_sample_of_an_event_is_of_its_type_and_no_other_type_is_accepted(name: str) -> None:
    (sample,) = samples(name)
    assert sample["type"] == name
    assert judge(name).is_valid(sample)
    assert not judge(name).is_valid({**sample, "type": "gate_session.renamed"})


@every_event
@pytest.mark.parametrize(
    "change",
    [{"id": 5}, {"created_at": "2026-01-01T00:00:00Z"}, {"data": None}, {"data": []}],
    ids=["id is a number", "created_at is a text", "no data", "data is a list"],
)
def test_an_event_with_a_bad_envelope_is_refused(name: str, change: Node) -> None:
    (sample,) = samples(name)
    assert not judge(name).is_valid({**sample, **change})


@every_event
def test_an_event_may_carry_more_than_is_described(name: str) -> None:
    (sample,) = samples(name)
    assert judge(name).is_valid({**sample, "mode": "test", "data": {**sample["data"], "something_new": 1}})


def test_samples_differ_in_their_ids_so_that_none_is_a_repeat() -> None:
    ids = [sample["id"] for name in HOOKS for sample in samples(name)]
    assert len(ids) == len(set(ids)) == len(HOOKS)


@pytest.mark.parametrize(("name", "schema"), EVENTS.items())
def test_data_follows_the_object_where_a_source_says_so_and_is_a_guess_elsewhere(name: str, schema: str) -> None:
    data = data_of(name)
    parts = data.get("allOf", [data])
    if schema == "?":
        assert all(part["x-basis"] == "inferred" for part in parts)
    else:
        assert data["$ref"] == f"#/components/schemas/{schema}"
        assert "x-basis" not in data


@pytest.mark.parametrize(
    ("name", "status", "basis"),
    [
        ("gate_session.created", "open", "inferred"),
        ("gate_session.processing", "open", "inferred"),
        ("gate_session.failed", "open", "inferred"),
        ("gate_session.completed", "completed", "entailed"),
        ("gate_session.cancelled", "cancelled", "entailed"),
        ("gate_session.expired", "expired", "entailed"),
        ("rail.pay_in.processing", "processing", "inferred"),
        ("rail.pay_in.settled", "settled", "entailed"),
        ("rail.pay_in.failed", "failed", "entailed"),
        ("rail.pay_in.cancelled", "cancelled", "entailed"),
        ("rail.pay_out.processing", "processing", "inferred"),
        ("rail.pay_out.settled", "settled", "entailed"),
        ("rail.pay_out.failed", "failed", "entailed"),
        ("rail.pay_out.cancelled", "cancelled", "entailed"),
    ],
)
def test_only_an_end_fixes_the_status_an_event_shows(name: str, status: str, basis: str) -> None:
    shown = data_of(name)["properties"]["status"]
    assert (shown["const"], shown["x-basis"]) == (status, basis)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("gate_session.created", {"client_secret": "gsec_test_123"}),
        ("gate_session.completed", {"client_secret": "gsec_test_123"}),
        ("gate_session.completed", {"tx_refid": None}),
        ("gate_session.completed", {"status": "open"}),
        ("gate_session.expired", {"amount": 100}),
        ("gate_session.kyc_package_accepted", {"kyc_package": {}}),
        ("rail.pay_in.settled", {"object": "rail_pay_out"}),
        ("rail.pay_in.settled", {"status": "failed"}),
        ("rail.pay_out.failed", {"id": None}),
        ("webhook.test", {"livemode": True}),
    ],
)
def test_data_that_no_server_may_send_is_refused(name: str, change: Node) -> None:
    (sample,) = samples(name)
    assert not judge(name).is_valid({**sample, "data": {**sample["data"], **change}})


def test_a_completed_session_names_its_transaction() -> None:
    (sample,) = samples("gate_session.completed")
    data = {member: value for member, value in sample["data"].items() if member != "tx_refid"}
    assert not judge("gate_session.completed").is_valid({**sample, "data": data})


def test_the_sample_signature_has_the_published_form() -> None:
    row = GATE["components"]["parameters"]["GateSignature"]
    stamp, mac = row["example"].split(",")
    assert stamp.startswith("t=")
    assert mac.startswith("v1=")
    assert len(bytes.fromhex(mac.removeprefix("v1="))) == 32


def place(name: str) -> str:
    return f"/webhooks/{name}/post"


def media(name: str) -> str:
    return f"{place(name)}/requestBody/content/application~1json"


def samples(name: str) -> list[Node]:
    return [row["value"] for row in resolve(GATE, media(name))["examples"].values()]


def data_of(name: str) -> Node:
    data: Node = resolve(GATE, media(name))["schema"]["properties"]["data"]
    return data


def judge(name: str) -> jsonschema_rs.Draft202012Validator:
    return validator(GATE, f"{media(name)}/schema")
