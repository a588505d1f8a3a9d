"""Budgets judged and repairs measured once a day, on a real database and a real reading store, in virtual time."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from alerts.engine import apply_finding
from alerts.model import Severity
from analytics.budget import Budget, Measure
from analytics.calendar import Calendar
from analytics.finding import Finding, FindingKind, Waste
from analytics.site import Site
from devices.model import Device, DeviceKind, Space, SpaceKind, UseType
from maintenance.model import OrderLogEntry, OrderState, Priority, Trade, WorkOrder
from maintenance.policy import plan_for
from runtime.roles.analytics_plans import Plans
from runtime.roles.analytics_recorder import Recorder
from storage.alert_store import AlertStore
from storage.database import Database
from storage.embedded import EmbeddedReadingStore
from storage.finding_store import FindingStore
from storage.order_store import OrderStore
from storage.plan_store import budget_store
from storage.registry_store import RegistryStore
from storage.saving_store import SavingState, SavingStore

HOUR_MS = 3_600_000
NOW = datetime(2026, 11, 12, 2, 30, tzinfo=UTC)
"""10:30 on a Thursday in term."""
DAY = timedelta(days=1)
BUDGET = Budget(
    space_id="t", quantity="water", measure=Measure.AMOUNT, year=2026, month=11, amount=700.0, entered_by="energy", entered_at=NOW
)


class House:
    """A teaching building with one water meter of 1 m3 an hour; between `leak` days 0.5 m3 more."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder / 'caretaker.sqlite'}")
        self.database.migrate()
        self.readings = EmbeddedReadingStore(folder / "readings")
        self.published: list[int] = []
        spaces = [
            Space(id="site", kind=SpaceKind.SITE, name="Site", name_zh="校区"),
            Space(id="t", kind=SpaceKind.BUILDING, name="T", name_zh="楼", parent_id="site", use=UseType.TEACHING),
        ]
        meter = Device(
            id="w-t",
            kind=DeviceKind.WATER_METER,
            profile_id="wm-building",
            space_id="t",
            name="w",
            name_zh="水",
            measures_space=True,
        )
        RegistryStore(self.database).save(spaces, [meter])
        self.findings, self.budgets, self.savings = (
            FindingStore(self.database),
            budget_store(self.database),
            SavingStore(self.database),
        )

    def plans(self) -> Plans:
        record = Recorder(self.database, self.published.append)
        return Plans(
            database=self.database,
            readings=self.readings,
            record=record,
            site=lambda: Site(calendar=Calendar(timezone="Asia/Shanghai")),
            currency="CNY",
        )

    def hours(self, first: datetime, last: datetime, per_hour: float) -> None:
        ts_ms = np.arange(_hour_ms(first), _hour_ms(last), HOUR_MS, dtype=np.int64)
        noise = 1 + 0.05 * np.sin(ts_ms / HOUR_MS / 24)
        columns = {
            "device_id": ["w-t"] * ts_ms.size,
            "metric": ["water.volume.hourly"] * ts_ms.size,
            "ts_ms": ts_ms,
            "value": per_hour * noise,
        }
        self.readings.import_table(pa.table(columns))

    def budget_finding(self) -> Finding | None:
        return self.findings.active().get((FindingKind.ENERGY_BUDGET, "budget-1"))


def _hour_ms(at: datetime) -> int:
    return int(at.timestamp() * 1000) // HOUR_MS * HOUR_MS


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    with closing(made.readings), closing(made.database):
        yield made


def test_a_budget_warns_before_it_is_overspent_and_without_a_work_order(house: House) -> None:
    house.hours(NOW - 60 * DAY, NOW, 1.0)
    house.budgets.add(BUDGET)
    plans = house.plans()
    plans.look(NOW)
    found = house.budget_finding()
    assert found is not None
    assert found.facts["day"] == "2026-11-29", "of some 24.5 m3 a day"
    assert found.facts["used"] == pytest.approx(11 * 24 + 10, rel=0.05)
    alert = apply_finding(AlertStore(house.database), found, NOW).alert
    assert alert is not None
    assert alert.severity is Severity.MINOR
    assert plan_for(alert, None) is None
    assert house.published == [found.id]
    plans.look(NOW + timedelta(seconds=30))
    plans.look(NOW + timedelta(minutes=5))
    assert house.published == [found.id], "once a day"
    house.hours(NOW, NOW + DAY, 1.0)
    plans.look(NOW + DAY)
    renewed = house.budget_finding()
    assert renewed is not None
    assert renewed.id == found.id
    assert renewed.facts["used"] > found.facts["used"]  # type: ignore[operator]


