"""Which alert becomes which work order: one flat table. No row, no order: people answer the alert itself."""

from collections.abc import Callable
from dataclasses import dataclass

from alerts.model import Alert
from devices.model import FIRE_KINDS, DeviceKind
from maintenance.model import Priority, Trade


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlan:
    """`problem` and the place are an order's identity: alerts that are signs of one fault share it."""

    problem: str
    trade: Trade
    priority: Priority


def _plan(problem: str, trade: Trade, priority: Priority) -> OrderPlan:
    return OrderPlan(problem=problem, trade=trade, priority=priority)


_TABLE: dict[str, OrderPlan] = {
    "water.burst": _plan("water_leak", Trade.PLUMBING, Priority.P1),
    "water.running_tap": _plan("water_leak", Trade.PLUMBING, Priority.P2),
    "water.toilet_leak": _plan("water_leak", Trade.PLUMBING, Priority.P3),
    "water.creeping_leak": _plan("water_leak", Trade.PLUMBING, Priority.P2),
    "water.network_leak": _plan("water_leak", Trade.PLUMBING, Priority.P2),
    "water.drip": _plan("water_leak", Trade.PLUMBING, Priority.P4),
    "elec.creeping_base": _plan("base_load", Trade.ELECTRICAL, Priority.P4),
    "elec.phase_loss": _plan("phase_loss", Trade.ELECTRICAL, Priority.P2),
    "elec.no_load": _plan("no_load", Trade.ELECTRICAL, Priority.P2),
    "elec.power_quality": _plan("power_quality", Trade.ELECTRICAL, Priority.P3),
    "elec.left_on": _plan("left_on", Trade.ELECTRICAL, Priority.P3),
    "meter.frozen": _plan("meter_fault", Trade.METERING, Priority.P3),
    "meter.register_jump": _plan("meter_reset", Trade.METERING, Priority.P3),
    "meter.reversed": _plan("meter_fault", Trade.METERING, Priority.P3),
    "meter.spike": _plan("meter_fault", Trade.METERING, Priority.P4),
    "meter.wrong_unit": _plan("meter_fault", Trade.METERING, Priority.P3),
    "meter.balance": _plan("meter_balance", Trade.METERING, Priority.P3),
    "meter.register_reset": _plan("meter_reset", Trade.METERING, Priority.P3),
    "fire.device_silent": _plan("device_silent", Trade.FIRE_SYSTEMS, Priority.P1),
    "door.chattering": _plan("door_contact", Trade.DOORS, Priority.P4),
    "door.reader_dead": _plan("door_reader", Trade.DOORS, Priority.P3),
    "fire.detector_dusty": _plan("detector_dusty", Trade.FIRE_SYSTEMS, Priority.P4),
    "fire.tamper": _plan("fire_tamper", Trade.FIRE_SYSTEMS, Priority.P1),
    "fire.loop_fault": _plan("loop_fault", Trade.FIRE_SYSTEMS, Priority.P1),
    "fire.sensor_stuck": _plan("fire_sensor_stuck", Trade.FIRE_SYSTEMS, Priority.P2),
    "fire.pressure_loss": _plan("hydrant_pressure", Trade.FIRE_SYSTEMS, Priority.P3),
    "fire.tank_level": _plan("tank_level", Trade.FIRE_SYSTEMS, Priority.P1),
    "cold.limit": _plan("cold_store", Trade.GENERAL, Priority.P2),
    "cold.failing": _plan("cold_store", Trade.GENERAL, Priority.P2),
    "cold.sensor_stuck": _plan("cold_sensor", Trade.METERING, Priority.P3),
    "fire.hydrant_pressure": _plan("hydrant_pressure", Trade.FIRE_SYSTEMS, Priority.P1),
}

_AFTER_REPEATS: dict[str, tuple[int, OrderPlan]] = {
    "elec.heating_appliance": (1, _plan("heating_appliance", Trade.GENERAL, Priority.P3)),  # dormitory staff visit the room
    "door.held_open": (2, _plan("door_closer", Trade.DOORS, Priority.P3)),  # a door that keeps standing open has a weak closer
}
"""No order at first; from this many returns of the alert on."""

_BY_DEVICE: dict[str, Callable[[DeviceKind | None], OrderPlan]] = {
    "device.dead": lambda kind: _plan("device_silent", _trade_for(kind), Priority.P3),
    "device.battery_low": lambda kind: _plan("battery_low", _trade_for(kind), Priority.P4),
}


LEARNED = frozenset(
    {
        *("water.running_tap", "water.toilet_leak", "water.creeping_leak", "water.network_leak", "water.drip"),
        *("elec.left_on", "elec.creeping_base", "elec.no_load", "elec.phase_loss", "elec.heating_appliance"),
        *("meter.spike", "meter.wrong_unit", "meter.balance"),
    }
)
"""Kinds told by what is normal for that meter. A burst is not among them, nor what a register itself shows, nor fire and doors."""


def waits(kind: str, *, commissioning: bool) -> bool:
    """Whether no order follows yet: it is judged by a normal that the meter is still learning."""
    return commissioning and kind in LEARNED


def plan_for(alert: Alert, device_kind: DeviceKind | None) -> OrderPlan | None:
    """The order that this alert asks for, or None: fire alarms and forced doors are answered by people at once."""
    if alert.kind in _BY_DEVICE:
        return _BY_DEVICE[alert.kind](device_kind)
    if alert.kind in _AFTER_REPEATS:
        returns, plan = _AFTER_REPEATS[alert.kind]
        return plan if alert.reopened >= returns else None
    return _TABLE.get(alert.kind)


def _trade_for(kind: DeviceKind | None) -> Trade:
    if kind in FIRE_KINDS:
        return Trade.FIRE_SYSTEMS
    return Trade.DOORS if kind is DeviceKind.DOOR_CONTROLLER else Trade.METERING
