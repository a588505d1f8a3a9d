"""Aqara door locks: reports of a gateway (`zigbee/send`), of the LAN protocol, and of the open platform's push.

Reference: Lumi gateway protocol, resource ids of lock models (13.x.85). Each report is a list of resources with values;
the LAN protocol names them in words (`fing_verified`), its `data` being JSON inside text.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ingest.decoded import Attribute, Decoded, Happening, Outcome, Rejected, Sample
from ingest.families.json_fields import Unusable, epoch_ms, load_object, loads, number, obj, objects, quantity, word
from ingest.message import Message

_RESOURCES = {
    "13.1.85": "key_id",
    "13.2.85": "card_wrong",
    "13.3.85": "psw_wrong",
    "13.4.85": "fing_wrong",
    "13.5.85": "alarm",
    "13.6.85": "verified_wrong",
    "13.15.85": "method",
    "13.20.85": "door_state",
    "13.25.85": "lock_control",
    "13.26.85": "door_state",
    "13.28.85": "lock_state",
    "13.42.85": "fing_verified",
    "13.43.85": "psw_verified",
    "13.44.85": "card_verified",
    "13.88.85": "lock_status",
    "8.0.2001": "battery",
    "8.0.2008": "battery_mv",
    "8.0.2007": "lqi",
}
_METHODS = {0: "fingerprint", 1: "fingerprint", 2: "password", 3: "card", 4: "homekit", 5: "key", 6: "temporary_password"}
_VERIFIED = {
    "fing_verified": "fingerprint",
    "psw_verified": "password",
    "card_verified": "card",
    "elekey_verified": "electronic_key",
    "key_verified": "key",
    "ble_verified": "bluetooth",
    "homekit_verified": "homekit",
    "temp_psw_verified": "temporary_password",
}
_WRONG = {"card_wrong": "card", "psw_wrong": "password", "fing_wrong": "fingerprint", "verified_wrong": "any"}
_LOCKED = {0: 0.0, 1: 0.0, 2: 0.0, 3: 1.0, 4: 1.0}
"""13.28.85: cannot lock, door open, bolt not lifted, locked, locked from inside."""
_DOORS = {
    0: ("door.opened", 1.0),
    1: ("door.closed", 0.0),
    2: ("door.held_open", 1.0),
    4: ("door.forced", 1.0),
    5: ("door.ajar", 1.0),
}
_CONTROLS = {
    0: ("lock.unlocked", "inside"),
    1: ("lock.unlocked", "outside"),
    2: ("lock.locked", "inside"),
    3: ("lock.locked", "outside"),
}


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:  # noqa: ARG001 - every decoder takes a context
    try:
        reports = list(_reports(load_object(message.payload)))
    except Unusable as error:
        return Rejected(str(error), message.topic or None)
    if not reports:
        return Rejected("no report of a lock: expected params, data or values", message.topic or None)
    return [_decoded(device_id, ts_ms, fields) for device_id, ts_ms, fields in reports]


def _reports(told: Mapping[str, Any]) -> Iterator[tuple[str, int | None, dict[str, Any]]]:
    """Device, time and named fields of each device in the message."""
    device_id = word(told.get("did") or told.get("sid") or told.get("subjectId") or told.get("deviceId") or told.get("mac"))
    ts_ms = epoch_ms(told.get("time"))
    data = told.get("data")
    if isinstance(data, str):
        data = loads(data.encode())
    by_device: dict[str, dict[str, Any]] = {}
    for item in [*objects(told.get("params")), *objects(told.get("results")), *objects(data)]:
        owner = word(item.get("subjectId") or item.get("did")) or device_id
        name = word(item.get("res_name") or item.get("resourceId"))
        fields = (
            {_RESOURCES.get(name, name): item.get("value")} if name else {key: value for key, value in item.items() if key != "did"}
        )
        by_device.setdefault(owner, {}).update(fields)
        ts_ms = epoch_ms(item.get("time")) or epoch_ms(item.get("timeStamp")) or ts_ms
    if not by_device:
        fields = {key: value for key, value in told.items() if key in _VERIFIED or key in _WRONG or key in _RESOURCES.values()}
        by_device = {device_id: fields} if fields else {}
    for owner, fields in by_device.items():
        yield owner, ts_ms, fields


def _decoded(device_id: str, ts_ms: int | None, fields: Mapping[str, Any]) -> Decoded:
    happenings = [Happening(kind, ts_ms, attributes) for kind, attributes in _happenings(fields)]
    values = dict(_values(fields))
    return Decoded(device_id, (Sample(ts_ms, values),) if values else (), happenings)


def _happenings(fields: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Attribute]]]:
    yield from _granted(fields)
    for key, what in _WRONG.items():
        if key in fields:
            yield "access.denied", {"method": what, "count": number(fields[key])}
    if number(fields.get("alarm")):
        yield "alarm.lock", {"code": word(fields["alarm"])}
    control = _CONTROLS.get(int(number(fields.get("lock_control")) or -1)) if number(fields.get("lock_control")) else None
    if control or number(fields.get("lock_control")) == 0:
        kind, side = control or _CONTROLS[0]
        yield kind, {"side": side}
    state = number(fields.get("door_state"))
    if state is not None and int(state) in _DOORS:
        yield _DOORS[int(state)][0], {}


def _granted(fields: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Attribute]]]:
    """Someone was recognised, and the lock opened for them."""
    for key, method in _VERIFIED.items():
        if key in fields:
            yield from _opened({"user": word(fields[key]), "method": method})
    if "key_id" in fields:
        code = number(fields.get("method"))
        said = word(fields.get("method"))
        method = said if code is None else _METHODS.get(int(code), said)
        who: dict[str, Attribute] = {"user": word(fields["key_id"])}
        yield from _opened(who | {"method": method} if method else who)


def _opened(attributes: dict[str, Attribute]) -> Iterator[tuple[str, dict[str, Attribute]]]:
    yield "access.granted", attributes
    yield "lock.unlocked", attributes


def _values(fields: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    state = number(fields.get("lock_state"))
    if state is not None and int(state) in _LOCKED:
        yield "lock.locked", _LOCKED[int(state)]
    door = number(fields.get("door_state"))
    if door is not None and int(door) in _DOORS:
        yield "door.open", _DOORS[int(door)][1]
    for key, metric, factor in (
        ("battery", "battery.level", 1.0),
        ("battery_mv", "battery.voltage", 0.001),
        ("lqi", "link.lqi", 1.0),
    ):
        amount = number(fields.get(key))
        if amount is not None:
            yield metric, amount * factor
    known = set(_RESOURCES.values()) | _VERIFIED.keys() | _WRONG.keys()
    for key, value in fields.items():
        amount = None if key in known else quantity(value)
        if amount is not None and not obj(value):
            yield f"x.aqara.{key}", amount
