"""Messages in, what to store out: decode, time, quality, registry, counters. No clock, no socket, no SQL."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

from devices.health import DeviceHealth, DiscoveredDevice
from devices.model import Event, Quality, Reading
from devices.registry import Registry
from ingest import storable
from ingest.dead_letter import DeadLetter
from ingest.decoded import Attribute, Decoded, Happening, Rejected, Sample
from ingest.live import LiveDecoder
from ingest.message import Message
from ingest.quality import FUTURE_LIMIT_MS, OLDEST_MS, Track, clock_is_suspect, judge

_NEW = tuple.__new__  # half the time of the class's own constructor
_LONGEST_ID = 128
_MOST_DEVICES = 200_000
_MOST_METRICS = 2_000
_REPORT_EVERY_MS = 600_000
_SAME_EVENT_MS = 1_000
_CLOCK_SUSPECT, _IMPLAUSIBLE = int(Quality.CLOCK_SUSPECT), int(Quality.IMPLAUSIBLE)
_LATE, _DUPLICATE = int(Quality.LATE), int(Quality.DUPLICATE)
_INTRODUCTIONS = ("device.", "node.", "gateway.info")
_INTRODUCED = ("vendor", "model", "name", "version", "power_source", "mac", "application", "profile")

Latest = Callable[[str], Mapping[str, float]]
"""The newest stored value of each metric of a device: what a broker's memory repeats is told from news by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a group of messages comes to; storing it twice changes nothing."""

    readings: list[Reading] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)


class DeviceState:
    """What the pipeline remembers of one device. A plain object because the hot path lives here."""

    __slots__ = (
        "clock_suspect",
        "device_id",
        "duplicate",
        "family",
        "first_seen_ms",
        "gateway_id",
        "last_event",
        "last_seen_ms",
        "late",
        "online",
        "received",
        "rejected",
        "reported_metrics",
        "reported_ms",
        "stored",
        "told",
        "topic",
        "tracks",
    )

    def __init__(self, device_id: str, message: Message, family: str) -> None:
        self.device_id = device_id
        self.topic = message.topic
        self.family = family
        self.gateway_id: str | None = None
        self.told: dict[str, str] = {}
        self.last_event: tuple[int, str, tuple[str, dict[str, Attribute]] | None] = (0, "", None)
        self.first_seen_ms = self.last_seen_ms = message.received_ms
        self.received = self.stored = self.late = self.rejected = self.duplicate = 0
        self.clock_suspect = False
        self.online: bool | None = None
        self.reported_ms = -_REPORT_EVERY_MS
        self.reported_metrics = 0
        self.tracks: dict[str, Track] = {}


