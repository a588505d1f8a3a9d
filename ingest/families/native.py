"""The native form: `caretaker/v1/<site>/<device_id>/{telemetry|event|status}` with JSON, as our documentation asks for it."""

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import msgspec

from ingest.decoded import Attribute, Decoded, Happening, Outcome, Rejected, Sample
from ingest.message import Message

_MILLISECONDS_FROM = 1e11  # as seconds this is the year 5138, as milliseconds 1973: nobody means the former
_FAR_FUTURE_MS = 10**15
_LONGEST_NAME = 100
_EVENT_NAME_LIMIT = 100
_ENCODED = str.maketrans({character: f"%{ord(character):02X}" for character in "/+#%"})


class _Telemetry(msgspec.Struct, gc=False):
    readings: dict[str, float]
    ts: int | float | str | None = None


class _LooseTelemetry(msgspec.Struct):
    readings: dict[str, Any]
    ts: int | float | str | None = None


class _Event(msgspec.Struct):
    event: str
    ts: int | float | str | None = None
    attributes: dict[str, Attribute] = {}


_TELEMETRY = msgspec.json.Decoder(_Telemetry)
_LOOSE = msgspec.json.Decoder(_LooseTelemetry)
_EVENT = msgspec.json.Decoder(_Event)
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])


class _Unusable(Exception):
    """Why a payload cannot be used; never leaves this module."""


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:  # noqa: ARG001 - every decoder takes a context
    device_id, leaf = _address(message.topic)
    reader = _READERS.get(leaf)
    if reader is None or not device_id:
        return Rejected("the topic is not caretaker/v1/<site>/<device_id>/telemetry, event or status", device_id or None)
    try:
        return reader(device_id, message.payload)
    except _Unusable as error:
        return Rejected(str(error), device_id)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Rejected(f"not the JSON of a native {leaf}: {error}", device_id)


def _telemetry(device_id: str, payload: bytes) -> Decoded:
    try:
        told = _TELEMETRY.decode(payload)
    except msgspec.ValidationError:
        if payload.lstrip().startswith(b"["):
            return _list(device_id, payload)
        sample, refused = _loose_sample(payload)
        return Decoded(device_id, (sample,), refused=refused)
    return Decoded(device_id, (Sample(_epoch_ms(told.ts), told.readings),))


def _list(device_id: str, payload: bytes) -> Decoded:
    samples: list[Sample] = []
    refused: list[str] = []
    for number, item in enumerate(_ARRAY.decode(payload), start=1):
        try:
            sample, doubts = _loose_sample(item)
        except (_Unusable, msgspec.ValidationError) as error:
            refused.append(f"item {number}: {error}")
            continue
        samples.append(sample)
        refused += [f"item {number}: {doubt}" for doubt in doubts]
    if refused and not samples:
        raise _Unusable("; ".join(refused[:5]))
    return Decoded(device_id, samples, refused=refused)


def _loose_sample(payload: bytes | msgspec.Raw) -> tuple[Sample, list[str]]:
    """Booleans become 0 and 1, null means not measured; anything else that is no number is refused by name."""
    told = _LOOSE.decode(payload)
    values: dict[str, float] = {}
    refused: list[str] = []
    for name, value in told.readings.items():
        if isinstance(value, int | float) and math.isfinite(value):
            values[name] = float(value)
        elif value is not None:
            refused.append(f"reading {name[:_LONGEST_NAME]!r} is {str(value)[:40]!r}; send a number, true, false or null")
    if refused and not values:
        raise _Unusable("; ".join(refused[:5]))
    return Sample(_epoch_ms(told.ts), values), refused


def _event(device_id: str, payload: bytes) -> Decoded:
    told = _EVENT.decode(payload)
    if not 0 < len(told.event) <= _EVENT_NAME_LIMIT or not told.event.isprintable():
        raise _Unusable(f"the event's name must be 1 to {_EVENT_NAME_LIMIT} printable characters")
    return Decoded(device_id, happenings=(Happening(told.event, _epoch_ms(told.ts), told.attributes),))


def _status(device_id: str, payload: bytes) -> Decoded:
    word = payload.strip().strip(b'"').lower()
    if word not in (b"online", b"offline"):
        raise _Unusable(f"status is {payload[:40]!r}; send online or offline")
    return Decoded(device_id, online=word == b"online")


_READERS: dict[str, Callable[[str, bytes], Decoded]] = {"telemetry": _telemetry, "event": _event, "status": _status}


@lru_cache(maxsize=65_536)
def _address(topic: str) -> tuple[str, str]:
    """Device id and last level; empty where the topic is not of the native form. Cached, so that a device's id is one string."""
    levels = topic.split("/")
    if len(levels) != 5 or levels[0] != "caretaker" or levels[1] != "v1":
        return "", ""
    return device_of(levels[3]), levels[4]


def level_of(device_id: str) -> str:
    """The device's level of a native topic: what may not stand in one ("/", "+", "#" and "%") is percent-encoded."""
    return device_id.translate(_ENCODED)


def device_of(level: str) -> str:
    return unquote(level) if "%" in level else level


def _epoch_ms(ts: float | str | None) -> int | None:
    """Epoch seconds (or milliseconds, told by their size) or ISO 8601 with an offset, as epoch milliseconds."""
    if ts is None:
        return None
    if isinstance(ts, str):
        return _iso_ms(ts)
    milliseconds = ts if abs(ts) >= _MILLISECONDS_FROM else ts * 1000
    return round(min(max(milliseconds, -_FAR_FUTURE_MS), _FAR_FUTURE_MS))


def _iso_ms(ts: str) -> int:
    try:
        moment = datetime.fromisoformat(ts)
    except ValueError:
        raise _Unusable(f"ts {ts[:40]!r} is neither epoch seconds nor ISO 8601") from None
    if moment.tzinfo is None:
        raise _Unusable(f"ts {ts[:40]!r} has no offset, so its moment is unknown; add Z or an offset such as +08:00")
    return round(moment.timestamp() * 1000)
