"""GB/T 26875.3-2011: user information transmission devices of fire alarm systems, to a remote monitoring centre.

Frame: 40 40, serial 2, version 2, time 6, source 6, target 6, length 2, command 1, data, checksum 1, 23 23; numbers low byte
first, times binary s min h d month year in China time, checksum the sum from the serial number on. The data unit alone is read
where the context's `layer` says so.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from ingest.decoded import Attribute, Decoded, Happening, Outcome, Rejected, Sample
from ingest.families.json_fields import CHINA, Unusable, word
from ingest.message import Message

_START, _END = b"\x40\x40", b"\x23\x23"
_HEAD, _TAIL = 27, 3
_LONGEST_DATA = 1024
_UP = {2: "data", 3: "confirm", 5: "answer", 6: "deny"}
_DOWN = {1: "control", 4: "request"}
_TEXT_SIZE = 31

_SYSTEM_BITS = {
    1: "alarm.fire",
    2: "fault.fire_system",
    3: "system.shielded",
    4: "alarm.supervision",
    5: "system.started",
    6: "system.feedback",
    7: "system.delayed",
    8: "fault.main_power",
    9: "fault.backup_power",
    10: "fault.bus",
    11: "system.manual",
    12: "system.config_changed",
    13: "system.reset",
}
_COMPONENT_BITS = {
    1: "alarm.fire",
    2: "fault.fire_component",
    3: "component.shielded",
    4: "alarm.supervision",
    5: "component.started",
    6: "component.feedback",
    7: "component.delayed",
    8: "fault.power",
}
_DEVICE_BITS = {
    1: "alarm.fire",
    2: "fault.transmission_device",
    3: "fault.main_power",
    4: "fault.backup_power",
    5: "fault.communication",
    6: "fault.line",
}
_OPERATIONS = ("reset", "mute", "manual_alarm", "cancel_alarm", "self_test", "confirm", "test")
_ANALOGUES = {
    1: ("counter.events", 1.0),
    2: ("level.height", 0.01),
    3: ("env.temperature", 0.1),
    4: ("water.pressure", 100.0),  # 0.1 MPa
    5: ("water.pressure", 0.1),
    6: ("gas.lel", 0.1),
    7: ("x.duration_s", 1.0),
    8: ("elec.voltage", 0.1),
    9: ("elec.current", 0.1),
    10: ("water.flow", 0.36),  # 0.1 l/s
    11: ("x.air.flow_m3_min", 0.1),
    12: ("x.air.speed_m_s", 1.0),
}
_UNNAMED = "component"


class _Source(NamedTuple):
    """`device_id` of the transmission device, empty where the frame does not tell; `sent_ms` from the frame's head."""

    device_id: str
    sent_ms: int | None


class _Part(NamedTuple):
    """What one object of a data unit says; `component` names the detector that measured."""

    happenings: tuple[Happening, ...] = ()
    sample: Sample | None = None
    component: str = ""


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:
    payload = _binary(message.payload)
    if word(context.get("layer")).startswith("application"):
        return _unit(payload, _Source(word(context.get("device_id")), None), "data")
    frames = list(_frames(payload))
    if not frames:
        return Rejected("no frame: nothing starts with 40 40", message.topic or None)
    return frames


def _binary(payload: bytes) -> bytes:
    """Gateways on MQTT send the frame as hexadecimal text at times."""
    if payload[:4].upper() == b"4040" and len(payload) % 2 == 0:
        try:
            return bytes.fromhex(payload.decode())
        except ValueError:
            pass
    return payload


def _frames(payload: bytes) -> Iterator[Decoded | Rejected]:
    """Every frame in order; noise between them is passed over."""
    position = payload.find(_START)
    while position >= 0:
        outcomes, position = _frame(payload, position)
        yield from outcomes
        position = payload.find(_START, position)


