"""Zigbee2MQTT: state, availability and actions of Zigbee devices, and the bridge's own topics.

Reference: zigbee2mqtt.io, "MQTT topics and messages" and "Exposes". `<base>/<friendly name>` carries the whole cached state as
JSON; identity is the IEEE address where payload or topic tell it, else the friendly name.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ingest.decoded import Attribute, Decoded, Happening, Outcome, Rejected, Sample
from ingest.families import zigbee2mqtt_bridge as bridge
from ingest.families.field_names import FIELDS, PHASES, Field, split
from ingest.families.json_fields import Unusable, epoch_ms, load_object, loads, number, obj, quantity, text, truth, word
from ingest.message import Message

_IEEE = re.compile(r"0x[0-9a-fA-F]{16}")
_SUFFIXES = ("availability", "action", "set", "get")
_NO_USER = (None, "", 65535, "65535")
_NO_ACTION = ("", "none", "unknown")
_MILLIVOLTS_FROM = 1000
_MAINS_FROM = 60
_MAINS_KEYS = ("current", "power", "energy", "current_a", "power_a", "ac_frequency")
_ELECTRIC = ("current", "voltage", "power", "power_apparent", "power_reactive", "power_factor", "energy")
_WORDS = {"locked": 1.0, "lock": 1.0, "unlocked": 0.0, "unlock": 0.0, "not_fully_locked": 0.0}
_STATE_BY_WORD = {
    "lock": FIELDS["lock_state"],
    "unlock": FIELDS["lock_state"],
    **dict.fromkeys(("open", "close", "closed", "stop"), Field("x.cover.open", is_state=True)),
}
_QUIET = {
    "last_seen",
    "device",
    "update",
    "update_available",
    "action",
    "color",
    "action_user",
    "action_source",
    "update_frequency",
}


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:  # noqa: ARG001 - every decoder takes a context
    levels = message.topic.split("/") if message.topic else []
    try:
        if len(levels) > 2 and levels[1] == "bridge":
            return bridge.decode(levels[0], levels[2:], message.payload)
        return _behind(_device(levels, message.payload), levels)
    except Unusable as error:
        return Rejected(str(error), _name(levels) or None)


def _behind(outcome: Decoded, levels: list[str]) -> Decoded:
    """The base topic names the bridge."""
    if len(levels) < 2:
        return outcome
    gateway_id = f"{levels[0]}/bridge"
    return Decoded(outcome.device_id, outcome.samples, outcome.happenings, outcome.online, outcome.refused, gateway_id)


def _device(levels: list[str], payload: bytes) -> Decoded:
    suffix = levels[-1] if len(levels) > 2 and levels[-1] in _SUFFIXES else ""
    if len(levels) > 3 and levels[-2] in ("set", "get"):
        suffix, levels = levels[-2], levels[:-1]
    if suffix:
        return _SUFFIX_READERS[suffix](_name(levels[:-1]), payload)
    if len(levels) > 2 and split(levels[-1])[0] in FIELDS and payload.lstrip()[:1] not in (b"{", b"["):
        return _state(_name(levels[:-1]), {levels[-1]: _scalar(payload)})
    told = load_object(payload)
    return _state(_hardware_id(told) or _name(levels), {key.lower(): value for key, value in told.items()})


def _name(levels: list[str]) -> str:
    found = next((level for level in levels if _IEEE.fullmatch(level)), None)
    return found.lower() if found else "/".join(levels[1:])


def _hardware_id(told: Mapping[str, Any]) -> str:
    device = obj(told.get("device"))
    for key in ("ieeeAddr", "ieee_address", "ieeeAddress"):
        address = device.get(key) or told.get(key)
        if isinstance(address, str) and _IEEE.fullmatch(address):
            return address.lower()
    return ""


def _scalar(payload: bytes) -> object:
    """With `output: attribute` each attribute is published alone, bare."""
    try:
        return loads(payload)
    except Unusable:
        return text(payload)


def _availability(device_id: str, payload: bytes) -> Decoded:
    said = text(payload) if payload[:1] != b"{" else word(load_object(payload).get("state"))
    if said not in ("online", "offline"):
        raise Unusable(f"availability is {said[:40]!r}; expected online or offline")
    return Decoded(device_id, online=said == "online")


def _action_topic(device_id: str, payload: bytes) -> Decoded:
    return Decoded(device_id, happenings=_action({"action": text(payload)}, None))


def _command(kind: str, device_id: str, payload: bytes) -> Decoded:
    return Decoded(device_id, happenings=(Happening(f"command.{kind}", None, {"payload": text(payload)[:500]}),))


_SUFFIX_READERS: dict[str, Callable[[str, bytes], Decoded]] = {
    "availability": _availability,
    "action": _action_topic,
    "set": partial(_command, "set"),
    "get": partial(_command, "get"),
}


def _state(device_id: str, told: Mapping[str, Any]) -> Decoded:
    ts_ms = epoch_ms(told.get("last_seen"))
    values: dict[str, float] = {}
    happenings: list[Happening] = []
    suffixes = _suffix_names(told)
    for key, value in told.items():
        if value is None or key in _QUIET:
            continue
        stem, suffix = split(key)
        suffix = suffixes.get(key, suffix)
        field = _field(stem, value, told)
        amount = _amount(field, value)
        if amount is None:
            continue
        values.setdefault(f"{field.metric}.{suffix}" if suffix else field.metric, amount)
        if field.alarm and amount:
            happenings.append(Happening(field.alarm, ts_ms, {}))
    _sign_by_flow(values, told)
    _percent_factors(values)
    samples = (Sample(ts_ms, values),) if values else ()
    return Decoded(device_id, samples, (*happenings, *_action(told, ts_ms)))


def _field(stem: str, value: object, told: Mapping[str, Any]) -> Field:
    """Where one name means several things: battery or mains voltage, the state of a lock or of a switch, ppm or an alarm."""
    if stem == "voltage":
        return _voltage(value, told)
    if stem == "state":
        return _STATE_BY_WORD.get(word(value).lower(), FIELDS["state"])
    if stem == "illuminance" and "illuminance_lux" in told:
        return Field("x.illuminance.raw")
    field = FIELDS.get(stem)
    if field is None:
        return Field(f"x.{stem}")
    if field.is_state and number(value) not in (None, 0, 1):
        return Field("co.concentration") if field.metric == "co_alarm" else Field(f"x.{stem}")
    return field


def _voltage(value: object, told: Mapping[str, Any]) -> Field:
    """Millivolts on battery devices, volts on mains ones."""
    volts = number(value) or 0.0
    if volts >= _MILLIVOLTS_FROM:
        return Field("battery.voltage", 0.001)
    on_mains = any(key in told for key in _MAINS_KEYS)
    has_battery = "battery" in told or "battery_low" in told
    return Field("battery.voltage") if has_battery and not on_mains and volts < _MAINS_FROM else FIELDS["voltage"]


def _amount(field: Field, value: object) -> float | None:
    if not field.is_state:
        amount = quantity(value) if field.metric.startswith("x.") else number(value)
        return None if amount is None else round(amount * field.factor, 9)
    said = truth(value)
    if said is None:
        return _WORDS.get(word(value).lower())
    return float(said != field.inverted)


def _suffix_names(told: Mapping[str, Any]) -> dict[str, str]:
    """Phases or independent channels: a, b and c are phases; a and b alone are the two clamps of a two-channel meter."""
    names: dict[str, str] = {}
    parts = {key: split(key) for key in told}
    used = {suffix for stem, suffix in parts.values() if stem in _ELECTRIC or stem in ("energy_produced", "produced_energy")}
    two_clamps = "b" in used and "c" not in used and not any("_phase_" in key for key in told)
    for key, (stem, suffix) in parts.items():
        if suffix in PHASES and not two_clamps:
            names[key] = PHASES[suffix]
        elif suffix in ("", "l1") and stem in _ELECTRIC and stem != "energy" and f"{stem}_phase_b" in told:
            names[key] = "l1"  # the plain name is phase A, not the total
        elif suffix.startswith("l") and suffix[1:].isdecimal() and stem in ("state", "switch"):
            names[key] = f"ch{suffix[1:]}"  # the gangs of a wall switch
    return names


def _sign_by_flow(values: dict[str, float], told: Mapping[str, Any]) -> None:
    """Meters that tell the direction beside an unsigned power: ours is negative for export."""
    for flow, metric in (
        ("energy_flow", "elec.power.active"),
        ("energy_flow_a", "elec.power.active.a"),
        ("energy_flow_b", "elec.power.active.b"),
    ):
        if word(told.get(flow)) == "producing" and values.get(metric, 0.0) > 0:
            values[metric] = -values[metric]


def _percent_factors(values: dict[str, float]) -> None:
    """Power factors come as 0-1 or 0-100; one above 1 tells that all are percents."""
    names = [name for name in values if name.startswith("elec.power_factor")]
    if any(abs(values[name]) > 1 for name in names):
        for name in names:
            values[name] = round(values[name] / 100, 6)


def _action(told: Mapping[str, Any], ts_ms: int | None) -> tuple[Happening, ...]:
    """An empty or null action only resets the last one."""
    action = word(told.get("action")).lower()
    if action in _NO_ACTION:
        return ()
    user = told.get("action_user")
    attributes: dict[str, Attribute] = {} if user in _NO_USER else {"user": word(user)}
    lock = _lock_action(action, word(told.get("action_source_name")))
    if lock is None:
        alarm = {"emergency": "alarm.sos", "sos": "alarm.sos", "tamper": "alarm.tamper", "vibration": "alarm.vibration"}.get(
            action, "action"
        )
        return (Happening(alarm, ts_ms, {"action": action} | attributes),)
    kind, method = lock
    return (Happening(kind, ts_ms, ({"method": method} if method else {}) | attributes),)


def _lock_action(action: str, source: str) -> tuple[str, str] | None:
    """`manual_unlock` → lock.unlocked by manual; a failure keeps its reason as method."""
    for verb, kind in (("lock_failure_", "lock.failed"), ("unlock_failure_", "lock.failed")):
        if action.startswith(verb):
            return kind, action.removeprefix(verb)
    for verb, kind in (("unlock", "lock.unlocked"), ("lock", "lock.locked")):
        if action == verb:
            return kind, source
        if action.endswith("_" + verb):
            return kind, action.removesuffix("_" + verb)
    return None
