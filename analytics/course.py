"""Which readings of a register are believed, and what was counted on the way from one to the next."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from analytics.arrays import HOUR_MS, Bools, Floats, Ints
from analytics.notes import LedgerNote, NoteKind
from devices.model import Quality
from devices.profiles import Register

GAP_MS = 5_400_000
"""Readings further apart than this (90 min) make a gap: its consumption is spread evenly and flagged ESTIMATED."""
GLITCH_READINGS = 8
"""A register that returns to its course within so many readings had a glitch; the readings between are ignored."""
CONFIRM_READINGS = 3
"""So many readings must stand behind an unexplained step before it is believed; until then they are held back."""
RESET_SHARE = 0.5
"""A drop below this share of the old count is a reset to (nearly) zero; a smaller drop is a correction or reversed flow."""
ZERO_SHARE = 0.01
_JITTER = 1e-9
"""Relative; a fall within it is floating point, not the meter."""
_TOLD = ((NoteKind.LATE, int(Quality.LATE)), (NoteKind.CLOCK, int(Quality.CLOCK_SUSPECT)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The meter was exchanged at `at_ms`: `end` is the old one's last index, `start` the new one's first."""

    at_ms: int
    end: float
    start: float


class Columns(NamedTuple):
    """Readings by time: epoch ms UTC, register value, Quality flags."""

    ts_ms: Ints
    value: Floats
    quality: Ints


class Course(NamedTuple):
    """The believed readings: times, what was counted on the way to each, and from when (usually the reading before)."""

    ts_ms: Ints
    step: Floats
    since_ms: Ints


Notes = list[LedgerNote]
_Arrays = tuple[Ints, Floats, Floats, Ints, Bools]


def follow(readings: Columns, register: Register, exchanges: Sequence[Exchange] = ()) -> tuple[Course, Notes]:
    """The course through sorted readings, and what it did besides counting, by time. Exchanges before the first reading are
    left out: what lay before them is not in these readings."""
    notes = [note for kind, flag in _TOLD for note in _flagged(kind, flag, readings)]
    courses: list[Course] = []
    start: Exchange | None = None
    for exchange in sorted((e for e in exchanges if readings.ts_ms.size and e.at_ms > readings.ts_ms[0]), key=lambda e: e.at_ms):
        courses.append(_part(readings, (start, exchange), register, notes))
        notes.append(_exchanged(exchange))
        start = exchange
    courses.append(_part(readings, (start, None), register, notes))
    course = Course(*(np.concatenate(columns) for columns in zip(*courses, strict=True))) if start else courses[0]
    return course, sorted(notes, key=lambda note: (note.from_ms, note.to_ms, note.kind))


def _part(readings: Columns, bounds: tuple[Exchange | None, Exchange | None], register: Register, notes: Notes) -> Course:
    """The course of one meter between two exchanges, whose indices stand at its ends."""
    begun, ended = bounds
    first = 0 if begun is None else int(np.searchsorted(readings.ts_ms, begun.at_ms, side="right"))
    last = readings.ts_ms.size if ended is None else int(np.searchsorted(readings.ts_ms, ended.at_ms))
    ts_ms, value = readings.ts_ms[first:last], readings.value[first:last]
    if begun is not None:
        ts_ms, value = np.insert(ts_ms, 0, begun.at_ms), np.insert(value, 0, begun.start)
    if ended is not None:
        ts_ms, value = np.append(ts_ms, ended.at_ms), np.append(value, ended.end)
    return _believe((ts_ms, value), register, notes, over=ended is not None)


def _exchanged(exchange: Exchange) -> LedgerNote:
    return LedgerNote(
        kind=NoteKind.EXCHANGE, from_ms=exchange.at_ms, to_ms=exchange.at_ms, before=exchange.end, after=exchange.start
    )


def _flagged(kind: NoteKind, flag: int, readings: Columns) -> Notes:
    """One note for each run of readings with the flag."""
    at = np.flatnonzero(readings.quality & flag)
    if not at.size:
        return []
    breaks = np.flatnonzero(np.diff(readings.ts_ms[at]) > GAP_MS) + 1
    runs = zip([0, *breaks.tolist()], [*breaks.tolist(), at.size], strict=True)
    pairs = ((int(at[first]), int(at[last - 1])) for first, last in runs)
    return [_note(kind, readings[:2], pair) for pair in pairs]


def _believe(readings: tuple[Ints, Floats], register: Register, notes: Notes, *, over: bool) -> Course:
    """Explains every step that is not a plain plausible rise. Only such steps cost Python time. `over`: no more will come."""
    ts_ms, value = readings
    if not ts_ms.size:
        return Course(ts_ms, value, ts_ms)
    step = np.diff(value, prepend=value[0])
    since = np.concatenate((ts_ms[:1], ts_ms[:-1]))
    keep = np.ones(ts_ms.size, np.bool_)
    most = _limit(ts_ms - since, register)
    odd = (step < (-most if register.signed else -_JITTER * np.abs(value))) | (step > most)
    found: Notes = []
    settled = 0
    for at in np.flatnonzero(odd):
        if at >= settled:
            settled = _explain(int(at), (ts_ms, value, step, since, keep), register, found, over=over)
    explained = {note.to_ms for note in found if note.kind is NoteKind.CATCH_UP}
    for at in np.flatnonzero((ts_ms - since > GAP_MS) & keep):
        if int(ts_ms[at]) not in explained:
            pair = (int(np.searchsorted(ts_ms, since[at])), int(at))
            found.append(_note(NoteKind.GAP, (ts_ms, value), pair, float(step[at])))
    notes.extend(found)
    step = step if register.signed else np.maximum(step, 0.0)
    return Course(ts_ms[keep], step[keep], since[keep])


