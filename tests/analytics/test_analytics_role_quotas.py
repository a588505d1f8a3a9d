"""Quotas judged on a real database and a real reading store, in virtual time: told once an hour, ended with the month."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.engine import apply_finding
from analytics.calendar import Calendar
from analytics.finding import FindingKind
from analytics.quota import Per, Quota
from analytics.site import Site
from devices.model import Device, DeviceKind, Reading, Space, SpaceKind, UseType
from maintenance.policy import plan_for
from runtime.roles.analytics_quotas import Quotas
from runtime.roles.analytics_recorder import Recorder
from storage.alert_store import AlertStore
from storage.database import Database
from storage.embedded import EmbeddedReadingStore
from storage.plan_store import quota_store
from storage.registry_store import RegistryStore

NOW = datetime(2026, 11, 12, 2, 30, tzinfo=UTC)
KEY = (FindingKind.ENERGY_OVER_QUOTA, "em-101")
QUOTA = Quota(space_id="d", quantity="electricity", per=Per.HEAD, amount=10.0, entered_by="energy", entered_at=NOW)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(f"sqlite:///{tmp_path / 'caretaker.sqlite'}")) as made:
        made.migrate()
        yield made


@pytest.fixture
def readings(tmp_path: Path) -> Iterator[EmbeddedReadingStore]:
    with closing(EmbeddedReadingStore(tmp_path / "readings")) as made:
        yield made


def test_a_room_over_its_quota_is_told_until_the_month_ends(database: Database, readings: EmbeddedReadingStore) -> None:
    house = [
        Space(id="d", kind=SpaceKind.BUILDING, name="D", name_zh="楼", use=UseType.DORMITORY),
        Space(id="d-101", kind=SpaceKind.ROOM, name="101", name_zh="101", parent_id="d", use=UseType.DORMITORY, people=4),
    ]
    meter = Device(
        id="em-101", kind=DeviceKind.ELECTRICITY_METER, profile_id="em-room", space_id="d-101", name="e", name_zh="电",
        measures_space=True,
    )  # fmt: skip
    RegistryStore(database).save(house, [meter])
    _used(readings, NOW - timedelta(days=6), 21.0)
    _used(readings, NOW - timedelta(days=3), 21.0)
    stored = quota_store(database).add(QUOTA)
    told: list[int] = []
    record = Recorder(database, told.append)
    quotas = Quotas(
        database=database, readings=readings, record=record, site=lambda: Site(calendar=Calendar(timezone="Asia/Shanghai"))
    )
    quotas.look(NOW)
    found = record.active[KEY]
    assert (found.facts["used"], found.facts["allowed"], found.facts["day"]) == (42.0, 40.0, "2026-11-09")
    alert = apply_finding(AlertStore(database), found, NOW).alert
    assert alert is not None
    assert plan_for(alert, None) is None, "residents are told, no crew is sent"
    quotas.look(NOW + timedelta(minutes=5))
    assert len(told) == 1, "once an hour"
    quota_store(database).replace(replace(stored, amount=20.0))
    quotas.look(NOW + timedelta(minutes=10))
    assert KEY not in record.active, "soon after the quota was raised"
    quota_store(database).replace(stored)
    quotas.look(NOW + timedelta(minutes=15))
    assert KEY in record.active
    quotas.look(datetime(2026, 11, 30, 16, 30, tzinfo=UTC))
    assert KEY not in record.active, "December has begun"


def _used(readings: EmbeddedReadingStore, at: datetime, kwh: float) -> None:
    hour_ms = int(at.timestamp() * 1000) // 3_600_000 * 3_600_000
    readings.write([Reading("em-101", "elec.energy.import.hourly", hour_ms, kwh, 0)])
