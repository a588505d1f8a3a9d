"""Signed checks and commissioning in the database, on SQLite and PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from devices.errors import Conflict, NotFound
from devices.watching import Commissioning, ConditionCheck
from storage.check_store import CheckStore
from storage.commissioning_store import CommissioningStore
from storage.database import Database

NOW = datetime(2026, 11, 20, tzinfo=UTC)
CHECK = ConditionCheck(device_id="cold-1", day="2026-11-19", checked_by="cook", checked_at=NOW, note="door shut", value=3.4)
FRESH = Commissioning(device_id="em-1", since=NOW, measured_hours=5, needed_hours=336)


def test_checks_stay_as_they_were_signed(any_database: Database) -> None:
    store = CheckStore(any_database)
    first = store.add(CHECK)
    again = store.add(replace(CHECK, day="2026-11-20", value=None, note=""))
    store.add(replace(CHECK, device_id="cold-2"))
    assert store.list("cold-1", "2026-11-19", "2026-11-20") == [first, again]
    assert store.list("cold-1", "2026-11-20", "2026-11-30") == [again]
    assert store.last(["cold-1", "cold-3"]) == {"cold-1": again}
    assert store.last([]) == {}


def test_commissioning_goes_on_until_all_is_learned(any_database: Database) -> None:
    store = CommissioningStore(any_database)
    store.progress([FRESH, replace(FRESH, device_id="wm-1")])
    store.progress([replace(FRESH, since=NOW + timedelta(days=1), measured_hours=30)])
    assert store.get("em-1") == replace(FRESH, measured_hours=30)
    assert store.open() == {"em-1", "wm-1"}
    store.progress([replace(FRESH, measured_hours=336, finished_at=NOW)])
    assert store.open() == {"wm-1"}
    assert store.all()["em-1"].finished_at == NOW


def test_a_person_releases_once_and_for_good(any_database: Database) -> None:
    store = CommissioningStore(any_database)
    store.progress([FRESH])
    done = store.release("em-1", "energy", NOW, "the old meter's twin")
    assert done == replace(FRESH, finished_at=NOW, finished_by="energy", note="the old meter's twin")
    store.progress([replace(FRESH, measured_hours=40)])
    assert store.get("em-1") == done
    with pytest.raises(Conflict, match="over since 2026-11-20"):
        store.release("em-1", "energy", NOW, "")
    with pytest.raises(NotFound, match="not in commissioning"):
        store.release("wm-9", "energy", NOW, "")


@pytest.mark.parametrize(("measured", "left"), [(0, 14), (335, 1), (336, 0), (400, 0), (311, 2)])
def test_days_left(measured: int, left: int) -> None:
    assert replace(FRESH, measured_hours=measured).days_left == left
