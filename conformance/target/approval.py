"""The partner's approval decision record: the expectation that discovery and capabilities are judged against.

It comes from outside and is never filled from the target: that would make the target prove itself. The
published shape (seed 000, approval decision record) is extended by what each pool may do and by the enabled
features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from conformance.target.document import Document, parse
from conformance.target.problems import Problem, ProfileError
from conformance.target.sections import Money, Section, Text

SideName = Literal["buy", "sell", "on_ramp", "off_ramp"]

SIDES: dict[str, str] = {"buy": "on_ramp", "sell": "off_ramp", "on_ramp": "on_ramp", "off_ramp": "off_ramp"}
"""The record's words for a side, in the words of the API."""

_SIDES = "a list of buy, sell (or on_ramp, off_ramp)"


@dataclass(frozen=True, slots=True)
class ApprovedPool:
    """What the partner may do in one pool. None means that the record does not say."""

    id: str
    sides: frozenset[str]
    networks: frozenset[str] | None
    min_order: Decimal | None
    max_order: Decimal | None


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval record, its sides in the API's words and its pools keyed by id."""

    partner_id: str
    product: str
    environment: str
    pools: Mapping[str, ApprovedPool]
    sides: frozenset[str]
    funding_model: str
    webhook_verified: bool
    support_escalation_ready: bool
    features: frozenset[str]
    digest: str
    """SHA-256 of the record's text."""


class PoolSection(Section):
    sides: list[SideName] | None = Field(default=None, description=_SIDES, examples=[["buy"]])
    networks: list[Text] | None = Field(default=None, description="a list of network names", examples=[["tron"]])
    min_order: Money | None = Field(default=None, description="the smallest order in USDT", examples=["10.00"])
    max_order: Money | None = Field(default=None, description="the largest order in USDT", examples=["10000.00"])


class ApprovalSection(Section):
    partner_id: Text = Field(description="the partner's id at 0Bit", examples=["partner_01H"])
    product: Text = Field(description="the approved product", examples=["wallet_buy_stablecoin"])
    requested_pools: list[Text] = Field(description="a list of pool ids", examples=[["EUR-USDT"]])
    approved_environment: Literal["embedded", "sandbox", "production"] = Field(
        description="one of embedded, sandbox, production", examples=["sandbox"]
    )
    approved_sides: Annotated[list[SideName], Field(min_length=1)] = Field(description=_SIDES, examples=[["buy"]])
    funding_model: Text = Field(description="the reviewed funding model", examples=["prefunded_balance"])
    webhook_verified: bool = Field(description="true or false", examples=[True])
    support_escalation_ready: bool = Field(description="true or false", examples=[True])
    pools: dict[Text, PoolSection] | None = Field(
        default=None,
        description="a table with one table for each approved pool",
        examples=[{"EUR-USDT": {"networks": ["tron"]}}],
    )
    features: list[Text] = Field(
        default_factory=list, description="a list of enabled feature names", examples=[["off_ramp"]]
    )


def read_approval(text: str, file: str, *, as_json: bool) -> Approval:
    """The approval record in a text. Raises ``ProfileError`` with all its problems."""
    document = parse(text, file, as_json=as_json)
    section = document.section(ApprovalSection, (), document.data)
    pools = {} if section is None else _pools(document, section)
    if section is None or document.problems:
        raise ProfileError(document.problems or [Problem(file, None, "", "nothing", "an approval record", "fill it")])
    return Approval(
        partner_id=section.partner_id,
        product=section.product,
        environment=section.approved_environment,
        pools=pools,
        sides=_sides(section.approved_sides),
        funding_model=section.funding_model,
        webhook_verified=section.webhook_verified,
        support_escalation_ready=section.support_escalation_ready,
        features=frozenset(section.features),
        digest=document.digest,
    )


def _pools(document: Document, record: ApprovalSection) -> dict[str, ApprovedPool]:
    """The allowed pools: those the record describes, else all that were requested."""
    approved = _sides(record.approved_sides)
    if record.pools is None:
        return {id_: ApprovedPool(id_, approved, None, None, None) for id_ in record.requested_pools}
    pools = {}
    for id_, pool in record.pools.items():
        sides = approved if pool.sides is None else _sides(pool.sides)
        if not sides <= approved:
            document.note(
                ("pools", id_, "sides"),
                "a side that approved_sides does not have",
                "sides of a pool to be among approved_sides",
                "take the side out here or approve it there",
            )
        if pool.min_order is not None and pool.max_order is not None and pool.min_order > pool.max_order:
            document.note(
                ("pools", id_, "max_order"),
                "less than min_order",
                "at least min_order",
                "exchange or correct them",
            )
        networks = None if pool.networks is None else frozenset(pool.networks)
        pools[id_] = ApprovedPool(id_, sides, networks, pool.min_order, pool.max_order)
    return pools


def _sides(names: list[SideName]) -> frozenset[str]:
    return frozenset(SIDES[name] for name in names)


__all__ = ["Approval", "ApprovalSection", "ApprovedPool", "PoolSection", "read_approval"]
