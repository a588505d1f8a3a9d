"""SenML in JSON and CBOR (RFC 8428): base fields apply to all that follow; names are global, times absolute or relative to now.

Each record's name splits into device and metric at its last separator. A unit of our vocabulary gives the metric where the
record's own word does not contradict it; the sensor's name and unit are told beside it.
"""

import math
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any, NamedTuple

import cbor2

from ingest.decoded import Attribute, Decoded, Happening, Outcome, Rejected, Sample, Told
from ingest.families.json_fields import Unusable, loads, number
from ingest.message import Message

_RELATIVE_BELOW = 2**28
"""RFC 8428 section 4.5.3: smaller times are relative to now."""
_VERSION = 10
_MOST_RECORDS = 10_000
_CBOR_DEPTH = 16

_BY_UNIT: dict[str, tuple[str, float]] = {
    "V": ("elec.voltage", 1.0),
    "mV": ("elec.voltage", 0.001),
    "A": ("elec.current", 1.0),
    "mA": ("elec.current", 0.001),
    "W": ("elec.power.active", 1.0),
    "kW": ("elec.power.active", 1000.0),
    "VA": ("elec.power.apparent", 1.0),
    "kVA": ("elec.power.apparent", 1000.0),
    "var": ("elec.power.reactive", 1.0),
    "kvar": ("elec.power.reactive", 1000.0),
    "J": ("elec.energy.import", 1 / 3.6e6),
    "Wh": ("elec.energy.import", 0.001),
    "kWh": ("elec.energy.import", 1.0),
    "varh": ("elec.energy.reactive.import", 0.001),
    "kvarh": ("elec.energy.reactive.import", 1.0),
    "Hz": ("elec.frequency", 1.0),
    "Cel": ("env.temperature", 1.0),
    "%RH": ("env.humidity", 1.0),
    "hPa": ("env.pressure", 0.1),
    "Pa": ("env.pressure", 0.001),
    "kPa": ("env.pressure", 1.0),
    "lx": ("env.illuminance", 1.0),
    "m3": ("water.volume", 1.0),
    "l": ("water.volume", 0.001),
    "m3/s": ("water.flow", 3600.0),
    "m3/h": ("water.flow", 1.0),
    "l/s": ("water.flow", 3.6),
    "%EL": ("battery.level", 1.0),
    "lon": ("x.geo.lon", 1.0),
    "lat": ("x.geo.lat", 1.0),
    "dBm": ("link.rssi", 1.0),
    "dBW": ("link.rssi", 1.0),
}
_ONE = {"dBW": 30.0}
"""What is added after scaling: dBW → dBm."""
_BASES = ("bn", "bt", "bu", "bv", "bs", "bver")
_SEPARATORS = ":/"
_LABELS: dict[Any, str] = {-1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs"}
_LABELS |= {0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd"}


class Record(NamedTuple):
    """Resolved (RFC 8428 section 4.6): full name, unit, absolute seconds or None for now, value."""

    name: str
    unit: str
    time_s: float | None
    value: float | bool | str


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:  # noqa: ARG001 - every decoder takes a context
    try:
        told = loads(message.payload)
        return outcome(resolve(told if isinstance(told, list) else [told]))
    except Unusable as error:
        return Rejected(str(error))


def decode_cbor(message: Message, context: Mapping[str, Any]) -> Outcome:  # noqa: ARG001
    try:
        told = _loads_cbor(message.payload)
        return outcome(resolve([_labelled(record) for record in (told if isinstance(told, list) else [told])]))
    except Unusable as error:
        return Rejected(str(error))


def _untagged(tagged: cbor2.CBORTag, *_: object) -> Any:  # noqa: ANN401
    """A tag says how a number was meant; what counts here is the number."""
    return tagged.value


def _loads_cbor(payload: bytes) -> Any:  # noqa: ANN401 - CBOR is anything
    stream = BytesIO(payload)
    try:
        told = cbor2.CBORDecoder(stream, max_depth=_CBOR_DEPTH, tag_hook=_untagged).decode()
    except (cbor2.CBORDecodeError, ValueError, TypeError, OverflowError) as error:
        raise Unusable(f"not CBOR: {error}") from None
    if left := len(payload) - stream.tell():
        raise Unusable(f"not CBOR: {left} bytes are left over")
    return told


def _labelled(record: object) -> object:
    """Integer labels spelled out (RFC 8428 section 6)."""
    return {_LABELS.get(key, key): value for key, value in record.items()} if isinstance(record, dict) else record


def resolve(pack: Sequence[object]) -> list[Record]:
    """The records of a pack with all base fields applied."""
    if len(pack) > _MOST_RECORDS:
        raise Unusable(f"a pack of {len(pack)} records; at most {_MOST_RECORDS} are read")
    base: dict[str, Any] = {}
    found: list[Record] = []
    for position, record in enumerate(pack, start=1):
        if not isinstance(record, dict):
            raise Unusable(f"record {position} is no object")
        base |= {key: record[key] for key in _BASES if key in record}
        if number(base.get("bver", _VERSION)) is None or (number(base.get("bver", _VERSION)) or 0) > _VERSION:
            raise Unusable(f"record {position}: version {base['bver']!r} is newer than {_VERSION}")
        unknown = next((key for key in record if isinstance(key, str) and key.endswith("_")), None)
        if unknown:
            raise Unusable(f"record {position}: field {unknown[:40]!r} must be understood, and is not")
        value = _value(record, base)
        if value is not None:
            found.append(_record(record, base, value, position))
    if not found:
        raise Unusable("no record has a value")
    return found


def _record(record: Mapping[str, Any], base: Mapping[str, Any], value: float | bool | str, position: int) -> Record:  # noqa: FBT001 - a record's value may be a truth
    name = f"{base.get('bn', '')}{record.get('n', '')}"
    if not name or not name.isprintable():
        raise Unusable(f"record {position} has no name")
    unit = record.get("u", base.get("bu", ""))
    time_s = (number(base.get("bt", 0)) or 0.0) + (number(record.get("t", 0)) or 0.0)
    return Record(name, unit if isinstance(unit, str) else "", time_s if time_s >= _RELATIVE_BELOW else None, value)


def _value(record: Mapping[str, Any], base: Mapping[str, Any]) -> float | bool | str | None:
    """A record with base fields only sets them; base value and base sum add to numbers."""
    if isinstance(record.get("vb"), bool):
        return bool(record["vb"])
    for key in ("vs", "vd"):
        if isinstance(record.get(key), str):
            return str(record[key])
    for key, base_key in (("v", "bv"), ("s", "bs")):
        amount = number(record.get(key))
        if amount is not None or (key == "v" and base_key in record and "s" not in record):
            total = (amount or 0.0) + (number(base.get(base_key)) or 0.0)
            return total if math.isfinite(total) else None
    return None


def outcome(records: Sequence[Record]) -> tuple[Decoded, ...]:
    """One per device: the part of the name before its last separator, or all of it."""
    names = {record.name for record in records}
    samples: dict[str, dict[int | None, list[tuple[str, float, Told]]]] = {}
    happenings: dict[str, list[Happening]] = {}
    for record in records:
        device_id, leaf = _split(record.name, names)
        ts_ms = None if record.time_s is None else round(min(record.time_s, 1e12) * 1000)
        if isinstance(record.value, str):
            attributes: dict[str, Attribute] = {"name": f"senml:{record.name}", "text": record.value[:500]}
            happenings.setdefault(device_id, []).append(Happening("report.text", ts_ms, attributes))
            samples.setdefault(device_id, {})
            continue
        metric, value = _metric(leaf, record)
        told = Told(f"senml:{record.name}", record.unit or ("bool" if isinstance(record.value, bool) else None), record.value)
        samples.setdefault(device_id, {}).setdefault(ts_ms, []).append((metric, value, told))
    return tuple(Decoded(device_id, _samples(by_time), happenings.get(device_id, ())) for device_id, by_time in samples.items())


def _samples(by_time: Mapping[int | None, Sequence[tuple[str, float, Told]]]) -> list[Sample]:
    """Two records of one metric and moment get a sample each, so that none is lost."""
    found: list[Sample] = []
    for ts_ms, entries in by_time.items():
        values: dict[str, float] = {}
        told: dict[str, Told] = {}
        for metric, value, own in entries:
            if metric in values:
                found.append(Sample(ts_ms, values, told))
                values, told = {}, {}
            values[metric], told[metric] = value, own
        found.append(Sample(ts_ms, values, told))
    return found


def _split(name: str, names: set[str]) -> tuple[str, str]:
    """`urn:dev:ow:10e2073a01080063:voltage` → the device and `voltage`; a bare address is a device without a leaf."""
    cut = max(name.rfind(separator) for separator in _SEPARATORS)
    leaf = name[cut + 1 :]
    is_address = name.startswith("urn:dev:") and name.count(":") < 4
    if cut <= 0 or is_address or not leaf[:1].isalpha() or name[:cut] in names:
        return name.rstrip(_SEPARATORS) or name, ""
    return name[:cut].rstrip(_SEPARATORS) or name, leaf


def _metric(leaf: str, record: Record) -> tuple[str, float]:
    metric, factor = _BY_UNIT.get(record.unit, (f"x.senml.{leaf or record.unit or 'value'}", 1.0))
    if record.unit == "Cel" and "water" in leaf.lower():
        metric = "water.temperature"
    if record.unit == "V" and "batt" in leaf.lower():
        metric = "battery.voltage"
    value = float(record.value) * factor + _ONE.get(record.unit, 0.0)
    return metric, round(value, 12) if abs(value) < 1e12 else value
