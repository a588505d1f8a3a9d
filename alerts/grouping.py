"""Many silent fire devices with one cause: one headline over them. Each keeps its own alert; none is held back or ended by it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.model import Alert, AlertState
from analytics.finding import FindingKind

SILENT = FindingKind.FIRE_DEVICE_SILENT
UNRESOLVED = frozenset(AlertState) - {AlertState.RESOLVED}
LOOKED_AT = 5_000
"""Unresolved alerts at most: more are not read by anybody."""
LEAST = 5
"""Fewer are told one by one: a crew looks at four detectors as it looks at one."""
APART = timedelta(seconds=150)
"""Devices that report each 30 s and are silent for 90 s are all noticed within so long (GB 50166 wants 100 s)."""
MOST_OF = 0.8
"""So many of them in one building: it is that building's loop or gateway, and the others are by themselves."""

PathOf = Callable[[str], Sequence[str]]
"""Ids from the site down to that space."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """`space_id`: the smallest place that holds them all. `site_wide`: of more than one building, so the network, not a loop."""

    space_id: str
    site_wide: bool
    since: datetime
    alert_ids: tuple[int, ...]


def headlines(alerts: Iterable[Alert], path_of: PathOf) -> list[Headline]:
    """One for each time that at least LEAST fire devices fell silent together and still are; oldest first. Others are ignored."""
    silent = sorted((one for one in alerts if _counts(one)), key=lambda alert: (alert.raised_at, alert.id))
    return [_headline(together, path_of) for cluster in _clusters(silent) for together in _of_one_place(cluster, path_of)]


def _counts(alert: Alert) -> bool:
    return alert.kind == SILENT and alert.state is not AlertState.RESOLVED and not alert.drill


def _clusters(alerts: Sequence[Alert]) -> Iterator[list[Alert]]:
    """Those that follow each other closely."""
    cluster: list[Alert] = []
    for alert in alerts:
        if cluster and alert.raised_at - cluster[-1].raised_at > APART:
            yield cluster
            cluster = []
        cluster.append(alert)
    if cluster:
        yield cluster


def _of_one_place(cluster: list[Alert], path_of: PathOf) -> list[list[Alert]]:
    """The cluster, or its part in the one building that has nearly all of it; nothing where that is too few."""
    buildings = [tuple(path_of(alert.space_id)[:2]) for alert in cluster]
    (place, count), *_ = Counter(buildings).most_common(1)
    if count >= MOST_OF * len(cluster):
        cluster = [alert for alert, building in zip(cluster, buildings, strict=True) if building == place]
    return [cluster] if len(cluster) >= LEAST else []


def _headline(alerts: Sequence[Alert], path_of: PathOf) -> Headline:
    paths = [path_of(alert.space_id) for alert in alerts]
    shared = [steps[0] for steps in zip(*paths, strict=False) if len(set(steps)) == 1]
    return Headline(
        space_id=shared[-1] if shared else alerts[0].space_id,
        site_wide=len(shared) <= 1,
        since=alerts[0].raised_at,
        alert_ids=tuple(alert.id for alert in alerts),
    )
