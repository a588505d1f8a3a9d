"""Wired M-Bus (EN 13757-2) as transparent gateways deliver it, and wireless M-Bus telegrams without their CRCs, in one decoder.

Binary or as hexadecimal text. Encrypted telegrams need the meter's key in the context, as aes_key.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone, tzinfo
from functools import partial
from typing import Any

from ingest.decoded import Decoded, Happening, Outcome, Rejected, Sample
from ingest.families import mbus_fixed, mbus_makers, mbus_prios
from ingest.families.json_fields import zone_named
from ingest.families.mbus_frames import Frame, Unusable, wired, wireless
from ingest.families.mbus_meaning import OTHER, Meter, medium_of, understand
from ingest.families.mbus_records import Damaged, Manufacturers, Record, read
from ingest.message import Message

_COMPACT, _FIXED = 0x79, 0x73
_HEX = b"0123456789abcdefABCDEF \r\n|_"
_MOST_TELEGRAMS = 64
_APPLICATION_BUSY = 0x03


def decode(message: Message, context: Mapping[str, Any], *, kind: str = "", is_wired: bool = False) -> Outcome:
    """`kind`: what the family says the meter measures, where the telegram's own type does not. `is_wired`: it is never radio."""
    data, key = _binary(message.payload), str(context.get("aes_key") or "")
    try:
        frames = wired(data) if is_wired or _is_wired(data) else _telegrams(data, key)
    except Unusable as error:
        return Rejected(str(error), error.meter or None)
    zone = _zone(context)
    return tuple(_decode_frame(frame, kind, zone, key) for frame in frames)


def _binary(payload: bytes) -> bytes:
    """A gateway may send the frame as text."""
    if payload and all(byte in _HEX for byte in payload):
        try:
            return bytes.fromhex(payload.decode().translate({ord("|"): None, ord("_"): None}))
        except ValueError:
            return payload
    return payload


def _is_wired(data: bytes) -> bool:
    return any(
        data[n : n + 1] == b"\x68" and data[n + 3 : n + 4] == b"\x68" and data[n + 1 : n + 2] == data[n + 2 : n + 3]
        for n in range(len(data))
    )


def _telegrams(data: bytes, key: str) -> list[Frame]:
    """Receivers may glue telegrams together: each starts with its length."""
    frames: list[Frame] = []
    position = 0
    while position < len(data) and len(frames) < _MOST_TELEGRAMS:
        size = data[position] + 1
        if position and (size < 12 or position + size > len(data)):
            break
        frames.append(wireless(data[position:], key))
        position += size
    if not frames:
        raise Unusable("wM-Bus: the payload is empty")
    return frames


def _zone(context: Mapping[str, Any]) -> tzinfo | None:
    """Meters' clocks have no zone; where none is told, their readings take the time of arrival."""
    if context.get("timezone"):
        return zone_named(str(context["timezone"]))
    minutes = context.get("utc_offset_minutes")
    return timezone(timedelta(minutes=minutes)) if isinstance(minutes, int) and abs(minutes) < 1440 else None


def _decode_frame(frame: Frame, kind: str, zone: tzinfo | None, key: str) -> Decoded | Rejected:
    if frame.ci == _FIXED and (found := mbus_fixed.values(frame.status, frame.payload)):
        return Decoded(frame.meter, (Sample(None, found),))
    refused: list[str] = []
    records: list[Record | Manufacturers] = []
    try:
        payload = mbus_makers.expand(frame) if frame.ci == _COMPACT else frame.payload if frame.ci < 0xA0 else b""
        records.extend(read(payload))
    except Damaged as damage:
        refused.append(str(damage))
    told = medium_of(frame.medium)
    meaning = understand(records, Meter(frame.manufacturer, kind or told, frame.status & ~_APPLICATION_BUSY))
    own = mbus_makers.own_total(frame)
    own = mbus_prios.total_m3(frame.telegram, frame.manufacturer, key) if own is None else own
    if own is not None:
        meaning = meaning._replace(
            values={"water.volume": round(own, 6)} | {name: v for name, v in meaning.values.items() if name != "water.volume"}
        )
    attributes: dict[str, str | int] = {"manufacturer": frame.manufacturer, "medium": frame.medium, "version": frame.version}
    if not meaning.values and not meaning.events:
        reason = "; ".join(refused) or f"no value that is known (control information {frame.ci:02X}, maker {frame.manufacturer})"
        return Rejected(reason, frame.meter) if refused or not records else _raw(frame, attributes)
    happenings = [Happening(name, None, {**attributes, **detail}) for name, detail in meaning.events]
    ts_ms = _clock_ms(meaning.clock, zone)
    samples = (Sample(ts_ms, meaning.values),) if meaning.values else ()
    return Decoded(frame.meter, samples, happenings, refused=refused)


def _raw(frame: Frame, attributes: Mapping[str, str | int]) -> Decoded:
    return Decoded(frame.meter, happenings=(Happening("raw.frame", None, {**attributes, "data": frame.payload.hex()}),))


def _clock_ms(clock: str, zone: tzinfo | None) -> int | None:
    if not clock or zone is None:
        return None
    return round(datetime.fromisoformat(clock).replace(tzinfo=zone).timestamp() * 1000)


_KINDS = {
    "water": "water",
    "electricity": "electricity",
    "smoke": "smoke",
    "gas": "gas",
    "heat": "heat",
    "pulse": OTHER,
    "door": OTHER,
    "pressure": "water",
}
DECODERS: dict[str, Callable[[Message, Mapping[str, Any]], Outcome]] = {
    "mbus.wired": partial(decode, is_wired=True),
    "wmbus": decode,
    **{f"wmbus.{name}": partial(decode, kind=kind) for name, kind in _KINDS.items()},
}
"""By family name."""
