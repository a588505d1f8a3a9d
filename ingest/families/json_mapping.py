"""Any JSON through a declared mapping: where devices, properties, names, values and times are found.

The settings hold mappings of one's own (as the context's `mapping`); ingest.families.cloud_cn declares those of Chinese clouds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import tzinfo
from typing import Any

from devices.metrics import METRICS, canonical_name
from ingest.decoded import Attribute, Decoded, Happening, Outcome, Rejected, Sample, Told
from ingest.families.json_fields import CHINA, Unusable, at, epoch_ms, loads, number, obj, objects, quantity, word, zone_named
from ingest.message import Message

_VALUES, _NAMES, _TIMES = ("value", "v"), ("key", "name", "identifier", "id"), ("time", "timestamp", "ts", "at", "t")
_MOST_LEVELS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonMapping:
    """Paths are dotted; each is looked up in the innermost object first, then in those around it.

    `requires`: paths that all exist in a message of this kind. `each`: lists to walk through, outermost first. `properties`: an
    object {name: value or {value, time}} or a list of {key, value, time}; empty: the object itself. `prefix`: a value that
    stands before each name. `topic_level`: the topic's level that names the device. `metrics`: name → our metric or
    [metric, factor]. `timezone`: of times without one, China's where it is empty.
    """

    requires: tuple[str, ...] = ()
    each: tuple[str, ...] = ()
    device: tuple[str, ...] = ()
    topic_level: int | None = None
    time: tuple[str, ...] = ()
    properties: str = ""
    prefix: str = ""
    metrics: Mapping[str, Any] | None = None
    timezone: str = ""

    def matches(self, told: object) -> bool:
        return all(at(told, path) is not None for path in self.requires)


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:
    """The family `json`: the mapping comes with the context."""
    try:
        told = obj(context.get("mapping"))
        mapping = from_settings({"timezone": word(context.get("timezone")), **told} if told else told)
        parts = read(mapping, loads(message.payload), message.topic)
    except Unusable as error:
        return Rejected(str(error), message.topic or None)
    return parts or Rejected("the mapping finds no value in it", message.topic or None)


def from_settings(told: Mapping[str, Any]) -> JsonMapping:
    known = {field.name for field in fields(JsonMapping)}
    unknown = sorted(told.keys() - known)
    if unknown or not told:
        raise Unusable(f"a mapping has the keys {', '.join(sorted(known))}" + (f", not {unknown[0]!r}" if unknown else ""))
    tuples = {key: tuple(told[key]) for key in ("requires", "each", "device", "time") if isinstance(told.get(key), list)}
    return JsonMapping(**{**told, **tuples})


def read(mapping: JsonMapping, told: object, topic: str) -> list[Decoded]:
    """One part per device, its samples in the order told."""
    levels = topic.split("/")
    by_topic = levels[mapping.topic_level] if mapping.topic_level is not None and len(levels) > mapping.topic_level else ""
    samples: dict[str, list[Sample]] = {}
    texts: dict[str, list[Happening]] = {}
    for scopes in _walk([told], mapping.each):
        device_id = word(_look_up(scopes, mapping.device)) or by_topic or topic
        ts_ms = epoch_ms(_look_up(scopes, mapping.time), zone=_zone(mapping))
        found, said = _sample(mapping, scopes, ts_ms)
        samples.setdefault(device_id, []).extend(found)
        texts.setdefault(device_id, []).extend(said)
    return [
        Decoded(device_id, samples[device_id], texts[device_id]) for device_id in samples if samples[device_id] or texts[device_id]
    ]


def _walk(scopes: list[object], each: Sequence[str]) -> Iterator[list[object]]:
    """The innermost objects, each behind those around it."""
    if not each:
        yield scopes
        return
    for item in objects(at(scopes[-1], each[0]) if each[0] else scopes[-1]):
        yield from _walk([*scopes, item], each[1:])


def _look_up(scopes: Sequence[object], paths: Sequence[str]) -> object:
    for path in paths:
        for scope in reversed(scopes):
            found = at(scope, path)
            if found is not None:
                return found
    return None


def _zone(mapping: JsonMapping) -> tzinfo:
    """Times without a zone are China's in most of these formats."""
    return zone_named(mapping.timezone) if mapping.timezone else CHINA


