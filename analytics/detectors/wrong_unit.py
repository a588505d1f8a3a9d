"""A meter whose figures are wrong by a constant factor from one day on: unit, pulse value or transformer ratio."""

from dataclasses import dataclass

import numpy as np

from analytics.arrays import Bools, Floats, median_of
from analytics.detectors.phase_loss import judged, lost_phase, share_of
from analytics.episodes import Episode, Run, runs
from analytics.finding import Finding, FindingKind
from analytics.view import Story, View, tell

FACTORS = (1000.0, 100.0, 10.0, 3.6, 3.412, 2.0)
"""W h for kW h, litres or pulses for m3, a decimal place, MJ, kBtu (site 0 of the Great Energy Predictor III), a doubled ratio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitParams:
    """For `hours` in a row a day's base and its middle hour both stand the same factor above (or below) normal, a factor beyond
    `least`, by night and by day alike (`even`: quartiles of the logarithm of the hourly shares). `near`: to a known one.
    """

    hours: int = 24
    least: float = 1.9
    even: float = 0.35
    near: float = 0.06
    alike: float = 0.25
    least_kw: float = 0.2


PARAMS = UnitParams()


def detect(view: View, params: UnitParams = PARAMS) -> list[Episode]:
    """Base and use multiplied by one factor at once.

    Where meters hang beside and above it, their balance decides (analytics.scale).
    What for: a changed profile, a replaced meter with another pulse value, a transformer set 100/5 instead of 200/5, kBtu for kWh.
    When it fails: wrong from the first day on there is nothing to compare with; falls to 2/3 and 1/3 are told as lost phases;
    a building that is really taken over by twice the people looks like a factor of two.
    Reference: unit error of site 0 in ASHRAE's Great Energy Predictor III (Miller et al. 2020).
    """
    if view.meter.quantity != "electricity":
        return []
    base = view.base
    with np.errstate(invalid="ignore", divide="ignore"):
        night, day = np.log(base.level / base.usual), np.log(base.share)
        even = np.log(base.even[1]) - np.log(base.even[0]) <= params.even
        beyond = (np.minimum(np.abs(night), np.abs(day)) >= np.log(params.least)) & (np.abs(night - day) <= params.alike)
        suspicious = beyond & even & (base.usual >= params.least_kw) & ~lost_phase(base.share)
    known = np.isfinite(base.level)
    found = runs(suspicious, at_least=params.hours, clear_after=12, known=known)
    return [_tell(view, run, params) for run in judged(view, found, lambda factor: _wrong(factor, params))]


def persists(view: View, finding: Finding) -> bool:
    """The base still stands at least half of the factor away from what it was."""
    level = view.base.level[np.isfinite(view.base.level)]
    usual, times = float(finding.facts.get("usual", 0.0)), float(finding.facts.get("times", 1.0))
    return bool(level.size and usual > 0 and abs(np.log(max(level[-1], 1e-9) / usual)) >= abs(np.log(max(times, 1e-9))) / 2)


def _wrong(factor: Floats, params: UnitParams) -> Bools:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((np.abs(np.log(factor)) >= np.log(params.least)) & ~lost_phase(factor), np.bool_)


def _tell(view: View, run: Run, params: UnitParams) -> Episode:
    span = slice(run.first, run.last + 1)
    times = share_of(view, span)
    known = next((factor for factor in FACTORS if abs(abs(np.log(times)) - np.log(factor)) <= params.near), None)
    return tell(
        view,
        run,
        Story(
            kind=FindingKind.METER_WRONG_UNIT,
            message="Since %(hours)s hours the meter counts %(times)s times what is normal, by day and by night alike",
            cause="Unit, pulse value or transformer ratio was changed"
            if known is not None
            else "A wrong factor in the meter's profile, or the place is used in a new way",
            score=0.8 if known is not None else 0.5,
            facts={
                "hours": run.last - run.first + 1,
                "times": round(times, 3),
                "usual": round(median_of(view.base.usual[span]), 2),
            },
        ),
    )
