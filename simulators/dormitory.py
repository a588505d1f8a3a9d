"""What the rooms of a dormitory draw: laptops, lights, router, an air conditioner, in some a fridge or an allowed hair dryer."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from simulators.campus import PEOPLE_PER_ROOM, stream
from simulators.noise import drift, smoothed
from simulators.timetable import MINUTES, DayKind, Floats

_Mask = npt.NDArray[np.bool_]
_AWAY = {DayKind.TERM: 0.03, DayKind.WEEKEND: 0.25, DayKind.HOLIDAY: 0.6, DayKind.VACATION: 0.95}
AC_MAX_W = 720.0
"""An inverter unit for one room; it ramps and modulates, which is what tells it from a resistive heater."""


@dataclass(frozen=True, slots=True)
class _Traits:
    """What stays the same in a room (or of a person) all year."""

    laptop_w: Floats  # per person, 65-90 W
    owl_min: Floats  # per person, how much later than others
    router_w: Floats
    lights_w: Floats
    fridge: _Mask
    fridge_phase: Floats
    cool_above_c: Floats
    heat_below_c: Floats


@lru_cache(maxsize=4)
def _traits(seed: int, rooms: int) -> _Traits:
    rng = stream(seed, "rooms")
    people = rooms * PEOPLE_PER_ROOM
    return _Traits(
        laptop_w=rng.uniform(65, 90, people),
        owl_min=np.clip(rng.normal(0, 22, people), -40, 45),
        router_w=rng.uniform(9, 14, rooms),
        lights_w=rng.uniform(30, 44, rooms),
        fridge=rng.random(rooms) < 0.15,
        fridge_phase=rng.uniform(0, 44, rooms),
        cool_above_c=rng.uniform(25.5, 29, rooms),
        heat_below_c=rng.uniform(3, 8, rooms),
    )


def room_power_w(seed: int, day: int, kind: DayKind, outdoor_c: Floats, dryers: Sequence[bool]) -> Floats:
    """Mean power of each minute of a local day in W, shape (rooms, 1440); `dryers`: which rooms have an allowed hair dryer."""
    traits, rng = _traits(seed, len(dryers)), stream(seed, "room-day", day)
    present, awake = _people(traits, rng, kind)
    up = present & awake
    sessions = np.repeat(rng.random((len(present), 48)) < 0.6, MINUTES // 48, axis=1)
    laptops = up * sessions * traits.laptop_w[:, None] * (0.85 * drift(rng, len(present), 0.15))
    power = traits.router_w[:, None] + _by_room(laptops + present * 2.5)
    power = power + _lights(traits, rng, _any_in_room(up))
    power = power + _air_conditioning(traits, rng, _any_in_room(present), outdoor_c)
    power = power + _fridges(traits, day)
    power *= 1 + rng.normal(0, 0.008, power.shape)
    _hair_dryers(power, dryers, rng, _any_in_room(up))
    result: Floats = np.maximum(power, 3.0)
    return result


def _people(traits: _Traits, rng: np.random.Generator, kind: DayKind) -> tuple[_Mask, _Mask]:
    """Who is in and who is awake, (people, 1440) each."""
    people, minute = len(traits.owl_min), np.arange(MINUTES)[None, :]

    def at(hour: float, spread_min: float) -> Floats:
        drawn: Floats = (hour * 60 + rng.normal(0, spread_min, people))[:, None]
        return drawn

    owl = traits.owl_min[:, None]
    if kind is DayKind.TERM:
        wake, outs = at(6.9, 12) + owl / 3, (at(7.65, 8), at(13.7, 8), at(18.7, 35))
        backs = (at(12.4, 30), at(17.3, 40), at(21.6, 30))
    else:
        wake, outs = at(8.4, 45) + owl, (at(9.8, 60), at(13.6, 50), at(18.0, 50))
        backs = (at(12.5, 40), at(16.9, 60), at(20.8, 60))
    sleep = np.minimum(at(23.2, 12) + owl / 2, MINUTES - 2)
    present = np.ones((people, MINUTES), dtype=np.bool_)
    stays = rng.random((3, people, 1)) < (0.12 if kind is DayKind.TERM else 0.4)
    for out, back, stay in zip(outs, backs, stays, strict=True):
        present = present & ((minute < out) | (minute >= back) | stay).astype(np.bool_)
    present = np.logical_and(present, rng.random((people, 1)) >= _AWAY[kind])
    return present, (minute >= wake) & (minute < sleep)


def _by_room(values: Floats) -> Floats:
    result: Floats = values.reshape(-1, PEOPLE_PER_ROOM, MINUTES).sum(axis=1)
    return result


def _any_in_room(mask: _Mask) -> _Mask:
    return np.asarray(mask.reshape(-1, PEOPLE_PER_ROOM, MINUTES).any(axis=1), dtype=np.bool_)


def _lights(traits: _Traits, rng: np.random.Generator, up: _Mask) -> Floats:
    minute = np.arange(MINUTES)
    dark = (minute < 7.2 * 60) | (minute > 17.2 * 60)
    by_day = rng.random((len(up), 1)) < 0.3
    result: Floats = up * (dark | by_day) * traits.lights_w[:, None]
    return result


def _air_conditioning(traits: _Traits, rng: np.random.Generator, present: _Mask, outdoor_c: Floats) -> Floats:
    too_warm: Floats = np.maximum(outdoor_c - traits.cool_above_c[:, None], 0.0)
    too_cold: Floats = np.maximum(traits.heat_below_c[:, None] - outdoor_c, 0.0)
    need: Floats = too_warm + too_cold
    wanted: Floats = (190 + 65 * need).clip(0, AC_MAX_W) * (need > 0) * present * drift(rng, len(present), 0.06)
    result: Floats = smoothed(wanted, 9).clip(0, AC_MAX_W)
    return result


def _fridges(traits: _Traits, day: int) -> Floats:
    minute = day * MINUTES + np.arange(MINUTES)[None, :]
    on = ((minute + traits.fridge_phase[:, None]) % 44 < 15) & traits.fridge[:, None]
    return np.where(on, 78.0, 0.0).astype(np.float64)


def _hair_dryers(power: Floats, dryers: Sequence[bool], rng: np.random.Generator, up: _Mask) -> None:
    """Allowed ones: 700-1,100 W for 2-5 minutes before school and before bed, one at a time and only where somebody is up."""
    for room in np.flatnonzero(dryers):
        free = 0
        for start in sorted(_dryer_minutes(rng)):
            last, watts = start + int(rng.integers(2, 6)), rng.uniform(700, 1100)
            if start >= free and up[room, start]:
                power[room, start:last] += watts
                free = last + 5


def _dryer_minutes(rng: np.random.Generator) -> list[int]:
    spans = [(6.9, 7.5) if rng.random() < 0.3 else (20.5, 22.6) for _ in range(rng.poisson(1.2))]
    return [int(rng.uniform(first, last) * 60) for first, last in spans]
