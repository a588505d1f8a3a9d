"""Appliances that a house allows in its rooms: by word, by power, or because they were there when the room was taken over."""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from analytics.arrays import HOUR_MS, Floats, Ints
from analytics.calendar import hour_table
from analytics.scene import Scene


class Allowed(NamedTuple):
    """A pulse that holds a power in between (W), is over within so many seconds begun between the hours `first` and `last`.
    `wire`: it heats by a wire, so it may begin cold."""

    low_w: float
    high_w: float
    longest_s: float
    first: int = 0
    last: int = 24
    wire: bool = True


WORDS: Mapping[str, Allowed] = MappingProxyType(
    {"hair_dryer": Allowed(0.0, 1_350.0, 420.0), "microwave": Allowed(920.0, 1_510.0, 300.0, wire=False)}
)
"""Words of a meter's attribute `allowed`. Tracebase: microwaves draw 970-1,420 W for 22-217 s and a few per cent less
or more with the voltage. Hot plates (up to 900 W) stay below.
A house that allows dryers by day only says `hair_dryer@7-22`."""

_MICROWAVE = re.compile(r"microwave:(\d+)W")
_POWER = re.compile(r"(\d+)-(\d+)W:(\d+)s")
_HOURS = re.compile(r"(\d{1,2})-(\d{1,2})")

STRONG_W, LEAST_J = 800.0, 30_000.0
"""Laser printers draw at most 700 W; and whatever the rule for appliances could tell (40,000 J) must have been learned here."""
MEAL_S = 300.0
BESIDE_W = 200.0
"""A lamp or a screen that goes on meanwhile."""
BEFORE, JUST_BEFORE = 24, 4
"""Samples."""
STRONGER = 1.02
"""Mains voltage varies, and with it the power."""


@lru_cache(maxsize=1024)
def allowed_of(words: frozenset[str]) -> tuple[Allowed, ...]:
    """Each word as what it allows: `microwave`, `microwave:1560W` (a strong one), `hair_dryer` or `1250-1360W:160s`; `@6-23`
    behind it gives the hours of the day. Words that are neither are left out."""
    found = (_read(word) for word in words)
    return tuple(one for one in found if one is not None)


def _read(word: str) -> Allowed | None:
    name, _, hours = word.partition("@")
    power = _POWER.fullmatch(name)
    low, high, longest = (float(part) for part in power.groups()) if power else (0.0, 0.0, 0.0)
    one = Allowed(low, high, longest) if power else WORDS.get(name)
    if strongest := _MICROWAVE.fullmatch(name):
        one = WORDS["microwave"]._replace(high_w=float(strongest[1]))
    span = _HOURS.fullmatch(hours)
    return one._replace(first=int(span[1]), last=int(span[2])) if one is not None and span else one


def is_open(one: Allowed, scene: Scene, ts_ms: int) -> bool:
    """Whether that appliance may be on at this time, by the site's clock."""
    if (one.first, one.last) == (0, 24):
        return True
    table = hour_table(scene.site.calendar, scene.meter.use, ts_ms // HOUR_MS * HOUR_MS, 1)
    return one.first <= int(table.hour[0]) < one.last


def seen_in(ts_ms: Ints, power: Floats) -> frozenset[str]:
    """The words for what was in use in days in which nothing forbidden was there, as when a room is taken over: more than LEAST_J
    joules within MEAL_S, in samples STRONG_W above the level before, can only have been a microwave then."""
    good = np.isfinite(power) & (np.diff(ts_ms, prepend=ts_ms[:1]) >= 0)
    ts_ms, power = ts_ms[good], power[good]
    if power.size < 2 * BEFORE:
        return frozenset()
    above = power - _least_before(power, BEFORE)
    seconds = np.minimum(np.diff(ts_ms, prepend=ts_ms[:1]) / 1000, 60.0)
    joules = np.concatenate(([0.0], np.cumsum(np.where(above >= STRONG_W, above, 0.0) * seconds)))
    meal = joules[1:] - joules[np.searchsorted(ts_ms, ts_ms - int(MEAL_S * 1000), side="right")]
    if not (meal >= LEAST_J).any():
        return frozenset()
    held = np.minimum(power[1:], power[:-1]) - _least_before(power, JUST_BEFORE)[:-1]
    strongest = STRONGER * float(np.max(held[above[:-1] > BESIDE_W], initial=0.0))
    return frozenset({"microwave" if strongest <= WORDS["microwave"].high_w else f"microwave:{strongest:.0f}W"})


def _least_before(power: Floats, count: int) -> Floats:
    """The lowest of so many samples before each."""
    padded = np.concatenate((np.full(count, np.inf), power[:-1]))
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, count).min(axis=1), np.float64)
