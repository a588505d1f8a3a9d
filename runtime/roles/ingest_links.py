"""What the ingest role learns besides readings: which topics to listen to, what to ask of devices, whom to adopt."""

import logging
import queue
from collections.abc import Sequence

from devices.adoption import adopted
from devices.errors import BadInput, DependencyFailed
from devices.model import Device
from ingest.live import LiveDecoder, RebirthRequest
from ingest.mqtt import MqttSource
from runtime.settings import Settings
from runtime.topics import adopt_rule, topic_map
from storage.health_store import HealthStore
from storage.link_store import LinkStore
from storage.registry_store import RegistryStore

_LOG = logging.getLogger(__name__)
_SUBSCRIBED = ("subscribed", "ingest")


class Subscriber:
    """Between the drainer's thread, which learns, and the connection's, which alone may touch the socket."""

    def __init__(self) -> None:
        self._wanted: tuple[str, ...] = ()
        self._done: tuple[str, ...] = ()
        self._unwanted: tuple[str, ...] = ()
        self.requests: queue.SimpleQueue[RebirthRequest] = queue.SimpleQueue()

    def want(self, filters: Sequence[str], *, no_longer: Sequence[str] = ()) -> None:
        self._unwanted = tuple({*self._unwanted, *no_longer} - set(filters))
        self._wanted = tuple(filters)

    def attend(self, source: MqttSource) -> None:
        """To be called by the connection's thread, again and again."""
        wanted = self._wanted
        if wanted is not self._done:
            source.also(wanted)
            self._done = wanted
        unwanted = self._unwanted
        if unwanted and source.drop(unwanted) and self._unwanted is unwanted:
            self._unwanted = ()
        while not self.requests.empty():
            asked = self.requests.get_nowait()
            _LOG.info("asking for births topic=%s", asked.topic)
            source.publish(asked.topic, asked.payload)


class Links:
    """The live decoder with what the database knows of it. `store` None: settings only."""

    def __init__(self, settings: Settings, store: LinkStore | None, subscriber: Subscriber) -> None:
        self._store = store
        self._subscriber = subscriber
        self._revision = store.revision() if store else 0
        memories = store.memories() if store else {}
        self.live = LiveDecoder(topic_map(settings), links=store.load() if store else (), memories=memories)
        self._filters: tuple[str, ...] = ()
        self._followed = -1
        self._before: tuple[str, ...] = tuple(memories.get(_SUBSCRIBED, ()))
        self.follow()

    def follow(self) -> None:
        """After each batch: what devices announced, and what is to be asked of them."""
        for asked in self.live.take_requests():
            self._subscriber.requests.put(asked)
        if self.live.announcements == self._followed:
            return
        self._followed = self.live.announcements
        filters = self.live.filters()
        if filters != self._filters:
            gone = [topic for topic in {*self._before, *self._filters} if topic not in filters]
            self._filters = self._before = filters
            self._subscriber.want(filters, no_longer=gone)
            self._remember(filters)

    def reload(self) -> bool:
        """Where people changed a link."""
        if self._store is None:
            return True
        revision = self._store.revision()
        if revision != self._revision:
            self.live.set_links(self._store.load())
            self._revision = revision
            _LOG.info("links reloaded revision=%s", revision)
            self.follow()
        return True

    def _remember(self, filters: Sequence[str]) -> None:
        """The broker keeps our subscriptions: a later start has to know which of them to take back."""
        if self._store is not None:
            try:
                self._store.remember({_SUBSCRIBED: list(filters)})
            except DependencyFailed as failure:
                _LOG.warning("subscribed topics not noted: %s", failure)


class AdoptingRules:
    """`[[ingest.adopt]]`: strangers that match become devices."""

    def __init__(self, settings: Settings, registry: RegistryStore, health: object) -> None:
        self._rules = [(told.after_s, adopt_rule(told)) for told in settings.ingest.adopt]
        self._registry = registry
        self._health = health if isinstance(health, HealthStore) else None
        self._refused: set[str] = set()

    def apply(self, now_ms: int) -> int:
        """How many were adopted. A rule whose space does not exist is told once."""
        if not self._rules or self._health is None:
            return 0
        count = 0
        for stranger in self._health.discovered():
            waited_s = (now_ms - stranger.first_seen_ms) / 1000
            device = next(
                (made for after_s, rule in self._rules if waited_s >= after_s and (made := adopted(stranger, rule))), None
            )
            count += device is not None and self._adopt(device, self._health)
        return count

    def _adopt(self, device: Device, health: HealthStore) -> bool:
        try:
            if device.id not in self._registry.load().devices:
                self._registry.save([], [device])
        except BadInput as wrong:
            if device.space_id not in self._refused:
                self._refused.add(device.space_id)
                _LOG.error("cannot adopt %s: %s; correct space in [[ingest.adopt]]", device.id, wrong)
            return False
        health.forget(device.id)
        _LOG.info("adopted by rule device=%s profile=%s space=%s", device.id, device.profile_id, device.space_id)
        return True
