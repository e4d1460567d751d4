"""The two views of one file: what is inferred is loosened for judging, and a file without marks stays as it
is."""

import json
from pathlib import Path
from typing import Any

import pytest

from conformance.contract import Contract, load

from .exchanges import (
    CAPABILITIES,
    HEADERS,
    QUOTE,
    TRANSACT,
    builtin,
    error,
    example,
    failed,
    finding,
    held,
    judged,
)
from .exchanges import without as drop
from .test_load import changed, written

THING = ("GET", "/a")


def contract_of(folder: Path, schema: Any, version: str = "3.1.0", **components: Any) -> Contract:
    """A contract whose one answer has this schema."""
    content = {"application/json": {"schema": schema}}
    paths = {"/a": {"get": {"responses": {"200": {"description": "", "content": content}}}}}
    return load(written(folder, changed(openapi=version, paths=paths, components={"schemas": components})))


def accepts(contract: Contract, body: Any) -> bool:
    return "WIRE-BODY" not in failed(judged(THING, 200, body, contract=contract))


def observes(contract: Contract, body: Any) -> bool:
    return bool(judged(THING, 200, body, contract=contract).observations)


STRING = {"type": "string"}
GUESS = {"type": "string", "x-basis": "inferred"}


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        pytest.param({"required": ["a"], "properties": {"a": GUESS}}, {}, id="inferred member, absent"),
        pytest.param({"required": ["a"], "properties": {"a": GUESS}}, {"a": 1}, id="inferred member, other type"),
        pytest.param({"required": ["a"], "x-inferred": ["required:a"], "properties": {"a": STRING}}, {}, id="required"),
        pytest.param({"type": "string", "maxLength": 1, "x-inferred": ["maxLength"]}, "ab", id="one keyword"),
        pytest.param({"type": "string", "not": {"const": "a"}, "x-inferred": ["not"]}, "a", id="not"),
        pytest.param(
            {"properties": {"a": {"$ref": "#/components/schemas/S", "x-basis": "inferred"}}},
            {"a": 1},
            id="use",
        ),
        pytest.param(
            {"$ref": "#/components/schemas/S", "minLength": 3, "x-inferred": ["minLength"]}, "a", id="sibling"
        ),
        pytest.param({"items": {"allOf": [GUESS]}}, [1], id="below items and allOf"),
        pytest.param({"additionalProperties": GUESS}, {"a": 1}, id="below additionalProperties"),
        pytest.param(
            {"oneOf": [{"properties": {"k": {"const": 1}, "a": GUESS}}, {"properties": {"k": {"const": 1}}}]},
            {"k": 1, "a": "x"},
            id="alternatives that overlap",
        ),
    ],
)
def test_what_is_inferred_is_observed_not_judged(tmp_path: Path, schema: Any, body: Any) -> None:
    contract = contract_of(tmp_path, schema, S=STRING)
    assert (accepts(contract, body), observes(contract, body)) == (True, True)


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        pytest.param({"required": ["a"], "properties": {"a": {**STRING, "x-basis": "entailed"}}}, {}, id="entailed"),
        pytest.param({"type": "string", "maxLength": 1, "x-inferred": ["maxLength"]}, 7, id="beside a guess"),
        pytest.param(
            {"required": ["a", "b"], "x-inferred": ["required:a"], "properties": {"a": STRING, "b": STRING}},
            {"a": "x"},
            id="the other required member",
        ),
        pytest.param({"oneOf": [GUESS | {"x-basis": "entailed"}, {"type": "null"}]}, 7, id="no alternative"),
        pytest.param({"not": {"required": ["a"], "x-inferred": ["required:a"]}}, {"a": 1}, id="below not"),
    ],
)
def test_what_is_stated_or_entailed_is_judged(tmp_path: Path, schema: Any, body: Any) -> None:
    assert not accepts(contract_of(tmp_path, schema), body)


def test_a_departure_inside_an_alternative_to_null_is_told_from_inside(tmp_path: Path) -> None:
    contract = contract_of(tmp_path, {"anyOf": [{"type": "null"}, {"type": "object", "required": ["a", "b"]}]})
    assert finding(judged(THING, 200, {}, contract=contract), "WIRE-BODY").observed == "a: absent; b: absent"


