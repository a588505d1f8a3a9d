"""Meokon wireless terminals (hydrant and pipe pressure): protocol V3.0, over MQTT as hexadecimal text, over UDP and AEP binary.

Frame: A5 5A, command, length 2, number 12 (ASCII), power, signal, interval 2 (s), count 2, type, alarms, limits, value now,
time 4 (UTC, of the last record), records oldest first, CRC-16/MODBUS, 55 AA; big-endian. Both orders of the CRC are met.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ingest.decoded import Attribute, Decoded, Happening, Outcome, Rejected, Sample
from ingest.families import crc16
from ingest.message import Message

_START, _END = b"\xa5\x5a", b"\x55\xaa"
_FIXED, _TAIL = 25, 4
"""Bytes before what depends on the type of sensor; CRC and end."""
_CLOCK_FROM_S = 1_400_000_000

_HYDRANT, _TILTING_HYDRANT = 34, 24
_PRESSURES = {0: ("water.pressure", 0.1), 1: ("water.pressure", 1.0), 2: ("water.pressure", 1.0)}
_PRESSURES |= {_HYDRANT: ("water.pressure", 1.0), _TILTING_HYDRANT: ("water.pressure", 1.0)}
"""Type → metric and kPa of one count: 0.1 kPa, 0.001 MPa, 0.01 bar."""
_ALARMS = {0: "alarm.pressure_low", 1: "alarm.pressure_high", 2: "fault.battery_low", 3: "fault.sensor", 4: "fault.device"}
_SECOND_ALARMS = {5: "alarm.second_low", 6: "alarm.second_high", 7: "alarm.third"}
_HYDRANT_ALARMS = {7: "alarm.water_discharge"}
_TILTING_ALARMS = {5: "alarm.impact", 6: "alarm.tilt", 7: "alarm.water_discharge"}


class _Layout(NamedTuple):
    """`width`: numbers of 16 bits per record."""

    metric: str
    factor: float
    width: int


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:  # noqa: ARG001 - every decoder takes a context
    payload = _binary(message.payload)
    frames = []
    position = payload.find(_START)
    while position >= 0:
        length = int.from_bytes(payload[position + 3 : position + 5], "big")
        frames.append(_frame(payload[position : position + length] if length else payload[position:], length))
        position = payload.find(_START, position + max(length, 2))
    return frames or Rejected("no frame: nothing starts with A5 5A", message.topic.rpartition("/")[2] or None)


def _binary(payload: bytes) -> bytes:
    try:
        return bytes.fromhex(payload.decode("ascii"))
    except ValueError:
        return payload


def _frame(frame: bytes, length: int) -> Decoded | Rejected:
    if len(frame) < _FIXED + _TAIL or len(frame) != length:
        return Rejected(f"the frame breaks off: {length} bytes are announced, {len(frame)} are there")
    device_id = frame[5:17].decode("ascii", "replace").strip("\0 ")
    told, computed = frame[-4:-2], crc16.modbus(frame[:-4])
    if told not in (computed.to_bytes(2, "little"), computed.to_bytes(2, "big")):
        return Rejected(f"CRC is {told.hex()}, computed {computed:04x}", device_id or None)
    if frame[-2:] != _END:
        return Rejected(f"the frame ends with {frame[-2:].hex()} instead of 55aa", device_id or None)
    if frame[2] != 0:
        return Decoded(device_id, happenings=(Happening("raw.frame", None, {"command": frame[2], "data": frame.hex()}),))
    return _upload(device_id, frame)


def _upload(device_id: str, frame: bytes) -> Decoded | Rejected:
    interval, count = int.from_bytes(frame[19:21], "big"), int.from_bytes(frame[21:23], "big")
    kind, alarms, body = frame[23], frame[24], frame[_FIXED:-_TAIL]
    status = {
        "battery.level": min(float((frame[17] & 0x1F) * 5), 100.0),
        "link.rssi": float(int.from_bytes(frame[18:19], signed=True)),
    }
    status["x.power.external"] = float(frame[17] >> 7)
    width, rest = divmod(len(body) - 4, 2 * (3 + count))
    if rest or width < 1:
        attributes: dict[str, Attribute] = {"type": kind, "data": body.hex()}
        return Decoded(device_id, (Sample(None, status),), (Happening("raw.frame", None, attributes),))
    metric, factor = _PRESSURES.get(kind, (f"x.meokon.type{kind}", 1.0))
    layout = _Layout(metric, factor, width)
    at = 6 * width
    told_s = int.from_bytes(body[at : at + 4], "big")
    ts_ms = told_s * 1000 if told_s >= _CLOCK_FROM_S else None
    samples = [Sample(None, status | _record(body[4 * width : at], layout)), *_history(body[at + 4 :], layout, ts_ms, interval)]
    return Decoded(device_id, samples, _alarms(kind, alarms, body, layout, ts_ms))


def _record(data: bytes, layout: _Layout) -> dict[str, float]:
    numbers = [int.from_bytes(data[start : start + 2], "big", signed=True) for start in range(0, 2 * layout.width, 2)]
    return {
        (layout.metric if place == 1 else f"{layout.metric}.ch{place}"): round(value * layout.factor, 6)
        for place, value in enumerate(numbers, start=1)
    }


def _history(data: bytes, layout: _Layout, last_ms: int | None, interval: int) -> list[Sample]:
    """Without a clock the buffered records have no time of their own and only the present value counts."""
    size = 2 * layout.width
    count = len(data) // size
    if last_ms is None:
        return []
    return [
        Sample(last_ms - (count - 1 - place) * interval * 1000, _record(data[place * size : (place + 1) * size], layout))
        for place in range(count)
    ]


def _alarms(kind: int, flags: int, body: bytes, layout: _Layout, ts_ms: int | None) -> list[Happening]:
    names = _ALARMS | (_TILTING_ALARMS if kind == _TILTING_HYDRANT else _HYDRANT_ALARMS if kind == _HYDRANT else _SECOND_ALARMS)
    low, high = (int.from_bytes(body[start : start + 2], "big", signed=True) * layout.factor for start in (0, 2))
    limits: dict[str, Attribute] = {"low": low, "high": high, "unit": "kPa"} if kind in _PRESSURES else {}
    return [
        Happening(name, ts_ms, limits if name.startswith("alarm.pressure") else {})
        for bit, name in names.items()
        if flags >> bit & 1
    ]