def test_the_warning_ends_when_the_budget_is_raised_removed_or_over(house: House) -> None:
    house.hours(NOW - 60 * DAY, NOW, 1.0)
    stored = house.budgets.add(BUDGET)
    plans = house.plans()
    plans.look(NOW)
    assert house.budget_finding() is not None
    house.budgets.replace(replace(stored, amount=2000.0))
    plans.look(NOW + timedelta(minutes=2))
    assert house.budget_finding() is None
    house.budgets.replace(stored)
    plans.look(NOW + timedelta(minutes=4))
    assert house.budget_finding() is not None
    house.plans().look(NOW + 20 * DAY)
    assert house.budget_finding() is None, "December has begun"
    plans = house.plans()
    plans.look(NOW)
    assert house.budget_finding() is not None
    house.budgets.remove(stored.id)
    plans.look(NOW + timedelta(minutes=6))
    assert house.budget_finding() is None


def test_a_budget_of_a_meter_that_is_gone_says_nothing(house: House) -> None:
    house.budgets.add(replace(BUDGET, space_id="", meter_id="gone"))
    house.budgets.add(replace(BUDGET, space_id="nowhere"))
    house.plans().look(NOW)
    assert house.findings.active() == {}


def repair(house: House, started: datetime, done: datetime, *, state: OrderState = OrderState.DONE) -> WorkOrder:
    found = house.findings.record(
        Finding(
            kind=FindingKind.WATER_RUNNING_TAP,
            device_id="w-t",
            space_id="t",
            active=True,
            score=0.8,
            started=started,
            seen=done,
            message="m",
            waste=Waste(m3_per_day=12.5, cost_per_day=51.0),
        ),
        now=started,
    )
    alert = apply_finding(AlertStore(house.database), found, started).alert
    assert alert is not None
    order = WorkOrder(
        problem="water_leak",
        space_id="t",
        trade=Trade.PLUMBING,
        priority=Priority.P2,
        state=state,
        message="m",
        raised_at=started,
        updated_at=done,
        respond_due=done,
        resolve_due=done,
        device_id="w-t",
        alert_id=alert.id,
        done_at=done,
        verdict="real",
    )
    entry = OrderLogEntry(at=done, event="finish", actor="plumber", from_state=None, to_state=state)
    return OrderStore(house.database).insert(order, entry)


def test_a_repair_is_measured_each_day_until_all_days_are_compared(house: House) -> None:
    started = datetime(2026, 10, 12, 16, tzinfo=UTC)
    house.hours(NOW - 80 * DAY, started, 1.0)
    house.hours(started, NOW, 1.5)
    order = repair(house, started, NOW)
    plans = house.plans()
    plans.look(NOW + timedelta(minutes=1))
    [waiting] = house.savings.list()
    assert (waiting.order_id, waiting.state, waiting.per_day) == (order.id, SavingState.WAITING, None)
    assert (waiting.estimate_per_day, waiting.estimate_money_per_day) == (12.5, 51.0)
    house.hours(NOW, NOW + 40 * DAY, 1.0)
    plans.look(NOW + 6 * DAY)
    [measured] = house.savings.list()
    assert measured.state is SavingState.MEASURED
    assert measured.per_day == pytest.approx(12, rel=0.15)
    assert (measured.low or 0) > 0
    assert measured.money_per_day == pytest.approx((measured.per_day or 0) * 4.10)
    assert measured.kgco2e_per_day == pytest.approx((measured.per_day or 0) * 0.168)
    assert not measured.weather
    plans.look(NOW + 30 * DAY)
    [final] = house.savings.list()
    assert final.state is SavingState.FINAL
    assert final.days == 28
    plans.look(NOW + 35 * DAY)
    assert house.savings.list() == [final]


def test_a_fault_of_hours_cannot_be_measured_and_says_so(house: House) -> None:
    house.hours(NOW - 60 * DAY, NOW, 1.0)
    repair(house, NOW - timedelta(hours=5), NOW)
    house.plans().look(NOW + timedelta(minutes=1))
    [saving] = house.savings.list()
    assert (saving.state, saving.per_day) == (SavingState.SHORT, None)


def test_an_order_sent_back_is_not_counted_as_saved(house: House) -> None:
    house.hours(NOW - 60 * DAY, NOW, 1.0)
    order = repair(house, NOW - 10 * DAY, NOW)
    plans = house.plans()
    plans.look(NOW + timedelta(minutes=1))
    assert len(house.savings.list()) == 1
    entry = OrderLogEntry(at=NOW, event="send_back", actor="me", from_state=OrderState.DONE, to_state=OrderState.IN_PROGRESS)
    OrderStore(house.database).update(replace(order, state=OrderState.IN_PROGRESS, done_at=None), entry)
    plans.look(NOW + timedelta(minutes=3))
    assert house.savings.list() == []