def test_loosening_below_not_does_not_tighten(tmp_path: Path) -> None:
    contract = contract_of(tmp_path, {"not": {"properties": {"a": GUESS}, "required": ["a"]}})
    assert accepts(contract, {"a": 1})


@pytest.mark.parametrize(("mark", "observed"), [({}, 'a: "DE89"'), ({"x-sensitive": True}, "a: a string")])
def test_a_word_outside_a_list_is_repeated_unless_it_is_sensitive(
    tmp_path: Path, mark: dict[str, Any], observed: str
) -> None:
    contract = contract_of(tmp_path, {"properties": {"a": {"enum": ["x"], **mark}}})
    report = judged(THING, 200, {"a": "DE89"}, contract=contract)
    assert finding(report, "WIRE-BODY").observed == observed


def test_an_inferred_status_is_accepted_and_its_body_still_judged() -> None:
    report = judged(TRANSACT, 201, drop(example(TRANSACT, "201", "reserved"), "transactId"))
    assert "WIRE-STATUS" in held(report)
    assert finding(report, "WIRE-BODY").observed == "transactId: absent"


# -- the vendor's own file -----------------------------------------------------------------------------------


def unmarked(node: Any) -> Any:
    """A copy without our marks, other operation ids and other component names, as a vendor might write it."""
    if isinstance(node, list):
        return [unmarked(child) for child in node]
    if not isinstance(node, dict):
        return node
    return {
        key: f"vendor_{value}" if key == "operationId" else unmarked(value)
        for key, value in node.items()
        if not str(key).startswith("x-") and key not in {"links", "examples", "webhooks"}
    }


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    text = json.dumps(unmarked(builtin().document))
    for kind in ("schemas", "responses", "headers", "parameters"):
        text = text.replace(f"#/components/{kind}/", f"#/components/{kind}/Vendor")
    document = json.loads(text)
    for kind in ("schemas", "responses", "headers", "parameters"):
        named = document["components"][kind]
        document["components"][kind] = {f"Vendor{name}": value for name, value in named.items()}
    return load(written(tmp_path_factory.mktemp("vendor"), json.dumps(document), "vendor.json"))


def test_a_file_without_marks_lifts_the_judging_view(vendor: Contract) -> None:
    body = drop(example(CAPABILITIES, "200", "onRampOnly"), "minOrderUsdt")
    report = judged(CAPABILITIES, 200, body, contract=vendor)
    assert finding(report, "WIRE-BODY").observed == "minOrderUsdt: absent"


def test_a_file_without_marks_has_nothing_to_observe(vendor: Contract) -> None:
    report = judged(TRANSACT, 201, example(TRANSACT, "201", "reserved"), contract=vendor)
    assert (failed(report), report.observations) == (set(), ())


def test_a_vendor_file_tells_the_member_of_a_quote_too(vendor: Contract) -> None:
    body = drop(example(QUOTE, "200", "firm"), "quoteId")
    assert finding(judged(QUOTE, 200, body, contract=vendor), "WIRE-BODY").observed == "quoteId: absent"


def test_a_vendor_file_judges_money_and_boundary_too(vendor: Contract) -> None:
    body = {**example(QUOTE, "200", "firm"), "fiatAmount": 100, "routeName": "x"}
    assert failed(judged(QUOTE, 200, body, contract=vendor)) == {"WIRE-MONEY", "WIRE-BODY", "WIRE-BOUNDARY"}


def test_what_a_file_documents_is_within_the_boundary(tmp_path: Path) -> None:
    contract = contract_of(tmp_path, {"properties": {"routeId": STRING}})
    assert not failed(judged(THING, 200, {"routeId": "x"}, contract=contract))


