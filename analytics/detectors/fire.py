"""Fire and gas alarms, hydrant pressure and silent fire devices, message by message."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from analytics.detectors import fire_level
from analytics.finding import Evidence, Finding, FindingKind
from devices.metrics import metric
from devices.model import FIRE_KINDS, Device, DeviceKind, Event, Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class FireParams:
    """`low_kpa`: hydrant pressure that is too low (GB 50974 asks for at least 0.10 MPa static at the worst hydrant); a device's
    attribute `low_kpa` overrides it. `clear_kpa_above`: by how much it must exceed it again. `low_samples`: how many readings
    in a row (a starting pump dips once). `confirm_s`: how often a lasting alarm is said again. `kept`: samples of evidence.
    """

    low_kpa: float = 100.0
    clear_kpa_above: float = 20.0
    low_samples: int = 2
    confirm_s: float = 60.0
    kept: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """What a signal means to people, and the gauge that shows why."""

    kind: FindingKind
    message: str
    message_with_value: str
    cause: str
    gauge: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ongoing:
    """Both epoch milliseconds UTC."""

    started_ms: int
    said_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FireState:
    """One device's. `newest_ms`: time of the newest sample of each signal; older ones say nothing new."""

    ongoing: Mapping[FindingKind, Ongoing] = field(default_factory=dict)
    gauges: Mapping[str, tuple[tuple[int, float], ...]] = field(default_factory=dict)
    newest_ms: Mapping[str, int] = field(default_factory=dict)
    low_readings: int = 0
    levels: fire_level.LevelState = field(default_factory=fire_level.LevelState)
    signalled: frozenset[FindingKind] = frozenset()


PRESSURE = "water.pressure"

ALARMS: dict[str, Alarm] = {
    "smoke": Alarm(
        kind=FindingKind.FIRE_SMOKE,
        message="Smoke alarm",
        message_with_value="Smoke alarm, density %(value)s",
        cause="Fire; or steam, cooking, dust or insects in the detector",
        gauge="smoke.density",
    ),
    "heat_alarm": Alarm(
        kind=FindingKind.FIRE_HEAT,
        message="Heat alarm",
        message_with_value="Heat alarm at %(value)s °C",
        cause="Fire; or a heater or hot machine beneath the detector",
        gauge="env.temperature",
    ),
    "co_alarm": Alarm(
        kind=FindingKind.FIRE_CO,
        message="Carbon monoxide alarm",
        message_with_value="Carbon monoxide alarm at %(value)s ppm",
        cause="Incomplete combustion: stove, boiler, generator or a smouldering fire",
        gauge="co.concentration",
    ),
    "gas_alarm": Alarm(
        kind=FindingKind.FIRE_GAS,
        message="Combustible gas alarm",
        message_with_value="Combustible gas alarm at %(value)s %% of the explosive limit",
        cause="Gas leak: tap left open, hose or fitting",
        gauge="gas.lel",
    ),
    "call_point.active": Alarm(
        kind=FindingKind.FIRE_CALL_POINT,
        message="Manual call point pressed",
        message_with_value="Manual call point pressed",
        cause="Somebody has seen a fire; or the button was pressed by mistake",
    ),
}
"""By signal; the metric of that name is 1 while it lasts."""

_EVENTS: dict[str, str] = {
    "alarm.smoke": "smoke",
    "alarm.heat": "heat_alarm",
    "alarm.co": "co_alarm",
    "alarm.gas": "gas_alarm",
    "alarm.call_point": "call_point.active",
}

_FIRE_MEANS: dict[DeviceKind, str] = {
    DeviceKind.HEAT_DETECTOR: "heat_alarm",
    DeviceKind.CO_DETECTOR: "co_alarm",
    DeviceKind.GAS_DETECTOR: "gas_alarm",
    DeviceKind.CALL_POINT: "call_point.active",
}
"""What a bare `alarm.fire` of such a device tells; of any other it is smoke."""

KINDS = frozenset(alarm.kind for alarm in ALARMS.values()) | {FindingKind.FIRE_HYDRANT_PRESSURE}
"""What `step` says and `resume` takes up."""

