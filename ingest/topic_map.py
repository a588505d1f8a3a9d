"""Which family a topic speaks, with what context: the settings' filters first, then the usual ones."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest.decoders import DECODERS, DEFAULT_FILTERS, PUSHED, unpushed
from ingest.topic_filter import DEVICE, GATEWAY, mqtt_filter

NATIVE = "native"
FAST_FAMILIES = ("gb26875.3", "fire.gst9000", "meokon.fire", "access.")
"""Families of fire and door devices: their topics always go to the fast lane too."""

_REMEMBERED_TOPICS = 100_000
_NO_CONTEXT: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicLink:
    """`filter`: an MQTT filter whose levels `{gateway}` and `{device}` stand for `+` and name what stands there.

    `fast`: fire or door messages come here, so the alerts role listens as well.
    """

    filter: str
    family: str
    context: Mapping[str, Any] = field(default_factory=dict)
    fast: bool = False

    @property
    def mqtt_filter(self) -> str:
        return mqtt_filter(self.filter)

    @property
    def is_fast(self) -> bool:
        return self.fast or self.family.startswith(FAST_FAMILIES)


@dataclass(frozen=True, slots=True)
class Route:
    """Of one topic. `gateway_id`: named by the topic itself."""

    family: str | None
    context: Mapping[str, Any] = field(default_factory=dict)
    gateway_id: str | None = None


class TopicMap:
    """Routes by topic, first match wins; remembered per topic, since there are few topics and many messages."""

    def __init__(self, links: Iterable[TopicLink] = (), *, families: Sequence[str] | None = None) -> None:
        """`families`: those of the usual filters that are wanted, all where None; native is always among them."""
        usual = [TopicLink(filter=pattern, family=family) for pattern, family in DEFAULT_FILTERS if _wanted(family, families)]
        self.links = (*links, *usual)
        self._patterns = tuple((link, tuple(link.filter.split("/"))) for link in self.links)
        self._known: dict[str, Route] = {}

    def route(self, topic: str) -> Route:
        """Its family is None where no filter matches."""
        known = self._known.get(topic)
        if known is None:
            known = self._find(topic)
            if len(self._known) >= _REMEMBERED_TOPICS:
                self._known.clear()
            self._known[topic] = known
        return known

    def filters(self) -> tuple[str, ...]:
        """What is to be subscribed besides the native topics."""
        return tuple(dict.fromkeys(link.mqtt_filter for link in self.links if link.family != NATIVE))

    def fast_filters(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(link.mqtt_filter for link in self.links if link.family != NATIVE and link.is_fast))

    def _find_pushed(self, family: str, topic: str) -> Route:
        """Over HTTP the sender names the family; what the settings say of that topic counts where they mean the same one."""
        meant = self.route(topic)
        if meant.family == family:
            return meant
        return Route(family if family in DECODERS else None)

    def _find(self, topic: str) -> Route:
        if topic.startswith(PUSHED):
            return self._find_pushed(*unpushed(topic))
        levels = topic.split("/")
        for link, pattern in self._patterns:
            named = matched(pattern, levels)
            if named is not None:
                gateway_id = named.get("gateway_id")
                return Route(link.family, {**named, **link.context} if named or link.context else _NO_CONTEXT, gateway_id)
        return Route(None)


def matched(pattern: Sequence[str], levels: Sequence[str]) -> dict[str, str] | None:
    """What the filter's named levels stand for; None where it does not match. A last `#` is all that follow."""
    if pattern[-1] == "#":
        pattern = pattern[:-1]
        levels = levels[: len(pattern)]
    if len(pattern) != len(levels):
        return None
    named: dict[str, str] = {}
    for want, level in zip(pattern, levels, strict=True):
        if want == GATEWAY:
            named["gateway_id"] = level
        elif want == DEVICE:
            named["device_id"] = level
        elif want not in ("+", level):
            return None
    return named


def _wanted(family: str, families: Sequence[str] | None) -> bool:
    return families is None or family == NATIVE or family in families
