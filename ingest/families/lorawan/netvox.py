"""Netvox application commands: 01 device-type report-type ... on FPort 6; responses to configuration on FPort 7, 14 and 16.

Report type 0 tells versions, others values; byte 3 of battery devices is the battery in 0.1 V with a low flag in bit 7.
"""

from collections.abc import Callable
from typing import NamedTuple

from ingest.families.lorawan.uplink import Meaning, Unusable, Uplink, signed, unsigned

_REPORT_PORT, _RESPONSE_PORTS = 6, (7, 14, 16)
_VERSION = 1


class _Device(NamedTuple):
    """`battery`: byte 3 of its reports is the battery."""

    model: str
    read: Callable[[Meaning, bytes, int], None]
    battery: bool = True


def _state(metric: str, alarm: str = "") -> Callable[[Meaning, bytes, int], None]:
    def read(meaning: Meaning, data: bytes, _report: int) -> None:
        meaning.state(metric, data[0] != 0, alarm)

    return read


def _states(metric: str, alarm: str = "") -> Callable[[Meaning, bytes, int], None]:
    """Two inputs, numbered from 1."""

    def read(meaning: Meaning, data: bytes, _report: int) -> None:
        for channel in (1, 2):
            meaning.state(f"{metric}.{channel}", data[channel - 1] != 0, alarm, channel=channel)

    return read


def _fire(meaning: Meaning, data: bytes, _report: int) -> None:
    meaning.state("smoke", data[0] != 0, "alarm.smoke")
    meaning.state("heat_alarm", data[1] != 0, "alarm.heat")
    meaning.put("env.temperature", signed(data[2:4]) / 10)


def _carbon_monoxide(meaning: Meaning, data: bytes, _report: int) -> None:
    meaning.state("co_alarm", data[0] != 0, "alarm.co")
    meaning.state("heat_alarm", data[1] != 0, "alarm.heat")


def _smoke_and_sound(meaning: Meaning, data: bytes, _report: int) -> None:
    meaning.state("smoke", data[0] != 0, "alarm.smoke")
    meaning.state("x.sound.alarm", data[1] != 0)
    meaning.state("tamper", data[2] != 0, "alarm.tamper")
    meaning.state("x.power.off", data[3] != 0, "fault.power")


def _climate(meaning: Meaning, data: bytes, _report: int) -> None:
    meaning.put("env.temperature", signed(data[0:2]) / 100)
    meaning.put("env.humidity", unsigned(data[2:4]) / 100)


def _probe(meaning: Meaning, data: bytes, _report: int) -> None:
    meaning.put("env.temperature", signed(data[0:2]) / 10)


def _light(meaning: Meaning, data: bytes, _report: int) -> None:
    meaning.put("env.illuminance", unsigned(data[0:2]))


def _current(meaning: Meaning, data: bytes, report: int) -> None:
    """Milliamperes times a multiplier that follows; report 2 has more digits."""
    if report == 1:
        meaning.put("elec.current", unsigned(data[0:2]) * (data[2] or 1) / 1000)
    elif report == 2:
        meaning.put("elec.current", unsigned(data[0:4]) * (data[4] or 1) / 1000)


def _three_currents(meaning: Meaning, data: bytes, report: int) -> None:
    """The multipliers of the clamps B and C come in report 2; the three clamps of a model are the same, so that of A is taken."""
    if report == 1:
        for phase in (1, 2, 3):
            meaning.put(f"elec.current.l{phase}", unsigned(data[2 * phase - 2 : 2 * phase]) * (data[6] or 1) / 1000)
    elif report == 2:
        meaning.put("x.elec.current.multiplier.l2", data[0])
        meaning.put("x.elec.current.multiplier.l3", data[1])


def _plug(meaning: Meaning, data: bytes, report: int) -> None:
    if report == 1:
        meaning.state("switch.on", data[0] != 0)
        meaning.put("elec.energy.import", unsigned(data[1:5]) / 1000)
        if data[5]:
            meaning.event("alarm.overcurrent")
        if data[6]:
            meaning.event("alarm.overcurrent", detail="surge")
        if data[7]:
            meaning.event("fault.power")
    elif report == 2:
        meaning.put("elec.voltage", unsigned(data[0:2]))
        meaning.put("elec.current", unsigned(data[2:4]) / 1000)
        meaning.put("elec.power.active", unsigned(data[4:6]))


def _motion(meaning: Meaning, data: bytes, _report: int) -> None:
    meaning.put("env.temperature", signed(data[0:2]) / 100)
    meaning.put("env.illuminance", unsigned(data[2:4]))
    meaning.state("occupancy", data[4] != 0)
    meaning.state("tamper", data[5] != 0, "alarm.tamper")


_CONTACT, _LEAK, _VIBRATION = _state("contact.active"), _state("leak", "alarm.leak"), _state("vibration")
_CONTACTS, _LEAKS, _VIBRATIONS = _states("contact.active"), _states("leak", "alarm.leak"), _states("vibration")

