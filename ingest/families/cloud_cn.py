"""Chinese IoT clouds: Huawei IoTDA, Aliyun, OneNET, China Telecom AEP, CET, chn-das, Senthink, by a mapping each.

References: Huawei IoTDA "Device Reporting Properties"; Aliyun "Alink protocol"; OneNET "thing/property/post" and data points;
CET MQTT convention; Senthink "subscription push". Property names belong to each product's model: they are kept as they are
(`x.<name>`) unless the context's `metrics` or the table of standard names here maps them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ingest.decoded import Attribute, Decoded, Happening, Outcome, Rejected, Sample, Told
from ingest.families.json_fields import CHINA, Unusable, at, epoch_ms, loads, number, obj, objects, word
from ingest.families.json_mapping import JsonMapping, metric_of, read
from ingest.message import Message

_STANDARD: dict[str, Any] = {
    "CurrentTemperature": "env.temperature",
    "IndoorTemperature": "env.temperature",
    "CurrentHumidity": "env.humidity",
    "RelativeHumidity": "env.humidity",
    "BatteryPercentage": "battery.level",
    "SmokeSensorState": "smoke",
    "WaterSensorState": "leak",
    "ContactState": "contact.active",
    "TamperState": "tamper",
}
_DEVICE_KEYS = ("device_id", "deviceId", "deviceName", "dev_id", "nodeEui", "IMEI", "location_code")
_TIME_KEYS = ("event_time", "eventTime", "time", "timestamp", "ts", "gmtCreate", "at")


def _mapping(requires: tuple[str, ...], properties: str = "", **more: Any) -> JsonMapping:  # noqa: ANN401 - fields of JsonMapping
    return JsonMapping(requires=requires, properties=properties, device=_DEVICE_KEYS, time=_TIME_KEYS, metrics=_STANDARD, **more)


MAPPINGS: dict[str, JsonMapping] = {
    "huawei.gateway": _mapping(("devices.0.services",), "properties", each=("devices", "services"), prefix="service_id"),
    "huawei": _mapping(("services",), "properties", each=("services",), prefix="service_id", topic_level=2),
    "das": _mapping(("0.properties",), "properties", each=("",)),
    "das.single": _mapping(("deviceId", "properties"), "properties"),
    "onenet.points": _mapping(("dp",), "dp", topic_level=2),
    "onenet.streams": _mapping(("datastreams",), "", each=("datastreams", "datapoints"), prefix="id", topic_level=2),
    "alink": _mapping(("params",), "params"),
    "aliyun.forwarded": _mapping(("items",), "items"),
    "ctwing": _mapping(("messageType", "payload"), "payload"),
}
"""By kind of message, first match wins."""

_ONLINE_WORDS = {"online": True, "offline": False, "1": True, "0": False}
_SENTHINK = {
    "HEARTBEAT": "device.heartbeat",
    "DEVICE_ADD": "device.added",
    "DEVICE_DELETE": "device.removed",
    "DEVICE_DEL": "device.removed",
}
_TEMPLATE_ID = re.compile(r"\{\w+\}")


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:
    try:
        told = _unwrapped(loads(message.payload))
        for is_it, reader in _READERS:
            if is_it(told):
                return reader(told, message.topic)
        return _mapped(told, message.topic, obj(context.get("metrics")))
    except Unusable as error:
        return Rejected(str(error), message.topic or None)


def _unwrapped(told: object) -> object:
    """Envelopes of forwarding rules: Huawei's notify_data, OneNET's msg and data, some of them JSON inside text."""
    for _ in range(3):
        inner = next((found for path in ("notify_data", "msg", "data") if (found := at(told, path)) is not None), None)
        if isinstance(inner, str) and inner[:1] in "{[":
            inner = loads(inner.encode())
        if not isinstance(inner, dict | list) or not inner:
            break
        told = {**obj(told), **obj(inner)} if isinstance(inner, dict) else inner
        if isinstance(told, dict):
            told.pop("msg", None)
            told.pop("notify_data", None)
            if inner is told.get("data"):
                told.pop("data")
    body, header = obj(at(told, "body")), obj(at(told, "header"))
    return {**obj(told), **header, **body} if body else told


def _mapped(told: object, topic: str, metrics: Mapping[str, Any]) -> list[Decoded]:
    mapping = next((mapping for mapping in MAPPINGS.values() if mapping.matches(told)), None)
    if mapping is None:
        raise Unusable("the message has the shape of none of the clouds we know; declare a mapping for it")
    if isinstance(at(told, "params"), dict):
        mapping = replace(mapping, topic_level=_alink_level(topic))
    parts = read(replace(mapping, metrics={**_STANDARD, **metrics}), told, topic)
    happenings = _model_events(told)
    if not parts and not happenings:
        raise Unusable("no property with a value in it")
    if happenings:
        first = parts[0] if parts else Decoded(_device(told, topic))
        parts = [Decoded(first.device_id, first.samples, (*first.happenings, *happenings)), *parts[1:]]
    return parts


def _alink_level(topic: str) -> int | None:
    """`/sys/<product>/<device>/thing/...` (Aliyun) and `$sys/<product>/<device>/thing/...` (OneNET)."""
    levels = topic.split("/")
    place = next((level + 2 for level, name in enumerate(levels) if name in ("sys", "$sys", "ext")), None)
    return place if place is not None and place < len(levels) else None


def _model_events(told: object) -> list[Happening]:
    """`thing.event.<name>.post` other than the property report, or one named in the message."""
    method = word(at(told, "method"))
    found = re.fullmatch(r"thing\.event\.([\w:.]+?)\.post", method)
    name = found[1] if found else word(at(told, "identifier"))
    if not name or name == "property":
        return []
    return [Happening(f"device.event.{name}"[:100], epoch_ms(at(told, "params.time")), {})]


def _device(told: object, topic: str) -> str:
    named = next((word(found) for key in _DEVICE_KEYS if (found := at(told, key))), "")
    level = _alink_level(topic)
    return named or (topic.split("/")[level] if level is not None else topic)


def _huawei_events(told: Any, topic: str) -> list[Decoded]:  # noqa: ANN401 - the object's shape was looked at before
    """`sys/events/up`: the gateway tells of its sub-devices, or an event of the product's model."""
    gateway = word(told.get("object_device_id"))
    if not gateway or _TEMPLATE_ID.fullmatch(gateway):
        gateway = topic.split("/")[2] if topic.count("/") >= 2 else topic
    found: list[Decoded] = []
    for service in objects(told.get("services")):
        paras, ts_ms = obj(service.get("paras")), epoch_ms(service.get("event_time"))
        statuses = objects(paras.get("device_statuses"))
        found += [_status(word(status.get("device_id")), word(status.get("status")), ts_ms) for status in statuses]
        if not statuses:
            kind = word(service.get("event_type")) or "event"
            attributes: dict[str, Attribute] = {key: word(value)[:200] for key, value in paras.items() if word(value)}
            found.append(Decoded(gateway, happenings=(Happening(f"device.event.{kind}"[:100], ts_ms, attributes),)))
    return found


