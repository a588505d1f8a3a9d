"""The fields of Tasmota's JSON: energy monitors, French Teleinfo, sensors, Zigbee and LoRaWAN nodes, and its own state."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ingest.decoded import Attribute, Happening
from ingest.families.json_fields import number, obj, quantity, truth, word

NodeReader = Callable[[Mapping[str, Any]], tuple[dict[str, float], list[Happening]]]

_ENERGY = {
    "Total": "elec.energy.import",
    "ImportActive": "elec.energy.import",
    "ExportActive": "elec.energy.export",
    "ExportTotal": "elec.energy.export",
    "ImportReactive": "elec.energy.reactive.import",
    "ExportReactive": "elec.energy.reactive.export",
    "Power": "elec.power.active",
    "ApparentPower": "elec.power.apparent",
    "ReactivePower": "elec.power.reactive",
    "Factor": "elec.power_factor",
    "Frequency": "elec.frequency",
    "Voltage": "elec.voltage",
    "Current": "elec.current",
    "CurrentNeutral": "elec.current.n",
    "TotalTariff": "elec.energy.import",
    "ExportTariff": "elec.energy.export",
    "Today": "x.elec.energy.today",
    "Yesterday": "x.elec.energy.yesterday",
}
_TARIFFS = ("TotalTariff", "ExportTariff")
_TELEINFO = {
    "BASE": ("elec.energy.import", 0.001),
    "EAST": ("elec.energy.import", 0.001),
    "EAIT": ("elec.energy.export", 0.001),
    "HCHC": ("elec.energy.import.t1", 0.001),
    "HCHP": ("elec.energy.import.t2", 0.001),
    "EJPHN": ("elec.energy.import.t1", 0.001),
    "EJPHPM": ("elec.energy.import.t2", 0.001),
    **{
        f"BBRH{hour}J{colour}": (f"elec.energy.import.t{1 + 2 * place + (hour == 'P')}", 0.001)
        for place, colour in enumerate("BWR")
        for hour in "CP"
    },
    **{f"EASF{tariff:02}": (f"elec.energy.import.t{tariff}", 0.001) for tariff in range(1, 11)},
    "PAPP": ("elec.power.apparent", 1.0),
    "SINSTS": ("elec.power.apparent", 1.0),
    "SINSTI": ("x.elec.power.apparent.export", 1.0),
    "IINST": ("elec.current", 1.0),
    "IRMS1": ("elec.current.l1", 1.0),
    "IRMS2": ("elec.current.l2", 1.0),
    "IRMS3": ("elec.current.l3", 1.0),
    "IINST1": ("elec.current.l1", 1.0),
    "IINST2": ("elec.current.l2", 1.0),
    "IINST3": ("elec.current.l3", 1.0),
    "URMS1": ("elec.voltage.l1", 1.0),
    "URMS2": ("elec.voltage.l2", 1.0),
    "URMS3": ("elec.voltage.l3", 1.0),
}
_SCRIPTED = (
    ("Volt", "elec.voltage"),
    ("Amperage", "elec.current"),
    ("Curr", "elec.current"),
    ("Power", "elec.power.active"),
    ("Watt", "elec.power.active"),
)
_SENSOR = {
    "Temperature": "env.temperature",
    "Humidity": "env.humidity",
    "DewPoint": "x.env.dew_point",
    "Pressure": "env.pressure",
    "SeaPressure": "x.env.sea_pressure",
    "Illuminance": "env.illuminance",
    "CarbonDioxide": "env.co2",
    "eCO2": "x.env.eco2",
    "TVOC": "x.env.tvoc",
    "Moisture": "env.soil_moisture",
    "Flow": "x.water.flow",
    "Distance": "x.distance",
    "BatteryPercentage": "battery.level",
    "BatteryVoltage": "battery.voltage",
    "Battery": "battery.level",
    "RSSI": "link.rssi",
    # meters read by a script (SML, OBIS); the names are those of the documentation's examples
    **dict.fromkeys(("Total_in", "total_in", "E_in", "1_8_0", "TotalIn"), "elec.energy.import"),
    **dict.fromkeys(("Total_out", "total_out", "E_out", "2_8_0", "TotalOut"), "elec.energy.export"),
    **dict.fromkeys(("Power_curr", "Power_current", "16_7_0", "Power_in"), "elec.power.active"),
    **{f"{name}_p{phase}": f"{metric}.l{phase}" for phase in (1, 2, 3) for name, metric in _SCRIPTED},
}
_CHIPS = ("ESP32", "ESP8266")
_PRESSURES = {"hPa": 0.1, "mmHg": 0.133322, "inHg": 3.38639, "kPa": 1.0}
_NOT_SENSORS = {"ENERGY", "TIC", "PN532", "RC522", "RDM6300", "Wifi", "COUNTER", "ZbReceived", "LwReceived", "Berry", *_CHIPS}
_NUMBERED = re.compile(r"(.*?)[-_](\d{1,2})")
_MOST_BLOCKS = 200
_HIGHEST_CELL_V = 12

_ZIGBEE = {
    "Temperature": ("env.temperature", 1.0),
    "Humidity": ("env.humidity", 1.0),
    "Pressure": ("env.pressure", 0.1),
    "Illuminance": ("env.illuminance", 1.0),
    "BatteryPercentage": ("battery.level", 1.0),
    "BatteryVoltage": ("battery.voltage", 1.0),
    "LinkQuality": ("link.lqi", 1.0),
    "RSSI": ("link.rssi", 1.0),
    "ActivePower": ("elec.power.active", 1.0),
    "ReactivePower": ("elec.power.reactive", 1.0),
    "ApparentPower": ("elec.power.apparent", 1.0),
    "RMSVoltage": ("elec.voltage", 1.0),
    "RMSCurrent": ("elec.current", 1.0),
    "MainsVoltage": ("elec.voltage", 1.0),
    "ACFrequency": ("elec.frequency", 1.0),
    "CurrentSummationDelivered": ("elec.energy.import", 1.0),
    "EnergyTotal": ("elec.energy.import", 1.0),
}
_ZIGBEE_STATES = {
    "Power": ("switch.on", ""),
    "Occupancy": ("occupancy", ""),
    "Movement": ("occupancy", ""),
    "Motion": ("occupancy", ""),
    "Water": ("leak", "alarm.leak"),
    "Smoke": ("smoke", "alarm.smoke"),
    "Fire": ("smoke", "alarm.smoke"),
    "Gas": ("gas_alarm", "alarm.gas"),
    "CO": ("co_alarm", "alarm.co"),
    "Tamper": ("tamper", "alarm.tamper"),
    "Vibration": ("vibration", ""),
    "BatteryLow": ("battery.low", ""),
}
_LORAWAN = {
    "RSSI": ("link.rssi", 1.0),
    "SNR": ("link.snr", 1.0),
    "Battery": ("battery.voltage", 1.0),
    "BattV": ("battery.voltage", 1.0),
    "BatteryVoltage": ("battery.voltage", 1.0),
    "BatteryPercent": ("battery.level", 1.0),
    "Temperature": ("env.temperature", 1.0),
    "TempC": ("env.temperature", 1.0),
    "Humidity": ("env.humidity", 1.0),
    "Illuminance": ("env.illuminance", 1.0),
    "Events": ("door.open_count", 1.0),
    "CO2": ("env.co2", 1.0),
}
_LORAWAN_STATES = {
    "DoorOpen": ("door.open", ""),
    "Door": ("door.open", ""),
    "Leak": ("leak", "alarm.leak"),
    "WaterLeak": ("leak", "alarm.leak"),
    "Occupied": ("occupancy", ""),
    "Occupancy": ("occupancy", ""),
    "Water": ("leak", "alarm.leak"),
    "Tamper": ("tamper", "alarm.tamper"),
}
_NODE_ADDRESSES = {"Device", "Node", "Name", "IEEEAddr", "DevEUI", "Endpoint", "Group", "Contact", "Cluster", "LastEvent"}


def about(leaf: str, told: Mapping[str, Any]) -> Happening | None:
    """INFO1 after start, STATUS and STATUS2: what the device says of itself."""
    for key, kind in (("Info1", "device.boot"), ("Info2", "device.info"), ("Info3", "device.info"), ("StatusFWR", "device.info")):
        part = obj(told.get(key))
        if part:
            attributes: dict[str, Attribute] = {name: word(value)[:200] for name, value in part.items() if word(value)}
            return Happening(kind, None, attributes)
    return Happening("device.info", None, {"part": leaf[:40]}) if leaf.startswith(("STATUS", "INFO")) and "Status" in told else None


def state(told: Mapping[str, Any]) -> dict[str, float]:
    """STATE: signal and free heap; relays are read elsewhere."""
    wifi = obj(told.get("Wifi"))
    pairs = (("link.rssi", wifi.get("Signal")), ("x.device.uptime", told.get("UptimeSec")), ("x.device.vcc", told.get("Vcc")))
    return {metric: value for metric, raw in pairs if (value := number(raw)) is not None}


def sensors(told: Mapping[str, Any]) -> dict[str, float]:
    values: dict[str, float] = dict(_energy(obj(told.get("ENERGY"))))
    for key, (metric, factor) in _TELEINFO.items():
        amount = number(obj(told.get("TIC")).get(key))
        if amount is not None:
            values.setdefault(metric, round(amount * factor, 6))
    for chip in _CHIPS:
        heat = number(obj(told.get(chip)).get("Temperature"))
        if heat is not None:
            values["device.temperature"] = _celsius(heat, told)
    for key, count in obj(told.get("COUNTER")).items():
        amount = number(count)
        if amount is not None:
            values[f"counter.{key.lower()}"] = amount
    return values | dict(_blocks(told))


def _energy(block: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """A list has an entry per phase, or per channel where there are two."""
    for key, metric in _ENERGY.items():
        told = block.get(key)
        if not isinstance(told, list):
            amount = number(told)
            if amount is not None:
                yield metric, amount
            continue
        letter = "t" if key in _TARIFFS else "l" if len(told) == 3 else "ch"
        for place, entry in enumerate(told[:9], start=1):
            amount = number(entry)
            if amount is not None:
                yield f"{metric}.{letter}{place}", amount


def _blocks(told: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Sensors are objects named after their chip. The first of a quantity is the device's own, further ones are channels."""
    seen: dict[str, int] = {}
    blocks = [(name, block) for name, block in told.items() if isinstance(block, dict) and name not in _NOT_SENSORS]
    for name, block in blocks[:_MOST_BLOCKS]:
        for key, raw in block.items():
            amount = quantity(raw) if not isinstance(raw, dict) else None
            if amount is None or key in ("Id", "Action"):
                continue
            metric = _SENSOR.get(key)
            if metric is None:
                yield f"x.{name}.{key}", amount
                continue
            seen[metric] = seen.get(metric, 0) + 1
            suffix = "" if seen[metric] == 1 else f".ch{_number_of(name) or seen[metric]}"
            yield metric + suffix, _in_our_unit(metric, amount, told)


