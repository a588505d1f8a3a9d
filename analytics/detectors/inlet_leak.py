"""A leak somewhere behind the inlet of a site or building, told from the inlet's own course."""

from dataclasses import dataclass, replace

import numpy as np

from analytics.arrays import Ints
from analytics.episodes import Episode, Run, runs
from analytics.finding import Finding, FindingKind
from analytics.network import Network
from analytics.view import Story, View, tell


@dataclass(frozen=True, slots=True, kw_only=True)
class InletLeakParams:
    """Told at the end of the `days`-th judged day, from `share` of the mean flow without the leak and `least_l_per_h` on."""

    days: int = 3
    share: float = 0.03
    least_l_per_h: float = 20.0


PARAMS = InletLeakParams()


def detect(view: View, params: InletLeakParams = PARAMS) -> list[Episode]:
    """Each day's flow as scale x the weekday's course + what is the same at every hour: the last is the leak.

    What for: leaks in mains and branches that no sub-meter sees, at campuses whose use swells and shrinks as a whole.
    When it fails: leaks of the first two weeks; networks whose use does not repeat by weekday; a plant that is switched on for
    good and draws at every hour looks the same. Reference: McKenzie 1999; judged on LeakDB (Vrachimis et al. 2018).
    """
    network = view.network
    if network is None:
        return []
    seen = ((run, _sure(network, view.table.day, run, params)) for run in runs(network.leaking, at_least=1))
    return [
        _tell(view, network, replace(run, sure=sure)) for run, sure in seen if sure is not None and _large(network, run, params)
    ]


def persists(view: View, _finding: Finding) -> bool:
    """The leak is still on in the last hour."""
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
