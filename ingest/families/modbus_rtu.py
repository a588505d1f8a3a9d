"""Modbus frames over transparent gateways: RTU (CRC checked) and TCP (MBAP head), requests, answers, echoes, exceptions.

Reference: Modbus Application Protocol V1.1b3. An answer does not tell its registers: the request does, which is either an echo
in the same message or the context's `request` (hexadecimal, or words such as "read input registers, start 0x0000, count 2").
The context's `model` names a register map of ingest.families.modbus_maps, or `registers` declares one.
"""

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ingest.decoded import Attribute, Decoded, Happening, Outcome, Rejected, Sample
from ingest.families import crc16
from ingest.families.json_fields import number, obj, word
from ingest.families.modbus_maps import DEFAULT_MODEL, MODELS, Register, Registers
from ingest.message import Message

_READ_BITS, _READ_REGISTERS = (1, 2), (3, 4)
_WRITE_ONE, _WRITE_MANY = (5, 6), (15, 16)
_EXCEPTION = 0x80
_ANY = 0
"""The function of a request whose words do not tell it."""
_WORDS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
_HEXADECIMAL = re.compile(rb"(?:[0-9A-Fa-f]{2}\s?)+")
_NUMBER = r"(0x[0-9a-f]+|\d+)"
_START, _COUNT = re.compile(rf"start\D*?{_NUMBER}", re.IGNORECASE), re.compile(rf"count\D*?{_NUMBER}", re.IGNORECASE)
_FORMATS = {"f32": ">f", "u16": ">H", "s16": ">h", "u32": ">I", "s32": ">i", "u64": ">Q", "s64": ">q", "f64": ">d"}
_LOW_WORD_FIRST = "_lo"


class Request(NamedTuple):
    function: int
    start: int
    quantity: int


class _Frame(NamedTuple):
    """A protocol data unit with its unit address; `is_request` as told by its form."""

    unit: int
    function: int
    data: bytes
    is_request: bool


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:
    frames, damage = _rtu(message.payload)
    if not frames:  # a CRC that is right is the stronger sign, so heads of TCP are looked for after it
        frames, damage = _tcp(message.payload) or _as_text(message.payload) or (frames, damage)
    gateway = word(context.get("gateway_id")) or message.topic.rpartition("/")[0] or message.topic
    if not frames:
        unit = message.payload[0] if message.payload else 0
        return Rejected(damage or "no Modbus frame", _device(gateway, unit) if damage and message.payload else None)
    request = _request(context)
    outcomes: list[Decoded | Rejected] = []
    for frame in frames:
        device_id = _device(gateway, frame.unit)
        if frame.is_request:
            request = _asked(frame) or request
            outcomes.append(_command(device_id, frame))
        else:
            outcomes.append(_answer(device_id, frame, _polled(frame, context) or request, context))
    return [*outcomes, *([Rejected(damage)] if damage else [])]


def _as_text(payload: bytes) -> tuple[list[_Frame], str] | None:
    """Some gateways send frames as hexadecimal text."""
    return _rtu(bytes.fromhex(payload.decode())) if _HEXADECIMAL.fullmatch(payload) else None


def _device(gateway: str, unit: int) -> str:
    """The unit address alone is unique on its own line only."""
    return f"{gateway}/{unit}" if gateway else str(unit)


def _tcp(payload: bytes) -> tuple[list[_Frame], str] | None:
    """Frames behind MBAP heads: transaction 2, protocol 0000, length 2, unit."""
    frames: list[_Frame] = []
    position = 0
    while position < len(payload):
        head = payload[position : position + 6]
        length = int.from_bytes(head[4:6], "big")
        if len(head) < 6 or head[2:4] != b"\0\0" or not 2 <= length <= 254 or position + 6 + length > len(payload):
            return None
        body = payload[position + 6 : position + 6 + length]
        frames.append(_Frame(body[0], body[1], body[2:], _is_request(body[1], body[2:])))
        position += 6 + length
    return (frames, "") if frames else None


