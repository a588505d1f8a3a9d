"""The fast lane's own connection: fire and door topics only, a session that the broker keeps, acknowledged once handled."""

import logging
import queue
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import paho.mqtt.client as mqtt
from paho.mqtt.reasoncodes import ReasonCode

from analytics.residents import Past
from analytics.tuning import Tuning
from ingest.families.native import level_of
from ingest.message import Message
from runtime import mqtt as connections
from runtime.roles.alerts_foreign import Hearing
from runtime.roles.alerts_lane import Moment
from runtime.settings import Settings

_LOG = logging.getLogger(__name__)
_QOS = 1
_TOPICS_AT_ONCE = 200
_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message and what its acknowledgement needs: packet ids are only good on the connection they came on."""

    message: Message
    at: Moment
    packet_id: int
    connection: int


News = Letter | Hearing | Tuning | Past


class Inbox:
    """Hands over messages in the order of arrival, mixed with news of what is to be heard."""

    def __init__(self, settings: Settings, now: Callable[[], Moment]) -> None:
        self._settings = settings
        self._now = now
        self._prefix = f"caretaker/v1/{settings.site.id}"
        self._letters: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._topics: frozenset[str] = frozenset()
        self._connection = 0
        self._client = connections.client(
            settings, "alerts", client_id=f"caretaker-{settings.site.id}-alerts", clean_session=False, manual_ack=True
        )
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._receive

    def start(self, device_ids: Iterable[str], foreign: frozenset[str] = frozenset()) -> None:
        self._topics = self._wanted(device_ids) | foreign
        connections.start(self._settings, self._client)

    def stop(self) -> None:
        connections.stop(self._client)

    def subscribe(self, device_ids: Iterable[str], foreign: frozenset[str] = frozenset()) -> None:
        """From now on these devices' telemetry and those foreign topics; events are subscribed for all."""
        before, self._topics = self._topics, self._wanted(device_ids) | foreign
        if self._client.is_connected():
            self._ask(self._topics - before)
            gone = sorted(before - self._topics)
            if gone:
                self._client.unsubscribe(gone)

    def get(self, wait_s: float) -> list[News]:
        """What has arrived, waiting for the first of it; empty where nothing came in time."""
        arrived: list[News] = []
        try:
            arrived.append(self._letters.get(timeout=wait_s) if wait_s > 0 else self._letters.get_nowait())
            while len(arrived) < _AT_ONCE:
                arrived.append(self._letters.get_nowait())
        except queue.Empty:
            pass
        return arrived

    def put(self, news: Hearing | Tuning | Past) -> None:
        self._letters.put(news)

    def acknowledge(self, letter: Letter) -> None:
        """What came on an earlier connection comes again and is acknowledged then."""
        if letter.packet_id and letter.connection == self._connection:
            self._client.ack(letter.packet_id, _QOS)

    def _wanted(self, device_ids: Iterable[str]) -> frozenset[str]:
        return frozenset(
            {f"{self._prefix}/+/event", *(f"{self._prefix}/{level_of(device_id)}/telemetry" for device_id in device_ids)}
        )

    def _ask(self, topics: Iterable[str]) -> None:
        ordered = sorted(topics)
        for start in range(0, len(ordered), _TOPICS_AT_ONCE):
            self._client.subscribe([(topic, _QOS) for topic in ordered[start : start + _TOPICS_AT_ONCE]])

    def _connected(self, _client: mqtt.Client, _userdata: object, _flags: object, reason: ReasonCode, *_: object) -> None:
        if reason.is_failure:
            _LOG.error("the broker refuses the alerts role: %s; check data_dir/secrets/mqtt-alerts.password", reason)
            return
        self._connection += 1
        _LOG.info("fast lane connected topics=%s", len(self._topics))
        self._ask(self._topics)

    def _disconnected(self, _client: mqtt.Client, _userdata: object, _flags: object, reason: ReasonCode, *_: object) -> None:
        if reason.is_failure:
            _LOG.warning("fast lane lost its broker: %s; connecting again", reason)

    def _receive(self, _client: mqtt.Client, _userdata: object, received: mqtt.MQTTMessage) -> None:
        at = self._now()
        message = Message(at.wall_ms, received.topic, bytes(received.payload), retained=bool(received.retain))
        self._letters.put(
            Letter(message=message, at=at, packet_id=received.mid if received.qos else 0, connection=self._connection)
        )
