"""What the network servers' envelopes share: EUIs, radio quality, and a device's uplink inside."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ingest.decoded import Decoded, Happening
from ingest.families.json_fields import number, obj, objects
from ingest.families.lorawan import codecs
from ingest.families.lorawan.meaning import decoded, read
from ingest.families.lorawan.objects import understand
from ingest.families.lorawan.uplink import Meaning, Unusable, Uplink

_EUI = re.compile(r"[0-9A-Fa-f]{16}")


def eui(value: object) -> str:
    """Sixteen hexadecimal digits as they are written, or ChirpStack 3's base64 of the eight bytes; empty where it is neither."""
    if not isinstance(value, str):
        return ""
    if _EUI.fullmatch(value):
        return value
    raw = from_base64(value)
    return raw.hex() if raw is not None and len(raw) == 8 else ""


def from_base64(value: object) -> bytes | None:
    if not isinstance(value, str) or not value:
        return None
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None


def link_values(gateways: object, snr_names: Sequence[str]) -> dict[str, float]:
    """Of the gateway that heard the uplink best; zero is omitted from these JSONs, so a missing SNR beside an RSSI is 0."""
    best = _best(gateways)
    if best is None:
        return {}
    snr = next((found for name in snr_names if (found := number(best.get(name))) is not None), 0.0)
    return {"link.rssi": number(best["rssi"]) or 0.0, "link.snr": snr}


def through(outcome: Decoded, gateways: object) -> Decoded:
    """With the gateway that heard it best."""
    best = _best(gateways) or {}
    told = obj(best.get("gateway_ids"))
    name = best.get("gatewayId") or eui(best.get("gatewayID")) or told.get("gateway_id") or told.get("eui")
    return msgspec.structs.replace(outcome, gateway_id=name) if isinstance(name, str) and name else outcome


def _best(gateways: object) -> dict[str, Any] | None:
    heard = [gateway for gateway in objects(gateways) if number(gateway.get("rssi")) is not None]
    return max(heard, key=lambda gateway: number(gateway["rssi"]) or 0.0) if heard else None


def uplink_outcome(
    device_id: str,
    uplink: Uplink,
    told: Mapping[str, Any] | None,
    context: Mapping[str, Any],
    *,
    ts_ms: int | None,
    link: Mapping[str, float],
) -> Decoded:
    """What cannot be read is refused in words, and the radio's values count all the same."""
    refused: list[str] = []
    meaning = Meaning()
    for source in _sources(uplink, told):
        try:
            meaning = understand(told or {}, uplink.kind) if source == "object" else read(uplink, context)
            break
        except Unusable as error:
            refused.append(str(error))
    return decoded(meaning, device_id, ts_ms=ts_ms, link=link, refused=refused)


def _sources(uplink: Uplink, told: Mapping[str, Any] | None) -> list[str]:
    """A known maker's payload goes before the server's object, whose names and units are its author's taste."""
    has_payload = bool(uplink.payload and uplink.port)
    if not told:
        return ["payload"] if has_payload else []
    return ["payload", "object"] if has_payload and codecs.knows(uplink) else ["object"]


def event(device_id: str, event_type: str, ts_ms: int | None, **attributes: str | float | bool | None) -> Decoded:
    kept = {name: value for name, value in attributes.items() if value is not None}
    return Decoded(device_id, happenings=(Happening(event_type, ts_ms, kept),))


def words(*values: object) -> str:
    """Make and model in lower case, of whatever tells them."""
    return " ".join(value for value in values if isinstance(value, str) and value).lower()


def tag_words(tags: object) -> str:
    return words(*(obj(tags).get(name) for name in ("model", "device_model", "manufacturer", "vendor")))
