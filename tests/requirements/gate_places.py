"""Where the sources say something about 0Gate: their sections, contradictions and headings, and who cites them."""

from __future__ import annotations

import re
from collections.abc import Iterator

FACTS = (
    *(f"1.{number}" for number in range(1, 6)),
    *(f"2.{number}" for number in range(1, 5)),
    "3",
    "4",
    *(f"4.{letter}" for letter in "ABCDEFGHI"),
    *(f"5.{number}" for number in range(1, 6)),
    "6",
    "7",
    *(f"8.{number}" for number in range(1, 7)),
    "9",
    "10",
    *(f"11 ({number})" for number in range(1, 25)),
    "12",
)
"""The gathered facts of 0Gate: sections and contradictions."""

HEADINGS = {
    "002": (
        "contract snapshot",
        "what this API covers",
        "public boundary",
        "authentication map",
        "operation map",
        "hosted session lifecycle",
        "start with capabilities",
        "create a hosted session",
        "bootstrap the widget",
        "object model",
        "status and reconciliation joins",
        "webhook event families",
        "error and retry model",
        "production checklist",
    ),
    "003": (
        "endpoints",
        "quote lifecycle",
        "signed quote fields",
        "pay-in and pay-out",
        "failure handling",
        "public boundary",
    ),
}
"""The vendor's two pages about 0Gate, heading by heading."""

PLACES = {f"gate facts {section}" for section in FACTS} | {
    f"seed {page} ({heading})" for page, headings in HEADINGS.items() for heading in headings
}


SECTION = re.compile(r"(?:^|, )(11 \(\d+\)|\d+(?:\.[A-I\d])?)(?=,|$| )")
"""A section, or a contradiction of section 11; remarks in brackets may follow."""


def cited(source: str) -> Iterator[str]:
    """The places of 0Gate that a source names."""
    for part in (piece.strip() for piece in source.split(";")):
        if part.startswith("gate facts "):
            yield from (f"gate facts {name}" for name in SECTION.findall(part.removeprefix("gate facts ")))
        elif found := re.fullmatch(r"seed (002|003) \((.+)\)", part):
            yield from (f"seed {found[1]} ({name.strip()})" for name in found[2].split(","))
