"""Budgets and measured savings in the database, on SQLite and PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from analytics.budget import Budget, Measure
from analytics.finding import Waste
from devices.errors import Conflict, NotFound
from maintenance.model import OrderState
from storage.alert_store import AlertStore
from storage.database import Database
from storage.finding_store import FindingStore
from storage.order_store import OrderStore
from storage.plan_store import budget_store
from storage.saving_store import SavingState, SavingStore, StoredSaving
from tests.storage.relational_values import alert, alert_entry, finding, order, order_entry

NOW = datetime(2026, 11, 20, tzinfo=UTC)
BUDGET = Budget(
    space_id="dorm",
    quantity="water",
    measure=Measure.AMOUNT,
    year=2026,
    month=11,
    amount=500.0,
    entered_by="energy",
    entered_at=NOW,
)


def test_one_budget_for_each_thing_and_time(any_database: Database) -> None:
    store = budget_store(any_database)
    stored = store.add(BUDGET)
    year = store.add(replace(BUDGET, month=0, year=2025))
    assert store.list() == [stored, year]
    with pytest.raises(Conflict, match="already"):
        store.add(BUDGET)
    changed = replace(stored, amount=600.0, note="agreed")
    store.replace(changed)
    assert store.get(stored.id) == changed
    with pytest.raises(Conflict):
        store.replace(replace(year, month=11, year=2026))
    store.remove(stored.id)
    for missing in (lambda: store.get(stored.id), lambda: store.remove(stored.id), lambda: store.replace(changed)):
        with pytest.raises(NotFound):
            missing()


def repaired(database: Database, *, state: OrderState = OrderState.DONE, verdict: str | None = "real", water: float = 2.0) -> int:
    found = FindingStore(database).record(finding(waste=Waste(m3_per_day=water, cost_per_day=8.0)), now=NOW)
    raised = AlertStore(database).insert(alert(finding_id=found.id), alert_entry())
    done = replace(order(), alert_id=raised.id, state=state, done_at=NOW, verdict=verdict)
    return OrderStore(database).insert(done, order_entry()).id


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, True),
        ({"verdict": "false_alarm"}, False),
        ({"verdict": None}, True),
        ({"state": OrderState.IN_PROGRESS}, False),
        ({"water": 0.0}, False),
    ],
)
def test_repairs_are_finished_orders_of_wasteful_findings(any_database: Database, changes: dict[str, object], counts: bool) -> None:
    order_id = repaired(any_database, **changes)  # type: ignore[arg-type]
    store = SavingStore(any_database)
    assert [one.order_id for one in store.repairs(NOW - timedelta(days=1))] == ([order_id] if counts else [])
    assert store.repairs(NOW + timedelta(days=1)) == []


def test_a_saving_is_one_row_an_order_and_renewed(any_database: Database) -> None:
    order_id = repaired(any_database)
    store = SavingStore(any_database)
    waiting = StoredSaving(
        order_id=order_id,
        finding_id=1,
        device_id="wm-1",
        space_id="dorm",
        quantity="water",
        repaired_at=NOW,
        state=SavingState.WAITING,
        estimate_per_day=2.0,
        estimate_money_per_day=8.0,
        updated_at=NOW,
    )
    store.save(waiting)
    measured = replace(waiting, state=SavingState.MEASURED, days=5, per_day=1.9, low=1.5, high=2.3, weather=True)
    store.save(measured)
    assert store.list(order_id=order_id) == store.list(finding_id=1) == [measured]
    assert store.list(since=NOW + timedelta(days=1)) == store.list(space_ids=["lab"]) == store.list(space_ids=[]) == []
    assert store.list(space_ids=["dorm"], since=NOW) == [measured]
    store.forget([order_id])
    assert store.list() == []
