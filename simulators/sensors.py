"""Detectors, hydrants and batteries: quiet for months, dust drifting slowly, and what a fault does to them."""

from collections.abc import Sequence

import numpy as np

from devices.model import Device, DeviceKind, Event
from simulators import cold
from simulators.campus import Campus, stream
from simulators.labels import LabelledFault
from simulators.timetable import DAY_S, UTC_OFFSET_S, Floats
from simulators.weather import outdoor_at_c

SMOKE_ALARM, HEAT_ALARM_C, CO_ALARM_PPM, GAS_ALARM_LEL = 3.28, 57.0, 70.0, 20.0
"""%/m obscuration and °C of common detectors, ppm of UL 2034, % of the lower explosive limit."""

ALARM_METRIC = {
    "fire.smoke": "smoke",
    "fire.heat": "heat_alarm",
    "fire.co": "co_alarm",
    "fire.gas": "gas_alarm",
    "fire.call_point": "call_point.active",
}
ALARM_EVENT = {
    "fire.smoke": "alarm.smoke",
    "fire.heat": "alarm.heat",
    "fire.co": "alarm.co",
    "fire.gas": "alarm.gas",
    "fire.call_point": "alarm.fire",
}
SILENT_KINDS = frozenset({"device.dead", "fire.device_silent"})
_ANALOGUE = {
    DeviceKind.SMOKE_DETECTOR: ("smoke", "smoke.density"),
    DeviceKind.HEAT_DETECTOR: ("heat_alarm", "env.temperature"),
    DeviceKind.CO_DETECTOR: ("co_alarm", "co.concentration"),
    DeviceKind.GAS_DETECTOR: ("gas_alarm", "gas.lel"),
}
BRIEF_KINDS = frozenset(
    {"water.burst", *(f"normal.{name}" for name in ("pump_test", "steam", "insects", "toast", "aerosol", "cooking"))}
)
"""What is over so soon that a reading each step would not show it."""
_CAN_STICK = frozenset({"smoke.density", "env.temperature", "co.concentration", "gas.lel", "water.pressure"})
_REFERENCE_S = 1_767_196_800.0  # 2026-01-01 00:00 UTC+8


def readings(campus: Campus, device: Device, at_s: Floats, faults: Sequence[LabelledFault]) -> dict[str, Floats]:
    """Each metric of a detector, call point or hydrant at these epoch seconds; `faults` may be those of the whole campus."""
    traits = stream(campus.seed, f"traits {device.id}")
    noise = stream(campus.seed, f"noise {device.id}", int(at_s[0])) if len(at_s) else traits
    mine = [fault for fault in faults if fault.device_id == device.id]
    found: dict[str, Floats] = {}
    if device.kind is DeviceKind.COLD_STORE:
        found |= cold.readings(campus, device, at_s, mine)
    elif device.kind in _ANALOGUE:
        state, level = _ANALOGUE[device.kind]
        found[state] = _alarm(mine, at_s)
        quiet: Floats = _quiet(device.kind, traits, noise, at_s)
        found[level] = np.maximum(quiet + _beneath(mine, at_s), _alarm_level(device.kind, mine, at_s)).round(2)
    elif device.kind is DeviceKind.CALL_POINT:
        found["call_point.active"] = _alarm(mine, at_s)
    elif device.kind is DeviceKind.HYDRANT_PRESSURE:
        found["water.pressure"] = _pressure(device, traits, noise, at_s, faults)
    elif device.kind is DeviceKind.ENVIRONMENT_SENSOR:
        found["env.temperature"] = (outdoor_at_c(campus.seed, at_s) + noise.normal(0, 0.1, len(at_s))).round(1)
    elif device.kind is DeviceKind.FIRE_TANK:
        found["level.height"] = _tank_level(mine, noise, at_s)
    elif device.kind is DeviceKind.FIRE_PANEL:
        found["online"] = np.ones(len(at_s))
    found |= {metric: _still(values, mine, at_s) for metric, values in found.items() if metric in _CAN_STICK}
    found["battery.level"] = battery_level(traits, mine, at_s)
    return found


def door_battery(campus: Campus, device: Device, at_s: Floats, faults: Sequence[LabelledFault]) -> Floats:
    mine = [fault for fault in faults if fault.device_id == device.id]
    return battery_level(stream(campus.seed, f"traits {device.id}"), mine, at_s)


