"""Stored messages through the shipped detectors again, in the order of time: what would have been told, and when.

For replays of a simulated history and for trials on a site's own. Values only: nothing is stored, the clock is the messages'.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

import numpy as np

from analytics.arrays import Floats, Ints
from analytics.calendar import Calendar
from analytics.detectors import battery, door, fire
from analytics.finding import Finding, FindingKind
from analytics.lookout import METRICS as LOOKOUT_METRICS
from analytics.lookout import Lookout
from analytics.tuning import Tuning
from analytics.watch import Watch
from devices.model import FIRE_KINDS, Device, DeviceKind, Event, Reading
from devices.registry import Registry

METRICS = fire.METRICS | door.METRICS | battery.METRICS | LOOKOUT_METRICS
"""What `messages_again` understands."""
SLICE_MS = 300_000
TICK_MS = 60_000

Sample = Reading | Event
Turned = tuple[int, Callable[[door.DoorState, int], door.DoorState]]
"""When a door was released or locked again (epoch ms UTC), and which of the two."""
Said = tuple[Finding, int]
"""A finding, and when it was told (epoch ms UTC)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenery:
    """Where it all happens: the devices, the site's own calendar, the rules that hold."""

    registry: Registry
    calendar: Calendar
    tuning: Tuning = field(default_factory=Tuning)


def messages_again(scenery: Scenery, samples: Mapping[str, Sequence[Sample]], end_ms: int) -> Iterator[Said]:
    """Doors, fire devices, cold stores and batteries. `samples`: each device's by time."""
    devices = [scenery.registry.devices[device_id] for device_id in samples]
    doors = [device for device in devices if device.kind is DeviceKind.DOOR_CONTROLLER]
    own: list[tuple[Sample, Finding]] = []
    for device in devices:
        own += _own(device, samples[device.id], scenery.tuning)
    yield from ((finding, sample.ts_ms) for sample, finding in own)
    together = _Together(scenery, own)
    yield from together.said(samples, end_ms)
    for device in doors:
        known = [one for one in samples[device.id] if isinstance(one, Event) or one.metric in door.METRICS]
        yield from _door(device, known, _Time(end_ms, together.releases[device.id]), scenery.tuning)


def rates_again(watch: Watch, rates: Mapping[str, tuple[Ints, Floats]]) -> Iterator[Said]:
    """Rate samples of meters, in slices of time so that meters of one tree see a fault together."""
    suited = {device_id: rate for device_id, rate in rates.items() if rate[0].size and watch.streamed(device_id)}
    if not suited:
        return
    begin = min(int(ts_ms[0]) for ts_ms, _ in suited.values())
    end = max(int(ts_ms[-1]) for ts_ms, _ in suited.values())
    edges = np.arange(begin, end + 2 * SLICE_MS, SLICE_MS)
    cuts = {device_id: np.searchsorted(ts_ms, edges) for device_id, (ts_ms, _) in suited.items()}
    lists = {device_id: list(zip(ts_ms.tolist(), value.tolist(), strict=True)) for device_id, (ts_ms, value) in suited.items()}
    for index in range(edges.size - 1):
        now_ms = int(edges[index + 1])
        for device_id, samples in lists.items():
            first, last = cuts[device_id][index : index + 2]
            if first < last:
                yield from ((one, int(one.seen.timestamp() * 1000)) for one in watch.sample(device_id, samples[first:last]))
        yield from ((one, now_ms) for one in watch.release(now_ms))


def gauges_again(watch: Watch, device_id: str, samples: Iterable[tuple[int, str, float]]) -> Iterator[Said]:
    """Voltages and power factors of one meter: (epoch ms UTC, metric, value) by time."""
    for ts_ms, metric, value in samples:
        yield from ((one, ts_ms) for one in watch.gauge(device_id, metric, [(ts_ms, value)]))


