"""Detectors of doors, fire devices, cold stores and batteries over the stored messages of a site; nothing is stored."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

import numpy as np

from analytics.detectors import battery, cold_chain, door, fire
from analytics.finding import Finding, FindingKind
from analytics.parameters import TUNED
from analytics.rerun import METRICS, Sample, Scenery, folded, messages_again
from analytics.suggestion import Judged
from analytics.tuning import Tuning, tuning_of
from api.deps import Deps
from api.times import to_ms
from api.trials import DEVICES_AT_MOST, Span, around, common
from devices.model import FAST_LANE_KINDS, FIRE_KINDS, Device, DeviceKind, Quality, Reading
from devices.registry import Registry

ROWS_AT_MOST = 150_000
"""Readings and events that one trial judges: some seconds."""
EVENTS_AT_MOST = 50_000
WARM_UP = timedelta(hours=2)
LONG_WARM_UP = timedelta(days=12)
_LONG = frozenset(
    {
        *("door.reader_dead", "door.not_back", "cold.failing", "cold.sensor_stuck"),
        *("fire.detector_dusty", "fire.pressure_loss"),
    }
)
"""Kinds that compare with the days before."""
_TOGETHER = frozenset({"door.card_shared", "door.impossible_travel", "door.pass_back", "door.not_back"})
"""Kinds that follow cards from door to door."""
_STEP_MS = 86_400_000
_DEVICES: Mapping[str, frozenset[DeviceKind]] = {
    "door": frozenset({DeviceKind.DOOR_CONTROLLER}),
    "cold": frozenset({DeviceKind.COLD_STORE}),
    "fire": FIRE_KINDS,
    "fire.smoke": frozenset({DeviceKind.SMOKE_DETECTOR}),
    "fire.heat": frozenset({DeviceKind.HEAT_DETECTOR}),
    "fire.co": frozenset({DeviceKind.CO_DETECTOR}),
    "fire.gas": frozenset({DeviceKind.GAS_DETECTOR}),
    "fire.call_point": frozenset({DeviceKind.CALL_POINT}),
    "fire.hydrant_pressure": frozenset({DeviceKind.HYDRANT_PRESSURE}),
    "fire.pressure_loss": frozenset({DeviceKind.HYDRANT_PRESSURE}),
    "fire.detector_dusty": frozenset({DeviceKind.SMOKE_DETECTOR}),
    "fire.tank_level": frozenset({DeviceKind.FIRE_TANK}),
    "fire.loop_fault": frozenset({DeviceKind.FIRE_PANEL}),
}
"""Of which devices a kind is told, by kind or else by family."""
_METRICS: Mapping[str, frozenset[str]] = {
    "door": door.METRICS,
    "cold": cold_chain.METRICS,
    "fire": METRICS - door.METRICS - battery.METRICS,
    "device": battery.METRICS,
}


def device_kinds(kind: FindingKind) -> frozenset[DeviceKind]:
    return _DEVICES.get(kind, _DEVICES.get(_family(kind), FAST_LANE_KINDS))


def _family(kind: FindingKind) -> str:
    return kind.split(".", maxsplit=1)[0]


class MessagesPast:
    """Stored readings and events of some devices, before and within the windows."""

    def __init__(
        self, deps: Deps, registry: Registry, kind: FindingKind, device_ids: Sequence[str], windows: Sequence[Span]
    ) -> None:
        self._deps, self._registry, self._kind = deps, registry, kind
        chosen = [one for one in device_ids if registry.devices[one].kind in device_kinds(kind)]
        self.device_ids: Sequence[str] = chosen[:DEVICES_AT_MOST]
        self.left_out = len(chosen) - len(self.device_ids)
        self._metrics = sorted(_METRICS.get(_family(kind), METRICS))
        self._tuning = tuning_of(registry, deps.rules.list(standing=True))
        self._windows = list(windows)
        self._from_ms = windows[0].start_ms if windows else 0
        self._samples = self._read()

    @property
    def looked_from_ms(self) -> int:
        return self._from_ms

    @property
    def changed_already(self) -> Mapping[str, float]:
        """The parameters that differ from the shipped ones at all of these devices."""
        return common(self._tuning.changes.get(device_id, {}).get(self._kind, {}) for device_id in self.device_ids)

    def raised(self, changes: Mapping[str, float]) -> list[Finding]:
        """What would have been told of these devices within the windows, newest first."""
        tuning = self._tuning.with_changes(self._kind, self.device_ids, changes) if self._kind in TUNED else Tuning()
        scenery = Scenery(registry=self._registry, calendar=self._deps.calendar, tuning=tuning)
        said = messages_again(scenery, self._samples, self._windows[-1].end_ms)
        found = folded(sorted(said, key=lambda one: one[1]), self._kind, self.looked_from_ms)
        mine = [one for one in found if one.device_id in self.device_ids]
        return sorted(mine, key=lambda finding: finding.started, reverse=True)

    def _read(self) -> dict[str, list[Sample]]:
        """Each device's by time; of one moment, gauges before the alarms they explain, as in a message.

        From the newest day back, until there is no more or ROWS_AT_MOST are read.
        """
        found: dict[str, list[Sample]] = defaultdict(list)
        rows = 0
        for start_ms, end_ms, counts in self._steps():
            if rows >= ROWS_AT_MOST:
                break
            self._from_ms = start_ms if counts else self._from_ms
            for sample in (*self._readings(start_ms, end_ms), *self._events(start_ms, end_ms)):
                found[sample.device_id].append(sample)
                rows += 1
        for samples in found.values():
            samples.sort(key=lambda one: (one.ts_ms, 2 if not isinstance(one, Reading) else int(one.metric in fire.ALARMS)))
        return dict(found)

    def _steps(self) -> Iterator[tuple[int, int, bool]]:
        """(start, end, whether findings of that time count) in steps of a day at most, newest first, with what goes before."""
        warm_ms = round((LONG_WARM_UP if self._kind in _LONG else WARM_UP).total_seconds() * 1000)
        for at in range(len(self._windows) - 1, -1, -1):
            window, before_ms = self._windows[at], self._windows[at - 1].end_ms if at else 0
            spans = ((window.start_ms, window.end_ms, True), (max(window.start_ms - warm_ms, before_ms), window.start_ms, False))
            for start_ms, end_ms, counts in spans:
                until_ms = end_ms
                while until_ms > start_ms:
                    since_ms = max(until_ms - _STEP_MS, start_ms)
                    yield since_ms, until_ms, counts
                    until_ms = since_ms

    def _readings(self, start_ms: int, end_ms: int) -> list[Sample]:
        if not self.device_ids:
            return []
        frame = self._deps.readings.frame(self.device_ids, self._metrics, start_ms, end_ms)
        good = frame[(frame["quality"].to_numpy(np.int64) & int(Quality.IMPLAUSIBLE)) == 0]
        columns = (good[name].tolist() for name in ("device_id", "metric", "ts_ms", "value"))
        return [Reading(*row) for row in zip(*columns, strict=True)]

    def _events(self, start_ms: int, end_ms: int) -> list[Sample]:
        events = self._deps.events.list(start_ms=start_ms, end_ms=end_ms, limit=EVENTS_AT_MOST)
        return [event for event in events if self._concerns(self._registry.devices.get(event.device_id))]

    def _concerns(self, device: Device | None) -> bool:
        """Its own devices; every door where cards are followed; fire devices, whose alarms release doors."""
        if device is None:
            return False
        if device.id in self.device_ids:
            return True
        is_door = device.kind is DeviceKind.DOOR_CONTROLLER
        return is_door if self._kind in _TOGETHER else self._kind.startswith("door.") and device.kind in FIRE_KINDS


def messages_to_learn(deps: Deps, registry: Registry, kind: FindingKind, judged: Sequence[Judged]) -> MessagesPast:
    """What lies around each of these findings."""
    since_ms = to_ms(deps.now() - timedelta(days=300))
    windows = [window for window in around(judged) if window.end_ms > since_ms]
    return MessagesPast(deps, registry, kind, sorted({one.finding.device_id for one in judged}), windows)
