"""A simulated history through the shipped ledger and detectors in virtual time: what would have been told, and when.

Causal: hourly detectors look only at what lay before the hour they judge, streaming ones take samples in time order.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from analytics.arrays import HOUR_MS, Floats, Ints
from analytics.book import post
from analytics.detectors import battery, dead, door, fire
from analytics.episodes import Episode, moment
from analytics.evaluation import Alarm, Label
from analytics.finding import Finding, FindingKind
from analytics.lookout import METRICS as LOOKOUT_METRICS
from analytics.lookout import Lookout
from analytics.meter import Meter, meters_of
from analytics.site import Site
from analytics.watch import Watch
from devices.model import FIRE_KINDS, Device, DeviceKind, Event, Reading
from runtime.partitions import map_partitions
from simulators.campus import Campus
from simulators.history import History, Steps
from simulators.labels import LabelledFault
from simulators.scenarios import NORMAL

STEPS = Steps(meters_s=900, room_power_s=60, water_flow_s=60, fire_s=600)
_SLICE_MS = 300_000
_TICK_MS = 60_000
_SILENT_STEPS = 2.2
"""Where a history is sparser than live messages, silence is judged after so many of its steps."""

_SYMPTOMS = {
    "cold.failing": (FindingKind.COLD_LIMIT,),
    "cold.limit": (FindingKind.COLD_FAILING,),
    "meter.wrong_unit": (
        FindingKind.METER_SPIKE,
        FindingKind.ELEC_CREEPING_BASE,
        FindingKind.ELEC_LEFT_ON,
        FindingKind.METER_BALANCE,
    ),
    "door.held_open": (FindingKind.DOOR_AFTER_HOURS,),
    "door.denied_burst": (FindingKind.DOOR_LOST_CARD,),
}

Series = dict[tuple[str, str], tuple[Ints, Floats]]


def labels(faults: Iterable[LabelledFault]) -> list[Label]:
    """The simulator's truth in the words of the evaluation. A burst rightly lowers the pressure at its hydrants."""
    found = []
    for fault in faults:
        if fault.kind.startswith(NORMAL):
            continue
        hydrants = (
            {str(fault.parameters["hydrant"]), f"hydrant-{fault.parameters['site']}-1"} if "hydrant" in fault.parameters else set()
        )
        symptoms = frozenset((FindingKind.FIRE_HYDRANT_PRESSURE, hydrant) for hydrant in hydrants)
        symptoms |= {(kind, fault.device_id) for kind in _SYMPTOMS.get(fault.kind, ())}
        symptoms |= {(FindingKind.METER_BALANCE, str(fault.parameters["main"]))} if "main" in fault.parameters else set()
        symptoms |= {(FindingKind.FIRE_DEVICE_SILENT, one) for one in str(fault.parameters.get("witnesses", "")).split(",") if one}
        found.append(
            Label(kind=FindingKind(fault.kind), device_id=fault.device_id, start=fault.start, end=fault.end, symptoms=symptoms)
        )
    return found


