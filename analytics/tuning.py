"""Rules of people applied to the detectors of the devices that they are for."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from analytics.catalog import HourlyDetector, StreamDetector
from analytics.episodes import Episode
from analytics.finding import Finding, FindingKind
from analytics.meter import Meter, meters_of
from analytics.parameters import HOURLY_RULES, SWITCHED, TUNED, changed, parameters_of, rules_of, shipped
from analytics.rule import DetectorRule
from analytics.scene import Scene
from analytics.view import View
from devices.registry import Registry

Outcome = tuple[Any, Finding | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What the standing rules say of devices that are no meters. `changes`: by device, kind and name.

    Whatever rule may be stored: what guards life is neither changed nor silenced.
    """

    changes: Mapping[str, Mapping[FindingKind, Mapping[str, float]]] = field(default_factory=dict)
    off: frozenset[tuple[FindingKind, str]] = frozenset()

    def parameters(self, rule: Callable[..., Any], device_id: str) -> Any:  # noqa: ANN401 - each rule has parameters of its own type
        """Of that detector at that device; a kind changes only what is its own."""
        mine = {
            name: value
            for kind, values in self.changes.get(device_id, {}).items()
            if rule in rules_of(kind)
            for name, value in values.items()
            if name in parameters_of(kind)
        }
        return changed(rule, mine) if mine else shipped(rule)

    def silences(self, finding: Finding) -> bool:
        """Whether nobody is to be told; ends are always told."""
        return finding.active and (finding.kind, finding.device_id) in self.off

    def with_changes(self, kind: FindingKind, device_ids: Sequence[str], changes: Mapping[str, float]) -> "Tuning":
        """As a trial has it: those parameters besides what holds, and the kind switched on."""
        mine = {
            device_id: {**self.changes.get(device_id, {}), kind: {**self.changes.get(device_id, {}).get(kind, {}), **changes}}
            for device_id in device_ids
        }
        return Tuning(changes={**self.changes, **mine}, off=frozenset(one for one in self.off if one[0] is not kind))


def tuning_of(registry: Registry, rules: Sequence[DetectorRule]) -> Tuning:
    changes: dict[str, dict[FindingKind, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for rule in _weakest_first(rules):
        if rule.kind in TUNED and rule.parameters:
            for device_id in _devices_of(rule, registry):
                changes[device_id][rule.kind].update(rule.parameters)
    off = frozenset(one for one in switched_off(registry, rules) if one[0] in SWITCHED)
    return Tuning(changes={device_id: dict(kinds) for device_id, kinds in changes.items()}, off=off)


def tuned(registry: Registry, rules: Sequence[DetectorRule]) -> dict[str, Meter]:
    """Every meter of the campus with the standing rules that hold for it."""
    found = meters_of(registry)
    for rule in _weakest_first(rules):
        for device_id in _devices_of(rule, registry) & found.keys():
            meter = found[device_id]
            parameters = {**meter.tuning.get(rule.kind, {}), **rule.parameters}
            found[device_id] = replace(meter, tuning={**meter.tuning, rule.kind: parameters})
    for kind, device_id in switched_off(registry, rules):
        if device_id in found:
            found[device_id] = replace(found[device_id], off=found[device_id].off | {kind})
    return found


def switched_off(registry: Registry, rules: Sequence[DetectorRule]) -> frozenset[tuple[FindingKind, str]]:
    """(kind, device id) wherever a detector must say nothing."""
    return frozenset(
        (rule.kind, device_id) for rule in rules if _stands(rule) and rule.off for device_id in _devices_of(rule, registry)
    )


def _stands(rule: DetectorRule) -> bool:
    return rule.undone_at is None


def _weakest_first(rules: Sequence[DetectorRule]) -> list[DetectorRule]:
    """A later rule stands before an earlier one, a device's before its place's."""
    return sorted(filter(_stands, rules), key=lambda rule: (rule.device_id is not None, rule.id))


def _devices_of(rule: DetectorRule, registry: Registry) -> set[str]:
    if rule.device_id is not None:
        return {rule.device_id}
    inside = {space.id for space in registry.within(rule.space_id or "")}
    return {device.id for device in registry.devices.values() if device.space_id in inside}


def detect(detector: HourlyDetector, view: View) -> list[Episode]:
    """What the detector says with the rules of this meter."""
    if detector.kind in view.meter.off:
        return []
    changes = view.meter.tuning.get(detector.kind)
    return with_parameters(detector.kind, view, changes) if changes else detector.detect(view)


def step(detector: StreamDetector, state: Any, sample: tuple[int, float], scene: Scene) -> Outcome:  # noqa: ANN401
    """As `detect`, sample by sample."""
    changes = scene.meter.tuning.get(detector.kind)
    if not changes or shipped(detector.step) is None:
        return detector.step(state, sample, scene)
    judge = cast("Callable[..., Outcome]", detector.step)
    return judge(state, sample, scene, changed(judge, changes))


def with_parameters(kind: FindingKind, view: View, changes: Mapping[str, float]) -> list[Episode]:
    """What the hourly rule of that kind says with some of its parameters replaced."""
    rule = HOURLY_RULES[kind]
    found: list[Episode] = rule(view, changed(rule, changes)) if changes and shipped(rule) is not None else rule(view)
    return found