_DEVICES: dict[int, _Device] = {
    0x01: _Device("R711", _climate),
    0x02: _Device("R311A", _CONTACT),
    0x03: _Device("RB11E", _motion),
    0x04: _Device("R311G", _light),
    0x06: _Device("R311W", _LEAKS),
    0x0A: _Device("RA02A", _fire),
    0x0B: _Device("R718A", _climate),
    0x0E: _Device("R809A", _plug, battery=False),
    0x11: _Device("RA02C", _carbon_monoxide),
    0x12: _Device("R718WB", _LEAK),
    0x13: _Device("R718AB", _climate),
    0x1A: _Device("R718DA", _VIBRATION),
    0x1B: _Device("R718DB", _VIBRATION),
    0x1D: _Device("R718F", _CONTACT),
    0x21: _Device("R718J", _CONTACT),
    0x25: _Device("R718LB", _CONTACT),
    0x27: _Device("R718MBA", _VIBRATION),
    0x2F: _Device("R718DA2", _VIBRATIONS),
    0x32: _Device("R718WA", _LEAK),
    0x3D: _Device("R718DB2", _VIBRATIONS),
    0x3E: _Device("R718F2", _CONTACTS),
    0x43: _Device("R718J2", _CONTACTS),
    0x45: _Device("R718LB2", _CONTACTS),
    0x46: _Device("R718WA2", _LEAKS),
    0x47: _Device("R718WB2", _LEAKS),
    0x49: _Device("R718N1", _current),
    0x4A: _Device("R718N3", _three_currents),
    0x4B: _Device("R311B", _light),
    0x4C: _Device("R311CA", _CONTACTS),
    0x4F: _Device("R311FA", _VIBRATION),
    0x56: _Device("R311CB", _CONTACTS),
    0x5A: _Device("R311WA", _CONTACTS),
    0x5B: _Device("R718Q", _CONTACT),
    0x6C: _Device("R311CC", _CONTACTS),
    0x6E: _Device("R720A", _climate),
    0x73: _Device("R816B", _plug, battery=False),
    0x7D: _Device("R730F", _CONTACT),
    0x7E: _Device("R730F2", _CONTACTS),
    0x82: _Device("R730MBA", _VIBRATION),
    0x89: _Device("R730DA", _VIBRATION),
    0x8A: _Device("R730DA2", _VIBRATIONS),
    0x8B: _Device("R730DB", _VIBRATION),
    0x8C: _Device("R730DB2", _VIBRATIONS),
    0x8D: _Device("R730LB", _CONTACT),
    0x8E: _Device("R730LB2", _CONTACTS),
    **{number: _Device(f"R718C{letter}", _probe) for number, letter in zip(range(0x90, 0x95), "JKTRE", strict=True)},
    0x95: _Device("R718B", _probe),
    0x97: _Device("R718QA", _CONTACT),
    0xA8: _Device("R311DA", _VIBRATION),
    0xA9: _Device("R311DB", _VIBRATION),
    0xB7: _Device("R720F", _CONTACT),
    0xD7: _Device("RA02G", _smoke_and_sound),
}
_RESPONSE = 0x80
_SETTING_COMMANDS = {0x81, 0x83, 0x85, 0x87, 0x89, 0x8B, 0x8C, 0x90, 0x91, 0x92, 0x93}
"""Responses whose byte 2 tells success; the others tell a setting."""


def decode(uplink: Uplink) -> Meaning | None:
    data, port = uplink.payload, uplink.port
    is_ours = uplink.is_model("netvox")
    if port == _REPORT_PORT and len(data) >= 4 and data[0] == _VERSION and (is_ours or len(data) == 11):
        return _report(data)
    if port in _RESPONSE_PORTS and len(data) >= 3 and data[0] & _RESPONSE and (is_ours or len(data) == 11):
        return _response(data)
    if is_ours:
        raise Unusable(f"Netvox: {len(data)} bytes on FPort {port} are no report (FPort 6, first byte 01) and no response")
    return None


def _report(data: bytes) -> Meaning:
    meaning, device = Meaning(), _DEVICES.get(data[1])
    name = device.model if device else f"type {data[1]}"
    if data[2] == 0:
        firmware = f"{data[3] / 10:g}"
        meaning.event("device.info", model=name, firmware=firmware, hardware=str(data[4]), datecode=data[5:9].hex())
        return meaning
    if device is None:
        meaning.event("raw.frame", model=name, data=data.hex())
        return meaning
    if device.battery:
        meaning.put("battery.voltage", (data[3] & 0x7F) / 10)
        meaning.state("battery.low", bool(data[3] & 0x80), "fault.battery_low")
    rest = data[4 if device.battery else 3 :].ljust(8, b"\0")
    device.read(meaning, rest, data[2])
    return meaning


def _response(data: bytes) -> Meaning:
    meaning, device = Meaning(), _DEVICES.get(data[1])
    name = device.model if device else f"type {data[1]}"
    if data[0] in _SETTING_COMMANDS:
        status = "Success" if data[2] == 0 else "Failure"
        meaning.event("command.ack", status=status, command=data[0] & 0x7F, model=name)
    else:
        meaning.event("command.response", command=data[0] & 0x7F, model=name, data=data[2:].hex())
    return meaning
