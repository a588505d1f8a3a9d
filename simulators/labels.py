"""A fault with its label: what is wrong with which device, from when to when, and how strongly."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from simulators.timetable import DAY_S, UTC_OFFSET_S, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledFault:
    """`kind` is the value of the finding a good detector would make (`water.burst`); `device_id` the lowest device that shows it.

    Aware UTC times, `end` exclusive. `parameters` carry their unit in the name.
    """

    kind: str
    device_id: str
    start: datetime
    end: datetime
    parameters: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def start_s(self) -> float:
        return self.start.timestamp()

    @property
    def end_s(self) -> float:
        return self.end.timestamp()

    def active(self, at_s: float) -> bool:
        return self.start_s <= at_s < self.end_s

    def number(self, name: str, default: float = 0.0) -> float:
        return float(self.parameters.get(name, default))


WATER_KINDS = frozenset(
    {
        "water.running_tap",
        "water.toilet_leak",
        "water.burst",
        "normal.boiler_refill",
        "normal.sports_day",
        "normal.flushing",
        "water.drip",
        "beyond.drip",
        "water.creeping_leak",
        "water.network_leak",
        "meter.reversed",
    }
)
ELECTRIC_KINDS = frozenset({"elec.left_on", "elec.heating_appliance", "elec.creeping_base", "normal.solar"})
"""Faults that draw power; so does whatever names an `appliance`."""


def is_outage(fault: LabelledFault) -> bool:
    """The network of the whole site is away: nothing of it is heard."""
    return fault.number("outage") > 0


def load_until(fault: LabelledFault, at_s: Floats) -> Floats:
    """What the fault has drawn since its start, at each of these epoch seconds: joules, or litres for water.

    Exact at any resolution, so that minutes of history and seconds of live data agree.
    """
    elapsed = _at_full(fault, np.clip(at_s, fault.start_s, fault.end_s))
    if fault.kind in WATER_KINDS:
        result: Floats = elapsed * fault.number("flow_l_per_h") / 3600
        return result
    on_s, off_s = fault.number("on_s"), fault.number("off_s")
    if off_s > 0:
        elapsed = np.floor(elapsed / (on_s + off_s)) * on_s + np.minimum(elapsed % (on_s + off_s), on_s)
    return elapsed * fault.number("power_w")


def _at_full(fault: LabelledFault, at_s: Floats) -> Floats:
    """Seconds at full strength until then: less while it still grows (`ramp_h`), and with the sun where it shines (`sun`)."""
    if fault.number("sun"):
        start: Floats = np.array([fault.start_s])
        return _sun_s(at_s) - _sun_s(start)
    elapsed = at_s - fault.start_s
    ramp_s = fault.number("ramp_h") * 3600
    if ramp_s <= 0:
        return elapsed
    growing = np.minimum(elapsed, ramp_s)
    return growing**2 / (2 * ramp_s) + np.maximum(elapsed - ramp_s, 0.0)


def _sun_s(at_s: Floats) -> Floats:
    """Since 1970: the integral of a half sine from six to six, local time."""
    day, second = np.divmod(at_s + UTC_OFFSET_S, DAY_S)
    up = np.clip((second - DAY_S / 4) / (DAY_S / 2), 0, 1)
    result: Floats = (day * 2 + 1 - np.cos(np.pi * up)) * (DAY_S / 2 / np.pi)
    return result


def to_json(fault: LabelledFault) -> dict[str, Any]:
    return {
        "kind": fault.kind,
        "device_id": fault.device_id,
        "start": fault.start.astimezone(UTC).isoformat(),
        "end": fault.end.astimezone(UTC).isoformat(),
        "parameters": dict(fault.parameters),
    }


def from_json(row: Mapping[str, Any]) -> LabelledFault:
    return LabelledFault(
        kind=row["kind"],
        device_id=row["device_id"],
        start=datetime.fromisoformat(row["start"]),
        end=datetime.fromisoformat(row["end"]),
        parameters=row["parameters"],
    )


def truth_json(faults: Iterable[LabelledFault]) -> str:
    """The ground truth, one JSON array, by start."""
    rows = [to_json(fault) for fault in sorted(faults, key=lambda fault: (fault.start, fault.device_id, fault.kind))]
    return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"
