"""What is ours in a run, and our contract as somebody else would have written it; no statement about behaviour."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from conformance.contract import Contract
from conformance.scenarios.pools.seeds import seeds_of

QUOTE_REQUEST = {
    "side": "on_ramp",
    "fiatCurrency": "EUR",
    "cryptoCurrency": "USDT",
    "amount": "12.34",
    "cryptoNetwork": "tron",
    "type": "firm",
    "destAddress": "TDestination",
}
SEEDS = seeds_of(QUOTE_REQUEST)


def vendors(contract: Contract, folder: Path) -> Path:
    """Our contract as somebody else would have written it: other ids, names and samples, and no marks of ours."""
    document: dict[str, Any] = _unmarked(copy.deepcopy(contract.document))
    paths = {}
    for number, (template, item) in enumerate(document["paths"].items()):
        for method in ("get", "post"):
            if method in item:
                item[method]["operationId"] = f"operation{number}{method}"
        paths[template.replace("{id}", "{poolId}").replace("{quoteId}", "{ref}")] = item
    document["paths"] = paths
    text = json.dumps(document)
    text = text.replace('"name": "id", "in": "path"', '"name": "poolId", "in": "path"')
    text = text.replace('"name": "quoteId", "in": "path"', '"name": "ref", "in": "path"')
    text = text.replace("pq_test_8f3c000000000123", "pq_sample_1").replace("CreateQuoteRequest", "PriceQuestion")
    path = folder / "vendor.json"
    path.write_text(text, "utf-8")
    return path


def _unmarked(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: _unmarked(part) for name, part in node.items() if name not in ("x-inferred", "x-basis")}
    return [_unmarked(part) for part in node] if isinstance(node, list) else node
