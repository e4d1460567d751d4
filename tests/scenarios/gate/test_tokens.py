"""An embed token is held to the form of an HS256 JWT, and nothing of it is repeated."""

from __future__ import annotations

import base64
import json

import jwt
import pytest

from conformance.scenarios.gate.tokens import token_problem

KEY = b"0123456789abcdef0123456789abcdef"


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_a_token_signed_with_hs256_has_nothing_wrong() -> None:
    assert token_problem(jwt.encode({"sub": "partner"}, KEY, algorithm="HS256")) == ""


@pytest.mark.parametrize(
    ("token", "problem"),
    [
        (None, "no embed_token"),
        ("", "no embed_token"),
        (7, "no embed_token"),
        ("opaque-token", "not three base64url parts"),
        ("a.b.", "not three base64url parts"),
        ("a.b.c.d", "not three base64url parts"),
        (f"{part({'alg': 'HS256'})}.{part([])}.{'A' * 43}", "claims"),
        (f"{part('HS256')}.{part({})}.{'A' * 43}", "header"),
        (f"AAAA.{part({})}.{'A' * 43}", "header"),
        (f"{part({'alg': 'none'})}.{part({})}.{'A' * 43}", "alg 'none'"),
        (f"{part({})}.{part({})}.{'A' * 43}", "alg 'None'"),
        (f"{part({'alg': 'HS256'})}.{part({})}.{'A' * 8}", "6 bytes"),
        (jwt.encode({}, KEY * 2, algorithm="HS512"), "alg 'HS512'"),
    ],
)
def test_what_is_no_such_token_is_told(token: object, problem: str) -> None:
    assert problem in token_problem(token)
