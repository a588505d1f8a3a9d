"""Dahua access controllers and door stations: `client.notifyEventStream` of the JSON-RPC API, or its single events.

Reference: Dahua HTTP/DHIP API, event codes. `UTC` is the moment; `LocaleTime` is the same on the wall, without a zone.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ingest.decoded import Attribute, Decoded, Happening, Outcome, Rejected, Sample
from ingest.families.json_fields import Unusable, epoch_ms, load_object, number, obj, objects, word
from ingest.message import Message

_CODES = {
    "DoorCard": "access.card_read",
    "CardRecord": "access.card_read",
    "DoorNotClosed": "door.held_open",
    "BreakIn": "door.forced",
    "DoorBreakIn": "door.forced",
    "ForceBreakIn": "door.forced",
    "Duress": "alarm.duress",
    "AlarmLocal": "alarm.input",
    "ChassisIntruded": "alarm.tamper",
    "PreventRemove": "alarm.tamper",
    "TamperAlarm": "alarm.tamper",
    "ProfileAlarmTransmit": "alarm.input",
    "UnlockDoor": "door.unlocked",
    "OpenDoor": "door.unlocked",
    "RepeatEnter": "access.denied",
    "InvalidCard": "access.unknown_card",
    "CallNoAnswered": "doorbell.rung",
    "Invite": "doorbell.rung",
    "BackKeyLight": "device.log",
    "Reboot": "device.boot",
    "Shutdown": "device.offline",
    "RtspSessionDisconnect": "device.log",
}
_DOOR_STATES = {
    "open": ("door.opened", 1.0),
    "close": ("door.closed", 0.0),
    "closed": ("door.closed", 0.0),
    "break": ("door.forced", 1.0),
}
_METHODS = {0: "password", 1: "card", 2: "card_then_password", 4: "remote", 5: "button", 6: "fingerprint", 15: "face", 16: "face"}
_ACCESS = ("AccessControl", "_DoorFace_", "DoorFace", "FingerPrintCheck", "FaceRecognition")


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:
    device_id = word(context.get("device_id")) or message.topic
    try:
        told = load_object(message.payload)
    except Unusable as error:
        return Rejected(str(error), device_id or None)
    params = obj(told.get("params")) or told
    events = objects(params.get("eventList")) or ([params] if "Code" in params else [])
    if not events:
        return Rejected("no eventList and no Code in it", device_id or None)
    device_id = word(params.get("SerialNo") or told.get("SerialNo") or obj(params.get("object")).get("SerialNo")) or device_id
    return _decoded(device_id, [pair for event in events for pair in _event(event)])


def _decoded(device_id: str, found: list[tuple[Happening, float | None]]) -> Decoded:
    samples = [Sample(happening.ts_ms, {"door.open": value}) for happening, value in found if value is not None]
    return Decoded(device_id, samples, [happening for happening, _ in found])


def _event(event: Mapping[str, Any]) -> Iterator[tuple[Happening, float | None]]:
    """The happening and, where it tells, whether the door is open now."""
    code, data = word(event.get("Code")), obj(event.get("Data"))
    ts_ms = epoch_ms(data.get("UTC")) or epoch_ms(data.get("RealUTC")) or epoch_ms(data.get("CreateTime"))
    attributes = _attributes(event, data)
    if word(event.get("Action")).lower() == "stop" and code not in _ACCESS:
        yield Happening("event.ended", ts_ms, attributes | {"code": code}), None
    elif code in _ACCESS:
        yield Happening(_verdict(data), ts_ms, attributes), None
    elif code == "DoorStatus":
        kind, value = _DOOR_STATES.get(word(data.get("Status")).lower(), ("door.status", None))
        yield Happening(kind, ts_ms, attributes), value
    else:
        yield Happening(_CODES.get(code, "device.event"), ts_ms, attributes | {"code": code}), None


def _verdict(data: Mapping[str, Any]) -> str:
    if number(data.get("Status")) == 1:
        return "access.granted"
    return "access.unknown_card" if number(data.get("ErrorCode")) == 16 else "access.denied"


def _attributes(event: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Attribute]:
    told: dict[str, Attribute] = {
        "card": word(data.get("Number") or data.get("CardNo")),
        "user": word(data.get("UserID")),
        "person": word(data.get("CardName") or data.get("Name")),
        "method": _METHODS.get(int(number(data.get("Method")) or -1), word(data.get("Method"))),
        "door": word(data.get("Door") if "Door" in data else event.get("Index")),
        "action": word(event.get("Action")),
    }
    return {key: value for key, value in told.items() if value}
