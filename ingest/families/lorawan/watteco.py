"""Watteco sensors on FPort 125: ZigBee-like attribute reports. Frame control, command, cluster, attribute, type, data; big endian.

The end point in the frame control is the phase or the input. Compressed batch reports need the device's own code tables.
"""

import struct
from collections.abc import Callable
from typing import NamedTuple

from ingest.families.lorawan.uplink import Meaning, Unusable, Uplink, signed, unsigned

_PORT = 125
_REPORT, _ALARM, _READ_ANSWER, _CONFIGURE_ANSWERS = 0x0A, 0x8A, 0x01, (0x05, 0x07, 0x50)
_FIXED_SIZES = {
    0x08: 1,
    0x10: 1,
    0x16: 1,
    0x18: 1,
    0x19: 2,
    0x1B: 4,
    0x20: 1,
    0x21: 2,
    0x22: 3,
    0x23: 4,
    0x28: 1,
    0x29: 2,
    0x2A: 3,
    0x2B: 4,
    0x30: 1,
    0x39: 4,
}
_SIGNED, _FLOAT, _STRINGS, _LONG_STRING = {0x28, 0x29, 0x2A, 0x2B}, 0x39, {0x41, 0x42}, 0x43
_PHASES = ("l1", "l2", "l3", "")
_SOURCES = ("x.supply.voltage", "battery.voltage", "battery.voltage", "x.solar.voltage", "x.tic.voltage")


class _Report(NamedTuple):
    end_point: int
    cluster: int
    attribute: int
    data: bytes
    number: float
    kind: str
    is_single_phase: bool


def decode(uplink: Uplink) -> Meaning | None:
    data = uplink.payload
    is_ours = uplink.is_model("watteco", "nke")
    if uplink.port != _PORT and not is_ours:
        return None
    if len(data) < 2:
        raise Unusable(f"Watteco: {len(data)} bytes are too short")
    meaning = Meaning()
    if not data[0] & 1:
        meaning.event("raw.frame", detail="compressed batch report", data=data.hex())
        return meaning
    if data[1] in _CONFIGURE_ANSWERS:
        meaning.event("command.ack", status="Success" if len(data) > 4 and data[4] == 0 else "Failure", data=data.hex())
        return meaning
    _read(meaning, _report(data, uplink))
    return meaning


def _report(data: bytes, uplink: Uplink) -> _Report:
    if data[1] not in (_REPORT, _ALARM, _READ_ANSWER):
        raise Unusable(f"Watteco: command {data[1]:02X} is not known")
    start = 7 if data[1] == _READ_ANSWER else 6
    if len(data) <= start:
        raise Unusable(f"Watteco: {len(data)} bytes end before the value")
    end_point = (data[0] & 0xE0) >> 5 | (data[0] & 0x06) << 2
    value, number = _value(data[start], data[start + 1 :])
    return _Report(end_point, unsigned(data[2:4]), unsigned(data[4:6]), value, number, uplink.kind, uplink.is_model("intens"))


def _value(kind: int, rest: bytes) -> tuple[bytes, float]:
    if kind in _STRINGS or kind == _LONG_STRING:
        head = 2 if kind == _LONG_STRING else 1
        size = unsigned(rest[:head])
        value = rest[head : head + size]
    else:
        head, size = 0, _FIXED_SIZES.get(kind, -1)
        value = rest[: max(size, 0)]
    if size < 0 or len(value) < size or len(rest) < head:
        raise Unusable(f"Watteco: a value of type {kind:02X} needs {size} bytes, {len(rest) - head} are there")
    if kind == _FLOAT:
        return value, float(struct.unpack(">f", value)[0])
    return value, float(signed(value) if kind in _SIGNED else unsigned(value[:8]))


def _read(meaning: Meaning, report: _Report) -> None:
    reader = _CLUSTERS.get(report.cluster)
    if reader is None:
        meaning.event("raw.frame", cluster=f"{report.cluster:04X}", attribute=f"{report.attribute:04X}", data=report.data.hex())
        return
    try:
        reader(meaning, report)
    except struct.error as error:
        raise Unusable(f"Watteco: cluster {report.cluster:04X}: {error}") from None


def _phase(report: _Report) -> str:
    return "" if report.is_single_phase else _suffix(report.end_point)


def _suffix(end_point: int) -> str:
    suffix = _PHASES[end_point] if end_point < len(_PHASES) else f"ch{end_point}"
    return f".{suffix}" if suffix else ""


def _voltage_current(meaning: Meaning, report: _Report) -> None:
    voltage, current, angle = struct.unpack_from(">HHh", report.data)
    suffix = _phase(report)
    meaning.put(f"elec.voltage{suffix}", voltage / 10)
    meaning.put(f"elec.current{suffix}", current / 10)
    meaning.put(f"x.elec.angle{suffix}", angle)


def _voltages_currents(meaning: Meaning, report: _Report) -> None:
    told = struct.unpack_from(">HHhHHhHHh", report.data)
    for phase in range(3):
        meaning.put(f"elec.voltage.l{phase + 1}", told[3 * phase] / 10)
        meaning.put(f"elec.current.l{phase + 1}", told[3 * phase + 1] / 10)
        meaning.put(f"x.elec.angle.l{phase + 1}", told[3 * phase + 2])


