"""What holds for every contract file: valid OpenAPI, marks that can be trusted, examples and links that work.

What one particular contract says is tested in a module of its own.
"""

from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from .documents import (
    CONTRACTS,
    Node,
    escape,
    examples_of,
    follow,
    load,
    media_types,
    operations,
    parameters,
    resolve,
    responses,
    validator,
    walk,
)

EXTENSIONS = {"x-basis", "x-derivation", "x-inferred", "x-sensitive", "x-boundary"}

every_contract = pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.stem)


def test_there_is_a_contract_to_check() -> None:
    assert CONTRACTS


@every_contract
def test_openapi_spec_validator_accepts_the_file(path: Path) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(load(path)).iter_errors()] == []


@every_contract
def test_operation_ids_are_unique(path: Path) -> None:
    ids = [operation["operationId"] for _, _, _, operation in operations(load(path))]
    assert len(ids) == len(set(ids))


# -- marks ---------------------------------------------------------------------------------------------------


@every_contract
def test_no_extension_is_misspelt(path: Path) -> None:
    found = {key for _, node in walk(load(path)) for key in node if str(key).startswith("x-")}
    assert found <= EXTENSIONS


@every_contract
def test_a_basis_is_entailed_or_inferred(path: Path) -> None:
    odd = {
        place: node["x-basis"]
        for place, node in walk(load(path))
        if node.get("x-basis", "inferred") not in {"entailed", "inferred"}
    }
    assert not odd


@every_contract
def test_entailed_comes_with_its_derivation_and_only_it_does(path: Path) -> None:
    odd = [
        place
        for place, node in walk(load(path))
        if (node.get("x-basis") == "entailed") != is_one_line(node.get("x-derivation"))
    ]
    assert not odd


def is_one_line(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip()) and "\n" not in text.strip()


@every_contract
def test_x_inferred_names_keywords_of_the_schema_it_sits_on(path: Path) -> None:
    odd = {
        place: entry
        for place, node in walk(load(path))
        for entry in node.get("x-inferred", [])
        if not names_a_keyword(node, entry)
    }
    assert not odd


def names_a_keyword(schema: Node, entry: str) -> bool:
    keyword, _, member = entry.partition(":")
    return keyword in schema and (not member or member in schema[keyword])


@every_contract
def test_x_inferred_is_a_list_that_says_something_once(path: Path) -> None:
    odd = [
        place
        for place, node in walk(load(path))
        if "x-inferred" in node and not is_list_of_distinct_words(node["x-inferred"])
    ]
    assert not odd


def is_list_of_distinct_words(value: object) -> bool:
    return isinstance(value, list) and bool(value) and len(value) == len(set(value))


@every_contract
def test_a_required_member_is_described_where_it_is_required(path: Path) -> None:
    """Dropping an inferred member from a schema must not leave it required by a sibling in an `allOf`."""
    odd = {
        place: sorted(set(node["required"]) - node.get("properties", {}).keys())
        for place, node in walk(load(path))
        if isinstance(node.get("required"), list) and set(node["required"]) - node.get("properties", {}).keys()
    }
    assert not odd


@every_contract
def test_boundary_words_are_single_lower_case_words_and_no_response_describes_one(path: Path) -> None:
    document = load(path)
    words = document.get("x-boundary", [])
    assert [word for word in words if not word.isalpha() or word != word.lower()] == []
    members = {name for node in reachable_from_responses(document) for name in node.get("properties", {})}
    assert members & set(words) == set()


# -- openness ------------------------------------------------------------------------------------------------


@every_contract
def test_responses_never_forbid_members_the_contract_does_not_know(path: Path) -> None:
    closing = [
        node
        for node in reachable_from_responses(load(path))
        if node.get("additionalProperties") is False or node.get("unevaluatedProperties") is False
    ]
    assert not closing


def reachable_from_responses(document: Node) -> list[Node]:
    """Every mapping a response is made of, references followed."""
    pending = [pointer for _, _, pointer, _ in responses(document)]
    seen: dict[str, Node] = {}
    while pending:
        for place, node in walk(resolve(document, pending[-1]), pending.pop()):
            if place not in seen:
                seen[place] = node
                if isinstance(node.get("$ref"), str):
                    pending.append(node["$ref"].removeprefix("#"))
    return list(seen.values())


