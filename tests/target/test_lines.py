"""The line of a key, in every notation TOML and JSON have for one."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.target.lines import key_lines, line_of

TOML = '''\
# a = 1
a = 1 # [b]
"quoted key" = "x = 1\\" ["
[b]
c.d = 2
e = """
f = 3
\\""" [x] """
g = \'\'\'
h = 4
\'\'\'
i = [
  1, # one
  { j = "}", k = [ 5,
    6 ] },
]
  [ b . "l" ]
m = 1979-05-27T07:32:00Z
[[n]]
o = 1
[[n]]
o = 2
[n.p]
q = \'"\'
[[n.r]]
s = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a",), 2),
        (("quoted key",), 3),
        (("b",), 4),
        (("b", "c", "d"), 5),
        (("b", "e"), 6),
        (("b", "g"), 9),
        (("b", "i"), 12),
        (("b", "i", 0), 13),
        (("b", "i", 1, "j"), 14),
        (("b", "i", 1, "k", 1), 15),
        (("b", "l"), 17),
        (("b", "l", "m"), 18),
        (("n", 0, "o"), 20),
        (("n", 1), 21),
        (("n", 1, "o"), 22),
        (("n", 1, "p", "q"), 24),
        (("n", 1, "r", 0, "s"), 26),
    ],
)
def test_a_key_is_found_on_its_line(path: tuple[str | int, ...], line: int) -> None:
    assert tomllib.loads(TOML), "the sample is TOML"
    assert key_lines(TOML)[path] == line


@pytest.mark.parametrize("inside", ["f", "h"])
def test_what_looks_like_a_key_inside_a_text_is_none(inside: str) -> None:
    assert ("b", inside) not in key_lines(TOML)


def test_an_absent_key_is_placed_at_the_table_around_it() -> None:
    assert line_of(key_lines(TOML), ("b", "l", "absent")) == 17
    assert line_of(key_lines(TOML), ("absent",)) is None


def paths(value: Any, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    """Every path in a parsed document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {found for key, item in items for found in {(*path, key), *paths(item, (*path, key))}}


plain = st.text(st.characters(codec="ascii", exclude_characters='"\\', min_codepoint=32, max_codepoint=126), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(plain, values, max_size=4), st.sampled_from([None, 0, 2]))
def test_every_path_of_a_json_object_has_a_line_that_holds_it(document: dict[str, Any], indent: int | None) -> None:
    text = json.dumps(document, indent=indent)

    lines = key_lines(text)

    rows = text.splitlines()
    assert set(lines) == paths(document)
    assert all(json.dumps(path[-1]) in rows[line - 1] for path, line in lines.items() if isinstance(path[-1], str))
