"""Every detector that is shipped, and what each consumes. A new one is its file in detectors/, its test, and one line here.

(A new kind of finding also needs its word in analytics.finding and its translation in dashboards/web/locale.)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from analytics.detectors import (
    balance,
    burst,
    creeping_base,
    creeping_leak,
    drip,
    frozen,
    heating,
    heating_quarter,
    inlet_leak,
    leak,
    left_on,
    no_load,
    phase_loss,
    register_jump,
    register_reset,
    reversed_flow,
    running_tap,
    spike,
    wrong_unit,
)
from analytics.episodes import Episode
from analytics.finding import Finding, FindingKind
from analytics.meter import Meter
from analytics.scene import Scene
from analytics.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlyDetector:
    """Consumes the ledger: looks at all known hours of one meter and returns every episode in them.

    `persists`: whether a finding still holds although it has lasted so long that it has become normal.
    """

    kind: FindingKind
    detect: Callable[[View], list[Episode]]
    persists: Callable[[View, Finding], bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamDetector:
    """Consumes readings of the meter's rate (W or m3/h) as they come. `resume` takes up an active finding after a restart."""

    kind: FindingKind
    suits: Callable[[Meter], bool]
    start: Callable[[], Any]
    step: Callable[[Any, tuple[int, float], Scene], tuple[Any, Finding | None]]
    resume: Callable[[Finding], Any]


HOURLY: tuple[HourlyDetector, ...] = (
    HourlyDetector(kind=FindingKind.METER_FROZEN, detect=frozen.detect, persists=frozen.persists),
    HourlyDetector(kind=FindingKind.METER_REGISTER_RESET, detect=register_reset.detect),
    HourlyDetector(kind=FindingKind.METER_REGISTER_JUMP, detect=register_jump.detect),
    HourlyDetector(kind=FindingKind.METER_REVERSED, detect=reversed_flow.detect),
    HourlyDetector(kind=FindingKind.WATER_BURST, detect=burst.detect),
    HourlyDetector(kind=FindingKind.WATER_RUNNING_TAP, detect=running_tap.detect),
    HourlyDetector(kind=FindingKind.WATER_TOILET_LEAK, detect=leak.detect, persists=leak.persists),
    HourlyDetector(kind=FindingKind.WATER_CREEPING_LEAK, detect=creeping_leak.detect, persists=leak.persists),
    HourlyDetector(kind=FindingKind.WATER_DRIP, detect=drip.detect, persists=leak.persists),
    HourlyDetector(kind=FindingKind.WATER_NETWORK_LEAK, detect=inlet_leak.detect, persists=inlet_leak.persists),
    HourlyDetector(kind=FindingKind.ELEC_NO_LOAD, detect=no_load.detect, persists=no_load.persists),
    HourlyDetector(kind=FindingKind.ELEC_PHASE_LOSS, detect=phase_loss.detect, persists=phase_loss.persists),
    HourlyDetector(kind=FindingKind.METER_WRONG_UNIT, detect=wrong_unit.detect, persists=wrong_unit.persists),
    HourlyDetector(kind=FindingKind.METER_BALANCE, detect=balance.detect, persists=balance.persists),
    HourlyDetector(kind=FindingKind.METER_SPIKE, detect=spike.detect),
    HourlyDetector(kind=FindingKind.ELEC_LEFT_ON, detect=left_on.detect),
    HourlyDetector(kind=FindingKind.ELEC_CREEPING_BASE, detect=creeping_base.detect, persists=creeping_base.persists),
)

STREAM: tuple[StreamDetector, ...] = (
    StreamDetector(
        kind=FindingKind.WATER_BURST,
        suits=lambda meter: meter.quantity == "water",
        start=burst.Burst,
        step=burst.step,
        resume=burst.resume,
    ),
    StreamDetector(
        kind=FindingKind.ELEC_HEATING_APPLIANCE,
        suits=heating.suits,
        start=heating.Heating,
        step=heating.step,
        resume=heating.resume,
    ),
    StreamDetector(
        kind=FindingKind.ELEC_HEATING_APPLIANCE,
        suits=heating_quarter.suits,
        start=heating_quarter.Quarters,
        step=heating_quarter.step,
        resume=heating_quarter.resume,
    ),
)

HEALTH: tuple[FindingKind, ...] = (FindingKind.DEVICE_DEAD,)
"""Consumes when each device was last heard: analytics.detectors.dead. Doors, fire and batteries run in the alerts role."""