def replay(campus: Campus, history: History, site: Site, *, scheduler: str = "") -> list[Alarm]:
    """Every alarm that the shipped detectors would have raised over this history, by the time it was raised."""
    series = by_series(history.readings)
    told = _Told()
    _meters(campus, series, site, told, scheduler)
    events: dict[str, list[Event]] = defaultdict(list)
    for event in history.events:
        events[event.device_id].append(event)
    end_ms = max(int(ts_ms[-1]) for ts_ms, _ in series.values())
    lookout = _Together(campus, site)
    for device in campus.devices:
        if device.kind not in (DeviceKind.ELECTRICITY_METER, DeviceKind.WATER_METER):
            samples = list(_samples(device, series, events[device.id]))
            lookout.samples += samples
            if device.kind is not DeviceKind.DOOR_CONTROLLER:
                lookout.own += _sensor(device, samples, told)
    lookout.run(told)
    for device in campus.devices:
        if device.kind is DeviceKind.DOOR_CONTROLLER:
            samples = list(_samples(device, series, events[device.id]))
            _sensor(device, samples, told)
            samples = [sample for sample in samples if isinstance(sample, Event) or sample.metric in door.METRICS]
            _door(device, samples, (end_ms, lookout.releases[device.id]), told)
    site_ms = np.unique(np.concatenate([ts_ms // _SLICE_MS for ts_ms, _ in series.values()])) * _SLICE_MS
    site_ms = np.append(site_ms, end_ms)
    for device in campus.devices:
        _silence(campus, device, (series, events[device.id]), site_ms, told)
    return told.alarms(end_ms)


def by_series(table: pa.Table) -> Series:
    """Times and values of each (device, metric) of a sorted table."""
    names = {name: table[name].combine_chunks() for name in ("device_id", "metric")}
    codes = {name: np.asarray(column.indices) for name, column in names.items()}
    words = {name: column.dictionary.to_pylist() for name, column in names.items()}
    ts_ms, value = table["ts_ms"].to_numpy(), table["value"].to_numpy()
    device, metric = codes["device_id"], codes["metric"]
    starts = np.flatnonzero((device[1:] != device[:-1]) | (metric[1:] != metric[:-1])) + 1
    spans = zip([0, *starts.tolist()], [*starts.tolist(), len(device)], strict=True)
    return {
        (words["device_id"][device[first]], words["metric"][metric[first]]): (ts_ms[first:last], value[first:last])
        for first, last in spans
    }


class _Told:
    """Findings as a store would keep them: one active per kind and device."""

    def __init__(self) -> None:
        self._open: dict[tuple[FindingKind, str], tuple[int, Finding]] = {}
        self._closed: list[Alarm] = []

    def tell(self, finding: Finding, at_ms: int) -> None:
        key = (finding.kind, finding.device_id)
        if finding.active:
            self._open.setdefault(key, (at_ms, finding))
        elif key in self._open:
            raised_ms, first = self._open.pop(key)
            self._closed.append(_alarm(first, raised_ms, finding.seen))

    def episode(self, episode: Episode) -> None:
        self._closed.append(_alarm(episode.finding, episode.raised_ms, episode.finding.seen))

    def add(self, alarms: Iterable[Alarm]) -> None:
        self._closed.extend(alarms)

    def alarms(self, end_ms: int) -> list[Alarm]:
        still = [_alarm(first, raised_ms, moment(end_ms)) for raised_ms, first in self._open.values()]
        return sorted([*self._closed, *still], key=lambda alarm: alarm.raised)


def _alarm(finding: Finding, raised_ms: int, ended: datetime) -> Alarm:
    return Alarm(
        kind=finding.kind,
        device_id=finding.device_id,
        raised=datetime.fromtimestamp(raised_ms / 1000, UTC),
        started=finding.started,
        ended=max(ended, finding.started),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tree:
    """Meters that hang beneath each other see a fault together; trees know nothing of each other, so each is a partition."""

    meters: dict[str, Meter]
    series: Series
    site: Site
    last_ms: int


def _meters(campus: Campus, series: Series, site: Site, told: _Told, scheduler: str) -> None:
    last_ms = max((int(ts_ms[-1]) for ts_ms, _ in series.values()), default=0)
    trees = [
        _Tree(meters=tree, series=_of(tree, series), site=site, last_ms=last_ms) for tree in _trees(meters_of(campus.registry))
    ]
    for alarms in map_partitions(_tree, trees, scheduler):
        told.add(alarms)


def _trees(meters: dict[str, Meter]) -> list[dict[str, Meter]]:
    beneath = {device_id for meter in meters.values() for device_id in meter.below}
    tops = [device_id for device_id in meters if device_id not in beneath]
    return [
        {device_id: meters[device_id] for device_id in meters if device_id == top or device_id in meters[top].below} for top in tops
    ]


def _of(tree: dict[str, Meter], series: Series) -> Series:
    return {key: values for key, values in series.items() if key[0] in tree}


def _tree(tree: _Tree) -> list[Alarm]:
    told, series, watch, rates = _Told(), tree.series, Watch(tree.meters, tree.site), {}
    for device_id, meter in watch.meters.items():
        if (device_id, meter.register_metric) in series:
            ts_ms, value = series[device_id, meter.register_metric]
            readings = (ts_ms, value, np.zeros(ts_ms.size, np.int64))
            watch.books[device_id] = post(watch.books[device_id], readings, meter.register, whole=True).book
        if (device_id, meter.rate_metric) in series:
            rates[device_id] = series[device_id, meter.rate_metric]
    watch.learn_past()
    _stream(watch, rates, told)
    streamed = told.alarms(tree.last_ms)
    for episode in watch.episodes(tree.last_ms // HOUR_MS * HOUR_MS):
        if not any(_same(alarm, episode.finding) for alarm in streamed):
            told.episode(episode)
    return told.alarms(tree.last_ms)


def _same(alarm: Alarm, finding: Finding) -> bool:
    """What a streaming detector has told, the hourly one of the same kind does not tell again."""
    same = (alarm.kind, alarm.device_id) == (finding.kind, finding.device_id)
    hour = timedelta(hours=1)
    return same and alarm.started - hour <= finding.seen and finding.started - hour <= alarm.ended


def _stream(watch: Watch, rates: Series | dict[str, tuple[Ints, Floats]], told: _Told) -> None:
    """Rate samples of all meters, in slices of time so that meters of one tree see a fault together."""
    suited = {device_id: rate for device_id, rate in rates.items() if watch.streamed(str(device_id))}
    if not suited:
        return
    begin = min(int(ts_ms[0]) for ts_ms, _ in suited.values())
    end = max(int(ts_ms[-1]) for ts_ms, _ in suited.values())
    edges = np.arange(begin, end + 2 * _SLICE_MS, _SLICE_MS)
    cuts = {device_id: np.searchsorted(ts_ms, edges) for device_id, (ts_ms, _) in suited.items()}
    lists = {device_id: list(zip(ts_ms.tolist(), value.tolist(), strict=True)) for device_id, (ts_ms, value) in suited.items()}
    for index in range(edges.size - 1):
        now_ms = int(edges[index + 1])
        for device_id, samples in lists.items():
            first, last = cuts[device_id][index : index + 2]
            for finding in watch.sample(str(device_id), samples[first:last]):
                told.tell(finding, int(finding.seen.timestamp() * 1000))
        for finding in watch.release(now_ms):
            told.tell(finding, now_ms)


def _samples(device: Device, series: Series, events: list[Event]) -> Iterator[Reading | Event]:
    """Readings and events of one device by time; of one moment, gauges first, as in a message."""
    wanted = fire.METRICS | door.METRICS | battery.METRICS | LOOKOUT_METRICS
    found: list[tuple[int, int, Reading | Event]] = [(event.ts_ms, 2, event) for event in events]
    for (device_id, metric), (ts_ms, value) in series.items():
        if device_id == device.id and metric in wanted:
            rank = 1 if metric in fire.ALARMS else 0
            found += [(at, rank, Reading(device_id, metric, at, v)) for at, v in zip(ts_ms.tolist(), value.tolist(), strict=True)]
    yield from (sample for _, _, sample in sorted(found, key=lambda row: row[:2]))


class _Together:
    """What all doors, fire devices and cold stores tell together, in the order of time; and which doors were released when."""

    def __init__(self, campus: Campus, site: Site) -> None:
        self._lookout = Lookout(campus.registry, site.calendar)
        self.samples: list[Reading | Event] = []
        self.own: list[tuple[int, Reading | Event, Finding]] = []
        self.releases: dict[str, list[int]] = defaultdict(list)

    def run(self, told: _Told) -> None:
        own: dict[int, list[Finding]] = defaultdict(list)
        for _, sample, finding in self.own:
            own[id(sample)].append(finding)
        next_tick_ms = 0
        for sample in sorted(self.samples, key=lambda sample: sample.ts_ms):
            if sample.ts_ms >= next_tick_ms:
                next_tick_ms = sample.ts_ms + _TICK_MS
                self._tell(self._lookout.tick(sample.ts_ms), sample.ts_ms, told)
            findings = own.get(id(sample), [])
            for device_id in self._lookout.released(sample, findings):
                self.releases[device_id].append(sample.ts_ms)
            for finding in findings:
                self._tell(self._lookout.confirm(finding), sample.ts_ms, told)
            self._tell(self._lookout.take(sample), sample.ts_ms, told)

    def _tell(self, findings: list[Finding], at_ms: int, told: _Told) -> None:
        for finding in findings:
            told.tell(finding, at_ms)


def _sensor(device: Device, samples: list[Reading | Event], told: _Told) -> list[tuple[int, Reading | Event, Finding]]:
    fire_state, battery_state = fire.FireState(), battery.BatteryState()
    said = []
    for sample in samples:
        found = []
        if device.kind in FIRE_KINDS:
            fire_state, finding = fire.step(fire_state, sample, device)
            found.append(finding)
        if isinstance(sample, Reading):
            battery_state, finding = battery.step(battery_state, sample, device)
            found.append(finding)
        for finding in found:
            if finding is not None:
                told.tell(finding, sample.ts_ms)
                said.append((sample.ts_ms, sample, finding))
    return said


def _door(device: Device, samples: list[Reading | Event], known: tuple[int, list[int]], told: _Told) -> None:
    """Between two samples time itself tells: just after an opening has settled and after it was held too long."""
    end_ms, releases = known
    state = door.DoorState()
    waits = (int(door.DEFAULTS.settle_s * 1000) + 1, int(door.DEFAULTS.held_s * 1000) + 1)
    nexts = [*(sample.ts_ms for sample in samples[1:]), end_ms]
    for sample, next_ms in zip(samples, nexts, strict=False):  # without samples there is only the end
        state = _released(state, releases, sample.ts_ms)
        state, finding = door.step(state, sample, device)
        told_at = [(finding, sample.ts_ms)]
        for at_ms in (sample.ts_ms + wait for wait in waits):
            if at_ms < next_ms:
                state, finding = door.tick(_released(state, releases, at_ms), at_ms, device)
                told_at.append((finding, at_ms))
        for one, at_ms in told_at:
            if one is not None:
                told.tell(one, at_ms)


def _released(state: door.DoorState, releases: list[int], at_ms: int) -> door.DoorState:
    at = bisect_right(releases, at_ms)
    return door.release(state, releases[at - 1]) if at else state


def _silence(campus: Campus, device: Device, heard: tuple[Series, list[Event]], site_ms: Ints, told: _Told) -> None:
    """Gaps between messages, judged by the shipped rules at the moment they become too long."""
    series, events = heard
    times = [ts_ms for (device_id, _), (ts_ms, _) in series.items() if device_id == device.id]
    times.append(np.array([event.ts_ms for event in events], np.int64))
    at_ms = np.unique(np.append(np.concatenate(times), site_ms[-1]))
    profile = campus.registry.profile(device)
    step_ms = (STEPS.fire_s if device.kind in FIRE_KINDS or device.kind is DeviceKind.DOOR_CONTROLLER else STEPS.meters_s) * 1000
    allowed_ms = max(int(profile.silent_after_s * 1000), int(_SILENT_STEPS * step_ms))
    for index in np.flatnonzero(np.diff(at_ms) > allowed_ms):
        last_ms, next_ms = int(at_ms[index]), int(at_ms[index + 1])
        raised_ms = last_ms + allowed_ms + 1
        finding: Finding | None
        if device.kind in FIRE_KINDS:
            finding = fire.silent(device, last_ms=last_ms, now_ms=raised_ms, silent_share=0.0)
        else:
            gone_ms, back_ms = _site_gap(site_ms, last_ms, next_ms)
            allowed = max(allowed_ms, back_ms + allowed_ms - last_ms) if back_ms else allowed_ms
            if next_ms - last_ms <= allowed:
                continue
            raised_ms = last_ms + allowed + 1
            since_ms, before_ms = (back_ms, gone_ms) if back_ms else (0, None)
            silence = dead.Silence(last_ms=last_ms, site_ms=raised_ms, listening_since_ms=since_ms, before_ms=before_ms)
            finding = dead.check(device, profile, silence)
        if finding is not None:
            told.episode(Episode(finding=_until(finding, next_ms), raised_ms=raised_ms))


def _site_gap(site_ms: Ints, last_ms: int, next_ms: int) -> tuple[int, int]:
    """When the whole site fell silent and was heard again within that span; zeros where it never did."""
    first, last = np.searchsorted(site_ms, [last_ms - _SLICE_MS, next_ms + _SLICE_MS])
    gaps = np.flatnonzero(np.diff(site_ms[first:last]) > dead.SITE_GAP_MS)
    if not gaps.size:
        return 0, 0
    at = int(first) + int(gaps[-1])
    return int(site_ms[at]), int(site_ms[at + 1])


def _until(finding: Finding, end_ms: int) -> Finding:
    return Finding(
        kind=finding.kind,
        device_id=finding.device_id,
        space_id=finding.space_id,
        active=False,
        score=finding.score,
        started=finding.started,
        seen=moment(end_ms),
        message=finding.message,
    )
