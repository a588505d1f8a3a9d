"""The bus between our own processes. It only wakes: the database is the truth, so a lost message costs a second, never a fact."""

from collections.abc import Callable

import msgspec
import paho.mqtt.client as mqtt

from runtime import mqtt as connections
from runtime.settings import Settings

Handler = Callable[[str, int], None]
"""Called with (kind, entity id) on the connection's thread; must return at once."""


class Bus:
    """Publishes and hears `caretaker/v1/<site>/bus/{finding|alert|order}` with `{"id": n}`."""

    def __init__(self, settings: Settings, user: str, handler: Handler | None = None) -> None:
        self._prefix = f"caretaker/v1/{settings.site.id}/bus/"
        self._handler = handler
        self._settings = settings
        self._client = connections.client(settings, user, client_id=f"caretaker-{user}-bus")
        self._client.on_connect = self._subscribe
        self._client.on_message = self._hear

    def start(self) -> None:
        connections.start(self._settings, self._client)

    def publish(self, kind: str, entity_id: int) -> None:
        self._client.publish(self._prefix + kind, b'{"id":%d}' % entity_id, qos=0)

    def connected(self) -> bool:
        return self._client.is_connected()

    def stop(self) -> None:
        connections.stop(self._client)

    def _subscribe(self, client: mqtt.Client, *_: object) -> None:
        if self._handler is not None:
            client.subscribe(self._prefix + "+", qos=0)

    def _hear(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        try:
            entity_id = msgspec.json.decode(message.payload, type=dict[str, int])["id"]
        except (msgspec.DecodeError, KeyError):
            return  # not ours: the bus carries hints only, the next poll finds what there is
        if self._handler is not None:
            self._handler(message.topic.removeprefix(self._prefix), entity_id)
