"""Water that never stops: a leaking cistern, a valve that does not close."""

import math
from dataclasses import dataclass

import numpy as np

from analytics.arrays import Floats
from analytics.balance import counted_below
from analytics.episodes import Episode, Run, runs
from analytics.finding import Finding, FindingKind
from analytics.night import Quiet, lasting, least_of_last
from analytics.view import Story, View, tell


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakParams:
    """The least hour of the last `hours` lies `least_l_per_h` (or `share` of it) above the usual least hour of a day.

    Leaking WCs lose 9-17 L/h (Waterwise 2020); one cistern flush in an hour of the night is 6-9 L and not a leak, but there
    is hardly a day without a quarter of an hour in which nobody draws. `deviations` guards meters with many people behind,
    `digits` (of the register, per hour) those that count coarsely. It is over when an hour has less than `keeps` of it.
    Nothing is said in the first `learn_days`.
    """

    hours: int = 24
    least_known: int = 20
    least_l_per_h: float = 6.5
    share: float = 0.5
    deviations: float = 3.0
    leaked_times: float = 3.0
    digits: float = 4.0
    keeps: float = 0.5
    clear_after: int = 2
    learn_days: int = 7


PARAMS = LeakParams()


def detect(view: View, params: LeakParams = PARAMS) -> list[Episode]:
    """Minimum flow over a whole day, far above the learned minimum of like days.

    What for: toilets, valves and joints that run day and night. When it fails: leaks smaller than the smallest hour's usual
    scatter (many people behind one meter), places that draw at all hours by design (cooling towers), leaks from the first day on.
    Reference: minimum night flow analysis (McKenzie 1999; Farley and Trow 2003), here without a fixed night window.
    """
    if view.meter.quantity != "water" or view.hourly.size < params.hours:
        return []
    least = least_of_last(view.quiet.lowest, params.hours, params.least_known)
    usual, scatter = _reference(view.quiet, params)
    excess = least - usual
    least_m3 = max(params.least_l_per_h / 1000, params.digits * float(np.nan_to_num(view.digit)))
    scattered = np.fmax(params.share * usual, params.deviations * scatter)
    with np.errstate(invalid="ignore"):
        suspicious = (excess >= np.fmax(least_m3, scattered)) & (view.quiet.known_days >= params.learn_days)
    still = lasting(suspicious, view.quiet.lowest, usual + params.keeps * excess)
    found = runs(still, at_least=1, clear_after=params.clear_after, known=np.isfinite(least))
    mine = [run for run in found if not told_below(view, run, since(run, least, usual))]
    return [_tell(view, from_start(run, params.hours), since(run, least, usual)) for run in mine]


def _reference(quiet: Quiet, params: LeakParams) -> tuple[Floats, Floats]:
    """The usual least of a day and its scatter; from the weeks before where the last days were leaking themselves."""
    with np.errstate(invalid="ignore"):
        leaked = quiet.usual - quiet.weeks > np.fmax(params.least_l_per_h / 1000, params.deviations * quiet.weeks_scatter)
        leaked &= quiet.usual >= params.leaked_times * quiet.weeks
    return np.where(leaked, quiet.weeks, quiet.usual), np.where(leaked, quiet.weeks_scatter, quiet.scatter)


def persists(view: View, finding: Finding) -> bool:
    """No hour of the last day was quieter than half of the leak, though after weeks of it that has become normal."""
    least = least_of_last(view.quiet.lowest, PARAMS.hours, PARAMS.least_known)
    known = least[np.isfinite(least)]
    return bool(known.size and known[-1] * 1000 >= float(finding.facts.get("litres", math.inf)) / 2)


def since(run: Run, least: Floats, usual: Floats) -> float:
    """The median of `least` over the run, above what was usual when it began: weeks of it become usual themselves."""
    return float(np.nanmedian(least[run.first : run.last + 1]) - usual[run.first])


def told_below(view: View, run: Run, flow_m3h: float) -> bool:
    """Whether the meters beneath count it, which then tell of it with less noise: the balance of the run's days closes."""
    return counted_below(view.balance, np.unique(view.table.day[run.first : run.last + 1]), flow_m3h)


def from_start(run: Run, hours: int) -> Run:
    """The run with the hours that made its first one sure."""
    return Run(first=max(run.first - hours + 1, 0), last=run.last, sure=run.sure, open=run.open)


def _tell(view: View, run: Run, excess: float) -> Episode:
    litres = excess * 1000
    return tell(
        view,
        run,
        Story(
            kind=FindingKind.WATER_TOILET_LEAK,
            message="Water has not stopped for %(hours)s hours: at least %(litres)s L/h above normal",
            cause="A leaking toilet cistern" if litres <= 60 else "A leaking pipe, valve or several cisterns",
            score=min(0.4 + litres / 100, 1.0),
            facts={"hours": run.last - run.first + 1, "litres": round(litres, 1)},
            wasted_per_hour=excess,
        ),
    )
