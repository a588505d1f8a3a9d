"""The record of a cold store or laboratory: lowest, highest and mean per interval, excursions and how long, and what nobody knows.

What an inspector asks for (GB 31605, HACCP principle 7): the values, the limits, the excursions, and where nothing was known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from analytics.arrays import Bools, Floats, Ints
from analytics.detectors import cold_chain, fire_level
from devices.model import Device, DeviceKind

METRICS = ("env.temperature", "env.humidity", "gas.lel", "co.concentration")
KINDS = frozenset({DeviceKind.COLD_STORE, DeviceKind.ENVIRONMENT_SENSOR, DeviceKind.GAS_DETECTOR, DeviceKind.CO_DETECTOR})
"""Devices that keep such a record."""

_OWN: Mapping[str, tuple[str, str]] = {"env.temperature": ("min_c", "max_c"), "env.humidity": ("min_rh", "max_rh")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is allowed, in the metric's unit; infinite where nobody has set a limit. `grace_s`: shorter excursions alarm nobody."""

    low: float
    high: float
    grace_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """[start, end) in epoch ms. `low`, `high`, `mean`: None where nothing was measured. `outside_s`: outside the limits;
    `unknown_s`: without readings, as far as the interval is over."""

    start_ms: int
    end_ms: int
    count: int
    low: float | None
    high: float | None
    mean: float | None
    outside_s: float
    unknown_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Excursion:
    """From the first reading outside to the first one inside again, or to the last reading before a gap (`lost`)."""

    start_ms: int
    end_ms: int
    worst: float
    lost: bool
    going_on: bool

    @property
    def seconds(self) -> float:
        return (self.end_ms - self.start_ms) / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    intervals: tuple[Interval, ...]
    excursions: tuple[Excursion, ...]
    gaps: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """`edges_ms`: of the intervals, ascending; `until_ms`: what is later has not happened yet; `silence_ms`: a reading stands
    for so long at most, a longer silence is a gap."""

    edges_ms: tuple[int, ...]
    until_ms: int
    silence_ms: int


def limits_of(device: Device, metric: str) -> Limits:
    """A store's by its attributes or for chilled food, a room's by its attributes, of gas the level at which it alarms."""
    if device.kind is DeviceKind.COLD_STORE and metric in _OWN:
        low, high = cold_chain.limits(device, metric)
        return Limits(low=low, high=high, grace_s=device.number("grace_s", cold_chain.DEFAULTS.grace_s))
    if metric in _OWN:
        low_name, high_name = _OWN[metric]
        low, high = device.number(low_name, float("-inf")), device.number(high_name, float("inf"))
        return Limits(low=low, high=high, grace_s=device.number("grace_s", cold_chain.DEFAULTS.grace_s))
    levels = fire_level.LEVELS.get(metric, ((float("inf"), 0.0),))
    return Limits(low=float("-inf"), high=device.number(f"alarm.{metric}", levels[0][0]), grace_s=levels[0][1] * 60)


def record(ts_ms: Ints, value: Floats, limits: Limits, span: Span) -> Record:
    """Of readings by time, from one silence before the first edge on, so that it is known what held there."""
    kept = np.isfinite(value) & (ts_ms < min(span.edges_ms[-1], span.until_ms))
    ts_ms, value = ts_ms[kept], value[kept]
    end_ms = min(span.edges_ms[-1], span.until_ms)
    if not ts_ms.size:
        first_ms = span.edges_ms[0]
        nothing = np.zeros(len(span.edges_ms))
        gaps = ((first_ms, end_ms),) if end_ms > first_ms else ()
        return Record(intervals=_intervals(ts_ms, value, span, (nothing, nothing)), excursions=(), gaps=gaps)
    lasts_ms = np.diff(ts_ms, append=end_ms)
    held = lasts_ms <= span.silence_ms
    outside = (value < limits.low) | (value > limits.high)
    return Record(
        intervals=_intervals(ts_ms, value, span, (_time_in(held & outside, ts_ms, span), _time_in(held, ts_ms, span))),
        excursions=tuple(_excursions(ts_ms, value, (outside, held), limits, span)),
        gaps=tuple(_gaps(ts_ms, held, span)),
    )


def _time_in(counted: Bools, ts_ms: Ints, span: Span) -> Floats:
    """How many ms from the first reading to each edge lie in stretches that count."""
    end_ms = min(span.edges_ms[-1], span.until_ms)
    knots = np.append(ts_ms, end_ms).astype(np.float64)
    total = np.concatenate(([0.0], np.cumsum(np.where(counted, np.diff(knots), 0.0))))
    return np.interp(np.asarray(span.edges_ms, np.float64), knots, total)


def _intervals(ts_ms: Ints, value: Floats, span: Span, sums: tuple[Floats, Floats]) -> tuple[Interval, ...]:
    places = np.searchsorted(ts_ms, span.edges_ms)
    outside_ms, known_ms = (np.diff(one) for one in sums)
    found = []
    for number, (start_ms, end_ms) in enumerate(pairwise(span.edges_ms)):
        part = value[places[number] : places[number + 1]]
        over_ms = max(min(end_ms, span.until_ms) - start_ms, 0)
        found.append(
            Interval(
                start_ms=start_ms,
                end_ms=end_ms,
                count=part.size,
                low=float(part.min()) if part.size else None,
                high=float(part.max()) if part.size else None,
                mean=float(part.mean()) if part.size else None,
                outside_s=float(outside_ms[number]) / 1000,
                unknown_s=max(over_ms - float(known_ms[number]), 0.0) / 1000,
            )
        )
    return tuple(found)


def _excursions(ts_ms: Ints, value: Floats, marks: tuple[Bools, Bools], limits: Limits, span: Span) -> list[Excursion]:
    outside, held = marks
    after_gap = np.concatenate(([True], ~held[:-1]))
    begins = np.flatnonzero(outside & (after_gap | ~np.concatenate(([False], outside[:-1]))))
    ends = np.flatnonzero(outside & (~held | ~np.concatenate((outside[1:], [False]))))
    next_ms = np.append(ts_ms[1:], min(span.edges_ms[-1], span.until_ms))
    far = np.fmax(value - limits.high, limits.low - value)
    found = []
    for first, last in zip(begins.tolist(), ends.tolist(), strict=True):
        worst = first + int(np.argmax(far[first : last + 1]))
        end_ms = int(next_ms[last]) if held[last] else int(ts_ms[last])
        going_on = bool(held[last]) and last == ts_ms.size - 1
        if end_ms >= span.edges_ms[0]:
            one = Excursion(
                start_ms=int(ts_ms[first]), end_ms=end_ms, worst=float(value[worst]), lost=not held[last], going_on=going_on
            )
            found.append(one)
    return found


def _gaps(ts_ms: Ints, held: Bools, span: Span) -> list[tuple[int, int]]:
    """Also before the first reading, where that is long enough."""
    first_ms, end_ms = span.edges_ms[0], min(span.edges_ms[-1], span.until_ms)
    next_ms = np.append(ts_ms[1:], end_ms)
    found = [(first_ms, int(ts_ms[0]))] if ts_ms[0] - first_ms > span.silence_ms else []
    found += [(max(int(ts_ms[at]), first_ms), int(next_ms[at])) for at in np.flatnonzero(~held)]
    return [gap for gap in found if gap[1] > gap[0] and gap[1] > first_ms]