def _own(device: Device, samples: Sequence[Sample], tuning: Tuning) -> list[tuple[Sample, Finding]]:
    """What a fire device says, and what any battery does."""
    fire_state, battery_state = fire.FireState(), battery.BatteryState()
    params = tuning.parameters(battery.step, device.id)
    said: list[tuple[Sample, Finding]] = []
    for sample in samples:
        found = []
        if device.kind in FIRE_KINDS:
            fire_state, finding = fire.step(fire_state, sample, device)
            found.append(finding)
        if isinstance(sample, Reading):
            battery_state, finding = battery.step(battery_state, sample, device, params)
            found.append(finding)
        said += [(sample, finding) for finding in found if finding is not None]
    return said


class _Together:
    """What all devices together tell; and which doors were released when."""

    def __init__(self, scenery: Scenery, own: Iterable[tuple[Sample, Finding]]) -> None:
        self._lookout = Lookout(scenery.registry, scenery.calendar, scenery.tuning)
        self._own: dict[int, list[Finding]] = defaultdict(list)
        for sample, finding in own:
            self._own[id(sample)].append(finding)
        self.releases: dict[str, list[Turned]] = defaultdict(list)

    def said(self, samples: Mapping[str, Sequence[Sample]], end_ms: int) -> Iterator[Said]:
        next_tick_ms = 0
        for sample in sorted((one for some in samples.values() for one in some), key=attrgetter("ts_ms")):
            if sample.ts_ms >= next_tick_ms:
                next_tick_ms = sample.ts_ms + TICK_MS
                yield from ((finding, sample.ts_ms) for finding in self._lookout.tick(sample.ts_ms))
            yield from ((finding, sample.ts_ms) for finding in self._take(sample))
        yield from ((finding, end_ms) for finding in self._lookout.tick(end_ms))

    def _take(self, sample: Sample) -> Iterator[Finding]:
        own = self._own.get(id(sample), [])
        for device_id in self._lookout.released(sample, own):
            self.releases[device_id].append((sample.ts_ms, door.release))
        for device_id in self._lookout.relocked(sample, own):
            self.releases[device_id].append((sample.ts_ms, door.relock))
        for finding in own:
            yield from self._lookout.confirm(finding)
        yield from self._lookout.take(sample)


@dataclass(frozen=True, slots=True)
class _Time:
    """Until when, and when the door was released and locked again; epoch ms UTC, by time."""

    end_ms: int
    turns: Sequence[Turned]


def _door(device: Device, samples: Sequence[Sample], time: _Time, tuning: Tuning) -> Iterator[Said]:
    """Between two samples time itself tells: just after an opening has settled and after it was held too long."""
    params, state = tuning.parameters(door.step, device.id), door.DoorState()
    waits = (int(params.settle_s * 1000) + 1, int(params.held_s * 1000) + 1)
    nexts, turns = [*(sample.ts_ms for sample in samples[1:]), time.end_ms], deque(time.turns)
    for sample, next_ms in zip(samples, nexts, strict=False):  # without samples there is only the end
        state = _turned(state, turns, sample.ts_ms)
        state, finding = door.step(state, sample, device, params)
        told: list[tuple[Finding | None, int]] = [(finding, sample.ts_ms)]
        for at_ms in (sample.ts_ms + wait for wait in waits):
            if at_ms < next_ms:
                state, finding = door.tick(_turned(state, turns, at_ms), at_ms, device, params)
                told.append((finding, at_ms))
        yield from ((one, at_ms) for one, at_ms in told if one is not None)


def _turned(state: door.DoorState, turns: deque[Turned], at_ms: int) -> door.DoorState:
    while turns and turns[0][0] <= at_ms:
        turned_ms, turn = turns.popleft()
        state = turn(state, turned_ms)
    return state


def folded(said: Iterable[Said], kind: FindingKind, since_ms: int = 0) -> list[Finding]:
    """What was told of that kind as the store would keep it: from its beginning to its end, as it was last described."""
    going_on: dict[str, Finding] = {}
    found: list[Finding] = []
    for finding, at_ms in said:
        if finding.kind is not kind:
            continue
        before = going_on.get(finding.device_id)
        if finding.active and (before is not None or at_ms >= since_ms):
            going_on[finding.device_id] = replace(finding, started=before.started) if before is not None else finding
        elif not finding.active and before is not None:
            del going_on[finding.device_id]
            found.append(replace(before, active=False, seen=max(finding.seen, before.started)))
    return [*found, *going_on.values()]