def _status(device_id: str, said: str, ts_ms: int | None) -> Decoded:
    """Stamped by the cloud, so the state is a sample of its own and the event carries the cloud's time."""
    online = _ONLINE_WORDS.get(said.lower())
    if online is None:
        return Decoded(device_id, happenings=(Happening("device.status", ts_ms, {"status": said[:40]}),))
    kind = "device.online" if online else "device.offline"
    return Decoded(device_id, (Sample(ts_ms, {"online": float(online)}),), (Happening(kind, ts_ms, {"device": device_id}),))


def _status_message(told: Any, topic: str) -> list[Decoded]:  # noqa: ANN401
    """Aliyun's and Huawei's word on a connection, OneNET's type 2."""
    moment = next((told[key] for key in ("utcTime", "lastTime", "time", "event_time", "at", "timestamp") if key in told), None)
    return [_status(_device(told, topic), word(told.get("status")), epoch_ms(moment, zone=CHINA))]


def _senthink(told: Any, topic: str) -> list[Decoded]:  # noqa: ANN401
    """Commands: 1 data, 2 online or offline, 3 heartbeat, 6 devices added and removed."""
    device_id, ts_ms, payload = word(told.get("nodeEui")) or topic, epoch_ms(told.get("timestamp")), told.get("payload")
    said = word(payload).upper()
    if said.lower() in _ONLINE_WORDS:
        return [_status(device_id, said, ts_ms)]
    if said in _SENTHINK:
        return [Decoded(device_id, happenings=(Happening(_SENTHINK[said], ts_ms, {}),))]
    if isinstance(payload, dict):
        return read(JsonMapping(metrics=_STANDARD), payload, device_id)
    attributes: dict[str, Attribute] = {"command": number(told.get("command")), "data": word(payload)[:2000]}
    return [Decoded(device_id, happenings=(Happening("raw.frame", ts_ms, attributes),))]


