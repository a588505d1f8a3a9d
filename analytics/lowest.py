"""One fault, one finding: it belongs to the lowest meter that sees it, not to every meter above."""

from collections.abc import Callable, Iterable, Mapping

from analytics.causes import UNMETERED, by_cause, covers_half, overlap
from analytics.episodes import Episode
from analytics.finding import Finding, FindingKind
from analytics.meter import Meter

_WATER = (
    FindingKind.WATER_BURST,
    FindingKind.WATER_RUNNING_TAP,
    FindingKind.WATER_CREEPING_LEAK,
    FindingKind.WATER_TOILET_LEAK,
    FindingKind.WATER_DRIP,
    FindingKind.WATER_NETWORK_LEAK,
)
"""Worst first: a burst also looks like a tap in its first and last hour, and a tap that runs for a day like a leak."""
_FAMILIES = (
    _WATER,
    (FindingKind.ELEC_HEATING_APPLIANCE, FindingKind.ELEC_LEFT_ON, FindingKind.METER_SPIKE),
    (FindingKind.ELEC_CREEPING_BASE,),
    (FindingKind.METER_REVERSED,),
)
_LASTING = frozenset(
    {FindingKind.WATER_CREEPING_LEAK, FindingKind.WATER_TOILET_LEAK, FindingKind.WATER_DRIP, FindingKind.ELEC_CREEPING_BASE}
)


def lowest_only(episodes: Iterable[Episode], meters: Mapping[str, Meter], told: Iterable[Finding] = ()) -> list[Episode]:
    """The episodes that no overlapping one, nor any finding already `told` by a streaming detector, explains."""
    episodes = list(episodes)
    by_device: dict[str, list[Finding]] = {}
    for finding in (*(episode.finding for episode in episodes), *told):
        by_device.setdefault(finding.device_id, []).append(finding)
    return [e for e in episodes if not explained(e.finding, meters, lambda device_id: by_device.get(device_id, ()))]


def explained(finding: Finding, meters: Mapping[str, Meter], findings_of: Callable[[str], Iterable[Finding]]) -> bool:
    """Whether a finding at a meter downstream, or a worse one at its own, already says it."""
    meter = meters.get(finding.device_id)
    if meter is None:
        return False
    own = list(findings_of(meter.device_id))
    below = [other for device_id in meter.below for other in findings_of(device_id)]
    return by_cause(finding, own, below) or _by_family(finding, own, below)


def _by_family(finding: Finding, own: Iterable[Finding], below: Iterable[Finding]) -> bool:
    family = next((kinds for kinds in _FAMILIES if finding.kind in kinds), ())
    if not family or UNMETERED in finding.facts:  # of what sub-meters count nothing is in it
        return False
    worse = family[: family.index(finding.kind)]
    beneath, above = [other for other in below if other.kind in family], [other for other in own if other.kind in worse]
    if finding.kind is FindingKind.WATER_NETWORK_LEAK:  # told from whole days: any water that runs somewhere else explains it
        return any(overlap(finding, other) for other in (*beneath, *above))
    by_own = covers_half if finding.kind in _LASTING else overlap
    by_below = overlap if finding.kind is FindingKind.WATER_TOILET_LEAK else by_own  # a main is never as quiet as its floors
    return any(by_below(finding, other) for other in beneath) or any(by_own(finding, other) for other in above)
