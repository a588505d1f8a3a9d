"""Voltages and power factor as larger meters see them: 220 V that sag with the load of the day, and the faults of a supply."""

from collections.abc import Iterable, Mapping

import numpy as np

from devices.model import Device, DeviceKind
from simulators.campus import Campus, stream
from simulators.labels import LabelledFault
from simulators.timetable import DAY_S, UTC_OFFSET_S, Floats

PHASES = ("elec.voltage.l1", "elec.voltage.l2", "elec.voltage.l3")
POWER_FACTOR = "elec.power_factor"
NOMINAL_V = 220.0
_FAULTS: Mapping[str, tuple[float, float, float]] = {
    "low": (0.87, 0.87, 0.87),
    "high": (1.085, 1.085, 1.085),
    "apart": (1.0, 0.985, 0.935),
}
"""What is left of each phase (GB/T 12325 allows 0.9 to 1.07, GB/T 15543 a spread of 4 % for a short time)."""
_MACHINES = ("em-lab", "em-canteen")
STEP_S = 300
"""History has it so often: phases are compared with each other only while fresh."""
_BAD_FACTOR = 0.74


def has_quality(device: Device) -> bool:
    """The site's main meter and those of the buildings with machines measure it."""
    return device.kind is DeviceKind.ELECTRICITY_METER and (device.profile_id == "em-site" or device.id in _MACHINES)


def quality_readings(campus: Campus, device: Device, at_s: Floats, faults: Iterable[LabelledFault]) -> dict[str, Floats]:
    """Volts of each phase and the power factor at epoch seconds, (n,) each."""
    rng = stream(campus.seed, f"voltage {device.id}")
    offsets, phase = rng.uniform(-1.5, 1.5, 3), rng.uniform(0, 100)
    day = (at_s + UTC_OFFSET_S) % DAY_S / DAY_S
    load = np.clip(np.sin((day - 0.27) / 0.6 * np.pi), 0, 1)
    flicker = [0.9 * np.sin(at_s / (611 + 97 * number) + phase + number) for number in range(3)]
    volts = np.array([NOMINAL_V + 6.0 + offsets[number] - 5.0 * load + flicker[number] for number in range(3)])
    factor = 0.93 + 0.03 * load + 0.008 * np.sin(at_s / 1733 + phase)
    for fault in faults:
        if fault.kind == "elec.power_quality" and fault.device_id == device.id:
            inside = (at_s >= fault.start_s) & (at_s < fault.end_s)
            shares = _FAULTS.get(str(fault.parameters.get("fault")), (1.0, 1.0, 1.0))
            volts = np.where(inside, volts * np.array(shares)[:, None], volts)
            factor = np.where(inside & (fault.parameters.get("fault") == "factor"), factor - 0.95 + _BAD_FACTOR, factor)
    return {**dict(zip(PHASES, np.round(volts, 1), strict=True)), POWER_FACTOR: np.round(factor, 3)}
