"""DLMS/COSEM push lists of Nordic meters (HAN port): Aidon, Kaifa, Kamstrup, and P1 telegrams, by amshan.

With or without HDLC around them, as bytes or hexadecimal text. Energies come in Wh, powers in W, the meter's clock often without
zone.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import construct  # type: ignore[import-untyped]  # it has no stubs
from han import aidon, hdlc, kaifa, kamstrup

from ingest.decoded import Decoded, Happening, Outcome, Rejected, Sample
from ingest.families.json_fields import number
from ingest.message import Message

_LLC = (b"\xe6\xe7\x00", b"\xe6\xe6\x00")
_NOTIFICATION = 0x0F
_FLAG = 0x7E
_HEX = b"0123456789abcdefABCDEF \r\n"
_BODIES = (aidon.decode_notification_body, kaifa.decode_notification_body, kamstrup.decode_notification_body)
_FRAMES = (aidon.decode_frame_content, kaifa.decode_frame_content, kamstrup.decode_frame_content)
_PHASES = ("", "_l1", "_l2", "_l3")


def _by_phase(field: str, metric: str) -> dict[str, tuple[str, float]]:
    return {field + phase: (metric + phase.replace("_", "."), 1.0) for phase in _PHASES}


_METRICS: dict[str, tuple[str, float]] = {
    **_by_phase("active_power_import", "elec.power.active"),
    **_by_phase("active_power_export", "elec.power.active.export"),
    **_by_phase("reactive_power_import", "elec.power.reactive"),
    **_by_phase("reactive_power_export", "elec.power.reactive.export"),
    **_by_phase("current", "elec.current"),
    **_by_phase("voltage", "elec.voltage"),
    **_by_phase("power_factor", "elec.power_factor"),
    "active_power_import_total": ("elec.energy.import", 0.001),
    "active_power_export_total": ("elec.energy.export", 0.001),
    "reactive_power_import_total": ("elec.energy.reactive.import", 0.001),
    "reactive_power_export_total": ("elec.energy.reactive.export", 0.001),
}


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:
    data = _binary(message.payload)
    fields = next((found for content in _contents(data) if (found := _fields(content))), None)
    if fields is None:
        return Rejected(
            f"no push list of a meter that is known (Aidon, Kaifa, Kamstrup): {len(data)} bytes, first {data[:4].hex()}"
        )
    device_id = str(fields.get("meter_id") or context.get("device_id") or "").strip()
    values: dict[str, float] = {}
    for name, value in fields.items():
        metric, factor = _METRICS.get(name, ("", 1.0))
        amount = number(value)
        if metric and amount is not None:
            values[metric] = round(amount * factor, 6)
    if not values:
        return Rejected("the push list has no value that is known", device_id or None)
    return Decoded(device_id, (Sample(_time_ms(fields.get("meter_datetime")), values),), _information(fields))


def _binary(payload: bytes) -> bytes:
    if payload and all(byte in _HEX for byte in payload):
        try:
            return bytes.fromhex(payload.decode())
        except ValueError:
            return payload
    return payload


def _contents(data: bytes) -> list[bytes]:
    """HDLC frames' contents where flags delimit them, else the bytes themselves."""
    if not data or data[0] != _FLAG:
        return [data]
    try:
        frames = hdlc.HdlcFrameReader(use_octet_stuffing=False).read(data)
        found = [frame.payload for frame in frames if frame.payload]
    except (ValueError, IndexError):
        return []
    return [bytes(content) for content in found]


def _fields(content: bytes) -> dict[str, Any] | None:
    """amshan tries one maker's grammar after the other; its parsers raise what Python raises on bytes of strangers."""
    has_header = content[:3] in _LLC or content[:1] == bytes([_NOTIFICATION])
    for parse in (*_FRAMES, *_BODIES) if has_header else _BODIES:
        try:
            found = parse(content)
        except (
            construct.ConstructError,
            ValueError,
            KeyError,
            IndexError,
            TypeError,
            AttributeError,
            OverflowError,
            ArithmeticError,
        ):
            continue
        if found and any(name in _METRICS for name in found):
            return dict(found)
    return None


def _time_ms(moment: object) -> int | None:
    """A clock without zone tells no moment: its readings take the time of arrival."""
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        return None
    return round(moment.timestamp() * 1000)


def _information(fields: Mapping[str, Any]) -> tuple[Happening, ...]:
    told = {
        name: str(fields[field])
        for field, name in (("meter_type", "model"), ("meter_manufacturer", "manufacturer"))
        if fields.get(field)
    }
    return (Happening("device.info", None, dict(told)),) if "model" in told else ()