def _is_request(function: int, data: bytes) -> bool:
    if function in _READ_BITS + _READ_REGISTERS:
        return len(data) == 4 and data[0] != 3
    return function in _WRITE_MANY and len(data) > 5


def _rtu(payload: bytes) -> tuple[list[_Frame], str]:
    """Every frame whose CRC is right; what lies between is noise, and damage where no frame is found at all."""
    frames: list[_Frame] = []
    skipped = position = 0
    while position + 4 <= len(payload):
        found = next(
            ((size, asked) for size, asked in _sizes(payload[position:]) if _crc_is_right(payload[position : position + size])),
            None,
        )
        if found is None:
            position, skipped = position + 1, skipped + 1
            continue
        size, asked = found
        frames.append(_Frame(payload[position], payload[position + 1], payload[position + 2 : position + size - 2], asked))
        position += size
    return frames, "" if frames else _damage(payload)


def _sizes(data: bytes) -> Iterator[tuple[int, bool]]:
    """The lengths that a frame starting here may have, and whether it would be a request."""
    function = data[1]
    if function & _EXCEPTION:
        yield 5, False
    elif function in _READ_BITS + _READ_REGISTERS:
        yield 5 + data[2], False
        yield 8, True
    elif function in _WRITE_ONE:
        yield 8, True
    elif function in _WRITE_MANY:
        yield 8, False
        yield (9 + data[6] if len(data) > 6 else 0), True


def _crc_is_right(frame: bytes) -> bool:
    return len(frame) >= 5 and crc16.modbus(frame[:-2]) == int.from_bytes(frame[-2:], "little")


def _damage(payload: bytes) -> str:
    if len(payload) < 5:
        return f"{len(payload)} bytes are too few for a Modbus frame"
    sizes = [size for size, _ in _sizes(payload) if size <= len(payload)]
    if not sizes:
        return f"no Modbus frame: function {payload[1]:02X} is unknown, or the frame breaks off"
    frame = payload[: sizes[0]]
    return f"CRC is {frame[-2:].hex()}, computed {crc16.modbus(frame[:-2]).to_bytes(2, 'little').hex()}"


def _request(context: Mapping[str, Any]) -> Request | None:
    """The context's request, as bytes in hexadecimal or in words."""
    said = word(context.get("request"))
    try:
        data = bytes.fromhex(said)
    except ValueError:
        return _request_in_words(said)
    return Request(data[1], int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:6], "big")) if len(data) >= 6 else None


def _polled(frame: _Frame, context: Mapping[str, Any]) -> Request | None:
    """Of the requests a gateway polls by itself (`requests`, each in hexadecimal), the one of this unit, function and length."""
    requests = context.get("requests")
    for said in requests if isinstance(requests, list | tuple) else ():
        try:
            asked = bytes.fromhex(word(said))
        except ValueError:
            continue
        quantity = int.from_bytes(asked[4:6], "big")
        size = (quantity + 7) // 8 if frame.function in _READ_BITS else 2 * quantity
        if len(asked) >= 6 and asked[0] == frame.unit and asked[1] == frame.function and frame.data[:1] == bytes([size % 256]):
            return Request(asked[1], int.from_bytes(asked[2:4], "big"), quantity)
    return None


def last_request(outcomes: Sequence[Decoded | Rejected]) -> str:
    """The newest request seen on a line, as the context's `request` takes it; empty where there was none."""
    asked = [
        happening.attributes
        for outcome in outcomes
        if isinstance(outcome, Decoded)
        for happening in outcome.happenings
        if happening.type == "command.read"
    ]
    if not asked:
        return ""
    function, register, count = (int(asked[-1].get(name) or 0) for name in ("function", "register", "count"))
    return f"00{function:02x}{register:04x}{count:04x}"


def _request_in_words(said: str) -> Request | None:
    start, count = _START.search(said), _COUNT.search(said)
    function = next((code for name, code in _WORDS.items() if name in said.lower()), _ANY)
    return Request(function, int(start[1], 0), int(count[1], 0) if count else 0) if start and len(said) < 200 else None