# -- looseness of form ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "string", "nullable": True}, None, 1),
        ({"type": "string", "enum": ["a"], "nullable": True}, None, "b"),
        ({"allOf": [{"$ref": "#/components/schemas/S"}], "nullable": True}, None, 1),
        ({"type": "number", "minimum": 0, "exclusiveMinimum": True}, 1, 0),
        ({"type": "number", "maximum": 5, "exclusiveMaximum": False}, 5, 6),
        (
            {"properties": {"nullable": {"type": "string", "nullable": True}}},
            {"nullable": None},
            {"nullable": 1},
        ),
    ],
)
def test_openapi_3_0_is_read_as_it_means(tmp_path: Path, schema: Any, good: Any, bad: Any) -> None:
    contract = contract_of(tmp_path, schema, "3.0.3", S=STRING)
    assert (accepts(contract, good), accepts(contract, bad)) == (True, False)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"},
        {"type": ["string", "null"], "format": "decimal"},
        {"type": "string", "example": "107.31"},
        {"type": "string", "examples": ["107.31"]},
        {"anyOf": [{"$ref": "#/components/schemas/Decimal"}, {"type": "null"}]},
        {"type": "array", "items": {"$ref": "#/components/schemas/Decimal"}},
    ],
)
def test_a_decimal_string_is_money_whatever_its_name(tmp_path: Path, schema: Any) -> None:
    decimal = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}
    contract = contract_of(tmp_path, {"properties": {"payout": schema}}, Decimal=decimal)
    value: Any = [1.5] if schema.get("type") == "array" else 1.5
    assert "WIRE-MONEY" in failed(judged(THING, 200, {"payout": value}, contract=contract))


@pytest.mark.parametrize("schema", [{"type": ["string", "number"]}, {"type": "integer"}, {"type": "boolean"}])
def test_a_member_the_file_makes_something_else_is_no_money(tmp_path: Path, schema: Any) -> None:
    contract = contract_of(tmp_path, {"properties": {"rate": schema}})
    assert "WIRE-MONEY" not in failed(judged(THING, 200, {"rate": 5}, contract=contract))


@pytest.mark.parametrize(
    ("responses", "status", "ok"),
    [
        (("200", "4XX"), 409, True),
        (("200", "4XX"), 302, False),
        (("2XX",), 204, True),
        (("200", "default"), 409, True),
        (("200",), 409, False),
        (("200",), 429, True),
        (("404",), 202, False),
    ],
)
def test_ranges_and_default_document_a_status(
    tmp_path: Path, responses: tuple[str, ...], status: int, ok: bool
) -> None:
    paths = {"/a": {"get": {"responses": {name: {"description": ""} for name in responses}}}}
    contract = load(written(tmp_path, changed(paths=paths)))
    report = judged(THING, status, error(status), headers=HEADERS, contract=contract)
    assert finding(report, "WIRE-STATUS").ok is ok


def test_a_further_success_code_needs_a_contract_that_knows_none(tmp_path: Path) -> None:
    responses = {"200": {"description": ""}, "201": {"description": "", "x-basis": "inferred"}}
    contract = load(written(tmp_path, changed(paths={"/a": {"get": {"responses": responses}}})))
    assert "WIRE-STATUS" in failed(judged(THING, 202, {}, contract=contract))


def test_a_documented_500_is_a_server_error_all_the_same(tmp_path: Path) -> None:
    responses = {"500": {"description": "", "content": {"application/json": {"schema": {"type": "object"}}}}}
    contract = load(written(tmp_path, changed(paths={"/a": {"get": {"responses": responses}}})))
    assert failed(judged(THING, 500, error(500), contract=contract)) == {"WIRE-NO-SERVER-ERROR"}


def test_a_documented_head_has_no_body_to_miss(tmp_path: Path) -> None:
    content = {"application/json": {"schema": {"type": "object"}}}
    paths = {"/a": {"head": {"responses": {"200": {"description": "", "content": content}}}}}
    contract = load(written(tmp_path, changed(paths=paths)))
    assert not failed(judged(("HEAD", "/a"), 200, b"", contract=contract))


def test_a_media_type_the_file_documents_is_accepted(tmp_path: Path) -> None:
    content = {"text/csv": {"schema": STRING}}
    paths = {"/a": {"get": {"responses": {"200": {"description": "", "content": content}}}}}
    contract = load(written(tmp_path, changed(paths=paths)))
    csv = (("X-Request-Id", "r"), ("Content-Type", "text/csv"))
    assert not failed(judged(THING, 200, b"a,b\n", headers=csv, contract=contract))
