"""M-Bus records → our metrics: quantity and scale by VIF, the medium by the meter's type, phases by the makers' VIFEs.

Only present values of storage 0 are readings of now. The first one of each metric counts, tariffs go beside it.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ingest.families.mbus_records import Manufacturers, Record, moment

ELECTRICITY, GAS, HEAT, WATER, SMOKE, OTHER = "electricity", "gas", "heat", "water", "smoke", "other"
_MEDIA = {
    0x02: ELECTRICITY,
    0x03: GAS,
    0x04: HEAT,
    0x0A: HEAT,
    0x0B: HEAT,
    0x0C: HEAT,
    0x0D: HEAT,
    0x06: WATER,
    0x07: WATER,
    0x15: WATER,
    0x16: WATER,
    0x17: WATER,
    0x28: WATER,
    0x3E: WATER,
    0x1A: SMOKE,
}
_PRIMARY, _FB, _FD, _MAKER = 0, 0xFB, 0xFD, 0xFF
_PRESENT = 0
_BACKWARD, _PHASE_VIFES = 0x3C, (0x7C, 0x7F)
_PHASES = {1: ".l1", 2: ".l2", 3: ".l3"}
_VOLTAGES = {**_PHASES, 4: ".avg", 5: ".l12", 6: ".l23", 7: ".l31", 8: ".line_avg"}
_STATUS_BITS = {0x04: "POWER_LOW", 0x08: "PERMANENT_ERROR", 0x10: "TEMPORARY_ERROR"}
_ERROR_FLAGS, _DIGITAL_INPUT = 0x17, 0x1B
_LANSEN_DOOR = {0x11: False, 0x55: True}
_KAMSTRUP_STATES = ((0x01, "DRY", ""), (0x02, "REVERSED", "backflow"), (0x04, "LEAKING", "leak"), (0x08, "BURSTING", "burst"))
_NZR_PHASES = {2: ".l1", 4: ".l2", 6: ".l3"}
_STANDARD_CONTENT, _SMOKE_BIT = 0x1D, 0x04
_EI_TAMPER, _EI_DUST, _EI_CLEAN_FROM = 0x40, 0x1F, 0x18
_REVERSED = {"elec.energy.import": "elec.energy.export", "water.volume": "water.volume.reverse"}


class Quantity(NamedTuple):
    """What a VIF says: a name that the medium turns into a metric, and the factor to the metric's unit."""

    name: str
    factor: float


class Meter(NamedTuple):
    manufacturer: str
    medium: str
    status: int = 0


class Meaning(NamedTuple):
    """`clock`: the meter's own, without zone, as ISO text; empty where it told none."""

    values: dict[str, float]
    events: list[tuple[str, dict[str, str]]]
    clock: str


def medium_of(device_type: int) -> str:
    return _MEDIA.get(device_type, OTHER)


def understand(records: Iterable[Record | Manufacturers], meter: Meter) -> Meaning:
    values: dict[str, float] = {}
    fallback: dict[str, float] = {}
    events: list[tuple[str, dict[str, str]]] = []
    problems = [word for bit, word in _STATUS_BITS.items() if meter.status & bit]
    clock = ""
    for record in records:
        if isinstance(record, Manufacturers):
            continue
        if record.table == _PRIMARY and record.vif == 0x6D and record.storage == 0 and record.function == _PRESENT:
            told = moment(record)
            clock = told.isoformat(sep=" ") if told else clock
        _status_of(record, meter, values, events, problems)
        for place, (metric, value) in enumerate(_readings(record, meter)):
            (fallback if place else values).setdefault(metric, value)
    powers = [values[f"elec.power.active{phase}"] for phase in _PHASES.values() if f"elec.power.active{phase}" in values]
    if len(powers) == len(_PHASES):
        fallback["elec.power.active"] = round(sum(powers), 6)
    values = fallback | values
    if problems:
        events.append(("meter.status", {"detail": " ".join(sorted(problems))}))
    return Meaning(values, events, clock)


def _readings(record: Record, meter: Meter) -> list[tuple[str, float]]:
    """The record under its own name first, then as the plain one for where a phase or tariff is all there is."""
    quantity, number = quantity_of(record), record.number
    if quantity is None or number is None:
        return []
    value = round(number * quantity.factor, 9)
    if meter.manufacturer == "KAM" and meter.medium == WATER and quantity.name == "flow_temperature":
        return [("water.temperature", value)]  # its water meters send the month's lowest alone
    if record.function != _PRESENT:
        return []
    if meter.manufacturer == "NZR" and record.storage in _NZR_PHASES and quantity.name in ("power", "voltage", "current"):
        return [(named(quantity.name, meter.medium) + _NZR_PHASES[record.storage], value)]
    if record.storage:
        return []
    return [(name, value) for name in _names(record, quantity, meter)]


