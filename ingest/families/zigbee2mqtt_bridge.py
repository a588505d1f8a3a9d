"""The topics of the Zigbee2MQTT bridge itself: is it up, which devices came, went and were recognised."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from ingest.decoded import Attribute, Decoded, Happening, Outcome
from ingest.families.json_fields import Unusable, load_object, loads, obj, objects, text, word

_EVENTS = {
    "device_joined": "device.joined",
    "device_connected": "device.joined",
    "device_announce": "device.announced",
    "device_announced": "device.announced",
    "device_leave": "device.left",
    "device_removed": "device.left",
    "device_force_removed": "device.left",
    "device_banned": "device.banned",
    "device_renamed": "device.renamed",
    "device_network_address_changed": "device.announced",
}
_INTERVIEWS = {
    "started": "device.interview_started",
    "successful": "device.discovered",
    "failed": "device.interview_failed",
    "interview_started": "device.interview_started",
    "interview_successful": "device.discovered",
    "interview_failed": "device.interview_failed",
}
_IEEE = re.compile(r"0x[0-9a-fA-F]{16}")


def decode(base: str, levels: list[str], payload: bytes) -> Outcome:
    """`base` names the gateway, `levels` is what follows `<base>/bridge`."""
    leaf, gateway = levels[0], f"{base}/bridge"
    if leaf in ("request", "response"):
        return _command(gateway, "/".join(levels), payload)
    reader = _READERS.get(leaf)
    if reader is not None:
        return reader(gateway, payload)
    if leaf in _PARTS:
        return _one(gateway, "gateway.info", {"part": leaf})
    raise Unusable(f"bridge/{leaf[:40]} is no topic of the bridge that we know")


def _gateway_state(gateway: str, payload: bytes) -> Decoded:
    """JSON since 1.17, a bare word before."""
    said = word(load_object(payload).get("state")) if payload.lstrip()[:1] == b"{" else text(payload)
    if said not in ("online", "offline"):
        raise Unusable(f"the bridge's state is {said[:40]!r}; expected online or offline")
    return Decoded(gateway, happenings=(Happening(f"gateway.{said}", None, {}),), online=said == "online")


def _event(gateway: str, payload: bytes) -> Decoded:
    told = load_object(payload)
    kind, data = word(told.get("type")), obj(told.get("data"))
    device_id = word(data.get("ieee_address") or data.get("friendly_name")) or gateway
    if kind == "device_interview":
        definition = obj(data.get("definition"))
        attributes: dict[str, Attribute] = {key: word(definition[key]) for key in ("vendor", "model") if word(definition.get(key))}
        return _one(device_id, _INTERVIEWS.get(word(data.get("status")), "device.interview_started"), attributes)
    return _one(device_id, _EVENTS.get(kind, f"gateway.{kind or 'event'}"), {"name": word(data.get("friendly_name"))})


def _legacy_log(gateway: str, payload: bytes) -> Decoded:
    """Before 1.17: {type, message, meta}, where `pairing` carries the interview's end."""
    told = load_object(payload)
    kind, said = word(told.get("type")), told.get("message")
    meta = obj(told.get("meta")) or obj(said)
    device_id = word(meta.get("ieeeAddr") or meta.get("friendly_name")) or gateway
    attributes: dict[str, Attribute] = {key: word(meta[key]) for key in ("vendor", "model") if word(meta.get(key))}
    if kind == "pairing":
        return _one(device_id, _INTERVIEWS.get(word(said), "device.joined"), attributes)
    if isinstance(said, str) and _IEEE.fullmatch(said):
        device_id = said
    return _one(device_id, _EVENTS.get(kind, f"gateway.{kind or 'log'}"), attributes | {"message": word(said)[:500]})


def _devices(gateway: str, payload: bytes) -> Outcome:
    """The list of all devices, published whenever it changes: who is there, of which make."""
    told = loads(payload)
    if not isinstance(told, list):
        raise Unusable("bridge/devices is no list")
    found = [
        msgspec.structs.replace(_listed(device), gateway_id=gateway)
        for device in objects(told)
        if word(device.get("ieee_address")) and device.get("type") != "Coordinator"
    ]
    return found or Decoded(gateway, happenings=(Happening("gateway.info", None, {"devices": 0}),))


def _listed(device: dict[str, Any]) -> Decoded:
    definition = obj(device.get("definition"))
    attributes: dict[str, Attribute] = {"name": word(device.get("friendly_name")), "power_source": word(device.get("power_source"))}
    for key in ("vendor", "model"):
        attributes[key] = word(definition.get(key))
    return _one(word(device["ieee_address"]), "device.discovered", {key: value for key, value in attributes.items() if value})


def _command(gateway: str, topic: str, payload: bytes) -> Decoded:
    status = word(load_object(payload).get("status")) if payload[:1] == b"{" else ""
    kind = {"ok": "command.ack", "error": "command.failed"}.get(status, "command.sent")
    return _one(gateway, kind, {"topic": topic[:200]})


def _info(gateway: str, payload: bytes) -> Decoded:
    told = load_object(payload)
    coordinator = obj(told.get("coordinator"))
    address = word(coordinator.get("ieee_address") or coordinator.get("type"))
    return _one(gateway, "gateway.info", {"version": word(told.get("version")), "coordinator": address})


def _logging(gateway: str, payload: bytes) -> Decoded:
    told = load_object(payload)
    return _one(gateway, "gateway.log", {"level": word(told.get("level")), "message": word(told.get("message"))[:500]})


def _one(device_id: str, kind: str, attributes: dict[str, Attribute]) -> Decoded:
    return Decoded(device_id, happenings=(Happening(kind[:100], None, attributes),))


_PARTS = {"health", "definition", "definitions", "extensions", "groups", "converters", "config"}
_READERS: dict[str, Callable[[str, bytes], Outcome]] = {
    "state": _gateway_state,
    "event": _event,
    "log": _legacy_log,
    "devices": _devices,
    "info": _info,
    "logging": _logging,
}
