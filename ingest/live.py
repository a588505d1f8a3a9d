"""Messages as they come, decoded with all that other messages and people told: routes, links, births, half frames.

What must outlive the process is handed out as memories (`take_memories`), to be stored before the messages are forgotten.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from devices.link import DeviceLink, LinkScope
from ingest.decoded import Decoded, Outcome, Rejected
from ingest.decoders import PUSHED, decode, unpushed
from ingest.families import ha_discovery, modbus_rtu, sparkplug
from ingest.framing import FRAMED
from ingest.message import Message
from ingest.topic_map import NATIVE, Route, TopicLink, TopicMap

Outcomes = Sequence[Decoded | Rejected]
Memory = tuple[str, str]
"""Kind and whose: ("sparkplug", device), ("ha", discovery topic), ("tail", topic), ("request", topic)."""

TAIL_WITHIN_MS = 10_000
"""The rest of a frame comes within so much, or not at all."""

REBIRTH_EVERY_MS = 60_000
_LONGEST_TAIL = 4096
_MOST_TAILS = 10_000
_MOST_REMEMBERED = 50_000
_SPARKPLUG, _HA, _TAIL, _REQUEST = "sparkplug", "ha", "tail", "request"
_HA_FAMILY, _SPARKPLUG_FAMILY, _MODBUS_FAMILY = "ha.discovery", "sparkplug.b", "modbus.rtu"


class RebirthRequest(NamedTuple):
    """Asks a Sparkplug node for its births; QoS 0, since losing it costs a repetition only."""

    topic: str
    payload: bytes


class _Tail(NamedTuple):
    data: bytes
    received_ms: int


class LiveDecoder:
    """One thread uses it. `links`: what people said of devices, gateways and topics."""

    def __init__(
        self, topics: TopicMap | None = None, *, links: Iterable[DeviceLink] = (), memories: Mapping[Memory, Any] | None = None
    ) -> None:
        self._topics = topics or TopicMap()
        self._routes: dict[str, Route] = {}
        self._memories: dict[Memory, Any] = {}
        self._sparkplug: dict[str, Any] = {}
        self._announced: dict[str, list[dict[str, Any]]] = {}
        self._registrations: dict[str, list[dict[str, Any]]] = {}
        self._requests: dict[str, str] = {}
        self._tails: dict[str, _Tail] = {}
        self._lost: list[tuple[Message, Rejected]] = []
        self._asked_ms: dict[str, int] = {}
        self._rebirths: list[RebirthRequest] = []
        self.half_frames_lost = 0
        self.announcements = 0  # counts the changes of what `filters` tells
        self.set_links(links)
        self.recall(memories or {})

    def decode(self, message: Message) -> Outcomes:
        route = self._routes.get(message.topic) or self._route(message.topic)
        if route.family == NATIVE:
            return decode(message, NATIVE)
        if message.topic.startswith(PUSHED):
            message = message._replace(topic=unpushed(message.topic)[1])
        return self._decode_foreign(message, route)

    def family(self, topic: str) -> str:
        """Empty where no filter matches."""
        return (self._routes.get(topic) or self._route(topic)).family or ""

    def set_links(self, links: Iterable[DeviceLink]) -> None:
        """People changed them."""
        found: dict[LinkScope, dict[str, DeviceLink]] = {scope: {} for scope in LinkScope}
        for link in links:
            found[link.scope][link.key] = link
        self._devices, self._gateways = found[LinkScope.DEVICE], found[LinkScope.GATEWAY]
        by_topic = [
            TopicLink(filter=link.key, family=link.family, context={**link.context, **link.secret})
            for link in found[LinkScope.TOPIC].values()
            if link.family
        ]
        self._linked = TopicMap(by_topic, families=()) if by_topic else None
        self._routes.clear()
        self.announcements += 1

    def filters(self) -> tuple[str, ...]:
        """What is to be subscribed besides the native topics; grows with what devices announce."""
        linked = self._linked.filters() if self._linked else ()
        announced = [topic for topic in self._registrations if self._topics.route(topic).family is None]
        return tuple(dict.fromkeys((*self._topics.filters(), *linked, *announced)))

    def fast_filters(self) -> tuple[str, ...]:
        """Of links that people made for topics of fire and door devices."""
        return self._linked.fast_filters() if self._linked else ()

    def recall(self, memories: Mapping[Memory, Any]) -> None:
        """What another process learnt; announcements that are no longer there are forgotten."""
        self._announced.clear()
        for (kind, key), value in memories.items():
            self._recall(kind, key, value)
        self._register()
        self._routes.clear()

    def topics_of(self, device_id: str) -> tuple[str, ...]:
        """State topics that a device announced."""
        return tuple(topic for topic, told in self._registrations.items() if any(one.get("device_id") == device_id for one in told))

    def take_memories(self) -> dict[Memory, Any]:
        """What changed since the last call; None is to be forgotten."""
        taken, self._memories = self._memories, {}
        return taken

    def take_requests(self) -> list[RebirthRequest]:
        taken, self._rebirths = self._rebirths, []
        return taken

    def take_lost(self, now_ms: int) -> list[tuple[Message, Rejected]]:
        """Beginnings of frames whose rest never came."""
        if self._tails:
            for topic in [topic for topic, tail in self._tails.items() if now_ms - tail.received_ms > TAIL_WITHIN_MS]:
                self._drop_tail(topic)
        taken, self._lost = self._lost, []
        return taken

    def forget_news(self, now_ms: int) -> None:
        """For a listener beside ingest, which alone stores memories and asks for births."""
        self.take_memories()
        self.take_requests()
        self.take_lost(now_ms)

    def _route(self, topic: str) -> Route:
        route = (
            self._linked.route(topic) if self._linked and self._linked.route(topic).family not in (None, NATIVE) else None
        ) or (self._topics.route(topic))
        if route.family is None and topic in self._registrations:
            route = Route(_HA_FAMILY)
        if len(self._routes) >= _MOST_REMEMBERED:
            self._routes.clear()
        self._routes[topic] = route
        return route

    def _decode_foreign(self, message: Message, route: Route) -> Outcomes:
        family = route.family or ""
        context = self._context(message, route)
        if family in FRAMED:
            return self._decode_framed(message, family, context, route)
        outcomes = self._told_apart(message, family, context, decode(message, route.family, context))
        if family == _SPARKPLUG_FAMILY:
            self._follow_sparkplug(message, outcomes)
        elif family == _HA_FAMILY:
            self._follow_discovery(message, outcomes)
        return outcomes

    def _context(self, message: Message, route: Route) -> Mapping[str, Any]:
        """The gateway's word before the topic's; then what earlier messages told."""
        context = route.context
        gateway = self._gateways.get(route.gateway_id or "")
        if gateway is not None:
            context = {**context, **gateway.context, **gateway.secret}
        if route.family == _SPARKPLUG_FAMILY:
            return {**context, _SPARKPLUG: self._sparkplug}
        if route.family == _HA_FAMILY and message.topic in self._registrations:
            return {**context, "registrations": self._registrations}
        if route.family == _MODBUS_FAMILY and message.topic in self._requests and "request" not in context:
            return {**context, "request": self._requests[message.topic]}
        return context

    def _told_apart(self, message: Message, family: str, context: Mapping[str, Any], outcomes: Outcomes) -> Outcomes:
        """Once more for devices of which people told more than the message does: keys, codecs, models."""
        if not self._devices or not any(outcome.device_id in self._devices for outcome in outcomes):
            return outcomes
        found: list[Decoded | Rejected] = []
        again: set[str] = set()
        for outcome in outcomes:
            link = self._devices.get(outcome.device_id or "")
            if link is None:
                found.append(outcome)
            elif link.key not in again:
                again.add(link.key)
                told = decode(message, link.family or family, {**context, **link.context, **link.secret})
                found += [one for one in told if one.device_id == link.key] or [outcome]
        return found

    # Frames in two parts

    def _decode_framed(self, message: Message, family: str, context: Mapping[str, Any], route: Route) -> Outcomes:
        tail = self._tails.get(message.topic)
        if tail is not None:
            self._forget_tail(message.topic)
            if message.received_ms - tail.received_ms <= TAIL_WITHIN_MS:
                joined = message._replace(payload=tail.data + message.payload)
                outcomes = self._whole(joined, family, context)
                useful, alone = _useful(outcomes), _useful(decode(message, family, context))
                if useful >= alone and (useful or joined.topic in self._tails):
                    return self._followed(message.topic, family, outcomes, route)
                self._forget_tail(message.topic)
            self._lose(message.topic, tail)
        return self._followed(message.topic, family, self._whole(message, family, context), route)

    def _whole(self, message: Message, family: str, context: Mapping[str, Any]) -> Outcomes:
        """What is complete; the beginning of a frame at the end is kept for the next message of this topic."""
        start = FRAMED[family](message.payload)
        rest = message.payload[start:] if start is not None else b""
        if not rest or len(rest) > _LONGEST_TAIL:
            return self._told_apart(message, family, context, decode(message, family, context))
        self._keep_tail(message.topic, _Tail(rest, message.received_ms))
        complete = message._replace(payload=message.payload[:start])
        if not complete.payload:
            return ()
        outcomes = self._told_apart(complete, family, context, decode(complete, family, context))
        return outcomes if _useful(outcomes) else ()  # noise before a frame is nobody's message

    def _followed(self, topic: str, family: str, outcomes: Outcomes, route: Route) -> Outcomes:
        if family == _MODBUS_FAMILY:
            request = modbus_rtu.last_request(outcomes)
            if request and self._requests.get(topic) != request:
                self._requests[topic] = self._memories[_REQUEST, topic] = request
        if route.gateway_id is None:
            return outcomes
        return [_through(outcome, route.gateway_id) for outcome in outcomes]

    def _keep_tail(self, topic: str, tail: _Tail) -> None:
        if len(self._tails) >= _MOST_TAILS:
            self._drop_tail(next(iter(self._tails)))
        self._tails[topic] = tail
        self._memories[_TAIL, topic] = {"data": tail.data.hex(), "received_ms": tail.received_ms}

    def _forget_tail(self, topic: str) -> None:
        if self._tails.pop(topic, None) is not None:
            self._memories[_TAIL, topic] = None

    def _drop_tail(self, topic: str) -> None:
        tail = self._tails[topic]
        self._forget_tail(topic)
        self._lose(topic, tail)

    def _lose(self, topic: str, tail: _Tail) -> None:
        self.half_frames_lost += 1
        reason = f"a frame breaks off and its rest did not come within {TAIL_WITHIN_MS // 1000} s"
        self._lost.append((Message(tail.received_ms, topic, tail.data), Rejected(reason)))

    # Sparkplug

    def _follow_sparkplug(self, message: Message, outcomes: Outcomes) -> None:
        before = self._sparkplug
        self._sparkplug = after = sparkplug.remembered(message, before)
        for device_id, known in after.items():
            if known is not before.get(device_id) and known.get("aliases") is not before.get(device_id, {}).get("aliases"):
                self._memories[_SPARKPLUG, device_id] = {"aliases": {str(k): list(v) for k, v in known["aliases"].items()}}
        node = sparkplug.needs_rebirth(message, outcomes)
        if node and message.received_ms - self._asked_ms.get(node, -REBIRTH_EVERY_MS) >= REBIRTH_EVERY_MS and not message.retained:
            self._asked_ms[node] = message.received_ms
            self._rebirths.append(RebirthRequest(*sparkplug.rebirth(node, message.received_ms)))

    # Home Assistant discovery

    def _follow_discovery(self, message: Message, outcomes: Outcomes) -> None:
        if not message.topic.endswith("/config"):
            return
        told = ha_discovery.registrations(outcomes)
        if told == self._announced.get(message.topic, []):
            return
        if told:
            self._announced[message.topic] = told
        else:
            self._announced.pop(message.topic, None)
        self._memories[_HA, message.topic] = told or None
        self._register()
        self._routes.clear()

    def _register(self) -> None:
        self.announcements += 1
        self._registrations = {}
        for told in self._announced.values():
            for one in told:
                self._registrations.setdefault(str(one["state_topic"]), []).append(one)

    def _recall(self, kind: str, key: str, value: Any) -> None:  # noqa: ANN401 - JSON
        if kind == _SPARKPLUG:
            self._sparkplug[key] = {
                "aliases": {int(alias): (name, datatype) for alias, (name, datatype) in value["aliases"].items()}
            }
        elif kind == _HA:
            self._announced[key] = value
        elif kind == _REQUEST:
            self._requests[key] = value
        elif kind == _TAIL:
            self._tails[key] = _Tail(bytes.fromhex(value["data"]), value["received_ms"])


def _useful(outcomes: Outcome) -> int:
    listed = (outcomes,) if isinstance(outcomes, Decoded | Rejected) else outcomes
    return sum(isinstance(outcome, Decoded) for outcome in listed)


def _through(outcome: Decoded | Rejected, gateway_id: str) -> Decoded | Rejected:
    if isinstance(outcome, Decoded) and outcome.gateway_id is None:
        return Decoded(
            outcome.device_id, outcome.samples, outcome.happenings, outcome.online, outcome.refused, gateway_id=gateway_id
        )
    return outcome
