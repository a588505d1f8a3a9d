"""Cold start: what is normal for a meter without a past, by what meters of the same kind and use take at that hour.

Sound for what lies far above any place of that kind: bursts, running taps, what is left on. Not for what must be known of this
very place, so those detectors go without: `low` stays unknown (a new place may well be empty, so a stand-still proves
nothing), and base load, quietest moment and pauses are the meter's own (a place may rightly draw twice its neighbours' base).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analytics.arrays import HOUR_MS, placed
from analytics.baseline import MIN_DAYS, Normal, like_days, quantiles
from analytics.calendar import Calendar, hour_table
from analytics.hourly import Hourly
from analytics.meter import Meter
from devices.model import SpaceKind, UseType

LEAST = 3
"""Fewer peers tell nothing of how places of a kind differ."""
MOST = 12
"""Those nearest in size."""
SIZES_APART = 4.0
"""A place more than so many times as large is no peer: its mains and its habits are others."""
LOOK_BACK_DAYS = 56
_SETTLED_MS = (MIN_DAYS + 1) * 24 * HOUR_MS
_SIZES = {"electricity": ("area_m2", "people"), "water": ("people", "area_m2")}
_Z90 = 1.282
_SHARES = np.array((0.5, 0.1, 0.9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Another meter's hours, and by how much they must be multiplied to be those of a place of this size."""

    hourly: Hourly
    scale: float


class Kin:
    """Who can stand in for whom among these meters, by their hours so far. `hours`: of all meters that have told anything."""

    def __init__(self, meters: Mapping[str, Meter], hours: Mapping[str, Hourly]) -> None:
        self._hours = hours
        self._groups: dict[object, list[Meter]] = defaultdict(list)
        for device_id, hourly in hours.items():
            if hourly.size and _comparable(meters[device_id]):
                self._groups[_kind(meters[device_id])].append(meters[device_id])
        self._known_ms = {kind: self._settled(group) for kind, group in self._groups.items()}

    def _settled(self, group: Sequence[Meter]) -> int | None:
        """From when on at least LEAST of them know their own days."""
        starts = sorted(self._hours[meter.device_id].start_ms for meter in group)
        return starts[LEAST - 1] + _SETTLED_MS if len(starts) >= LEAST else None

    def known_ms(self, meter: Meter) -> int | None:
        """Before this moment (epoch ms UTC) peers know nothing either; None: it has none."""
        return self._known_ms.get(_kind(meter)) if _comparable(meter) else None

    def of(self, meter: Meter, by_ms: int) -> tuple[Peer, ...]:
        """At most MOST of those that knew their own days by then, nearest in size; none where there are fewer than LEAST.

        Never a meter above or beneath it.
        """
        found: list[tuple[float, str]] = []
        for other in self._groups.get(_kind(meter), ()):
            scale = _scale(meter, other)
            related = other.device_id == meter.device_id or other.device_id in meter.below or meter.device_id in other.below
            settled = self._hours[other.device_id].start_ms + _SETTLED_MS <= by_ms
            if scale is not None and settled and not related:
                found.append((scale, other.device_id))
        nearest = sorted(found, key=lambda one: (abs(np.log(one[0])), one[1]))[:MOST]
        return tuple(Peer(hourly=self._hours[other], scale=scale) for scale, other in nearest) if len(nearest) >= LEAST else ()


def _kind(meter: Meter) -> tuple[str, SpaceKind, UseType]:
    return meter.quantity, meter.level, meter.use


def _comparable(meter: Meter) -> bool:
    """Sites are no peers of each other, and of a place whose use nobody has said nothing is known."""
    return meter.level is not SpaceKind.SITE and meter.use is not UseType.CAMPUS


def _scale(meter: Meter, other: Meter) -> float | None:
    """Water goes by heads, electricity by area, each by the other where it must; rooms of one use without either are alike."""
    for name in _SIZES[meter.quantity]:
        mine, theirs = getattr(meter, name), getattr(other, name)
        if mine and theirs:
            scale = float(mine) / float(theirs)
            return scale if 1 / SIZES_APART <= scale <= SIZES_APART else None
    unknown = not any(getattr(one, name) for one in (meter, other) for name in _SIZES[meter.quantity])
    return 1.0 if unknown and meter.level is SpaceKind.ROOM else None


def with_peers(own: Normal, hours: Hourly, peers: Sequence[Peer], calendar: Calendar, use: UseType) -> Normal:
    """`own` with the hours it does not know from the peers, scaled. Causal: for each hour only days before it count.

    The spread is that within a place and that between places together, the latter the wider the fewer they are
    (prediction of one more by Student's t, about 1 + 2/n).
    """
    missing = np.flatnonzero(np.isnan(own.expected))
    if len(peers) < LEAST or not missing.size:
        return own
    span = slice(int(missing[0]), int(missing[-1]) + 1)
    theirs = _together(peers, hours.start_ms + span.start * HOUR_MS, span.stop - span.start, calendar, use)
    known = np.isnan(own.expected[span]) & (theirs.peers > 0)
    parts = {name: getattr(own, name).copy() for name in ("expected", "high", "top", "peers")}
    for name, values in parts.items():
        values[span][known] = getattr(theirs, name)[known]
    return Normal(low=own.low, warmth=own.warmth, **parts)


def _together(peers: Sequence[Peer], start_ms: int, count: int, calendar: Calendar, use: UseType) -> Normal:
    """What the peers say of `count` hours from `start_ms` on."""
    back = LOOK_BACK_DAYS * 24
    table = hour_table(calendar, use, start_ms - back * HOUR_MS, back + count)
    days = table.class_of_day.size
    grid = np.full((days, 24, len(peers)), np.nan)
    for number, peer in enumerate(peers):
        theirs = placed(peer.hourly.measured, peer.hourly.start_ms, (start_ms - back * HOUR_MS, back + count))
        grid[table.day, table.hour, number] = peer.scale * theirs
    found = like_days(grid.reshape(days, -1), table.class_of_day, days - int(table.day[back]))
    median, _, high, top = found.reshape(4, days, 24, -1)[:, table.day[back:], table.hour[back:]]
    number = np.sum(np.isfinite(median), axis=1)
    each = 1 / np.maximum(number, 1)
    expected, low_place, high_place = quantiles(median[:, None], _SHARES, LEAST)[:, :, 0]
    between = (high_place - low_place) / (2 * _Z90) * (1 + 2 * each)
    within = quantiles((high - median)[:, None], _SHARES, LEAST)[0, :, 0] / _Z90
    high = expected + _Z90 * np.hypot(between, within)
    most = quantiles(top[:, None], _SHARES, LEAST)[2, :, 0] * (1 + each)
    return Normal(
        expected=expected,
        low=np.full(count, np.nan),
        high=high,
        top=np.fmax(most, high),
        peers=np.where(np.isfinite(expected), number, 0),
        warmth=np.zeros(count),
    )
