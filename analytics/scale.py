"""Whether a meter counts a wrong share of what flows, told by the meters around it: no weather and no habit changes that.

Two measures must agree. A meter with others beneath it: they count what it does not, and the main above it misses just that.
A meter with nothing beneath: beside those that hang on the same main, of its own usual it counts so many times what they count
of theirs, and the main's balance (sub-meters and the usual rest) no longer closes, by just what this factor takes away or adds.
A place that is really used less closes its balance, so it is not told.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analytics.arrays import Bools, Floats, placed
from analytics.baseline import like_days
from analytics.calendar import Calendar, DayClass, HourTable, hour_table
from analytics.episodes import Run, runs
from analytics.hourly import Hourly
from analytics.meter import Meter
from devices.model import UseType

SLOT_HOURS = 6
"""Night, morning, afternoon, evening: a wrong factor is there in each, what people do is not."""
_SLOTS = 24 // SLOT_HOURS
SUSPECT = 0.2
"""Of a natural logarithm: a factor within 1/1.22 to 1.22 is no fault of the meter."""
CLOSES = (0.65, 1.35)
"""So much of what the factor would take from the balance must be missing in it."""
EVEN = 0.35
"""Of a natural logarithm: so far apart the factors of one day may lie."""
BEFORE_HOURS = 36


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scale:
    """Per hour of a view: the `factor` with which it counts beside its like, and whether the balance says `confirmed`, by the
    last slot of SLOT_HOURS that was over with that hour. Not `known`: one of the meters around it has a gap."""

    factor: Floats
    confirmed: Bools
    known: Bools

    def since(self, first: int) -> "Scale":
        """From hour `first` on."""
        return Scale(factor=self.factor[first:], confirmed=self.confirmed[first:], known=self.known[first:])

    def runs(self, wanted: Bools) -> list[Run]:
        """Where a `wanted` factor came at once and held for a whole day, by night and by day alike."""
        off = self.known & self.confirmed & wanted
        sure = off & self._even_for_a_day(off)
        found: list[Run] = []
        for run in runs(off, at_least=1, clear_after=2 * SLOT_HOURS, known=self.known):
            day = np.flatnonzero(sure[run.first : run.last + 1])
            first = max(run.first - SLOT_HOURS + 1, 0)  # a slot is told with its last hour
            if day.size and self._sudden(first):
                found.append(Run(first=first, last=run.last, sure=run.first + int(day[0]), open=run.open))
        return found

    def denies(self, run: Run) -> bool:
        """Whether the balance closed in most of the run: what was counted less (or more) did really flow so."""
        span = slice(run.first, run.last + 1)
        known = self.known[span]
        return bool(2 * known.sum() >= known.size and 2 * (known & self.confirmed[span]).sum() < known.sum())

    def _even_for_a_day(self, off: Bools) -> Bools:
        """Whether the last four slots were off, by about the same factor."""
        last = [_ago(np.where(off, self.factor, np.nan), SLOT_HOURS * back) for back in range(_SLOTS)]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.log(np.max(last, axis=0) / np.min(last, axis=0)) <= EVEN, np.bool_)

    def _sudden(self, first: int) -> bool:
        """It counted like its like in the day before, but for the slot in which it began."""
        span = slice(max(first - BEFORE_HOURS, 0), max(first - SLOT_HOURS, 0))
        before = self.factor[span][self.known[span]]
        return bool(before.size and abs(np.log(max(float(np.median(before)), 1e-9))) < SUSPECT)


def _ago(values: Floats, hours: int) -> Floats:
    return np.concatenate((np.full(hours, np.nan), values))[: values.size]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Round:
    """A main and the meters directly beneath it, by slots. `excess`: what of the `whole` count of the main is beyond them and the
    usual rest.

    `counted` and `factor` by sub-meter; `suspected`: what the factors beyond SUSPECT take from the balance together.
    """

    table: HourTable
    start_ms: int
    whole: Floats
    excess: Floats
    counted: Mapping[str, Floats]
    factor: Mapping[str, Floats]
    suspected: Floats


class Scales:
    """Of all meters of a site. `hours`: of those that have told anything."""

    def __init__(self, meters: Mapping[str, Meter], hours: Mapping[str, Hourly], calendar: Calendar, days: int | None) -> None:
        self._calendar, self._days = calendar, days
        self._hours = {device_id: hourly for device_id, hourly in hours.items() if hourly.size}
        self._main: dict[str, str] = {}
        self._below: dict[str, tuple[str, ...]] = {}
        for device_id, meter in meters.items():
            if meter.below and meter.quantity == "electricity":
                deeper = frozenset[str]().union(*(meters[one].below for one in meter.below if one in meters))
                self._below[device_id] = tuple(sorted(one for one in meter.below - deeper if one in meters))
                self._main |= dict.fromkeys(self._below[device_id], device_id)
        self._rounds: dict[str, _Round | None] = {}

    def of(self, device_id: str, start_ms: int, count: int) -> Scale | None:
        """For `count` hours from `start_ms` on; None where no meters around it can tell."""
        above = self._round(self._main.get(device_id, ""))
        own = self._round(device_id) if device_id in self._below else None
        if above is None and own is not None:
            return _alone(own, (start_ms, count))
        if above is None or (own is None and len(above.factor) < 2):
            return None
        factor, confirmed, known = _beside(device_id, above) if own is None else _between(device_id, own, above)
        spread = (_hourly(values, above, (start_ms, count)) for values in (factor, confirmed.astype(float), known.astype(float)))
        factor, sure, told = spread
        return Scale(factor=factor, confirmed=sure == 1, known=told == 1)

    def _round(self, main: str) -> _Round | None:
        if main not in self._rounds:
            names = self._below.get(main, ())
            whole = main in self._hours and bool(names) and all(name in self._hours for name in names)
            self._rounds[main] = self._made(main, names) if whole else None
        return self._rounds[main]

    def _made(self, main: str, names: tuple[str, ...]) -> _Round:
        hourly = self._hours[main]
        table = hour_table(self._calendar, UseType.CAMPUS, hourly.start_ms, hourly.size)
        own = _slots(hourly.measured, table)
        ordinary = (table.class_of_day < DayClass.HOLIDAY)[:, None]  # of holidays too little is known to compare
        counted = {
            name: _slots(placed(self._hours[name].measured, self._hours[name].start_ms, (hourly.start_ms, hourly.size)), table)
            for name in names
        }
        rest = own - np.sum(list(counted.values()), axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            factor = _factors({name: values / self._usual(values, table) for name, values in counted.items()})
            doubted = {name: np.abs(np.log(values)) >= SUSPECT for name, values in factor.items()}
            missing = [np.where(doubted[name], np.nan_to_num(counted[name] * (1 / factor[name] - 1)), 0.0) for name in names]
        return _Round(
            table=table,
            start_ms=hourly.start_ms,
            whole=own.ravel(),
            excess=np.where(ordinary, rest - self._usual(rest, table), np.nan).ravel(),
            counted={name: values.ravel() for name, values in counted.items()},
            factor={name: values.ravel() for name, values in factor.items()},
            suspected=np.sum(missing, axis=0).ravel(),
        )

    def _usual(self, rows: Floats, table: HourTable) -> Floats:
        usual = like_days(rows, table.class_of_day, None if self._days is None else self._days + 2)[0]
        return np.asarray(usual, np.float64)


def _alone(own: _Round, onto: tuple[int, int]) -> Scale:
    """Of a main that nothing feeds: where its balance closes it counts right; where not, it may be the others."""
    with np.errstate(invalid="ignore", divide="ignore"):
        closes = np.abs(np.log(own.whole / (own.whole - own.excess))) < SUSPECT
    known = _hourly(closes.astype(float), own, onto) == 1
    return Scale(factor=np.ones(known.size), confirmed=np.zeros(known.size, np.bool_), known=known)


def _between(device_id: str, own: _Round, above: _Round) -> tuple[Floats, Bools, Bools]:
    """Factor, confirmed and known by slots, of a meter with others beneath: what they count and it does not (or the other way
    round) is its fault where the main misses (or has) the same."""
    counted, less = above.counted[device_id], _moved(-own.excess, own, above)
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.where(counted + less > 0, counted / (counted + less), np.nan)
        confirmed = above.excess / less >= CLOSES[0]
    return factor, np.asarray(confirmed, np.bool_), np.isfinite(factor) & np.isfinite(above.excess)


def _beside(device_id: str, above: _Round) -> tuple[Floats, Bools, Bools]:
    """The same of a meter with nothing beneath, beside its like: the main misses what the others' faults do not explain."""
    factor = above.factor[device_id]
    with np.errstate(invalid="ignore", divide="ignore"):
        missing = above.counted[device_id] * (1 / factor - 1)
        others = above.suspected - np.where(np.abs(np.log(factor)) >= SUSPECT, np.nan_to_num(missing), 0.0)
        share = (above.excess - others) / missing
        confirmed = (share >= CLOSES[0]) & (share <= CLOSES[1])
    return factor, np.asarray(confirmed, np.bool_), np.isfinite(factor) & np.isfinite(above.excess)


