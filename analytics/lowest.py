"""One fault, one finding: it belongs to the lowest meter that sees it, not to every meter above."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from analytics.episodes import Episode
from analytics.finding import Finding, FindingKind
from analytics.meter import Meter

SHARED = {
    FindingKind.WATER_BURST: frozenset({FindingKind.WATER_BURST, FindingKind.WATER_RUNNING_TAP}),
    FindingKind.WATER_RUNNING_TAP: frozenset({FindingKind.WATER_BURST, FindingKind.WATER_RUNNING_TAP}),
    FindingKind.WATER_TOILET_LEAK: frozenset(
        {FindingKind.WATER_TOILET_LEAK, FindingKind.WATER_RUNNING_TAP, FindingKind.WATER_BURST}
    ),
    FindingKind.ELEC_LEFT_ON: frozenset({FindingKind.ELEC_LEFT_ON}),
}
"""A finding of the first kind is explained by one of the others at a meter downstream, or by a worse one at its own."""

NEAR = timedelta(hours=2)
"""Meters of one tree see the same fault begin and end within so much of each other."""


def lowest_only(episodes: Iterable[Episode], meters: Mapping[str, Meter]) -> list[Episode]:
    """The episodes that no overlapping one at a meter downstream explains."""
    episodes = list(episodes)
    by_device: dict[str, list[Finding]] = {}
    for episode in episodes:
        by_device.setdefault(episode.finding.device_id, []).append(episode.finding)
    return [e for e in episodes if not explained(e.finding, meters, lambda device_id: by_device.get(device_id, ()))]


def explained(finding: Finding, meters: Mapping[str, Meter], findings_of: Callable[[str], Iterable[Finding]]) -> bool:
    """Whether a finding at a meter downstream already says it."""
    kinds, meter = SHARED.get(finding.kind), meters.get(finding.device_id)
    if kinds is None or meter is None:
        return False
    return any(other.kind in kinds and _overlap(finding, other) for below in meter.below for other in findings_of(below))


def _overlap(one: Finding, other: Finding) -> bool:
    return one.started - NEAR <= other.seen and other.started - NEAR <= one.seen
