"""Branding: nothing by default, tokens changed one by one, all of a change or none."""

from __future__ import annotations

import pytest

from .partner import Gate, gate_of

NONE = dict.fromkeys(("brand_name", "logo_url", "primary_color", "secondary_color", "accent_color"))


def test_branding_is_the_default_look_until_it_is_changed(gate: Gate) -> None:
    assert gate_of(gate.sandbox, "no_tier").made("getBranding") == NONE


def test_only_the_tokens_sent_are_changed(gate: Gate, other: Gate) -> None:
    gate.made("updateBranding", {"brand_name": "Partner", "logo_url": "https://partner.example/logo.svg"})
    merged = gate.made("updateBranding", {"primary_color": "#FF4B1F", "logo_url": None})

    assert merged == {**NONE, "brand_name": "Partner", "primary_color": "#FF4B1F"}
    assert gate.made("getBranding") == merged
    assert other.made("getBranding") == NONE


@pytest.mark.parametrize(
    "change",
    [
        {"color": "#FF4B1F"},
        {"favicon_url": "https://partner.example/favicon.svg"},
        {"primary_color": "red"},
        {"primary_color": "#FFF"},
        {"accent_color": "#GGGGGG"},
        {"logo_url": "http://partner.example/logo.svg"},
        {"logo_url": "/logo.svg"},
        {"logo_url": "https://"},
        {"brand_name": 7},
    ],
    ids=str,
)
def test_a_change_with_one_bad_token_changes_nothing(gate: Gate, change: dict[str, object]) -> None:
    before = gate.made("getBranding")

    assert gate.call("updateBranding", {"secondary_color": "#000000", **change}).status_code == 400
    assert gate.made("getBranding") == before