class Pipeline:
    """State over messages: last values per device and metric, counters, who is unknown. One thread uses it."""

    def __init__(self, registry: Registry, *, live: LiveDecoder | None = None, latest: Latest | None = None) -> None:
        self.live = live or LiveDecoder()
        self._latest = latest
        self._states: dict[str, DeviceState] = {}
        self._touched: set[str] = set()
        self._devices = registry.devices
        self.totals = {"messages": 0, "readings": 0, "events": 0, "rejected": 0, "late": 0, "duplicate": 0}

    def adopt(self, registry: Registry) -> None:
        """The registry changed: limits that come from profiles are looked up anew. Strangers have none, and what they have
        sent so far is all that the list of strangers can tell of them."""
        before, self._devices = self._devices, registry.devices
        for state in self._states.values():
            if state.device_id in before or state.device_id in registry.devices:
                state.tracks.clear()

    def process(self, messages: Sequence[Message]) -> Batch:
        batch = Batch()
        decode = self.live.decode
        for message in messages:
            for outcome in decode(message):
                if isinstance(outcome, Decoded):
                    self._accept(outcome, message, batch)
                else:
                    self._refuse(outcome, message, batch)
        for message, lost in self.live.take_lost(messages[-1].received_ms) if messages else ():
            self._refuse(lost, message, batch)
        self.totals["messages"] += len(messages)
        self.totals["readings"] += len(batch.readings)
        self.totals["events"] += len(batch.events)
        self.totals["rejected"] += len(batch.dead_letters)
        return batch

    def take_health(self) -> tuple[list[DeviceHealth], list[DiscoveredDevice]]:
        """What was counted since the last call, per device heard, and those of them that the registry does not know."""
        touched = [state for device_id in self._touched if (state := self._states.get(device_id))]
        self._touched = set()
        strangers = [state for state in touched if state.device_id not in self._devices and _is_news(state)]
        return [_take_health(state) for state in touched], [_discovered(state) for state in strangers]

    def _accept(self, decoded: Decoded, message: Message, batch: Batch) -> None:
        state = self._state(decoded.device_id, message)
        if state is None:
            batch.dead_letters.append(_dead_letter(message, _bad_id(decoded.device_id), None))
            return
        state.received += 1
        state.last_seen_ms = message.received_ms
        state.topic = message.topic
        if decoded.gateway_id is not None:
            state.gateway_id = decoded.gateway_id
        self._touched.add(state.device_id)
        for sample in decoded.samples:
            self._store(state, sample, message, batch)
        for happening in decoded.happenings:
            if happening.type.startswith(_INTRODUCTIONS):
                _introduce(state, happening)
            if happening.ts_ms is not None or _is_new(state, happening, message):
                batch.events.append(_event(state.device_id, happening, message.received_ms))
        if decoded.online is not None:
            self._note_status(state, decoded.online, message, batch)
        if decoded.refused:
            state.rejected += 1
            batch.dead_letters.append(_dead_letter(message, "; ".join(decoded.refused[:10]), state.device_id))

    def _store(self, state: DeviceState, sample: Sample, message: Message, batch: Batch) -> None:
        received_ms = message.received_ms
        ts_ms = sample.ts_ms
        clock = 0
        if ts_ms is None:
            ts_ms = received_ms
            if message.retained:  # the broker repeats a value of unknown age
                clock = _CLOCK_SUSPECT
                sample = self._unrepeated(state, sample)
        elif ts_ms > received_ms + FUTURE_LIMIT_MS or ts_ms < OLDEST_MS:
            self._note_clock(state, ts_ms, received_ms, batch)
            ts_ms, clock = received_ms, _CLOCK_SUSPECT
        elif state.clock_suspect:
            state.clock_suspect = False
        tracks = state.tracks
        for name, value in sample.values.items():
            track = tracks.get(name) or self._track(state, name)
            flags = judge(track, ts_ms, value, received_ms)
            if flags is None:
                state.duplicate += 1
                self.totals["duplicate"] += 1
                continue
            if flags:
                if flags & _IMPLAUSIBLE and not isfinite(value):
                    refused = f"{name[:100]!r} is {value}, which no store keeps"
                    batch.dead_letters.append(_dead_letter(message, refused, state.device_id))
                    state.rejected += 1
                    continue
                self._count_doubts(state, flags)
            batch.readings.append(_NEW(Reading, (state.device_id, track.metric, ts_ms, value, flags | clock)))
            state.stored += 1

    def _unrepeated(self, state: DeviceState, sample: Sample) -> Sample:
        """What differs from the values known: a repetition says nothing new, a change while we were away does."""
        known = {track.metric: track.recent[-1][1] for track in state.tracks.values() if track.recent}
        stored = self._latest(state.device_id) if self._latest is not None and not known else {}
        news = {}
        for name, value in sample.values.items():
            metric = (state.tracks.get(name) or self._track(state, name)).metric
            if known.get(metric, stored.get(metric)) == value:
                state.duplicate += 1
                self.totals["duplicate"] += 1
            else:
                news[name] = value
        return Sample(None, news)

    def _count_doubts(self, state: DeviceState, flags: int) -> None:
        if flags & _LATE:
            state.late += 1
            self.totals["late"] += 1
        if flags & _DUPLICATE:
            state.duplicate += 1
            self.totals["duplicate"] += 1

    def _note_clock(self, state: DeviceState, ts_ms: int, received_ms: int, batch: Batch) -> None:
        """Told once per spell: the server's time stands in from here on."""
        if not state.clock_suspect:
            state.clock_suspect = True
            told = {"device_ts_ms": float(ts_ms), "ahead_s": (ts_ms - received_ms) / 1000}
            batch.events.append(Event(device_id=state.device_id, type="fault.clock", ts_ms=received_ms, attributes=told))

    def _note_status(self, state: DeviceState, online: bool, message: Message, batch: Batch) -> None:  # noqa: FBT001 - the device's word
        before, state.online = state.online, online
        if (
            message.retained
            and before is None
            and self._latest is not None
            and "online" in (stored := self._latest(state.device_id))
        ):
            before = bool(stored["online"])
        if message.retained and before == online:
            return
        state.stored += 1
        batch.readings.append(Reading(state.device_id, "online", message.received_ms, float(online)))
        is_news = before != online if before is not None else not message.retained
        if is_news:
            kind = "device.online" if online else "device.offline"
            batch.events.append(Event(device_id=state.device_id, type=kind, ts_ms=message.received_ms))

    def _refuse(self, rejected: Rejected, message: Message, batch: Batch) -> None:
        state = self._state(rejected.device_id, message) if rejected.device_id else None
        if state is not None:
            state.received += 1
            state.rejected += 1
            state.last_seen_ms = message.received_ms
            self._touched.add(state.device_id)
        batch.dead_letters.append(_dead_letter(message, rejected.reason, state.device_id if state else None))

    def _state(self, device_id: str, message: Message) -> DeviceState | None:
        """None where the id is none that a person could write down."""
        state = self._states.get(device_id)
        if state is not None:
            return state
        if not 0 < len(device_id) <= _LONGEST_ID or not device_id.isprintable():
            return None
        if len(self._states) >= _MOST_DEVICES:
            self._states.pop(next(iter(self._states)))
        state = self._states[device_id] = DeviceState(device_id, message, self.live.family(message.topic))
        return state

    def _track(self, state: DeviceState, name: str) -> Track:
        """By the sender's name and by ours, so that two spellings of one metric share their past."""
        if len(state.tracks) >= _MOST_METRICS:
            state.tracks.clear()
        track = Track(name, self._devices.get(state.device_id))
        track = state.tracks.setdefault(track.metric, track)
        state.tracks[name] = track
        return track


