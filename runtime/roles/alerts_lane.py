"""The fast lane without its sockets: a message of a fire or door device in, findings out. No input or output, no clock."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from analytics.calendar import Calendar
from analytics.detectors import battery, door, fire
from analytics.finding import Finding, FindingKind
from analytics.lookout import AS_SHIPPED, ORDINARY, Lookout
from analytics.lookout import METRICS as LOOKOUT_METRICS
from analytics.residents import Past
from analytics.tuning import Tuning
from devices.model import FAST_LANE_KINDS, FIRE_KINDS, Device, DeviceKind, Event, Reading
from devices.registry import Registry
from ingest.decoded import Decoded, Rejected

_LOG = logging.getLogger(__name__)

FRESH_MS = 120_000
"""What is older does not raise a new alarm: a broker's memory, a gateway's backlog."""

CLOCK_BROKEN_MS = 86_400_000
_AHEAD_MS = 5_000  # a fast clock is not followed further: once set right, all it says would look old
_JUMP_MS = 2_000
_REFERENCE_S = 30.0

_DOOR_KINDS = frozenset({FindingKind.DOOR_FORCED, FindingKind.DOOR_HELD_OPEN})
_METRICS = fire.METRICS | door.METRICS | battery.METRICS | LOOKOUT_METRICS


class Said(NamedTuple):
    """`late`: it is over or too old to be news; for the record only, it raises nothing."""

    finding: Finding
    late: bool = False


class Moment(NamedTuple):
    """`wall_ms`: epoch milliseconds UTC; `steady_s`: seconds that never jump."""

    wall_ms: int
    steady_s: float


@dataclass(slots=True)
class _DeviceClock:
    """How far a device's clock is off, learnt from what it sent at least 30 s ago, so that a backlog is not taken for news."""

    reference_ms: int | None = None
    next_ms: int = 0
    next_at_s: float | None = None

    def shift(self, jump_ms: int) -> None:
        """Our own wall clock was set: every age from now on differs by that much."""
        self.next_ms += jump_ms
        if self.reference_ms is not None:
            self.reference_ms += jump_ms

    def is_live(self, age_ms: int, at_s: float, *, retained: bool) -> bool:
        if self.next_at_s is None or at_s - self.next_at_s >= _REFERENCE_S:
            self.reference_ms = None if self.next_at_s is None else self.next_ms
            self.next_ms, self.next_at_s = age_ms, at_s
        if age_ms <= FRESH_MS:  # the future too: its clock is fast, for nothing arrives before it happens
            return True
        if retained:
            return False
        if self.reference_ms is None:
            return age_ms > CLOCK_BROKEN_MS  # never heard before: a clock that far off says nothing, better to alarm
        return abs(age_ms - self.reference_ms) <= FRESH_MS


@dataclass(slots=True)
class _Watched:
    """One device's detectors. `heard_s`: steady time of its last message. `offset_ms`: its clock minus our steady one, None
    until it has spoken."""

    device: Device
    silent_after_s: float
    heard_s: float
    fire_state: fire.FireState = field(default_factory=fire.FireState)
    door_state: door.DoorState = field(default_factory=door.DoorState)
    battery_state: battery.BatteryState = field(default_factory=battery.BatteryState)
    door_params: door.DoorParams = door.DEFAULTS
    battery_params: battery.BatteryParams = battery.DEFAULTS
    clock: _DeviceClock = field(default_factory=_DeviceClock)
    offset_ms: float | None = None
    is_silent: bool = False


def _as_it_is(event: Event) -> Event:
    return event


