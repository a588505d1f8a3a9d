"""Hikvision access controllers: ISAPI EventNotificationAlert as JSON or XML, alone or inside a multipart body.

Reference: ISAPI Developer Guide (Access Control), event types of HCNetSDK: major 1 alarm, 2 exception, 3 operation, 5 event.
`serialNo` counts events, so a repeated delivery can be told.
"""

import re
from collections.abc import Mapping
from typing import Any

from ingest.decoded import Attribute, Decoded, Happening, Outcome, Rejected, Sample
from ingest.families.json_fields import Unusable, epoch_ms, load_object, number, obj, word
from ingest.message import Message

_EVENT, _ALARM = 5, 1
_GRANTED = {0x01, 0x02, 0x10, 0x26, 0x28, 0x2B, 0x2E, 0x31, 0x34, 0x37, 0x3A, 0x3C, 0x3F, 0x42, 0x45, 0x48, 0x4B, 0x65, 0x68, 0x69}
"""Sub types of major 5: card, password, several people, fingerprint, face, employee number, and their combinations passed."""
_KINDS = {
    (_EVENT, 0x09): "access.unknown_card",
    (_EVENT, 0x11): "door.always_open",
    (_EVENT, 0x15): "door.unlocked",
    (_EVENT, 0x16): "door.locked",
    (_EVENT, 0x17): "door.unlocked",
    (_EVENT, 0x18): "door.button_released",
    (_EVENT, 0x19): "door.opened",
    (_EVENT, 0x1A): "door.closed",
    (_EVENT, 0x1B): "door.forced",
    (_EVENT, 0x1C): "door.held_open",
    (_EVENT, 0x13): "door.always_open",
    (_EVENT, 0x1F): "door.always_closed",
    (_EVENT, 0x25): "doorbell.rung",
    (_ALARM, 0x400): "alarm.input",
    (_ALARM, 0x404): "alarm.tamper",
    (_ALARM, 0x405): "alarm.tamper_end",
    (_ALARM, 0x406): "alarm.tamper",
    (_ALARM, 0x40A): "alarm.duress",
    (_ALARM, 0x40B): "fault.device",
    (_ALARM, 0x40E): "alarm.fire",
}
_DENIED = (
    set(range(0x03, 0x10)) | {0x27, 0x29, 0x2A, 0x2C, 0x2D, 0x2F, 0x30, 0x32, 0x33, 0x35, 0x36, 0x38, 0x39, 0x3B, 0x3D, 0x3E}
) | {0x40, 0x41, 0x43, 0x44, 0x46, 0x47, 0x49, 0x4A, 0x4C, 0x4D, 0x66, 0x67, 0x6A}
_METHODS = {0x01: "card", 0x02: "card_and_password", 0x26: "fingerprint", 0x4B: "face", 0x17: "button", 0x65: "employee_number"}
_OPEN = {"door.opened": 1.0, "door.closed": 0.0, "door.forced": 1.0, "door.held_open": 1.0}
_XML_LEAF = re.compile(r"<(?:\w+:)?(\w+)>([^<>]{0,500})</")


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:
    device_id = word(context.get("device_id")) or message.topic
    try:
        told = _parse(message.payload)
        event = obj(told.get("AccessControllerEvent")) or told
        device_id = (
            word(told.get("macAddress") or event.get("deviceSerialNo") or told.get("deviceID") or told.get("ipAddress"))
            or device_id
        )
        return _told(device_id, told, event)
    except Unusable as error:
        return Rejected(str(error), device_id or None)


def _parse(payload: bytes) -> dict[str, Any]:
    """The JSON object or the XML leaves, wherever the body's parts begin and end."""
    first, last = payload.find(b"{"), payload.rfind(b"}")
    if b"<EventNotificationAlert" in payload:
        leaves = dict(_XML_LEAF.findall(payload.decode("utf-8", "replace")))
        if not leaves:
            raise Unusable("an EventNotificationAlert without fields")
        return leaves
    return load_object(payload[first : last + 1] if 0 <= first < last else payload)


def _told(device_id: str, told: Mapping[str, Any], event: Mapping[str, Any]) -> Decoded:
    ts_ms = epoch_ms(told.get("dateTime"))
    name = word(told.get("eventType"))
    major, minor = (
        number(event.get("majorEventType") or event.get("major")),
        number(event.get("subEventType") or event.get("minor")),
    )
    if major is None or minor is None:
        return _plain(device_id, name, word(told.get("eventState")), ts_ms)
    kind = _kind(int(major), int(minor))
    attributes = _attributes(event) | {"major": int(major), "minor": int(minor)}
    if kind.startswith(("access.", "door.unlocked")) and int(minor) in _METHODS:
        attributes["method"] = _METHODS[int(minor)]
    samples = (Sample(ts_ms, {"door.open": _OPEN[kind]}),) if kind in _OPEN else ()
    return Decoded(device_id, samples, (Happening(kind, ts_ms, attributes),))


def _kind(major: int, minor: int) -> str:
    if (major, minor) in _KINDS:
        return _KINDS[major, minor]
    if major == _EVENT:
        return "access.granted" if minor in _GRANTED else "access.denied" if minor in _DENIED else "device.event"
    return {1: "alarm.device", 2: "fault.device", 3: "operation"}.get(major, "device.event")


def _plain(device_id: str, name: str, state: str, ts_ms: int | None) -> Decoded:
    """Alerts of other kinds; an inactive videoloss is the heartbeat of old firmware."""
    if not name:
        raise Unusable("no eventType in it")
    is_heartbeat = name.lower() == "heartbeat" or (name == "videoloss" and state == "inactive")
    kind = "device.heartbeat" if is_heartbeat else "device.event"
    return Decoded(device_id, happenings=(Happening(kind, ts_ms, {} if is_heartbeat else {"event": name[:100], "state": state}),))


def _attributes(event: Mapping[str, Any]) -> dict[str, Attribute]:
    told = {
        "card": word(event.get("cardNo")),
        "user": word(event.get("employeeNoString") or event.get("employeeNo")),
        "person": word(event.get("name")),
        "door": word(event.get("doorNo")),
        "reader": word(event.get("cardReaderNo")),
        "verify_mode": word(event.get("currentVerifyMode")),
        "serial": word(event.get("serialNo")),
    }
    return {key: value for key, value in told.items() if value}