def _names(record: Record, quantity: Quantity, meter: Meter) -> list[str]:
    name = quantity.name
    if meter.manufacturer == "IME" and name in ("energy", "power"):
        return _nemo_names(record, name)
    if name == "counter":
        return [f"counter.{chr(97 + record.subunit)}"] if record.subunit < 26 else []
    base = _base(record, name, meter.medium)
    if not base:
        return []
    tariff = f".t{record.tariff}" if record.tariff else ""
    if _BACKWARD in record.extensions:
        power = base.startswith("elec.power")
        reverse = _REVERSED.get(base, f"{base}.export" if power else f"x.{base}.reverse")
        return [reverse + tariff, reverse] if tariff else [reverse]
    suffix = _phase(record, name) or tariff
    if suffix != ".l1" and not suffix.startswith(".t"):
        return [base + suffix]
    return [base + suffix, base]


def _base(record: Record, name: str, medium: str) -> str:
    """Electricity meters send reactive and apparent power as power of subunits 1 and 2."""
    if name in ("power_factor", "frequency") and medium != ELECTRICITY:
        return ""
    if not record.subunit:
        return named(name, medium)
    if name == "power" and medium == ELECTRICITY:
        return {1: "elec.power.reactive", 2: "elec.power.apparent"}.get(record.subunit, "")
    return ""


def _phase(record: Record, name: str) -> str:
    """VIFE FC or a maker's FF, and a number: 0 the total or mean, 1 to 3 the phases, 4 to 8 means and line voltages."""
    if len(record.extensions) < 2 or record.extensions[0] not in _PHASE_VIFES:
        return ""
    number = record.extensions[1]
    if name == "voltage":
        return _VOLTAGES.get(number, "")
    return ".avg" if name == "current" and number == 0 else _PHASES.get(number, "")


def _nemo_names(record: Record, name: str) -> list[str]:
    """IME's Nemo: tariff 1 drawn, 2 delivered or partial; subunit 1 active, 2 reactive."""
    if record.tariff != 1:
        return []
    if name == "energy":
        return ["elec.energy.import" if record.subunit == 1 else "elec.energy.reactive.import"]
    return ["elec.power.active" if record.subunit == 1 else "elec.power.reactive"]


_METRICS: Mapping[str, Mapping[str, str]] = {
    "energy": {ELECTRICITY: "elec.energy.import", "": "heat.energy"},
    "power": {ELECTRICITY: "elec.power.active", "": "heat.power"},
    "volume": {WATER: "water.volume", GAS: "gas.volume", "": "volume"},
    "flow": {WATER: "water.flow", GAS: "gas.flow", "": "x.flow"},
    "flow_temperature": {WATER: "water.temperature", "": "x.temperature.flow"},
    "return_temperature": {"": "x.temperature.return"},
    "temperature_difference": {"": "x.temperature.difference"},
    "external_temperature": {"": "env.temperature"},
    "humidity": {"": "env.humidity"},
    "pressure": {WATER: "water.pressure", "": "x.pressure"},
    "voltage": {ELECTRICITY: "elec.voltage", "": "battery.voltage"},
    "current": {"": "elec.current"},
    "frequency": {"": "elec.frequency"},
    "reactive_energy": {"": "elec.energy.reactive.import"},
    "reactive_power": {"": "elec.power.reactive"},
    "apparent_power": {"": "elec.power.apparent"},
    "power_factor": {"": "elec.power_factor"},
    "heat_units": {"": "x.hca.units"},
    "counter": {"": "counter.a"},
    "battery_days": {"": "x.battery.remaining_days"},
}


def named(name: str, medium: str) -> str:
    """The metric that a quantity is on a meter of that medium; empty where it is none of ours."""
    by_medium = _METRICS.get(name, {})
    return by_medium.get(medium, by_medium.get("", ""))


def quantity_of(record: Record) -> Quantity | None:
    """None: no quantity that is measured (dates, versions, numbers of parts)."""
    vif = record.vif
    if record.table == _PRIMARY:
        return next(
            (
                Quantity(name, factor * 10.0 ** (vif - first))
                for first, last, name, factor in _PRIMARY_RANGES
                if first <= vif <= last
            ),
            None,
        )
    if record.table == _FB:
        return next(
            (Quantity(name, factor * 10.0 ** (vif - first)) for first, last, name, factor in _FB_RANGES if first <= vif <= last),
            None,
        )
    if record.table == _FD:
        return _fd(record)
    if record.table == _MAKER and vif in (0x0A, 0x0B) and record.coding == 5:
        return Quantity("power_factor" if vif == 0x0A else "frequency", 1.0)
    return None


