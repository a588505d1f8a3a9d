"""A dripping tap or a weeping joint: a few litres an hour that never stop."""

from dataclasses import dataclass

import numpy as np

from analytics.detectors.leak import from_start, since, told_below
from analytics.episodes import Episode, Run, runs
from analytics.finding import FindingKind
from analytics.night import lasting, least_of_last
from analytics.view import Story, View, tell


@dataclass(frozen=True, slots=True, kw_only=True)
class DripParams:
    """Not one of the last `hours` fell below the usual least of a day by less than `least_l_per_h` (one drop a second is 1 L/h),
    `share` of it or `times_scatter` its usual scatter. What people draw at night comes in cisterns of `draw_l`, so the scatter
    is at least `draw_share` of its Poisson deviation. `digits` (of the register, per hour): what it can tell at all,
    `rounded`: where it is never still, so that both counts are rounded. It is over when an hour has less than `keeps` of it.
    """

    hours: int = 72
    least_known: int = 60
    least_l_per_h: float = 0.8
    share: float = 0.25
    times_scatter: float = 1.5
    draw_l: float = 9.0
    draw_share: float = 0.5
    digits: float = 0.9
    rounded: float = 2.2
    keeps: float = 0.5
    clear_after: int = 6


PARAMS = DripParams()


def detect(view: View, params: DripParams = PARAMS) -> list[Episode]:
    """Minimum flow over three days, a little above the minimum of the weeks before.

    What for: taps, valves and cisterns whose loss is too small for one day's evidence: 15-25 L a day each, but for years.
    When it fails: meters of many people are never that quiet; a coarse register counts nothing for hours;
    drips from the first weeks on are normal. Reference: one drop a second = 25 L/day (Group Water Schemes, gwc.ie).
    """
    if view.meter.quantity != "water" or view.hourly.size < params.hours:
        return []
    least = least_of_last(view.quiet.lowest, params.hours, params.least_known)
    one = float(np.nan_to_num(view.digit))
    with np.errstate(invalid="ignore"):
        digit = np.where(view.quiet.weeks >= one, params.rounded, params.digits) * one
        excess = least - view.quiet.weeks
        chance = params.draw_share * np.sqrt(np.fmax(view.quiet.weeks, 0.0) * params.draw_l / 1000)
        scattered = np.fmax(params.share * view.quiet.weeks, params.times_scatter * np.fmax(view.quiet.weeks_scatter, chance))
        suspicious = excess >= np.fmax(np.fmax(params.least_l_per_h / 1000, digit), scattered)
    usual = view.quiet.weeks
    still = lasting(suspicious, view.quiet.lowest, usual + params.keeps * excess)
    found = runs(still, at_least=1, clear_after=params.clear_after, known=np.isfinite(least))
    mine = [run for run in found if not told_below(view, run, since(run, least, usual))]
    return [_tell(view, from_start(run, params.hours), since(run, least, usual)) for run in mine]


def _tell(view: View, run: Run, excess: float) -> Episode:
    litres = excess * 1000
    return tell(
        view,
        run,
        Story(
            kind=FindingKind.WATER_DRIP,
            message="For %(days)s days not one hour without water: at least %(litres)s L/h above normal",
            cause="A dripping tap or a weeping joint" if litres <= 5 else "A leaking cistern, valve or pipe",
            score=min(0.3 + litres / 100, 1.0),
            facts={"days": round((run.last - run.first + 1) / 24, 1), "litres": round(litres, 1)},
            wasted_per_hour=excess,
        ),
    )
