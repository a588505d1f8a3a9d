"""MQTT in: QoS 1, a session that the broker keeps for us, and an acknowledgement only for what the spool holds.

paho speaks the protocol (connecting, TLS, keep-alive, subscribing); we replace how it reads, since one packet at a time
costs more than all the rest of ingest. tests/ingest/test_ingest_mqtt.py holds paho to what we lean on.
"""

import logging
import random
import select
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from devices.errors import DependencyFailed
from ingest.arrivals import Arrivals
from ingest.intake import Intake
from ingest.message import Message
from ingest.packets import acknowledgements, split
from ingest.repeats import Tail

_LOG = logging.getLogger(__name__)

NATIVE_TOPICS = ("caretaker/v1/+/+/telemetry", "caretaker/v1/+/+/event", "caretaker/v1/+/+/status")

_READ_BYTES = 1 << 17
_PUBACK = 0x40
_KEEPALIVE_S = 30
_CONNECT_WITHIN_S = 3.0
_GATHER_S = 0.002
_TOPICS_AT_ONCE = 200
_FIRST_DELAY_S, _LONGEST_DELAY_S = 0.5, 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """`client_id` names the session that the broker keeps while we are away: never two processes with one.

    `tls`: None speaks in the clear. `session_expiry_s` and `receive_maximum` (how many may be on their way) are MQTT 5's.
    """

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None
    version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv311
    session_expiry_s: int = 604_800
    receive_maximum: int = 1_000


def session_properties(session_expiry_s: int, receive_maximum: int) -> Properties:
    """What an MQTT 5 CONNECT says so that the broker keeps the session; 3.1.1 has a flag for it and sets no limit."""
    made = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    made.SessionExpiryInterval = session_expiry_s
    made.ReceiveMaximum = receive_maximum
    return made


class Clock(Protocol):
    """`epoch_ms`: milliseconds UTC, stamped on messages. `steady_s`: seconds that never jump, for waiting."""

    def epoch_ms(self) -> int: ...
    def steady_s(self) -> float: ...


