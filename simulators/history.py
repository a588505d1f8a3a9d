"""Weeks of history in seconds: the same physics as live, written as one table of readings, events and their labels."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from devices.model import FIRE_KINDS, Device, DeviceKind, Event
from simulators.campus import Campus, stream
from simulators.door_scenarios import scenario_events
from simulators.doors import CONTACT, CONTACT_KINDS, fault_events, passage_events, passages
from simulators.gates import gate_events
from simulators.labels import LabelledFault, is_outage
from simulators.loads import add_faults, day_amounts, per_hour
from simulators.meters import MeterTree, gauge_of, gauge_shown, meter_tree, register_of, shown
from simulators.register_faults import faulty_meter, garbled, jumped, minute, miscounted
from simulators.sensors import ALARM_METRIC, BRIEF_KINDS, SILENT_KINDS, alarm_event, door_battery, readings
from simulators.state import SimulatorState
from simulators.timetable import MINUTES, Floats, day_start_s, local_day
from simulators.voltage import STEP_S, has_quality, quality_readings

ROLL_OVER = ("em-teach-2-f3", "wm-dorm-a-f2")
"""Two meters whose registers roll over within the history."""
COLD_S = 900
"""Cold stores are recorded at least so often, or their record would be all gaps."""
_METERS = (DeviceKind.ELECTRICITY_METER, DeviceKind.WATER_METER)
_SENSORS = frozenset({DeviceKind.DOOR_CONTROLLER, DeviceKind.COLD_STORE, DeviceKind.ENVIRONMENT_SENSOR})
_Ints = npt.NDArray[np.int64]
_Chunks = dict[tuple[str, str], list[tuple[_Ints, Floats]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Seconds between readings, whole minutes. `room_power_s` and `water_flow_s` only thin or thicken those two gauges."""

    meters_s: int = 900
    room_power_s: int = 900
    water_flow_s: int = 900
    fire_s: int = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """`readings`: device_id, metric (dictionaries), ts_ms int64, value float64, sorted by the first three.

    `state` continues the run live without a jump.
    """

    readings: pa.Table
    events: list[Event]
    faults: tuple[LabelledFault, ...]
    state: SimulatorState


def generate(  # noqa: PLR0913 - one keyword per choice a caller makes
    campus: Campus,
    *,
    start: datetime,
    end: datetime,
    faults: Sequence[LabelledFault] = (),
    steps: Steps = Steps(),
    device_ids: frozenset[str] | None = None,
    events_from: datetime | None = None,
    progress: Callable[[float], None] = lambda _share: None,
) -> History:
    """Everything in (start, end], both cut to whole minutes. `device_ids` limits what is written, never what happens.

    `events_from` leaves out ordinary door traffic before it; labelled faults always keep their events.
    """
    first_s, last_s = int(start.timestamp()) // 60 * 60, int(end.timestamp()) // 60 * 60
    chosen = [device for device in campus.devices if device_ids is None or device.id in device_ids]
    chunks: _Chunks = defaultdict(list)
    registers: dict[str, float] = {}
    frozen: dict[str, dict[str, float]] = {}
    for part, kind in enumerate(_METERS):
        tree = meter_tree(campus, kind)
        amounts = _amounts(campus, tree, first_s, last_s, lambda share, part=part: progress((part + share) * 0.4))  # type: ignore[misc]
        add_faults(amounts, tree, faults, _edges(first_s, last_s))
        run = _MeterRun(campus, tree, first_s, amounts, faults)
        for index, device in enumerate(tree.devices):
            run.write(index, chunks if device in chosen else None, steps)
        registers |= run.registers
        frozen |= run.frozen
    _sensor_chunks(campus, chosen, (first_s, last_s), faults, chunks, steps)
    progress(0.9)
    events = _door_chunks(campus, chosen, (first_s, last_s), faults, chunks, events_from)
    state = SimulatorState(
        site_id=campus.site_id,
        seed=campus.seed,
        at_ms=last_s * 1000,
        registers=registers,
        frozen=frozen,
        faults=tuple(fault for fault in faults if fault.end_s > last_s),
    )
    table = _table(chunks)
    progress(1.0)
    return History(readings=table, events=events, faults=tuple(faults), state=state)


