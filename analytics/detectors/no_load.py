"""A supply that went off, or a meter that lost its current transformers: it counts next to nothing."""

from dataclasses import dataclass

import numpy as np

from analytics.arrays import Bools, Floats, Ints
from analytics.episodes import Episode, Run, runs
from analytics.finding import Finding, FindingKind
from analytics.view import Story, View, tell


@dataclass(frozen=True, slots=True, kw_only=True)
class NoLoadParams:
    """For `hours` in a row less than `share` of the least that the place usually draws, which is at least `least_kw`; or less
    than half of that least and `of_use` of what is normal at that hour.

    In `counting` of the `lately` hours it counts something: a register that stands quite still is told as frozen.
    Of the two hours before it fell so low (one may be cut by the fall) one had `normal` of what is expected: where a little goes
    on through the day as always, what flows is counted with a wrong factor (meter.wrong_unit).
    """

    hours: int = 1
    share: float = 0.1
    of_use: float = 0.05
    counting: int = 2
    lately: int = 8
    least_kw: float = 0.3
    normal: float = 0.5


PARAMS = NoLoadParams()


def detect(view: View, params: NoLoadParams = PARAMS) -> list[Episode]:
    """Next to nothing where there is always something: standby, servers, pumps, emergency light.

    What for: a tripped main breaker, a blown fuse, open current transformers, a meter that hangs at noise level.
    When it fails: places whose circuits are switched off as a whole at night are not judged (their base is zero);
    a planned shut-down looks the same. Reference: minimum-load rule of meter data validation (VEE).
    """
    if view.meter.quantity != "electricity":
        return []
    with np.errstate(invalid="ignore"):
        due = _last_known(np.fmin(view.base.usual, view.base.low))
        beside_use = (view.measured <= params.of_use * view.normal.expected) & (view.measured <= due / 2)
        little = (due >= params.least_kw) & ((view.measured <= params.share * due) | beside_use)
        counts = little & (view.measured > 0)
    suspicious = little & (_of_last(counts, params.lately) >= params.counting)
    known = np.isfinite(view.measured)
    suspicious &= _went_off(view, known & ~little, params)
    return [_tell(view, run) for run in runs(suspicious, at_least=params.hours, known=known)]


def _last_known(due: Floats) -> Floats:
    """On the first holiday nothing is known of holidays: what never sleeps is awake then too."""
    at = np.maximum.accumulate(np.where(np.isfinite(due), np.arange(due.size), -1)) if due.size else np.empty(0, np.int64)
    return np.where(at >= 0, due[np.maximum(at, 0)], np.nan) if due.size else due


def _went_off(view: View, more: Bools, params: NoLoadParams) -> Bools:
    """Whether one of the last two hours that counted `more` was a normal one."""
    with np.errstate(invalid="ignore"):
        on = more & (view.measured >= params.normal * view.normal.expected)
    at = np.flatnonzero(more)
    lately = on[at] | np.concatenate(([False], on[at][:-1]))
    before = np.cumsum(more) - 1  # which of them was the last
    return (before >= 0) & lately[np.maximum(before, 0)] if at.size else more


def _of_last(flags: Bools, hours: int) -> Ints:
    """How many of the last `hours` are set."""
    total: Ints = np.concatenate((np.zeros(hours, np.int64), np.cumsum(flags, dtype=np.int64)))
    return np.asarray(total[hours:] - total[:-hours], np.int64)


def persists(view: View, _finding: Finding) -> bool:
    """Still next to nothing, though after weeks of it nothing else is expected any more."""
    recent = view.measured[np.isfinite(view.measured)][-PARAMS.hours :]
    return bool(recent.size and (recent <= PARAMS.share * PARAMS.least_kw).all())


def _tell(view: View, run: Run) -> Episode:
    span = slice(run.first, run.last + 1)
    hours = run.last - run.first + 1
    expected = float(np.nansum(view.normal.expected[span]))
    return tell(
        view,
        run,
        Story(
            kind=FindingKind.ELEC_NO_LOAD,
            message="Next to nothing is counted since %(hours)s hours, though %(expected)s %(unit)s would be normal",
            cause="The supply is off, a fuse has blown or the meter has lost its current transformers",
            score=min(0.6 + hours / 48, 1.0),
            facts={"hours": hours, "expected": round(expected, 1), "unit": view.meter.unit},
        ),
    )
