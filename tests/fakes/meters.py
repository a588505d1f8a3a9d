"""Meters and their hours for tests: four quiet weeks of a teaching floor, to which a test adds what it needs."""

from collections.abc import Mapping

import numpy as np

from analytics.arrays import HOUR_MS, Floats
from analytics.calendar import hour_table
from analytics.hourly import Hourly
from analytics.ledger import LedgerNote
from analytics.meter import Meter
from analytics.site import Site
from analytics.view import Account, View, look
from devices.model import SpaceKind, UseType
from devices.profiles import Register

START_MS = 1_788_192_000_000
"""2026-09-01 00:00 in Shanghai (16:00 UTC the day before), a Tuesday in term."""
SITE = Site()


def meter(
    quantity: str = "electricity", level: SpaceKind = SpaceKind.FLOOR, use: UseType = UseType.TEACHING, **more: object
) -> Meter:
    settings: dict[str, object] = {
        "device_id": "m-1",
        "space_id": "f-1",
        "quantity": quantity,
        "level": level,
        "use": use,
        "register": Register(modulus=1e5, max_per_hour=400.0),
        "interval_s": 30.0,
    }
    return Meter(**(settings | more))  # type: ignore[arg-type]


def usual(one: Meter, *, days: int = 28, closed: float = 0.5, opened: float = 4.0, seed: int = 1) -> Floats:
    """Hours of a place with low use when closed and more when open, with a few per cent of scatter."""
    table = hour_table(SITE.calendar, one.use, START_MS, days * 24)
    scatter = np.random.default_rng(seed).normal(1, 0.04, days * 24)
    return np.where(table.open, opened, closed) * scatter


def view(
    one: Meter, hours: Floats, *, least: Floats | None = None, notes: tuple[LedgerNote, ...] = (), digit: float = 0.001
) -> View:
    least = hours.copy() if least is None else least
    hourly = Hourly(start_ms=START_MS, consumption=hours, quality=np.zeros(hours.size, np.uint8), least=least)
    return look(Account(hourly=hourly, notes=notes, digit=digit), one, SITE)


def at(day: int, hour: int) -> int:
    """Index of the hour: local day since the start, local hour."""
    return day * 24 + hour


def ms(index: int) -> int:
    return START_MS + index * HOUR_MS


def changed(hours: Floats, changes: Mapping[tuple[int, int], float]) -> Floats:
    """A copy with the hours [first, last) raised by so much."""
    result = hours.copy()
    for (first, last), amount in changes.items():
        result[first:last] += amount
    return result
