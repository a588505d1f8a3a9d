"""Cold stores: a compressor that cycles, doors that open at work, and what fails."""

from collections.abc import Sequence

import numpy as np

from devices.model import Device
from simulators.campus import Campus, stream
from simulators.labels import LabelledFault
from simulators.timetable import DAY_S, UTC_OFFSET_S, Floats

_CYCLE_S = 2400.0
"""Compressors of cold rooms start one to four times an hour; no source found, an assumption."""


def readings(campus: Campus, device: Device, at_s: Floats, faults: Sequence[LabelledFault]) -> dict[str, Floats]:
    """°C and %RH at these epoch seconds."""
    traits = stream(campus.seed, f"traits {device.id}")
    noise = stream(campus.seed, f"noise {device.id}", int(at_s[0])) if len(at_s) else traits
    middle, swing = float(device.attributes["set_c"]), traits.uniform(0.4, 0.8)
    hour = ((at_s + UTC_OFFSET_S) % DAY_S) / 3600
    work = np.where((hour > 6) & (hour < 19), 0.35, 0.0)
    level = middle + swing * np.sin(2 * np.pi * at_s / _CYCLE_S + traits.uniform(0, 6)) + work + noise.normal(0, 0.12, len(at_s))
    for fault in faults:
        if fault.device_id == device.id:
            level = _faulty(level, at_s, fault)
    damp = sum((_damp(at_s, fault) for fault in faults if fault.device_id == device.id), np.zeros(len(at_s)))
    humidity: Floats = damp + 72 + 4 * np.sin(2 * np.pi * at_s / _CYCLE_S) + noise.normal(0, 1, len(at_s))
    shown: Floats = np.clip(humidity, 5, 99).round(1)
    return {"env.temperature": level.round(1), "env.humidity": shown}


def _damp(at_s: Floats, fault: LabelledFault) -> Floats:
    inside = (fault.kind == "cold.humidity") & (at_s >= fault.start_s) & (at_s < fault.end_s)
    return np.where(inside, np.minimum((at_s - fault.start_s) / 1800, 1) * fault.number("rise_rh"), 0.0)


def _faulty(level: Floats, at_s: Floats, fault: LabelledFault) -> Floats:
    inside = (at_s >= fault.start_s) & (at_s < fault.end_s)
    hours = (at_s - fault.start_s) / 3600
    if fault.kind == "cold.failing":
        return level + np.where(inside, np.minimum(hours / 12, 1) * fault.number("rise_c"), 0.0)
    if fault.kind == "cold.limit":
        return level + np.where(inside, np.minimum(hours / 0.5, 1) * fault.number("jump_c"), 0.0)
    if fault.kind == "cold.sensor_stuck" and inside.any():
        return np.where(inside, level[np.argmax(inside)], level)
    return level
