"""Registers into consumption per UTC hour: rollover, reset, gap, glitch and jump told apart.

Law: without a reset or a swap, the hours sum to the register's difference; arrival order does not matter; no hour is negative.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from analytics.arrays import EARLIEST_MS, HOUR_MS, LATEST_MS, Bools, Flags, Floats, Ints
from devices.model import Quality
from devices.profiles import Register

GAP_MS = 5_400_000
"""Readings further apart than this (90 min) make a gap: its consumption is spread evenly and flagged ESTIMATED."""
GLITCH_READINGS = 8
"""A register that returns to its course within so many readings had a glitch; the readings between are ignored."""
CONFIRM_READINGS = 3
"""So many readings must stand behind an unexplained step before it is believed; until then they are held back."""
QUARTER_MS = HOUR_MS // 4
LEAST_READINGS = 4
"""Readings that an hour needs for its quietest quarter to be known."""
RESET_SHARE = 0.5
"""A drop below this share of the old count is a reset to (nearly) zero; a smaller drop is a correction or reversed flow."""
_DOUBTFUL = int(Quality.IMPLAUSIBLE)
_ESTIMATED = np.uint8(Quality.ESTIMATED)
_INCOMPLETE = np.uint8(Quality.INCOMPLETE)

_JITTER = 1e-9
"""Relative; a fall within it is floating point, not the meter."""


class NoteKind(StrEnum):
    ROLLOVER = "rollover"
    RESET = "reset"  # fell to about zero: consumption goes on from zero
    DROP = "drop"  # fell, but not to zero: corrected, swapped or reversed; nothing is counted for the step
    GAP = "gap"  # no readings for a while: spread evenly
    GLITCH = "glitch"  # left its course and returned: ignored
    CATCH_UP = "catch_up"  # stood still, then jumped by what it had missed: spread over the stand-still
    JUMP = "jump"  # rose faster than it can count and stayed: swapped; nothing is counted for the step


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerNote:
    """What the register did between two readings; `before` and `after` in the register's unit, times in epoch ms UTC."""

    kind: NoteKind
    from_ms: int
    to_ms: int
    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlyLedger:
    """Consumption per hour. `hours` are epoch ms UTC of each hour's start, without holes; the other arrays align with it.

    `least`: consumption of the quietest quarter of each hour, times four; NaN where readings are too rare to tell.
    `digit`: the smallest step that the register was seen to make; NaN where it made none.
    """

    hours: Ints
    consumption: Floats
    quality: Flags
    least: Floats
    digit: float = float("nan")
    notes: tuple[LedgerNote, ...] = ()


class _Course(NamedTuple):
    """The believed readings: times, what was counted on the way to each, and from when (usually the reading before)."""

    ts_ms: Ints
    step: Floats
    since_ms: Ints


_EMPTY = HourlyLedger(hours=np.empty(0, np.int64), consumption=np.empty(0), quality=np.empty(0, np.uint8), least=np.empty(0))


def consume(ts_ms: Ints, value: Floats, quality: Flags | Ints, register: Register) -> HourlyLedger:
    """The hourly consumption of one register's readings, in any order. Not-numbers, implausible readings and times
    outside 2000-2100 are left out; a first or last hour that the readings cover only in part is INCOMPLETE."""
    ts_ms, value = _ordered(ts_ms, value, quality)
    if ts_ms.size < 2:
        return _EMPTY
    course, notes = _believe(ts_ms, value, register)
    if course.ts_ms.size < 2:
        return _EMPTY
    hours = _hours(course.ts_ms)
    consumption = _spread(course, hours)
    flags = _flags(course, hours)
    _estimate(flags, hours, notes)
    steps = course.step[course.step > 0]
    return HourlyLedger(
        hours=hours,
        consumption=consumption,
        quality=flags,
        least=_least(course, hours, flags),
        digit=float(steps.min()) if steps.size else float("nan"),
        notes=notes,
    )


