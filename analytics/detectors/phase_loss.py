"""A meter that sees only part of its load: a lost phase, a swapped or shorted current transformer."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analytics.arrays import Bools, Floats, median_of
from analytics.episodes import Episode, Run, runs
from analytics.finding import Finding, FindingKind
from analytics.view import Story, View, tell


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseLossParams:
    """Over a day the base and the middle hour both stand between `lost` shares of normal, by night and by day alike (`even`: the
    quartiles of the hourly shares lie no further apart), for `hours`; and the base below `below_low` of its lowest tenth, which the
    end of something that had run for weeks does not reach. It came at once: `before_h` before it was sure both stood higher
    (`drop`). A balanced load that loses one phase shows 2/3, two 1/3. Back above `back` of normal it is over.
    """

    lost: tuple[float, float] = (0.25, 0.81)
    even: float = 0.2
    hours: int = 8
    least_kw: float = 0.3
    below_low: float = 0.87
    drop: float = 0.8
    before_h: int = 36
    back: float = 0.88


PARAMS = PhaseLossParams()


def detect(view: View, params: PhaseLossParams = PARAMS) -> list[Episode]:
    """Base load and use fall by the same share at once and stay there.

    Where meters hang beside and above it, their balance decides (analytics.scale): it is sure after a day, in any weather.
    What for: a blown fuse of one phase, an open or swapped current transformer: a third of the bill is lost. When it fails: a
    load on one phase only falls by nothing or by all; a wing that is shut for good looks the same; holidays lower the day more
    than the base and are not told. Reference: three equal phases share the load, so one lost
    leaves 2/3 (site checks of current transformer meters).
    """
    if view.meter.quantity != "electricity":
        return []
    base = view.base
    low, high = params.lost
    with np.errstate(invalid="ignore", divide="ignore"):
        night = base.level / base.usual
        fallen = (night >= low) & (night <= high) & (base.share >= low) & (base.share <= high)
        even = base.even[1] - base.even[0] <= params.even
        suspicious = fallen & even & (base.usual >= params.least_kw) & (base.level <= params.below_low * base.low)
    known = np.isfinite(base.level)
    found = [run for run in runs(suspicious, at_least=params.hours, clear_after=12, known=known) if _sudden(view, run, params)]
    return [_tell(view, run) for run in judged(view, found, lost_phase)]


def lost_phase(factor: Floats, params: PhaseLossParams = PARAMS) -> Bools:
    return np.asarray((factor >= params.lost[0]) & (factor <= params.lost[1]), np.bool_)


def judged(view: View, found: list[Run], wanted: Callable[[Floats], Bools]) -> list[Run]:
    """What the meter's own course told, less what the meters around it deny, and what only they tell."""
    if view.scale is None:
        return found
    scale = view.scale
    told = scale.runs(wanted(scale.factor))
    apart = [run for run in found if not any(one.first <= run.last and run.first <= one.last for one in told)]
    return sorted((*told, *(run for run in apart if not scale.denies(run))), key=lambda run: run.first)


def persists(view: View, finding: Finding) -> bool:
    """The base is still as low as it was found, though after weeks of it that has become normal."""
    level = view.base.level[np.isfinite(view.base.level)]
    return bool(level.size and level[-1] <= PARAMS.back * float(finding.facts.get("usual", 0.0)))


def _sudden(view: View, run: Run, params: PhaseLossParams) -> bool:
    """Neither was the base nor the use that low so many hours before."""
    before = run.sure - params.before_h
    if before < 0:
        return False
    fell = [series[run.sure] <= params.drop * series[before] for series in (view.base.level, view.base.share)]
    return bool(all(fell))


def share_of(view: View, span: slice) -> float:
    """Of what is normal: by the meters around it where these tell, else by the meter's own past."""
    if view.scale is not None and (view.scale.known & view.scale.confirmed)[span].any():
        return median_of(view.scale.factor[span])
    return median_of(view.base.share[span])


def _tell(view: View, run: Run) -> Episode:
    span = slice(run.first, run.last + 1)
    share = share_of(view, span)
    usual = median_of(view.base.usual[span])
    return tell(
        view,
        run,
        Story(
            kind=FindingKind.ELEC_PHASE_LOSS,
            message="Day and night the meter counts only %(percent)s %% of what is normal, since %(hours)s hours",
            cause="A lost phase or current transformer: the meter sees only part of the load"
            if share > 0.5
            else "Two lost phases or a wrong current transformer ratio",
            score=min(0.6 + (1 - share) / 2, 1.0),
            facts={"percent": round(100 * share), "hours": run.last - run.first + 1, "usual": round(usual, 2)},
        ),
    )
