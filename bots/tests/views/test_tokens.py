"""Text of every colour is readable on every surface, in both themes (WCAG 2.1, 4.5:1)."""

from __future__ import annotations

import re

import pytest
from django.conf import settings

TOKENS = (settings.BASE_DIR / "static" / "css" / "tokens.css").read_text()
PAIRS = {
    name: (light, dark)
    for name, light, dark in re.findall(
        r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", TOKENS
    )
}
TEXTS = [
    "text", "muted", "accent", "violet", "gain", "loss", "warning", "info", "waiting",
]  # fmt: skip
SURFACES = ["background", "panel", "raised", "sunken"]


def _luminance(color: str) -> float:
    channels = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("text", TEXTS)
def test_text_is_readable(text: str, surface: str, theme: int) -> None:
    assert _contrast(PAIRS[text][theme], PAIRS[surface][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_a_primary_button_is_readable(theme: int) -> None:
    assert _contrast(PAIRS["on-accent"][theme], PAIRS["accent"][theme]) >= 4.5
