"""ChirpStack 4 and 3: application/<id>/device/<devEui>/event/<event> with JSON. Version 3 writes EUIs in base64 and objectJSON.

Events: up, status, join, ack, txack, log (3: error), location, integration. Zero, false and empty are left out of the JSON.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ingest.decoded import Decoded, Outcome, Rejected, Sample
from ingest.families.json_fields import Unusable, epoch_ms, load_object, number, obj, objects
from ingest.families.lorawan.envelope import eui, event, from_base64, link_values, tag_words, through, uplink_outcome, words
from ingest.families.lorawan.uplink import Uplink
from ingest.families.lorawan_raw import model_of
from ingest.message import Message

_SNR_NAMES = ("snr", "loRaSNR", "loraSnr")
_LONGEST_TEXT = 300


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:
    try:
        told = load_object(message.payload)
    except Unusable as error:
        return Rejected(str(error))
    info = obj(told.get("deviceInfo"))
    device_id = eui(info.get("devEui")) or eui(told.get("devEUI")) or eui(told.get("devEui")) or _topic_eui(message.topic)
    if not device_id:
        return Rejected("no devEui: neither the JSON nor the topic tells whose uplink this is")
    kind = _kind(message.topic, told)
    reader = _READERS.get(kind)
    if reader is None:
        return Rejected(f"ChirpStack event {kind or 'unknown'!r} is not supported", device_id)
    return reader(device_id, told, context)


def _topic_eui(topic: str) -> str:
    return next((level for level in topic.split("/") if len(level) == 16 and eui(level)), "")


def _kind(topic: str, told: Mapping[str, Any]) -> str:
    """The topic's last level; without a topic the fields tell."""
    last = topic.rpartition("/")[2].lower()
    last = {"rx": "up", "uplink": "up"}.get(last, last)
    if last in _READERS:
        return last
    for field, kind in _TELLING_FIELDS:
        if field in told:
            return kind
    return "join" if "devAddr" in told else last


def _up(device_id: str, told: Mapping[str, Any], context: Mapping[str, Any]) -> Decoded:
    info = obj(told.get("deviceInfo"))
    port = number(told.get("fPort"))
    profile = words(
        info.get("deviceProfileName"), told.get("deviceProfileName"), tag_words(info.get("tags")), tag_words(told.get("tags"))
    )
    uplink = Uplink(from_base64(told.get("data")) or b"", int(port) if port is not None else 0, words(model_of(context), profile))
    gateways = told.get("rxInfo")
    link = link_values(gateways, _SNR_NAMES)
    return through(uplink_outcome(device_id, uplink, _object(told), context, ts_ms=_time_ms(told), link=link), gateways)


def _object(told: Mapping[str, Any]) -> dict[str, Any]:
    """Version 3 writes the object as a text of JSON."""
    written = told.get("objectJSON")
    if isinstance(written, str) and written:
        try:
            return obj(msgspec.json.decode(written))
        except (msgspec.DecodeError, RecursionError):
            return {}
    return obj(told.get("object"))


def _time_ms(told: Mapping[str, Any]) -> int | None:
    """The server's time; version 3 has only the gateways'."""
    found = epoch_ms(told.get("time"))
    if found is not None:
        return found
    return next((ms for gateway in objects(told.get("rxInfo")) if (ms := epoch_ms(gateway.get("time"))) is not None), None)


def _status(device_id: str, told: Mapping[str, Any], _context: Mapping[str, Any]) -> Decoded:
    values: dict[str, float] = {}
    level, margin = number(told.get("batteryLevel")), number(told.get("margin", 0))
    if not told.get("externalPowerSource") and not told.get("batteryLevelUnavailable"):
        values["battery.level"] = level if level is not None else 0.0
    if margin is not None:
        values["link.margin"] = margin
    return Decoded(device_id, (Sample(_time_ms(told), values),))


def _join(device_id: str, told: Mapping[str, Any], _context: Mapping[str, Any]) -> Decoded:
    address = told.get("devAddr")
    return event(device_id, "device.joined", _time_ms(told), dev_addr=address if isinstance(address, str) else None)


def _ack(device_id: str, told: Mapping[str, Any], _context: Mapping[str, Any]) -> Decoded:
    """An answer to a confirmed downlink: a command's result, no telemetry. A missing `acknowledged` is false."""
    acknowledged = bool(told.get("acknowledged"))
    frame = number(told.get("fCntDown", told.get("fCnt", 0)))
    return event(
        device_id, "command.ack" if acknowledged else "command.failed", _time_ms(told), acknowledged=acknowledged, f_cnt=frame
    )


def _txack(device_id: str, told: Mapping[str, Any], _context: Mapping[str, Any]) -> Decoded:
    return event(device_id, "command.sent", _time_ms(told), f_cnt=number(told.get("fCntDown", told.get("fCnt", 0))))


def _log(device_id: str, told: Mapping[str, Any], _context: Mapping[str, Any]) -> Decoded:
    """Version 4: level, code, description; version 3: type, error."""
    code = str(told.get("code") or told.get("type") or "")[:_LONGEST_TEXT]
    detail = str(told.get("description") or told.get("error") or "")[:_LONGEST_TEXT]
    return event(device_id, "protocol.error", _time_ms(told), level=str(told.get("level") or "ERROR"), code=code, detail=detail)


def _location(device_id: str, told: Mapping[str, Any], _context: Mapping[str, Any]) -> Decoded:
    place = obj(told.get("location"))
    values = {"geo.lat": number(place.get("latitude", 0)) or 0.0, "geo.lon": number(place.get("longitude", 0)) or 0.0}
    altitude = number(place.get("altitude"))
    if altitude is not None:
        values["x.geo.altitude"] = altitude
    return Decoded(device_id, (Sample(_time_ms(told), values),))


def _integration(device_id: str, told: Mapping[str, Any], _context: Mapping[str, Any]) -> Decoded:
    name = str(told.get("integrationName") or told.get("integration") or "")[:_LONGEST_TEXT]
    return event(
        device_id, "device.integration", _time_ms(told), integration=name, kind=str(told.get("eventType") or "")[:_LONGEST_TEXT]
    )


_READERS: dict[str, Callable[[str, Mapping[str, Any], Mapping[str, Any]], Decoded]] = {
    "up": _up,
    "status": _status,
    "join": _join,
    "ack": _ack,
    "txack": _txack,
    "log": _log,
    "error": _log,
    "location": _location,
    "integration": _integration,
}
_TELLING_FIELDS = (
    ("margin", "status"),
    ("acknowledged", "ack"),
    ("gatewayId", "txack"),
    ("gatewayID", "txack"),
    ("location", "location"),
    ("level", "log"),
    ("error", "error"),
    ("integrationName", "integration"),
    ("data", "up"),
    ("object", "up"),
    ("objectJSON", "up"),
    ("fCnt", "up"),
)
