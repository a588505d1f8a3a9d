"""What programs push over HTTP → messages for ingest and, item by item, what is wrong with the rest. Pure."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from devices.errors import BadInput
from devices.metrics import canonical_name
from ingest.decoded import Decoded
from ingest.decoders import DECODERS, PUSHED, decode
from ingest.families.native import level_of
from ingest.message import Message

ITEMS_MAX = 10_000
_PLACES = {"ts", "readings", "event", "attributes"}
_BARE_JSON = msgspec.json.Decoder()


class Key(NamedTuple):
    """A reading as the stores know it; `ts_ms` is epoch milliseconds UTC."""

    device_id: str
    metric: str
    ts_ms: int
    value: float


class Item(NamedTuple):
    """One part of a push. `keys`: its readings; `happenings`: how many events; `reasons`: what of it cannot be used."""

    number: int  # from 0, as listed
    device_id: str | None
    message: Message | None
    keys: tuple[Key, ...] = ()
    happenings: int = 0
    reasons: tuple[str, ...] = ()
    decoded: Decoded | None = None


def native_items(body: bytes, *, site: str, received_ms: int, device_id: str | None = None) -> list[Item]:
    """Of `{"device": id, "ts", "readings"}` (or "event", "attributes"), of a list of such, or of `{"items": [...]}`.

    `device_id` stands for items that name none. An item without `ts` gets the server's time, so that a later repeat of the
    stored message is no second reading. Raises BadInput where the body is no such JSON.
    """
    return [_native(index, given, site, received_ms, device_id) for index, given in enumerate(_listed(body))]


def foreign_items(family: str, body: bytes, *, topic: str, received_ms: int) -> list[Item]:
    """One item for each device that the body speaks of; all of them share one message. Raises BadInput for an unknown family."""
    if family not in DECODERS or family == "native":
        known = ", ".join(sorted(name for name in DECODERS if name != "native"))
        raise BadInput(f"no decoder {family!r}; known: {known}", place="family")
    message = Message(received_ms, f"{PUSHED}{family}/{topic}", body)
    return [
        _item(index, message, outcome)
        if isinstance(outcome, Decoded)
        else Item(index, outcome.device_id, None, (), 0, (outcome.reason,))
        for index, outcome in enumerate(decode(message._replace(topic=topic), family))
    ]


def as_native(item: Item, site: str) -> list[tuple[str, bytes]]:
    """(topic, payload) of what the item says in the native form, times filled in; for the alarm lane, which hears by MQTT."""
    if item.decoded is None or item.message is None or item.device_id is None:
        return []
    place, received_ms = f"caretaker/v1/{site}/{level_of(item.device_id)}", item.message.received_ms
    told: list[tuple[str, bytes]] = []
    for sample in item.decoded.samples:
        body = {"ts": _seconds(sample.ts_ms, received_ms), "readings": dict(sample.values)}
        told.append((f"{place}/telemetry", msgspec.json.encode(body)))
    for happening in item.decoded.happenings:
        event = {"event": happening.type, "attributes": dict(happening.attributes)}
        told.append((f"{place}/event", msgspec.json.encode({"ts": _seconds(happening.ts_ms, received_ms), **event})))
    return told


def _seconds(ts_ms: int | None, received_ms: int) -> float:
    return (received_ms if ts_ms is None else ts_ms) / 1000


def _listed(body: bytes) -> Sequence[Any]:
    try:
        told = _BARE_JSON.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"not JSON: {error}", place="body") from None
    if isinstance(told, dict) and isinstance(told.get("items"), list):
        told = told["items"]
    listed = told if isinstance(told, list) else [told]
    if not listed or len(listed) > ITEMS_MAX:
        raise BadInput(f"{len(listed)} items; send 1 to {ITEMS_MAX}", place="body")
    return listed


def _native(index: int, given: Any, site: str, received_ms: int, device_id: str | None) -> Item:  # noqa: ANN401 - any JSON
    if not isinstance(given, dict):
        return Item(index, device_id, None, reasons=('an item is an object: {"device", "ts", "readings": {name: number}}',))
    named = given.get("device", device_id)
    if not isinstance(named, str) or not (0 < len(named) <= 128 and named.isprintable()):
        return Item(index, None, None, reasons=("device must name the device: 1 to 128 printable characters",))
    strange = sorted(given.keys() - _PLACES - {"device"})
    if strange:
        return Item(
            index, named, None, reasons=(f"unknown field {strange[0][:40]!r}; known: device, {', '.join(sorted(_PLACES))}",)
        )
    leaf = "event" if "event" in given else "telemetry"
    payload = {name: value for name, value in given.items() if name != "device"}
    if payload.get("ts") is None:
        payload["ts"] = received_ms / 1000
    message = Message(received_ms, f"caretaker/v1/{site}/{level_of(named)}/{leaf}", msgspec.json.encode(payload))
    outcome = decode(message, "native")[0]
    if not isinstance(outcome, Decoded):
        return Item(index, named, None, reasons=(outcome.reason,))
    return _item(index, message, outcome)


def _item(index: int, message: Message, decoded: Decoded) -> Item:
    keys = tuple(
        Key(decoded.device_id, canonical_name(name), message.received_ms if sample.ts_ms is None else sample.ts_ms, float(value))
        for sample in decoded.samples
        for name, value in sample.values.items()
    )
    happenings = len(decoded.happenings) + (decoded.online is not None)
    reasons = tuple(decoded.refused) or (() if keys or happenings else ("it holds neither a reading nor an event",))
    return Item(index, decoded.device_id, message if keys or happenings else None, keys, happenings, reasons, decoded)
