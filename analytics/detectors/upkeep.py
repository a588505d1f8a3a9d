"""Fire devices that need somebody with a ladder: dusty detectors, tampered or removed ones, faulty loops, sinking pressure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import isfinite
from statistics import median

from analytics.finding import Evidence, Finding, FindingKind
from analytics.sighting import Sighting, Sightings, Story, end, resumed, see, told
from devices.model import Device, DeviceKind, Event, Reading

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class UpkeepParams:
    """A smoke detector is dusty when the cleanest hour of each of `dusty_days` days in a row lies above `dusty_share` of its
    alarm point `alarm_percent_m` (%/m, 3.28: FDS tool default after UL 268), which the attribute `alarm_percent_m` overrides.
    Hydrant pressure sinks when the day's median is `loss_share` below, and `loss_kpa` under, the median of `before_days` days
    that lie `apart_days` back, and never rose by more than `noise_kpa` on the way: a pump test comes back within the day.
    """

    alarm_percent_m: float = 3.28
    dusty_share: float = 0.45
    dusty_days: int = 3
    loss_share: float = 0.1
    loss_kpa: float = 25.0
    noise_kpa: float = 6.0
    before_days: int = 5
    apart_days: int = 3
    least_samples: int = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class UpkeepState:
    """`day`: the local-free UTC day that `values` belong to; `days`: (day, least or median value) of the days before."""

    day: int = 0
    values: tuple[float, ...] = ()
    days: tuple[tuple[int, float], ...] = ()
    newest_ms: int = 0
    signals: Mapping[str, int] = field(default_factory=dict)
    faults: frozenset[str] = frozenset()
    sightings: Sightings = field(default_factory=dict)


DUSTY = Story(
    kind=FindingKind.FIRE_DETECTOR_DUSTY,
    message="Smoke detector sees %(value)s %%/m in clean air, its alarm point is %(alarm)s %%/m",
    cause="Dust or insects in the chamber; it will soon raise false alarms",
    score=0.35,
)
TAMPER = Story(
    kind=FindingKind.FIRE_TAMPER,
    message="Fire device removed, covered or opened",
    cause="Taken off its base, covered with a bag or its case opened; often during building work",
    score=0.8,
)
LOOP = Story(
    kind=FindingKind.FIRE_LOOP_FAULT,
    message="Fire panel reports a fault of its loop or supply",
    cause="Cut or shorted loop, earth fault or lost mains of the panel",
    score=0.8,
)
PRESSURE_LOSS = Story(
    kind=FindingKind.FIRE_PRESSURE_LOSS,
    message="Hydrant pressure sinks day by day: now %(pressure_kpa)s kPa, before %(before_kpa)s kPa",
    cause="A leak in the fire main, a valve that lets through or a tired jockey pump",
    score=0.5,
)
TANK = Story(
    kind=FindingKind.FIRE_TANK_LEVEL,
    message="Fire water tank at %(level_m)s m, must be at least %(low_m)s m",
    cause="Float valve stuck, supply shut or the tank leaks",
    score=0.9,
)
STORIES = {one.kind: one for one in (DUSTY, TAMPER, LOOP, PRESSURE_LOSS, TANK)}

_EVENTS = {
    "device.tamper": TAMPER,
    "detector.removed": TAMPER,
    "detector.covered": TAMPER,
    "loop.fault": LOOP,
    "panel.fault": LOOP,
}
_SYSTEM_FAULTS = frozenset({"fault.fire_system", "fault.main_power", "fault.backup_power", "fault.bus"})
_LINE_FAULTS = frozenset({"fault.transmission_device", "fault.communication", "fault.line"})
_CALM = frozenset({"system.normal", "system.reset", "device.normal"})
"""GB/T 26875.3 tells the state of the system and of the transmission device apart, and never that a single fault is over."""
METRICS = frozenset({"smoke.density", "water.pressure", "level.height", "tamper"})
DEFAULTS = UpkeepParams()
_Step = tuple[UpkeepState, Finding | None]


def step(state: UpkeepState, sample: Reading | Event, device: Device, params: UpkeepParams = DEFAULTS) -> _Step:
    """What one message says about the device's own health.

    For: fire detectors, panels, hydrants and tanks. Fails: a panel that says nothing of its loops; a detector that compensates its
    drift by itself and reports no raw density stays clean until it gives up; a new duty pump with another set-point looks like a
    loss. Hydrant loss rates: no source found, the figures are assumptions.
    """
    if isinstance(sample, Event):
        return _event(state, sample, device)
    if sample.metric not in METRICS or not isfinite(sample.value) or sample.ts_ms < state.newest_ms:
        return state, None
    if sample.metric == "tamper":
        return _signal(state, TAMPER, sample, device, on=sample.value >= 0.5)
    if sample.metric == "level.height":
        return _tank(state, sample, device)
    if (sample.metric == "smoke.density") is not (device.kind is DeviceKind.SMOKE_DETECTOR):
        return state, None
    return _daily(replace(state, newest_ms=sample.ts_ms), sample, device, params)


def resume(state: UpkeepState, finding: Finding, device: Device) -> UpkeepState:
    return replace(state, sightings=resumed(state.sightings, finding, device, STORIES))


def _event(state: UpkeepState, event: Event, device: Device) -> _Step:
    name = event.type.removesuffix(".cleared")
    if name in _SYSTEM_FAULTS | _LINE_FAULTS | _CALM:
        return _panel(state, name, event, device)
    return _signal(state, _EVENTS[name], event, device, on=name == event.type) if name in _EVENTS else (state, None)


def _signal(state: UpkeepState, story: Story, sample: Reading | Event, device: Device, *, on: bool) -> _Step:
    if sample.ts_ms < state.signals.get(story.kind, 0):
        return state, None
    state = replace(state, signals={**state.signals, story.kind: sample.ts_ms})
    return _turn(state, story, device, (sample.ts_ms, sample.ts_ms), {} if on else None)


def _panel(state: UpkeepState, name: str, sample: Event, device: Device) -> _Step:
    """A fault of the system or of its transmission device begins it; it is over when both are calm."""
    part = "system" if "system_type" in sample.attributes or name.startswith("system.") else "line"
    faulty = name not in _CALM and name == sample.type
    faults = state.faults | {part} if faulty else state.faults - {part}
    return _signal(replace(state, faults=faults), LOOP, sample, device, on=bool(faults))


def _turn(
    state: UpkeepState, story: Story, device: Device, span_ms: tuple[int, int], facts: Mapping[str, str | float] | None
) -> _Step:
    """Begins with these facts, or ends where there are none."""
    if facts is None:
        sightings, finding = end(state.sightings, (story.kind, device.id), span_ms[1])
    else:
        one = Sighting(story=story, device=device, started_ms=span_ms[0], seen_ms=span_ms[1], facts=facts)
        sightings, finding = see(state.sightings, one)
        finding = finding and told(one, active=True, evidence=_evidence(state, device))
    return replace(state, sightings=sightings), finding


def _evidence(state: UpkeepState, device: Device) -> Evidence | None:
    if not state.days:
        return None
    smoke = device.kind is DeviceKind.SMOKE_DETECTOR
    observed = tuple((day * DAY_MS, value) for day, value in state.days)
    return Evidence(metric="smoke.density" if smoke else "water.pressure", unit="1" if smoke else "kPa", observed=observed)


def _tank(state: UpkeepState, sample: Reading, device: Device) -> _Step:
    low_m = device.number("low_m", float("nan"))
    going_on = (FindingKind.FIRE_TANK_LEVEL, device.id) in state.sightings
    low = sample.value < low_m * (1.05 if going_on else 1.0)
    facts = {"level_m": round(sample.value, 2), "low_m": low_m} if low else None
    return _turn(replace(state, newest_ms=sample.ts_ms), TANK, device, (sample.ts_ms, sample.ts_ms), facts)


def _daily(state: UpkeepState, sample: Reading, device: Device, params: UpkeepParams) -> _Step:
    day = sample.ts_ms // DAY_MS
    if day == state.day:
        return replace(state, values=(*state.values, sample.value)[-3000:]), None
    days = state.days
    if len(state.values) >= params.least_samples:
        smoke = device.kind is DeviceKind.SMOKE_DETECTOR
        least = sorted(state.values)[len(state.values) // 20] if smoke else median(state.values)
        days = (*days, (state.day, round(least, 3)))[-40:]
    state = replace(state, day=day, values=(sample.value,), days=days)
    return (
        _dusty(state, sample, device, params) if device.kind is DeviceKind.SMOKE_DETECTOR else _loss(state, sample, device, params)
    )


def _dusty(state: UpkeepState, sample: Reading, device: Device, params: UpkeepParams) -> _Step:
    alarm = max(device.number("alarm_percent_m", 0.0), 0.0) or params.alarm_percent_m
    last = [value for _, value in state.days[-params.dusty_days :]]
    going_on = (FindingKind.FIRE_DETECTOR_DUSTY, device.id) in state.sightings
    if len(last) < params.dusty_days or (going_on and last[-1] >= 0.8 * params.dusty_share * alarm):
        return state, None
    dusty = min(last) >= params.dusty_share * alarm
    facts = {"value": round(last[-1], 2), "alarm": alarm} if dusty else None
    began_ms = (state.days[-params.dusty_days][0]) * DAY_MS
    return _turn(state, DUSTY, device, (began_ms, sample.ts_ms), facts)


def _loss(state: UpkeepState, sample: Reading, device: Device, params: UpkeepParams) -> _Step:
    values = [value for _, value in state.days]
    if len(values) < params.before_days + params.apart_days:
        return state, None
    key = (FindingKind.FIRE_PRESSURE_LOSS, device.id)
    if key in state.sightings:
        before = float(state.sightings[key].facts.get("before_kpa", 0.0))
        back = values[-1] >= before * (1 - params.loss_share / 2)
        return _turn(state, PRESSURE_LOSS, device, (sample.ts_ms, sample.ts_ms), None) if back else (state, None)
    best = max(
        range(len(values) - params.before_days - params.apart_days + 1), key=lambda at: median(values[at : at + params.before_days])
    )
    before, way = median(values[best : best + params.before_days]), values[best + params.before_days - 1 :]
    sinking = all(later <= earlier + params.noise_kpa for earlier, later in pairwise(way))
    drop = before - values[-1]
    if not (sinking and drop >= max(params.loss_kpa, params.loss_share * before) and _gradual(way, drop)):
        return state, None
    facts = {"pressure_kpa": round(values[-1], 1), "before_kpa": round(before, 1)}
    return _turn(state, PRESSURE_LOSS, device, (state.days[best + params.before_days - 1][0] * DAY_MS, sample.ts_ms), facts)


def _gradual(way: list[float], drop: float) -> bool:
    """No single day makes most of it: that would be a valve or a burst, which the pressure limit and the meters tell."""
    return max((earlier - later for earlier, later in pairwise(way)), default=0.0) <= 0.6 * drop
