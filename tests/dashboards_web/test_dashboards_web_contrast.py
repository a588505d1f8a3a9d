"""Colours that are read against each other keep WCAG AA contrast in both themes; both ways into the dark theme are the same."""

import re
from pathlib import Path

import pytest

CSS = (Path(__file__).resolve().parents[2] / "dashboards/web/static/css/caretaker.css").read_text(encoding="utf-8")
BLOCKS = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", block)) for block in re.findall(r":root[^{]*\{([^}]*)\}", CSS)]
LIGHT, DARK_BY_SYSTEM, DARK_BY_CHOICE = BLOCKS
TEXT = ("text", "muted", "accent", "life", "critical", "major", "minor", "info", "good", "bad", "stale")
PAIRS = (
    *((colour, ground) for colour in TEXT for ground in ("surface", "raised")),
    *((colour, "ground") for colour in ("text", "muted", "accent")),
    *((colour, "accent-soft") for colour in ("text", "muted", "critical", "major", "minor")),
    *((colour, "life-soft") for colour in ("text", "muted")),
    ("on-accent", "accent"),
    ("on-life", "life"),
    ("text", "good-soft"),
)


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2 of `#rgb` or `#rrggbb`."""
    digits = colour.lstrip("#")
    digits = digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("colour", "ground"), PAIRS)
def test_text_is_readable(theme: str, colour: str, ground: str) -> None:
    palette = LIGHT if theme == "light" else DARK_BY_CHOICE
    assert contrast(palette[colour], palette[ground]) >= 4.5


def test_both_ways_into_the_dark_are_the_same() -> None:
    assert DARK_BY_SYSTEM == DARK_BY_CHOICE
    assert set(DARK_BY_CHOICE) == set(LIGHT)
