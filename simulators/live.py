"""The campus as it runs: which messages its devices send between one moment and the next. Owns no clock and no socket."""

import json
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np

from devices.model import Device, DeviceKind, Event
from devices.profiles import PROFILES
from simulators.campus import Campus
from simulators.commands import Commanded, obeyed
from simulators.door_scenarios import scenario_events
from simulators.doors import CONTACT, CONTACT_KINDS, fault_events, passage_events, passages
from simulators.gates import gate_events
from simulators.labels import LabelledFault, is_outage
from simulators.live_meters import LiveMeters
from simulators.register_faults import CLOCK_SHIFT_S
from simulators.sensors import ALARM_EVENT, ALARM_METRIC, SILENT_KINDS, alarm_event, door_battery, readings
from simulators.state import SimulatorState
from simulators.timetable import local_day
from simulators.voltage import has_quality, quality_readings

_LOOK_BACK_S = 120
"""After a pause (a laptop that slept) only the events of the last two minutes are sent, not those of the whole night."""
_METERS = (DeviceKind.ELECTRICITY_METER, DeviceKind.WATER_METER)


class Message(NamedTuple):
    """Native MQTT form; QoS 1."""

    topic: str
    payload: bytes
    retain: bool = False


class LiveCampus:
    """Continues from a state; every device sends at its profile's interval, spread over it; what happens is sent at once."""

    def __init__(self, campus: Campus, state: SimulatorState) -> None:
        self._campus = campus
        self._faults = list(state.faults)
        self._meters = {kind: LiveMeters(campus, kind, state) for kind in _METERS}
        self._now_s: float | None = None
        self._due_s: dict[str, float] = {}
        self._open: dict[str, float] = {}
        self._day_events: dict[int, list[Event]] = {}
        self._released = {name for name in state.closed if name.startswith("door-")}
        self._answered: dict[int, bytes] = {}
        self._backlog: dict[str, list[Message]] = {}

    @property
    def faults(self) -> tuple[LabelledFault, ...]:
        return tuple(self._faults)

    def add(self, faults: Iterable[LabelledFault]) -> None:
        """Faults to come. A door's should begin a minute later at the earliest, so that nobody is just walking through."""
        self._faults += faults
        self._day_events.clear()

    def status(self) -> list[Message]:
        """Retained `online` for every device that is not dead; sent once after the simulator has connected."""
        silent = {fault.device_id for fault in self._faults if fault.kind in SILENT_KINDS}
        return [Message(self._topic(d.id, "status"), b"online", retain=True) for d in self._campus.devices if d.id not in silent]

    def step(self, now: datetime) -> list[Message]:
        """All that is sent after the last step until `now`, by time. The first step tells where everything stands."""
        now_s = now.timestamp()
        first, since_s = self._now_s is None, self._now_s if self._now_s is not None else now_s
        for meters in self._meters.values():
            meters.advance(now_s, self._faults)
        if first:
            self._begin(now_s)
        self._now_s = now_s
        sent = [
            message for event in self._events(max(since_s, now_s - _LOOK_BACK_S), now_s) for message in self._event_messages(event)
        ]
        due = dict.fromkeys([*self._changed(since_s, now_s), *self._due(now_s)])
        sent += [message for device_id in due for message in self._telemetry(device_id, now_s)]
        self._faults = [fault for fault in self._faults if fault.end_s > now_s - 120]
        return sent

    def command(self, device_id: str, payload: bytes, now: datetime) -> list[Message]:
        """The device's answer, and what it shows next. A command that comes twice is obeyed once."""
        device = self._campus.registry.devices.get(device_id)
        if device is None or self._active(device_id, now.timestamp(), SILENT_KINDS):
            return []
        heard = obeyed(device, payload, now.timestamp())
        if heard.id in self._answered:
            return [Message(self._topic(device_id, "command/result"), self._answered[heard.id])]
        if heard.ok:
            self._obey(device, heard)
            self._due_s[device_id] = now.timestamp()
        if heard.id is not None:
            self._answered[heard.id] = heard.answer
        return [Message(self._topic(device_id, "command/result"), heard.answer)]

    def _obey(self, device: Device, heard: Commanded) -> None:
        held = self._meters[device.kind].closed if device.kind in self._meters else self._released
        if heard.closes:
            held.add(device.id)
        else:
            held.discard(device.id)

    def state(self) -> SimulatorState:
        """Where the run stands after the last step."""
        assert self._now_s is not None
        registers: dict[str, float] = {}
        frozen: dict[str, Mapping[str, float]] = {}
        for meters in self._meters.values():
            registers |= meters.registers()
            frozen |= meters.frozen
        return SimulatorState(
            site_id=self._campus.site_id,
            seed=self._campus.seed,
            at_ms=round(self._now_s * 1000),
            registers=registers,
            frozen=frozen,
            faults=tuple(fault for fault in self._faults if fault.end_s > self._now_s),
            closed=tuple(sorted(self._released.union(*(meters.closed for meters in self._meters.values())))),
        )

    def _begin(self, now_s: float) -> None:
        """Spreads the devices over their intervals by their names, so that they never all talk at once."""
        for device in self._campus.devices:
            share = zlib.crc32(device.id.encode()) % 1000 / 1000
            self._due_s[device.id] = now_s + share * PROFILES[device.profile_id].interval_s
            if device.kind is DeviceKind.DOOR_CONTROLLER:
                self._open[device.id] = float(any(self._active(device.id, now_s, ("door.forced", "door.held_open"))))

    def _active(self, device_id: str, at_s: float, kinds: Iterable[str]) -> list[LabelledFault]:
        mine = [fault for fault in self._faults if fault.device_id == device_id or (kinds is SILENT_KINDS and is_outage(fault))]
        return [fault for fault in mine if fault.kind in kinds and fault.active(at_s)]

    def _due(self, now_s: float) -> list[str]:
        found = [device_id for device_id, due_s in self._due_s.items() if due_s <= now_s]
        for device_id in found:
            interval_s = PROFILES[self._campus.registry.devices[device_id].profile_id].interval_s
            missed = (now_s - self._due_s[device_id]) // interval_s
            self._due_s[device_id] += (missed + 1) * interval_s
        return found

    def _changed(self, since_s: float, now_s: float) -> list[str]:
        """Detectors that cleared: they do not wait for their turn. Those that trip speak with their event."""
        return [fault.device_id for fault in self._faults if fault.kind in ALARM_METRIC and since_s < fault.end_s <= now_s]

    def _telemetry(self, device_id: str, now_s: float) -> list[Message]:
        if self._active(device_id, now_s, SILENT_KINDS):
            return []
        device = self._campus.registry.devices[device_id]
        ahead_s = CLOCK_SHIFT_S if self._active(device_id, now_s, ("normal.clock_shift",)) else 0
        message = self._message(device_id, "telemetry", now_s + ahead_s, {"readings": self._readings(device, now_s)})
        if self._active(device_id, now_s, ("normal.backlog",)):
            self._backlog.setdefault(device_id, []).append(message)
            return []
        return [*self._backlog.pop(device_id, []), message]

    def _readings(self, device: Device, now_s: float) -> dict[str, float]:
        at_s = np.array([now_s])
        if device.kind in self._meters:
            quality = quality_readings(self._campus, device, at_s, self._faults) if has_quality(device) else {}
            more = {metric: float(values[0]) for metric, values in quality.items()}
            return {**self._meters[device.kind].readings(device.id, now_s), **more}
        if device.kind is DeviceKind.DOOR_CONTROLLER:
            battery = door_battery(self._campus, device, at_s, self._faults)
            locked = float(device.id not in self._released)
            return {"door.open": self._open[device.id], "lock.locked": locked, "battery.level": float(battery[0])}
        return {metric: float(values[0]) for metric, values in readings(self._campus, device, at_s, self._flowing()).items()}

    def _flowing(self) -> list[LabelledFault]:
        """Without the bursts that a closed valve has stopped: the hydrants of the building have their pressure again."""
        closed = self._meters[DeviceKind.WATER_METER].stopped
        return [fault for fault in self._faults if fault.kind != "water.burst" or not closed(fault.device_id)]

    def _event_messages(self, event: Event) -> list[Message]:
        at_s = event.ts_ms / 1000
        if self._active(event.device_id, at_s, SILENT_KINDS):
            return []
        body: dict[str, object] = {"event": event.type} | ({"attributes": dict(event.attributes)} if event.attributes else {})
        sent = [self._message(event.device_id, "event", at_s, body)]
        if event.type in ALARM_EVENT.values():
            return self._telemetry(event.device_id, at_s) + sent  # what it measures first, so that the alarm carries its evidence
        if event.type in CONTACT:
            self._open[event.device_id] = CONTACT[event.type]
            sent.append(self._message(event.device_id, "telemetry", at_s, {"readings": {"door.open": CONTACT[event.type]}}))
        return sent

    def _events(self, since_s: float, now_s: float) -> list[Event]:
        found: list[Event] = []
        for day in range(local_day(since_s), local_day(now_s) + 1):
            events = self._events_of(day)
            times = [event.ts_ms for event in events]
            found += events[bisect_right(times, since_s * 1000) : bisect_right(times, now_s * 1000)]
        return found

    def _events_of(self, day: int) -> list[Event]:
        if day not in self._day_events:
            self._day_events = {known: events for known, events in self._day_events.items() if known >= day - 1}
            doors = [fault for fault in self._faults if fault.device_id.startswith("door-")]
            events = [event for passage in passages(self._campus, day, doors) for event in passage_events(passage)]
            events += gate_events(self._campus, day, self._faults)
            self._day_events[day] = _by_time(
                events + [e for e in _of_faults(self._campus, self._faults) if local_day(e.ts_ms / 1000) == day]
            )
        return self._day_events[day]

    def _message(self, device_id: str, leaf: str, at_s: float, body: Mapping[str, object]) -> Message:
        payload = json.dumps({"ts": round(at_s, 3), **body}, separators=(",", ":"), ensure_ascii=False)
        return Message(self._topic(device_id, leaf), payload.encode())

    def _topic(self, device_id: str, leaf: str) -> str:
        return f"caretaker/v1/{self._campus.site_id}/{device_id}/{leaf}"


def _of_faults(campus: Campus, faults: Sequence[LabelledFault]) -> list[Event]:
    doors = [event for fault in faults if fault.kind in CONTACT_KINDS for event in fault_events(fault)]
    doors += [event for fault in faults for event in scenario_events(campus, fault)]
    return doors + [alarm_event(fault) for fault in faults if fault.kind in ALARM_METRIC]


def _by_time(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda event: (event.ts_ms, event.device_id, event.type))