def _frame(payload: bytes, start: int) -> tuple[list[Decoded | Rejected], int]:
    head = payload[start : start + _HEAD]
    if len(head) < _HEAD:
        return [Rejected("the frame breaks off in its head")], len(payload)
    length, command = int.from_bytes(head[24:26], "little"), head[26]
    source, target = head[12:18][::-1].hex(), head[18:24][::-1].hex()
    first, second = (target, source) if command in _DOWN else (source, target)
    device_id = first if first.strip("0") else second
    end = start + _HEAD + length
    if length > _LONGEST_DATA or len(payload) < end + _TAIL:
        return [Rejected(f"the frame breaks off: {length} bytes of data are announced", device_id)], start + 2
    checksum = sum(payload[start + 2 : end]) % 256
    if payload[end] != checksum:
        return [Rejected(f"checksum is {payload[end]:02X}, computed {checksum:02X}", device_id)], end + _TAIL
    if payload[end + 1 : end + _TAIL] != _END:
        return [Rejected(f"the frame ends with {payload[end + 1 : end + 3].hex()} instead of 2323", device_id)], end + 1
    told = _Source(device_id, _moment(head[6:12]))
    outcome = _unit(payload[start + _HEAD : end], told, (_UP | _DOWN).get(command, f"command_{command}"))
    return outcome if isinstance(outcome, list) else [outcome], end + _TAIL


def _unit(data: bytes, source: _Source, action: str) -> list[Decoded | Rejected] | Decoded | Rejected:
    """A data unit: type, count, objects. Requests, confirmations and denials carry no readings."""
    if action not in ("data", "answer"):
        attributes: dict[str, Attribute] = {"action": action}
        if data:
            attributes["app_type"] = f"0x{data[0]:02x}"
        kinds = {"confirm": "command.ack", "deny": "command.failed"}
        happenings = [Happening("command", source.sent_ms, attributes)]
        happenings += [Happening(kinds[action], source.sent_ms, attributes)] if action in kinds else []
        return Decoded(source.device_id, happenings=happenings)
    if len(data) < 2:
        return Rejected(f"a data unit of {len(data)} bytes has no type and count", source.device_id or None)
    reader = _OBJECTS.get(data[0])
    if reader is None:
        attributes = {"app_type": f"0x{data[0]:02x}", "data": data[2:].hex()}
        return Decoded(source.device_id, happenings=(Happening("raw.frame", source.sent_ms, attributes),))
    try:
        return _decoded(source, list(reader(data[2:], data[1])))
    except Unusable as error:
        return Rejected(f"type {data[0]}: {error}", source.device_id or None)


def _decoded(source: _Source, parts: list[_Part]) -> list[Decoded | Rejected]:
    """Alarms belong to the transmission device, measured values to the component that measured them."""
    happenings = [happening for part in parts for happening in part.happenings]
    found: list[Decoded | Rejected] = [Decoded(source.device_id, happenings=happenings)] if happenings else []
    owner = source.device_id or _UNNAMED
    found += [Decoded(f"{owner}-{part.component}", (part.sample,)) for part in parts if part.sample is not None]
    return found or [Rejected("a data unit without objects", source.device_id or None)]


def _moment(data: bytes) -> int | None:
    second, minute, hour, day, month, year = data
    try:
        return round(datetime(2000 + year, month, day, hour, minute, second, tzinfo=CHINA).timestamp() * 1000)
    except ValueError:
        return None


def _cut(data: bytes, count: int, size: int) -> Iterator[bytes]:
    if count < 1 or len(data) < count * size:
        raise Unusable(f"{count} objects of {size} bytes are announced, {len(data)} bytes are there")
    for start in range(0, count * size, size):
        yield data[start : start + size]


def _text(data: bytes) -> str:
    return "".join(character for character in data.split(b"\0")[0].decode("gb18030", "replace") if character.isprintable()).strip()


def _states(bits: Mapping[int, str], flags: int) -> list[str]:
    return [kind for bit, kind in bits.items() if flags >> bit & 1]


def _happenings(kinds: list[str], ts_ms: int | None, attributes: Mapping[str, Attribute], calm: str) -> tuple[Happening, ...]:
    return tuple(Happening(kind, ts_ms, attributes) for kind in kinds or [calm])


def _system_states(data: bytes, count: int) -> Iterator[_Part]:
    for item in _cut(data, count, 10):
        flags = int.from_bytes(item[2:4], "little")
        attributes: dict[str, Attribute] = {"system_type": item[0], "system_addr": item[1], "flags": f"0x{flags:04x}"}
        yield _Part(_happenings(_states(_SYSTEM_BITS, flags), _moment(item[4:10]), attributes, "system.normal"))


def _component_states(data: bytes, count: int) -> Iterator[_Part]:
    for item in _cut(data, count, 15 + _TEXT_SIZE):
        flags = int.from_bytes(item[7:9], "little")
        attributes = _component(item) | {"flags": f"0x{flags:04x}", "location": _text(item[9 : 9 + _TEXT_SIZE])}
        kinds = _states(_COMPONENT_BITS, flags)
        yield _Part(_happenings(kinds, _moment(item[40:46]), attributes, "component.normal"))


