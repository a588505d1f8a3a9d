"""Far more than this place can use, for a short time: a reading that is wrong, or a short circuit."""

from dataclasses import dataclass

import numpy as np

from analytics.arrays import Floats
from analytics.episodes import Episode, Run, runs
from analytics.finding import FindingKind
from analytics.view import Story, View, tell
from devices.model import SpaceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SpikeParams:
    """An hour jumps to `times_before` of the hour before, `times_expected` of what is normal and `times_high` of the highest
    tenth of like hours within `beside` hours, and lies `least_kw` and `deviations` above normal. Nothing in the first `learn_days`.
    """

    times_before: float = 1.5
    times_expected: float = 1.7
    times_high: float = 1.35
    beside: int = 2
    deviations: float = 6.0
    least_kw: float = 1.0
    learn_days: int = 14


PARAMS = SpikeParams()


def detect(view: View, params: SpikeParams = PARAMS) -> list[Episode]:
    """A sudden rise beyond what like hours, and those beside them, ever need.

    What for: glitches that a register keeps, wrong pulses, a machine that must not start at once with others (demand charge).
    When it fails: places with few large machines (workshops, kitchens) spike by themselves: their highest tenth is high too;
    rooms are not judged, since one kettle is a spike there; what lasts on is told as left on.
    Reference: high-low and spike checks of meter data validation (VEE).
    """
    if view.meter.quantity != "electricity" or view.meter.level is SpaceKind.ROOM:
        return []
    before = _before(view.measured)
    high = _beside(view.normal.high, params.beside)
    with np.errstate(invalid="ignore"):
        beyond = (view.measured >= params.times_high * high) & (view.measured >= params.times_expected * view.normal.expected)
        beyond &= view.measured - view.normal.expected >= np.fmax(params.least_kw, params.deviations * view.normal.spread)
        beyond &= view.quiet.known_days >= params.learn_days
        jumped = beyond & (view.measured >= params.times_before * before)
    lasting = beyond & (
        jumped | np.concatenate(([False], jumped[:-1])) | np.concatenate(([False, False], jumped[:-2]))[: jumped.size]
    )
    return [_tell(view, run) for run in runs(lasting, at_least=1, known=np.isfinite(view.measured))]


def _before(measured: Floats) -> Floats:
    """The known hour before each."""
    known = np.where(np.isfinite(measured), np.arange(measured.size), -1)
    at = np.concatenate(([-1], np.maximum.accumulate(known)[:-1])) if measured.size else known
    return np.where(at >= 0, measured[at], np.nan) if measured.size else measured


def _beside(values: Floats, hours: int) -> Floats:
    """The most of each hour and those beside it."""
    padded = np.concatenate((np.full(hours, np.nan), values, np.full(hours, np.nan)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * hours + 1)
    return np.asarray(np.fmax.reduce(windows, axis=1), np.float64)


def _tell(view: View, run: Run) -> Episode:
    span = slice(run.first, run.last + 1)
    peak = float(np.nanmax(view.measured[span]))
    normal = float(np.nanmax(np.fmax(view.normal.expected[span], 0.1)))
    return tell(
        view,
        run,
        Story(
            kind=FindingKind.METER_SPIKE,
            message="%(kw)s kW for %(hours)s hours, %(times)s times what is normal at this hour",
            cause="A wrong reading, or a machine that drew far more than usual",
            score=min(0.4 + peak / (10 * normal), 1.0),
            facts={"kw": round(peak, 1), "hours": run.last - run.first + 1, "times": round(peak / normal, 1)},
        ),
    )