def _sample(mapping: JsonMapping, scopes: list[object], ts_ms: int | None) -> tuple[list[Sample], list[Happening]]:
    prefix = word(_look_up(scopes, (mapping.prefix,))) if mapping.prefix else ""
    by_time: dict[int | None, Sample] = {}
    texts: list[Happening] = []
    told = at(scopes[-1], mapping.properties) if mapping.properties else scopes[-1]
    for plain_name, raw, own_ms, unit in _properties(told, _zone(mapping)):
        name = f"{prefix}.{plain_name}" if prefix else plain_name
        moment = own_ms if own_ms is not None else ts_ms
        value = quantity(raw)
        if value is None and isinstance(raw, str) and raw:
            attributes: dict[str, Attribute] = {"name": name, "text": raw[:500]}
            texts.append(Happening("report.text", moment, attributes))
        if value is not None:
            metric, factor = metric_of(name, mapping.metrics)
            sample = by_time.setdefault(moment, Sample(moment, {}, {}))
            _put(sample, metric, value * factor, Told(name, unit or None, raw if isinstance(raw, bool | str) else None))
    return [sample for sample in by_time.values() if sample.values], texts


def _put(sample: Sample, metric: str, value: float, told: Told) -> None:
    """Names of another script may fall onto one metric: the later ones are numbered."""
    assert isinstance(sample.values, dict)
    assert isinstance(sample.told, dict)
    name, turn = metric, 1
    while name in sample.values and turn < 1000:
        turn += 1
        name = f"{metric}_{turn}"
    sample.values[name], sample.told[name] = value, told


def metric_of(name: str, metrics: Mapping[str, Any] | None) -> tuple[str, float]:
    """Our metric and factor; `x.` and the name itself where no mapping is declared."""
    declared = (metrics or {}).get(name)
    if isinstance(declared, str) and declared:
        return declared, 1.0
    if isinstance(declared, list | tuple) and len(declared) == 2 and isinstance(declared[0], str):
        return declared[0], number(declared[1]) or 1.0
    if name in METRICS or canonical_name(name) == name:
        return name, 1.0
    return "x." + name.encode("ascii", "backslashreplace").decode().replace("\\", "_"), 1.0


def _properties(told: object, zone: tzinfo) -> Iterator[tuple[str, object, int | None, str]]:
    """Name, raw value, time of its own, unit."""
    if isinstance(told, list):
        for item in objects(told):
            name = word(next((item[key] for key in _NAMES if key in item), None))
            if name:
                yield name, _first(item, _VALUES), epoch_ms(_first(item, _TIMES), zone=zone), word(item.get("unit"))
    elif isinstance(told, dict):
        for name, value in told.items():
            yield from _property(name, value, zone, 0)


def _property(name: str, value: object, zone: tzinfo, depth: int) -> Iterator[tuple[str, object, int | None, str]]:
    """A bare value, {value, time}, a list of {v, t}, or a nested object whose names join with a dot."""
    if isinstance(value, list):
        for item in objects(value):
            yield from _property(name, item, zone, depth + 1) if depth < _MOST_LEVELS else ()
    elif not isinstance(value, dict):
        yield name, value, None, ""
    elif any(key in value for key in _VALUES):
        inner = _first(value, _VALUES)
        own_ms = epoch_ms(_first(value, _TIMES), zone=zone)
        if isinstance(inner, dict):
            for key, part in inner.items():
                yield f"{name}.{key}", part, own_ms, ""
        else:
            yield name, inner, own_ms, word(value.get("unit"))
    elif depth < _MOST_LEVELS:
        for key, part in value.items():
            yield from _property(f"{name}.{key}", part, zone, depth + 1)


def _first(item: Mapping[str, Any], keys: Sequence[str]) -> object:
    return next((item[key] for key in keys if key in item), None)
