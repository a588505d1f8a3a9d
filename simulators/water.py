"""What every water meter's own draws take: cisterns, taps, showers and kitchens as Poisson events by the people who are there."""

import numpy as np

from devices.model import Space, SpaceKind, UseType
from simulators.campus import Campus, stream
from simulators.meters import MeterTree
from simulators.noise import smoothed_row
from simulators.timetable import MINUTES, DayKind, Floats, breaks, date_of, day_kind, occupancy

CISTERN_L = 9.0
SHOWER_L_PER_MIN, SHOWER_MIN = 6.5, 7
BACKGROUND_L_PER_H = 45.0
"""Joints and valves of about a kilometre of mains (40 L/km/h, McKenzie 1999): on the site's main only."""
LIVED_IN = {DayKind.TERM: 0.97, DayKind.WEEKEND: 0.75, DayKind.HOLIDAY: 0.4, DayKind.VACATION: 0.05}
_NIGHT_USE = 0.06
"""Share of sleepers' hours in which somebody flushes; gives about 0.3 L/h per person from 2 to 5 in the night."""


def own_draws_l(campus: Campus, tree: MeterTree, day: int) -> Floats:
    """Litres in each minute of a local day, (meters, 1440), without what flows on to sub-meters."""
    kind, rng = day_kind(day), stream(campus.seed, "water", day)
    draws = np.zeros((len(tree.ids), MINUTES))
    for index, space in enumerate(tree.spaces):
        if space.kind is SpaceKind.FLOOR:
            draws[index] = _floor_l(space, kind, rng)
        elif space.kind is SpaceKind.BUILDING:
            draws[index] = _cleaning_l(space, kind, rng)
        elif space.kind is SpaceKind.SITE:
            draws[index] = BACKGROUND_L_PER_H / 60 + _irrigation_l(day, rng)
    return draws


def _floor_l(space: Space, kind: DayKind, rng: np.random.Generator) -> Floats:
    people, share = space.people or 0, occupancy(space.use, kind)
    if space.use is UseType.DORMITORY:
        return _dormitory_l(people * LIVED_IN[kind], share, rng)
    if space.use is UseType.CANTEEN:
        return _canteen_l(people, share, rng)
    bell = np.where(breaks(kind) > 0, 2.6, 0.55)
    flushes: Floats = people * share * bell * (0.1 / 60)
    return _events(rng, flushes, 5.0) + _taps(rng, flushes * 1.6)


def _dormitory_l(people: float, awake: Floats, rng: np.random.Generator) -> Floats:
    asleep = people * np.maximum(0.6 - awake, 0) * _NIGHT_USE / 60 * _night()
    here = people * awake
    hours = np.arange(MINUTES) / 60
    evening = np.exp(-(((hours - 21.8) / 0.9) ** 2)) * 0.55 + np.exp(-(((hours - 7) / 0.5) ** 2)) * 0.1
    showers = rng.poisson(here * evening / 60).astype(float)
    showering = smoothed_row(showers, SHOWER_MIN) * SHOWER_MIN * SHOWER_L_PER_MIN
    washing = rng.poisson(here * (hours > 9) * (hours < 22) * 0.02 / 60).astype(np.float64) * 45.0
    washed = smoothed_row(washing, 25)
    return _events(rng, here * 0.55 / 60 + asleep, CISTERN_L) + _taps(rng, here * 1.6 / 60 + asleep * 0.7) + showering + washed


def _canteen_l(people: int, share: Floats, rng: np.random.Generator) -> Floats:
    kitchen = np.minimum(share * 1.3, 1.0).astype(np.float64) * 26.0 * rng.gamma(6.0, 1 / 6, MINUTES)
    return _events(rng, people * share * 0.05 / 60, 5.0) + _taps(rng, people * share * 0.5 / 60) + kitchen * (share > 0)


def _cleaning_l(space: Space, kind: DayKind, rng: np.random.Generator) -> Floats:
    """Cleaners fill buckets from an unmetered tap early and late."""
    minutes = np.arange(MINUTES)
    hours = ((minutes > 390) & (minutes < 450)) | ((minutes > 1240) & (minutes < 1290))
    rate: Floats = (
        hours.astype(np.float64) * (0.1 if kind in (DayKind.TERM, DayKind.WEEKEND) else 0.02) * (1 + (space.area_m2 or 0) / 4000)
    )
    return _events(rng, rate, 10.0)


def _irrigation_l(day: int, rng: np.random.Generator) -> Floats:
    """The sports ground is watered at dawn on dry days of the warm months."""
    minutes = np.arange(MINUTES)
    on = 5 <= date_of(day).month <= 9 and rng.random() < 0.5
    return np.where((minutes >= 300) & (minutes < 340) & on, 75.0, 0.0).astype(np.float64)


def _events(rng: np.random.Generator, per_minute: Floats, litres: float) -> Floats:
    """Cisterns that refill over two minutes."""
    counts = rng.poisson(per_minute).astype(float)
    return smoothed_row(counts * litres, 2)


def _taps(rng: np.random.Generator, per_minute: Floats) -> Floats:
    counts = rng.poisson(per_minute)
    result: Floats = np.where(counts > 0, rng.gamma(np.maximum(counts, 1) * 2.0, 0.6), 0.0)
    return result


def _night() -> Floats:
    hours = np.arange(MINUTES) / 60
    result: Floats = np.where((hours < 6.5) | (hours > 23), 1.0, 0.0)
    return result
