"""One meter as an hourly detector sees it: its hours, what is normal for them, its place and the site. And how to tell of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from analytics.arrays import HOUR_MS, Bools, Floats
from analytics.balance import Balance, balance_of
from analytics.base_load import Base, DayLevels, base_of, no_base
from analytics.baseline import Normal, learn
from analytics.calendar import HourTable, from_hour, hour_table
from analytics.episodes import Episode, Run, moment
from analytics.finding import Basis, Evidence, Finding, FindingKind, Waste
from analytics.hourly import Hourly, from_index
from analytics.ledger import LedgerNote
from analytics.meter import Meter
from analytics.network import Network, network_of
from analytics.night import Quiet, no_quiet, quiet
from analytics.pauses import Pauses, pauses_of, since_move
from analytics.peers import Kin, with_peers
from analytics.scale import Scale
from analytics.site import Site
from analytics.tariff import prices_in, waste
from analytics.weather import Climate, Fits, climate_of, unseen, with_weather
from devices.model import SpaceKind

CATCH_UP_HOURS = 3
CATCH_UP_TIMES = 2.0
EVIDENCE_BEFORE_H = 24
EVIDENCE_AT_MOST_H = 240
WARMTH_TOLD = 0.02
"""Of what is expected: less is not worth a word."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Account:
    """What the ledger says of a register: its hours, what it did, the smallest step it was seen to make.

    `below`: the hours of the meters directly beneath it. `kin`: who can stand in for it while it has no past.
    `fits`: what it is known to take in which weather; what is missing is added.
    """

    hourly: Hourly
    notes: tuple[LedgerNote, ...] = ()
    digit: float = float("nan")
    below: tuple[Hourly, ...] = ()
    kin: Kin | None = None
    fits: Fits = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """Arrays of `hourly`, `measured`, `table` and `normal` align, one entry per hour. `measured` is NaN where doubtful.

    `quiet` is only worked out for water (of electricity it knows the days), `base` for electricity.
    `balance`: of a main with sub-meters. `network`: of a water inlet with meters behind it. `scale`: by the meters around it.
    `digit`: the smallest step of the register (kWh or m3), NaN where it is not known.
    """

    meter: Meter
    site: Site
    hourly: Hourly
    measured: Floats
    table: HourTable
    normal: Normal
    quiet: Quiet
    base: Base
    pauses: Pauses
    notes: tuple[LedgerNote, ...] = ()
    digit: float = float("nan")
    balance: Balance | None = None
    network: Network | None = None
    scale: Scale | None = None

    def within(self, note: LedgerNote) -> bool:
        """Whether the register did that in the hours of this view."""
        return self.hourly.start_ms <= note.to_ms <= self.hourly.end_ms


def look(account: Account, meter: Meter, site: Site, *, days: int | None = None) -> View:
    """The meter's view; with `days`, of its last so many local days only, though learned from all that lay before."""
    hourly = account.hourly
    table = hour_table(site.calendar, meter.use, hourly.start_ms, hourly.size)
    measured = hourly.measured
    climate = _weather(meter, site, table)
    normal, levels = _normal(account, table, climate, days)
    water = meter.quantity == "water"
    stillest = quiet(hourly, measured, table, account.digit, days) if water else no_quiet(table)
    base = no_base(measured.size) if water else base_of(measured, normal.expected, table, days, levels)
    if climate is not None and meter.quantity == "electricity":
        normal, base = _as_far_as_seen(normal, base, unseen(climate)[table.day])
    balance = balance_of(hourly, account.below, table, days) if account.below else None
    network = network_of(measured, table) if _is_inlet(meter) else None
    pauses = pauses_of(measured, table)
    first = 0 if days is None else int(np.searchsorted(table.day, table.class_of_day.size - days))
    hourly, normal, measured = from_index(hourly, first), normal.since(first), measured[first:]
    normal = _or_peers(normal, hourly, meter, account.kin, site)
    return View(
        meter=meter,
        site=site,
        hourly=hourly,
        measured=np.where(_catching_up(measured, normal), np.nan, measured),
        table=from_hour(table, first),
        normal=normal,
        quiet=stillest.since(first),
        base=base.since(first),
        pauses=pauses.since(first),
        notes=account.notes,
        digit=account.digit,
        balance=balance.since(int(table.day[first])) if balance and first < table.day.size else balance,
        network=network.since(first) if network else None,
    )


def _normal(account: Account, table: HourTable, climate: Climate | None, days: int | None) -> tuple[Normal, DayLevels | None]:
    """By like days, and by the weather where it is known."""
    if climate is None:
        return learn(account.hourly.measured, table, days), None
    return with_weather(account.hourly.measured, table, climate, account.fits, days)


def _as_far_as_seen(normal: Normal, base: Base, unheard_of: Bools) -> tuple[Normal, Base]:
    """In weather that the place has never had nobody knows how much it may draw at most, nor what its base should be."""
    if not unheard_of.any():
        return normal, base
    high, top, level, day_level = (
        np.where(unheard_of, np.nan, values) for values in (normal.high, normal.top, base.level, base.day_level)
    )
    return replace(normal, high=high, top=top), replace(base, level=level, day_level=day_level)


