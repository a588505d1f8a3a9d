"""A tap or hose left running when the place should be quiet."""

from dataclasses import dataclass

import numpy as np

from analytics.arrays import Bools
from analytics.detectors import burst
from analytics.episodes import Episode, Run, runs
from analytics.finding import FindingKind
from analytics.view import Story, View, tell


@dataclass(frozen=True, slots=True, kw_only=True)
class TapParams:
    """An hour draws `least_m3_per_h` more than expected (a basin tap gives 4-6 L/min = 0.24 m3/h), more than nine of ten
    like hours by `above_high`, where normally no more than `quiet_m3_per_h` is drawn or the place is closed or it is night.
    More than `most_m3_per_h` is no tap."""

    least_m3_per_h: float = 0.2
    most_m3_per_h: float = 2.0
    above_high: float = 0.08
    times_high: float = 1.3
    quiet_m3_per_h: float = 0.05
    night: tuple[int, ...] = (0, 1, 2, 3, 4, 5)
    hours: int = 1


PARAMS = TapParams()


def detect(view: View, params: TapParams = PARAMS) -> list[Episode]:
    """Sustained flow of a tap's size in quiet hours.

    What for: taps, hoses and urinal valves that stay open for an hour or more. When it fails: in busy hours a tap hides in use;
    less than about 50 minutes are seen weakened; a night shift that starts anew looks like a tap for its first nights.
    Reference: flow ranges in requirements of the simulator (basin 4-6, kitchen 8-12, hose 20 L/min).
    """
    if view.meter.quantity != "water":
        return []
    with np.errstate(invalid="ignore"):
        excess = view.measured - view.normal.expected
        beyond = view.measured >= np.fmax(params.times_high * view.normal.high, view.normal.high + params.above_high)
        suspicious = _quiet(view, params) & beyond & (excess >= params.least_m3_per_h)
        small = excess < min(burst.PARAMS.least(view.meter.level), params.most_m3_per_h)
    found = runs(suspicious, at_least=params.hours, known=np.isfinite(view.measured))
    return [_tell(view, run) for run in found if small[run.first : run.last + 1].any()]


def _quiet(view: View, params: TapParams) -> Bools:
    night = np.isin(view.table.hour, params.night)
    return np.asarray(~view.table.open | night | (view.normal.top <= params.quiet_m3_per_h), np.bool_)


def _tell(view: View, run: Run) -> Episode:
    span = slice(run.first, run.last + 1)
    excess = float(np.nanmean(view.measured[span] - view.normal.expected[span]))
    return tell(
        view,
        run,
        Story(
            kind=FindingKind.WATER_RUNNING_TAP,
            message="Water runs at %(litres)s L/h in hours that are normally quiet, for %(hours)s hours",
            cause="A tap, hose or flush valve left open",
            score=min(0.4 + excess, 1.0),
            facts={"litres": round(excess * 1000), "hours": run.last - run.first + 1},
            wasted_per_hour=excess,
        ),
    )