def _take_health(state: DeviceState) -> DeviceHealth:
    health = DeviceHealth(
        device_id=state.device_id,
        last_seen_ms=state.last_seen_ms,
        received=state.received,
        stored=state.stored,
        late=state.late,
        rejected=state.rejected,
        duplicate=state.duplicate,
        topic=storable.text(state.topic),
        family=state.family,
        gateway_id=None if state.gateway_id is None else storable.text(state.gateway_id),
    )
    state.received = state.stored = state.late = state.rejected = state.duplicate = 0
    return health


def _event(device_id: str, happening: Happening, received_ms: int) -> Event:
    """The server's time stands in for a missing or impossible one; what the device said is kept beside it."""
    ts_ms, attributes = happening.ts_ms, storable.attributes(happening.attributes)
    if ts_ms is None:
        ts_ms = received_ms
    elif clock_is_suspect(ts_ms, received_ms):
        attributes["device_ts_ms"] = float(ts_ms)
        ts_ms = received_ms
    return Event(device_id=device_id, type=storable.name(happening.type), ts_ms=ts_ms, attributes=attributes)


def _dead_letter(message: Message, reason: str, device_id: str | None) -> DeadLetter:
    return DeadLetter(
        received_ms=message.received_ms,
        topic=storable.text(message.topic),
        payload=message.payload,
        reason=storable.text(reason),
        device_id=device_id,
    )


def _is_news(state: DeviceState) -> bool:
    return _known_of(state) != state.reported_metrics or state.last_seen_ms - state.reported_ms >= _REPORT_EVERY_MS


def _discovered(state: DeviceState) -> DiscoveredDevice:
    state.reported_ms, state.reported_metrics = state.last_seen_ms, _known_of(state)
    return DiscoveredDevice(
        device_id=state.device_id,
        first_seen_ms=state.first_seen_ms,
        last_seen_ms=state.last_seen_ms,
        topic=storable.text(state.topic),
        family=state.family,
        metrics=tuple(
            sorted({track.metric for track in state.tracks.values()} | ({"online"} if state.online is not None else set()))
        ),
        gateway_id=None if state.gateway_id is None else storable.text(state.gateway_id),
        model=state.told.get("model", ""),
        told=dict(state.told),
    )


def _is_new(state: DeviceState, happening: Happening, message: Message) -> bool:
    """Of an event without a time: the broker's memory is no news, nor is what the device just said on another topic."""
    if message.retained:
        return False
    told = (happening.type, dict(happening.attributes))
    heard_ms, topic, before = state.last_event
    if told == before and topic != message.topic and message.received_ms - heard_ms <= _SAME_EVENT_MS:
        return False
    state.last_event = (message.received_ms, message.topic, told)
    return True


def _known_of(state: DeviceState) -> int:
    """Grows with what there is to report of a stranger."""
    return len(state.tracks) + len(state.told) + (state.gateway_id is not None) + (state.online is not None)


def _introduce(state: DeviceState, happening: Happening) -> None:
    """What a device, or its gateway, says of itself."""
    for name in _INTRODUCED:
        value = happening.attributes.get(name)
        if isinstance(value, str) and value:
            state.told[name] = storable.text(value[:100])


def _bad_id(device_id: str) -> str:
    return f"the device id {device_id[:40]!r} must be 1 to {_LONGEST_ID} printable characters"
