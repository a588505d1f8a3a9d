"""YOBIIQ EM4301 and EM2101 (electricity) and SD-1001 (smoke): channel, type, data; big endian; FF: the device itself.

EM on FPort 1 to 10 (11: relay and input), SD on FPort 8 with a fixed channel per value, information on FPort 50 or the first
data port.
"""

from typing import NamedTuple

from ingest.families.lorawan.uplink import Meaning, Unusable, Uplink, signed, unsigned

_DEVICE, _INFORMATION_PORT, _SMOKE_PORT, _STATE_PORT = 0xFF, 50, 8, 11
_MEASURED_PORTS = range(1, 11)
_ERROR_CHANNEL, _ERROR_TYPE = 0x0B, 0x0A
_TIMESTAMP, _LOGGER_TIMESTAMP = 0x01, 0x03


class _Field(NamedTuple):
    metric: str
    size: int = 4
    scale: float = 1.0
    signed: bool = True


def _tariffs(first: int, metric: str) -> dict[int, _Field]:
    return {first + n: _Field(f"{metric}.t{n + 1}", 4, 0.001, signed=False) for n in range(2)}


def _phases(first: int, metric: str, size: int = 4, scale: float = 1.0) -> dict[int, _Field]:
    return {first + n: _Field(f"{metric}.l{n + 1}", size, scale) for n in range(3)}


_FIELDS: dict[int, _Field] = {
    0x00: _Field("x.index", signed=False),
    **_tariffs(0x04, "elec.energy.import"),
    **_tariffs(0x06, "elec.energy.export"),
    **_tariffs(0x08, "elec.energy.reactive.import"),
    **_tariffs(0x0A, "elec.energy.reactive.export"),
    **_phases(0x0C, "elec.voltage", 4, 0.1),
    0x0F: _Field("elec.current", 4, 0.001),
    **_phases(0x10, "elec.current", 4, 0.001),
    0x13: _Field("elec.power.active"),
    **_phases(0x14, "elec.power.active"),
    **_phases(0x17, "elec.power.reactive"),
    **_phases(0x1A, "elec.power.apparent"),
    **_phases(0x1D, "elec.power_factor", 1, 0.01),
    **_phases(0x20, "x.elec.angle", 2, 0.01),
    0x23: _Field("elec.frequency", 2, 0.01),
    0x24: _Field("x.elec.power.active.system", signed=False),
    0x25: _Field("x.elec.power.reactive.system", signed=False),
    0x26: _Field("x.elec.power.apparent.system", signed=False),
    **_phases(0x27, "x.elec.current.max", 4, 0.001),
    0x2A: _Field("x.elec.power.active.avg"),
    0x2B: _Field("x.certified", signed=False),
    0xF0: _Field("x.made", 2, signed=False),
    0xF1: _Field("", 2),
    0xF2: _Field("", 2),
}
_INFORMATION_SIZES = {
    0x00: 1,
    0x09: 2,
    0x0A: 2,
    0x0B: 1,
    0x0F: 1,
    0x16: 4,
    0x1E: 2,
    0x1F: 1,
    0x20: 4,
    0x21: 2,
    **dict.fromkeys(range(0x3C, 0x44), 2),
    0x44: 1,
    **dict.fromkeys(range(0x50, 0x58), 2),
    0x58: 1,
}
_SERIAL, _MODEL_NAME = 0x16, 0x28
_LONG_SERIAL_FOLLOWED_BY = 5
_SMOKE_STATES = {
    2: ("x.power.on", ""),
    3: ("battery.low", "fault.battery_low"),
    4: ("x.fault", "fault.device"),
    5: ("smoke", "alarm.smoke"),
    6: ("x.smoke.interconnected", "alarm.smoke"),
    7: ("x.test", "device.test"),
}


