"""Foreign text made safe to show."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.evidence.text import clip, count, one_line, url_path, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain – ünïcödé ✓", "plain – ünïcödé ✓"),
        ("a\nb\tc", "a\nb\tc"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\x00b\x07c\rd\x7f\x9b", "a\\x00b\\x07c\\x0dd\\x7f\\x9b"),
        ("safe\u202eetadpu", "safe\\u202eetadpu"),
        ("half \ud800", "half \\ud800"),
        ("\ufeff\uffff", "\\ufeff\\uffff"),
    ],
)
def test_what_could_deceive_is_spelled_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(st.characters()))
def test_visible_text_is_legal_xml(text: str) -> None:
    element = ET.Element("a")
    element.text = visible(text)

    assert ET.fromstring(ET.tostring(element, encoding="utf-8")).text == (visible(text) or None)


@given(st.text(st.characters(categories=["Cs", "Cc", "Cf", "Lu"])))
def test_making_visible_twice_changes_nothing_more(text: str) -> None:
    assert visible(visible(text)) == visible(text)


def test_one_line_is_one_line() -> None:
    assert one_line("  a\n\tb\r\n") == "a b"


@pytest.mark.parametrize(("text", "expected"), [("abc", "abc"), ("abcd", "abc… (1 more characters)")])
def test_clipping_says_what_was_left_out(text: str, expected: str) -> None:
    assert clip(text, 3) == expected


@pytest.mark.parametrize(("number", "expected"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows")])
def test_a_number_agrees_with_its_noun(number: int, expected: str) -> None:
    assert count(number, "row") == expected


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://a.test/v1/x?y=1", "/v1/x?y=1"),
        ("https://a.test", "/"),
        ("https://[bad/v1", "/v1"),
        ("/v1/x", "/v1/x"),
    ],
)
def test_the_path_of_any_url(url: str, path: str) -> None:
    assert url_path(url) == path