def battery_level(traits: np.random.Generator, faults: Sequence[LabelledFault], at_s: Floats) -> Floats:
    """Percent. Falls over years and is changed at 45 %; a failing cell falls below 15 % at once and to 3 % in hours."""
    life_s, age = traits.uniform(3, 8) * 365 * DAY_S, traits.uniform(0.03, 0.5)
    used: Floats = (age + (at_s - _REFERENCE_S) / life_s) % 0.55
    level: Floats = 100 * (1 - used)
    for fault in faults:
        if fault.kind == "device.battery_low":
            hours = (at_s - fault.start_s) / 3600
            failing = np.maximum(fault.number("level_pct", 14) - hours * fault.number("pct_per_h", 0.8), 3)
            level = np.where((at_s >= fault.start_s) & (at_s < fault.end_s), failing, level)
    result: Floats = np.round(level, 1)
    return result


def alarm_event(fault: LabelledFault) -> Event:
    """What a fire detector or call point shouts the moment it trips."""
    attributes: dict[str, str | float | bool | None] = {"source": "call_point"} if fault.kind == "fire.call_point" else {}
    return Event(device_id=fault.device_id, type=ALARM_EVENT[fault.kind], ts_ms=round(fault.start_s * 1000), attributes=attributes)


def _alarm(faults: Sequence[LabelledFault], at_s: Floats) -> Floats:
    state = np.zeros(len(at_s))
    for fault in faults:
        if fault.kind in ALARM_METRIC:
            state[(at_s >= fault.start_s) & (at_s < fault.end_s)] = 1.0
    return state


_RISE = {
    DeviceKind.SMOKE_DETECTOR: (SMOKE_ALARM, 5.0),
    DeviceKind.HEAT_DETECTOR: (HEAT_ALARM_C, 22.0),
    DeviceKind.CO_DETECTOR: (CO_ALARM_PPM, 140.0),
    DeviceKind.GAS_DETECTOR: (GAS_ALARM_LEL, 14.0),
}


def _alarm_level(kind: DeviceKind, faults: Sequence[LabelledFault], at_s: Floats) -> Floats:
    """Rises above the alarm point from the start, and is gone at the end (the room was aired)."""
    level = np.zeros(len(at_s))
    threshold, more = _RISE[kind]
    for fault in faults:
        if fault.kind in ALARM_METRIC:
            inside = (at_s >= fault.start_s) & (at_s < fault.end_s)
            level[inside] = threshold * 1.03 + more * _growth(fault, at_s[inside] - fault.start_s)
    return level


def _growth(fault: LabelledFault, seconds: Floats) -> Floats:
    """Smoke fills the chamber within a minute; a flaming fire grows with the square of time (t-squared fires, NFPA 92)."""
    if fault.number("growth_s"):
        return np.minimum((seconds / fault.number("growth_s")) ** 2, 3.0)
    return np.asarray(1 - np.exp(-seconds / 60))


def _still(values: Floats, faults: Sequence[LabelledFault], at_s: Floats) -> Floats:
    """Stuck at one value; or under a cap, where there is clean still air and the last digit moves at most."""
    for fault in faults:
        inside = (at_s >= fault.start_s) & (at_s < fault.end_s)
        if fault.kind == "fire.sensor_stuck" and inside.any():
            first = float(values[np.argmax(inside)])
            capped = round(0.8 * first, 2) + 0.01 * (np.floor(at_s / 3600) % 5 == 0)
            values = np.where(inside, capped if fault.number("covered") else first, values)
    return values


def _tank_level(faults: Sequence[LabelledFault], noise: np.random.Generator, at_s: Floats) -> Floats:
    """m. The float valve tops up what evaporates; one that sticks lets the tank fall."""
    level = 3.2 - 0.04 * ((at_s % (3 * DAY_S)) / (3 * DAY_S)) + noise.normal(0, 0.005, len(at_s))
    for fault in faults:
        if fault.kind == "fire.tank_level":
            inside = (at_s >= fault.start_s) & (at_s < fault.end_s)
            share = np.clip((at_s - fault.start_s) / 3600 / fault.number("fall_h"), 0, 1)
            level = np.where(inside, level - share * (3.2 - fault.number("to_m")), level)
    result: Floats = np.round(level, 2)
    return result


