"""ThingsBoard's MQTT API: devices under `v1/devices/me/`, gateways under `v1/gateway/` (many devices by name).

Reference: thingsboard.io/docs, "MQTT Device API", "MQTT Gateway API", short topics `v2/t`. Times are epoch milliseconds.
A device on `me` is known by its credentials only: the context's `device_id` names it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ingest.decoded import Attribute, Decoded, Happening, Outcome, Rejected, Sample, Told
from ingest.families.field_names import FIELDS, PHASES, snake, split
from ingest.families.json_fields import Unusable, epoch_ms, leaves, loads, number, obj, objects, quantity, truth, word
from ingest.message import Message

_MOST_LEVELS = 6


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:
    device_id = word(context.get("device_id"))
    try:
        return _topic(message.topic.split("/"), message.payload, device_id)
    except Unusable as error:
        return Rejected(str(error), device_id or None)


def _topic(levels: list[str], payload: bytes, device_id: str) -> Outcome:
    """`v1/gateway/<what>`, `v1/devices/me/<what>`, `v2/t`, `v2/a`, `v2/g/<what>`."""
    told = loads(payload)
    is_gateway = "gateway" in levels[:2] or levels[:2] == ["v2", "g"]
    what = {"t": "telemetry", "a": "attributes", "c": "claim"}.get(levels[-1], levels[-1])
    if "rpc" in levels:
        return Decoded(device_id, happenings=(Happening(_rpc_kind(levels), None, {"method": word(obj(told).get("method"))}),))
    if is_gateway and what in ("connect", "disconnect"):
        return _connection(obj(told), online=what == "connect")
    if is_gateway or _is_of_gateway(told):
        return _gateway(obj(told), what)
    samples, events = _told(told)
    if not samples and not events:
        raise Unusable("no value in it: expected {key: value}, {ts, values} or a list of these")
    return Decoded(device_id, samples, events)


def _rpc_kind(levels: list[str]) -> str:
    return "command.ack" if "response" in levels else "command.sent"


def _connection(told: Mapping[str, Any], *, online: bool) -> Decoded:
    name = word(told.get("device"))
    if not name:
        raise Unusable("no device named in a gateway's connect or disconnect")
    return Decoded(name, online=online)


def _is_of_gateway(told: object) -> bool:
    """{"Device A": [{ts, values}], ...}, where no topic says so."""
    return isinstance(told, dict) and bool(told) and all(isinstance(entries, list) for entries in told.values())


def _gateway(told: Mapping[str, Any], what: str) -> Outcome:
    found: list[Decoded] = []
    for name, entries in told.items():
        samples, events = _told(entries)
        if samples or events:
            found.append(Decoded(name, samples, events))
    if not found:
        raise Unusable(f"no device with values in a gateway's {what[:40]}")
    return found


def _told(told: object) -> tuple[list[Sample], list[Happening]]:
    samples: list[Sample] = []
    events: list[Happening] = []
    for entry in objects(told):
        values = entry.get("values")
        is_stamped = isinstance(values, dict)
        ts_ms = epoch_ms(entry.get("ts")) if is_stamped or "ts" in entry else None
        fields = values if is_stamped and isinstance(values, dict) else {key: value for key, value in entry.items() if key != "ts"}
        sample = sample_of(fields, ts_ms)
        if sample.values:
            samples.append(sample)
        events += texts_of(fields, ts_ms)
    return samples, events


def sample_of(fields: Mapping[str, Any], ts_ms: int | None) -> Sample:
    """Known names under our metrics, others under their own."""
    values: dict[str, float] = {}
    told: dict[str, Told] = {}
    for key, raw in leaves(fields):
        if key.count(".") > _MOST_LEVELS:
            continue
        metric, value = _value(key, raw)
        if value is None or metric in values:
            continue
        values[metric] = value
        if metric.startswith("x."):
            told[metric] = Told(key, None, raw if isinstance(raw, bool) else None)
    return Sample(ts_ms, values, told or None)


def texts_of(fields: Mapping[str, Any], ts_ms: int | None) -> Iterator[Happening]:
    """Texts are no readings: they are kept as events."""
    for key, raw in leaves(fields):
        if isinstance(raw, str) and raw and quantity(raw) is None:
            attributes: dict[str, Attribute] = {"name": key, "text": raw[:500]}
            yield Happening("report.text", ts_ms, attributes)


def _value(key: str, raw: object) -> tuple[str, float | None]:
    stem, suffix = split(snake(key))
    field = FIELDS.get(stem)
    if field is None or (field.is_state and truth(raw) is None):
        return f"x.{key}", quantity(raw)
    metric = f"{field.metric}.{PHASES.get(suffix, suffix)}" if suffix else field.metric
    if field.is_state:
        return metric, float(bool(truth(raw)) != field.inverted)
    amount = number(raw)
    return metric, None if amount is None else round(amount * field.factor, 9)
