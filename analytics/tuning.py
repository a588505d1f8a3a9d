"""Rules of people applied to detectors, and which rule would have been right: replays over stored history, nothing stored."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from analytics.catalog import HourlyDetector, StreamDetector
from analytics.episodes import Episode
from analytics.finding import Finding, FindingKind
from analytics.meter import Meter, meters_of
from analytics.parameters import HOURLY_RULES, changed, parameters_of, shipped
from analytics.rule import DetectorRule
from analytics.scene import Scene
from analytics.view import View
from devices.registry import Registry

FACTORS = (1.1, 1.25, 1.5, 2.0, 3.0, 5.0)
"""What a suggestion tries, upwards and downwards: the smallest change that is enough is the one suggested."""

Outcome = tuple[Any, Finding | None]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A finding that people have judged."""

    finding: Finding
    real: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Change `parameter` from `before` to `after`: of the judged findings, so many false ones avoided and real ones kept.

    `raised_before`, `raised_after`: all that would have been raised in the replayed history, judged or not.
    """

    kind: FindingKind
    parameter: str
    before: float
    after: float
    avoided: int
    false_alarms: int
    kept: int
    real: int
    raised_before: int
    raised_after: int


def suggest(kind: FindingKind, views: Sequence[View], judged: Sequence[Judged]) -> Suggestion | None:
    """The smallest change of one parameter that avoids most false alarms and keeps every real finding; None where none does.

    Only findings that the detector raises again in these views with its present parameters count.
    """
    if kind not in HOURLY_RULES or not views:
        return None
    present = _raised(kind, views, {})
    seen = [one for one in judged if _again(one, present)]
    best: tuple[tuple[float, ...], Suggestion] | None = None
    for parameter in parameters_of(kind).values():
        now = views[0].meter.tuning.get(kind, {}).get(parameter.name, parameter.value)
        for factor in (*FACTORS, *(1 / factor for factor in FACTORS)):
            after = float(round(now * factor)) if parameter.whole else float(f"{now * factor:.4g}")
            if after == now or not 1 / 20 <= after / (parameter.value or after or 1.0) <= 20:
                continue
            found = _raised(kind, views, {parameter.name: after})
            one = _suggestion(kind, (parameter.name, now, after), seen, (present, found))
            rank = (-one.avoided, one.raised_before - one.raised_after, max(factor, 1 / factor))
            if one.avoided and one.kept == one.real and (best is None or rank < best[0]):
                best = rank, one
    return best[1] if best else None


def _raised(kind: FindingKind, views: Sequence[View], changes: Mapping[str, float]) -> list[Episode]:
    return [
        episode
        for view in views
        for episode in with_parameters(kind, view, {**view.meter.tuning.get(kind, {}), **changes})
        if episode.finding.kind is kind
    ]


def _again(one: Judged, episodes: Iterable[Episode]) -> bool:
    """Whether an episode at the same device overlaps the judged finding."""
    mine = one.finding
    return any(
        e.finding.device_id == mine.device_id and e.finding.started <= mine.seen and mine.started <= e.finding.seen
        for e in episodes
    )


def _suggestion(
    kind: FindingKind, change: tuple[str, float, float], judged: Sequence[Judged], raised: tuple[list[Episode], list[Episode]]
) -> Suggestion:
    before, after = raised
    still = [(one.real, _again(one, after)) for one in judged]
    return Suggestion(
        kind=kind,
        parameter=change[0],
        before=change[1],
        after=change[2],
        avoided=still.count((False, False)),
        false_alarms=sum(not real for real, _ in still),
        kept=still.count((True, True)),
        real=sum(real for real, _ in still),
        raised_before=len(before),
        raised_after=len(after),
    )
