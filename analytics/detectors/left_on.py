"""Lights, air conditioning or machines left on when a place is closed."""

from dataclasses import dataclass

import numpy as np

from analytics.arrays import Bools, Floats
from analytics.calendar import DayClass
from analytics.episodes import Episode, Run, runs
from analytics.finding import FindingKind
from analytics.view import Story, View, tell
from devices.model import UseType


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOnParams:
    """For `hours` closed hours in a row the use lies above normal by `least_kw`, `share` of normal and `deviations`; and all
    of these hours together lie `total` times that much above it: what is small must last longer.

    Deviations are measured downwards, since what was left on before only ever adds.
    A split air conditioner left on draws 1-2 kW, the lights of a floor 2-5 kW; closed-hours use scatters by a few per cent.
    """

    hours: int = 2
    least_kw: float = 0.5
    share: float = 0.15
    deviations: float = 6.0
    total: float = 8.0
    most: float = 4.0
    clear_after: int = 2
    not_in: frozenset[UseType] = frozenset({UseType.DORMITORY, UseType.CAMPUS})


PARAMS = LeftOnParams()


def detect(view: View, params: LeftOnParams = PARAMS) -> list[Episode]:
    """Closed-hours use far above the closed-hours use of like days: evening, weekend and holiday.

    What for: what people forgot to switch off, by room circuit, floor, building or site. When it fails: what is left on every
    night has become normal; events that the calendar does not know look like it; dormitories are never closed.
    Reference: out-of-hours share of school use, 35-50 % (Energy Sparks).
    """
    meter = view.meter
    if meter.quantity != "electricity" or meter.use in params.not_in:
        return []
    expected = view.normal.expected
    with np.errstate(invalid="ignore"):
        excess = view.measured - expected
        threshold = np.fmax(params.least_kw, np.fmax(params.share * expected, params.deviations * view.normal.spread_below))
        times = np.where(view.table.open, 0.0, np.nan_to_num(excess / threshold))
    known = np.isfinite(view.measured)
    suspicious = times >= 1
    enough = suspicious & (_in_a_row(np.minimum(times, params.most), suspicious | ~known) >= params.total)
    found = runs(suspicious, at_least=params.hours, clear_after=params.clear_after, known=known)
    told = (Run(first=run.first, last=run.last, sure=_first(enough, run), open=run.open) for run in found)
    return [_tell(view, run) for run in told if run.sure >= 0]


def _in_a_row(amount: Floats, going: Bools) -> Floats:
    """The sum of `amount` since the present row of `going` hours began; 0 outside rows."""
    total = np.cumsum(np.where(going, amount, 0.0))
    return np.asarray(total - np.maximum.accumulate(np.where(going, 0.0, total)), np.float64)


def _first(flags: Bools, run: Run) -> int:
    """The first set hour of the run from its sure one on, -1 where there is none."""
    at = np.flatnonzero(flags[run.sure : run.last + 1])
    return run.sure + int(at[0]) if at.size else -1


def _tell(view: View, run: Run) -> Episode:
    span = slice(run.first, run.last + 1)
    closed = ~view.table.open[span]
    excess = float(np.nanmean(np.where(closed, view.measured[span] - view.normal.expected[span], np.nan)))
    closed_hours = float(np.mean(~view.table.open[max(run.first - 12, 0) : run.first + 12])) * 24
    return tell(
        view,
        run,
        Story(
            kind=FindingKind.ELEC_LEFT_ON,
            message="%(kw)s kW more than normal while the place is closed, since %(hours)s hours",
            cause=_cause(view, run),
            score=min(0.4 + excess / 20, 1.0),
            facts={"kw": round(excess, 1), "hours": run.last - run.first + 1},
            wasted_per_hour=excess,
            hours_per_day=max(closed_hours, 1.0),
        ),
    )


def _cause(view: View, run: Run) -> str:
    day = DayClass(int(view.table.day_class[run.first]))
    if day in (DayClass.HOLIDAY, DayClass.VACATION):
        return "Lights, air conditioning or machines left on over a holiday"
    if day is DayClass.WEEKEND:
        return "Lights, air conditioning or machines left on over the weekend"
    return "Lights, air conditioning or machines left on overnight"
