"""Readings entered bit by bit give the ledger of the sorted whole, and touch no other hours."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analytics.arrays import HOUR_MS
from analytics.book import Book, empty, post
from analytics.ledger import consume
from devices.profiles import Register

REGISTER = Register(modulus=1e6, max_per_hour=100.0)
START = 1_790_002_800_000 // HOUR_MS * HOUR_MS


def readings(minutes: list[int], values: list[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    ts_ms = np.array([START + minute * 60_000 for minute in minutes], np.int64)
    return ts_ms, np.array(values, np.float64), np.zeros(len(minutes), np.int64)


@given(st.lists(st.floats(0, 3), min_size=30, max_size=120), st.lists(st.integers(1, 12), min_size=20, max_size=40))
def test_bit_by_bit_equals_at_once(used: list[float], sizes: list[int]) -> None:
    values = np.cumsum(used).tolist()
    minutes = [15 * index for index in range(len(values))]
    book, at = empty(), 0
    for size in sizes:
        part = slice(at, at + size)
        if minutes[part]:
            book = post(book, readings(minutes[part], values[part]), REGISTER).book
        at += size
    entered = min(at, len(values))
    whole = consume(*readings(minutes[:entered], values[:entered]), REGISTER)
    assert book.hourly.consumption.tolist() == whole.consumption.tolist() or np.allclose(book.hourly.consumption, whole.consumption)


def test_only_touched_hours_are_posted() -> None:
    minutes = list(range(0, 600, 5))
    book = post(empty(), readings(minutes, [float(m) for m in minutes]), REGISTER).book
    posting = post(book, readings([600, 605], [600.0, 605.0]), REGISTER)
    assert posting.hours.tolist() == [START + 9 * HOUR_MS, START + 10 * HOUR_MS]
    assert posting.book.ts_ms.size < len(minutes)


def test_a_late_reading_mends_its_hours() -> None:
    book = post(empty(), readings([0, 60, 240, 300], [0.0, 10.0, 100.0, 110.0]), REGISTER).book
    mended = post(book, readings([120, 180], [20.0, 30.0]), REGISTER)
    assert np.allclose(mended.book.hourly.consumption, [10, 10, 10, 70, 10])


def test_a_jump_asks_for_older_readings_and_then_is_a_catch_up() -> None:
    minutes = list(range(0, 1440, 10))
    book = post(empty(), readings(minutes, [5.0] * len(minutes)), REGISTER).book
    posting = post(book, readings([1440, 1450, 1460, 1470], [605.0, 606.0, 607.0, 608.0]), REGISTER)
    assert posting.read_back
    everything = readings([*minutes, 1440, 1450, 1460, 1470], [5.0] * len(minutes) + [605.0, 606.0, 607.0, 608.0])
    whole = post(posting.book, everything, REGISTER, whole=True)
    assert not whole.read_back
    assert np.allclose(whole.book.hourly.consumption[:23], 25.0, atol=0.2)
    later = post(whole.book, readings([1480], [609.0]), REGISTER)
    assert np.allclose(later.book.hourly.consumption[:23], 25.0, atol=0.2)


def test_nothing_is_no_trouble() -> None:
    assert isinstance(post(empty(), readings([], []), REGISTER).book, Book)