def _fd(record: Record) -> Quantity | None:
    vif = record.vif
    if 0x40 <= vif <= 0x4F:
        return Quantity("voltage", 10.0 ** (vif - 0x49))
    if 0x50 <= vif <= 0x5F:
        return Quantity("current", 10.0 ** (vif - 0x5C))
    if vif == 0x3A:
        return Quantity("power_factor" if record.coding == 5 else "counter", 1.0)
    return Quantity("battery_days", 1.0) if vif == 0x74 else None


_PRIMARY_RANGES = (
    (0x00, 0x07, "energy", 1e-6),
    (0x08, 0x0F, "energy", 1 / 3.6e6),
    (0x10, 0x17, "volume", 1e-6),
    (0x28, 0x2F, "power", 1e-3),
    (0x30, 0x37, "power", 1 / 3600),
    (0x38, 0x3F, "flow", 1e-6),
    (0x40, 0x47, "flow", 60e-7),
    (0x48, 0x4F, "flow", 3600e-9),
    (0x58, 0x5B, "flow_temperature", 1e-3),
    (0x5C, 0x5F, "return_temperature", 1e-3),
    (0x60, 0x63, "temperature_difference", 1e-3),
    (0x64, 0x67, "external_temperature", 1e-3),
    (0x68, 0x6B, "pressure", 0.1),
    (0x6E, 0x6E, "heat_units", 1.0),
)
"""First and last VIF, quantity, factor of the first to the metric's unit: kWh, m3, W, m3/h, °C, kPa."""
_FB_RANGES = (
    (0x00, 0x01, "energy", 100.0),
    (0x02, 0x03, "reactive_energy", 1.0),
    (0x08, 0x09, "energy", 1e8 / 3.6e6),
    (0x10, 0x11, "volume", 100.0),
    (0x14, 0x14, "reactive_power", 1.0),
    (0x1A, 0x1B, "humidity", 0.1),
    (0x28, 0x29, "power", 1e5),
    (0x2C, 0x2F, "frequency", 1e-3),
    (0x34, 0x34, "apparent_power", 1.0),
)


def _status_of(
    record: Record, meter: Meter, values: dict[str, float], events: list[tuple[str, dict[str, str]]], problems: list[str]
) -> None:
    maker, table, vif = meter.manufacturer, record.table, record.vif
    if table == _FD and vif == _ERROR_FLAGS and record.coding != 0xD:
        _error_flags(record, meter, values, events, problems)
    elif (maker, table, vif, meter.medium) == ("KAM", _MAKER, 0x20, WATER):
        _kamstrup_water(record.unsigned, values, events, problems)
    elif (maker, table, vif) == ("LAS", _FD, _DIGITAL_INPUT):
        values.update({"door.open": float(_LANSEN_DOOR[record.unsigned])} if record.unsigned in _LANSEN_DOOR else {})
    elif (maker, table, vif) == ("EIE", _MAKER, 0x2C):
        _ei_head(record.unsigned, events, problems)
    elif (meter.medium, table, vif, record.tariff, record.subunit) == (SMOKE, _FD, 0x61, 1, 1):
        values.setdefault("alarm.count", float(record.unsigned))


def _kamstrup_water(flags: int, values: dict[str, float], events: list[tuple[str, dict[str, str]]], problems: list[str]) -> None:
    for bit, word, metric in _KAMSTRUP_STATES:
        active = bool(flags & bit)
        problems.extend([word] if active else [])
        if metric:
            values[metric] = float(active)
            events.extend([(f"alarm.{metric}", {})] if active else [])


def _ei_head(flags: int, events: list[tuple[str, dict[str, str]]], problems: list[str]) -> None:
    """Ei Electronics' smoke alarms: whether the head is off its base, and its dust level."""
    if flags & _EI_TAMPER:
        problems.append("TAMPER_WHILE_REMOVED")
        events.append(("alarm.tamper", {}))
    if flags & _EI_DUST >= _EI_CLEAN_FROM:
        problems.append("CLEANING_RECOMMENDED")


def _error_flags(
    record: Record, meter: Meter, values: dict[str, float], events: list[tuple[str, dict[str, str]]], problems: list[str]
) -> None:
    flags = record.unsigned
    if meter.medium == SMOKE and record.extensions == (_STANDARD_CONTENT,):
        values["smoke"] = float(bool(flags & _SMOKE_BIT))
        if flags & _SMOKE_BIT:
            events.append(("alarm.smoke", {}))
        flags &= ~_SMOKE_BIT
    if flags:
        problems.append(f"ERROR_FLAGS_{flags:X}")
