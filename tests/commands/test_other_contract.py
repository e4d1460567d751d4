"""The vendor's own contract file in the place of ours: other operation ids, no examples, no marks of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .command import TIME_PASSES, bare, conformance, exchanges, sandbox

OURS = Path(__file__).resolve().parents[2] / "openapi" / "pools-v1.yaml"


def foreign(node: Any, *, named: bool = False) -> Any:
    """A copy without extensions and examples, its operations renamed; ``named``: the keys are names, not keywords."""
    if isinstance(node, list):
        return [foreign(item) for item in node]
    if not isinstance(node, dict):
        return node
    copy = {}
    for key, value in node.items():
        if not named and (key.startswith("x-") or key in ("example", "examples")):
            continue
        copy[key] = foreign(value, named=not named and key in NAMES)
    if not named and "operationId" in copy:
        copy["operationId"] = f"PoolsController_{copy['operationId'][::-1]}"
    return copy


NAMES = {"properties", "schemas", "responses", "parameters", "headers", "paths", "securitySchemes", "requestBodies"}


def test_the_copy_has_lost_what_is_ours_and_nothing_else() -> None:
    text = yaml.safe_dump(foreign(yaml.safe_load(OURS.read_text())), sort_keys=False)
    assert "x-basis" not in text
    assert "x-sensitive" not in text
    assert "\n  /pools/{id}/transact:\n" in text
    assert "X-Request-Id" in text


def test_a_healthy_target_is_conformant_by_a_foreign_contract_too(tmp_path: Path) -> None:
    text = yaml.safe_dump(foreign(yaml.safe_load(OURS.read_text())), sort_keys=False)
    (tmp_path / "vendor.yaml").write_text(text)
    iban = "DE02CANARY0300000000202051"
    with sandbox("--control", OBIT_SANDBOX_IBAN=iban) as served:
        profile = bare(tmp_path, served.url, contract="vendor.yaml", further=TIME_PASSES)
        run = conformance("run", "--target", profile, "--output", "run", cwd=tmp_path)
    assert run.code == 0, run.out
    assert "\nCONFORMANT (exit code 0)\n" in run.out
    assert any(exchange.operation == "POST /pools/{id}/transact" for exchange in exchanges(tmp_path / "run"))
    held = [path.name for path in (tmp_path / "run").rglob("*") if path.is_file() and iban in path.read_text("utf-8")]
    assert held == []
