"""Loading a contract: the built-in file, the vendor's own, and a clear error for what cannot be used."""

import json
from pathlib import Path
from typing import Any

import pytest

from conformance.contract import ContractError, load
from conformance.contract.words import BOUNDARY

from .exchanges import builtin

MINIMAL = """\
openapi: 3.1.0
info:
  title: T
  version: 2026-05-25
paths:
  /things/{id}:
    get:
      responses:
        200:
          description: A thing.
          content:
            application/json:
              schema:
                $ref: '#/components/schemas/Thing'
components:
  schemas:
    Thing:
      type: object
      required: [name]
      properties:
        name:
          type: string
"""


def written(folder: Path, text: str | bytes, name: str = "contract.yaml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_the_builtin_contract_has_the_twelve_published_operations() -> None:
    assert {operation.key for operation in builtin().operations} == {
        "GET /pools",
        "GET /pools/{id}/capabilities",
        "POST /pools/{id}/quote",
        "POST /pools/{id}/transact",
        "GET /pools/transactions/{quoteId}",
        "GET /pools/trades",
        "GET /pools/trades/{transactId}",
        "GET /pools/quotes/{quoteId}",
        "POST /pools/quotes/{quoteId}/reject",
        "GET /pools/{id}/balance",
        "GET /pools/funding",
        "GET /pools/ledger",
    }


def test_the_builtin_contract_knows_its_revision_and_its_secrets() -> None:
    assert (builtin().product, builtin().revision) == ("pools", "2026-05-25")
    assert "iban" in builtin().sensitive


def test_the_boundary_of_the_builtin_contract_is_the_one_for_files_that_list_none() -> None:
    assert builtin().boundary == BOUNDARY


def test_an_installed_package_serves_its_own_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "openapi").mkdir()
    copy = written(tmp_path / "openapi", MINIMAL, "pools-v1.yaml")
    monkeypatch.setattr("importlib.resources.files", lambda _: tmp_path)
    assert load().file == str(copy)


def test_a_minimal_file_loads(tmp_path: Path) -> None:
    contract = load(written(tmp_path, MINIMAL))
    (operation,) = contract.operations
    assert (operation.key, operation.operation_id, operation.statuses) == ("GET /things/{id}", "", ("200",))
    assert (contract.revision, contract.boundary, contract.sensitive) == ("2026-05-25", BOUNDARY, frozenset())


def test_the_document_is_kept_as_written(tmp_path: Path) -> None:
    document = load(written(tmp_path, MINIMAL)).document
    assert document["info"]["version"] == "2026-05-25"
    assert document["components"]["schemas"]["Thing"]["required"] == ["name"]


def test_a_json_file_loads(tmp_path: Path) -> None:
    document = load(written(tmp_path, MINIMAL)).document
    contract = load(written(tmp_path, json.dumps(document, indent=2), "contract.json"))
    assert contract.document == document


def test_words_that_yaml_1_1_takes_for_something_else_stay_words(tmp_path: Path) -> None:
    text = MINIMAL.replace("type: string", "enum: [on, no, yes, 2026-01-01, 12:30, 010, true, 7]")
    schema = load(written(tmp_path, text)).document["components"]["schemas"]["Thing"]["properties"]["name"]
    assert schema["enum"] == ["on", "no", "yes", "2026-01-01", "12:30", "010", True, 7]


def test_a_boundary_of_its_own_replaces_ours(tmp_path: Path) -> None:
    assert load(written(tmp_path, MINIMAL + "x-boundary: [Engine]\n")).boundary == {"engine"}


def test_a_secret_may_be_marked_where_it_is_used_or_where_it_is_described(tmp_path: Path) -> None:
    members = {"a": {"$ref": "#/components/schemas/S"}, "b": {"x-sensitive": True}, "c": {}}
    components = {"schemas": {"S": {"x-sensitive": True}, "T": {"properties": members}}}
    assert load(written(tmp_path, changed(components=components))).sensitive == {"a", "b"}


