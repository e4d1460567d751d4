"""What can be told of an embed token by looking at it: whether it is a JWT, and how it says it is signed.

The key is the vendor's, so nobody here can verify the signature; and no part of a token is ever repeated in words.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

_PART = re.compile(r"[A-Za-z0-9_-]+")
MAC = 32
"""Bytes of an HMAC-SHA256."""


def token_problem(token: object) -> str:
    """What is wrong with the form of an embed token; empty when it is a JWT signed with HS256 (gate facts 1.2)."""
    if not isinstance(token, str) or not token:
        return "no embed_token"
    parts = token.split(".")
    if len(parts) != 3 or not all(_PART.fullmatch(part) for part in parts):
        return "the embed_token is not three base64url parts"
    header, claims, signature = parts
    if not isinstance(_object(claims), dict):
        return "the claims of the embed_token are no JSON object"
    said = _object(header)
    if not isinstance(said, dict):
        return "the header of the embed_token is no JSON object"
    if said.get("alg") != "HS256":
        return f"the embed_token says alg {str(said.get('alg'))[:16]!r}"
    size = len(_bytes(signature) or b"")
    return "" if size == MAC else f"the signature of the embed_token has {size} bytes, an HMAC-SHA256 has {MAC}"


def _object(part: str) -> Any:
    try:
        return json.loads(_bytes(part) or b"")
    except ValueError:
        return None


def _bytes(part: str) -> bytes | None:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        return None
