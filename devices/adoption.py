"""From a stranger that sends to a device of the registry: what it seems to be, and by which rule it is let in. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from devices.errors import BadInput
from devices.health import DiscoveredDevice
from devices.model import FIRE_KINDS, Device, DeviceKind
from devices.profiles import PROFILES

GATEWAY, FAMILY, MODEL = "gateway_id", "family", "model"
"""Attributes of an adopted device: through whom it speaks, in which form, and what it is."""

_RADIO = ("lorawan", "chirpstack", "tts", "wmbus", "zigbee2mqtt", "ha.discovery")
_CHANNEL = re.compile(r"\.(?:l\d{1,2}|ch\d{1,3}|t\d{1,2}|\d{1,2}|[a-d]|n|avg)$")
_DAY = "86400"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What a stranger seems to be. `because`: the metrics or the family that say so; `attributes` belong to the device."""

    kind: DeviceKind
    profile_id: str
    because: tuple[str, ...]
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptRule:
    """Which strangers are let in without asking. Patterns with `*` and `?`; all must match, an empty one matches all.

    Without `profile_id` the suggestion decides. `name` may hold {id}, {model} and {family}.
    """

    space_id: str
    family: str = ""
    model: str = ""
    id: str = ""
    topic: str = ""
    profile_id: str = ""
    name: str = "{id}"
    name_zh: str = ""


# The first row whose metrics are all there decides; the most telling first.
_BY_METRICS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("smoke",), "smoke"),
    (("call_point.active",), "call-point"),
    (("gas_alarm",), "gas"),
    (("gas.lel",), "gas"),
    (("co_alarm",), "co"),
    (("heat_alarm",), "heat"),
    (("elec.energy.import", "elec.energy.export"), "em-two-way"),
    (("elec.energy.import", "switch.on"), "smart-plug"),
    (("elec.power.active", "switch.on"), "smart-plug"),
    (("heat.energy",), "heat-meter"),
    (("elec.energy.import",), "em-polled"),
    (("elec.energy.combined",), "em-polled"),
    (("elec.power.active",), "em-polled"),
    (("water.volume",), "wm-building"),
    (("gas.volume",), "gas-meter"),
    (("lock.locked",), "door"),
    (("door.open",), "door"),
    (("leak",), "leak"),
    (("water.pressure",), "hydrant"),
    (("co.concentration",), "co"),
    (("occupancy",), "occupancy"),
    (("env.temperature",), "climate"),
    (("env.humidity",), "climate"),
)
_BY_FAMILY = (("access.", "door"), ("meokon.", "hydrant"), ("fire.gst9000", "smoke"), ("gb26875", "fire-panel"))


def suggest(discovered: DiscoveredDevice) -> Suggestion | None:
    """By what it sends, else by its family; None where neither says anything."""
    sends = {_CHANNEL.sub("", name) for name in discovered.metrics}
    for telling, profile_id in _BY_METRICS:
        if sends.issuperset(telling):
            return _suggestion(_for_battery(profile_id, discovered, sends), telling, discovered)
    for start, profile_id in _BY_FAMILY:
        if discovered.family.startswith(start):
            return _suggestion(profile_id, (discovered.family,), discovered)
    if sends == {"online"}:
        return _suggestion("gateway", ("online",), discovered)
    return _suggestion("sensor", discovered.metrics[:3], discovered) if sends else None


def adopt(discovered: DiscoveredDevice, *, space_id: str, name: str, name_zh: str, kind: DeviceKind, profile_id: str) -> Device:
    """The device a person made of it; its attributes keep gateway, family and model. BadInput where kind and profile differ."""
    profile = PROFILES.get(profile_id)
    if profile is None:
        raise BadInput(f"no profile {profile_id!r}; choose one of {', '.join(PROFILES)}", place="profile_id")
    if profile.kind is not kind:
        raise BadInput(
            f"profile {profile_id!r} is for {profile.kind}, not for {kind}; choose a profile of that kind", place="profile_id"
        )
    told = {GATEWAY: discovered.gateway_id or "", FAMILY: discovered.family, MODEL: discovered.model}
    kept = {key: value for key, value in told.items() if value}
    seems = suggest(discovered)
    pace = seems.attributes if seems is not None and seems.profile_id == profile_id else {}
    return Device(
        id=discovered.device_id,
        kind=kind,
        profile_id=profile_id,
        space_id=space_id,
        name=name.strip() or _own_name(discovered),
        name_zh=name_zh.strip() or name.strip() or _own_name(discovered),
        attributes={**kept, **pace},
    )


def adopted(discovered: DiscoveredDevice, rule: AdoptRule) -> Device | None:
    """The device by that rule; None where it does not match, or leaves the profile open and nothing suggests one."""
    patterns = (
        (rule.family, discovered.family),
        (rule.model, discovered.model),
        (rule.id, discovered.device_id),
        (rule.topic, discovered.topic),
    )
    if any(pattern and not fnmatchcase(value.lower(), pattern.lower()) for pattern, value in patterns):
        return None
    seems = suggest(discovered)
    profile_id = rule.profile_id or (seems.profile_id if seems else "")
    if not profile_id:
        return None
    profile = PROFILES.get(profile_id)
    if profile is None:
        raise BadInput(f"no profile {profile_id!r}; choose one of {', '.join(PROFILES)}", place="ingest.adopt.profile")
    name = _named(rule.name, discovered)
    return adopt(
        discovered,
        space_id=rule.space_id,
        name=name,
        name_zh=_named(rule.name_zh, discovered) or name,
        kind=profile.kind,
        profile_id=profile_id,
    )


def _own_name(discovered: DiscoveredDevice) -> str:
    """What its maker's system calls it, else its number."""
    return discovered.told.get("name", "").strip()[:200] or discovered.device_id


def _named(template: str, discovered: DiscoveredDevice) -> str:
    """Plain replacement, since format strings can reach further than names should."""
    words = {"{id}": discovered.device_id, "{model}": discovered.model or discovered.family, "{family}": discovered.family}
    for place, value in words.items():
        template = template.replace(place, value)
    return template.strip()


def _for_battery(profile_id: str, discovered: DiscoveredDevice, sends: set[str]) -> str:
    """What runs on a battery sleeps, so that its silence means less."""
    on_battery = any(name.startswith("battery.") for name in sends) or discovered.family.startswith(_RADIO)
    if profile_id == "wm-building" and on_battery:
        return "wm-battery-hourly"
    return "door-contact" if profile_id == "door" and on_battery and "lock.locked" not in sends else profile_id


def _suggestion(profile_id: str, because: tuple[str, ...], discovered: DiscoveredDevice) -> Suggestion:
    profile = PROFILES[profile_id]
    return Suggestion(kind=profile.kind, profile_id=profile_id, because=because, attributes=_pace(profile_id, discovered))


def _pace(profile_id: str, discovered: DiscoveredDevice) -> dict[str, str]:
    """How often it will speak where its family speaks less often than the profile assumes."""
    if PROFILES[profile_id].kind in FIRE_KINDS:
        wired = discovered.family in ("native", "gb26875.3", "fire.gst9000")
        return {} if wired else {"interval_s": "3600", "silent_after_s": _DAY}
    return {"interval_s": "900"} if profile_id == "wm-building" and discovered.family != "native" else {}
