"""Sparkplug B (Eclipse Sparkplug 3.0): spBv1.0/<group>/<type>/<node>[/<device>] and spBv1.0/STATE/<host>.

Births name the metrics; later messages may give their aliases alone. The decoder remembers nothing: `remembered` makes, from a
message and what was known, the knowledge that the next one needs, and the context carries it as `sparkplug`.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.message import DecodeError

from ingest.decoded import Attribute, Decoded, Happening, Outcome, Rejected, Sample, Told
from ingest.families.json_fields import Unusable, epoch_ms, load_object
from ingest.families.sparkplug_schema import Payload
from ingest.message import Message

_NAMESPACE = "spBv1.0"
_EVENTS = {
    "NBIRTH": "node.birth", "NDATA": "node.data", "NDEATH": "node.death", "NCMD": "node.command",
    "DBIRTH": "device.birth", "DDATA": "device.data", "DDEATH": "device.death", "DCMD": "device.command",
}  # fmt: skip
_SIGNED_BITS = {1: 8, 2: 16, 3: 32, 4: 64}
_BOOLEAN, _TEXTS, _DATE_TIME = 11, {12, 14, 15}, 13
_CONTROL, _BIRTH_SEQUENCE = ("Node Control/", "Device Control/"), "bdSeq"
_SEQUENCE_LENGTH = 256
_MOST_METRICS = 20_000
_LONGEST_TEXT = 500
_NO_BIRTH, _GAP = "is of no birth seen so far", "sequence gap"
_REBIRTH = "Node Control/Rebirth"


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:
    levels = message.topic.split("/")
    if len(levels) == 3 and levels[:2] == [_NAMESPACE, "STATE"]:
        return _state(levels[2], message.payload)
    if len(levels) not in (4, 5) or levels[0] != _NAMESPACE or levels[2] not in _EVENTS:
        return Rejected("the topic is not spBv1.0/<group>/<message type>/<node>[/<device>] or spBv1.0/STATE/<host>")
    device_id = "/".join([levels[1], *levels[3:]])
    if (levels[2][0] == "D") != (len(levels) == 5):
        return Rejected(f"a {levels[2]} needs a {'device' if levels[2][0] == 'D' else 'node'} as the topic's last level", device_id)
    try:
        payload = Payload.FromString(message.payload)
    except DecodeError as error:
        return Rejected(f"not a Sparkplug B payload: {error}", device_id)
    if len(payload.metrics) > _MOST_METRICS:
        return Rejected(f"{len(payload.metrics)} metrics; at most {_MOST_METRICS} are read", device_id)
    return _decoded(device_id, levels[2], payload, _known(context, device_id), _known(context, f"{levels[1]}/{levels[3]}"))


def _known(context: Mapping[str, Any], device_id: str) -> Mapping[str, Any]:
    found = context.get("sparkplug")
    inner = found.get(device_id) if isinstance(found, Mapping) else None
    return inner if isinstance(inner, Mapping) else {}


def _state(host: str, payload: bytes) -> Decoded | Rejected:
    """A host application's state: JSON of version 3, or the word ONLINE or OFFLINE of version 2."""
    device_id = f"STATE/{host}"
    word = payload.strip().upper()
    if word in (b"ONLINE", b"OFFLINE"):
        return Decoded(
            device_id, happenings=(Happening("host.state", None, {"online": word == b"ONLINE"}),), online=word == b"ONLINE"
        )
    try:
        told = load_object(payload)
    except Unusable as error:
        return Rejected(f"STATE: {error}", device_id)
    if not isinstance(told.get("online"), bool):
        return Rejected("STATE: `online` is neither true nor false", device_id)
    ts_ms = epoch_ms(told.get("timestamp"))
    return Decoded(device_id, happenings=(Happening("host.state", ts_ms, {"online": told["online"]}),), online=told["online"])


def _decoded(device_id: str, kind: str, payload: Any, known: Mapping[str, Any], node: Mapping[str, Any]) -> Decoded:  # noqa: ANN401 - the class is made at run time
    ts_ms = _time_ms(payload.timestamp) if payload.HasField("timestamp") else None
    attributes: dict[str, Attribute] = {"seq": int(payload.seq)} if payload.HasField("seq") else {}
    samples: dict[int | None, tuple[dict[str, float], dict[str, Told]]] = {}
    happenings: list[Happening] = []
    refused: list[str] = []
    names = known.get("aliases")
    aliases: Mapping[Any, Any] = names if isinstance(names, Mapping) else {}
    for metric in payload.metrics:
        name, datatype = _identity(metric, aliases)
        if not name:
            refused.append(f"alias {metric.alias} {_NO_BIRTH}; ask the node for a rebirth")
        elif name == _BIRTH_SEQUENCE:
            attributes["bdSeq"] = int(metric.long_value or metric.int_value)
        elif not name.startswith(_CONTROL) and not metric.is_null and not kind.endswith("CMD"):
            _take(name, datatype, metric, _time_ms(metric.timestamp) or ts_ms, samples, happenings)
        elif kind.endswith("CMD"):
            attributes[name[:100]] = _plain(_value(datatype, metric))
    happenings.insert(0, Happening(_EVENTS[kind], ts_ms, attributes))
    happenings += _gap(kind, attributes, node, ts_ms)
    online = {"BIRTH": True, "DEATH": False}.get(kind[1:])
    found = [Sample(moment, values, told) for moment, (values, told) in samples.items()]
    gateway_id = device_id.rpartition("/")[0] if kind[0] == "D" else None
    return Decoded(device_id, found, happenings, online=online, refused=refused[:20], gateway_id=gateway_id)


