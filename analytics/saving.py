"""What putting a fault right has saved: the days after beside the days of the fault, like with like.

International Performance Measurement and Verification Protocol, option C (whole meter): avoided use = what like days took
while the fault lasted - what they take now. Days are compared within their class (school day, weekend, holiday,
vacation), so that a holiday after the repair saves nothing by itself; where days are given an outdoor temperature, the
degree-days' share is taken out of both sides first.
"""

from dataclasses import dataclass

import numpy as np

from analytics.arrays import Bools, Floats, Ints

LEAST_DAYS = 2
"""Of a class, before and after, for it to count; and after the repair in all."""
MOST_DAYS = 28
"""So many days after the repair are looked at: later changes have other causes."""
BASE_CELSIUS = 18.0
"""Heating degree-days count below it, cooling degree-days above 24 (GB 50178 climate zones use 18 and 26; ASHRAE 18.3)."""
COOLING_CELSIUS = 24.0
Z_80 = 1.2816


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """Whole local days in order: use of each (kWh or m3, NaN where not measured), class, and mean outdoor °C (NaN: not known)."""

    use: Floats
    day_class: Ints
    celsius: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """Per day, in the meter's unit; negative where more is used than during the fault. `low`, `high`: the 80 % interval.

    `during`, `after`: the mean day, of the classes that were compared. `days`: days after the repair that were compared.
    """

    per_day: float
    low: float
    high: float
    during: float
    after: float
    days: int

    @property
    def proven(self) -> bool:
        """Whether the interval leaves no doubt that less is used."""
        return self.low > 0


def saving(days: Days, started: int, repaired: int) -> Saving | None:
    """`started`, `repaired`: indices of the first day with the fault and the first whole day without it.

    None while fewer than LEAST_DAYS of any class can be compared.
    """
    use = _without_weather(days)
    index = np.arange(use.size)
    known = np.isfinite(use)
    during = known & (index >= started) & (index < repaired)
    after = known & (index >= repaired) & (index < repaired + MOST_DAYS)
    compared = [
        part for day_class in np.unique(days.day_class) if (part := _compare(use, days.day_class == day_class, during, after))
    ]
    total = sum(weight for *_, weight in compared)
    if total < LEAST_DAYS:
        return None
    before_mean, after_mean, variance = (
        sum(part[at] * (part[3] / total) ** (2 if at == 2 else 1) for part in compared) for at in range(3)
    )
    half = Z_80 * float(np.sqrt(variance))
    per_day = before_mean - after_mean
    return Saving(per_day=per_day, low=per_day - half, high=per_day + half, during=before_mean, after=after_mean, days=int(total))


def _compare(use: Floats, mine: Bools, during: Bools, after: Bools) -> tuple[float, float, float, int] | None:
    """Means during and after, the variance of their difference, and the days after, of one class of days."""
    fault, repaired = use[during & mine], use[after & mine]
    if fault.size < LEAST_DAYS or repaired.size < LEAST_DAYS:
        return None
    variance = float(np.var(fault, ddof=1) / fault.size + np.var(repaired, ddof=1) / repaired.size)
    return float(np.mean(fault)), float(np.mean(repaired)), variance, int(repaired.size)


def _without_weather(days: Days) -> Floats:
    """The use at the mean of all degree-days: their share is that of least squares, never negative; unchanged without weather."""
    heating = np.maximum(BASE_CELSIUS - days.celsius, 0.0)
    cooling = np.maximum(days.celsius - COOLING_CELSIUS, 0.0)
    sound = np.isfinite(days.use) & np.isfinite(days.celsius)
    use = days.use.copy()
    for degrees in (heating, cooling):
        x, y = degrees[sound], use[sound]
        if x.size >= 14 and float(np.ptp(x)) >= 5:
            slope = max(float(np.cov(x, y, ddof=0)[0, 1] / np.var(x)), 0.0)
            use = np.where(np.isfinite(days.celsius), use - slope * (degrees - float(np.mean(x))), use)
    return use
