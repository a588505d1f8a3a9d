"""Sends commands to devices and hears their answers: a thread of the api role with a connection of its own.

What it does lies in the database before it leaves, so a restart neither forgets a command nor sends one twice.
"""

import logging
import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import paho.mqtt.client as paho

from devices import command as machine
from devices.command import Command, CommandState
from devices.errors import BadInput, CaretakerError, Conflict, DependencyFailed, IllegalTransition, NotFound
from devices.registry import Registry
from ingest.families.native import device_of
from ingest.outgoing import answers, outgoing, shown_by
from runtime import mqtt
from runtime.settings import Settings
from storage.audit_store import AuditStore
from storage.command_store import CommandStore
from storage.database import Database
from storage.reading_store import ReadingStore
from storage.registry_store import RegistryStore

_LOG = logging.getLogger(__name__)
_ACTOR = "caretaker"
_LOOK_EVERY_S = 1.0
_RETRY_S = 5.0
_HEARD_MAX = 10_000
"""Answers that may wait while the database is away."""


class Result(msgspec.Struct):
    """A device's answer: the command's id, whether it was done, and in its own words what happened."""

    id: Annotated[int, msgspec.Meta(ge=1, le=(1 << 63) - 1)]
    ok: bool
    detail: str = ""


class Commander:
    """`start` after the database is ready; `wake` and `announce` from any thread."""

    def __init__(self, settings: Settings, database: Database, readings: ReadingStore) -> None:
        self._settings, self._readings = settings, readings
        self._commands, self._audit, self._registries = CommandStore(database), AuditStore(database), RegistryStore(database)
        self._results = f"caretaker/v1/{settings.site.id}/+/command/result"
        self._client = mqtt.client(settings, "api", client_id=f"caretaker-commander-{settings.site.id}")
        self._client.on_connect = self._subscribe
        self._client.on_message = self._hear
        self._heard: list[tuple[str, Result]] = []
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._stopping = False
        self._registry: tuple[int, Registry] | None = None
        self._thread = threading.Thread(target=self._run, name="commander", daemon=True)

    def start(self) -> None:
        mqtt.start(self._settings, self._client)
        self._thread.start()

    def wake(self) -> None:
        self._woken.set()

    def announce(self, topic: str, payload: bytes) -> None:
        """What came by HTTP from a fire or door device, for the alarm lane; ingest has it from the mailbox."""
        self._client.publish(topic, payload, qos=0)

    def stop(self) -> None:
        self._stopping = True
        self.wake()
        if self._thread.is_alive():
            self._thread.join(3.0)
        mqtt.stop(self._client)

    def _run(self) -> None:
        while not self._stopping:
            wait_s = _LOOK_EVERY_S
            try:
                self.tick(datetime.now(UTC))
            except DependencyFailed as failure:
                _LOG.warning("commands wait: %s", failure)
                wait_s = _RETRY_S
            except Exception:  # noqa: BLE001 - the task's border: what is wrong with one look must not end all
                _LOG.exception("a command could not be looked at")
                wait_s = _RETRY_S
            self._woken.wait(wait_s)
            self._woken.clear()

    def tick(self, now: datetime) -> None:
        """Answers first, then every open command: expired, to be sent, or shown to be done by a reading."""
        with self._lock:
            heard, self._heard = self._heard, []
        for place, (device_id, result) in enumerate(heard):
            try:
                self._answered(device_id, result, now)
            except DependencyFailed:
                with self._lock:
                    self._heard = heard[place:] + self._heard
                raise
        for command in self._commands.open():
            with suppress(Conflict):  # somebody cancelled it this moment; the next look sees what is
                self._look_at(command, now)

    def _look_at(self, command: Command, now: datetime) -> None:
        if now >= command.expires_at:
            self._store(machine.time_out(command, now=now), "command.time_out", now)
        elif command.state is CommandState.CONFIRMED and self._client.is_connected():
            self._send(command, now)
        elif command.state is CommandState.SENT:
            self._look_for_sign(command, now)

    def _send(self, command: Command, now: datetime) -> None:
        try:
            message = outgoing(command, self._devices().devices[command.device_id], self._settings.site.id)
        except (BadInput, KeyError) as error:  # KeyError: its device left the registry
            refused = machine.answer(
                machine.send(command, now=now), by=command.device_id, done=False, outcome=f"not sent: {error}", now=now
            )
            self._store(refused, "command.refused", now)
            return
        self._store(machine.send(command, now=now), "command.sent", now)
        self._client.publish(message.topic, message.payload, qos=message.qos, retain=False)
        _LOG.info("command sent id=%s device=%s name=%s", command.id, command.device_id, command.name)

    def _look_for_sign(self, command: Command, now: datetime) -> None:
        """Devices that tell no result show it in their readings."""
        device = self._devices().devices.get(command.device_id)
        if device is None or answers(device) or command.sent_at is None:
            return
        sign = shown_by(command, device)
        for reading in self._readings.latest([device.id], [sign[0]]):
            if reading.ts_ms >= command.sent_at.timestamp() * 1000 and reading.value == sign[1]:
                outcome = f"{sign[0]} reads {reading.value:g}"
                self._store(machine.answer(command, by=device.id, done=True, outcome=outcome, now=now), "command.acknowledged", now)

    def _answered(self, device_id: str, result: Result, now: datetime) -> None:
        try:
            command = self._commands.get(result.id)
            moved = machine.answer(command, by=device_id, done=result.ok, outcome=result.detail[:500].replace("\0", ""), now=now)
            self._store(moved, f"command.{moved.state.value}", now)
        except (NotFound, IllegalTransition, Conflict) as error:
            _LOG.warning("an answer to a command is of no use device=%s id=%s: %s", device_id, result.id, error)

    def _store(self, moved: Command, action: str, now: datetime) -> None:
        stored = self._commands.update(moved)
        self._audit.append(now, _ACTOR, action, f"{stored.id} {stored.device_id}", stored.outcome or stored.name.value)

    def _devices(self) -> Registry:
        revision = self._registries.revision()
        if self._registry is None or self._registry[0] != revision:
            self._registry = (revision, self._registries.load())
        return self._registry[1]

    def _subscribe(self, client: paho.Client, *_: object) -> None:
        client.subscribe(self._results, qos=1)
        self.wake()

    def _hear(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        try:
            result = msgspec.json.decode(message.payload, type=Result)
        except (msgspec.DecodeError, CaretakerError) as error:
            _LOG.warning("an answer on %s cannot be read: %s", message.topic[:200], error)
            return
        if not message.retain:
            with self._lock:
                if len(self._heard) >= _HEARD_MAX:
                    _LOG.warning("too many answers wait for the database; one on %s is left out", message.topic[:200])
                    return
                self._heard.append((device_of(message.topic.split("/")[3]), result))
            self.wake()
