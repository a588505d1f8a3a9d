"""Any text and any number of a sender becomes one that every store keeps."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.storable import attributes, name, text

anything = st.text(st.characters())


@given(anything)
def test_text_is_utf8_without_nul(value: str) -> None:
    got = text(value)
    got.encode()
    assert "\0" not in got
    assert text(got) == got


@given(anything)
def test_a_name_is_printable_and_short(value: str) -> None:
    assert 1 <= len(name(value)) <= 100
    assert name(value).isprintable()


@pytest.mark.parametrize("value", ["door.denied", "门 1", ""])
def test_good_text_stays(value: str) -> None:
    assert text(value) == value


@given(st.dictionaries(anything, st.none() | st.booleans() | st.integers() | st.floats() | anything, max_size=5))
def test_attributes_are_strict_json(told: dict[str, str | int | float | bool | None]) -> None:
    json.dumps(attributes(told), allow_nan=False).encode()
