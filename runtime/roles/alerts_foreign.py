"""Fire and door devices that speak other forms than ours: the topics that the fast lane hears, and how it reads them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from devices.link import DeviceLink
from devices.model import FAST_LANE_KINDS
from devices.registry import Registry
from ingest.live import LiveDecoder, Memory
from ingest.topic_map import NATIVE, TopicMap
from storage.database import Database
from storage.health_store import HealthStore
from storage.link_store import LinkStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """What the lane needs to know; replaced as a whole. `filters`: foreign topics to listen to."""

    registry: Registry
    links: tuple[DeviceLink, ...] = ()
    memories: Mapping[Memory, Any] = field(default_factory=dict)
    filters: frozenset[str] = frozenset()


class Foreign:
    """Asked by the desk's thread; the lane's thread gets the answer through its inbox."""

    def __init__(self, database: Database, topics: TopicMap) -> None:
        self._links = LinkStore(database)
        self._health = HealthStore(database)
        self._topics = topics
        self._last: Hearing | None = None

    def hearing(self, registry: Registry) -> Hearing:
        links, memories = self._links.load(), self._links.memories()
        watched = [device.id for device in registry.devices.values() if device.kind in FAST_LANE_KINDS]
        known = LiveDecoder(self._topics, links=links, memories=memories)
        filters = {*self._topics.fast_filters(), *known.fast_filters()}
        for device_id, (topic, family) in self._health.ways(watched).items():
            filters.update(filters_of(topic, family))
            filters.update(known.topics_of(device_id))
        useful = {key: value for key, value in memories.items() if key[0] in ("sparkplug", "ha")}
        return Hearing(registry=registry, links=links, memories=useful, filters=frozenset(filters))

    def news(self, registry: Registry) -> Hearing | None:
        """What to tell the lane, None where nothing changed since the last call."""
        found = self.hearing(registry)
        if self._last is not None and _same(found, self._last):
            return None
        self._last = found
        return found


def filters_of(topic: str, family: str) -> tuple[str, ...]:
    """All topics on which a device of that family speaks, told by one of them; none for the native form."""
    if family == NATIVE or not topic:
        return ()
    levels = topic.split("/")
    return tuple(_FILTERS.get(family, _itself)(levels))


def _itself(levels: list[str]) -> Iterable[str]:
    yield "/".join(levels)


def _zigbee2mqtt(levels: list[str]) -> Iterable[str]:
    named = levels[:-1] if len(levels) > 2 and levels[-1] in ("availability", "action") else levels
    yield "/".join(named)
    yield "/".join([*named, "+"])


def _below(count: int) -> Callable[[list[str]], Iterable[str]]:
    """The first levels name the device, all that follow are its topics."""
    return lambda levels: ["/".join([*levels[:count], "#"])]


def _tasmota(levels: list[str]) -> Iterable[str]:
    """FullTopic is %prefix%/%topic%/ or %topic%/%prefix%/."""
    at = next((place for place, level in enumerate(levels) if level in ("tele", "stat")), None)
    yield "/".join([*levels[:-1], "+"]) if at is None else "/".join([*levels[:at], "+", *levels[at + 1 : -1], "+"])


def _sparkplug(levels: list[str]) -> Iterable[str]:
    """Births of node and device too, since they name the aliases."""
    if len(levels) > 3:
        yield f"{levels[0]}/{levels[1]}/+/{levels[3]}/#"


_FILTERS: dict[str, Callable[[list[str]], Iterable[str]]] = {
    "zigbee2mqtt": _zigbee2mqtt,
    "shelly.gen1": _below(2),
    "shelly.gen2": _below(1),
    "tasmota": _tasmota,
    "sparkplug.b": _sparkplug,
    "chirpstack.v3": _below(4),
    "chirpstack.v4": _below(4),
    "tts.v3": _below(4),
}


def _same(one: Hearing, other: Hearing) -> bool:
    """A registry has no equality of its own: the very same object, or it changed."""
    return one.registry is other.registry and (one.links, one.memories, one.filters) == (other.links, other.memories, other.filters)
