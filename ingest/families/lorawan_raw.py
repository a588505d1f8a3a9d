"""Bare LoRaWAN application payloads (FRMPayload), as bytes or hexadecimal text, from bridges that pass them on as they are.

The context tells FPort, make and model (`model`) and the device's EUI (`dev_eui`), or a codec in JavaScript (`codec`); the family
tells what the device measures. A topic whose level is an EUI names the device too.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ingest.decoded import Outcome, Rejected
from ingest.families.lorawan.meaning import decoded, read
from ingest.families.lorawan.uplink import Unusable, Uplink
from ingest.message import Message

_EUI = re.compile(r"[0-9A-Fa-f]{16}")
_HEX = re.compile(rb"\s*(?:[0-9A-Fa-f]{2}\s*)+")
_KINDS = ("electricity", "door", "leak", "water", "fire", "pressure", "gas")


def decode(message: Message, context: Mapping[str, Any], *, kind: str = "") -> Outcome:
    device_id = _device(message.topic, context)
    payload = bytes.fromhex(message.payload.decode()) if _HEX.fullmatch(message.payload) else message.payload
    port = context.get("fport")
    uplink = Uplink(payload, port if isinstance(port, int) else None, model_of(context), kind)
    try:
        meaning = read(uplink, context)
    except Unusable as error:
        return Rejected(str(error), device_id or None)
    return decoded(meaning, device_id or meaning.device_id)


def model_of(context: Mapping[str, Any]) -> str:
    """The words of the context that tell make and model, in lower case."""
    words = [str(context[key]) for key in ("model", "device", "profile") if context.get(key)]
    return " ".join(words).lower()


def _device(topic: str, context: Mapping[str, Any]) -> str:
    told = str(context.get("dev_eui") or context.get("device_id") or "")
    if told:
        return told
    return next((level for level in topic.split("/") if _EUI.fullmatch(level)), "")


DECODERS: dict[str, Callable[[Message, Mapping[str, Any]], Outcome]] = {
    **{f"lorawan.{kind}": partial(decode, kind=kind) for kind in _KINDS},
    "lorawan": decode,
}
"""By family name."""
