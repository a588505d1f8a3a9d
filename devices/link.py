"""How a device, a gateway or a topic is read: the family of its messages and what their bytes cannot say themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class LinkScope(StrEnum):
    """What a link's key names. Where several apply, the device's word stands before its gateway's, that before the topic's."""

    DEVICE = "device"
    GATEWAY = "gateway"
    TOPIC = "topic"


SECRET_KEYS = frozenset({"aes_key", "password", "token"})
"""Keys of a context that are secrets wherever they come from: kept apart and never shown again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLink:
    """`key`: device id, gateway id or topic filter. `family` may be empty where only the context is told.

    `secret` holds what is never shown again (`SECRET_KEYS`); stores hand it to the decoders only.
    """

    scope: LinkScope
    key: str
    family: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    secret: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLink:
    """A link as people may see it; `secrets` names what is kept without showing it."""

    scope: LinkScope
    key: str
    family: str
    context: Mapping[str, Any]
    secrets: tuple[str, ...] = ()


def parted(context: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What may be shown and what may not."""
    shown = {name: value for name, value in context.items() if name not in SECRET_KEYS}
    return shown, {name: value for name, value in context.items() if name in SECRET_KEYS}