def _edges(first_s: int, last_s: int) -> Floats:
    return np.arange(first_s, last_s + 60, 60, dtype=np.float64)


def _amounts(campus: Campus, tree: MeterTree, first_s: int, last_s: int, progress: Callable[[float], None]) -> Floats:
    """What each meter counts in each minute of the span, (meters, minutes)."""
    result = np.empty((len(tree.ids), (last_s - first_s) // 60))
    days = range(local_day(first_s), local_day(last_s - 1) + 1)
    for done, day in enumerate(days):
        offset = (day_start_s(day) - first_s) // 60
        low, high = max(offset, 0), min(offset + MINUTES, result.shape[1])
        result[:, low:high] = day_amounts(campus, tree, day)[:, low - offset : high - offset]
        progress(done / len(days))
    return result


class _MeterRun:
    """Turns what a tree of meters counted into what their displays said; keeps the end for the live run."""

    def __init__(self, campus: Campus, tree: MeterTree, first_s: int, amounts: Floats, faults: Sequence[LabelledFault]) -> None:
        self.registers: dict[str, float] = {}
        self.frozen: dict[str, dict[str, float]] = {}
        self._campus, self._tree, self._first_s, self._amounts, self._faults = campus, tree, first_s, amounts, faults

    def write(self, index: int, chunks: _Chunks | None, steps: Steps) -> None:
        device, amounts = self._tree.devices[index], self._amounts[index]
        mine = [fault for fault in self._faults if faulty_meter(fault) == device.id or is_outage(fault)]
        amounts = miscounted(amounts, mine, self._first_s)
        gauge = amounts * (per_hour(self._tree) / 60)
        counted, gauge = _freeze(amounts, gauge, mine, self._first_s)
        counted = np.maximum(counted, 0) if device.kind is DeviceKind.ELECTRICITY_METER else counted  # it counts import only
        register = _initial(self._campus, device, self._tree, index, amounts) + np.cumsum(counted)
        register = jumped(register, mine, self._first_s)
        self._remember(index, register, gauge, amounts, mine)
        if chunks is not None:
            profile = self._tree.profiles[index]
            values = {register_of(device.kind): (shown(register, profile), steps.meters_s)}
            step_s = _gauge_step(device, steps)
            gauge = _mean_of(gauge, step_s) if profile.interval_s >= _LONG_S else gauge
            values[gauge_of(device.kind)] = (gauge_shown(gauge, device.kind), step_s)
            for metric, (series, step_s) in values.items():
                kept = _sampled(series, self._first_s, step_s, mine)
                at_s, sent = garbled(*kept, mine, register=metric == register_of(device.kind))
                chunks[device.id, metric].append((at_s * 1000, sent))
            self._write_quality(device, chunks, mine)

    def _write_quality(self, device: Device, chunks: _Chunks, faults: Sequence[LabelledFault]) -> None:
        if has_quality(device):
            nothing = np.zeros(self._amounts.shape[1])
            at_s, _ = _sampled(nothing, self._first_s, STEP_S, faults)
            for metric, values in quality_readings(self._campus, device, at_s.astype(np.float64), faults).items():
                chunks[device.id, metric].append((at_s * 1000, values))

    def _remember(self, index: int, register: Floats, gauge: Floats, amounts: Floats, faults: Sequence[LabelledFault]) -> None:
        """The register as it would count on; where the meter is frozen, what it shows and what it owes at the end."""
        device, last_s = self._tree.devices[index], self._first_s + 60 * len(register)
        value = float(register[-1])
        for fault in faults:
            if fault.kind == "meter.frozen" and fault.active(last_s):
                kind = device.kind
                self.frozen[device.id] = {
                    register_of(kind): float(shown(value, self._tree.profiles[index])),
                    gauge_of(kind): float(gauge_shown(gauge[-1], kind)),
                }
                value += float(amounts[minute(fault.start_s, self._first_s, len(register)) :].sum()) * fault.number("catch_up", 1)
        self.registers[device.id] = value


_LONG_S = 600
"""Meters that speak so rarely tell the mean since they last spoke, not of the last minute."""


def _mean_of(gauge: Floats, step_s: int) -> Floats:
    """Of the last `step_s` before each minute."""
    minutes = step_s // 60
    sums = np.cumsum(np.concatenate([np.repeat(gauge[:1], minutes), gauge]))
    result: Floats = (sums[minutes:] - sums[:-minutes]) / minutes
    return result


def _freeze(amounts: Floats, gauge: Floats, faults: Sequence[LabelledFault], first_s: int) -> tuple[Floats, Floats]:
    counted, gauge = amounts.copy(), gauge.copy()
    for fault in faults:
        if fault.kind != "meter.frozen":
            continue
        low, high = (minute(edge, first_s, len(counted)) for edge in (fault.start_s, fault.end_s))
        owed = counted[low:high].sum() * fault.number("catch_up", 1)
        counted[low:high], gauge[low:high] = 0.0, gauge[max(low - 1, 0)]
        if high < len(counted):
            counted[high] += owed
    return counted, gauge


def _initial(campus: Campus, device: Device, tree: MeterTree, index: int, amounts: Floats) -> float:
    modulus = tree.profiles[index].registers[register_of(device.kind)].modulus
    if device.id in ROLL_OVER:
        return float(modulus - 0.55 * amounts.sum())
    return float(stream(campus.seed, f"register {device.id}").uniform(0.01, 0.4)) * modulus


def _gauge_step(device: Device, steps: Steps) -> int:
    if device.kind is DeviceKind.WATER_METER:
        return steps.water_flow_s
    return steps.room_power_s if device.profile_id == "em-room" else steps.meters_s


def _sampled(series: Floats, first_s: int, step_s: int, faults: Sequence[LabelledFault]) -> tuple[_Ints, Floats]:
    """What the meter sent, at epoch seconds: the value at the end of each step, on the clock's grid, silent while it was dead."""
    at_s = np.arange(-(-(first_s + 60) // step_s) * step_s, first_s + 60 * len(series) + 1, step_s, dtype=np.int64)
    values = series[(at_s - first_s) // 60 - 1]
    heard = _heard(at_s.astype(np.float64), faults)
    at_s, values = at_s[heard], values[heard]
    return at_s, values


def _heard(at_s: Floats, faults: Sequence[LabelledFault]) -> npt.NDArray[np.bool_]:
    heard = np.ones(len(at_s), dtype=bool)
    for fault in faults:
        if fault.kind in SILENT_KINDS or is_outage(fault):
            heard &= (at_s < fault.start_s) | (at_s >= fault.end_s)
    return heard


def _sensor_chunks(
    campus: Campus, chosen: Sequence[Device], span: tuple[int, int], faults: Sequence[LabelledFault], chunks: _Chunks, steps: Steps
) -> None:
    by_device: dict[str, list[LabelledFault]] = defaultdict(list)
    bursts = [fault for fault in faults if fault.kind == "water.burst"]
    outages = [fault for fault in faults if is_outage(fault)]
    for fault in faults:
        by_device[fault.device_id].append(fault)
    for device in chosen:
        if device.kind in FIRE_KINDS or device.kind in _SENSORS:
            mine = [*by_device[device.id], *(bursts if device.kind is DeviceKind.HYDRANT_PRESSURE else ())]
            at_s = _sensor_times(span, min(steps.fire_s, COLD_S) if device.kind is DeviceKind.COLD_STORE else steps.fire_s, mine)
            at_s = at_s[_heard(at_s, [*by_device[device.id], *outages])]
            if device.kind is DeviceKind.DOOR_CONTROLLER:
                values = {"battery.level": door_battery(campus, device, at_s, mine)}
            else:
                values = readings(campus, device, at_s, mine)
            for metric, series in values.items():
                chunks[device.id, metric].append((np.round(at_s * 1000).astype(np.int64), series))


def _sensor_times(span: tuple[int, int], step_s: int, faults: Sequence[LabelledFault]) -> Floats:
    """Every step, and every minute around an alarm or a burst, the very second of its start and end included."""
    times = [np.arange(-(-(span[0] + 1) // step_s) * step_s, span[1] + 1, step_s, dtype=np.float64)]
    times += [
        np.append(np.arange(fault.start_s, min(fault.end_s, fault.start_s + 7200), 60), fault.end_s)
        for fault in faults
        if fault.kind in ALARM_METRIC or fault.kind in BRIEF_KINDS
    ]
    merged = np.unique(np.concatenate(times))
    result: Floats = merged[(merged > span[0]) & (merged <= span[1])]
    return result


def _door_chunks(
    campus: Campus,
    chosen: Sequence[Device],
    span: tuple[int, int],
    faults: Sequence[LabelledFault],
    chunks: _Chunks,
    events_from: datetime | None,
) -> list[Event]:
    ids = {device.id for device in chosen}
    begin_s = max(span[0], int(events_from.timestamp())) if events_from else span[0]
    doors = [fault for fault in faults if fault.device_id.startswith("door-")]
    events = [event for fault in doors if fault.kind in CONTACT_KINDS for event in fault_events(fault)]
    events += [event for fault in faults for event in scenario_events(campus, fault)]
    events += [alarm_event(fault) for fault in faults if fault.kind in ALARM_METRIC]
    for day in range(local_day(begin_s), local_day(span[1]) + 1):
        events += [
            event
            for passage in passages(campus, day, doors)
            if passage.asked_ms > begin_s * 1000
            for event in passage_events(passage)
        ]
        events += [event for event in gate_events(campus, day, faults) if event.ts_ms > begin_s * 1000]
    low, high = span[0] * 1000, span[1] * 1000
    silent = [(fault.start_s * 1000, fault.end_s * 1000) for fault in faults if is_outage(fault)]
    events = [event for event in events if not any(first <= event.ts_ms < last for first, last in silent)]
    events = sorted(
        (e for e in events if e.device_id in ids and low < e.ts_ms <= high), key=lambda e: (e.ts_ms, e.device_id, e.type)
    )
    _contact_chunks(events, chunks)
    return events


def _contact_chunks(events: Iterable[Event], chunks: _Chunks) -> None:
    contacts: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for event in events:
        if event.type in CONTACT:
            contacts[event.device_id].append((event.ts_ms, CONTACT[event.type]))
    for device_id, changes in contacts.items():
        times, values = zip(*changes, strict=True)
        chunks[device_id, "door.open"].append((np.array(times, dtype=np.int64), np.array(values, dtype=np.float64)))


def _table(chunks: _Chunks) -> pa.Table:
    keys = sorted(key for key, parts in chunks.items() if parts and len(parts[0][0]))
    devices, metrics = (sorted({key[part] for key in keys}) for part in (0, 1))
    lengths = [len(chunks[key][0][0]) for key in keys]
    columns = [
        _dictionary(np.repeat([devices.index(key[0]) for key in keys], lengths), devices),
        _dictionary(np.repeat([metrics.index(key[1]) for key in keys], lengths), metrics),
        pa.array(np.concatenate([chunks[key][0][0] for key in keys]) if keys else np.empty(0, dtype=np.int64)),
        pa.array(np.concatenate([chunks[key][0][1] for key in keys]) if keys else np.empty(0)),
    ]
    return pa.table(dict(zip(("device_id", "metric", "ts_ms", "value"), columns, strict=True)))


def _dictionary(codes: npt.NDArray[np.int64], values: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(values, pa.string()))