def _beneath(faults: Sequence[LabelledFault], at_s: Floats) -> Floats:
    """%/m (or K) below the alarm point: dust that gathers for days, steam, toast, a kitchen at noon, a fire before its alarm."""
    level = np.zeros(len(at_s))
    for fault in faults:
        inside = (at_s >= fault.start_s) & (at_s < fault.end_s)
        if fault.kind == "normal.kitchen_heat":
            level += np.where(inside, np.sin(np.pi * (at_s - fault.start_s) / (fault.end_s - fault.start_s)), 0.0) * (
                fault.number("peak_c") - 26
            )
            continue
        share = (at_s - fault.start_s) / (fault.end_s - fault.start_s)
        if fault.kind == "fire.detector_dusty":
            level += np.where(inside, np.minimum(2 * share, 1) * fault.number("percent_m"), 0.0)
        elif fault.kind in BRIEF_KINDS and fault.number("percent_m"):
            level += np.where(inside, np.sin(np.pi * np.clip(share, 0, 1)) * fault.number("percent_m"), 0.0)
        elif fault.number("rise_s"):
            before = 1 + (at_s - fault.start_s) / fault.number("rise_s")
            level += np.where((before > 0) & (before < 1), 0.8 * SMOKE_ALARM * np.clip(before, 0, 1) ** 2, 0.0)
    return level


def _quiet(kind: DeviceKind, traits: np.random.Generator, noise: np.random.Generator, at_s: Floats) -> Floats:
    base, slope = traits.uniform(0.05, 0.25), traits.uniform(0, 0.12)
    hour, year = ((at_s + UTC_OFFSET_S) % DAY_S) / 3600, (at_s - _REFERENCE_S) / (365 * DAY_S)
    wave = np.cos(2 * np.pi * (hour - 15) / 24)
    draws = noise.normal(0, 1, len(at_s))
    if kind is DeviceKind.SMOKE_DETECTOR:
        result: Floats = np.maximum(base + slope * (year % 5) + 0.015 * draws, 0)
        return result
    if kind is DeviceKind.HEAT_DETECTOR:
        season = -4.0 * np.cos(2 * np.pi * (year - 20 / 365))
        return np.asarray(21.0 + season + 1.8 * wave + 10 * base * 0.5 + 0.15 * draws)
    if kind is DeviceKind.CO_DETECTOR:
        return np.asarray(np.maximum(4 * base + 0.7 * wave + 0.3 * draws, 0))
    return np.asarray(np.maximum(base + 0.05 * draws, 0))


def _pressure(
    device: Device, traits: np.random.Generator, noise: np.random.Generator, at_s: Floats, faults: Sequence[LabelledFault]
) -> Floats:
    """kPa. Lower when the town draws water, lower still beside a burst; a shut valve or dead pump leaves almost nothing."""
    hour = ((at_s + UTC_OFFSET_S) % DAY_S) / 3600
    level = traits.uniform(370, 430) - 9 * np.exp(-(((hour - 7.5) / 1.2) ** 2)) - 13 * np.exp(-(((hour - 20) / 2) ** 2))
    level = level + noise.normal(0, 1.3, len(at_s))
    for fault in faults:
        inside = (at_s >= fault.start_s) & (at_s < fault.end_s)
        if fault.kind == "fire.hydrant_pressure" and fault.device_id == device.id:
            level[inside] = fault.number("pressure_kpa", 80) + noise.normal(0, 1.0, int(inside.sum()))
        elif fault.kind == "fire.pressure_loss" and fault.device_id == device.id:
            share = (at_s[inside] - fault.start_s) / (fault.end_s - fault.start_s)
            level[inside] -= share * fault.number("drop_kpa")
        elif fault.kind == "normal.pump_test" and fault.device_id == device.id:
            level[inside] = fault.number("pressure_kpa")
        elif fault.kind == "water.burst":
            level[inside] -= fault.number("pressure_drop_kpa") * _near(device, fault)
    result: Floats = np.round(level, 1)
    return result


def _near(device: Device, burst: LabelledFault) -> float:
    """How much of a burst's pressure drop a hydrant feels: all in the same building, a third on the ring main."""
    if device.id == burst.parameters.get("hydrant"):
        return 1.0
    return 0.35 if device.space_id == burst.parameters.get("site") else 0.0
