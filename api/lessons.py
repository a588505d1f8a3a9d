"""What people's verdicts teach a detector: for single devices, and for a building where several devices tell the same lesson."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from analytics.finding import FindingKind
from analytics.label import FindingLabel, Verdict
from analytics.parameters import RERUN, SILENCE
from analytics.suggestion import Judged, Suggestion, suggest
from analytics.watch import QUALITY
from api.deps import Deps
from api.trials import Past, Span, meters_past, meters_to_learn
from api.trials_messages import MessagesPast, messages_to_learn
from api.trials_silence import SilencePast
from devices.registry import Registry

TAUGHT_AT_MOST = 8
"""Devices for which a change is looked for at once."""
JUDGED_AT_MOST = 12
"""The newest judged findings of each that it is judged by."""
LEARNT_FROM = timedelta(days=300)
TOGETHER = 2
"""Devices of one building with false alarms, from which on a change for the whole building is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """For one device, or for a place with all beneath it: exactly one of the two is given."""

    suggestion: Suggestion
    device_id: str | None = None
    space_id: str | None = None


def past_of(deps: Deps, registry: Registry, kind: FindingKind, device_ids: Sequence[str], span: Span) -> Past | None:
    """None where none of the devices is a meter that the kind is told of."""
    if kind in SILENCE:
        return SilencePast(deps, registry, kind, device_ids, span)
    if kind in RERUN and kind is not QUALITY:
        return MessagesPast(deps, registry, kind, device_ids, [span])
    return meters_past(deps, registry, kind, device_ids, span)


def judged_of(deps: Deps, labels: Iterable[FindingLabel]) -> list[Judged]:
    """Tests and what was not found on site prove nothing."""
    return [
        Judged(finding=deps.findings.get(one.finding_id), real=one.verdict is Verdict.REAL)
        for one in labels
        if one.verdict in (Verdict.REAL, Verdict.FALSE_ALARM)
    ]


def lessons(deps: Deps, registry: Registry, kind: FindingKind, labels: Sequence[FindingLabel]) -> Iterator[Lesson]:
    """Buildings first, then devices. `labels`: the standing ones of the kind, newest first."""
    known = [one for one in labels if one.device_id in registry.devices]
    wrong = list(dict.fromkeys(one.device_id for one in known if one.verdict is Verdict.FALSE_ALARM))[:TAUGHT_AT_MOST]
    for building, device_ids in _by_building(registry, wrong).items():
        if len(device_ids) >= TOGETHER:
            inside = {device.id for device in registry.devices.values() if _building(registry, device.id) == building}
            found = _learnt(deps, registry, kind, [one for one in known if one.device_id in inside])
            if found is not None:
                yield Lesson(suggestion=found, space_id=building)
    for device_id in wrong:
        found = _learnt(deps, registry, kind, [one for one in known if one.device_id == device_id])
        if found is not None:
            yield Lesson(suggestion=found, device_id=device_id)


def _by_building(registry: Registry, device_ids: Iterable[str]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for device_id in device_ids:
        building = _building(registry, device_id)
        if building is not None:
            found[building].append(device_id)
    return found


def _building(registry: Registry, device_id: str) -> str | None:
    space = registry.building(registry.devices[device_id].space_id)
    return space.id if space is not None else None


def _learnt(deps: Deps, registry: Registry, kind: FindingKind, labels: Sequence[FindingLabel]) -> Suggestion | None:
    """By the newest of what was said of these devices."""
    since = deps.now() - LEARNT_FROM
    judged = [one for one in judged_of(deps, labels[: 2 * JUDGED_AT_MOST]) if one.finding.seen >= since][:JUDGED_AT_MOST]
    if not judged:
        return None
    if kind in RERUN and kind is not QUALITY:
        messages = messages_to_learn(deps, registry, kind, judged)
        return suggest(kind, messages.changed_already, messages.raised, judged) if messages.device_ids else None
    past = meters_to_learn(deps, registry, kind, judged, since)
    return suggest(kind, past.changed_already, past.raised_alone, judged) if past is not None else None