def _energies_powers(meaning: Meaning, report: _Report) -> None:
    """Attribute 0: energies, 1: powers; active and reactive of the phases and their sum, with sign."""
    told = struct.unpack_from(">8i", report.data)
    names = ("elec.power.active", "elec.power.reactive")
    if report.attribute == 0:
        told = struct.unpack_from(">8I", report.data)
        names = ("elec.energy.import", "elec.energy.reactive.import")
    for place, value in enumerate(told):
        suffix = _suffix(place // 2)
        meaning.put(names[place % 2] + suffix, value / 1000 if report.attribute == 0 else value)


def _directions(meaning: Meaning, report: _Report) -> None:
    """Cluster 800A: positive and negative active, positive and negative reactive; attribute 0 energies, 1 powers."""
    told = struct.unpack_from(">4i", report.data)
    suffix = _phase(report)
    if report.attribute == 0:
        names = ("elec.energy.import", "elec.energy.export", "elec.energy.reactive.import", "elec.energy.reactive.export")
        for name, value in zip(names, told, strict=True):
            meaning.put(name + suffix, abs(value) / 1000)
    else:
        meaning.put(f"elec.power.active{suffix}", told[0] - abs(told[1]))
        meaning.put(f"elec.power.reactive{suffix}", told[2] - abs(told[3]))


def _plug(meaning: Meaning, report: _Report) -> None:
    data = report.data
    if len(data) < 12:
        raise Unusable(f"Watteco: a metering report of {len(data)} bytes; 12 are needed")
    meaning.put("elec.energy.import", signed(data[0:3]) / 1000)
    meaning.put("elec.energy.reactive.import", signed(data[3:6]) / 1000)
    meaning.put("elec.power.active", signed(data[8:10]))
    meaning.put("elec.power.reactive", signed(data[10:12]))


def _quality(meaning: Meaning, report: _Report) -> None:
    told = struct.unpack_from(">hhhHHH", report.data)
    meaning.put("elec.frequency", (told[0] + 22232) / 1000)
    meaning.put("elec.voltage", told[3] / 10)


def _binary(meaning: Meaning, report: _Report) -> None:
    if report.attribute == 0x0402:
        meaning.put(f"counter.pulses.ch{report.end_point + 1}", report.number)
        return
    active = report.number != 0
    if report.kind == "door":
        if report.end_point == 0:
            meaning.state("tamper", active, "alarm.tamper")
        else:
            meaning.state("door.open", active)
    elif report.kind in ("leak", "fire"):
        meaning.state("leak" if report.kind == "leak" else "smoke", active, f"alarm.{'leak' if report.kind == 'leak' else 'smoke'}")
    else:
        suffix = f".ch{report.end_point + 1}" if report.end_point else ""
        meaning.state(f"contact.active{suffix}", active)


def _output(meaning: Meaning, report: _Report) -> None:
    suffix = f".ch{report.end_point + 1}" if report.end_point else ""
    meaning.state(f"switch.on{suffix}", report.number != 0)


def _power_mode(meaning: Meaning, report: _Report) -> None:
    """Configuration: mode, mask of sources, a voltage in mV for each, the source in use."""
    if report.attribute != 6 or len(report.data) < 2:
        meaning.event("raw.frame", cluster="0050", attribute=f"{report.attribute:04X}", data=report.data.hex())
        return
    position = 2
    for bit, metric in enumerate(_SOURCES):
        if report.data[1] >> bit & 1 and position + 2 <= len(report.data):
            meaning.put(metric, unsigned(report.data[position : position + 2]) / 1000)
            position += 2


def _analogue(meaning: Meaning, report: _Report) -> None:
    suffix = f".ch{report.end_point + 1}" if report.end_point else ""
    meaning.put(f"x.analogue{suffix}", report.number)


def _scaled(metric: str, scale: float) -> Callable[[Meaning, _Report], None]:
    def read(meaning: Meaning, report: _Report) -> None:
        suffix = f".ch{report.end_point + 1}" if report.end_point else ""
        meaning.put(metric + suffix, report.number * scale)

    return read


_CLUSTERS: dict[int, Callable[[Meaning, _Report], None]] = {
    0x0006: _output,
    0x000C: _analogue,
    0x000F: _binary,
    0x0050: _power_mode,
    0x0052: _plug,
    0x0400: _scaled("env.illuminance", 1.0),
    0x0402: _scaled("env.temperature", 0.01),
    0x0403: _scaled("env.pressure", 0.1),
    0x0405: _scaled("env.humidity", 0.01),
    0x0406: _scaled("occupancy", 1.0),
    0x8008: _scaled("x.pressure.differential", 1.0),
    0x800A: _directions,
    0x800B: _voltage_current,
    0x800C: _scaled("env.co2", 1.0),
    0x800D: _voltages_currents,
    0x8010: _energies_powers,
    0x8052: _quality,
}
