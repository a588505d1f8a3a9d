"""A simulated history through the shipped ledger and detectors in virtual time: what would have been told, and when.

Causal: hourly detectors look only at what lay before the hour they judge, streaming ones take samples in time order.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from analytics.arrays import HOUR_MS, Floats, Ints
from analytics.book import post
from analytics.detectors import fire, power_quality
from analytics.episodes import Episode, moment
from analytics.evaluation import Alarm, Label
from analytics.finding import Finding, FindingKind
from analytics.meter import QUANTITY_OF, Meter, meters_of
from analytics.rerun import METRICS, SLICE_MS, Said, Scenery, gauges_again, messages_again, rates_again
from analytics.silence import allowed_ms, silences
from analytics.site import Site
from analytics.watch import Watch
from analytics.weather import Weather
from api.outdoor import METRIC, outdoor_sensor
from devices.model import FIRE_KINDS, Device, DeviceKind, Event, Reading
from runtime.partitions import map_partitions
from simulators.campus import Campus
from simulators.history import History, Steps
from simulators.labels import LabelledFault
from simulators.safety_scenarios import BEYOND
from simulators.scenarios import NORMAL

STEPS = Steps(meters_s=900, room_power_s=60, water_flow_s=60, fire_s=600)

_SYMPTOMS = {
    "cold.failing": (FindingKind.COLD_LIMIT,),
    "cold.limit": (FindingKind.COLD_FAILING,),
    "meter.wrong_unit": (
        FindingKind.METER_SPIKE,
        FindingKind.ELEC_CREEPING_BASE,
        FindingKind.ELEC_LEFT_ON,
        FindingKind.METER_BALANCE,
    ),
    "water.creeping_leak": (FindingKind.WATER_DRIP, FindingKind.WATER_TOILET_LEAK),
    "water.network_leak": (
        FindingKind.WATER_DRIP,
        FindingKind.WATER_TOILET_LEAK,
        FindingKind.WATER_CREEPING_LEAK,
        FindingKind.METER_BALANCE,
    ),
    "elec.creeping_base": (FindingKind.ELEC_LEFT_ON,),
    "door.held_open": (FindingKind.DOOR_AFTER_HOURS,),
    "door.denied_burst": (FindingKind.DOOR_LOST_CARD,),
}

Series = dict[tuple[str, str], tuple[Ints, Floats]]


def labels(faults: Iterable[LabelledFault]) -> list[Label]:
    """The simulator's truth in the words of the evaluation. A burst rightly lowers the pressure at its hydrants."""
    found = []
    for fault in faults:
        if fault.kind.startswith((NORMAL, BEYOND)):
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
    site = replace(site, weather=_weather(campus, series))
    _meters(campus, series, site, told, scheduler)
    events: dict[str, list[Event]] = defaultdict(list)
    for event in history.events:
        events[event.device_id].append(event)
    end_ms = max(int(ts_ms[-1]) for ts_ms, _ in series.values())
    others = [device for device in campus.devices if device.kind not in QUANTITY_OF]
    samples = {device.id: list(_samples(device, series, events[device.id])) for device in others}
    for finding, at_ms in messages_again(Scenery(registry=campus.registry, calendar=site.calendar), samples, end_ms):
        told.tell(finding, at_ms)
    site_ms = np.unique(np.concatenate([ts_ms // SLICE_MS for ts_ms, _ in series.values()])) * SLICE_MS
    site_ms = np.append(site_ms, end_ms)
    for device in campus.devices:
        _silence(campus, device, (series, events[device.id]), site_ms, told)
    return told.alarms(end_ms)


def _weather(campus: Campus, series: Series) -> Weather | None:
    """Hourly means of the outdoor sensor, where the campus has one."""
    ts_ms, celsius = series.get((outdoor_sensor(campus.registry) or "", METRIC), (np.empty(0, np.int64), np.empty(0)))
    if not ts_ms.size:
        return None
    hour = ts_ms // HOUR_MS - ts_ms[0] // HOUR_MS
    count = np.bincount(hour)
    mean = np.where(count > 0, np.bincount(hour, celsius) / np.maximum(count, 1), np.nan)
    return Weather(start_ms=int(ts_ms[0]) // HOUR_MS * HOUR_MS, celsius=mean)


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
    for finding, at_ms in (*rates_again(watch, rates), *_quality_again(watch, series)):
        told.tell(finding, at_ms)
    streamed = told.alarms(tree.last_ms)
    for episode in watch.episodes(tree.last_ms // HOUR_MS * HOUR_MS):
        if not any(_same(alarm, episode.finding) for alarm in streamed):
            told.episode(episode)
    return told.alarms(tree.last_ms)


def _quality_again(watch: Watch, series: Series) -> Iterator[Said]:
    """Voltages and power factors of the meters that measure them."""
    samples: dict[str, list[tuple[int, str, float]]] = defaultdict(list)
    for (device_id, metric), (ts_ms, value) in series.items():
        if metric in power_quality.METRICS and device_id in watch.meters:
            samples[device_id] += [(at, metric, one) for at, one in zip(ts_ms.tolist(), value.tolist(), strict=True)]
    for device_id, found in samples.items():
        yield from gauges_again(watch, device_id, sorted(found))


def _same(alarm: Alarm, finding: Finding) -> bool:
    """What a streaming detector has told, the hourly one of the same kind does not tell again."""
    same = (alarm.kind, alarm.device_id) == (finding.kind, finding.device_id)
    hour = timedelta(hours=1)
    return same and alarm.started - hour <= finding.seen and finding.started - hour <= alarm.ended


def _samples(device: Device, series: Series, events: list[Event]) -> Iterator[Reading | Event]:
    """Readings and events of one device by time; of one moment, gauges first, as in a message."""
    found: list[tuple[int, int, Reading | Event]] = [(event.ts_ms, 2, event) for event in events]
    for (device_id, metric), (ts_ms, value) in series.items():
        if device_id == device.id and metric in METRICS:
            rank = 1 if metric in fire.ALARMS else 0
            found += [(at, rank, Reading(device_id, metric, at, v)) for at, v in zip(ts_ms.tolist(), value.tolist(), strict=True)]
    yield from (sample for _, _, sample in sorted(found, key=lambda row: row[:2]))


def _silence(campus: Campus, device: Device, heard: tuple[Series, list[Event]], site_ms: Ints, told: _Told) -> None:
    """Gaps between messages, judged by the shipped rules at the moment they become too long."""
    series, events = heard
    times = [ts_ms for (device_id, _), (ts_ms, _) in series.items() if device_id == device.id]
    times.append(np.array([event.ts_ms for event in events], np.int64))
    at_ms = np.unique(np.concatenate(times))
    profile = campus.registry.profile(device)
    step_ms = (STEPS.fire_s if device.kind in FIRE_KINDS or device.kind is DeviceKind.DOOR_CONTROLLER else STEPS.meters_s) * 1000
    for episode in silences(device, profile, at_ms, site_ms, allowed_ms(profile, step_ms)):
        told.episode(episode)