def changed(**changes: Any) -> str:
    """The minimal file as JSON, which is YAML too, with root members replaced; ``...`` drops one."""
    document = {
        "openapi": "3.1.0",
        "info": {"title": "T", "version": "1"},
        "paths": {"/a": {"get": {"responses": {"200": {"description": "ok"}}}}},
    }
    return json.dumps({k: v for k, v in {**document, **changes}.items() if v is not ...}, indent=1)


def operation(responses: Any) -> dict[str, Any]:
    return {"/a": {"get": {"responses": responses}}}


def schema(value: Any) -> dict[str, Any]:
    return operation({"200": {"description": "", "content": {"application/json": {"schema": value}}}})


SCHEMA = "/paths/~1a/get/responses/200/content/application~1json/schema"


@pytest.mark.parametrize(
    ("text", "line", "found", "expected"),
    [
        pytest.param("", 1, "an empty file", "an OpenAPI 3.1 document", id="empty"),
        pytest.param("# nothing\n\n", 1, "an empty file", "an OpenAPI 3.1 document", id="comments only"),
        pytest.param("a: 1\nb: [1, 2\nc: 3\n", 3, "broken YAML", "valid YAML", id="broken YAML"),
        pytest.param("a: 1\n\tb: 2\n", 2, "broken YAML", "valid YAML", id="tab"),
        pytest.param("a: !!python/object:os.system x\n", 1, "broken YAML", "valid YAML", id="object tag"),
        pytest.param("a: *b\n", 1, "broken YAML (found undefined alias)", "valid YAML", id="unknown alias"),
        pytest.param("---\na: 1\n---\nb: 1\n", 3, "broken YAML", "valid YAML", id="two documents"),
        pytest.param("[1, 2]", 1, "a list at the root", "a mapping", id="list"),
        pytest.param("just words", 1, "a single value at the root", "a mapping", id="words"),
        pytest.param(b"\x7fELF\x00\x01", 1, "binary data", "UTF-8 text", id="binary"),
        pytest.param(b"a: 1\nb: \xff\n", 2, "bytes that are not UTF-8", "UTF-8 text", id="latin"),
        pytest.param("a: " + "[" * 100_000, 1, "very deep nesting", "at most 100 levels", id="deep"),
        pytest.param("- " * 100_000, 1, "very deep nesting", "at most 100 levels", id="deep block"),
    ],
)
def test_text_that_is_no_document(tmp_path: Path, text: str | bytes, line: int, found: str, expected: str) -> None:
    with pytest.raises(ContractError) as caught:
        load(written(tmp_path, text))
    problem = caught.value
    assert (problem.line, problem.pointer) == (line, "")
    assert problem.found.startswith(found)
    assert problem.expected.startswith(expected)
    assert str(problem).startswith(f"contract {tmp_path / 'contract.yaml'}:{line}: found ")