def _weather(meter: Meter, site: Site, table: HourTable) -> Climate | None:
    if site.weather is None or not site.weather.celsius.size or not table.class_of_day.size:
        return None
    return climate_of(site.weather, site.calendar, meter.use, table)


def _or_peers(normal: Normal, hourly: Hourly, meter: Meter, kin: Kin | None, site: Site) -> Normal:
    """Where the meter knows nothing and its peers might."""
    known_ms = kin.known_ms(meter) if kin is not None else None
    if kin is None or known_ms is None or hourly.end_ms <= known_ms:
        return normal
    missing = np.flatnonzero(np.isnan(normal.expected))
    last_ms = hourly.start_ms + int(missing[-1]) * HOUR_MS if missing.size else 0
    return with_peers(normal, hourly, kin.of(meter, last_ms), site.calendar, meter.use) if last_ms >= known_ms else normal


def _is_inlet(meter: Meter) -> bool:
    """Whether a network hangs behind it."""
    return meter.quantity == "water" and meter.level in (SpaceKind.SITE, SpaceKind.BUILDING) and bool(meter.below)


def _catching_up(measured: Floats, normal: Normal) -> Bools:
    """Hours in which a register that had stood still counts what it had missed: not more than was due meanwhile."""
    due = np.nan_to_num(normal.expected)
    known = np.flatnonzero(np.isfinite(measured))
    values = measured[known]
    missed = since_move(values <= 1e-9, due[known])
    stood = since_move(values <= 1e-9, np.ones(known.size))
    after = np.zeros(measured.size, np.bool_)
    if known.size > 1:
        owed = CATCH_UP_TIMES * missed[:-1] + np.fmax(normal.top[known[1:]], due[known[1:]])
        after[known[1:]] = (stood[:-1] >= CATCH_UP_HOURS) & (missed[:-1] > 0) & (values[1:] > 0) & (values[1:] <= owed)
    return after


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What a detector has to say of a run: words, figures, and how much is wasted in each hour of it (kWh or m3)."""

    kind: FindingKind
    message: str
    cause: str
    score: float
    facts: Mapping[str, str | float]
    wasted_per_hour: float = 0.0
    hours_per_day: float = 24.0


def tell(view: View, run: Run, story: Story) -> Episode:
    """The run as an episode, with its window of evidence and its cost at the prices of those hours."""
    end_ms = view.hourly.start_ms + (run.last + 1) * HOUR_MS
    started_ms = view.hourly.start_ms + run.first * HOUR_MS
    finding = Finding(
        kind=story.kind,
        device_id=view.meter.device_id,
        space_id=view.meter.space_id,
        active=run.open,
        score=float(min(max(story.score, 0.0), 1.0)),
        started=moment(started_ms),
        seen=moment(end_ms),
        message=story.message,
        cause=story.cause,
        facts=dict(story.facts),
        evidence=evidence(view, run),
        waste=_waste(view, run, story),
    )
    return Episode(finding=finding, raised_ms=view.hourly.start_ms + (run.sure + 1) * HOUR_MS)


def evidence(view: View, run: Run) -> Evidence:
    """The run and the day before it, hour by hour, beside what was normal, and what that rests on."""
    first = max(run.first - EVIDENCE_BEFORE_H, 0)
    last = min(run.last + 1, first + EVIDENCE_AT_MOST_H)
    basis, peers = _basis(view.normal, slice(run.first, run.last + 1))
    return Evidence(
        metric=view.meter.register_metric + ".hourly",
        unit=view.meter.unit,
        observed=_points(view, view.hourly.consumption, (first, last)),
        expected=_points(view, view.normal.expected, (first, last)),
        basis=basis,
        peers=peers,
    )


def _basis(normal: Normal, span: slice) -> tuple[Basis | None, int]:
    """Of the hours of a run: peers where any hour is theirs, with the fewest of them; weather where it adds WARMTH_TOLD."""
    peers, expected = normal.peers[span], normal.expected[span]
    if (peers > 0).any():
        return Basis.PEERS, int(peers[peers > 0].min())
    if not np.isfinite(expected).any():
        return None, 0
    return (Basis.WEATHER if np.sum(np.abs(normal.warmth[span])) >= WARMTH_TOLD * np.nansum(expected) > 0 else Basis.OWN), 0


def _points(view: View, values: Floats, span: tuple[int, int]) -> tuple[tuple[int, float], ...]:
    start = view.hourly.start_ms
    return tuple((start + index * HOUR_MS, round(float(values[index]), 4)) for index in range(*span) if np.isfinite(values[index]))


def _waste(view: View, run: Run, story: Story) -> Waste:
    if story.wasted_per_hour <= 0:
        return Waste()
    table = from_hour(view.table, run.first, run.last + 1)
    rates, quantity = view.site.rates, view.meter.quantity
    price = float(np.mean(prices_in(rates, quantity, table, view.meter.use)))
    return waste(story.wasted_per_hour * story.hours_per_day, quantity, rates, price=price, day=table.first_day)