def _component(item: bytes) -> dict[str, Attribute]:
    address = int.from_bytes(item[3:7], "little")
    return {"system_type": item[0], "system_addr": item[1], "component_type": item[2], "component_addr": f"0x{address:08x}"}


def _analogues(data: bytes, count: int) -> Iterator[_Part]:
    for item in _cut(data, count, 16):
        metric, factor = _ANALOGUES.get(item[7], (f"x.analogue.type{item[7]}", 1.0))
        value = int.from_bytes(item[8:10], "little", signed=True)
        component = f"{item[0]}-{item[1]}-{int.from_bytes(item[3:7], 'little'):08x}"
        yield _Part(sample=Sample(_moment(item[10:16]), {metric: round(value * factor, 6)}), component=component)


def _operation(flags: int, operator: int, ts_ms: int | None, attributes: Mapping[str, Attribute]) -> _Part:
    actions = ", ".join(name for bit, name in enumerate(_OPERATIONS) if flags >> bit & 1)
    told: dict[str, Attribute] = {"flags": f"0x{flags:02x}", "operator": operator, "actions": actions}
    return _Part((Happening("operation", ts_ms, told | dict(attributes)),))


def _system_operations(data: bytes, count: int) -> Iterator[_Part]:
    for item in _cut(data, count, 10):
        yield _operation(item[2], item[3], _moment(item[4:10]), {"system_type": item[0], "system_addr": item[1]})


def _system_versions(data: bytes, count: int) -> Iterator[_Part]:
    for item in _cut(data, count, 4):
        told: dict[str, Attribute] = {"system_type": item[0], "system_addr": item[1], "version": f"{item[2]}.{item[3]}"}
        yield _Part((Happening("device.info", None, told),))


def _system_configs(data: bytes, count: int) -> Iterator[_Part]:
    for _ in range(count):
        if len(data) < 3 or len(data) < 3 + data[2]:
            raise Unusable("a configuration breaks off")
        told: dict[str, Attribute] = {"system_type": data[0], "system_addr": data[1], "config": _text(data[3 : 3 + data[2]])}
        yield _Part((Happening("device.info", None, told),))
        data = data[3 + data[2] :]


def _component_configs(data: bytes, count: int) -> Iterator[_Part]:
    for item in _cut(data, count, 7 + _TEXT_SIZE):
        yield _Part((Happening("device.info", None, _component(item) | {"location": _text(item[7:])}),))


def _system_times(data: bytes, count: int) -> Iterator[_Part]:
    for item in _cut(data, count, 8):
        yield _Part(
            (Happening("device.info", _moment(item[2:8]), {"system_type": item[0], "system_addr": item[1], "part": "clock"}),)
        )


def _device_states(data: bytes, count: int) -> Iterator[_Part]:
    for item in _cut(data, count, 7):
        yield _Part(_happenings(_states(_DEVICE_BITS, item[0]), _moment(item[1:7]), {"flags": f"0x{item[0]:02x}"}, "device.normal"))


def _device_operations(data: bytes, count: int) -> Iterator[_Part]:
    for item in _cut(data, count, 8):
        yield _operation(item[0], item[1], _moment(item[2:8]), {})


def _device_versions(data: bytes, count: int) -> Iterator[_Part]:
    for item in _cut(data, count, 2):
        yield _Part((Happening("device.info", None, {"version": f"{item[0]}.{item[1]}"}),))


def _device_configs(data: bytes, count: int) -> Iterator[_Part]:
    for _ in range(count):
        if not data or len(data) < 1 + data[0]:
            raise Unusable("a configuration breaks off")
        yield _Part((Happening("device.info", None, {"config": _text(data[1 : 1 + data[0]])}),))
        data = data[1 + data[0] :]


def _device_times(data: bytes, count: int) -> Iterator[_Part]:
    for item in _cut(data, count, 6):
        yield _Part((Happening("device.info", _moment(item), {"part": "clock"}),))


_OBJECTS: dict[int, Callable[[bytes, int], Iterator[_Part]]] = {
    1: _system_states,
    2: _component_states,
    3: _analogues,
    4: _system_operations,
    5: _system_versions,
    6: _system_configs,
    7: _component_configs,
    8: _system_times,
    21: _device_states,
    24: _device_operations,
    25: _device_versions,
    26: _device_configs,
    28: _device_times,
}