@pytest.mark.parametrize(
    ("text", "pointer", "found"),
    [
        pytest.param(changed(openapi=...), "/openapi", "no openapi member", id="no version"),
        pytest.param(changed(openapi=..., swagger="2.0"), "/openapi", "swagger '2.0'", id="Swagger"),
        pytest.param(changed(openapi="4.0.0"), "/openapi", "openapi '4.0.0'", id="another version"),
        pytest.param(changed(info=...), "/info", "no member 'info'", id="no info"),
        pytest.param(changed(info={"title": "T"}), "/info/version", "no member 'version'", id="no revision"),
        pytest.param(changed(paths=...), "/paths", "no member 'paths'", id="no paths"),
        pytest.param(changed(paths={}), "/paths", "an empty mapping", id="empty paths"),
        pytest.param(changed(paths=[]), "/paths", "a list", id="paths as a list"),
        pytest.param(changed(paths={"a": {}}), "/paths/a", "the path 'a'", id="relative path"),
        pytest.param(changed(paths={"/a": None}), "/paths/~1a", "nothing", id="empty path"),
        pytest.param(changed(paths={"/a": {"get": 1}}), "/paths/~1a/get", "a single value", id="operation as a number"),
        pytest.param(
            changed(paths={"/a": {"get": {}}}),
            "/paths/~1a/get/responses",
            "no member 'responses'",
            id="no responses",
        ),
        pytest.param(
            changed(paths=operation({"20O": {}})),
            "/paths/~1a/get/responses/20O",
            "the status '20O'",
            id="status",
        ),
        pytest.param(
            changed(paths=operation({"200": []})),
            "/paths/~1a/get/responses/200",
            "a list",
            id="response as a list",
        ),
        pytest.param(
            changed(paths=operation({"200": {"content": [1]}})),
            "/paths/~1a/get/responses/200/content",
            "a list",
            id="content as a list",
        ),
        pytest.param(
            changed(paths=operation({"200": {"content": {"a/b": 1}}})),
            "/paths/~1a/get/responses/200/content/a~1b",
            "a single value",
            id="media type as a number",
        ),
        pytest.param(
            changed(paths=schema({"$ref": "#/components/schemas/Gone"})),
            SCHEMA,
            "a dangling reference ('#/components/schemas/Gone')",
            id="dangling reference",
        ),
        pytest.param(
            changed(paths=schema({"$ref": "other.yaml#/a"})),
            SCHEMA,
            "a reference out of the file ('other.yaml#/a')",
            id="reference elsewhere",
        ),
        pytest.param(
            changed(paths=operation({"200": {"$ref": "#/paths/~1a/get/responses/200"}})),
            "/paths/~1a/get/responses/200",
            "references that go round in circles",
            id="circle",
        ),
        pytest.param(
            changed(paths=schema({"type": "text"})),
            SCHEMA,
            "a schema that does not compile",
            id="unknown type",
        ),
        pytest.param(
            changed(paths=schema({"pattern": "("})),
            SCHEMA,
            "a schema that does not compile",
            id="broken pattern",
        ),
        pytest.param(
            changed(paths=schema({"x-basis": "infered"})),
            f"{SCHEMA}/x-basis",
            "'infered'",
            id="misspelt basis",
        ),
        pytest.param(
            changed(paths=schema({"x-inferred": "type"})),
            f"{SCHEMA}/x-inferred",
            "a text",
            id="mark as a word",
        ),
        pytest.param(
            changed(paths=schema({"properties": [], "required": ["a"], "x-inferred": ["required:a"]})),
            SCHEMA,
            "a schema that does not compile",
            id="members as a list",
        ),
        pytest.param(changed(paths=schema(5)), SCHEMA, "a schema that does not compile", id="schema as a number"),
        pytest.param(changed(**{"x-boundary": "provider"}), "/x-boundary", "a text", id="boundary as a word"),
    ],
)
def test_a_document_that_is_no_contract(tmp_path: Path, text: str, pointer: str, found: str) -> None:
    with pytest.raises(ContractError) as caught:
        load(written(tmp_path, text))
    problem = caught.value
    assert problem.pointer == pointer
    assert problem.found.startswith(found)
    assert f" at {pointer}: found {problem.found}, expected {problem.expected}" in str(problem)


def test_the_line_of_a_misplaced_thing_is_told(tmp_path: Path) -> None:
    text = MINIMAL.replace("#/components/schemas/Thing", "#/components/schemas/Think")
    with pytest.raises(ContractError) as caught:
        load(written(tmp_path, text))
    assert caught.value.line == 1 + text.splitlines().index(next(line for line in text.splitlines() if "Think" in line))


def test_broken_json_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"contract\.json:3: found broken JSON"):
        load(written(tmp_path, '{\n"a": 1,\n}', "contract.json"))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="found no such file"):
        load(tmp_path / "gone.yaml")


def test_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="found a directory"):
        load(tmp_path)


def test_an_unknown_product_is_told() -> None:
    with pytest.raises(ContractError, match="no such built-in contract"):
        load(product="cards")


def test_aliases_that_multiply_are_told(tmp_path: Path) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 12)]
    with pytest.raises(ContractError, match="grows without end"):
        load(written(tmp_path, "\n".join(rows)))


def test_an_alias_inside_itself_is_told(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="grows without end"):
        load(written(tmp_path, "a: &a [*a]\n"))
