"""A leak somewhere behind the inlet of a site or building, told from the inlet's own course."""

from dataclasses import dataclass, replace

import numpy as np

from analytics.arrays import Bools, Ints
from analytics.balance import Balance
from analytics.detectors.balance import ACCURACY, by_days
from analytics.episodes import Episode, Run, runs
from analytics.finding import Finding, FindingKind
from analytics.network import Network
from analytics.view import Story, View, tell


@dataclass(frozen=True, slots=True, kw_only=True)
class InletLeakParams:
    """Told at the end of the `days`-th judged day, from `share` of the mean flow without the leak and `least_l_per_h` on.

    Where sub-meters count what flows on: after `metered_days` on which the rest of the balance stood `scatter` of its own scatter
    and `deviations` of what the meters' accuracy allows above the usual, most of it at every hour.
    """

    days: int = 3
    share: float = 0.03
    least_l_per_h: float = 20.0
    metered_days: int = 2
    scatter: float = 5.0
    deviations: float = 3.0


PARAMS = InletLeakParams()


def detect(view: View, params: InletLeakParams = PARAMS) -> list[Episode]:
    """Each day's flow as scale x the weekday's course + what is the same at every hour: the last is the leak.

    What for: leaks in mains and branches that no sub-meter sees, at campuses whose use swells and shrinks as a whole.
    When it fails: leaks of the first two weeks; networks whose use does not repeat by weekday; a plant that is switched on for
    good and draws at every hour looks the same. Reference: McKenzie 1999; judged on LeakDB (Vrachimis et al. 2018).
    """
    network, balance = view.network, view.balance
    if network is None:
        return []
    told = [] if balance is None else [_tell_rest(view, balance, run) for run in _by_rest(view, balance, params)]
    seen = ((run, _sure(network, view.table.day, run, params)) for run in runs(network.leaking, at_least=1))
    large = [replace(run, sure=sure) for run, sure in seen if sure is not None and _large(network, run, params)]
    return [*told, *(_tell(view, network, run) for run in large if not _metered(view, run))]


def _by_rest(view: View, balance: Balance, params: InletLeakParams) -> list[Run]:
    return by_days(view.table.day, *_unmetered(balance, params), at_least=params.metered_days)


def _unmetered(balance: Balance, params: InletLeakParams) -> tuple[Bools, Bools]:
    """By days: whether the rest says leak, and whether it is known."""
    with np.errstate(invalid="ignore"):
        more = balance.unmetered - balance.usual
        limit = np.fmax(params.scatter * balance.scatter, params.deviations * ACCURACY["water"] * balance.squares)
        limit = np.fmax(limit, 24 * np.fmax(params.least_l_per_h / 1000, params.share * balance.main / 24))
        leak = (more >= limit) & (24 * balance.always >= more / 2)
    return np.asarray(leak, np.bool_), np.isfinite(balance.unmetered) & np.isfinite(balance.usual)


def _metered(view: View, run: Run) -> bool:
    """Whether most days of the run have a balance: then that decides, for it sees what sub-meters explain."""
    if view.balance is None:
        return False
    days = np.unique(view.table.day[run.first : run.last + 1])
    known = np.isfinite(view.balance.usual[days]) & np.isfinite(view.balance.unmetered[days])
    return bool(2 * known.sum() >= known.size)


def _tell_rest(view: View, balance: Balance, run: Run) -> Episode:
    days = np.unique(view.table.day[run.first : run.last + 1])
    more = balance.unmetered[days] - balance.usual[days]
    flow, main = float(np.nanmedian(more)) / 24, float(np.nanmedian(balance.main[days]))
    story = Story(
        kind=FindingKind.WATER_NETWORK_LEAK,
        message="Day and night %(unmetered)s L/h more than usual pass the inlet and no meter behind it: %(percent)s %% of the flow",
        cause="A leak in a main or branch that no sub-meter sees",
        score=min(0.5 + 24 * flow / max(main, 0.1), 1.0),
        facts={"unmetered": round(flow * 1000, 1), "percent": round(2400 * flow / max(main, 0.1), 1)},
        wasted_per_hour=flow,
    )
    return tell(view, run, story)


def persists(view: View, finding: Finding) -> bool:
    """The leak is still on: in the rest of the last known day, or in the last hour."""
    flow = float(finding.facts.get("unmetered", 0.0)) / 1000
    if flow > 0 and view.balance is not None:
        always = view.balance.always[np.isfinite(view.balance.always)]
        return bool(always.size and always[-1] >= flow / 2)
    return view.network is not None and bool(view.network.leaking[-1:].any())


def _sure(network: Network, day: Ints, run: Run, params: InletLeakParams) -> int | None:
    """The last hour of the day that makes it sure, among the days that were judged."""
    span = slice(run.first, run.last + 1)
    judged = np.unique(day[span][network.known[span]])
    return int(np.searchsorted(day, judged[params.days - 1], side="right")) - 1 if judged.size >= params.days else None


def _size(network: Network, run: Run) -> tuple[float, float]:
    """Median share, and m3/h, in the judged hours of the run."""
    span = slice(run.first, run.last + 1)
    judged = network.known[span]
    share = float(np.median(network.share[span][judged]))
    return share, share * float(np.mean(network.expected[span][judged]))


def _large(network: Network, run: Run, params: InletLeakParams) -> bool:
    share, flow = _size(network, run)
    return share >= params.share and flow * 1000 >= params.least_l_per_h


def _tell(view: View, network: Network, run: Run) -> Episode:
    share, flow = _size(network, run)
    story = Story(
        kind=FindingKind.WATER_NETWORK_LEAK,
        message="The inlet counts %(litres)s L/h more than the course of the day explains: %(percent)s %% of the flow",
        cause="A leak in a main or branch that no sub-meter sees",
        score=min(0.5 + share, 1.0),
        facts={"litres": round(flow * 1000, 1), "percent": round(100 * share, 1)},
        wasted_per_hour=flow,
    )
    return tell(replace(view, normal=replace(view.normal, expected=network.expected)), run, story)
