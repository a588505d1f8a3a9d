"""The analytics role on a real database and a real reading store, in virtual time."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from analytics.finding import Finding, FindingKind
from analytics.rule import DetectorRule
from analytics.site import Site
from devices.health import DeviceHealth
from devices.model import Device, DeviceKind, Quality, Reading, Space, SpaceKind, UseType
from runtime.roles.analytics import Analytics, Entered
from runtime.roles.analytics_recorder import Recorder
from runtime.settings import Settings
from runtime.site import site_of
from storage.commissioning_store import CommissioningStore
from storage.database import Database
from storage.embedded import EmbeddedReadingStore
from storage.finding_store import FindingStore
from storage.health_store import HealthStore
from storage.meter_store import MeterStore
from storage.registry_store import RegistryStore
from storage.rule_store import RuleStore

NOW = datetime(2026, 11, 20, 2, 30, tzinfo=UTC)
"""10:30 on a Friday in term."""
WEEKS = 4
HOUR_MS = 3_600_000
HOURLY = "water.volume.hourly"


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _meter(device_id: str, profile_id: str, space_id: str, upstream_id: str | None = None) -> Device:
    kind = DeviceKind.WATER_METER if profile_id.startswith("wm") else DeviceKind.ELECTRICITY_METER
    return Device(
        id=device_id,
        kind=kind,
        profile_id=profile_id,
        space_id=space_id,
        name=device_id,
        name_zh=device_id,
        upstream_id=upstream_id,
        measures_space=True,
    )


class House:
    """A teaching building with a water meter, one on its floor, and the floor's electricity meter."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder / 'caretaker.sqlite'}")
        self.database.migrate()
        self.readings = EmbeddedReadingStore(folder / "readings")
        self.findings = FindingStore(self.database)
        self.health = HealthStore(self.database)
        self.published: list[int] = []
        spaces = [
            Space(id="site", kind=SpaceKind.SITE, name="Site", name_zh="校区"),
            Space(id="t", kind=SpaceKind.BUILDING, name="T", name_zh="楼", parent_id="site", use=UseType.TEACHING),
            Space(id="t-f1", kind=SpaceKind.FLOOR, name="T1", name_zh="层", parent_id="t", use=UseType.TEACHING),
        ]
        devices = [_meter("w-t", "wm-building", "t"), _meter("w-f1", "wm-floor", "t-f1", "w-t"), _meter("e-f1", "em-floor", "t-f1")]
        RegistryStore(self.database).save(spaces, devices)

    def role(self) -> Analytics:
        return Analytics(
            readings=self.readings,
            registry=RegistryStore(self.database),
            health=self.health,
            record=Recorder(self.database, self.published.append),
            site=Site,
            entered=Entered(MeterStore(self.database), RuleStore(self.database), CommissioningStore(self.database)),
        )

    def history(self, device_id: str, metric: str, per_hour: float, *, extra: dict[tuple[int, int], float] | None = None) -> None:
        """Four weeks at 15 minutes: little in the night, `per_hour` by day; `extra`: more in the hours [first, last) before NOW."""
        begin = _ms(NOW - timedelta(weeks=WEEKS)) // 900_000 * 900_000
        ts_ms = np.arange(begin, _ms(NOW), 900_000, dtype=np.int64)
        local_hour = (ts_ms // HOUR_MS + 8) % 24
        used = np.where((local_hour >= 7) & (local_hour < 21), per_hour, 0.0) / 4
        for (first, last), amount in (extra or {}).items():
            ago = (_ms(NOW) - ts_ms) / HOUR_MS
            used = np.where((ago <= first) & (ago > last), amount / 4, used)
        self.import_rows(device_id, metric, ts_ms, 100.0 + np.cumsum(used))

    def import_rows(self, device_id: str, metric: str, ts_ms: np.ndarray, value: np.ndarray) -> None:
        columns = {"device_id": [device_id] * ts_ms.size, "metric": [metric] * ts_ms.size, "ts_ms": ts_ms, "value": value}
        self.readings.import_table(pa.table(columns))

    def live(self, device_id: str, metric: str, at: datetime, value: float, quality: int = 0) -> None:
        self.readings.write([Reading(device_id, metric, _ms(at), value, quality)])

    def active(self) -> dict[tuple[FindingKind, str], Finding]:
        return self.findings.active()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    with closing(made.readings), closing(made.database):
        yield made


def test_a_cold_start_fills_the_ledger_and_finds_past_and_present_faults(house: House) -> None:
    house.history("w-f1", "water.volume", 0.3, extra={(200.0, 197.0): 6.0})
    house.history("w-t", "water.volume", 0.5, extra={(200.0, 197.0): 6.2})
    house.history("e-f1", "elec.energy.import", 5.0, extra={(40.0, 0.0): 0.0})
    house.role().tick(NOW)
    hours = house.readings.range("w-f1", HOURLY, _ms(NOW - timedelta(weeks=WEEKS)), _ms(NOW))
    assert len(hours) >= 24 * 7 * WEEKS - 1
    assert sum(reading.value for reading in hours) == pytest.approx(0.3 * 14 * 27.2 + 18, rel=0.05)
    assert set(house.active()) == {(FindingKind.METER_FROZEN, "e-f1")}
    [burst] = house.findings.list(kind=FindingKind.WATER_BURST)
    assert (burst.device_id, burst.active) == ("w-f1", False)
    assert burst.waste.m3_per_day > 100
    assert burst.started < NOW - timedelta(hours=190)
    assert house.published


def test_a_restart_knows_what_was_known(house: House) -> None:
    house.history("w-f1", "water.volume", 0.3, extra={(200.0, 197.0): 6.0})
    house.history("e-f1", "elec.energy.import", 5.0, extra={(40.0, 0.0): 0.0})
    house.role().tick(NOW)
    before = [(finding.id, finding.kind, finding.active) for finding in house.findings.list()]
    house.role().tick(NOW + timedelta(seconds=30))
    assert [(finding.id, finding.kind, finding.active) for finding in house.findings.list()] == before


def test_a_burst_is_told_live_and_ends(house: House) -> None:
    house.history("w-f1", "water.volume", 0.3)
    role = house.role()
    role.tick(NOW)
    at = NOW
    for flow, seconds in ((0.2, 60), (6.0, 120), (0.2, 180)):
        for _ in range(seconds // 10):
            at += timedelta(seconds=10)
            house.live("w-f1", "water.flow", at, flow)
        role.tick(at + timedelta(seconds=1))
        assert bool(house.active()) is (flow > 1)
    [finding] = house.findings.list()
    assert (finding.kind, finding.active) == (FindingKind.WATER_BURST, False)
    assert finding.evidence is not None


def test_new_readings_touch_only_their_hours_and_the_running_hour_is_written_each_minute(house: House) -> None:
    house.history("w-f1", "water.volume", 0.3)
    role = house.role()
    role.tick(NOW)
    last = house.readings.latest(["w-f1"], ["water.volume"])[0].value
    for minute in range(1, 6):
        house.live("w-f1", "water.volume", NOW + timedelta(minutes=minute), last + 0.01 * minute)
        role.tick(NOW + timedelta(minutes=minute, seconds=2))
    [running] = house.readings.latest(["w-f1"], [HOURLY])
    assert running.ts_ms == _ms(NOW) // HOUR_MS * HOUR_MS
    assert running.quality & Quality.INCOMPLETE
    assert running.value == pytest.approx(0.3 / 4 + 0.05, abs=0.04)


def test_hours_of_live_readings_add_up(house: House) -> None:
    house.history("w-f1", "water.volume", 0.3)
    role = house.role()
    role.tick(NOW)
    start = house.readings.latest(["w-f1"], ["water.volume"])[0].value
    for step in range(1, 49):
        at = NOW + timedelta(minutes=5 * step)
        house.live("w-f1", "water.volume", at, round(start + 0.02 * step, 3))
        house.live("w-f1", "water.flow", at, 0.24)
        role.tick(at + timedelta(seconds=2))
    role.tick(NOW + timedelta(hours=4, minutes=3))
    hours = house.readings.range("w-f1", HOURLY, _ms(NOW) // HOUR_MS * HOUR_MS, _ms(NOW + timedelta(hours=5)))
    assert [round(hour.value, 3) for hour in hours[1:4]] == [0.24, 0.24, 0.24]
    assert [hour.quality for hour in hours[1:4]] == [0, 0, 0]
    assert {device_id for _, device_id in house.active()} == {"w-t", "e-f1"}  # never heard


def test_late_readings_mend_their_hours(house: House) -> None:
    house.history("w-f1", "water.volume", 0.0)
    role = house.role()
    role.tick(NOW)
    house.live("w-f1", "water.volume", NOW + timedelta(hours=8), 108.0)
    role.tick(NOW + timedelta(hours=8, seconds=1))
    hour = _ms(NOW + timedelta(hours=5)) // HOUR_MS * HOUR_MS
    assert house.readings.range("w-f1", HOURLY, hour, hour + 1)[0].quality & Quality.ESTIMATED
    for quarter in range(1, 32):
        house.live("w-f1", "water.volume", NOW + timedelta(minutes=15 * quarter), 100.0, int(Quality.LATE))
    house.health.record([DeviceHealth(device_id="w-f1", last_seen_ms=_ms(NOW), late=31)])
    role.tick(NOW + timedelta(hours=8, seconds=20))
    [mended] = house.readings.range("w-f1", HOURLY, hour, hour + 1)
    assert (mended.value, mended.quality) == (0.0, 0)


def test_a_dead_device_is_told_once_and_its_return(house: House) -> None:
    for device_id in ("w-f1", "w-t"):
        house.history(device_id, "water.volume", 0.3)
    begin = _ms(NOW - timedelta(weeks=WEEKS))
    house.import_rows("e-f1", "elec.energy.import", np.array([begin, begin + 900_000]), np.array([1.0, 2.0]))
    role = house.role()
    for second in range(0, 60, 5):
        role.tick(NOW + timedelta(seconds=second))
    assert set(house.active()) == {(FindingKind.DEVICE_DEAD, "e-f1")}
    published = len(house.published)
    house.live("e-f1", "elec.energy.import", NOW + timedelta(seconds=60), 3.0)
    role.tick(NOW + timedelta(seconds=65))
    assert house.active() == {}
    assert len(house.published) == published + 1


def test_a_device_adopted_later_gets_its_history(house: House) -> None:
    role = house.role()
    role.tick(NOW)
    RegistryStore(house.database).save([], [_meter("w-new", "wm-floor", "t-f1", "w-t")])
    house.history("w-new", "water.volume", 0.3)
    role.tick(NOW + timedelta(seconds=5))
    assert house.readings.range("w-new", HOURLY, _ms(NOW - timedelta(weeks=WEEKS)), _ms(NOW))


def test_prices_come_from_the_settings() -> None:
    site = site_of(Settings())
    assert site.calendar.timezone == "Asia/Shanghai"
    assert {price.price for price in site.rates.electricity} == {0.65, 0.95, 0.35}


def test_a_rule_of_people_holds_from_the_next_turn_on(house: House) -> None:
    """A detector switched off at a meter says nothing there until the rule is undone."""
    house.history("e-f1", "elec.energy.import", 20.0, extra={(13, 5): 9.0})
    rules, role = RuleStore(house.database), house.role()
    given = {"kind": FindingKind.ELEC_LEFT_ON, "device_id": "e-f1", "reason": "rebuilt", "entered_by": "energy", "entered_at": NOW}
    stored = rules.enter(DetectorRule(off=True, **given))  # type: ignore[arg-type]
    role.tick(NOW)
    assert house.findings.list(kind=FindingKind.ELEC_LEFT_ON) == []
    rules.undo(stored.id, by="energy", at=NOW)
    role.tick(NOW + timedelta(seconds=5))
    assert [finding.device_id for finding in house.findings.list(kind=FindingKind.ELEC_LEFT_ON)] == ["e-f1"]
