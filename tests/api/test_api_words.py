"""The small pure parts: messages, cursors, times, filters. Given, expect."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.model import AlertState
from api.paging import decode_cursor, encode_cursor, page_of
from api.text import fill
from api.times import aware, aware_range, to_ms
from api.words import words
from devices.errors import BadInput

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 18, 4, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("message", "facts", "text"),
    [
        ("Burst at %(place)s", {"place": "block A"}, "Burst at block A"),
        ("%(rate)s L/h, %(share)s %%", {"rate": 1200.0, "share": 12.3456}, "1200 L/h, 12.35 %"),
        ("%(n).1f h", {"n": 2.0}, "%(n).1f h"),
        ("100 % broken %(x)s", {}, "100 % broken %(x)s"),
        ("%(missing)s", {"other": 1}, "%(missing)s"),
        ("%d", {"x": 1}, "%d"),
    ],
    ids=["word", "number", "a form we do not use", "a person's words", "missing fact", "not by name"],
)
def test_messages(message: str, facts: dict[str, str | float], text: str) -> None:
    assert fill(message, facts) == text


@given(st.integers(0, 2**62), st.text(max_size=40))
def test_a_cursor_survives_the_journey(position: int, key: str) -> None:
    assert decode_cursor(encode_cursor(position, key)) == (position, key)


@given(st.text(max_size=40))
def test_any_other_text_is_refused_or_read(text: str) -> None:
    try:
        position, _ = decode_cursor(text)
    except BadInput:
        return
    assert position >= 0


@given(st.lists(st.integers(), unique=True, max_size=30), st.integers(1, 7))
def test_pages_show_everything_once(items: list[int], limit: int) -> None:
    seen: list[int] = []
    cursor = None
    while True:
        page, cursor = page_of(items, str, limit, cursor)
        seen += page
        if cursor is None:
            break
    assert seen == items


def test_a_page_goes_on_where_its_last_item_stood_although_that_is_gone() -> None:
    _, cursor = page_of(["a", "b", "c", "d"], str, 2, None)
    assert page_of(["a", "c", "d"], str, 2, cursor)[0] == ["d"], "by position where the item itself is gone"
    assert page_of(["new", "a", "b", "c", "d"], str, 2, cursor)[0] == ["c", "d"]


def test_times() -> None:
    assert aware(datetime(2026, 11, 18, 12, 30), SHANGHAI) == NOW  # noqa: DTZ001 - that is the case
    assert aware(NOW, SHANGHAI) == NOW
    assert aware_range(None, None, zone=SHANGHAI, now=NOW, default=timedelta(hours=1)) == (NOW - timedelta(hours=1), NOW)
    assert to_ms(datetime(1970, 1, 2, tzinfo=UTC)) == 86_400_000


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (NOW, NOW),
        (NOW, NOW - timedelta(seconds=1)),
        (datetime(1969, 1, 1, tzinfo=UTC), None),
        (None, datetime(9999, 12, 31, tzinfo=UTC)),
        (None, datetime(1, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai"))),
    ],
    ids=["empty", "backwards", "before 1970", "after 9990", "before the calendar"],
)
def test_times_that_make_no_range(start: datetime | None, end: datetime | None) -> None:
    with pytest.raises(BadInput):
        aware_range(start, end, zone=SHANGHAI, now=NOW, default=timedelta(hours=1))


def test_filters() -> None:
    assert words(None, AlertState, place="state") is None
    assert words(" ", AlertState, place="state") is None
    assert words("open, acknowledged", AlertState, place="state") == {AlertState.OPEN, AlertState.ACKNOWLEDGED}
    with pytest.raises(BadInput, match="state: no 'opened'; known: pending, open"):
        words("opened", AlertState, place="state")
