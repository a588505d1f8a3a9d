"""A meter that answers but no longer counts."""

from dataclasses import dataclass

import numpy as np

from analytics.arrays import HOUR_MS, Floats
from analytics.episodes import Episode, Run, runs
from analytics.finding import Finding, FindingKind
from analytics.ledger import NoteKind
from analytics.view import Story, View, since_move, tell


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenParams:
    """`hours`: stand-still in a row. In them even a quiet day would have used `least_share` of a normal day and `least_*`."""

    hours: int = 6
    least_share: float = 0.04
    least_kwh: float = 0.2
    least_m3: float = 0.05


PARAMS = FrozenParams()


def detect(view: View, params: FrozenParams = PARAMS) -> list[Episode]:
    """Measured hours without any count, for so long that even the lowest tenth of like hours would have counted.

    What for: a register that stands while messages arrive (stuck magnet, worn gear, hung electronics).
    When it fails: places that may rightly use nothing for days (locked rooms) are never judged; a slowed register is not seen;
    a closure the calendar does not know looks like a stand-still where use never stops otherwise.
    Reference: stuck-meter rules of utility meter data validation (VEE); design.md, meter ledger.
    """
    counted = _as_counted(view)
    known = np.isfinite(counted)
    index = np.flatnonzero(known)
    still = counted[index] <= 1e-9
    length, missing = since_move(still, np.ones(index.size)), since_move(still, np.nan_to_num(view.normal.low[index]))
    suspicious = np.zeros(counted.size, np.bool_)
    suspicious[index] = still & (length >= params.hours) & (missing >= _threshold(view, params)[index])
    found = []
    for run in runs(suspicious, at_least=1, known=known):
        begun = int(index[np.searchsorted(index, run.first) - int(length[np.searchsorted(index, run.first)]) + 1])
        found.append(_tell(view, Run(first=begun, last=run.last, sure=run.sure, open=run.open)))
    return found


def persists(view: View, _finding: Finding) -> bool:
    """Still as still as ever, though after weeks of it nothing else is expected any more."""
    recent = view.measured[np.isfinite(view.measured)][-PARAMS.hours :]
    return bool(recent.size and (recent <= 1e-9).all())


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
    hours = run.last - run.first + 1
    expected = float(np.nansum(view.normal.expected[run.first : run.last + 1]))
    return tell(
        view,
        run,
        Story(
            kind=FindingKind.METER_FROZEN,
            message="The meter has not counted for %(hours)s hours, though %(expected)s %(unit)s would be normal",
            cause="The register is stuck or its electronics hang, while the meter still reports",
            score=min(0.5 + hours / 96, 1.0),
            facts={"hours": hours, "expected": round(expected, 2), "unit": view.meter.unit},
        ),
    )
