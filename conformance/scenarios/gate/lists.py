"""What a walk over a list shows, and what can be wrong with it, as pure functions over rows and pages.

Sending the requests of a walk is the desk's business.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a walk: its rows, and whether it says that there are more."""

    rows: tuple[Row, ...]
    has_more: bool


def ids(rows: Sequence[Row], member: str = "id") -> list[str]:
    """The ids of rows, in their order."""
    return [str(row.get(member)) for row in rows]


def tag_of(holder: Mapping[str, Any]) -> str:
    """The word by which a request and the rows made of it are told from all others; empty where there is none."""
    metadata = holder.get("metadata")
    return str(metadata.get("conformance_tag", "")) if isinstance(metadata, Mapping) else ""


def out_of_order(shown: Sequence[str], newest_first: Sequence[str]) -> list[str]:
    """Those of ``newest_first`` that stand before something newer; what is not ``shown`` at all is not looked at."""
    places = {name: shown.index(name) for name in newest_first if name in shown}
    present = [name for name in newest_first if name in places]
    return [older for newer, older in pairwise(present) if places[older] < places[newer]]


def repeated(shown: Sequence[str]) -> list[str]:
    """The ids that stand more than once."""
    return sorted({name for name in shown if shown.count(name) > 1})


def absent(shown: Collection[str], wanted: Sequence[str]) -> list[str]:
    """Those of ``wanted`` that are not shown."""
    return [name for name in wanted if name not in shown]


def walk_problems(
    pages: Sequence[Page], wanted: Sequence[str], limit: int, *, whole: bool, member: str = "id"
) -> list[str]:
    """What is wrong with a walk in pages of ``limit`` that was to show each of ``wanted`` once.

    A page may be shorter than the limit and still have more after it; an empty one cannot, since the cursor is the id
    of its last row. ``whole`` says that the walk went on until the list said it was over or all were seen.
    """
    shown = [name for page in pages for name in ids(page.rows, member)]
    problems = [f"a page of {len(page.rows)} rows under limit {limit}" for page in pages if len(page.rows) > limit]
    problems += ["an empty page that says there is more" for page in pages if page.has_more and not page.rows]
    twice = repeated(shown)
    problems += [f"{len(twice)} row(s) shown more than once"] if twice else []
    lost = absent(shown, wanted) if whole else []
    problems += [f"{len(lost)} of our {len(wanted)} rows left out"] if lost else []
    return problems


def strangers(rows: Sequence[Row], status: str) -> list[str]:
    """The rows under a status filter that have another status."""
    return [f"{row.get('id')} is {row.get('status')}" for row in rows if row.get("status") != status]
