"""One fault, one finding: it belongs to the lowest meter that sees it, not to every meter above."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from analytics.base_load import LAG_DAYS, SPAN_DAYS
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
)
_MISCOUNTED = (FindingKind.METER_WRONG_UNIT, FindingKind.ELEC_PHASE_LOSS)
"""A meter that counts with a wrong factor: what its own figures say meanwhile is the factor's."""
_FACTORS_LOOK_LIKE = frozenset({FindingKind.ELEC_NO_LOAD, FindingKind.ELEC_LEFT_ON, FindingKind.METER_SPIKE})
_DAY = timedelta(days=1)
_LAG, _SPAN = timedelta(days=LAG_DAYS), timedelta(days=SPAN_DAYS)
_MOVES = 0.15
"""A base that was counted too low on so many of the days with which it is compared moves their median."""
_LASTING = frozenset(
    {FindingKind.WATER_CREEPING_LEAK, FindingKind.WATER_TOILET_LEAK, FindingKind.WATER_DRIP, FindingKind.ELEC_CREEPING_BASE}
)

NEAR = timedelta(hours=2)
"""Meters of one tree see the same fault begin and end within so much of each other."""


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
    if meter is not None and _by_other_cause(finding, meter, findings_of):
        return True
    family = next((kinds for kinds in _FAMILIES if finding.kind in kinds), ())
    if meter is not None and finding.kind is FindingKind.METER_BALANCE:
        others = (other for device_id in {meter.device_id, *meter.below} for other in findings_of(device_id))
        return any(other.kind is not finding.kind and _covers_half(finding, other) for other in others)
    if meter is None or not family:
        return False
    worse = family[: family.index(finding.kind)]
    below = (other for device_id in meter.below for other in findings_of(device_id) if other.kind in family)
    own = (other for other in findings_of(meter.device_id) if other.kind in worse)
    if finding.kind is FindingKind.WATER_NETWORK_LEAK:  # told from whole days: any water that runs somewhere else explains it
        return any(_overlap(finding, other) for other in (*below, *own))
    by_own = _covers_half if finding.kind in _LASTING else _overlap
    by_below = _overlap if finding.kind is FindingKind.WATER_TOILET_LEAK else by_own  # a main is never as quiet as its floors
    return any(by_below(finding, other) for other in below) or any(by_own(finding, other) for other in own)


def _by_other_cause(finding: Finding, meter: Meter, findings_of: Callable[[str], Iterable[Finding]]) -> bool:
    """What a wrong factor makes of a meter's figures; the base that only seems to creep when it is right again, or by nights on."""
    if finding.kind in _FACTORS_LOOK_LIKE:
        return any(other.kind in _MISCOUNTED and _overlap(finding, other) for other in findings_of(meter.device_id))
    if finding.kind is not FindingKind.ELEC_CREEPING_BASE:
        return False
    if _by_nights(finding, meter, findings_of):
        return True
    told = (other for device_id in (meter.device_id, *meter.below) for other in findings_of(device_id) if other.kind in _MISCOUNTED)
    return any(_covers_half(finding, other) or _remembered(finding, other) >= _MOVES * _SPAN for other in told)


def _by_nights(base: Finding, meter: Meter, findings_of: Callable[[str], Iterable[Finding]]) -> bool:
    """Whether something was left on, here or beneath, in more than half of the days of a raised base."""
    days = max(round((base.seen - base.started) / _DAY), 1)
    nights = [
        other for one in (meter.device_id, *meter.below) for other in findings_of(one) if other.kind is FindingKind.ELEC_LEFT_ON
    ]
    spans = ((base.started + day * _DAY, base.started + (day + 1) * _DAY) for day in range(days))
    return 2 * sum(any(other.started < end and start < other.seen for other in nights) for start, end in spans) > days


def _remembered(base: Finding, other: Finding) -> timedelta:
    """For how long the other lay in the weeks with which the base is compared."""
    until = base.started - _LAG
    return min(other.seen, until) - max(other.started, until - _SPAN)


def _covers_half(lasting: Finding, other: Finding) -> bool:
    """A tap that ran for an hour does not explain a drip of weeks."""
    begin, end = max(lasting.started, other.started), lasting.seen if other.active else min(lasting.seen, other.seen)
    return _overlap(lasting, other) and 2 * (end - begin + NEAR) >= lasting.seen - lasting.started


def _overlap(one: Finding, other: Finding) -> bool:
    """An active finding has no end yet."""
    return (other.active or one.started - NEAR <= other.seen) and (one.active or other.started - NEAR <= one.seen)
