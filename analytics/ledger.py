"""Registers into consumption per UTC hour. What a register does besides counting is told apart in analytics.course.

Laws: the hours sum to the register's difference plus what the notes account for (rollover, reset, exchange ...);
the order of arrival does not matter; no hour is negative unless the register is signed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from analytics.arrays import EARLIEST_MS, HOUR_MS, LATEST_MS, Flags, Floats, Ints
from analytics.course import GAP_MS, Columns, Course, Exchange, follow
from analytics.notes import IGNORED, LedgerNote, NoteKind
from devices.model import Quality
from devices.profiles import Register

__all__ = ["Exchange", "HourlyLedger", "LedgerNote", "NoteKind", "consume"]

QUARTER_MS = HOUR_MS // 4
LEAST_READINGS = 4
"""Readings that an hour needs for its quietest quarter to be known."""
_DOUBTFUL = int(Quality.IMPLAUSIBLE)
_ESTIMATED = np.uint8(Quality.ESTIMATED)
_INCOMPLETE = np.uint8(Quality.INCOMPLETE)
_CLOCK = np.uint8(Quality.CLOCK_SUSPECT)
_GUESSED = IGNORED | {NoteKind.RESET, NoteKind.DROP, NoteKind.JUMP, NoteKind.REVERSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlyLedger:
    """Consumption per hour. `hours` are epoch ms UTC of each hour's start, without holes; the other arrays align with it.

    `least`: consumption of the quietest quarter of each hour, times four; NaN where readings are too rare to tell.
    `digit`: the smallest step that the register was seen to make; NaN where it made none.
    `believed`: the times of the readings that were believed.
    """

    hours: Ints
    consumption: Floats
    quality: Flags
    least: Floats
    digit: float = float("nan")
    notes: tuple[LedgerNote, ...] = ()
    believed: Ints = field(default_factory=lambda: np.empty(0, np.int64))


_EMPTY = HourlyLedger(hours=np.empty(0, np.int64), consumption=np.empty(0), quality=np.empty(0, np.uint8), least=np.empty(0))


def consume(
    ts_ms: Ints, value: Floats, quality: Flags | Ints, register: Register, exchanges: Sequence[Exchange] = ()
) -> HourlyLedger:
    """The hourly consumption of one register's readings, in any order. Not-numbers, implausible readings and times
    outside 2000-2100 are left out; a first or last hour that the readings cover only in part is INCOMPLETE."""
    readings = _ordered(ts_ms, value, quality, register)
    if readings.ts_ms.size + len(exchanges) < 2 or not readings.ts_ms.size:
        return _EMPTY
    course, notes = follow(readings, register, exchanges)
    if course.ts_ms.size < 2 or course.ts_ms[0] == course.ts_ms[-1]:
        return _EMPTY
    hours = _hours(course.ts_ms)
    flags = _flags(course, hours)
    _mark_notes(flags, hours, notes)
    steps = course.step[course.step > 0]
    return HourlyLedger(
        hours=hours,
        consumption=_spread(course, hours, signed=register.signed),
        quality=flags,
        least=_least(course, hours, flags),
        digit=float(steps.min()) if steps.size else float("nan"),
        notes=tuple(notes),
        believed=course.ts_ms,
    )


def _ordered(ts_ms: Ints, value: Floats, quality: Flags | Ints, register: Register) -> Columns:
    """By time; of several readings at one time the highest stands, so that the order of arrival cannot matter."""
    ts_ms, value = np.asarray(ts_ms, np.int64), np.asarray(value, np.float64)
    flags = np.asarray(quality).astype(np.int64)
    usable = np.isfinite(value) & (ts_ms >= EARLIEST_MS) & (ts_ms < LATEST_MS) & ((flags & _DOUBTFUL) == 0)
    if not register.signed:
        usable &= value >= 0
    ts_ms, value, flags = ts_ms[usable], value[usable], flags[usable]
    order = np.lexsort((flags, value, ts_ms))
    ts_ms, value, flags = ts_ms[order], value[order], flags[order]
    last = np.diff(ts_ms, append=LATEST_MS) > 0
    return Columns(ts_ms[last], value[last], flags[last])


def _hours(ts_ms: Ints) -> Ints:
    first, last = int(ts_ms[0]) // HOUR_MS, -(-int(ts_ms[-1]) // HOUR_MS)
    return np.arange(first, last, dtype=np.int64) * HOUR_MS


def _spread(course: Course, hours: Ints, *, signed: bool) -> Floats:
    """Each step evenly over the time it took. Steps that took in a stand-still overlap others, so they go on top."""
    ts_ms, step, since = course
    previous = np.concatenate((ts_ms[:1], ts_ms[:-1]))
    overlapping = since < previous
    counted = np.cumsum(np.where(overlapping, 0.0, step))
    edges = np.append(hours, hours[-1] + HOUR_MS)
    at_edges: Floats = np.interp(edges, ts_ms, counted)
    for index in np.flatnonzero(overlapping):
        at_edges += np.interp(edges, (since[index], ts_ms[index]), (0.0, step[index]))
    consumption: Floats = np.diff(at_edges)
    return consumption if signed else np.maximum(consumption, 0.0)


def _least(course: Course, hours: Ints, flags: Flags) -> Floats:
    readings = np.bincount((course.ts_ms - hours[0]) // HOUR_MS, minlength=hours.size)[: hours.size]
    edges = hours[0] + QUARTER_MS * np.arange(4 * hours.size + 1)
    quarters = np.diff(np.interp(edges, course.ts_ms, np.cumsum(course.step))).reshape(-1, 4)
    told = (readings >= LEAST_READINGS) & (flags == 0)
    return np.where(told, 4 * np.maximum(quarters.min(axis=1), 0.0), np.nan)


def _flags(course: Course, hours: Ints) -> Flags:
    flags = np.zeros(hours.size, np.uint8)
    ts_ms, since = course.ts_ms, course.since_ms
    for index in np.flatnonzero(ts_ms - since > GAP_MS):
        _mark(flags, hours, (int(since[index]), int(ts_ms[index])))
    if ts_ms[0] > hours[0]:
        flags[0] |= _INCOMPLETE
    if ts_ms[-1] < hours[-1] + HOUR_MS:
        flags[-1] |= _INCOMPLETE
    return flags


def _mark_notes(flags: Flags, hours: Ints, notes: Sequence[LedgerNote]) -> None:
    for note in notes:
        if note.kind in _GUESSED:
            _mark(flags, hours, (note.from_ms, note.to_ms))
        elif note.kind is NoteKind.CLOCK:
            _mark(flags, hours, (note.from_ms, note.to_ms + 1), _CLOCK)


def _mark(flags: Flags, hours: Ints, span: tuple[int, int], flag: np.uint8 = _ESTIMATED) -> None:
    """Hours that share more than a moment with the span get the flag."""
    first = np.searchsorted(hours, span[0] // HOUR_MS * HOUR_MS)
    last = np.searchsorted(hours, span[1] - 1, side="right")
    flags[first:last] |= flag
