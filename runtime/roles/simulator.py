"""The simulator role: steps the simulated campus by the real clock and publishes what its devices send."""

import json
import logging
import threading
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from devices.errors import BadInput
from runtime import mqtt
from runtime.settings import Settings
from simulators import tour as script
from simulators.campus import build_campus
from simulators.labels import LabelledFault, truth_json
from simulators.labels import from_json as fault_from_json
from simulators.live import LiveCampus, Message
from simulators.state import SimulatorState, load_state, save_state

_LOG = logging.getLogger(__name__)
_STEP_S = 0.5
_SAVE_EVERY = timedelta(seconds=15)
_TOUR_AFTER = timedelta(seconds=5)
_WAIT_FOR_BROKER_S = 20.0
_QUEUE = 20_000


def run(settings: Settings, stop: threading.Event, *, state: Path, tour: bool, truth: Path | None) -> None:
    """Until `stop`. Continues from the state file and keeps it up to date. Raises BadInput where state or truth cannot be used."""
    begun = load_state(state)
    if begun.site_id != settings.site.id:
        raise BadInput(
            f"the state is of site {begun.site_id!r}, the settings say {settings.site.id!r}; make a new history", place=str(state)
        )
    link = _Link(settings)
    link.start(stop)
    try:
        _Run(begun, link, state, truth).loop(stop, tour=tour)
    finally:
        link.close()


class _Link:
    """The connection: publishes at QoS 1, reconnects by itself, says once when it is lost and when it is back."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = mqtt.client(settings, "simulator", client_id=f"caretaker-simulator-{settings.site.id}")
        self._client.max_inflight_messages_set(200)
        self._client.max_queued_messages_set(_QUEUE)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._up = threading.Event()
        self._commands: deque[tuple[str, bytes]] = deque(maxlen=1000)
        self._client.on_message = self._heard
        self._refused = False

    def start(self, stop: threading.Event) -> None:
        """Waits a while for the broker; without one the campus starts all the same and its messages queue."""
        mqtt.start(self._settings, self._client)
        for _ in range(round(_WAIT_FOR_BROKER_S / 0.2)):
            if self._up.wait(0.2) or stop.is_set():
                return

    def publish(self, messages: Iterable[Message]) -> None:
        for message in messages:
            sent = self._client.publish(message.topic, message.payload, qos=1, retain=message.retain)
            refused = sent.rc == paho.MQTT_ERR_QUEUE_SIZE
            if refused and not self._refused:
                _LOG.warning("messages are lost: the broker has been away too long queued=%s", _QUEUE)
            self._refused = refused

    def take_commands(self) -> list[tuple[str, bytes]]:
        """(device id, payload) of those that came since the last call."""
        return [self._commands.popleft() for _ in range(len(self._commands))]

    def close(self) -> None:
        self._up.clear()
        mqtt.stop(self._client)

    def _connected(self, _client: paho.Client, _data: object, _flags: object, reason: ReasonCode, _properties: object) -> None:
        if reason.is_failure:
            _LOG.error("the broker refuses the simulator reason=%s", reason)
            return
        _LOG.info("connected to the broker")
        _client.subscribe(f"caretaker/v1/{self._settings.site.id}/+/command", qos=1)
        self._up.set()

    def _heard(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        if not message.retain:
            self._commands.append((message.topic.split("/")[3], bytes(message.payload)))

    def _disconnected(self, _client: paho.Client, _data: object, _flags: object, reason: ReasonCode, _properties: object) -> None:
        if self._up.is_set():
            _LOG.warning("connection to the broker lost reason=%s", reason)
        self._up.clear()


class _Run:
    def __init__(self, begun: SimulatorState, link: _Link, state: Path, truth: Path | None) -> None:
        self._campus = build_campus(begun.seed, begun.site_id)
        self._live = LiveCampus(self._campus, begun)
        self._link, self._state, self._truth = link, state, truth
        self._labels = _read_truth(truth) if truth else []
        self._cycles = 0

    def loop(self, stop: threading.Event, *, tour: bool) -> None:
        began = saved = datetime.now(UTC)
        tour_at = began + _TOUR_AFTER
        if tour:
            self._play(script.opening(self._campus, tour_at))
        self._link.publish(self._live.status())
        while not stop.is_set():
            now = datetime.now(UTC)
            if tour and now >= tour_at + script.CYCLE * (self._cycles + 1):
                self._next_cycle(tour_at, now)
            for device_id, payload in self._link.take_commands():
                self._link.publish(self._live.command(device_id, payload, now))
            self._link.publish(self._live.step(now))
            if now - saved >= _SAVE_EVERY:
                saved = now
                self._save()
            stop.wait(_STEP_S)
        self._save()

    def _next_cycle(self, tour_at: datetime, now: datetime) -> None:
        self._cycles = int((now - tour_at) / script.CYCLE)  # cycles that passed while the machine slept are left out
        self._play(script.cycle(self._campus, tour_at, self._cycles, {fault.device_id for fault in self._live.faults}))

    def _play(self, faults: Iterable[LabelledFault]) -> None:
        busy = {fault.device_id for fault in self._live.faults}  # after a restart the last tour's faults still go on
        played = [fault for fault in faults if fault.device_id not in busy]
        self._live.add(played)
        self._labels += played
        for fault in played:
            _LOG.info("tour kind=%s device=%s start=%s", fault.kind, fault.device_id, fault.start.isoformat())
        if self._truth:
            self._truth.write_text(truth_json(self._labels), encoding="utf-8")

    def _save(self) -> None:
        """A full disk must not stop the campus; the next save tries again."""
        try:
            save_state(self._live.state(), self._state)
        except OSError as error:
            _LOG.warning("cannot save the simulator's state file=%s error=%s", self._state, error)


def _read_truth(path: Path) -> list[LabelledFault]:
    """What is there already, so that labels of a live run are appended."""
    if not path.exists():
        return []
    try:
        return [fault_from_json(row) for row in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"not a truth file ({error!r}); name another with --truth", place=str(path)) from None
