"""The 0Gate contract file as tests need it: where an operation is, and whether an answer or event is as it says."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import yaml

CONTRACT = Path(__file__).parents[3] / "openapi" / "gate-v1.yaml"
METHODS = ("get", "post", "put", "patch", "delete")


@cache
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))
    return loaded


@cache
def operations() -> dict[str, tuple[str, str]]:
    """Method and path by operation id."""
    return {
        operation["operationId"]: (method.upper(), path)
        for path, item in document()["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


@cache
def validator(operation: str, status: int) -> jsonschema_rs.Validator:
    """What the contract says about the body of this answer; ``KeyError`` for a status it does not know."""
    method, path = operations()[operation]
    response = document()["paths"][path][method.lower()]["responses"][str(status)]
    if "$ref" in response:
        response = document()["components"]["responses"][response["$ref"].rpartition("/")[2]]
    return compiled(response["content"]["application/json"]["schema"])


def compiled(schema: dict[str, Any]) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for({**schema, "components": document()["components"]}, validate_formats=True)


def check(operation: str, answer: httpx.Response) -> None:
    """Raise unless the contract knows this status of the operation and the body is as it says."""
    validator(operation, answer.status_code).validate(answer.json())
    assert answer.headers["X-Request-Id"]


def check_error(answer: httpx.Response) -> None:
    """Raise unless the body is the flat error envelope and repeats status and request id."""
    body = answer.json()
    compiled({"$ref": "#/components/schemas/Error"}).validate(body)
    assert body["statusCode"] == answer.status_code
    assert body["request_id"] == answer.headers["X-Request-Id"]


def check_event(event: dict[str, Any]) -> None:
    """Raise unless the event is as the contract's section of webhooks says."""
    body = document()["webhooks"][event["type"]]["post"]["requestBody"]
    compiled(body["content"]["application/json"]["schema"]).validate(event)