_GAUGES = frozenset(alarm.gauge for alarm in ALARMS.values() if alarm.gauge) | {PRESSURE}
METRICS = frozenset(ALARMS) | _GAUGES
"""The readings that `step` looks at. Of one message, gauges go first, so that the alarm carries its evidence."""

DEFAULTS = FireParams()


def step(
    state: FireState, sample: Reading | Event, device: Device, params: FireParams = DEFAULTS
) -> tuple[FireState, Finding | None]:
    """An alarm is a finding at its first sample, again each `confirm_s` while it lasts, and ends when the signal is 0.

    For: smoke, heat, CO and gas detectors, call points, hydrants. Fails: a detector that latches its alarm until it is reset by
    hand keeps the finding active as long; a pressure sensor before a closed valve shows the dead leg, not the main.
    """
    if isinstance(sample, Event):
        signal, value = _signal_of(sample, device), 0.0 if sample.type.endswith(".cleared") else 1.0
    else:
        signal, value = sample.metric, sample.value
    if signal is None or signal not in METRICS or sample.ts_ms < state.newest_ms.get(signal, 0):
        return state, None
    state = replace(state, newest_ms={**state.newest_ms, signal: sample.ts_ms})
    if signal in ALARMS:
        alarm, on = ALARMS[signal], value >= 0.5
        state = replace(state, signalled=state.signalled | {alarm.kind} if on else state.signalled - {alarm.kind})
        return _alarm(state, alarm, sample.ts_ms, device, params, active=on or alarm.gauge in state.levels.reached)
    history = (*state.gauges.get(signal, ()), (sample.ts_ms, value))[-params.kept :]
    state = replace(state, gauges={**state.gauges, signal: history})
    return _pressure(state, value, sample.ts_ms, device, params) if signal == PRESSURE else _level(state, sample, device, params)


def resume(state: FireState, finding: Finding) -> FireState:
    """The state in which `finding` is going on, so that its end is noticed after a restart too."""
    started_ms = _ms(finding.started)
    return replace(state, ongoing={**state.ongoing, finding.kind: Ongoing(started_ms=started_ms, said_ms=_ms(finding.seen))})


def silent(device: Device, *, last_ms: int, now_ms: int, silent_share: float) -> Finding:
    """A fire device has not spoken for too long (GB 50166: to be told within 100 s). `silent_share`: of all fire devices, 0..1."""
    network = silent_share > NETWORK_SHARE
    facts: dict[str, str | float] = {"silent_s": round((now_ms - last_ms) / 1000)}
    if network:
        facts |= {"suspect": "network?", "silent_percent": round(100 * silent_share)}
    return Finding(
        kind=FindingKind.FIRE_DEVICE_SILENT,
        device_id=device.id,
        space_id=device.space_id,
        active=True,
        score=0.9,
        started=_utc(last_ms),
        seen=_utc(now_ms),
        message="Fire device silent for %(silent_s)s s",
        cause="Network or gateway down: %(silent_percent)s %% of the fire devices are silent" if network else _SILENT_ALONE,
        facts=facts,
    )


def speaks_again(device: Device, now_ms: int) -> Finding:
    return Finding(
        kind=FindingKind.FIRE_DEVICE_SILENT,
        device_id=device.id,
        space_id=device.space_id,
        active=False,
        score=0.0,
        started=_utc(now_ms),
        seen=_utc(now_ms),
        message="Fire device answers again",
    )


NETWORK_SHARE = 0.3
_SILENT_ALONE = "Device removed, without power or broken; or its link is down"


def _signal_of(event: Event, device: Device) -> str | None:
    name = event.type.removesuffix(".cleared")
    return _FIRE_MEANS.get(device.kind, "smoke") if name == "alarm.fire" else _EVENTS.get(name)