_CET_NAMES = (
    (re.compile("正向有功(电能|电度|总电能)|有功(电能|电度)|用电量|电能"), "elec.energy.import"),
    (re.compile("反向有功(电能|电度)"), "elec.energy.export"),
    (re.compile("无功(电能|电度)"), "elec.energy.reactive.import"),
    (re.compile("有功功率"), "elec.power.active"),
    (re.compile("无功功率"), "elec.power.reactive"),
    (re.compile("视在功率"), "elec.power.apparent"),
    (re.compile("功率因数"), "elec.power_factor"),
    (re.compile("频率"), "elec.frequency"),
    (re.compile("电流"), "elec.current"),
    (re.compile("电压"), "elec.voltage"),
    (re.compile("水量|流量累计|累计流量"), "water.volume"),
    (re.compile("温度"), "env.temperature"),
    (re.compile("湿度"), "env.humidity"),
)
_CET_LINES = {"AB": "l12", "BC": "l23", "CA": "l31", "A": "l1", "B": "l2", "C": "l3"}
_CET_UNITS = {"kV": 1000.0, "mA": 0.001, "kW": 1000.0, "MW": 1e6, "kvar": 1000.0, "kVA": 1000.0, "MWh": 1000.0, "Wh": 0.001}
_CET_PHASE = re.compile(r"(AB|BC|CA|A|B|C)(?:相|线)?|U?(ab|bc|ca)")


def _cet(told: Any, topic: str) -> list[Decoded]:  # noqa: ANN401
    """{location_code, ts, properties: [{type: AI, DI or SOE, key, value, unit, timestamp}]}."""
    device_id = word(told.get("location_code")) or topic
    samples: list[Sample] = []
    happenings: list[Happening] = []
    for item in objects(told.get("properties")):
        name, unit, amount = word(item.get("key")), word(item.get("unit")), number(item.get("value"))
        ts_ms = epoch_ms(item.get("timestamp")) or epoch_ms(told.get("ts")) or epoch_ms(told.get("ts "))
        if word(item.get("type")).upper() == "SOE":
            happenings.append(Happening("alarm.limit" if amount else "alarm.limit_end", ts_ms, {"name": name, "value": amount}))
        elif amount is not None and name:
            metric, factor = _cet_metric(name, unit)
            samples.append(Sample(ts_ms, {metric: round(amount * factor, 9)}, {metric: Told(name, unit or None, None)}))
    if not samples and not happenings:
        raise Unusable("no property with a number in it")
    return [Decoded(device_id, samples, happenings)]


def _cet_metric(name: str, unit: str) -> tuple[str, float]:
    found = next((metric for pattern, metric in _CET_NAMES if pattern.search(name)), None)
    if found is None:
        return metric_of(name, _STANDARD)
    if "反向" in name:
        found = found.replace(".import", ".export")
    phase = _CET_PHASE.match(name)
    line = _CET_LINES.get((phase[1] or phase[2]).upper()) if phase else None
    return f"{found}.{line}" if line else found, _CET_UNITS.get(unit, 1.0)


def _onenet_push(told: Any, topic: str) -> list[Decoded]:  # noqa: ANN401
    """{dev_id, ds_id, at, value}, or a list of such."""
    found: list[Decoded] = []
    for item in objects(told):
        mapping = JsonMapping(metrics=_STANDARD, device=("dev_id",), time=("at",), properties="point")
        found += read(mapping, {**item, "point": {word(item.get("ds_id")): item.get("value")}}, topic)
    if not found:
        raise Unusable("no data point with a value in it")
    return found


_READERS: tuple[tuple[Callable[[object], bool], Callable[[Any, str], list[Decoded]]], ...] = (
    (lambda told: isinstance(at(told, "nodeEui"), str) and at(told, "command") is not None, _senthink),
    (lambda told: at(told, "location_code") is not None and isinstance(at(told, "properties"), list), _cet),
    (lambda told: at(told, "services.0.event_type") is not None, _huawei_events),
    (lambda told: at(told, "ds_id") is not None or at(told, "0.ds_id") is not None, _onenet_push),
    (
        lambda told: (
            isinstance(at(told, "status"), str | int) and not any(at(told, key) for key in ("params", "items", "services"))
        ),
        _status_message,
    ),
)
