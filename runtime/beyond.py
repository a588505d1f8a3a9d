"""Faults that no shipped detector claims to find: counted apart, so that neither a find nor a miss moves the other figures."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from analytics.allowed import allowed_of
from analytics.evaluation import Alarm, Label, evaluate
from analytics.finding import FindingKind
from analytics.meter import Meter, meters_of
from devices.registry import Registry
from simulators.labels import LabelledFault
from simulators.safety_scenarios import BEYOND
from simulators.timetable import DAY_S, UTC_OFFSET_S

AS_ALLOWED = BEYOND + "as_allowed"
_WOULD_BE = {"beyond.drip": FindingKind.WATER_DRIP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """`kind` begins with `beyond.`; so many such faults, so many of them told by some detector."""

    kind: str
    faults: int
    found: int


def as_claimed(faults: Iterable[LabelledFault], registry: Registry) -> list[LabelledFault]:
    """With `beyond.as_allowed` for appliances that are, by power, duration and hour, what the house allows in that very room: no
    meter tells a hot plate of 880 W for five minutes from a hair dryer, and the rule says that it does not try."""
    meters = meters_of(registry)
    return [replace(one, kind=AS_ALLOWED) if _is_as_allowed(one, meters) else one for one in faults]


def _is_as_allowed(fault: LabelledFault, meters: Mapping[str, Meter]) -> bool:
    if fault.kind != FindingKind.ELEC_HEATING_APPLIANCE or fault.number("off_s"):
        return False
    power, seconds = fault.number("power_w"), fault.end_s - fault.start_s
    hour = (fault.start_s + UTC_OFFSET_S) % DAY_S / 3600
    return any(
        one.low_w <= power <= one.high_w and seconds <= one.longest_s and one.first <= hour < one.last
        for one in allowed_of(meters[fault.device_id].allowed)
    )


def set_apart(faults: Iterable[LabelledFault], alarms: Sequence[Alarm]) -> tuple[list[Alarm], list[Apart]]:
    """The alarms that are about something else, and what became of the faults beyond the detectors, by kind."""
    wanted: dict[str, list[Label]] = defaultdict(list)
    for fault in faults:
        if fault.kind.startswith(BEYOND):
            told = _WOULD_BE.get(fault.kind, FindingKind.ELEC_HEATING_APPLIANCE)
            wanted[fault.kind].append(Label(kind=told, device_id=fault.device_id, start=fault.start, end=fault.end))
    judged = {kind: evaluate(labels, alarms, devices=1, days=1.0) for kind, labels in sorted(wanted.items())}
    others = list(alarms)
    for result in judged.values():
        unrelated = set(result.false_alarms)
        others = [alarm for alarm in others if alarm in unrelated]
    return others, [Apart(kind=kind, faults=len(wanted[kind]), found=result.overall.found) for kind, result in judged.items()]
