"""The metric vocabulary: dotted names, one unit each (UCUM/SenML style), and how each may be summed.

A metric that is not here is kept under `x.<name>`, never lost.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class MetricKind(StrEnum):
    REGISTER = "register"  # counts up; consumption is a difference (rollover, reset: see analytics.ledger)
    GAUGE = "gauge"  # an instantaneous value; aggregates as mean, min, max
    STATE = "state"  # 0 or 1; aggregates as last and as share of time
    CONSUMPTION = "consumption"  # an amount used in a period that starts at the reading's time; aggregates as sum


@dataclass(frozen=True, slots=True)
class Metric:
    """`low` and `high` bound what is physically plausible, in `unit`; outside them a reading is flagged, not dropped."""

    name: str
    unit: str
    kind: MetricKind
    low: float = float("-inf")
    high: float = float("inf")


_R, _G, _S, _C = MetricKind.REGISTER, MetricKind.GAUGE, MetricKind.STATE, MetricKind.CONSUMPTION

_TABLE = (
    Metric("elec.energy.import", "kWh", _R, 0, 1e9),
    Metric("elec.energy.export", "kWh", _R, 0, 1e9),
    Metric("elec.energy.combined", "kWh", _R, -1e9, 1e9),
    Metric("elec.energy.reactive.import", "kvar.h", _R, 0, 1e9),
    Metric("elec.energy.reactive.export", "kvar.h", _R, 0, 1e9),
    Metric("elec.power.active", "W", _G, -2e7, 2e7),
    Metric("elec.power.active.export", "W", _G, 0, 2e7),
    Metric("elec.power.reactive", "var", _G, -2e7, 2e7),
    Metric("elec.power.reactive.export", "var", _G, 0, 2e7),
    Metric("elec.power.apparent", "VA", _G, 0, 2e7),
    Metric("elec.voltage", "V", _G, 0, 40_000),
    Metric("elec.current", "A", _G, -20_000, 20_000),
    Metric("elec.power_factor", "1", _G, -1, 1),
    Metric("elec.frequency", "Hz", _G, 0, 500),
    Metric("elec.charge", "A.h", _R, 0),
    Metric("water.volume", "m3", _R, 0, 1e9),
    Metric("water.volume.reverse", "m3", _R, 0, 1e9),
    Metric("water.volume.log", "m3", _G, 0, 1e9),
    Metric("water.volume.period", "m3", _C, 0, 1e6),
    Metric("water.flow", "m3/h", _G, -2_000, 2_000),
    Metric("water.pressure", "kPa", _G, -100, 4_000),
    Metric("water.temperature", "Cel", _G, -50, 200),
    Metric("gas.volume", "m3", _R, 0, 1e9),
    Metric("gas.flow", "m3/h", _G, -10_000, 10_000),
    Metric("heat.energy", "kWh", _R, 0, 1e9),
    Metric("heat.power", "W", _G, -2e8, 2e8),
    Metric("volume", "m3", _R, 0, 1e9),
    Metric("leak", "1", _S, 0, 1),
    Metric("leak.raw", "1", _G, 0, 255),
    Metric("burst", "1", _S, 0, 1),
    Metric("backflow", "1", _S, 0, 1),
    Metric("door.open", "1", _S, 0, 1),
    Metric("door.open_count", "1", _R, 0),
    Metric("contact.active", "1", _S, 0, 1),
    Metric("lock.locked", "1", _S, 0, 1),
    Metric("occupancy", "1", _S, 0, 1),
    Metric("smoke", "1", _S, 0, 1),
    Metric("smoke.density", "1", _G, 0, 100),
    Metric("heat_alarm", "1", _S, 0, 1),
    Metric("co_alarm", "1", _S, 0, 1),
    Metric("gas_alarm", "1", _S, 0, 1),
    Metric("co.concentration", "[ppm]", _G, 0, 10_000),
    Metric("gas.lel", "%", _G, 0, 100),
    Metric("call_point.active", "1", _S, 0, 1),
    Metric("env.temperature", "Cel", _G, -60, 200),
    Metric("env.humidity", "%RH", _G, 0, 100),
    Metric("env.pressure", "kPa", _G, 0, 2_000),
    Metric("env.illuminance", "lx", _G, 0, 200_000),
    Metric("env.luminosity", "1", _G, 0),
    Metric("env.co2", "[ppm]", _G, 0, 100_000),
    Metric("env.soil_moisture", "%", _G, 0, 100),
    Metric("device.temperature", "Cel", _G, -60, 200),
    Metric("level.height", "m", _G, -1_000, 1_000),
    Metric("vibration", "1", _S, 0, 1),
    Metric("config.pulse_width", "ms", _G, 0),
    Metric("battery.level", "%", _G, 0, 100),
    Metric("battery.voltage", "V", _G, 0, 60),
    Metric("battery.low", "1", _S, 0, 1),
    Metric("tamper", "1", _S, 0, 1),
    Metric("online", "1", _S, 0, 1),
    Metric("switch.on", "1", _S, 0, 1),
    Metric("link.rssi", "dBm", _G, -200, 50),
    Metric("link.snr", "dB", _G, -100, 100),
    Metric("link.margin", "dB", _G, -100, 100),
    Metric("link.lqi", "1", _G, 0, 255),
    Metric("geo.lat", "lat", _G, -90, 90),
    Metric("geo.lon", "lon", _G, -180, 180),
    Metric("counter", "1", _R, 0),
    Metric("alarm.count", "1", _R, 0),
    Metric("elec.energy.import.hourly", "kWh", _C),
    Metric("water.volume.hourly", "m3", _C),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _TABLE}

HOURLY_SUFFIX = ".hourly"
"""The ledger writes the consumption of a register per hour under `<register>.hourly`, stamped with the hour's start."""

QUANTITY_REGISTER = {"electricity": "elec.energy.import", "water": "water.volume"}
"""The register that measures each quantity; its ledger metric is the same name plus HOURLY_SUFFIX."""

_CHANNEL = re.compile(r"\.(?:l\d{1,2}|ch\d{1,3}|t\d{1,2}|\d{1,2}|[a-d]|n|avg)$")
_NAME = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*")


def metric(name: str) -> Metric:
    """The metric of that name; with a suffix it has its total's unit and kind.

    Suffixes: phase `.l1`, neutral `.n`, channel `.ch2`, clamp of a two-channel meter `.a`, tariff `.t4`, probe `.2`,
    mean of the phases `.avg`.
    Unknown names come back as an unbounded gauge without a unit.
    """
    known = METRICS.get(name) or METRICS.get(_CHANNEL.sub("", name))
    if known is None and name.startswith("counter."):
        known = METRICS["counter"]
    if known is None:
        return Metric(name, "", MetricKind.GAUGE)
    return known if known.name == name else Metric(name, known.unit, known.kind, known.low, known.high)


def canonical_name(name: str) -> str:
    """The name under which a foreign metric is stored: itself where the vocabulary has it, else `x.<cleaned name>`."""
    if name in METRICS or _CHANNEL.sub("", name) in METRICS or name.startswith(("x.", "counter.")):
        return name if _NAME.fullmatch(name) else "x." + _clean(name.removeprefix("x."))
    return "x." + _clean(name)


def _clean(name: str) -> str:
    cleaned = re.sub(r"[^a-z0-9_.]+", "_", name.lower()).strip("._")[:100]
    return re.sub(r"\.{2,}", ".", cleaned) or "unnamed"
