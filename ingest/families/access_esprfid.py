"""ESP-RFID door controllers: what `<topic>/send` tells of cards, doors, boots and heartbeats.

Reference: esprfid/esp-rfid, README-MQTT. Truths are words; firmware before 2 names no device, so the topic does.
"""

from collections.abc import Mapping
from typing import Any

from ingest.decoded import Attribute, Decoded, Happening, Outcome, Rejected, Sample
from ingest.families.json_fields import Unusable, epoch_ms, load_object, number, truth, word
from ingest.message import Message

_REFUSALS = {"denied", "expired", "disabled", "notallowed", "not allowed", "unauthorized", "invalid", "false", "0", ""}
_NOBODY = {"", "unknown"}
_DESCRIPTIONS = (
    ("unknown rfid", "access.unknown_card"),
    ("max open time", "door.held_open"),
    ("held open", "door.held_open"),
    ("tampered", "door.forced"),
    ("forced", "door.forced"),
    ("door closed", "door.closed"),
    ("door open", "door.opened"),
    ("doorbell", "doorbell.rung"),
    ("unlocked", "door.unlocked"),
)
"""Words of an event's description, first match wins."""
_OPEN = {"door.opened": 1.0, "door.closed": 0.0}
_LEVELS = {"info": "device.log", "warn": "fault.device", "erro": "fault.device", "error": "fault.device"}


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:  # noqa: ARG001 - every decoder takes a context
    topic_name = "/".join(level for level in message.topic.split("/") if level and level not in ("send", "sync", "accesslist"))
    try:
        told = load_object(message.payload)
        return _told(word(told.get("hostname")) or topic_name, told)
    except Unusable as error:
        return Rejected(str(error), topic_name or None)


def _told(device_id: str, told: Mapping[str, Any]) -> Decoded:
    kind, ts_ms = word(told.get("type")).lower(), epoch_ms(told.get("time"))
    if kind == "access":
        return Decoded(device_id, happenings=(_access(told, ts_ms),))
    if kind in ("boot", "heartbeat"):
        attributes: dict[str, Attribute] = {"ip": word(told.get("ip")), "uptime_s": number(told.get("uptime"))}
        return Decoded(device_id, happenings=(Happening(f"device.{kind}", ts_ms, attributes),))
    if kind in _LEVELS:
        return _event(device_id, told, ts_ms)
    command = word(told.get("cmd") or told.get("command"))
    if command:
        return Decoded(device_id, happenings=(Happening("command.sent", ts_ms, {"command": command[:100]}),))
    raise Unusable(f"type {kind[:40]!r} is none of access, boot, heartbeat, INFO, WARN, ERRO")


def _access(told: Mapping[str, Any], ts_ms: int | None) -> Happening:
    """`access` is a word, or a list of words where the controller has several doors."""
    verdicts = told.get("access")
    words = [word(verdict).lower() for verdict in (verdicts if isinstance(verdicts, list) else [verdicts])]
    is_known = truth(told.get("isKnown")) is not False
    granted = is_known and any(verdict not in _REFUSALS for verdict in words)
    attributes: dict[str, Attribute] = {"card": word(told.get("uid"))}
    person, door = word(told.get("username")), told.get("doorName")
    if person.lower() not in _NOBODY:
        attributes["person"] = person
    if door:
        attributes["door"] = ", ".join(word(name) for name in door) if isinstance(door, list) else word(door)
    return Happening("access.granted" if granted else "access.denied", ts_ms, attributes)


def _event(device_id: str, told: Mapping[str, Any], ts_ms: int | None) -> Decoded:
    description = word(told.get("desc"))
    kind = next((kind for words, kind in _DESCRIPTIONS if words in description.lower()), None)
    kind = kind or _LEVELS[word(told.get("type")).lower()]
    attributes: dict[str, Attribute] = {"source": word(told.get("src")), "text": description[:500]}
    if word(told.get("data")):
        attributes["card" if kind == "access.unknown_card" else "data"] = word(told.get("data"))[:500]
    values = {"door.open": _OPEN[kind]} if kind in _OPEN else {}
    return Decoded(device_id, (Sample(ts_ms, values),) if values else (), (Happening(kind, ts_ms, attributes),))