# -- examples ------------------------------------------------------------------------------------------------


@every_contract
def test_every_body_has_an_example(path: Path) -> None:
    document = load(path)
    bare = [place for place, media in media_types(document) if not examples_of(document, media)]
    assert not bare


@every_contract
def test_every_body_example_validates_and_uses_described_members_only(path: Path) -> None:
    document = load(path)
    problems = [
        f"{place} {name}: {error.message}"
        for place, media in media_types(document)
        for name, value in examples_of(document, media).items()
        for error in validator(document, f"{place}/schema", closed=True).iter_errors(value)
    ]
    assert not problems


@every_contract
def test_every_parameter_and_header_example_validates(path: Path) -> None:
    document = load(path)
    problems = [
        f"{place}: {error.message}"
        for place, node in walk(document)
        if "schema" in node and "/content/" not in place
        for value in examples_of(document, node).values()
        for error in validator(document, f"{place}/schema").iter_errors(value)
    ]
    assert not problems


@every_contract
def test_every_schema_example_and_default_validates(path: Path) -> None:
    document = load(path)
    problems = [
        f"{place}: {error.message}"
        for place, node in walk(document)
        for value in schema_values(node)
        for error in validator(document, place).iter_errors(value)
    ]
    assert not problems


def schema_values(schema: Node) -> list[Any]:
    """The values a schema itself offers; the `examples` of other objects are maps, not lists."""
    offered = schema.get("examples", [])
    return [
        *(offered if isinstance(offered, list) else []),
        *([schema["default"]] if "default" in schema else []),
    ]


# -- links ---------------------------------------------------------------------------------------------------


@every_contract
def test_every_link_names_an_operation_and_its_parameters(path: Path) -> None:
    document = load(path)
    targets = {
        operation["operationId"]: {row["name"] for row in parameters(document, route, method)}
        for method, route, _, operation in operations(document)
    }
    odd = [
        place
        for place, link in links(document)
        if link["operationId"] not in targets or not link["parameters"].keys() <= targets[link["operationId"]]
    ]
    assert not odd


@every_contract
def test_every_link_supplies_the_path_of_its_target(path: Path) -> None:
    document = load(path)
    needed = {
        operation["operationId"]: {row["name"] for row in parameters(document, route, method) if row["in"] == "path"}
        for method, route, _, operation in operations(document)
    }
    odd = [place for place, link in links(document) if needed[link["operationId"]] - link["parameters"].keys()]
    assert not odd


@every_contract
def test_every_link_expression_finds_a_string_in_an_example_of_its_response(path: Path) -> None:
    document = load(path)
    odd: list[str] = []
    for method, route, _, operation in operations(document):
        of_path = {row["name"] for row in parameters(document, route, method) if row["in"] == "path"}
        for status in operation["responses"]:
            place = f"/paths/{escape(route)}/{method}/responses/{status}"
            _, response = follow(document, place)
            for name in response.get("links", {}):
                _, link = follow(document, f"{follow(document, place)[0]}/links/{escape(name)}")
                odd += [
                    f"{place} {name}: {expression}"
                    for expression in expressions(link)
                    if not finds_a_string(document, response, of_path, expression)
                ]
    assert not odd


def links(document: Node) -> list[tuple[str, Node]]:
    """Every link object of every response, with the pointer of its use."""
    return [
        (f"{place}/links/{name}", follow(document, f"{place}/links/{escape(name)}")[1])
        for _, _, place, response in responses(document)
        for name in response.get("links", {})
    ]


def expressions(link: Node) -> list[str]:
    body = link.get("requestBody", {})
    return [*link["parameters"].values(), *(body.values() if isinstance(body, dict) else [body])]


def finds_a_string(document: Node, response: Node, of_path: set[str], expression: str) -> bool:
    if expression.startswith("$request.path."):
        return expression.removeprefix("$request.path.") in of_path
    if not expression.startswith("$response.body#/"):
        return False
    values = [
        value
        for media in response["content"].values()
        for value in examples_of(document, media).values()
        if finds(value, expression.removeprefix("$response.body"))
    ]
    return bool(values)


def finds(value: Any, pointer: str) -> bool:
    try:
        return isinstance(resolve(value, pointer), str)
    except (KeyError, IndexError, TypeError):
        return False
