"""Browan (TABS, Gemtek) sensors: the FPort tells the sensor, one fixed layout each.

Byte 0 status bits, byte 1 battery (low nibble, 2.5 V + 0.1 V), byte 2 board temperature + 32 °C; the rest by sensor.
"""

from ingest.families.lorawan.uplink import Meaning, Uplink, unsigned_le

_DOOR, _PUSH_BUTTON, _MOTION, _CLIMATE, _LIGHT, _SOUND, _LEAK = 100, 101, 102, 103, 104, 105, 106
_SIZES = {_DOOR: (8,), _PUSH_BUTTON: (8,), _MOTION: (8,), _CLIMATE: (8, 5), _LIGHT: (6,), _SOUND: (4,), _LEAK: (5,)}


def decode(uplink: Uplink) -> Meaning | None:
    data, port = uplink.payload, uplink.port
    if port not in _SIZES or len(data) not in _SIZES[port]:
        return None
    meaning = Meaning()
    meaning.put("battery.voltage", (25 + (data[1] & 0x0F)) / 10)
    status = bool(data[0] & 1)
    if port == _LEAK:
        meaning.state("leak", status, "alarm.leak")
        meaning.put("env.humidity", data[3])
        meaning.put("env.temperature", (data[4] & 0x7F) - 32)
    elif port == _CLIMATE:
        meaning.put("env.humidity", data[3] & 0x7F)
        meaning.put("env.temperature", (data[2] & 0x7F) - 32)
    else:
        meaning.put("device.temperature", (data[2] & 0x7F) - 32)
        _other(meaning, port, status, data)
    return meaning


def _other(meaning: Meaning, port: int, status: bool, data: bytes) -> None:  # noqa: FBT001 - a status bit
    if port == _DOOR:
        meaning.state("door.open", status)
        meaning.put("door.open_count", unsigned_le(data[5:8]))
    elif port == _MOTION:
        meaning.state("occupancy", status)
        meaning.put("counter.motion", unsigned_le(data[5:8]))
    elif port == _PUSH_BUTTON:
        meaning.state("call_point.active", bool(data[0] & 3), "alarm.sos")
        meaning.put("counter.presses", unsigned_le(data[5:8]))
    elif port == _LIGHT:
        meaning.put("env.illuminance", unsigned_le(data[3:6]) / 100)
    else:
        meaning.put("env.noise", data[3])
