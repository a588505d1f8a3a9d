"""A meter that answers but no longer counts."""

from dataclasses import dataclass

import numpy as np

from analytics.arrays import HOUR_MS, Bools, Floats, Ints
from analytics.calendar import DayClass
from analytics.episodes import Episode, Run, runs
from analytics.finding import Finding, FindingKind
from analytics.ledger import NoteKind
from analytics.pauses import since_move
from analytics.view import Story, View, tell


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenParams:
    """`hours`: stand-still in a row. In them even a quiet day would have used `least_share` of a normal day and `least_*`.

    Where even a quiet day may use nothing: a stand-still of `long_hours` and `times_longest` the longest of the weeks before, out
    of holidays. Power (not nothing) that is the same to the last digit for `same_hours` and `times_same` as long as ever before
    is a value that is only repeated, where like hours scatter by `least_scatter`.
    """

    hours: int = 6
    least_share: float = 0.04
    least_kwh: float = 0.2
    least_m3: float = 0.05
    long_hours: int = 30
    times_longest: float = 1.5
    same_hours: int = 10
    least_scatter: float = 0.02
    times_same: float = 1.7
    learn_days: int = 14


PARAMS = FrozenParams()


def detect(view: View, params: FrozenParams = PARAMS) -> list[Episode]:
    """Measured hours without any count, for so long that even the lowest tenth of like hours would have counted.

    What for: a register that stands while messages arrive (stuck magnet, worn gear, hung electronics), and a gateway that
    repeats its last value. When it fails: places that may rightly use nothing for days (locked rooms) are judged by their own
    longest pause only; a slowed register is not seen; a closure the calendar does not know looks like a stand-still.
    Reference: stuck-meter and repeated-value rules of utility meter data validation (VEE); design.md, meter ledger.
    """
    counted = _as_counted(view)
    known = np.isfinite(counted)
    index = np.flatnonzero(known)
    still = counted[index] <= 1e-9
    length, missing = since_move(still, np.ones(index.size)), since_move(still, _due(view)[index])
    suspicious = np.zeros(counted.size, np.bool_)
    suspicious[index] = still & (length >= params.hours) & (missing >= _threshold(view, params)[index])
    suspicious |= known & (_never_so_long(view, params) | _repeats(view, params))
    lasts = np.fmax(view.pauses.still, np.where(view.pauses.same > 0, view.pauses.same + 1, 0))
    lasts[index] = np.fmax(lasts[index], length)
    return [_tell(view, _from_start(run, index, lasts)) for run in runs(suspicious, at_least=1, known=known)]


def persists(view: View, _finding: Finding) -> bool:
    """Still as still as ever, though after weeks of it nothing else is expected any more."""
    recent = view.measured[np.isfinite(view.measured)][-PARAMS.hours :]
    return bool(recent.size and np.ptp(recent) <= 1e-9)


def _due(view: View) -> Floats:
    """What even a quiet day of that kind would have used. An empty house uses no water: one holiday says nothing of the next."""
    due = np.nan_to_num(view.normal.low)
    return np.where(view.table.day_class >= DayClass.HOLIDAY, 0.0, due) if view.meter.quantity == "water" else due


def _never_so_long(view: View, params: FrozenParams) -> Bools:
    """Far longer than the longest stand-still of the weeks before."""
    pauses = view.pauses
    usual = (view.table.day_class < DayClass.HOLIDAY) & (view.quiet.known_days >= params.learn_days) & (pauses.longest_still > 0)
    long = (pauses.still >= params.long_hours) & (pauses.still >= params.times_longest * pauses.longest_still)
    return np.asarray(usual & long, np.bool_)


def _repeats(view: View, params: FrozenParams) -> Bools:
    if view.meter.quantity != "electricity":
        return np.zeros(view.hourly.size, np.bool_)
    pauses = view.pauses
    long = (pauses.same + 1 >= params.same_hours) & (pauses.same + 1 >= params.times_same * (pauses.longest_same + 1))
    with np.errstate(invalid="ignore"):
        scatter, expected = (since_move(pauses.same > 0, np.nan_to_num(one)) for one in (view.normal.spread, view.normal.expected))
        scatters = scatter >= params.least_scatter * expected
    return np.asarray(long & scatters & (view.quiet.known_days >= params.learn_days), np.bool_)


def _from_start(run: Run, index: Ints, lasts: Floats) -> Run:
    """The run with the hours in which it had already stood, counted in known hours."""
    at = int(np.searchsorted(index, run.first))
    return Run(first=int(index[max(at - int(lasts[run.first]) + 1, 0)]), last=run.last, sure=run.sure, open=run.open)


def _as_counted(view: View) -> Floats:
    """The hours as the register counted them: still while it stood, though the ledger has since spread what it caught up."""
    counted = view.measured.copy()
    hours = view.hourly.hours
    for note in view.notes:
        if note.kind is NoteKind.CATCH_UP:
            counted[(hours >= note.from_ms) & (hours + HOUR_MS <= note.to_ms)] = 0.0
    return counted


def _threshold(view: View, params: FrozenParams) -> Floats:
    least = params.least_kwh if view.meter.quantity == "electricity" else params.least_m3
    days = view.table.class_of_day.size
    sums = np.bincount(view.table.day, np.nan_to_num(view.normal.expected), minlength=days)
    return np.asarray(np.maximum(least, params.least_share * sums[view.table.day]), np.float64)


def _tell(view: View, run: Run) -> Episode:
    span = slice(run.first, run.last + 1)
    hours = run.last - run.first + 1
    repeats = bool(np.nanmedian(view.measured[span]) > 1e-9) if np.isfinite(view.measured[span]).any() else False
    expected = float(np.nansum(view.normal.expected[span]))
    return tell(
        view,
        run,
        Story(
            kind=FindingKind.METER_FROZEN,
            message="The meter has told the very same value for %(hours)s hours, though %(expected)s %(unit)s would be normal"
            if repeats
            else "The meter has not counted for %(hours)s hours, though %(expected)s %(unit)s would be normal",
            cause="The gateway repeats an old value; the meter itself may no longer answer"
            if repeats
            else "The register is stuck or its electronics hang, while the meter still reports",
            score=min(0.5 + hours / 96, 1.0),
            facts={"hours": hours, "expected": round(expected, 2), "unit": view.meter.unit},
        ),
    )
