# ruff: noqa: INP001 - a script, not a package
"""The detectors with and without the outdoor temperature: `python tools/compare_weather.py [--seed 7] [--days 399]`.

Electricity of the simulated campus without any fault, over seasons and with a heat wave and a cold spell: every finding is false.
Then the same with things left on and base loads that have crept up: these must still be found. docs/adr/014 keeps the figures.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from analytics.arrays import HOUR_MS, Floats
from analytics.book import known_hours
from analytics.calendar import hour_table
from analytics.episodes import Episode
from analytics.finding import FindingKind
from analytics.hourly import on_grid
from analytics.meter import Meter, meters_of
from analytics.site import Site
from analytics.watch import Watch
from analytics.weather import FIRST_DAYS, Weather
from devices.model import DeviceKind, SpaceKind, UseType
from simulators import weather
from simulators.campus import Campus, build_campus
from simulators.loads import day_amounts
from simulators.meters import meter_tree
from simulators.timetable import day_of, day_start_s

START = datetime(2025, 10, 20, tzinfo=UTC)
SPELLS = {"heat wave": (range(210, 216), 9.0), "cold spell": (range(376, 382), -11.0)}
"""Days since START and how many K beyond the simulator's own weather: late May and early November."""
_JUDGED = {"heat wave": range(208, 219), "cold spell": range(374, 386)}
_CLOSED_USES = (UseType.TEACHING, UseType.LABORATORY, UseType.LIBRARY)
_FAULTS = 60
_TOLD = frozenset({FindingKind.ELEC_LEFT_ON, FindingKind.ELEC_CREEPING_BASE})
"""What has crept up is at first told as left on: it draws at night too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    kind: FindingKind
    device_id: str
    first_h: int
    last_h: int
    kw: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--days", type=int, default=399)
    given = parser.parse_args()
    campus = build_campus(given.seed)
    used, celsius = simulated(campus, given.days)
    start_ms = day_start_s(day_of(START)) * 1000
    known = Weather(start_ms=start_ms, celsius=celsius)
    meters = {device_id: meter for device_id, meter in meters_of(campus.registry).items() if device_id in used}
    faults = drawn(meters, used, start_ms, given.days)
    for name, site in (("without", Site()), ("with", Site(weather=known))):
        _print_false(name, episodes(meters, used, site, start_ms), start_ms)
        raised = episodes(meters, with_faults(used, faults), site, start_ms)
        for kind in (FindingKind.ELEC_LEFT_ON, FindingKind.ELEC_CREEPING_BASE):
            mine = [fault for fault in faults if fault.kind is kind]
            found = sum(any(_tells(episode, fault, start_ms) for episode in raised) for fault in mine)
            print(f"  {kind}: {found} of {len(mine)} put in are found")  # noqa: T201


def simulated(campus: Campus, days: int) -> tuple[dict[str, Floats], Floats]:
    """kWh per hour of each meter, °C of each hour; the simulator's weather is made worse for as long as this takes."""
    plain, first = weather._spell, day_of(START)
    extra = {first + day: kelvin for span, kelvin in SPELLS.values() for day in span}
    weather._spell = lambda seed, day: plain(seed, day) + extra.get(day, 0.0)
    tree, span = meter_tree(campus, DeviceKind.ELECTRICITY_METER), range(first, first + days)
    try:
        amounts = [day_amounts(campus, tree, day).reshape(len(tree.ids), 24, 60).sum(axis=2) for day in span]
        celsius = [weather.outdoor_temperature_c(campus.seed, day).reshape(24, 60).mean(axis=1) for day in span]
    finally:
        weather._spell = plain
    return dict(zip(tree.ids, np.concatenate(amounts, axis=1), strict=True)), np.concatenate(celsius)


def drawn(meters: dict[str, Meter], used: dict[str, Floats], start_ms: int, days: int) -> list[Fault]:
    """Half of them things left on over the closed hours of a night, half base loads that rise by 0.35 for twelve days."""
    rng, found = np.random.default_rng(11), []
    floors = [one for one in meters.values() if one.level is SpaceKind.FLOOR and one.use in _CLOSED_USES]
    for number, day in enumerate(rng.integers(2 * FIRST_DAYS, days - 14, _FAULTS).tolist()):
        meter = floors[int(rng.integers(len(floors)))]
        if number % 2:
            base = float(np.quantile(used[meter.device_id][: FIRST_DAYS * 24], 0.1))
            fault = Fault(
                kind=FindingKind.ELEC_CREEPING_BASE, device_id=meter.device_id, first_h=day * 24, last_h=(day + 12) * 24,
                kw=max(0.35 * base, 0.6),
            )  # fmt: skip
        else:
            is_open = hour_table(Site().calendar, meter.use, start_ms, days * 24).open
            opens = int(np.argmax(is_open[(day + 1) * 24 :])) + (day + 1) * 24
            last_h = min(opens, (day + 1) * 24 + 7)
            kw = float(rng.uniform(1.5, 5.0))
            fault = Fault(kind=FindingKind.ELEC_LEFT_ON, device_id=meter.device_id, first_h=day * 24 + 23, last_h=last_h, kw=kw)
        found.append(fault)
    return found


def with_faults(used: dict[str, Floats], faults: Sequence[Fault]) -> dict[str, Floats]:
    raised = {device_id: row.copy() for device_id, row in used.items()}
    for fault in faults:
        raised[fault.device_id][fault.first_h : fault.last_h] += fault.kw
    return raised


def episodes(meters: dict[str, Meter], used: dict[str, Floats], site: Site, start_ms: int) -> list[Episode]:
    watch = Watch(meters, site)
    for device_id, row in used.items():
        hours = start_ms + HOUR_MS * np.arange(row.size)
        watch.books[device_id] = known_hours(watch.books[device_id], on_grid(hours, row, np.zeros(row.size, np.uint8)))
    return watch.episodes(start_ms + HOUR_MS * max(row.size for row in used.values()))


def _tells(episode: Episode, fault: Fault, start_ms: int) -> bool:
    first, last = (start_ms + hour * HOUR_MS for hour in (fault.first_h, fault.last_h + 24))
    same = episode.finding.device_id == fault.device_id and episode.finding.kind in _TOLD
    return same and first <= episode.raised_ms <= last


def _print_false(name: str, raised: Sequence[Episode], start_ms: int) -> None:
    counted = Counter(episode.finding.kind for episode in raised)
    print(f"{name} the temperature: {len(raised)} findings where nothing is wrong; {dict(counted)}")  # noqa: T201
    for spell, days in _JUDGED.items():
        inside = sum((episode.raised_ms - start_ms) // (24 * HOUR_MS) in days for episode in raised)
        print(f"  in and after the {spell}: {inside}")  # noqa: T201


if __name__ == "__main__":
    main()