class MqttSource:
    """One connection, driven by calling `turn` in a loop from one thread. `refusal`: why the spool takes nothing, while it does."""

    def __init__(
        self, endpoint: Endpoint, intake: Intake, *, clock: Clock, topics: Sequence[str] = NATIVE_TOPICS, tail: Tail | None = None
    ) -> None:
        """`tail`: what the spool holds at its end, so that the broker's repetitions are known for what they are."""
        self._endpoint = endpoint
        self._intake = intake
        self._clock = clock
        self._topics = tuple(topics)
        self._asked: dict[int, tuple[str, ...]] = {}
        self._failures = 0
        self.connected = False
        self.subscribed = False
        self.received = 0
        self.connects = 0
        self.refusal: str | None = None
        self._arrivals = Arrivals()
        self._tail = tail if tail is not None else Tail()
        self._client = _PublishReader(endpoint, clock.epoch_ms, self._take)
        self._client.connect_timeout = _CONNECT_WITHIN_S
        self._client.username_pw_set(endpoint.username, endpoint.password)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe

    def connect(self) -> float:
        """Tries once. Returns 0, or the seconds to wait before trying again (longer each time, with jitter)."""
        self._client.forget()
        try:
            self._client.open(self._endpoint)
        except ssl.SSLCertVerificationError as error:
            return self._delay(f"its certificate is not trusted ({error.verify_message}); set mqtt.ca_file")
        except OSError as error:
            return self._delay(str(error))
        return 0.0

    def also(self, topics: Sequence[str]) -> None:
        """From now on these filters as well."""
        new = tuple(dict.fromkeys(topic for topic in topics if topic not in self._topics))
        self._topics += new
        if new and self.connected:
            self._ask(self._client, new)

    def drop(self, topics: Sequence[str]) -> bool:
        """No longer these: the broker keeps subscriptions with our session. False where we are not connected."""
        if not self.connected:
            return False
        self._topics = tuple(topic for topic in self._topics if topic not in topics)
        if topics:
            self._client.unsubscribe(list(topics))
        return True

    def publish(self, topic: str, payload: bytes) -> None:
        """QoS 0: what may be lost, because it is said again."""
        if self.connected:
            self._client.publish(topic, payload, qos=0)

    def turn(self, max_wait_s: float) -> bool:
        """Reads what is there, commits what is due, acknowledges what is durable. False once the connection is lost."""
        due_in_s = self._intake.due_in_s(self._clock.steady_s())
        if due_in_s is None:
            alive = self._exchange(max_wait_s)
        elif self._intake.full:
            alive = self._hold(due_in_s, max_wait_s)
        else:
            # Sleeping gathers a group; waiting on the socket would wake us, and the broker, for every packet.
            time.sleep(min(due_in_s, _GATHER_S))
            alive = self._exchange(0)
        if alive and self._intake.due_in_s(self._clock.steady_s()) == 0:
            alive = self._commit()
        if not alive:
            self._lost()
        return alive

    def close(self) -> None:
        """Commits and acknowledges the last group; the broker keeps the session."""
        if self.connected and self._intake.due_in_s(self._clock.steady_s()) is not None:
            self._commit()
        self._client.disconnect()
        self.connected = False

    def lost_delay_s(self) -> float:
        return self._delay("connection lost")

    def _exchange(self, wait_s: float) -> bool:
        socket = self._client.socket()
        if socket is None:
            return False
        writing = [socket] if self._client.want_write() else []
        readable, writable, _ = select.select([socket], writing, [], wait_s)
        if readable and self._client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return False
        if writable and self._client.loop_write() != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return False
        return self._client.loop_misc() == MQTTErrorCode.MQTT_ERR_SUCCESS and self._client.socket() is not None

    def _hold(self, due_in_s: float, max_wait_s: float) -> bool:
        """Our memory is full and the spool refuses: leave the rest with the broker."""
        time.sleep(min(due_in_s, max_wait_s))
        return self._client.loop_misc() == MQTTErrorCode.MQTT_ERR_SUCCESS

    def _take(self, messages: list[Message], packet_ids: list[int], repeated: list[int]) -> None:
        self.received += len(messages)
        self._arrivals.tell_apart(messages)
        if repeated:
            self._tail.restore(messages, repeated)
        self._intake.add(messages, packet_ids, self._clock.steady_s())

    def _commit(self) -> bool:
        durable = self._intake.commit(self._clock.steady_s())
        if isinstance(durable, DependencyFailed):
            if self.refusal is None:
                _LOG.error("acknowledging stops, the broker keeps what comes: %s", durable)
            self.refusal = str(durable)
            return True
        if self.refusal is not None:
            _LOG.warning("acknowledging goes on")
        self.refusal = None
        return self._client.acknowledge(durable)

    def _lost(self) -> None:
        self._intake.forget()
        if self.connected:
            self.connected = False
            _LOG.warning("broker connection lost host=%s port=%s", self._endpoint.host, self._endpoint.port)

    def _delay(self, why: str) -> float:
        self._failures += 1
        delay_s: float = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2.0 ** min(self._failures - 1, 10)) * random.uniform(0.5, 1.0)
        if self._failures == 1:
            _LOG.warning("broker not reached host=%s port=%s: %s; trying again", self._endpoint.host, self._endpoint.port, why)
        return delay_s

    def _on_connect(self, client: paho.Client, _: object, flags: paho.ConnectFlags, reason: ReasonCode, *__: object) -> None:
        if reason.is_failure:
            _LOG.error("broker refuses us user=%s: %s; check the password", self._endpoint.username, reason)
            return
        self.connected = True
        self.connects += 1
        self._failures = 0
        _LOG.info("broker connected, session present=%s", flags.session_present)
        if not flags.session_present:
            self._tail.forget()
        # Subscribing anew makes the broker repeat its retained messages, so it is done only where it may change something.
        if not (flags.session_present and self.subscribed):
            self._ask(client, self._topics)

    def _ask(self, client: paho.Client, topics: Sequence[str]) -> None:
        for start in range(0, len(topics), _TOPICS_AT_ONCE):
            asked = tuple(topics[start : start + _TOPICS_AT_ONCE])
            _, mid = client.subscribe([(topic, 1) for topic in asked])
            if mid is not None:
                self._asked[mid] = asked

    def _on_disconnect(self, *_: object) -> None:
        self._client.forget()

    def _on_subscribe(self, _client: paho.Client, _data: object, mid: int, reasons: list[ReasonCode], *__: object) -> None:
        asked = self._asked.pop(mid, ())
        refused = [topic for topic, reason in zip(asked, reasons, strict=False) if reason.is_failure]
        if refused:
            _LOG.error("broker refuses to subscribe %s to %s; allow it in its access list", self._endpoint.username, refused)
        self.subscribed = True


