"""The words of the campus: spaces, devices, readings and events. Frozen values, nothing of ours imported."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntFlag, StrEnum
from math import isfinite
from typing import NamedTuple


class SpaceKind(StrEnum):
    SITE = "site"
    BUILDING = "building"
    FLOOR = "floor"
    ROOM = "room"
    POINT = "point"  # a measuring point or outlet: a tap, a socket, a meter cupboard


class UseType(StrEnum):
    """What a space is used for; drives its calendar, its benchmarks and its peers."""

    CAMPUS = "campus"
    DORMITORY = "dormitory"
    TEACHING = "teaching"
    LABORATORY = "laboratory"
    CANTEEN = "canteen"
    LIBRARY = "library"


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """A place: site → building → floor → room → point. `area_m2` and `people` are None where nobody has counted."""

    id: str
    kind: SpaceKind
    name: str
    name_zh: str
    parent_id: str | None = None
    use: UseType = UseType.CAMPUS
    area_m2: float | None = None
    people: int | None = None


class DeviceKind(StrEnum):
    ELECTRICITY_METER = "electricity_meter"
    WATER_METER = "water_meter"
    DOOR_CONTROLLER = "door_controller"
    SMOKE_DETECTOR = "smoke_detector"
    HEAT_DETECTOR = "heat_detector"
    CO_DETECTOR = "co_detector"
    GAS_DETECTOR = "gas_detector"
    CALL_POINT = "call_point"
    HYDRANT_PRESSURE = "hydrant_pressure"
    FIRE_TANK = "fire_tank"
    FIRE_PANEL = "fire_panel"
    GAS_METER = "gas_meter"
    HEAT_METER = "heat_meter"
    ENVIRONMENT_SENSOR = "environment_sensor"
    COLD_STORE = "cold_store"
    LEAK_SENSOR = "leak_sensor"
    OCCUPANCY_SENSOR = "occupancy_sensor"
    SENSOR = "sensor"
    GATEWAY = "gateway"


FIRE_KINDS = frozenset(
    {
        DeviceKind.SMOKE_DETECTOR,
        DeviceKind.HEAT_DETECTOR,
        DeviceKind.CO_DETECTOR,
        DeviceKind.GAS_DETECTOR,
        DeviceKind.CALL_POINT,
        DeviceKind.HYDRANT_PRESSURE,
        DeviceKind.FIRE_TANK,
        DeviceKind.FIRE_PANEL,
    }
)
"""Kinds whose messages take the fast lane and whose silence is a fault within 100 s (GB 50166)."""

FAST_LANE_KINDS = FIRE_KINDS | {DeviceKind.DOOR_CONTROLLER, DeviceKind.COLD_STORE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One adopted device. `id` is the hardware's own number or the name the site gave it, never a topic.

    `upstream_id` names the meter that feeds this one (main → sub-meter). `measures_space` is true where
    the meter counts all that `space_id` uses, so that consumption of a space is never counted twice.
    """

    id: str
    kind: DeviceKind
    profile_id: str
    space_id: str
    name: str
    name_zh: str
    upstream_id: str | None = None
    measures_space: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)

    def number(self, name: str, default: float) -> float:
        """An attribute as a finite number; `default` where it is missing or is none."""
        try:
            number = float(self.attributes[name])
        except (KeyError, ValueError):
            return default
        return number if isfinite(number) else default


class Quality(IntFlag):
    """What is doubtful about a reading; GOOD is the absence of doubt. Flagged readings are kept, never dropped."""

    GOOD = 0
    LATE = 1  # arrived after a younger reading of the same metric, or long after its own time
    ESTIMATED = 2  # computed, not measured (ledger: a gap spread over its hours)
    IMPLAUSIBLE = 4  # outside the metric's physical range or rate; kept out of sums
    CLOCK_SUSPECT = 8  # device time was outside bounds; the server's time stands in its place
    DUPLICATE = 16  # same key seen before with another value; the last one stands
    INCOMPLETE = 32  # ledger: only part of the hour is covered


class Reading(NamedTuple):
    """One value of one metric. A tuple because the hot path makes tens of thousands a second.

    `ts_ms` is epoch milliseconds UTC; `value` is in the metric's one unit (devices.metrics); booleans are 0.0 or 1.0;
    `quality` is a `Quality` as int. (device_id, metric, ts_ms) is the key everywhere.
    """

    device_id: str
    metric: str
    ts_ms: int
    value: float
    quality: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened at a device (`door.denied`, `alarm.smoke`). `ts_ms` is epoch milliseconds UTC."""

    device_id: str
    type: str
    ts_ms: int
    attributes: Mapping[str, str | float | bool | None] = field(default_factory=dict)