def _number_of(name: str) -> str:
    found = _NUMBERED.fullmatch(name)
    return found[2] if found else ""


def _in_our_unit(metric: str, amount: float, told: Mapping[str, Any]) -> float:
    if metric == "env.temperature":
        return _celsius(amount, told)
    if metric == "env.pressure":
        return round(amount * _PRESSURES.get(word(told.get("PressureUnit")) or "hPa", 0.1), 6)
    return amount


def _celsius(amount: float, told: Mapping[str, Any]) -> float:
    return round((amount - 32) / 1.8, 6) if told.get("TempUnit") == "F" else amount


def zigbee(node: Mapping[str, Any]) -> tuple[dict[str, float], list[Happening]]:
    """A contact's 1 is alarm 1 of its zone: open."""
    values, happenings = _node(node, _ZIGBEE, _ZIGBEE_STATES)
    contact = truth(node.get("Contact"))
    if contact is not None:
        values |= {"contact.active": float(contact), "door.open": float(contact)}
    return values, happenings


def lorawan(node: Mapping[str, Any]) -> tuple[dict[str, float], list[Happening]]:
    """`Battery` is volts on most decoders, percent on some."""
    values, happenings = _node(node, _LORAWAN, _LORAWAN_STATES)
    if values.get("battery.voltage", 0.0) > _HIGHEST_CELL_V:
        values["battery.level"] = values.pop("battery.voltage")
    return values, happenings


def _node(
    node: Mapping[str, Any], numbers: Mapping[str, tuple[str, float]], states: Mapping[str, tuple[str, str]]
) -> tuple[dict[str, float], list[Happening]]:
    known = numbers.keys() | states.keys() | _NODE_ADDRESSES
    values = {f"x.{key}": amount for key, raw in node.items() if key not in known and (amount := number(raw)) is not None}
    happenings: list[Happening] = []
    for key, (metric, factor) in numbers.items():
        amount = number(node.get(key))
        if amount is not None:
            values[metric] = round(amount * factor, 6)
    for key, (metric, alarm) in states.items():
        active = truth(node.get(key))
        if active is None:
            continue
        values[metric] = float(active)
        if active and alarm:
            happenings.append(Happening(alarm, None, {}))
    return values, happenings
