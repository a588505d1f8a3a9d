"""A base load that has crept up: something runs day and night that did not run before."""

import math
from dataclasses import dataclass

import numpy as np

from analytics.arrays import Bools
from analytics.detectors.leak import from_start
from analytics.episodes import Episode, Run, runs
from analytics.finding import Finding, FindingKind
from analytics.night import least_of_last
from analytics.view import Story, View, tell


@dataclass(frozen=True, slots=True, kw_only=True)
class CreepParams:
    """(days, share): for so many days in a row the base stands that share above the usual; and `least_kw` and `times_scatter`
    times the usual scatter downwards (which no fault adds to). `clear_share`, for `clear_after` hours, ends it.
    """

    steps: tuple[tuple[int, float], ...] = ((3, 0.22), (6, 0.14))
    least_kw: float = 0.3
    times_scatter: float = 2.0
    clear_share: float = 0.08
    clear_after: int = 25


PARAMS = CreepParams()


def detect(view: View, params: CreepParams = PARAMS) -> list[Episode]:
    """Base load against that of the same kind of day in the weeks before, over several days.

    What for: fans, pumps, servers, heaters and failed timers that now run for ever; a few per cent a week add up to years.
    When it fails: a new machine that is wanted looks the same; a change slower than a month drifts with its own measure;
    without an outdoor sensor, cooling of a hot week raises the base of air-conditioned places.
    Reference: base-load benchmarking (Energy Sparks; CIBSE TM39).
    """
    if view.meter.quantity != "electricity":
        return []
    base = view.base
    known = np.isfinite(base.day_level) & np.isfinite(base.day_usual)
    with np.errstate(invalid="ignore", divide="ignore"):
        excess = base.day_level - base.day_usual
        share = np.where(excess >= np.fmax(params.least_kw, params.times_scatter * base.day_scatter), excess / base.day_usual, 0.0)
        begins = np.zeros(share.size, np.bool_)
        for days, least in params.steps:
            begins |= least_of_last(np.where(known, share, 0.0), 24 * days - 23, 24 * days - 23) >= least
        holds = excess / base.day_usual >= params.clear_share
    suspicious = begins | (holds & _since(begins, holds))
    found = runs(suspicious, at_least=1, clear_after=params.clear_after, known=known)
    days = min(days for days, _ in params.steps)  # the days that made its first hour sure
    return [_tell(view, from_start(run, 24 * days), float(np.nanmedian(excess[run.first : run.last + 1]))) for run in found]


def _since(begins: Bools, holds: Bools) -> Bools:
    """Hours that hold without a break since one that began it."""
    index = np.arange(begins.size)
    began = np.maximum.accumulate(np.where(begins, index, -1))
    broke = np.maximum.accumulate(np.where(~holds, index, -1))
    return np.asarray(began > broke, np.bool_)


def persists(view: View, finding: Finding) -> bool:
    """The base still stands half of the excess above what it was, though after weeks of it that has become normal."""
    level = view.base.day_level[np.isfinite(view.base.day_level)]
    usual, excess = float(finding.facts.get("usual", math.inf)), float(finding.facts.get("kw", math.inf))
    return bool(level.size and level[-1] >= usual + excess / 2)


def _tell(view: View, run: Run, excess: float) -> Episode:
    usual = float(np.nanmedian(view.base.day_usual[run.first : run.last + 1]))
    return tell(
        view,
        run,
        Story(
            kind=FindingKind.ELEC_CREEPING_BASE,
            message="The base load stands %(kw)s kW (%(percent)s %%) above that of the weeks before, since %(days)s days",
            cause="Something now runs day and night: a fan, a pump, a heater or a failed timer",
            score=min(0.4 + excess / max(usual, 0.1), 1.0),
            facts={
                "kw": round(excess, 1),
                "percent": round(100 * excess / max(usual, 0.1)),
                "usual": round(usual, 2),
                "days": round((run.last - run.first + 1) / 24, 1),
            },
            wasted_per_hour=excess,
        ),
    )
