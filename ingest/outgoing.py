"""A command as the device's own system wants to hear it: topic and payload, and which reading shows that it was obeyed. Pure.

The device's attribute `command.via` chooses the form, native where it is absent; `command.topic` names the device there.
"""

import json
from collections.abc import Callable
from typing import NamedTuple

from devices.command import Command, CommandName
from devices.errors import BadInput
from devices.model import Device
from ingest.families import sparkplug_schema
from ingest.families.native import level_of

_ON = frozenset({CommandName.VALVE_OPEN, CommandName.BREAKER_ON, CommandName.DOOR_RELEASE})
_LOCKS = frozenset({CommandName.DOOR_LOCK, CommandName.DOOR_RELEASE})


class Outgoing(NamedTuple):
    """`qos` 1 only where the message itself says when it expires: a repeat after a lost connection must not move a valve."""

    topic: str
    payload: bytes
    qos: int = 0


def outgoing(command: Command, device: Device, site: str) -> Outgoing:
    """Never to be retained. Raises BadInput naming the attribute where the device's attributes do not suffice."""
    via = device.attributes.get("command.via", "native")
    write = _WRITERS.get(via)
    if write is None:
        raise BadInput(f"{via!r} is none of {', '.join(_WRITERS)}", place=f"attribute command.via of {device.id}")
    message = write(command, device, site)
    if len(message.topic.encode()) > _TOPIC_BYTES_MAX or any(character in message.topic for character in "+#\0"):
        raise BadInput(
            f"nothing can be sent to the topic {message.topic[:100]!r}: write it without + and #",
            place=f"attribute command.topic of {device.id}",
        )
    return message


def answers(device: Device) -> bool:
    """Whether it tells the result itself; else its readings must show it."""
    return device.attributes.get("command.via", "native") == "native"


def shown_by(command: Command, device: Device) -> tuple[str, float]:
    """The metric and its value that show the command was obeyed (`command.metric_shown`, default by kind)."""
    if command.name in _LOCKS:
        return device.attributes.get("command.metric_shown", "lock.locked"), float(command.name is CommandName.DOOR_LOCK)
    return device.attributes.get("command.metric_shown", "switch.on"), float(command.name in _ON)


def _native(command: Command, device: Device, site: str) -> Outgoing:
    body = {"id": command.id, "name": command.name.value, "args": dict(command.args), "expires": command.expires_at.timestamp()}
    return Outgoing(f"caretaker/v1/{site}/{level_of(device.id)}/command", json.dumps(body).encode(), qos=1)


def _zigbee2mqtt(command: Command, device: Device, _site: str) -> Outgoing:
    if command.name in _LOCKS:
        word = "LOCK" if command.name is CommandName.DOOR_LOCK else "UNLOCK"
    else:
        word = "ON" if command.name in _ON else "OFF"
    name = device.attributes.get("command.topic", f"zigbee2mqtt/{device.id}")
    return Outgoing(f"{name}/set", json.dumps({"state": word}).encode())


def _tasmota(command: Command, device: Device, _site: str) -> Outgoing:
    name = device.attributes.get("command.topic", device.id)
    return Outgoing(f"cmnd/{name}/POWER", b"ON" if command.name in _ON else b"OFF")


def _shelly(command: Command, device: Device, site: str) -> Outgoing:
    """Gen 2 and later, RPC over MQTT; the answer is left to the status that follows."""
    name = device.attributes.get("command.topic", device.id)
    params = {"id": 0, "on": command.name in _ON}
    body = {"id": command.id, "src": f"caretaker-{site}", "method": "Switch.Set", "params": params}
    return Outgoing(f"{name}/rpc", json.dumps(body).encode())


def _sparkplug(command: Command, device: Device, _site: str) -> Outgoing:
    """`command.topic`: group/edge or group/edge/device; `command.metric`: its name, or `command.alias` its number."""
    levels = device.attributes.get("command.topic", "").split("/")
    metric, alias = device.attributes.get("command.metric", ""), device.attributes.get("command.alias", "")
    if len(levels) not in (2, 3) or not all(levels):
        raise BadInput("write group/edge or group/edge/device", place=f"attribute command.topic of {device.id}")
    if not metric and not alias.isdecimal():
        raise BadInput("name the metric, or its alias as a number", place=f"attribute command.metric of {device.id}")
    payload = sparkplug_schema.Payload(timestamp=int(command.requested_at.timestamp() * 1000))
    written = payload.metrics.add()
    if alias.isdecimal():
        written.alias = int(alias)
    else:
        written.name = metric
    written.datatype, written.boolean_value = _SPARKPLUG_BOOLEAN, command.name in _ON
    verb = "NCMD" if len(levels) == 2 else "DCMD"
    return Outgoing("/".join(("spBv1.0", levels[0], verb, *levels[1:])), payload.SerializeToString())


_SPARKPLUG_BOOLEAN = 11
_TOPIC_BYTES_MAX = 65_535
_WRITERS: dict[str, Callable[[Command, Device, str], Outgoing]] = {
    "native": _native,
    "zigbee2mqtt": _zigbee2mqtt,
    "tasmota": _tasmota,
    "shelly": _shelly,
    "sparkplug": _sparkplug,
}
