"""Laws of the accounts, on registers that do everything at once: arrival order, sums, signs, corrections undone."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.amend import Entry, EntryKind, amended, exchanges_of
from analytics.arrays import HOUR_MS
from analytics.book import Book, Posting, Readings, around, empty, post, trusted
from analytics.ledger import Exchange, HourlyLedger, NoteKind, consume
from devices.model import Quality
from devices.profiles import Register

REGISTER = Register(modulus=1000.0, max_per_hour=10.0)
SIGNED = Register(modulus=1000.0, max_per_hour=10.0, signed=True)
START = 1_790_002_800_000 // HOUR_MS * HOUR_MS
ALL = (START - 10**10, START + 10**11)
Points = dict[int, float]
UNCOUNTED = {NoteKind.ROLLOVER, NoteKind.RESET, NoteKind.DROP, NoteKind.JUMP, NoteKind.REVERSED, NoteKind.EXCHANGE}

odd = st.sampled_from(["plain"] * 12 + ["zero", "spike", "reset", "drop", "jump", "back", "still"])
draws = st.lists(st.tuples(st.integers(1, 240), st.floats(0, 1), odd), min_size=4, max_size=70)


def register_of(steps: list[tuple[int, float, str]]) -> Points:
    """Minutes since START → value of a register that counts, rolls over and misbehaves."""
    minute, value, points = 0, 990.0, {0: 990.0}
    for wait, share, what in steps:
        minute += wait
        used = share * REGISTER.max_per_hour * wait / 60
        value = {"reset": used, "drop": value * 0.8, "jump": value + 300, "back": value - used, "still": value}.get(
            what, value + used
        )
        value %= REGISTER.modulus
        points[minute] = {"zero": 0.0, "spike": min(value + 400, 999.0)}.get(what, value)
    return points


def columns(points: Points) -> Readings:
    minutes = sorted(points)
    ts_ms = np.array([START + minute * 60_000 for minute in minutes], np.int64)
    return ts_ms, np.array([points[minute] for minute in minutes], np.float64), np.zeros(len(minutes), np.int64)


def deliver(book: Book, store: Points, batch: Points, exchanges: tuple[Exchange, ...] = ()) -> Book:
    """As the analytics role does: what is younger is entered, what is late has the store read back."""
    last = max(store, default=-1)
    store.update(batch)
    fresh = {minute: value for minute, value in batch.items() if minute > last}
    late = sorted(set(batch) - set(fresh))
    if fresh:
        posting = post(book, columns(fresh), REGISTER, exchanges=exchanges)
        book = posting.book
        if posting.read_back:
            book = post(book, columns(store), REGISTER, whole=True, exchanges=exchanges).book
    if late:
        book = post(book, columns(store), REGISTER, whole=True, exchanges=exchanges, span=ALL).book
    return book


def same_hours(book: Book, ledger: HourlyLedger) -> None:
    known = dict(zip(book.hourly.hours.tolist(), zip(book.hourly.consumption, book.hourly.quality, strict=True), strict=True))
    for hour, value, flags in zip(ledger.hours.tolist(), ledger.consumption, ledger.quality, strict=True):
        assert known[hour] == (pytest.approx(value, abs=1e-6), flags), (hour - START) / HOUR_MS
    beyond = [hour for hour in known if hour not in set(ledger.hours.tolist()) and known[hour][0] > 1e-9]
    assert not beyond


@settings(max_examples=150, deadline=None)
@given(draws, st.data())
def test_any_arrival_in_batches_gives_the_ledger_of_the_sorted_replay(
    steps: list[tuple[int, float, str]], data: st.DataObject
) -> None:
    points = register_of(steps)
    minutes = data.draw(st.permutations(sorted(points)))
    book, store = empty(), dict[int, float]()
    while minutes:
        size = data.draw(st.integers(1, 12))
        book = deliver(book, store, {minute: points[minute] for minute in minutes[:size]})
        minutes = minutes[size:]
    same_hours(book, consume(*columns(points), REGISTER))


@settings(max_examples=150, deadline=None)
@given(draws, st.lists(st.integers(1, 9), min_size=70, max_size=70))
def test_bit_by_bit_in_order_gives_it_too(steps: list[tuple[int, float, str]], sizes: list[int]) -> None:
    points = register_of(steps)
    minutes, book, store = sorted(points), empty(), dict[int, float]()
    for size in sizes:
        part, minutes = minutes[:size], minutes[size:]
        if part:
            book = deliver(book, store, {minute: points[minute] for minute in part})
    whole = consume(*columns(store), REGISTER)
    same_hours(book, whole)
    assert {(note.kind, note.from_ms, note.to_ms) for note in book.notes} == {
        (note.kind, note.from_ms, note.to_ms) for note in whole.notes
    }


@given(draws)
def test_the_hours_sum_to_the_register_difference_and_what_the_notes_account_for(steps: list[tuple[int, float, str]]) -> None:
    points = register_of(steps)
    ledger = consume(*columns(points), REGISTER)
    if not ledger.hours.size:
        return
    first, last = (points[(int(at) - START) // 60_000] for at in (ledger.believed[0], ledger.believed[-1]))
    accounted = sum(note.counted - (note.after - note.before) for note in ledger.notes if note.kind in UNCOUNTED)
    assert ledger.consumption.sum() == pytest.approx(last - first + accounted, abs=1e-6)
    assert (ledger.consumption >= 0).all()


@given(draws, st.integers(1, 60), st.floats(0, 500), st.floats(0, 500))
def test_an_exchange_is_accounted_for_too(steps: list[tuple[int, float, str]], at: int, more: float, start: float) -> None:
    points = {minute: float(number) for number, minute in enumerate(sorted(register_of(steps)))}
    minutes = sorted(points)
    middle = minutes[min(at, len(minutes) - 1)]
    end = points[middle]
    new = {minute: value - end + start if minute > middle else value for minute, value in points.items()}
    exchange = Exchange(at_ms=START + middle * 60_000, end=end + more / 1e4, start=start)
    slow = Register(modulus=1e6, max_per_hour=1e4)
    ledger = consume(*columns(new), slow, (exchange,))
    if any(note.kind is NoteKind.EXCHANGE for note in ledger.notes):
        assert ledger.consumption.sum() == pytest.approx(points[minutes[-1]] - points[minutes[0]] + more / 1e4, abs=1e-6)


@given(draws)
def test_a_signed_register_counts_back_and_sums_to_its_difference(steps: list[tuple[int, float, str]]) -> None:
    minute, value, points = 0, 500.0, {0: 500.0}
    for wait, share, what in steps:
        minute += wait
        value += (share if what == "plain" else -share) * SIGNED.max_per_hour * wait / 60 / 2
        points[minute] = value
    if not 0 < min(points.values()) < max(points.values()) < 1000:
        return
    ledger = consume(*columns(points), SIGNED)
    assert ledger.consumption.sum() == pytest.approx(value - 500.0, abs=1e-6)


def _entry(number: int, kind: EntryKind, minute: int, before: float | None, after: float | None) -> Entry:
    return Entry(
        id=number,
        device_id="m",
        kind=kind,
        ts_ms=START + minute * 60_000,
        before=before,
        after=after,
        reason="why",
        entered_by="me",
        entered_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def mend(book: Book, points: Points, entries: list[Entry], minute: int) -> Book:
    """As the analytics role does for one entry."""
    at = START + minute * 60_000
    span = around(book, (at, at + 1))
    whole = span[1] >= int(book.ts_ms[0])
    ts_ms, value, quality = amended(columns(points), entries, span=ALL)
    inside = (ts_ms >= span[0]) & (whole | (ts_ms < span[1]))
    mended = (trusted(span)[0], ALL[1] if whole else trusted(span)[1])
    piece = (ts_ms[inside], value[inside], quality[inside])
    return post(book, piece, REGISTER, whole=True, exchanges=exchanges_of(entries), span=mended).book


@settings(max_examples=100, deadline=None)
@given(draws, st.data())
def test_entries_give_what_a_replay_with_them_gives_and_undoing_gives_the_original(
    steps: list[tuple[int, float, str]], data: st.DataObject
) -> None:
    points = register_of(steps)
    original = consume(*columns(points), REGISTER)
    book = post(empty(), columns(points), REGISTER).book
    minutes = sorted(points)
    minute = data.draw(st.sampled_from(minutes[1:-1]))
    kind = data.draw(st.sampled_from(list(EntryKind)))
    after = None if kind is EntryKind.VOID else data.draw(st.floats(0, 999))
    entry = _entry(1, kind, minute, points[minute], after)
    counted = amended(columns(points), [entry], span=ALL)
    same_hours(mend(book, points, [entry], minute), consume(*counted, REGISTER, exchanges_of([entry])))
    changed = mend(book, points, [entry], minute)
    same_hours(mend(changed, points, [], minute), original)


def test_a_correction_re_opens_only_the_hours_it_touches() -> None:
    points = {15 * number: 100.0 + number / 4 for number in range(4 * 24 * 20)}
    book = post(empty(), columns(points), REGISTER).book
    on_the_hour, within = 60 * 121, 60 * 121 + 30
    posting = _mended(book, points, _entry(1, EntryKind.CORRECTION, within, points[within], points[within] + 0.1))
    assert posting.hours.tolist() == [], "what its quarter gains the next one loses"
    posting = _mended(book, points, _entry(1, EntryKind.CORRECTION, on_the_hour, points[on_the_hour], points[on_the_hour] + 0.1))
    assert posting.hours.tolist() == [START + 120 * HOUR_MS, START + 121 * HOUR_MS]
    assert posting.consumption.tolist() == pytest.approx([1.1, 0.9])
    assert posting.book.last_ms == book.last_ms


def _mended(book: Book, points: Points, entry: Entry) -> Posting:
    span = around(book, (entry.ts_ms, entry.ts_ms + 1))
    ts_ms, value, quality = amended(columns(points), [entry], span=span)
    inside = (ts_ms >= span[0]) & (ts_ms < span[1])
    piece = (ts_ms[inside], value[inside], quality[inside])
    return post(book, piece, REGISTER, whole=True, span=trusted(span))


def test_late_readings_and_a_wrong_clock_are_told_and_the_clock_s_hours_are_marked() -> None:
    ts_ms, value, quality = columns({15 * number: float(number) for number in range(40)})
    quality[4:9] = int(Quality.LATE)
    quality[20:22] = int(Quality.CLOCK_SUSPECT)
    ledger = consume(ts_ms, value, quality, REGISTER)
    assert [(note.kind, note.before, note.after) for note in ledger.notes] == [
        (NoteKind.LATE, 4.0, 8.0),
        (NoteKind.CLOCK, 20.0, 21.0),
    ]
    assert [index for index, flags in enumerate(ledger.quality) if flags & Quality.CLOCK_SUSPECT] == [5]
    assert not ledger.quality[1] & Quality.LATE


def test_back_flow_is_one_note_and_nothing_is_counted_for_it() -> None:
    rising = {15 * number: 500.0 + number for number in range(10)}
    falling = {15 * number: 509.0 - (number - 9) for number in range(10, 15)}
    after = {15 * number: 504.0 + (number - 14) for number in range(15, 30)}
    ledger = consume(*columns(rising | falling | after), REGISTER)
    kinds = [note.kind for note in ledger.notes]
    assert kinds in ([NoteKind.REVERSED], [NoteKind.GLITCH])
    assert (ledger.consumption >= 0).all()
