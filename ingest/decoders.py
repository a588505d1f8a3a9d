"""Topic filter → family → pure function that decodes it. The live path and `caretaker decode` share it."""

from collections.abc import Callable, Mapping
from typing import Any

from ingest.decoded import Decoded, Outcome, Rejected
from ingest.families import (
    access_aqara,
    access_dahua,
    access_esprfid,
    access_hikvision,
    chirpstack,
    cjt188,
    cloud_cn,
    dlms_push,
    dlt645,
    gb26875,
    gst9000,
    ha_discovery,
    json_mapping,
    lorawan_raw,
    mbus,
    meokon,
    modbus_rtu,
    native,
    senml,
    shelly_gen1,
    shelly_gen2,
    sparkplug,
    tasmota,
    thingsboard,
    tts,
    wmbusmeters,
    zigbee2mqtt,
)
from ingest.message import Message

Decoder = Callable[[Message, Mapping[str, Any]], Outcome]
"""A pure function. The context carries what the payload cannot say: keys of encrypted meters, a register map, earlier births."""

DECODERS: dict[str, Decoder] = {
    "native": native.decode,
    "dlt645": dlt645.decode,
    "cjt188": cjt188.decode,
    "zigbee2mqtt": zigbee2mqtt.decode,
    "gb26875.3": gb26875.decode,
    "fire.gst9000": gst9000.decode,
    "meokon.fire": meokon.decode,
    "modbus.rtu": modbus_rtu.decode,
    "cloud.cn": cloud_cn.decode,
    "json": json_mapping.decode,
    "access.aqara": access_aqara.decode,
    "access.hikvision": access_hikvision.decode,
    "access.dahua": access_dahua.decode,
    "access.esprfid": access_esprfid.decode,
    "ha.discovery": ha_discovery.decode,
    "thingsboard": thingsboard.decode,
    "tasmota": tasmota.decode,
    "senml.json": senml.decode,
    "senml.cbor": senml.decode_cbor,
    "shelly.gen2": shelly_gen2.decode,
    "shelly.gen1": shelly_gen1.decode,
    "chirpstack.v3": chirpstack.decode,
    "chirpstack.v4": chirpstack.decode,
    "tts.v3": tts.decode,
    "sparkplug.b": sparkplug.decode,
    "dlms.push": dlms_push.decode,
    **lorawan_raw.DECODERS,
    **mbus.DECODERS,
    "wmbusmeters": wmbusmeters.decode,
}

DEFAULT_FILTERS: tuple[tuple[str, str], ...] = (
    ("caretaker/v1/+/+/+", "native"),
    ("zigbee2mqtt/#", "zigbee2mqtt"),
    ("homeassistant/#", "ha.discovery"),
    ("shellies/#", "shelly.gen1"),
    ("+/status/+", "shelly.gen2"),
    ("+/events/rpc", "shelly.gen2"),
    ("+/online", "shelly.gen2"),
    ("tele/#", "tasmota"),
    ("stat/#", "tasmota"),
    ("+/tele/+", "tasmota"),
    ("+/stat/+", "tasmota"),
    ("tasmota/discovery/#", "tasmota"),
    ("v1/devices/me/#", "thingsboard"),
    ("v1/gateway/#", "thingsboard"),
    ("v2/g/#", "thingsboard"),
    ("application/+/device/#", "chirpstack.v4"),
    ("v3/+/devices/#", "tts.v3"),
    ("spBv1.0/#", "sparkplug.b"),
    ("wmbusmeters/#", "wmbusmeters"),
    ("$oc/devices/#", "cloud.cn"),
    ("/sys/#", "cloud.cn"),
    ("$sys/#", "cloud.cn"),
    ("CET/#", "cloud.cn"),
    ("GIOT-GW/UL/#", "meokon.fire"),
    ("/rfid/#", "access.esprfid"),
)
"""Topic filter and family, first match wins."""

PUSHED = "push/"
"""A message that came over HTTP names its family itself: `push/<family>/<the topic it would have had>`."""

_NO_CONTEXT: Mapping[str, Any] = {}
_REMEMBERED_TOPICS = 100_000


class FamilyMap:
    """Families by topic, remembered per topic since there are few topics and many messages."""

    def __init__(self, filters: tuple[tuple[str, str], ...] = DEFAULT_FILTERS) -> None:
        self._filters = tuple((tuple(pattern.split("/")), family) for pattern, family in filters)
        self._known: dict[str, str | None] = {}

    def family(self, topic: str) -> str | None:
        """None: no filter matches."""
        try:
            return self._known[topic]
        except KeyError:
            pass
        levels = topic.split("/")
        found = next((family for pattern, family in self._filters if _matches(pattern, levels)), None)
        if len(self._known) >= _REMEMBERED_TOPICS:
            self._known.clear()
        self._known[topic] = found
        return found


def unpushed(topic: str) -> tuple[str, str]:
    """Family and inner topic of one that begins with PUSHED."""
    _, family, inner = (*topic.split("/", 2), "", "")[:3]
    return family, inner


def decode(message: Message, family: str | None, context: Mapping[str, Any] = _NO_CONTEXT) -> tuple[Decoded | Rejected, ...]:
    """Never raises: what a decoder chokes on is a rejected message, and after a fix it can be replayed."""
    decoder = DECODERS.get(family or "")
    if decoder is None:
        return (Rejected(f"no decoder for family {family!r}" if family else "no family is configured for this topic"),)
    try:
        outcome = decoder(message, context)
    except Exception as error:  # noqa: BLE001 - bytes of strangers meet dozens of decoders; a bug costs one message, never the line
        return (Rejected(f"the decoder {family!r} failed: {type(error).__name__}: {error}"),)
    if isinstance(outcome, Decoded | Rejected):
        return (outcome,)
    return tuple(outcome)


def _matches(pattern: tuple[str, ...], levels: list[str]) -> bool:
    """MQTT topic filters: `+` is one level, a last `#` is all that follow."""
    if pattern[-1] == "#":
        pattern = pattern[:-1]
        levels = levels[: len(pattern)]
    return len(pattern) == len(levels) and all(want in ("+", level) for want, level in zip(pattern, levels, strict=True))
