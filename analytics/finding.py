"""What a detector says: a finding with its evidence, its probable cause and what it wastes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class FindingKind(StrEnum):
    WATER_DRIP = "water.drip"
    WATER_TOILET_LEAK = "water.toilet_leak"
    WATER_CREEPING_LEAK = "water.creeping_leak"
    WATER_RUNNING_TAP = "water.running_tap"
    WATER_BURST = "water.burst"
    WATER_NETWORK_LEAK = "water.network_leak"
    ELEC_LEFT_ON = "elec.left_on"
    ELEC_CREEPING_BASE = "elec.creeping_base"
    ELEC_PHASE_LOSS = "elec.phase_loss"
    ELEC_NO_LOAD = "elec.no_load"
    ELEC_POWER_QUALITY = "elec.power_quality"
    ELEC_HEATING_APPLIANCE = "elec.heating_appliance"
    METER_FROZEN = "meter.frozen"
    METER_REGISTER_RESET = "meter.register_reset"
    METER_REGISTER_JUMP = "meter.register_jump"
    METER_REVERSED = "meter.reversed"
    METER_SPIKE = "meter.spike"
    METER_WRONG_UNIT = "meter.wrong_unit"
    METER_BALANCE = "meter.balance"
    ENERGY_BUDGET = "energy.budget"
    ENERGY_OVER_QUOTA = "energy.over_quota"
    DEVICE_DEAD = "device.dead"
    DEVICE_BATTERY_LOW = "device.battery_low"
    DOOR_FORCED = "door.forced"
    DOOR_HELD_OPEN = "door.held_open"
    DOOR_CHATTERING = "door.chattering"
    DOOR_DENIED_BURST = "door.denied_burst"
    DOOR_AFTER_HOURS = "door.after_hours"
    DOOR_LOST_CARD = "door.lost_card"
    DOOR_CARD_SHARED = "door.card_shared"
    DOOR_IMPOSSIBLE_TRAVEL = "door.impossible_travel"
    DOOR_PASS_BACK = "door.pass_back"  # noqa: S105 - a rule of access control, no password
    DOOR_TAILGATING = "door.tailgating"
    DOOR_READER_DEAD = "door.reader_dead"
    DOOR_NOT_BACK = "door.not_back"
    FIRE_SMOKE = "fire.smoke"
    FIRE_HEAT = "fire.heat"
    FIRE_CO = "fire.co"
    FIRE_GAS = "fire.gas"
    FIRE_CALL_POINT = "fire.call_point"
    FIRE_DEVICE_SILENT = "fire.device_silent"
    FIRE_HYDRANT_PRESSURE = "fire.hydrant_pressure"
    FIRE_CONFIRMED = "fire.confirmed"
    FIRE_DETECTOR_DUSTY = "fire.detector_dusty"
    FIRE_TAMPER = "fire.tamper"
    FIRE_LOOP_FAULT = "fire.loop_fault"
    FIRE_SENSOR_STUCK = "fire.sensor_stuck"
    FIRE_PRESSURE_LOSS = "fire.pressure_loss"
    FIRE_TANK_LEVEL = "fire.tank_level"
    COLD_LIMIT = "cold.limit"
    COLD_HUMIDITY = "cold.humidity"
    COLD_FAILING = "cold.failing"
    COLD_SENSOR_STUCK = "cold.sensor_stuck"
    PLATFORM_SPOOL_REFUSES = "platform.spool_refuses"
    PLATFORM_READINGS_WAIT = "platform.readings_wait"
    PLATFORM_INGEST_SILENT = "platform.ingest_silent"


class Basis(StrEnum):
    """What an expectation rests on."""

    OWN = "own"
    PEERS = "peers"
    WEATHER = "weather"  # the meter's own past, put right for the outdoor temperature


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was measured and what was expected, as a picture can show it: (epoch ms UTC, value in `unit`) pairs, in time order.

    `basis`: of the expectation, None where it is a rule or nothing is expected; `peers`: how many other meters it comes from.
    """

    metric: str
    unit: str
    observed: tuple[tuple[int, float], ...] = ()
    expected: tuple[tuple[int, float], ...] = ()
    basis: Basis | None = None
    peers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waste:
    """What the fault wastes per day while it lasts. Money in the site's currency, carbon in kg CO2e."""

    kwh_per_day: float = 0.0
    m3_per_day: float = 0.0
    cost_per_day: float = 0.0
    kgco2e_per_day: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One anomaly at one device, from `started`; `seen` is the last sample that supports (or, when not active, ends) it.

    `message` and `cause` are English gettext msgids with `%(name)s` places that `facts` fills; the screen translates them.
    `score` is 0..1, higher = worse. `id` is 0 until stored.
    """

    kind: FindingKind
    device_id: str
    space_id: str
    active: bool
    score: float
    started: datetime
    seen: datetime
    message: str
    cause: str = ""
    facts: Mapping[str, str | float] = field(default_factory=dict)
    evidence: Evidence | None = None
    waste: Waste = Waste()
    id: int = 0