def _alarm(
    state: FireState, alarm: Alarm, ts_ms: int, device: Device, params: FireParams, *, active: bool
) -> tuple[FireState, Finding | None]:
    gauge = state.gauges.get(alarm.gauge or "", ())
    facts: dict[str, str | float] = {"value": gauge[-1][1]} if gauge else {}
    message = alarm.message_with_value if gauge else alarm.message
    said = _Said(kind=alarm.kind, active=active, score=1.0, message=message, cause=alarm.cause, facts=facts, gauge=alarm.gauge)
    return _say(state, said, ts_ms, device, params)


def _level(state: FireState, sample: Reading | Event, device: Device, params: FireParams) -> tuple[FireState, Finding | None]:
    """The gauge's own word, where no signal says it."""
    alarm = next((one for one in ALARMS.values() if isinstance(sample, Reading) and one.gauge == sample.metric), None)
    if alarm is None or not isinstance(sample, Reading) or device.kind not in _LEVEL_KINDS:
        return state, None
    before = sample.metric in state.levels.reached
    state = replace(state, levels=fire_level.step(state.levels, (sample.metric, sample.ts_ms, sample.value), device))
    reached = sample.metric in state.levels.reached
    if alarm.kind in state.signalled or not (before or reached):
        return state, None
    return _alarm(state, alarm, sample.ts_ms, device, params, active=reached)


_LEVEL_KINDS = FIRE_KINDS - {DeviceKind.HYDRANT_PRESSURE, DeviceKind.CALL_POINT}


def _pressure(state: FireState, kpa: float, ts_ms: int, device: Device, params: FireParams) -> tuple[FireState, Finding | None]:
    low_kpa = device.number("low_kpa", params.low_kpa)
    state = replace(state, low_readings=state.low_readings + 1 if kpa < low_kpa else 0)
    going_on = FindingKind.FIRE_HYDRANT_PRESSURE in state.ongoing
    active = kpa < low_kpa + params.clear_kpa_above if going_on else state.low_readings >= params.low_samples
    said = _Said(
        kind=FindingKind.FIRE_HYDRANT_PRESSURE,
        active=active,
        score=min(1.0, max(0.5, 1 - kpa / low_kpa)),
        message="Hydrant pressure %(pressure_kpa)s kPa, must be at least %(low_kpa)s kPa",
        cause="Pump off, valve shut, pipe broken or hydrant open",
        facts={"pressure_kpa": round(kpa, 1), "low_kpa": low_kpa},
        gauge=PRESSURE,
        limit=low_kpa,
    )
    return _say(state, said, ts_ms, device, params)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    kind: FindingKind
    active: bool
    score: float
    message: str
    cause: str
    facts: Mapping[str, str | float]
    gauge: str | None = None
    limit: float | None = None


def _say(state: FireState, said: _Said, ts_ms: int, device: Device, params: FireParams) -> tuple[FireState, Finding | None]:
    before = state.ongoing.get(said.kind)
    if not said.active and before is None:
        return state, None
    if said.active and before is not None and ts_ms - before.said_ms < params.confirm_s * 1000:
        return state, None
    started_ms = before.started_ms if before else ts_ms
    others = {kind: ongoing for kind, ongoing in state.ongoing.items() if kind is not said.kind}
    mine = {said.kind: Ongoing(started_ms=started_ms, said_ms=ts_ms)} if said.active else {}
    finding = Finding(
        kind=said.kind,
        device_id=device.id,
        space_id=device.space_id,
        active=said.active,
        score=said.score,
        started=_utc(started_ms),
        seen=_utc(ts_ms),
        message=said.message,
        cause=said.cause,
        facts=said.facts,
        evidence=_evidence(state, said),
    )
    return replace(state, ongoing={**others, **mine}), finding


def _evidence(state: FireState, said: _Said) -> Evidence | None:
    if said.gauge is None or not state.gauges.get(said.gauge):
        return None
    observed = state.gauges[said.gauge]
    expected = () if said.limit is None else ((observed[0][0], said.limit), (observed[-1][0], said.limit))
    return Evidence(metric=said.gauge, unit=metric(said.gauge).unit, observed=observed, expected=expected)


def _utc(ts_ms: int) -> datetime:
    return datetime.fromtimestamp(ts_ms / 1000, UTC)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
