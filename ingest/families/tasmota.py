"""Tasmota: `tele/<device>/SENSOR`, STATE, LWT, `stat/<device>/RESULT`, STATUS8/10/11, POWER, in any order of FullTopic.

Reference: tasmota.github.io/docs, "MQTT", "Peripherals", "Zigbee", "LoRa and LoRaWan Bridge", "PN532". `Time` is local
time without a zone unless the device says otherwise, so the time of arrival stands in for it. A bridge's messages name
the node that measured: that node is the device.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ingest.decoded import Attribute, Decoded, Happening, Outcome, Rejected, Sample
from ingest.families import tasmota_fields as fields
from ingest.families.json_fields import Unusable, epoch_ms, load_object, number, obj, text, truth, word
from ingest.message import Message

_PREFIXES = {"tele", "stat", "cmnd", "state", "tasmota"}
_POWER = re.compile(r"(?i)power(\d{0,2})")
_SWITCH = re.compile(r"(?i)switch(\d{0,2})")
_WRAPPERS = ("StatusSNS", "StatusSTS", "StatusPTH")
_READERS_OF_CARDS = ("PN532", "RC522", "RDM6300", "WIEGAND", "Wiegand")
_ZIGBEE, _LORAWAN = "ZbReceived", "LwReceived"


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:  # noqa: ARG001 - every decoder takes a context
    levels = message.topic.split("/")
    device_id = _device(levels)
    try:
        return _topic(device_id, levels, message.payload)
    except Unusable as error:
        return Rejected(str(error), device_id or None)


def _device(levels: list[str]) -> str:
    """What is left of the topic without its prefix and its last level."""
    kept = [level for level in levels[:-1] if level not in _PREFIXES]
    return kept[-1] if kept else ""


def _topic(device_id: str, levels: list[str], payload: bytes) -> Outcome:
    leaf = levels[-1].upper()
    if leaf == "LWT":
        return _last_will(device_id, payload)
    if "cmnd" in levels[:-1]:
        return Decoded(
            device_id, happenings=(Happening("command.sent", None, {"command": leaf[:40], "value": text(payload)[:200]}),)
        )
    if levels[:2] == ["tasmota", "discovery"]:
        return _discovery(levels[2] if len(levels) > 3 else device_id, load_object(payload))
    if _POWER.fullmatch(leaf) or _SWITCH.fullmatch(leaf):
        if payload.lstrip()[:1] != b"{":
            return _bare(device_id, leaf, payload)
    elif payload.lstrip()[:1] != b"{":
        return _word(device_id, leaf, payload)
    return _json(device_id, leaf, load_object(payload))


def _last_will(device_id: str, payload: bytes) -> Decoded:
    said = text(payload).lower()
    if said not in ("online", "offline"):
        raise Unusable(f"LWT is {said[:40]!r}; expected Online or Offline")
    return Decoded(device_id, online=said == "online")


def _bare(device_id: str, leaf: str, payload: bytes) -> Decoded:
    """`stat/<device>/POWER1` with ON or OFF."""
    values = dict(_switches({leaf: text(payload)}))
    if not values:
        raise Unusable(f"{leaf} is {text(payload)[:40]!r}; expected ON or OFF")
    return Decoded(device_id, (Sample(None, values),))


def _word(device_id: str, leaf: str, payload: bytes) -> Decoded:
    """A single value as its own topic."""
    said = text(payload)
    value = number(said)
    if value is not None:
        return Decoded(device_id, (Sample(None, {f"x.{leaf}": value}),))
    raise Unusable(f"{leaf[:40]} is {said[:40]!r}, neither JSON nor a number")


def _discovery(device_id: str, told: dict[str, Any]) -> Decoded:
    attributes: dict[str, Attribute] = {"vendor": "Tasmota", "model": word(told.get("md")), "name": word(told.get("dn"))}
    attributes |= {"topic": word(told.get("t")), "firmware": word(told.get("sw"))}
    return Decoded(word(told.get("mac")) or device_id, happenings=(Happening("device.discovered", None, attributes),))


def _json(device_id: str, leaf: str, told: dict[str, Any]) -> Outcome:
    for wrapper in _WRAPPERS:
        told = obj(told.get(wrapper)) or told
    bridged = [*_bridged(told.get(_ZIGBEE), fields.zigbee), *_bridged(told.get(_LORAWAN), fields.lorawan)]
    if bridged:
        return [msgspec.structs.replace(node, gateway_id=device_id or None) for node in bridged]
    about = fields.about(leaf, told)
    if about is not None:
        return Decoded(device_id, happenings=(about,))
    ts_ms = _time(told)
    meter = obj(told.get("TIC"))
    values = {**dict(_switches(told)), **fields.sensors(told), **fields.state(told)}
    happenings = [*_cards(told, ts_ms), *_buttons(told, ts_ms)]
    samples = (Sample(ts_ms, values),) if values else ()
    return Decoded(word(meter.get("ADCO") or meter.get("ADSC")) or device_id, samples, happenings)


def _time(told: Mapping[str, Any]) -> int | None:
    """Only a `Time` with an offset, or one in epoch seconds, tells the moment."""
    return epoch_ms(told.get("Time")) or epoch_ms(told.get("Epoch"))


def _switches(told: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """POWER, POWER2: relays; Switch1, Switch2: inputs whose polarity we do not know, as word or {"Action": ...}."""
    for key, value in told.items():
        for pattern, metric in ((_POWER, "switch.on"), (_SWITCH, "contact.active")):
            found = pattern.fullmatch(key)
            said = truth(value.get("Action") if isinstance(value, dict) else value) if found else None
            if found and said is not None and not isinstance(value, int | float):
                yield metric if found[1] in ("", "1") else f"{metric}.ch{found[1]}", float(said)


def _cards(told: Mapping[str, Any], ts_ms: int | None) -> Iterator[Happening]:
    for reader in _READERS_OF_CARDS:
        read = obj(told.get(reader))
        card = word(read.get("UID"))
        if card:
            attributes: dict[str, Attribute] = {"card": card}
            verdict = word(read.get("Auth")).lower()
            if verdict:
                attributes["auth"] = "ok" if verdict == "ok" else "failed"
            yield Happening("access.card_read", ts_ms, attributes)


def _buttons(told: Mapping[str, Any], ts_ms: int | None) -> Iterator[Happening]:
    """{"Button1": {"Action": "SINGLE"}}, inputs that neither open nor close, and {"TRIG": ...} of a topic such as SWITCH1T."""
    for key, value in told.items():
        action = word(value.get("Action")) if isinstance(value, dict) and key.startswith(("Button", "Switch")) else ""
        if key == "TRIG":
            action = word(value)
        if action and truth(action) is None:
            yield Happening("input.push", ts_ms, {"input": key, "push": action.lower()})


def _bridged(nodes: object, read: fields.NodeReader) -> Iterator[Decoded]:
    """{"0x4AD6": {...}}: one entry per node heard by the bridge."""
    for key, node in obj(nodes).items():
        if not isinstance(node, dict):
            continue
        values, happenings = read(node)
        device_id = word(node.get("IEEEAddr") or node.get("DevEUI") or node.get("Device")) or key
        yield Decoded(device_id, (Sample(None, values),) if values else (), happenings)