def _factors(share: Mapping[str, Floats]) -> dict[str, Floats]:
    """Of each meter its share over the median share of all, or of two over the other's; NaN where it is not known."""
    every = np.array(list(share.values()))
    like = every[::-1] if len(every) == 2 else np.broadcast_to(_median(every), every.shape)
    return {name: every[number] / like[number] for number, name in enumerate(share)}


def _median(rows: Floats) -> Floats:
    """Over the first axis, of what is known; NaN where nothing is."""
    if not len(rows):
        return np.full(rows.shape[1:], np.nan)
    ordered = np.sort(rows, axis=0)  # NaN last
    count = np.isfinite(rows).sum(axis=0)
    low, high = (np.take_along_axis(ordered, np.maximum(at, 0)[None], axis=0)[0] for at in ((count - 1) // 2, count // 2))
    high = np.where(count % 2 == 0, high, low)
    return np.asarray(np.where(count > 0, (low + high) / 2, np.nan), np.float64)


def _slots(values: Floats, table: HourTable) -> Floats:
    """(days, slots) sums; NaN where an hour is missing."""
    grid = np.full((table.class_of_day.size, 24), np.nan)
    grid[table.day, table.hour] = values
    return np.asarray(grid.reshape(-1, _SLOTS, SLOT_HOURS).sum(axis=2), np.float64)


def _moved(slots: Floats, one: _Round, other: _Round) -> Floats:
    """The slots of one main's days in the order of another's."""
    shift = (other.table.first_day - one.table.first_day).days * _SLOTS
    at = np.arange(other.excess.size) + shift
    return np.where((at >= 0) & (at < slots.size), slots[np.clip(at, 0, slots.size - 1)], np.nan)


def _hourly(slots: Floats, one: _Round, onto: tuple[int, int]) -> Floats:
    """Each hour with the last slot that was over at its end."""
    table = one.table
    ended = table.day * _SLOTS + (table.hour + 1) // SLOT_HOURS - 1
    values = np.where(ended >= 0, slots[np.maximum(ended, 0)], np.nan)
    return placed(values, one.start_ms, onto)
