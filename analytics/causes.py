"""What explains a finding of another kind: one cause has many faces, and people are told the cause."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from analytics.base_load import LAG_DAYS, SPAN_DAYS
from analytics.finding import Finding, FindingKind

NEAR = timedelta(hours=2)
"""Meters of one tree see the same fault begin and end within so much of each other."""
UNMETERED = "unmetered"
"""The fact by which a network leak says that the balance of the inlet told it."""
_MISCOUNTED = (FindingKind.METER_WRONG_UNIT, FindingKind.ELEC_PHASE_LOSS)
"""A meter that counts with a wrong factor: what its own figures say meanwhile is the factor's."""
_UNBALANCES = frozenset(
    {
        *_MISCOUNTED,
        FindingKind.ELEC_NO_LOAD,
        FindingKind.METER_FROZEN,
        FindingKind.METER_REGISTER_RESET,
        FindingKind.METER_REGISTER_JUMP,
        FindingKind.METER_REVERSED,
        FindingKind.METER_SPIKE,
        FindingKind.METER_BALANCE,
    }
)
"""What is wrong with a sub-meter's counting; what flows through both, like a leak behind it, leaves their balance as it was."""
_FACTORS_LOOK_LIKE = frozenset({FindingKind.ELEC_NO_LOAD, FindingKind.ELEC_LEFT_ON, FindingKind.METER_SPIKE})
_DAY = timedelta(days=1)
_SAME = 1.3
_LAG, _SPAN = timedelta(days=LAG_DAYS), timedelta(days=SPAN_DAYS)
_REMEMBERED = timedelta(days=3)
_MOVES = 0.15
"""A base that was counted too low on so many of the days with which it is compared moves their median."""
_STEADY = frozenset({FindingKind.WATER_CREEPING_LEAK, FindingKind.WATER_TOILET_LEAK, FindingKind.WATER_DRIP})


def by_cause(finding: Finding, own: Sequence[Finding], below: Sequence[Finding]) -> bool:
    """Whether another kind of fault at its own meter, or at one beneath, is what it comes from."""
    both = (*own, *below)
    if finding.kind is FindingKind.METER_BALANCE:
        told = (
            *(other for other in own if other.kind is not finding.kind),
            *(other for other in below if other.kind in _UNBALANCES),
        )
        return 2 * sum((_within(finding, other) for other in told), timedelta()) >= finding.seen - finding.started
    if finding.kind in _MISCOUNTED:
        return any(_is_back(finding, other) for other in own)
    if finding.kind in _STEADY:
        return any(UNMETERED in other.facts and overlap(finding, other) for other in own)
    if finding.kind is FindingKind.ELEC_LEFT_ON and any(_is_the_base(finding, other) for other in both):
        return True
    if finding.kind in _FACTORS_LOOK_LIKE:
        return any(other.kind in _MISCOUNTED and overlap(finding, other) for other in own)
    return finding.kind is FindingKind.ELEC_CREEPING_BASE and (_by_nights(finding, own, below) or _by_factor(finding, both))


def _is_back(finding: Finding, other: Finding) -> bool:
    """A meter that is right again looks wrong the other way round, as long as its wrong days are part of the usual.

    Such a factor may seem to come at any time of these weeks; a phase that seems lost fell at once, so it fell when the meter was
    put right, or is lost indeed.
    """
    lasted = other.kind is FindingKind.METER_WRONG_UNIT and other.seen - other.started >= _REMEMBERED
    until = other.seen + (_LAG + _SPAN if finding.kind is FindingKind.METER_WRONG_UNIT else 2 * _DAY)
    return lasted and other.seen <= finding.started <= until and (_times(finding) > 1) is not (_times(other) > 1)


def _times(finding: Finding) -> float:
    return float(finding.facts.get("times", float(finding.facts.get("percent", 100)) / 100))


def _within(lasting: Finding, other: Finding) -> timedelta:
    """For how much of it the other was there."""
    end = lasting.seen if other.active else min(lasting.seen, other.seen)
    return max(end - max(lasting.started, other.started) + NEAR, timedelta()) if overlap(lasting, other) else timedelta()


def _by_factor(base: Finding, others: Iterable[Finding]) -> bool:
    """A wrong factor raises the base, or has lowered what it is compared with."""
    told = (other for other in others if other.kind in _MISCOUNTED)
    return any(covers_half(base, other) or _remembered(base, other) >= _MOVES * _SPAN for other in told)


def _is_the_base(nights: Finding, base: Finding) -> bool:
    """What runs day and night runs in closed hours too, and no more than that was found in them."""
    creeps = base.kind is FindingKind.ELEC_CREEPING_BASE and overlap(nights, base)
    return creeps and float(nights.facts.get("kw", 0.0)) <= _SAME * float(base.facts.get("kw", 0.0))


def _by_nights(base: Finding, own: Iterable[Finding], below: Iterable[Finding]) -> bool:
    """Whether in more than half of its days something was left on beneath it, or here and much more than the base."""
    days = max(round((base.seen - base.started) / _DAY), 1)
    more = (other for other in own if not _is_the_base(other, base))
    nights = [other for other in (*more, *below) if other.kind is FindingKind.ELEC_LEFT_ON]
    spans = ((base.started + day * _DAY, base.started + (day + 1) * _DAY) for day in range(days))
    return 2 * sum(any(other.started < end and start < other.seen for other in nights) for start, end in spans) > days


def _remembered(base: Finding, other: Finding) -> timedelta:
    """For how long the other lay in the weeks with which the base is compared."""
    until = base.started - _LAG
    return min(other.seen, until) - max(other.started, until - _SPAN)


def covers_half(lasting: Finding, other: Finding) -> bool:
    """A tap that ran for an hour does not explain a drip of weeks."""
    begin, end = max(lasting.started, other.started), lasting.seen if other.active else min(lasting.seen, other.seen)
    return overlap(lasting, other) and 2 * (end - begin + NEAR) >= lasting.seen - lasting.started


def overlap(one: Finding, other: Finding) -> bool:
    """An active finding has no end yet."""
    return (other.active or one.started - NEAR <= other.seen) and (one.active or other.started - NEAR <= one.seen)
