"""Places beside each other: use in ordinary weather, the median of their kind, and how much energy goes into hours of use."""

from dataclasses import dataclass

import numpy as np

from analytics.arrays import Bools, Floats, Ints
from analytics.saving import BASE_CELSIUS, COOLING_CELSIUS

LEAST_DAYS = 14
LEAST_RANGE = 5.0
"""Degrees by which days must differ before their weather can be told from their use."""
BASE_SHARE = 0.1
"""The base is what a tenth of the hours stay below."""
CLEARLY_ABOVE = 1.5
LEAST_ABOVE_KWH = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class DegreeDays:
    """Heating below 18 °C and cooling above 24 °C, mean per day (GB 50178, ASHRAE)."""

    heating: float
    cooling: float


def degree_days(celsius: Floats) -> DegreeDays | None:
    """Of the days whose temperature is known; None where none is."""
    known = celsius[np.isfinite(celsius)]
    if not known.size:
        return None
    heating, cooling = np.maximum(BASE_CELSIUS - known, 0), np.maximum(known - COOLING_CELSIUS, 0)
    return DegreeDays(heating=float(heating.mean()), cooling=float(cooling.mean()))


def in_ordinary_weather(use: Floats, celsius: Floats, ordinary: DegreeDays) -> float | None:
    """Mean use a day as it would have been with `ordinary` degree-days; None where too few days tell weather from use.

    The share of each degree is that of least squares over the days, never negative. `use`, `celsius`: per day, NaN not known.
    """
    sound = np.isfinite(use) & np.isfinite(celsius)
    if np.count_nonzero(sound) < LEAST_DAYS:
        return None
    heating, cooling = np.maximum(BASE_CELSIUS - celsius[sound], 0), np.maximum(celsius[sound] - COOLING_CELSIUS, 0)
    mean = float(use[sound].mean())
    for degrees, usual in ((heating, ordinary.heating), (cooling, ordinary.cooling)):
        if float(np.ptp(degrees)) >= LEAST_RANGE:
            slope = max(float(np.cov(degrees, use[sound], ddof=0)[0, 1] / np.var(degrees)), 0.0)
            mean += slope * (usual - float(degrees.mean()))
    return max(mean, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomUse:
    """Of one room over some days. `used`: hours in which power stands clearly above the base; kWh."""

    kwh_per_day: float
    base_kwh_per_h: float
    used_hours_per_day: float
    kwh_per_used_hour: float | None
    unused_share: float


def room_use(hours: Floats) -> RoomUse | None:
    """`hours`: kWh of each hour, NaN not known; None below a day of known hours. Base: the quietest tenth."""
    known = hours[np.isfinite(hours)]
    if known.size < 24:
        return None
    base = float(np.quantile(known, BASE_SHARE))
    used: Bools = known > max(base * CLEARLY_ABOVE, base + LEAST_ABOVE_KWH)
    total, count = float(known.sum()), int(np.count_nonzero(used))
    return RoomUse(
        kwh_per_day=float(known.mean()) * 24,
        base_kwh_per_h=base,
        used_hours_per_day=count / known.size * 24,
        kwh_per_used_hour=total / count if count else None,
        unused_share=float(known[~used].sum()) / total if total > 0 else 0.0,
    )


def openings(ts_ms: Ints, value: Floats) -> int:
    """How often a door went from closed to open; what it was before the first sample is taken as closed."""
    is_open = value[np.argsort(ts_ms, kind="stable")] >= 0.5
    return int(np.count_nonzero(is_open & ~np.concatenate(([False], is_open[:-1])))) if is_open.size else 0