def _identity(metric: Any, aliases: Mapping[Any, Any]) -> tuple[str, int]:  # noqa: ANN401
    """Name and data type; both may be left out after the birth."""
    known = aliases.get(metric.alias, aliases.get(str(metric.alias))) if metric.HasField("alias") else None
    name, datatype = (known[0], known[1]) if isinstance(known, tuple | list) and len(known) == 2 else ("", 0)
    return _text(metric.name) or str(name), int(metric.datatype or datatype)


def _text(told: str | bytes) -> str:
    """protobuf hands over text that is not UTF-8 as bytes."""
    return told.decode("utf-8", "replace") if isinstance(told, bytes) else told


def _take(
    name: str,
    datatype: int,
    metric: Any,  # noqa: ANN401
    ts_ms: int | None,
    samples: dict[int | None, tuple[dict[str, float], dict[str, Told]]],
    happenings: list[Happening],
) -> None:
    value = _value(datatype, metric)
    own = f"sp:{name}"
    if isinstance(value, str):
        happenings.append(Happening("report.text", ts_ms, {"name": own[:200], "text": value[:_LONGEST_TEXT]}))
    elif value is not None and math.isfinite(value):
        values, told = samples.setdefault(ts_ms, ({}, {}))
        key = f"x.sp.{name}"[:120]
        values[key] = float(value)
        told[key] = Told(own, "bool" if isinstance(value, bool) else None, _short(value, metric))


def _short(value: float | bool, metric: Any) -> float | bool:  # noqa: ANN401, FBT001 - a metric may be a truth
    """A 32-bit float as people wrote it: 12.3, not 12.300000190734863."""
    return float(f"{value:.7g}") if metric.WhichOneof("value") == "float_value" else value


def _value(datatype: int, metric: Any) -> float | bool | str | None:  # noqa: ANN401
    which = metric.WhichOneof("value")
    if which is None or which == "bytes_value":
        return None
    value = getattr(metric, which)
    if which == "boolean_value" or datatype == _BOOLEAN:
        return bool(value)
    if which == "string_value" or datatype in _TEXTS:
        return _text(value)
    bits = _SIGNED_BITS.get(datatype)
    if bits and which in ("int_value", "long_value"):
        size = 32 if which == "int_value" and bits < 64 else 64
        return (
            int(struct.unpack(">q", struct.pack(">Q", value))[0])
            if size == 64
            else int(struct.unpack(">i", struct.pack(">I", value))[0])
        )
    return float(value) if isinstance(value, float) else int(value)


def _plain(value: float | bool | str | None) -> Attribute:  # noqa: FBT001
    return value[:_LONGEST_TEXT] if isinstance(value, str) else value


def _time_ms(timestamp: int) -> int | None:
    return int(timestamp) if 0 < timestamp < 10**15 else None


def _gap(kind: str, attributes: Mapping[str, Attribute], node: Mapping[str, Any], ts_ms: int | None) -> list[Happening]:
    """The node's sequence counts 0 to 255 over all its messages but deaths of the node; a birth of the node starts it anew."""
    last, seq = node.get("seq"), attributes.get("seq")
    if kind in ("NBIRTH", "NDEATH") or kind.endswith("CMD") or not isinstance(last, int) or not isinstance(seq, int):
        return []
    expected = (last + 1) % _SEQUENCE_LENGTH
    if seq == expected:
        return []
    return [Happening("protocol.error", ts_ms, {"detail": _GAP, "expected": expected, "seq": seq})]


def remembered(message: Message, known: Mapping[str, Any]) -> dict[str, Any]:
    """What the context's `sparkplug` must hold after this message: aliases by device, sequence by node. Pure."""
    after = dict(known)
    levels = message.topic.split("/")
    if len(levels) not in (4, 5) or levels[0] != _NAMESPACE or levels[2] not in _EVENTS or levels[2].endswith("CMD"):
        return after
    try:
        payload = Payload.FromString(message.payload)
    except DecodeError:
        return after
    device_id, node_id = "/".join([levels[1], *levels[3:]]), f"{levels[1]}/{levels[3]}"
    if levels[2].endswith("BIRTH"):
        aliases = {
            int(metric.alias): (_text(metric.name), int(metric.datatype))
            for metric in payload.metrics
            if metric.HasField("alias") and metric.name
        }
        after[device_id] = {**after.get(device_id, {}), "aliases": aliases}
    if payload.HasField("seq") and levels[2] != "NDEATH":
        after[node_id] = {**after.get(node_id, {}), "seq": int(payload.seq)}
    return after


def needs_rebirth(message: Message, outcomes: Sequence[Decoded | Rejected]) -> str | None:
    """The node, `<group>/<node>`, whose births we lack: an alias unknown, or messages missing. Pure."""
    levels = message.topic.split("/")
    if len(levels) not in (4, 5) or not levels[2].endswith("DATA"):
        return None
    decoded = [outcome for outcome in outcomes if isinstance(outcome, Decoded)]
    unknown = any(_NO_BIRTH in reason for outcome in decoded for reason in outcome.refused)
    gap = any(event.attributes.get("detail") == _GAP for outcome in decoded for event in outcome.happenings)
    return f"{levels[1]}/{levels[3]}" if unknown or gap else None


def rebirth(node: str, now_ms: int) -> tuple[str, bytes]:
    """Topic and payload of the command that makes the node tell all its metrics anew."""
    group, _, name = node.partition("/")
    payload = Payload(timestamp=now_ms)
    metric = payload.metrics.add(name=_REBIRTH, datatype=_BOOLEAN)
    metric.boolean_value = True
    return f"{_NAMESPACE}/{group}/NCMD/{name}", payload.SerializeToString()
