"""Faults that no shipped detector claims to find: counted apart, so that neither a find nor a miss moves the other figures."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analytics.evaluation import Alarm, Label, evaluate
from analytics.finding import FindingKind
from simulators.labels import LabelledFault
from simulators.safety_scenarios import BEYOND

_WOULD_BE = {"beyond.drip": FindingKind.WATER_DRIP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """`kind` begins with `beyond.`; so many such faults, so many of them told by some detector."""

    kind: str
    faults: int
    found: int


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