def _limit(elapsed_ms: Ints, register: Register) -> Floats:
    """The most that the register can count in that time; a minute's grace for clocks that wobble."""
    return (np.asarray(elapsed_ms, np.float64) + 60_000) / HOUR_MS * register.max_per_hour


def _explain(at: int, arrays: _Arrays, register: Register, notes: Notes, *, over: bool) -> int:
    """Settles the odd step into reading `at` and returns where to go on. Alters step, since and keep in place."""
    ts_ms, value, step, since, keep = arrays
    before = at - 1
    back = _returns(at, before, (ts_ms, value), register)
    if back is not None:
        keep[at:back] = False
        step[back], since[back] = value[back] - value[before], ts_ms[before]
        notes.append(_note(_glitch(value[before], value[at]), (ts_ms, value), (before, at)))
        return back + 1
    if _rolled(before, at, (ts_ms, value), register):
        step[at] = value[at] + register.modulus - value[before]
        notes.append(_note(NoteKind.ROLLOVER, (ts_ms, value), (before, at), float(step[at])))
        return at + 1
    if ts_ms.size - at < CONFIRM_READINGS and not over:
        keep[at:] = False
        return int(ts_ms.size)
    if value[at] > value[before]:
        _rise(at, arrays, register, notes)
        return at + 1
    return _fall(at, arrays, register, notes)


def _glitch(before: float, after: float) -> NoteKind:
    if after > before:
        return NoteKind.SPIKE
    return NoteKind.ZERO_GLITCH if abs(after) <= ZERO_SHARE * abs(before) else NoteKind.GLITCH


def _rise(at: int, arrays: _Arrays, register: Register, notes: Notes) -> None:
    """A rise that is too fast: the register had stood still and caught up, or another meter hangs there now."""
    ts_ms, value, step, since, _ = arrays
    stood = at - 1
    while stood > 0 and value[stood - 1] == value[at - 1]:
        stood -= 1
    if step[at] <= _limit(ts_ms[at] - ts_ms[stood], register):
        since[at] = ts_ms[stood]
        notes.append(_note(NoteKind.CATCH_UP, (ts_ms, value), (stood, at), float(step[at])))
        return
    step[at] = 0.0
    notes.append(_note(NoteKind.JUMP, (ts_ms, value), (at - 1, at)))


def _fall(at: int, arrays: _Arrays, register: Register, notes: Notes) -> int:
    """A fall that stays: begun again near zero, run backwards, or another count."""
    ts_ms, value, step, _, _ = arrays
    before = at - 1
    if value[at] < RESET_SHARE * value[before]:
        step[at] = value[at] if 0 <= value[at] <= _limit(ts_ms[at] - ts_ms[before], register) else 0.0
        notes.append(_note(NoteKind.RESET, (ts_ms, value), (before, at), float(step[at])))
        return at + 1
    last = _backwards(at, (ts_ms, value), register)
    step[at : last + 1] = 0.0
    kind = NoteKind.DROP if last < at else NoteKind.REVERSED
    last = max(last, at)
    step[at] = 0.0
    notes.append(_note(kind, (ts_ms, value), (before, last)))
    return last + 1


def _backwards(at: int, readings: tuple[Ints, Floats], register: Register) -> int:
    """The last reading at which a run fell, no faster than the register may count; `at` - 1 where already the first does.

    It may stand still in between.
    """
    ts_ms, value = readings
    last = at - 1
    while at < ts_ms.size and 0 <= value[at - 1] - value[at] <= _limit(ts_ms[at] - ts_ms[at - 1], register):
        last = at if value[at] < value[at - 1] else last
        at += 1
    return last


def _rolled(before: int, at: int, readings: tuple[Ints, Floats], register: Register) -> bool:
    ts_ms, value = readings
    if not (0 <= value[at] < RESET_SHARE * register.modulus < value[before] <= register.modulus):
        return False
    return bool(value[at] + register.modulus - value[before] <= _limit(ts_ms[at] - ts_ms[before], register))


def _returns(at: int, before: int, readings: tuple[Ints, Floats], register: Register) -> int | None:
    """The first reading after `at` that goes on plausibly from `before`, where the readings between do not."""
    ts_ms, value = readings
    ahead = slice(at + 1, at + 1 + GLITCH_READINGS)
    rise = value[ahead] - value[before]
    most = _limit(ts_ms[ahead] - ts_ms[before], register)
    fits = (rise >= (-most if register.signed else 0)) & (rise <= most)
    if value[at] > value[before]:  # a step up: it must come down again to have been a glitch
        fits &= value[ahead] < value[at]
    return at + 1 + int(np.argmax(fits)) if fits.any() else None


def _note(kind: NoteKind, readings: tuple[Ints, Floats], pair: tuple[int, int], counted: float = 0.0) -> LedgerNote:
    ts_ms, value = readings
    first, last = pair
    return LedgerNote(
        kind=kind,
        from_ms=int(ts_ms[first]),
        to_ms=int(ts_ms[last]),
        before=float(value[first]),
        after=float(value[last]),
        counted=counted,
    )
