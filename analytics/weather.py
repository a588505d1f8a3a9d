"""The outdoor temperature's share of what a meter takes, learned from its own past: so much per degree of heating or cooling.

Degree-hours below a heating or above a cooling threshold (ASHRAE Guideline 14, change-point models), set against the like days
before: how much more than they did a day take, and how many more degrees did it have? The slope is the weighted median of
these ratios (least absolute deviations through the origin), which bears faults. Kept only where it explains days that were
held out clearly better than the like days alone; else everything is as without it.
"""

from bisect import bisect_left
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from analytics.arrays import Bools, Floats, Ints
from analytics.base_load import DayLevels, quietest, weeks_before
from analytics.baseline import Normal, learn, like_days, quantiles
from analytics.calendar import Calendar, HourTable, hour_table
from devices.model import UseType

HEATING_C = (6.0, 10.0, 14.0, 18.0)
COOLING_C = (20.0, 23.0, 26.0)
_SEASONS = (slice(0, len(HEATING_C)), slice(len(HEATING_C), None))
FIRST_DAYS = 28
"""Of history before the first fit."""
REFIT_DAYS = (7, 28)
"""So often the fit is made anew, and once the past is longer than LONG_DAYS."""
LONG_DAYS = 112
LEAST_DAYS = 10
"""Days whose degrees differ by at least LEAST_K from those of their like days."""
LEAST_K = 1.0
FOLDS = 4
BETTER = 0.85
"""The held-out days' absolute error must fall below this share of that of the like days alone, and in most folds fall."""
CAP = 4.0
"""No day's error counts for more than so many times the middle one: faults would drown what the weather explains."""
LEAST_DOUBT = 0.1
"""Of the shift, to either side; more where the folds do not agree."""
UNSEEN_K = 2.0
_AWAY = 2
_KINDS = np.array((0, 1, _AWAY, _AWAY, 0))
"""By DayClass; the last is that of exams, -1."""
_GROUPS = tuple((is_open, is_away) for is_open in (0, 1) for is_away in (0, 1))
_MEMORY_DAYS = 140
"""Further back no like day and no week before lies."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weather:
    """Outdoor °C for each hour from `start_ms` (epoch ms UTC, an hour's start) on, NaN where it is not known."""

    start_ms: int
    celsius: Floats


class Climate(NamedTuple):
    """What the weather was on a meter's days. (thresholds, days, hours): degrees, degrees beyond those of the like days.

    `daily`: the latter summed over the hours of each group (open or not, people away or not), (groups, thresholds, days).
    `kind` of each day: people come as on school days, as on weekends, or are away (holidays, vacation). `mean`: °C of each day.
    """

    degrees: Floats
    warmer: Floats
    daily: Floats
    groups: Bools
    open: Ints
    kind: Ints
    mean: Floats


class Fit(NamedTuple):
    """Use per degree-hour by (heating or cooling, closed or open, kind of day, hour), the thresholds used, the doubt."""

    slope: Floats
    threshold: Ints
    doubt: float


Fits = MutableMapping[int, Fit | None]
"""By the day (proleptic ordinal) on which each begins to hold; None where the weather explains nothing."""


def climate_of(weather: Weather, calendar: Calendar, use: UseType, table: HourTable) -> Climate:
    """Of the days of `table`; NaN where the temperature is not known."""
    first, whole = _climate(weather, calendar, use)
    days = np.arange(table.class_of_day.size) + table.first_day.toordinal() - first
    inside = (days >= 0) & (days < whole.kind.size)
    at = np.clip(days, 0, max(whole.kind.size - 1, 0))
    opened = np.zeros((days.size, 24), np.int64)
    opened[table.day, table.hour] = table.open
    kind = _KINDS[table.class_of_day]
    return Climate(
        degrees=np.where(inside[:, None], whole.degrees[:, at], np.nan),
        warmer=np.where(inside[:, None], whole.warmer[:, at], np.nan),
        daily=np.where(inside, whole.daily[:, :, at], np.nan),
        groups=_groups(opened, kind),
        open=opened,
        kind=kind,
        mean=np.where(inside, whole.mean[at], np.nan),
    )


@lru_cache(maxsize=16)
def _climate(weather: Weather, calendar: Calendar, use: UseType) -> tuple[int, Climate]:
    """Of all days of the weather; the first of them. Cached: all meters of a use share it."""
    table = hour_table(calendar, use, weather.start_ms, weather.celsius.size)
    count = table.class_of_day.size
    outdoor, opened = np.full((count, 24), np.nan), np.zeros((count, 24), np.int64)
    outdoor[table.day, table.hour], opened[table.day, table.hour] = weather.celsius, table.open
    heating = [np.maximum(threshold - outdoor, 0.0) for threshold in HEATING_C]
    degrees = np.array([*heating, *(np.maximum(outdoor - threshold, 0.0) for threshold in COOLING_C)])
    rows = degrees.transpose(1, 0, 2).reshape(count, -1)
    warmer = degrees - like_days(rows, table.class_of_day)[0].reshape(count, -1, 24).transpose(1, 0, 2)
    kind = _KINDS[table.class_of_day]
    groups = _groups(opened, kind)
    known = np.isfinite(outdoor).sum(axis=1)
    mean = np.where(known >= 18, np.nansum(outdoor, axis=1) / np.maximum(known, 1), np.nan)
    daily = np.array([_daily(warmer, group) for group in groups])
    return table.first_day.toordinal(), Climate(degrees, warmer, daily, groups, opened, kind, mean)


def _groups(opened: Ints, kind: Ints) -> Bools:
    """(groups, days, hours): who is not there heats nothing, so these are judged each by themselves."""
    away = (kind == _AWAY)[:, None]
    return np.array([(opened == is_open) & (away == bool(is_away)) for is_open, is_away in _GROUPS])


def with_weather(
    measured: Floats, table: HourTable, climate: Climate, fits: Fits, days: int | None = None
) -> tuple[Normal, DayLevels | None]:
    """The normal, shifted by the weather wherever it is known to matter, and the daily base without it (None: it never matters).

    Causal: each stretch of REFIT_DAYS is judged by what the days before it taught. `fits`: what is known of them already, and
    what is found. `days`: only the last so many are wanted.
    """
    count, begun = table.class_of_day.size, table.first_day.toordinal()
    wanted = _stretches(begun, count, 0 if days is None else max(count - days, 0))
    missing = [span for span in wanted if begun + span.start not in fits]
    normal = learn(measured, table, None if missing else days)
    use = np.full((count, 24), np.nan)
    use[table.day, table.hour] = measured
    if missing:
        beyond = use.copy()
        beyond[table.day, table.hour] -= normal.expected
        daily = [_daily(beyond, group) for group in climate.groups]
        fits.update({begun + span.start: _fit(climate, beyond, daily, span.start) for span in missing})
    fields = {name: getattr(normal, name).copy() for name in ("expected", "low", "high", "top", "warmth")}
    levels: DayLevels | None = None
    for span in wanted:
        fit = fits[begun + span.start]
        if fit is not None:
            back = max(span.start - _MEMORY_DAYS, 0)
            effect = _effect(climate, fit, slice(back, span.stop))
            _shift(fields, (use[back : span.stop], effect), (table, span), fit.doubt)
            levels = _levels(levels, (use, effect), table, span)
    return (normal if levels is None else Normal(peers=normal.peers, **fields)), levels


def _stretches(begun: int, count: int, first: int) -> list[range]:
    """Between two fits each, those that end after day `first`. Fits fall on the same dates however long the past is."""
    starts = [FIRST_DAYS] if count > FIRST_DAYS else []
    starts += [day for day in range(FIRST_DAYS + 1, count) if (begun + day) % REFIT_DAYS[day > LONG_DAYS] == 0]
    spans = [range(start, end) for start, end in pairwise([*starts, count])]
    return [span for span in spans if span.stop > first]


def unseen(climate: Climate) -> Bools:
    """Per day: heating or cooling weather by UNSEEN_K beyond all but LEAST_DAYS days before it: nobody can know what it takes."""
    found = np.zeros(climate.mean.size, np.bool_)
    for sign, limit in ((-1.0, -max(HEATING_C)), (1.0, min(COOLING_C))):
        past: list[float] = []
        for day, mean in enumerate((sign * climate.mean).tolist()):
            known = len(past) >= LEAST_DAYS
            found[day] |= mean > limit and (not known or mean > past[-LEAST_DAYS] + UNSEEN_K)
            if np.isfinite(mean):
                past.insert(bisect_left(past, mean), mean)
    return found


def _fit(climate: Climate, beyond: Floats, daily: Sequence[Floats], before: int) -> Fit | None:
    """By the days before that one; None where the weather explains nothing that the like days do not."""
    slope, threshold = np.zeros((2, 2, 3, 24)), np.zeros(2, np.int64)
    doubt, found = LEAST_DOUBT, False
    for season, part in enumerate(_SEASONS):
        known = np.zeros(len(_GROUPS), np.bool_)
        judged = [_judge(climate.daily[group, part, :before], daily[group][:before]) for group in range(len(_GROUPS))]
        best = int(np.argmax(np.sum([one.gain for one in judged], axis=0)))
        threshold[season] = best + (part.start or 0)
        for group, (is_open, is_away) in enumerate(_GROUPS):
            one = judged[group]
            known[group] = one.days[best] >= LEAST_DAYS
            if one.gain[best] > 0:
                found, doubt = True, max(doubt, float(one.doubt[best]))
                kinds = (_AWAY,) if is_away else (0, 1)
                hours = np.where(climate.groups[group, :before], climate.warmer[threshold[season], :before], np.nan)
                slope[season, is_open, kinds] = _by_hour(hours, beyond[:before], climate.kind, (kinds, float(one.slope[best])))
            if is_away and not known[group]:  # their first days away: who knows who stays
                slope[season, is_open, _AWAY] = slope[season, is_open, 0]
    return Fit(slope, threshold, doubt) if found else None


class _Judged(NamedTuple):
    """Per threshold: days that tell, error spared on held-out ones (0: not clearly better), slope, how far folds differ."""

    days: Ints
    gain: Floats
    slope: Floats
    doubt: Floats


def _daily(values: Floats, hours: Bools) -> Floats:
    """Sum over those hours of each day; NaN where fewer than three quarters of them are known."""
    chosen = np.where(hours, values, 0.0)
    known = np.isfinite(chosen) & hours
    wanted = hours.sum(axis=-1)
    enough = (known.sum(axis=-1) >= 0.75 * wanted) & (wanted > 0)
    return np.where(enough, np.where(known, chosen, 0.0).sum(axis=-1), np.nan)


def _judge(warmer: Floats, use: Floats) -> _Judged:
    """`warmer`: (thresholds, days) degree-hours beyond like days; `use`: kWh or m3 beyond them."""
    known = np.isfinite(warmer) & np.isfinite(use)
    moved = known & (np.abs(warmer) >= LEAST_K * 12)
    days = np.flatnonzero(moved.any(axis=0))
    fold = np.zeros(use.size, np.int64)
    fold[days] = np.arange(days.size) * FOLDS // max(days.size, 1)
    outside = np.array([fold != number for number in range(FOLDS)])[:, None]
    slopes = np.maximum(_slopes(warmer, use, np.concatenate((moved & outside, moved[None]))), 0.0)
    held = moved & ~outside
    size = np.where(moved, np.abs(use), np.nan)
    most = CAP * quantiles(size[None], np.array((0.5,)), 1)[0, 0, :, None]
    error = np.where(held, np.fmin(np.abs(use - slopes[:FOLDS, :, None] * warmer), most), 0.0).sum(axis=2)
    alone = np.where(held, np.fmin(size, most), 0.0).sum(axis=2)
    gain = (alone - error).sum(axis=0)
    better = (error.sum(axis=0) <= BETTER * alone.sum(axis=0)) & (moved.sum(axis=1) >= LEAST_DAYS)
    better &= ((error < alone).sum(axis=0) * 2 > (alone > 0).sum(axis=0)) & ((alone > 0).sum(axis=0) > 1)
    whole = slopes[FOLDS]
    doubt = np.ptp(slopes[:FOLDS], axis=0) / 2 / np.where(whole > 0, whole, np.inf)
    return _Judged(moved.sum(axis=1), np.where(better, gain, 0.0), whole, doubt)


def _slopes(warmer: Floats, use: Floats, chosen: Bools) -> Floats:
    """(choices, thresholds): the weighted median of use / warmer over the chosen days, 0 where there are none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(chosen.any(axis=0), use / warmer, np.inf)
    order = np.argsort(ratio, axis=-1)
    weight = np.where(chosen, np.abs(warmer), 0.0)
    total = np.cumsum(np.take_along_axis(weight, np.broadcast_to(order, weight.shape), axis=-1), axis=-1)
    middle = np.sum(total < total[..., -1:] / 2, axis=-1)
    at = np.take_along_axis(np.broadcast_to(order, weight.shape), np.minimum(middle, weight.shape[-1] - 1)[..., None], axis=-1)[
        ..., 0
    ]
    found = np.take_along_axis(np.broadcast_to(ratio, weight.shape), at[..., None], axis=-1)[..., 0]
    return np.asarray(np.where(total[..., -1] > 0, found, 0.0), np.float64)


def _by_hour(warmer: Floats, beyond: Floats, kind: Ints, whole: tuple[tuple[int, ...], float]) -> Floats:
    """(kinds, 24): the slope of each hour, or that of all together where too few days tell."""
    kinds, together = whole
    found = np.zeros((len(kinds), 24))
    with np.errstate(invalid="ignore"):
        known = np.isfinite(beyond) & (np.abs(warmer) >= LEAST_K / 2)
    for index, one in enumerate(kinds):
        mine = np.flatnonzero(kind[: len(warmer)] == one)
        enough = known[mine].T
        slopes = np.maximum(_slopes(warmer[mine].T, beyond[mine].T, enough[None])[0], 0.0)
        found[index] = np.where(enough.sum(axis=1) >= LEAST_DAYS, slopes, together)
    return found


def _effect(climate: Climate, fit: Fit, days: slice) -> Floats:
    """(days, 24): the weather's share of each hour, in the meter's unit."""
    kind, opened, hour = climate.kind[days, None], climate.open[days], np.arange(24)
    parts = [fit.slope[season][opened, kind, hour] * climate.degrees[fit.threshold[season], days] for season in (0, 1)]
    return np.asarray(parts[0] + parts[1], np.float64)


def _shift(fields: dict[str, Floats], known: tuple[Floats, Floats], where: tuple[HourTable, range], doubt: float) -> None:
    """Quantiles of the like days as they would have been in the weather of the day itself. `known`: use and effect up to it."""
    (use, effect), (table, span) = known, where
    classes = table.class_of_day[span.stop - len(use) : span.stop]
    calm = like_days(np.concatenate((use - effect, effect), axis=1), classes, len(span))[:, -len(span) :]
    today = effect[-len(span) :]
    shift = today - calm[0, :, 24:]
    expected, low, high, top = np.maximum(calm[:, :, :24] + today, 0.0)
    doubtful = doubt * np.abs(shift)
    first, last = np.searchsorted(table.day, (span.start, span.stop))
    day, hour = table.day[first:last] - span.start, table.hour[first:last]
    found = {"expected": expected, "low": np.maximum(low - doubtful, 0.0), "high": high + doubtful, "top": top + doubtful}
    told = np.isfinite(expected[day, hour]) & np.isfinite(today[day, hour])
    for name, values in (found | {"warmth": shift}).items():
        fields[name][first:last] = np.where(told, values[day, hour], fields[name][first:last])


def _levels(levels: DayLevels | None, known: tuple[Floats, Floats], table: HourTable, span: range) -> DayLevels:
    """The daily base of the span's days and of the weeks before them, without the weather's share by the fit of today.

    Only where that makes it rise less: a slope too steep would take from the cold weeks what today stands out by.
    """
    use, effect = known
    if levels is None:
        daily = quietest(use)
        levels = DayLevels(daily, weeks_before(daily, table.class_of_day))
    back = span.stop - len(effect)
    calm = quietest(np.maximum(use[back : span.stop] - effect, 0.0))
    weeks = weeks_before(calm, table.class_of_day[back : span.stop], len(span))[:, -len(span) :]
    today = calm[-len(span) :]
    with np.errstate(invalid="ignore"):
        told = today - weeks[0] < (levels.daily - levels.weeks[0])[span.start : span.stop]
    levels.daily[span.start : span.stop][told] = today[told]
    levels.weeks[:, span.start : span.stop][:, told] = weeks[:, told]
    return levels
