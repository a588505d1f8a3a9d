"""JSON that the program wmbusmeters publishes for a telegram it decoded: field names end in their unit (total_m3, current_..._kw).

Identity is the meter's number; `timestamp` is the receiver's own time in UTC, meter_datetime the meter's without zone.
"""

import re
from collections.abc import Mapping
from typing import Any

from ingest.decoded import Decoded, Happening, Outcome, Rejected, Sample
from ingest.families.json_fields import Unusable, epoch_ms, load_object, number, word
from ingest.message import Message

_UNITS = {
    "kwh": 1.0,
    "mj": 1 / 3.6,
    "gj": 1e3 / 3.6,
    "kw": 1000.0,
    "kvarh": 1.0,
    "kvar": 1000.0,
    "kva": 1000.0,
    "bar": 100.0,
    "l": 0.001,
    "l_h": 0.001,
}
"""Factors to our units; a unit that is not here is ours already."""
_PHASE = re.compile(r"(?:_at)?_?(?:phase|l)_?([123])(?:_n)?(?=_|$)")
_TARIFF = re.compile(r"_?tariff_?(\d)")
_FIELD = re.compile(r"(.+?)_(m3h|m3|kwh|kw|kvarh|kvar|kva|v|a|hz|c|rh|bar|l|mj|gj|counter)")
_NAMES: tuple[tuple[str, str], ...] = (
    (r"total_(?:backwards?|backward_flow|reverse).*_m3", "water.volume.reverse"),
    (r"total_m3", "water.volume"),
    (r"(?:volume_flow|flow)_m3h", "water.flow"),
    (r"(?:flow_temperature|water_temperature|temperature)_c", "water.temperature"),
    (r"(?:external_temperature|room_temperature|ambient_temperature)_c", "env.temperature"),
    (r"(?:relative_humidity|current_relative_humidity|humidity)_rh", "env.humidity"),
    (r"pressure_bar", "water.pressure"),
    (r"(?:total_energy_production|total_energy_export)_kwh", "elec.energy.export"),
    (r"total_reactive.*_kvarh", "elec.energy.reactive.import"),
    (r"(?:total_energy_consumption|total)_kwh", "elec.energy.import"),
    (r"current_power_production_kw", "elec.power.active.export"),
    (r"(?:current_power_consumption|power|active_consumption|active_power_overall)_kw", "elec.power.active"),
    (r"reactive.*_kvar", "elec.power.reactive"),
    (r"apparent.*_kva", "elec.power.apparent"),
    (r"voltage_v", "elec.voltage"),
    (r"current_a", "elec.current"),
    (r"frequency_hz", "elec.frequency"),
    (r"battery_v", "battery.voltage"),
    (r"alarm_counter", "alarm.count"),
    (r"([ab])_counter", "counter"),
)
_HEAT_MEDIA = ("heat", "cooling")


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:  # noqa: ARG001 - every decoder takes a context
    try:
        told = load_object(message.payload)
    except Unusable as error:
        return Rejected(str(error))
    device_id = word(told.get("id"))
    if not device_id or told.get("_", "telegram") != "telegram":
        return Rejected("no telegram of wmbusmeters: `id` is missing, or `_` is not telegram")
    is_heat = any(medium in str(told.get("media")).lower() for medium in _HEAT_MEDIA)
    values: dict[str, float] = {}
    for name, value in told.items():
        amount = number(value)
        if amount is not None and not isinstance(value, str):
            metric, factor = _metric(name, is_heat=is_heat)
            values[metric] = round(amount * factor, 6)
    ts_ms = epoch_ms(told.get("timestamp"))
    if not values:
        return Rejected("the telegram has no value", device_id)
    return Decoded(device_id, (Sample(ts_ms, values),), _status(told, ts_ms))


def _metric(name: str, *, is_heat: bool) -> tuple[str, float]:
    """Phases and tariffs leave the name before it is looked up and come back as suffix."""
    phase, tariff = _PHASE.search(name), _TARIFF.search(name)
    plain = _TARIFF.sub("", _PHASE.sub("", name))
    unit = _FIELD.fullmatch(plain)
    factor = _UNITS.get(unit[2], 1.0) if unit else 1.0
    for pattern, metric in _NAMES:
        found = re.fullmatch(pattern, plain)
        if found:
            known = f"counter.{found[1]}" if metric == "counter" else _of_heat(metric) if is_heat else metric
            return known + (f".l{phase[1]}" if phase else "") + (f".t{tariff[1]}" if tariff else ""), factor
    return f"x.{name}", 1.0


def _of_heat(metric: str) -> str:
    return {"elec.energy.import": "heat.energy", "elec.power.active": "heat.power", "water.volume": "volume"}.get(metric, metric)


def _status(told: Mapping[str, Any], ts_ms: int | None) -> tuple[Happening, ...]:
    status = word(told.get("status") or told.get("current_status"))
    happenings = [Happening("meter.status", ts_ms, {"detail": status[:200]})] if status not in ("", "OK") else []
    if "SMOKE" in status.split():
        happenings.append(Happening("alarm.smoke", ts_ms, {}))
    return tuple(happenings)
