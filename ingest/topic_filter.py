"""Topic filters and family names as people write them: checked without loading a single decoder."""

import difflib

from devices.errors import BadInput

GATEWAY, DEVICE = "{gateway}", "{device}"
"""Levels that stand for `+` and name what stands there."""

FAMILY_NAMES = (
    "access.aqara",
    "access.dahua",
    "access.esprfid",
    "access.hikvision",
    "chirpstack.v3",
    "chirpstack.v4",
    "cjt188",
    "cloud.cn",
    "dlms.push",
    "dlt645",
    "fire.gst9000",
    "gb26875.3",
    "ha.discovery",
    "json",
    "lorawan",
    "lorawan.door",
    "lorawan.electricity",
    "lorawan.fire",
    "lorawan.gas",
    "lorawan.leak",
    "lorawan.pressure",
    "lorawan.water",
    "mbus.wired",
    "meokon.fire",
    "modbus.rtu",
    "native",
    "senml.cbor",
    "senml.json",
    "shelly.gen1",
    "shelly.gen2",
    "sparkplug.b",
    "tasmota",
    "thingsboard",
    "tts.v3",
    "wmbus",
    "wmbus.door",
    "wmbus.electricity",
    "wmbus.gas",
    "wmbus.heat",
    "wmbus.pressure",
    "wmbus.pulse",
    "wmbus.smoke",
    "wmbus.water",
    "wmbusmeters",
    "zigbee2mqtt",
)
"""The keys of ingest.decoders.DECODERS (a test holds them equal)."""


def check_filter(pattern: str) -> str:
    """The filter itself. Raises BadInput where MQTT, or we, would not understand it."""
    levels = pattern.split("/")
    wrong = "#" in levels[:-1] or any(len(level) > 1 and ("#" in level or "+" in level) for level in levels)
    wrong = wrong or any(("{" in level or "}" in level) and level not in (GATEWAY, DEVICE) for level in levels)
    if not pattern or wrong or "\0" in pattern:
        raise BadInput(f"{pattern!r} is no topic filter; a level is a word, +, {GATEWAY} or {DEVICE}, and # stands at the end only")
    return pattern


def check_family(name: str) -> str:
    """The name itself. Raises BadInput with the nearest one that exists."""
    if name in FAMILY_NAMES:
        return name
    near = difflib.get_close_matches(name, FAMILY_NAMES, n=1, cutoff=0.4)
    raise BadInput(f"no family {name!r}; " + (f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(FAMILY_NAMES)}"))


def mqtt_filter(pattern: str) -> str:
    """As MQTT writes it."""
    return "/".join("+" if level in (GATEWAY, DEVICE) else level for level in pattern.split("/"))