def _asked(frame: _Frame) -> Request | None:
    if frame.function not in _READ_BITS + _READ_REGISTERS or len(frame.data) < 4:
        return None
    return Request(frame.function, int.from_bytes(frame.data[:2], "big"), int.from_bytes(frame.data[2:4], "big"))


def _command(device_id: str, frame: _Frame) -> Decoded:
    """A master's request seen on the line: no telemetry."""
    register, amount = int.from_bytes(frame.data[:2], "big"), int.from_bytes(frame.data[2:4], "big")
    is_read = frame.function in _READ_BITS + _READ_REGISTERS
    told: dict[str, Attribute] = {"register": register, "function": frame.function}
    told["count" if is_read or frame.function in _WRITE_MANY else "value"] = amount
    return Decoded(device_id, happenings=(Happening("command.read" if is_read else "command.write", None, told),))


def _answer(device_id: str, frame: _Frame, request: Request | None, context: Mapping[str, Any]) -> Decoded | Rejected:
    if frame.function & _EXCEPTION:
        told: dict[str, Attribute] = {
            "code": f"{frame.data[0]:02x}" if frame.data else "",
            "function": frame.function & ~_EXCEPTION,
        }
        return Decoded(device_id, happenings=(Happening("meter.error_reply", None, told),))
    if frame.function in _WRITE_MANY:
        return Decoded(device_id, happenings=(Happening("command.ack", None, {"register": int.from_bytes(frame.data[:2], "big")}),))
    data = frame.data[1:]
    is_its_answer = request is not None and request.function in (_ANY, frame.function)
    values = _values(data, request, frame.function, _registers(context, frame.function)) if request and is_its_answer else {}
    if values:
        return Decoded(device_id, (Sample(None, values),))
    attributes: dict[str, Attribute] = {"function": frame.function, "data": data.hex()}
    attributes["register"] = request.start if request else None
    return Decoded(device_id, happenings=(Happening("raw.frame", None, attributes),))


def _registers(context: Mapping[str, Any], function: int) -> Registers:
    declared = obj(context.get("registers"))
    if not declared:
        return MODELS.get(word(context.get("model")).lower(), MODELS[DEFAULT_MODEL]).get(function, {})
    found: dict[int, Register] = {}
    for place, told in declared.items():
        metric, kind = word(obj(told).get("metric")), word(obj(told).get("type")) or "u16"
        if metric and kind.removesuffix(_LOW_WORD_FIRST) in _FORMATS and str(place).isascii() and str(place).isdecimal():
            found[int(place)] = Register(metric, kind, number(obj(told).get("factor")) or 1.0)
    return found


def _values(data: bytes, request: Request, function: int, registers: Registers) -> dict[str, float]:
    """By the map, from the request's start on; bits of coils and inputs by their number."""
    if function in _READ_BITS:
        bits = min(request.quantity, len(data) * 8, 2000)
        return {f"x.modbus.bit{request.start + place}": float(data[place // 8] >> place % 8 & 1) for place in range(bits)}
    values: dict[str, float] = {}
    for place, register in registers.items():
        start = 2 * (place - request.start)
        value = _number(data, start, register.kind) if start >= 0 else None
        if value is not None:
            values[register.metric] = round(value * register.factor, 6)
    return values


def _number(data: bytes, start: int, kind: str) -> float | None:
    """None where it is not wholly there, or is no finite number."""
    form = _FORMATS[kind.removesuffix(_LOW_WORD_FIRST)]
    part = data[start : start + struct.calcsize(form)]
    if len(part) < struct.calcsize(form):
        return None
    if kind.endswith(_LOW_WORD_FIRST):
        part = b"".join(part[place : place + 2] for place in range(len(part) - 2, -2, -2))
    value = float(struct.unpack(form, part)[0])
    return value if abs(value) < 1e15 else None