def _ordered(ts_ms: Ints, value: Floats, quality: Flags | Ints) -> tuple[Ints, Floats]:
    """By time; of several readings at one time the highest stands, so that the order of arrival cannot matter."""
    ts_ms, value = np.asarray(ts_ms, np.int64), np.asarray(value, np.float64)
    usable = np.isfinite(value) & (value >= 0) & (ts_ms >= EARLIEST_MS) & (ts_ms < LATEST_MS)
    usable &= (np.asarray(quality).astype(np.int64) & _DOUBTFUL) == 0
    ts_ms, value = ts_ms[usable], value[usable]
    order = np.lexsort((value, ts_ms))
    ts_ms, value = ts_ms[order], value[order]
    last = np.diff(ts_ms, append=LATEST_MS) > 0
    return ts_ms[last], value[last]


def _believe(ts_ms: Ints, value: Floats, register: Register) -> tuple[_Course, tuple[LedgerNote, ...]]:
    """Explains every step that is not a plain plausible rise. Only such steps cost Python time."""
    step = np.diff(value, prepend=value[0])
    since = np.concatenate((ts_ms[:1], ts_ms[:-1]))
    keep = np.ones(ts_ms.size, np.bool_)
    odd = (step < -_JITTER * value) | (step > _limit(ts_ms - since, register))
    notes: list[LedgerNote] = []
    settled = 0
    for at in np.flatnonzero(odd):
        if at >= settled:
            settled = _explain(int(at), (ts_ms, value, step, since, keep), register, notes)
    explained = {note.to_ms for note in notes if note.kind is NoteKind.CATCH_UP}
    gaps = (int(at) for at in np.flatnonzero((ts_ms - since > GAP_MS) & keep) if int(ts_ms[at]) not in explained)
    notes.extend(_note(NoteKind.GAP, ts_ms, value, (int(np.searchsorted(ts_ms, since[at])), at)) for at in gaps)
    course = _Course(ts_ms[keep], np.maximum(step[keep], 0.0), since[keep])
    return course, tuple(sorted(notes, key=lambda note: (note.from_ms, note.kind)))


def _limit(elapsed_ms: Ints, register: Register) -> Floats:
    """The most that the register can count in that time; a minute's grace for clocks that wobble."""
    return (np.asarray(elapsed_ms, np.float64) + 60_000) / HOUR_MS * register.max_per_hour


_Arrays = tuple[Ints, Floats, Floats, Ints, Bools]


def _explain(at: int, arrays: _Arrays, register: Register, notes: list[LedgerNote]) -> int:
    """Settles the odd step into reading `at` and returns where to go on. Alters step, since and keep in place."""
    ts_ms, value, step, since, keep = arrays
    before = at - 1
    back = _returns(at, before, (ts_ms, value), register)
    if back is not None:
        keep[at:back] = False
        step[back], since[back] = value[back] - value[before], ts_ms[before]
        notes.append(_note(NoteKind.GLITCH, ts_ms, value, (before, at)))
        return back + 1
    if _rolled(before, at, (ts_ms, value), register):
        step[at] = value[at] + register.modulus - value[before]
        notes.append(_note(NoteKind.ROLLOVER, ts_ms, value, (before, at)))
    elif ts_ms.size - at < CONFIRM_READINGS:
        keep[at:] = False
        return int(ts_ms.size)
    elif value[at] > value[before]:
        _rise(at, arrays, register, notes)
    else:
        fell = value[at] < RESET_SHARE * value[before]
        step[at] = value[at] if fell and value[at] <= _limit(ts_ms[at] - ts_ms[before], register) else 0.0
        notes.append(_note(NoteKind.RESET if fell else NoteKind.DROP, ts_ms, value, (before, at)))
    return at + 1


def _rise(at: int, arrays: _Arrays, register: Register, notes: list[LedgerNote]) -> None:
    """A rise that is too fast: the register had stood still and caught up, or another meter hangs there now."""
    ts_ms, value, step, since, _ = arrays
    stood = at - 1
    while stood > 0 and value[stood - 1] == value[at - 1]:
        stood -= 1
    if step[at] <= _limit(ts_ms[at] - ts_ms[stood], register):
        since[at] = ts_ms[stood]
        notes.append(_note(NoteKind.CATCH_UP, ts_ms, value, (stood, at)))
        return
    step[at] = 0.0
    notes.append(_note(NoteKind.JUMP, ts_ms, value, (at - 1, at)))


