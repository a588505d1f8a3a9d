"""Courses that a stream has not shown before, whatever it measures."""

from dataclasses import dataclass
from enum import StrEnum
from itertools import product

import numpy as np
from sklearn.metrics.pairwise import manhattan_distances

from analytics.arrays import Floats, Ints


class Shape(StrEnum):
    """What is kept of a stretch of rows."""

    MEAN = "mean"
    RANGE = "range"
    CHANGE = "change"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusualParams:
    """Lengths count in learning spans: the rows at the beginning of which nothing is said.

    A window is `length` stretches long, a stretch is a learning span / `stretches` x a scale. Where its stretches begin is chance,
    so that the mean over `phases` of them counts. A window is unusual when it lies `limit` times farther from all earlier ones
    than any did lately (`half_life`), `young` more so at first; what several scales and shapes see adds up, by the `power` mean
    (as a sum: the greatest counts most). After an alarm the stream has `hold` to calm down. `earlier` bounds the windows that one
    is compared with; the first `settle` of the learning span is not judged, and should hold a cycle of the stream (a day).
    """

    scales: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0)
    windows: tuple[tuple[Shape, int], ...] = (
        (Shape.RANGE, 8),
        (Shape.RANGE, 4),
        (Shape.MEAN, 8),
        (Shape.CHANGE, 8),
        (Shape.CHANGE, 4),
    )
    stretches: int = 110
    phases: int = 4
    power: float = 8.0
    limit: float = 1.2
    half_life: float = 5.5
    young: float = 0.15
    hold: float = 0.15
    settle: float = 0.25
    least_spread: float = 0.001
    earlier: int = 4000


PARAMS = UnusualParams()
_AT_ONCE = 128
"""Windows."""
_MOST = 1e9
"""A stream that was constant has no limit to how new anything else is."""


def scores(value: Floats, learn_rows: int, params: UnusualParams = PARAMS) -> Floats:
    """0..1 for each row of `value` (any unit; NaN = gap), from that row and those before it; 0.5 and more is an alarm.

    What for: streams for which no rule of ours says what is wrong (pressures, temperatures, counters of strangers). A stretch
    that looks like none before is new; how new is judged by how new such stretches have been lately, so that no unit and no
    series needs a setting. What was seen once is known and not told again. When it fails: faults that look like
    something seen before, streams that never repeat, changes slower than a few windows.
    Reference: nearest-neighbour novelty, conformal (Burnaev and Ishimtsev 2016); judged on NAB (Lavin and Ahmad 2015),
    where an isolation forest over the same past reaches 42 of 100 and this 74 (tools/compare_models.py).
    """
    value = _without_gaps(value)
    if learn_rows < params.stretches // 4 or value.size <= learn_rows:
        return np.zeros(value.size)
    powers = np.zeros(value.size)
    for scale, window in product(params.scales, params.windows):
        rows = max(1, round(learn_rows / params.stretches * scale))
        powers += _over_phases(value, rows, window, learn_rows, params) ** params.power
    age = np.maximum(np.arange(value.size), learn_rows)
    ratio = powers ** (1 / params.power) / (1 + params.young * learn_rows / age)
    ratio[:learn_rows] = 0.0
    return _held(ratio / (2 * params.limit), round(params.hold * learn_rows))


def _without_gaps(value: Floats) -> Floats:
    """Each gap filled with the value before it; the first ones with zero."""
    known = np.maximum.accumulate(np.where(np.isfinite(value), np.arange(value.size), -1))
    return np.where(known >= 0, value[np.maximum(known, 0)], 0.0)


def _over_phases(value: Floats, rows: int, window: tuple[Shape, int], learn_rows: int, params: UnusualParams) -> Floats:
    """The mean of the ratios where the stretches begin at other rows, at most `phases` of them."""
    phases = min(params.phases, rows)
    total = np.zeros(value.size)
    for first in (phase * rows // phases for phase in range(phases)):
        total[first:] += np.minimum(_ratio(value[first:], rows, window, learn_rows - first, params), _MOST)
    return np.asarray(total / phases, np.float64)


def _ratio(value: Floats, rows: int, window: tuple[Shape, int], learn_rows: int, params: UnusualParams) -> Floats:
    """For each row, how much newer the last whole window is than any was lately."""
    stretches = _stretches(value, rows, window[0])
    if stretches.shape[1] < 2 * window[1]:
        return np.zeros(value.size)
    windows = np.lib.stride_tricks.sliding_window_view(stretches, window[1], axis=1)
    novelty = _novelty(np.ascontiguousarray(windows.transpose(1, 0, 2).reshape(windows.shape[1], -1)), window[1], params)
    ends = (np.arange(novelty.size) + window[1]) * rows - 1
    known = max(int(np.searchsorted(ends, learn_rows)), 1)
    floor = params.least_spread * float(np.std(value[:learn_rows])) + 1e-9 * float(np.abs(value[:learn_rows]).max(initial=0.0))
    first = int(np.searchsorted(ends, learn_rows * params.settle))
    newer = _against_lately(novelty, first, 0.5 ** (1 / (params.half_life * known)), max(floor, 1e-12))
    last: Ints = np.searchsorted(ends, np.arange(value.size), side="right") - 1
    return np.where(last >= 0, newer[np.maximum(last, 0)], 0.0)


def _stretches(value: Floats, rows: int, shape: Shape) -> Floats:
    """Shape (features, number of stretches)."""
    parts = value[: value.size // rows * rows].reshape(-1, rows)
    if shape is Shape.RANGE:
        return np.stack((parts.min(axis=1), parts.max(axis=1)))
    mean = parts.mean(axis=1)
    course: Floats = np.diff(mean, prepend=mean[:1]) if shape is Shape.CHANGE else mean
    return course[np.newaxis]


def _novelty(windows: Floats, length: int, params: UnusualParams) -> Floats:
    """Mean absolute distance to the nearest of the earlier windows that do not overlap; 0 where there are none."""
    novelty = np.zeros(len(windows))
    for first in range(length, len(windows), _AT_ONCE):
        index = np.arange(first, min(first + _AT_ONCE, len(windows)))
        ends = index - length + 1
        begins = np.maximum(ends - params.earlier, 0)
        among = np.arange(begins[0], ends[-1])
        distance = manhattan_distances(windows[index], windows[among])
        distance[(among >= ends[:, None]) | (among < begins[:, None])] = np.inf
        novelty[index] = distance.min(axis=1) / windows.shape[1]
    return novelty


def _against_lately(novelty: Floats, first: int, keep: float, floor: float) -> Floats:
    """Each novelty over the largest before it, which fades by `keep` a window and is never less than `floor`."""
    ratio, lately = np.zeros(novelty.size), 0.0
    for index, new in enumerate(novelty[first:].tolist(), start=first):
        ratio[index] = new / max(lately, floor)
        lately = max(lately * keep, new)
    return ratio


def _held(score: Floats, hold: int) -> Floats:
    """At most one alarm in `hold` rows; the rows after it stay below."""
    last = -hold - 1
    calm = np.minimum(score, 0.499)
    for index in np.flatnonzero(score >= 0.5).tolist():
        if index - last > hold:
            calm[index], last = min(float(score[index]), 1.0), index
    return calm
