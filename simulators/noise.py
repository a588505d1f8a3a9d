"""Slow noise: what real loads do around their mean."""

import numpy as np

from simulators.timetable import MINUTES, Floats


def drift(rng: np.random.Generator, rows: int, spread: float, knot_minutes: int = 10) -> Floats:
    """Factors around 1, (rows, 1440): normal at every `knot_minutes`, linear between, at least 0."""
    knots = MINUTES // knot_minutes + 1
    values = rng.normal(1, spread, (rows, knots))
    weight = np.tile(np.arange(knot_minutes) / knot_minutes, knots - 1)
    left, right = np.repeat(values[:, :-1], knot_minutes, axis=1), np.repeat(values[:, 1:], knot_minutes, axis=1)
    result: Floats = np.maximum(left + (right - left) * weight, 0)
    return result


def smoothed(values: Floats, minutes: int) -> Floats:
    """The mean of the last `minutes` columns: how a ramped machine follows its set point."""
    padded = np.concatenate([np.repeat(values[:, :1], minutes, axis=1), values], axis=1)
    sums = np.cumsum(padded, axis=1)
    result: Floats = (sums[:, minutes:] - sums[:, :-minutes]) / minutes
    return result


def smoothed_row(values: Floats, minutes: int) -> Floats:
    """The same for one row of minutes."""
    result: Floats = smoothed(values[None, :], minutes)[0]
    return result