def _rolled(before: int, at: int, course: tuple[Ints, Floats], register: Register) -> bool:
    ts_ms, value = course
    if not (value[at] < RESET_SHARE * register.modulus < value[before] <= register.modulus):
        return False
    return bool(value[at] + register.modulus - value[before] <= _limit(ts_ms[at] - ts_ms[before], register))


def _returns(at: int, before: int, course: tuple[Ints, Floats], register: Register) -> int | None:
    """The first reading after `at` that goes on plausibly from `before`, where the readings between do not."""
    ts_ms, value = course
    ahead = slice(at + 1, at + 1 + GLITCH_READINGS)
    rise = value[ahead] - value[before]
    fits = (rise >= 0) & (rise <= _limit(ts_ms[ahead] - ts_ms[before], register))
    if value[at] > value[before]:  # a step up: it must come down again to have been a glitch
        fits &= value[ahead] < value[at]
    return at + 1 + int(np.argmax(fits)) if fits.any() else None


def _note(kind: NoteKind, ts_ms: Ints, value: Floats, pair: tuple[int, int]) -> LedgerNote:
    before, at = pair
    span = (int(ts_ms[before]), int(ts_ms[at]))
    return LedgerNote(kind=kind, from_ms=span[0], to_ms=span[1], before=float(value[before]), after=float(value[at]))


def _hours(ts_ms: Ints) -> Ints:
    first, last = int(ts_ms[0]) // HOUR_MS, -(-int(ts_ms[-1]) // HOUR_MS)
    return np.arange(first, last, dtype=np.int64) * HOUR_MS


def _spread(course: _Course, hours: Ints) -> Floats:
    """Each step evenly over the time it took. Steps that took in a stand-still overlap others, so they go on top."""
    ts_ms, step, since = course
    previous = np.concatenate((ts_ms[:1], ts_ms[:-1]))
    overlapping = since < previous
    counted = np.cumsum(np.where(overlapping, 0.0, step))
    edges = np.append(hours, hours[-1] + HOUR_MS)
    at_edges: Floats = np.interp(edges, ts_ms, counted)
    for index in np.flatnonzero(overlapping):
        at_edges += np.interp(edges, (since[index], ts_ms[index]), (0.0, step[index]))
    consumption: Floats = np.maximum(np.diff(at_edges), 0.0)
    return consumption


def _least(course: _Course, hours: Ints, flags: Flags) -> Floats:
    readings = np.bincount((course.ts_ms - hours[0]) // HOUR_MS, minlength=hours.size)[: hours.size]
    edges = hours[0] + QUARTER_MS * np.arange(4 * hours.size + 1)
    quarters = np.diff(np.interp(edges, course.ts_ms, np.cumsum(course.step))).reshape(-1, 4)
    told = (readings >= LEAST_READINGS) & (flags == 0)
    return np.where(told, 4 * np.maximum(quarters.min(axis=1), 0.0), np.nan)


def _flags(course: _Course, hours: Ints) -> Flags:
    flags = np.zeros(hours.size, np.uint8)
    ts_ms, since = course.ts_ms, course.since_ms
    for index in np.flatnonzero(ts_ms - since > GAP_MS):
        _mark(flags, hours, (int(since[index]), int(ts_ms[index])))
    if ts_ms[0] > hours[0]:
        flags[0] |= _INCOMPLETE
    if ts_ms[-1] < hours[-1] + HOUR_MS:
        flags[-1] |= _INCOMPLETE
    return flags


def _estimate(flags: Flags, hours: Ints, notes: tuple[LedgerNote, ...]) -> None:
    for note in notes:
        if note.kind in {NoteKind.GLITCH, NoteKind.RESET, NoteKind.DROP, NoteKind.JUMP}:
            _mark(flags, hours, (note.from_ms, note.to_ms))


def _mark(flags: Flags, hours: Ints, span: tuple[int, int]) -> None:
    """Hours that share more than a moment with the span are ESTIMATED."""
    first = np.searchsorted(hours, span[0] // HOUR_MS * HOUR_MS)
    last = np.searchsorted(hours, span[1] - 1, side="right")
    flags[first:last] |= _ESTIMATED
