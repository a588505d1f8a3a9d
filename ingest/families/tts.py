"""The Things Stack 3: v3/<application>@<tenant>/devices/<device>/{up|join|down/...|location/solved|service/data} with JSON.

Zero and false fields are left out (no f_port: port 0). Identity is the device's EUI, else its name in the stack.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ingest.decoded import Decoded, Outcome, Rejected, Sample
from ingest.families.json_fields import Unusable, epoch_ms, load_object, number, obj
from ingest.families.lorawan.envelope import eui, event, from_base64, link_values, through, uplink_outcome, words
from ingest.families.lorawan.uplink import Uplink
from ingest.families.lorawan_raw import model_of
from ingest.message import Message

_LONGEST_TEXT = 300


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:
    try:
        told = load_object(message.payload)
    except Unusable as error:
        return Rejected(str(error))
    told = obj(told.get("data")) if "end_device_ids" not in told and "data" in told else told
    ids = obj(told.get("end_device_ids"))
    device_id = eui(ids.get("dev_eui")) or str(ids.get("device_id") or "") or _topic_device(message.topic)
    if not device_id:
        return Rejected("no end_device_ids: neither the JSON nor the topic tells whose message this is")
    for field, reader in _READERS:
        if field in told:
            return reader(device_id, told, context)
    return Rejected("none of the fields of a message of The Things Stack (uplink_message, join_accept, downlink_...)", device_id)


def _topic_device(topic: str) -> str:
    levels = topic.split("/")
    return levels[3] if len(levels) > 4 and levels[0] == "v3" and levels[2] == "devices" else ""


def _uplink(device_id: str, told: Mapping[str, Any], context: Mapping[str, Any]) -> Decoded:
    up = obj(told.get("uplink_message")) or obj(told.get("uplink_normalized"))
    version = obj(up.get("version_ids"))
    port = number(up.get("f_port"))
    model = words(model_of(context), version.get("brand_id"), version.get("model_id"))
    uplink = Uplink(from_base64(up.get("frm_payload")) or b"", int(port) if port is not None else 0, model)
    decoded_object = obj(up.get("decoded_payload")) or obj(up.get("normalized_payload"))
    ts_ms = epoch_ms(told.get("received_at")) or epoch_ms(up.get("received_at"))
    gateways = up.get("rx_metadata")
    link = link_values(gateways, ("snr",))
    return through(uplink_outcome(device_id, uplink, decoded_object, context, ts_ms=ts_ms, link=link), gateways)


def _join(device_id: str, told: Mapping[str, Any], _context: Mapping[str, Any]) -> Decoded:
    address = obj(told.get("end_device_ids")).get("dev_addr")
    return event(device_id, "device.joined", _time_ms(told, "join_accept"), dev_addr=address if isinstance(address, str) else None)


def _time_ms(told: Mapping[str, Any], inner: str) -> int | None:
    return epoch_ms(told.get("received_at")) or epoch_ms(obj(told.get(inner)).get("received_at"))


def _downlink(field: str, event_type: str) -> Callable[[str, Mapping[str, Any], Mapping[str, Any]], Decoded]:
    def read(device_id: str, told: Mapping[str, Any], _context: Mapping[str, Any]) -> Decoded:
        inner = obj(told.get(field))
        downlink = obj(inner.get("downlink")) or inner
        error = obj(inner.get("error"))
        return event(
            device_id,
            event_type,
            _time_ms(told, field),
            f_port=number(downlink.get("f_port")),
            f_cnt=number(downlink.get("f_cnt")),
            confirmed=bool(downlink.get("confirmed")),
            error=str(error.get("name") or error.get("message_format") or "")[:_LONGEST_TEXT] or None,
        )

    return read


def _location(device_id: str, told: Mapping[str, Any], _context: Mapping[str, Any]) -> Decoded:
    place = obj(obj(told.get("location_solved")).get("location"))
    values = {"geo.lat": number(place.get("latitude", 0)) or 0.0, "geo.lon": number(place.get("longitude", 0)) or 0.0}
    return Decoded(device_id, (Sample(_time_ms(told, "location_solved"), values),))


def _service(device_id: str, told: Mapping[str, Any], _context: Mapping[str, Any]) -> Decoded:
    service = str(obj(told.get("service_data")).get("service") or "")[:_LONGEST_TEXT]
    return event(device_id, "device.integration", _time_ms(told, "service_data"), integration=service)


_READERS: tuple[tuple[str, Callable[[str, Mapping[str, Any], Mapping[str, Any]], Decoded]], ...] = (
    ("uplink_message", _uplink),
    ("uplink_normalized", _uplink),
    ("join_accept", _join),
    ("downlink_ack", _downlink("downlink_ack", "command.ack")),
    ("downlink_nack", _downlink("downlink_nack", "command.nack")),
    ("downlink_sent", _downlink("downlink_sent", "command.sent")),
    ("downlink_failed", _downlink("downlink_failed", "command.failed")),
    ("downlink_queued", _downlink("downlink_queued", "command.queued")),
    ("downlink_queue_invalidated", _downlink("downlink_queue_invalidated", "command.invalidated")),
    ("location_solved", _location),
    ("service_data", _service),
)