def decode(uplink: Uplink) -> Meaning | None:
    data, is_ours = uplink.payload, uplink.is_model("yobiiq")
    try:
        if len(data) > 4 and data[0] == _DEVICE and data[1] in (0x09, 0x0A, _SERIAL):
            return _information(data)
        if uplink.port == _SMOKE_PORT and (uplink.is_model("sd-1001", "smoke") or uplink.kind == "fire"):
            return _smoke(data)
        if uplink.port in _MEASURED_PORTS and len(data) >= 6 and (is_ours or data[1] == _TIMESTAMP):
            return _measured(data)
    except Unusable:
        if is_ours:
            raise
    return None


def _measured(data: bytes) -> Meaning:
    meaning, position = Meaning(), 0
    while position + 2 < len(data):
        channel, kind, rest = data[position], data[position + 1], data[position + 2 :]
        if (channel, kind) == (_ERROR_CHANNEL, _ERROR_TYPE) and len(rest) < 4:
            if rest[0]:
                meaning.event("fault.device", detail=f"modbus error {rest[0]}")
            position += 3
            continue
        field = _Field("", 4) if kind in (_TIMESTAMP, _LOGGER_TIMESTAMP) else _FIELDS.get(kind)
        if field is None or len(rest) < field.size or not channel:
            raise Unusable(f"YOBIIQ: type {kind:02X} at byte {position} is unknown or cut off")
        raw = rest[: field.size]
        if kind == _TIMESTAMP:
            meaning.ts_ms = unsigned(raw) * 1000
        elif field.metric:
            meaning.put(field.metric, (signed(raw) if field.signed else unsigned(raw)) * field.scale)
        position += 2 + field.size
    if position != len(data):
        raise Unusable("YOBIIQ: the last value is cut off")
    return meaning


def _smoke(data: bytes) -> Meaning:
    """Channel, type (not used), one byte."""
    if not data or len(data) % 3:
        raise Unusable(f"YOBIIQ SD-1001: {len(data)} bytes are no multiple of 3")
    meaning = Meaning()
    for start in range(0, len(data), 3):
        channel, value = data[start], data[start + 2]
        if channel == 1:
            meaning.put("battery.level", value)
        elif channel in _SMOKE_STATES:
            metric, alarm = _SMOKE_STATES[channel]
            meaning.state(metric, value != 0, alarm)
        else:
            raise Unusable(f"YOBIIQ SD-1001: channel {channel} is not known")
    return meaning


def _information(data: bytes) -> Meaning:
    told: dict[int, bytes] = {}
    position = 0
    while position + 1 < len(data):
        kind = data[position + 1]
        size = _INFORMATION_SIZES.get(kind)
        if kind == _MODEL_NAME:
            size = len(data) - position - 2
        elif kind == _SERIAL and data[position + 6 : position + 7] not in (b"\xff", b""):
            size = _LONG_SERIAL_FOLLOWED_BY
        if data[position] != _DEVICE or size is None:
            raise Unusable(f"YOBIIQ: information {kind:02X} at byte {position} is not known")
        told[kind] = data[position + 2 : position + 2 + size]
        position += 2 + size
    meaning = Meaning()
    meaning.event("device.info", **_attributes(told))
    return meaning


def _attributes(told: dict[int, bytes]) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {}
    for kind, name in ((0x0A, "firmware"), (0x09, "hardware")):
        if len(told.get(kind, b"")) == 2:
            attributes[name] = f"V{told[kind][0]:x}.{told[kind][1]:x}"
    if _SERIAL in told:
        raw = told[_SERIAL]
        attributes["serial"] = raw.hex() if len(raw) == _LONG_SERIAL_FOLLOWED_BY else str(unsigned(raw))
    if _MODEL_NAME in told:
        attributes["model"] = told[_MODEL_NAME].decode("ascii", "replace").rstrip("\0")
    for kind, name in ((0x1E, "ct_primary"), (0x1F, "ct_secondary"), (0x20, "vt_primary"), (0x21, "vt_secondary")):
        if kind in told:
            attributes[name] = unsigned(told[kind])
    return attributes
