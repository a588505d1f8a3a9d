"""A pipe that leaks a little more every day."""

from dataclasses import dataclass

import numpy as np

from analytics.arrays import Floats
from analytics.detectors.leak import from_start, told_below
from analytics.episodes import Episode, Run, runs
from analytics.finding import FindingKind
from analytics.night import least_of_last
from analytics.view import Story, View, tell


@dataclass(frozen=True, slots=True, kw_only=True)
class CreepingLeakParams:
    """The least of each of the last `days` days lies above that of the day before, the last `least_l_per_h`, `share` of the usual
    and `times_scatter` its scatter above the usual, and `rise` times what the first stood above it.
    """

    days: int = 4
    least_known: int = 20
    least_l_per_h: float = 10.0
    times_scatter: float = 3.0
    share: float = 0.3
    rise: float = 1.5
    clear_after: int = 24


PARAMS = CreepingLeakParams()


def detect(view: View, params: CreepingLeakParams = PARAMS) -> list[Episode]:
    """A minimum flow that climbs day by day.

    What for: a crack or a joint that opens: weeks before it bursts. When it fails: leaks that come at once are told as such;
    a place that fills with people after a vacation climbs too, but stops after a day or two.
    Reference: incipient leaks of BattLeDIM (Vrachimis et al. 2022): ramps of weeks.
    """
    if view.meter.quantity != "water" or view.hourly.size < 24 * (params.days + 1):
        return []
    least = least_of_last(view.quiet.lowest, 24, params.least_known)
    with np.errstate(invalid="ignore"):
        excess = least - view.quiet.weeks
        climbs = [_days_ago(excess, ago) > _days_ago(excess, ago + 1) for ago in range(params.days)]
        first = np.fmax(_days_ago(excess, params.days), 0.0)
        high = np.fmax(params.least_l_per_h / 1000, params.times_scatter * view.quiet.weeks_scatter)
        high = np.fmax(high, params.share * view.quiet.weeks)
        suspicious = np.all(climbs, axis=0) & (excess >= high) & (excess >= params.rise * first)
    found = runs(suspicious, at_least=6, clear_after=params.clear_after, known=np.isfinite(least))
    mine = [run for run in found if not told_below(view, run, float(excess[run.last]))]
    return [_tell(view, from_start(run, 24 * params.days), float(excess[run.last])) for run in mine]


def _days_ago(values: Floats, days: int) -> Floats:
    return np.concatenate((np.full(24 * days, np.nan), values))[: values.size]


def _tell(view: View, run: Run, excess: float) -> Episode:
    litres = excess * 1000
    return tell(
        view,
        run,
        Story(
            kind=FindingKind.WATER_CREEPING_LEAK,
            message="Water never stops and grows from day to day: now %(litres)s L/h above normal, over %(days)s days",
            cause="A pipe or joint whose leak is opening up; it may burst",
            score=min(0.6 + litres / 200, 1.0),
            facts={"litres": round(litres, 1), "days": round((run.last - run.first + 1) / 24, 1)},
            wasted_per_hour=excess,
        ),
    )