_Take = Callable[[list[Message], list[int], list[int]], None]
"""Messages, their packet ids, and the indexes of those that were sent before."""


class _PublishReader(paho.Client):
    """paho whose reading takes whole buffers; packets other than PUBLISH are fed to paho's own parser."""

    def __init__(self, endpoint: Endpoint, epoch_ms: Callable[[], int], take: _Take) -> None:
        self._is_5 = endpoint.version is MQTTProtocolVersion.MQTTv5
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=endpoint.client_id,
            clean_session=None if self._is_5 else False,
            protocol=endpoint.version,
            manual_ack=True,
        )
        if endpoint.tls is not None:
            self.tls_set_context(endpoint.tls)
        self._epoch_ms = epoch_ms
        self._take = take
        self._rest = b""
        self._fed = b""
        self._aliases: dict[int, str] | None = None

    def open(self, endpoint: Endpoint) -> None:
        """Connects, and shakes hands where TLS is wanted. Raises OSError."""
        if self._is_5:
            told = session_properties(endpoint.session_expiry_s, endpoint.receive_maximum)
            self.connect(endpoint.host, endpoint.port, keepalive=_KEEPALIVE_S, clean_start=False, properties=told)
        else:
            self.connect(endpoint.host, endpoint.port, keepalive=_KEEPALIVE_S)

    def forget(self) -> None:
        """A new connection starts with a new packet."""
        self._rest = self._fed = b""
        self._aliases = {} if self._is_5 else None

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:  # noqa: ARG002 - paho's signature
        try:
            chunk = self._read_all()
        except BlockingIOError:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        except OSError:
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        if not chunk:
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        try:
            packets = split(self._rest + chunk if self._rest else chunk, self._epoch_ms(), self._aliases)
        except ValueError as error:
            _LOG.error("broker sends what is not MQTT: %s", error)
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_PROTOCOL)
        self._rest = packets.rest
        with self._msgtime_mutex:
            self._last_bytes_received = paho.time_func()
        if packets.messages:
            self._take(packets.messages, packets.packet_ids, packets.repeated)
        return self._feed(packets.others)

    def _read_all(self) -> bytes:
        """What one read brings; of TLS also what is decrypted already, for which no socket would wake us."""
        chunk = super()._sock_recv(_READ_BYTES)
        connected = self.socket()
        while chunk and isinstance(connected, ssl.SSLSocket) and connected.pending():
            chunk += super()._sock_recv(_READ_BYTES)
        return chunk

    def acknowledge(self, packet_ids: list[int]) -> bool:
        """One send for all; False where the connection is gone."""
        joined = acknowledgements(packet_ids)
        if not joined:
            return True
        return self._packet_queue(_PUBACK, joined, 0, 1) == MQTTErrorCode.MQTT_ERR_SUCCESS

    def _feed(self, packets: list[bytes]) -> MQTTErrorCode:
        for packet in packets:
            self._fed = packet
            result = self._packet_read()
            if result != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return self._loop_rc_handle(result)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _sock_recv(self, bufsize: int) -> bytes:
        taken, self._fed = self._fed[:bufsize], self._fed[bufsize:]
        if not taken:
            raise BlockingIOError
        return taken