class FastLane:
    """Holds the detectors' states for every fire and door device of the registry."""

    def __init__(
        self,
        registry: Registry,
        active: Mapping[tuple[FindingKind, str], Finding],
        now: Moment,
        calendar: Calendar = ORDINARY,
        *,
        hide: Callable[[Event], Event] = _as_it_is,
        await_past: bool = False,
    ) -> None:
        """`hide`: takes the names out of an event; `await_past`: `recall` will tell who lives in dormitories."""
        self._hide = hide
        self._watched: dict[str, _Watched] = {}
        self._wall_offset_ms = now.wall_ms - 1000 * now.steady_s
        self._lookout = Lookout(registry, calendar)
        self._tuning = AS_SHIPPED
        self.set_registry(registry, now)
        for (_, device_id), finding in active.items():
            if device_id in self._watched:
                _resume(self._watched[device_id], finding)
                self._lookout.resume(finding)
                for door_id in self._lookout.released(Reading(device_id, "", now.wall_ms, 0.0), [finding]):
                    _turn(self._watched.get(door_id), now, door.release)
        if await_past:
            self._lookout.await_past()

    @property
    def device_ids(self) -> frozenset[str]:
        return frozenset(self._watched)

    def set_registry(self, registry: Registry, now: Moment) -> None:
        """New devices are watched from now on; the states of the others stay."""
        before = self._watched
        self._watched = {}
        self._lookout.set_registry(registry)
        for device in registry.devices.values():
            if device.kind in FAST_LANE_KINDS:
                silent_after_s = registry.profile(device).silent_after_s
                known = before.get(device.id) or _Watched(device=device, silent_after_s=silent_after_s, heard_s=now.steady_s)
                known.device, known.silent_after_s = device, silent_after_s
                self._watched[device.id] = known
        self.set_tuning(self._tuning)

    def set_tuning(self, tuning: Tuning) -> None:
        """The rules of people for doors, cold stores and batteries. No rule reaches what a fire device says."""
        self._tuning = tuning
        self._lookout.set_tuning(tuning)
        for device_id, watched in self._watched.items():
            watched.door_params = tuning.parameters(door.step, device_id)
            watched.battery_params = tuning.parameters(battery.step, device_id)

    def recall(self, past: Past) -> None:
        self._lookout.recall(past.people)

    def take(self, decoded: Decoded | Rejected, now: Moment, *, retained: bool = False) -> list[Said]:
        """What one message tells. A device that is not in the registry is ingest's to report, not ours to judge."""
        if isinstance(decoded, Rejected):
            return []
        watched = self._watched.get(decoded.device_id)
        if watched is None:
            return []
        self._follow_wall(now)
        said: list[Said] = []
        if not retained:
            said += self._heard(watched, now)
        for sample in _samples(decoded, now.wall_ms, self._hide):
            said += self._judge(watched, sample, now, retained=retained)
        return said

    def _judge(self, watched: _Watched, sample: Reading | Event, now: Moment, *, retained: bool) -> list[Said]:
        """The device's own detectors first; what all devices together tell follows and holds nothing up."""
        age_ms = now.wall_ms - sample.ts_ms
        if not watched.clock.is_live(age_ms, now.steady_s, retained=retained):
            if isinstance(sample, Event):
                self._lookout.passed(sample)
            return _record_late(watched, sample, age_ms, now.wall_ms)
        if not -_AHEAD_MS <= age_ms <= FRESH_MS:
            sample = _stamped(sample, now.wall_ms)
        watched.offset_ms = sample.ts_ms - 1000 * now.steady_s
        own = list(_step(watched, sample))
        return self._told(self._together(sample, own, now))

    def _told(self, findings: Iterable[Finding]) -> list[Said]:
        return [Said(finding) for finding in findings if not self._tuning.silences(finding)]

    def _together(self, sample: Reading | Event, own: list[Finding], now: Moment) -> list[Finding]:
        """The device's own findings with what all devices together add. A bug there never costs an alarm."""
        try:
            found = [self._lookout.worded(finding) for finding in own]
            for device_id in self._lookout.released(sample, own):
                _turn(self._watched.get(device_id), now, door.release)
            for device_id in self._lookout.relocked(sample, own):
                _turn(self._watched.get(device_id), now, door.relock)
            found += [more for finding in own for more in self._lookout.confirm(finding)]
            return [*found, *self._lookout.take(sample)]
        except Exception:  # noqa: BLE001 - the border between a device's alarm and what is only added to it
            _LOG.exception("nothing added to: %s", sample)
            return own

    def tick(self, now: Moment) -> list[Said]:
        """What the passing of time tells: doors held or forced, silent fire devices."""
        said = self._told(finding for watched in self._watched.values() for finding in _tick_door(watched, now))
        said += self._told(self._lookout.tick(now.wall_ms))
        return said + self._silences(now)

    def _follow_wall(self, now: Moment) -> None:
        """Our clock jumps (NTP, an operator): the devices have not become an hour older by it."""
        offset_ms = now.wall_ms - 1000 * now.steady_s
        jump_ms = round(offset_ms - self._wall_offset_ms)
        if abs(jump_ms) > _JUMP_MS:
            self._wall_offset_ms = offset_ms
            for watched in self._watched.values():
                watched.clock.shift(jump_ms)
                _forget_order(watched)

    def _heard(self, watched: _Watched, now: Moment) -> list[Said]:
        watched.heard_s = now.steady_s
        if not watched.is_silent:
            return []
        watched.is_silent = False
        return [Said(fire.speaks_again(watched.device, now.wall_ms))]

    def _silences(self, now: Moment) -> list[Said]:
        devices = [watched for watched in self._watched.values() if watched.device.kind in FIRE_KINDS]
        silent = [watched for watched in devices if now.steady_s - watched.heard_s > watched.silent_after_s]
        said = []
        for watched in silent:
            if not watched.is_silent:
                watched.is_silent = True
                last_ms = now.wall_ms - round(1000 * (now.steady_s - watched.heard_s))
                share = len(silent) / len(devices)
                said.append(Said(fire.silent(watched.device, last_ms=last_ms, now_ms=now.wall_ms, silent_share=share)))
        return said


