"""A meter is in commissioning until enough of its hours were measured."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from analytics.book import known_hours
from analytics.commissioning import measured_hours, needed_hours
from analytics.hourly import on_grid
from analytics.meter import Meter
from analytics.site import Site
from analytics.watch import Watch
from devices.model import Quality, SpaceKind, UseType
from devices.profiles import Register
from runtime.roles.analytics_commissioning import look
from storage.commissioning_store import CommissioningStore
from storage.database import Database
from tests.analytics.test_analytics_role import NOW as HOUSE_NOW
from tests.analytics.test_analytics_role import House

NOW = datetime(2026, 11, 20, tzinfo=UTC)
HOUR_MS = 3_600_000


def meter(level: SpaceKind = SpaceKind.FLOOR, use: UseType = UseType.TEACHING, quantity: str = "electricity") -> Meter:
    register = Register(modulus=1e6, max_per_hour=100)
    return Meter(device_id="m", space_id="s", quantity=quantity, level=level, use=use, register=register, interval_s=30)


def watch_with(hours: int, guessed: int = 0) -> Watch:
    watch = Watch({"m": meter()}, Site())
    ts_ms = np.arange(hours, dtype=np.int64) * HOUR_MS
    quality = np.where(np.arange(hours) < guessed, int(Quality.ESTIMATED), 0).astype(np.uint8)
    if hours:
        watch.books["m"] = known_hours(watch.books["m"], on_grid(ts_ms, np.ones(hours), quality))
    return watch


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CommissioningStore]:
    with closing(Database(f"sqlite:///{tmp_path / 'c.sqlite'}")) as database:
        database.migrate()
        yield CommissioningStore(database)


def test_a_meter_with_a_past_is_never_in_commissioning(store: CommissioningStore) -> None:
    look(store, watch_with(400), NOW)
    assert store.all() == {}


def test_a_new_meter_begins_learns_and_ends_by_itself(store: CommissioningStore) -> None:
    look(store, watch_with(0), NOW)
    assert store.open() == {"m"}
    look(store, watch_with(300, guessed=10), NOW + timedelta(days=12))
    one = store.get("m")
    assert one is not None
    assert (one.since, one.measured_hours, one.needed_hours, one.days_left) == (NOW, 290, 336, 2)
    look(store, watch_with(336), NOW + timedelta(days=14))
    assert store.open() == frozenset()
    look(store, watch_with(0), NOW + timedelta(days=15))
    assert store.open() == frozenset()


def test_what_a_person_has_released_stays_released(store: CommissioningStore) -> None:
    look(store, watch_with(5), NOW)
    done = store.release("m", "energy", NOW, "twin of the old one")
    look(store, watch_with(6), NOW + timedelta(hours=1))
    assert store.get("m") == done


def test_rooms_of_dormitories_need_four_days() -> None:
    assert needed_hours(meter()) == 14 * 24
    assert needed_hours(meter(SpaceKind.ROOM, UseType.DORMITORY)) == 4 * 24
    assert needed_hours(meter(SpaceKind.ROOM, UseType.DORMITORY, "water")) == 14 * 24
    assert measured_hours(watch_with(50, guessed=8).books["m"]) == 42


def test_the_role_knows_a_new_meter_before_it_tells_anything(tmp_path: Path) -> None:
    made = House(tmp_path)
    with closing(made.readings), closing(made.database):
        made.history("e-f1", "elec.energy.import", 20.0)
        made.live("w-f1", "water.volume", HOUSE_NOW - timedelta(minutes=5), 12.0)
        role = made.role()
        role.tick(HOUSE_NOW)
        learning = CommissioningStore(made.database)
        assert learning.open() == {"w-t", "w-f1"}
        learning.release("w-t", "energy", HOUSE_NOW, "twin of the old one")
        role.tick(HOUSE_NOW + timedelta(hours=2))
        assert learning.open() == {"w-f1"}