def _resume(watched: _Watched, finding: Finding) -> None:
    if finding.kind is FindingKind.FIRE_DEVICE_SILENT:
        watched.is_silent = True
    elif finding.kind is FindingKind.DEVICE_BATTERY_LOW:
        watched.battery_state = battery.resume(watched.battery_state, finding)
    elif finding.kind in _DOOR_KINDS:
        watched.door_state = door.resume(watched.door_state, finding)
    elif finding.kind in fire.KINDS:
        watched.fire_state = fire.resume(watched.fire_state, finding)


def _forget_order(watched: _Watched) -> None:
    """What was stamped with the time before the jump must not make news look old."""
    watched.fire_state = replace(watched.fire_state, newest_ms={})
    watched.door_state = replace(watched.door_state, newest_ms=0)
    watched.battery_state = replace(watched.battery_state, newest_ms=0)


def _samples(decoded: Decoded, wall_ms: int, hide: Callable[[Event], Event]) -> Iterator[Reading | Event]:
    """By time; of one moment, gauges before the alarms they explain."""
    readings = [
        Reading(decoded.device_id, name, wall_ms if sample.ts_ms is None else sample.ts_ms, value)
        for sample in decoded.samples
        for name, value in sample.values.items()
        if name in _METRICS
    ]
    yield from sorted(readings, key=lambda reading: (reading.ts_ms, reading.metric in fire.ALARMS))
    for happening in decoded.happenings:
        ts_ms = wall_ms if happening.ts_ms is None else happening.ts_ms
        yield hide(Event(device_id=decoded.device_id, type=happening.type, ts_ms=ts_ms, attributes=happening.attributes))


def _turn(door_watched: _Watched | None, now: Moment, turn: Callable[[door.DoorState, int], door.DoorState]) -> None:
    """Released or locked again, in the door's own clock; one that has not spoken yet has ours."""
    if door_watched is not None:
        offset_ms = door_watched.offset_ms
        at_ms = now.wall_ms if offset_ms is None else round(offset_ms + 1000 * now.steady_s)
        door_watched.door_state = turn(door_watched.door_state, at_ms)


def _stamped(sample: Reading | Event, ts_ms: int) -> Reading | Event:
    """With our own time, where the device's clock is plainly wrong."""
    return sample._replace(ts_ms=ts_ms) if isinstance(sample, Reading) else replace(sample, ts_ms=ts_ms)


def _step(watched: _Watched, sample: Reading | Event) -> Iterator[Finding]:
    if watched.device.kind is DeviceKind.DOOR_CONTROLLER:
        watched.door_state, finding = door.step(watched.door_state, sample, watched.device, watched.door_params)
    elif watched.device.kind in FIRE_KINDS:
        watched.fire_state, finding = fire.step(watched.fire_state, sample, watched.device)
    else:
        finding = None
    if finding is not None:
        yield finding
    if isinstance(sample, Reading):
        watched.battery_state, finding = battery.step(watched.battery_state, sample, watched.device, watched.battery_params)
        if finding is not None:
            yield finding


def _record_late(watched: _Watched, sample: Reading | Event, age_ms: int, wall_ms: int) -> list[Said]:
    """An old alarm as a finding that began and ended, unless the same is going on now."""
    if age_ms > CLOCK_BROKEN_MS:
        sample = _stamped(sample, wall_ms)
    if watched.device.kind is DeviceKind.DOOR_CONTROLLER:
        _, finding = door.step(door.DoorState(open=False), sample, watched.device)
    elif watched.device.kind not in FIRE_KINDS:
        return []
    else:
        _, finding = fire.step(fire.FireState(), sample, watched.device)
    if finding is None or not finding.active or finding.kind in {*watched.fire_state.ongoing, watched.door_state.finding}:
        return []
    told = replace(finding, facts={**finding.facts, "late_s": age_ms // 1000})
    return [Said(told, late=True), Said(replace(told, active=False), late=True)]


def _tick_door(watched: _Watched, now: Moment) -> Iterator[Finding]:
    """In the controller's own time, which goes on from its last word at the pace of our steady clock."""
    if watched.device.kind is not DeviceKind.DOOR_CONTROLLER or watched.offset_ms is None:
        return
    at_ms = round(watched.offset_ms + 1000 * now.steady_s)
    watched.door_state, finding = door.tick(watched.door_state, at_ms, watched.device, watched.door_params)
    if finding is not None:
        yield finding
