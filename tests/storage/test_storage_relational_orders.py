"""The contract of OrderStore, on SQLite and PostgreSQL."""

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from devices.errors import Conflict, NotFound
from maintenance.model import FINAL_STATES, OrderState
from storage.alert_store import AlertStore
from storage.change import ChangeKind
from storage.change_store import ChangeStore
from storage.database import Database
from storage.order_store import OrderStore
from tests.storage.relational_values import MINUTE, T0, alert, alert_entry, order, order_entry


@pytest.fixture
def store(any_database: Database) -> OrderStore:
    return OrderStore(any_database)


def test_what_was_inserted_comes_back_whole(store: OrderStore, any_database: Database) -> None:
    source = AlertStore(any_database).insert(alert(), alert_entry())
    original = store.insert(order(state=OrderState.CLOSED), order_entry())
    full = order(
        alert_id=source.id,
        cause="x",
        facts={"a": 1.5, "b": "c"},
        reporter="r",
        assignee="a",
        hold_reason="parts",
        accepted_at=T0,
        done_at=T0 + MINUTE,
        closed_at=T0 + 2 * MINUTE,
        verdict="real",
        rating=5,
        rework=1,
        duplicate_of=original.id,
        version=3,
    )

    stored = store.insert(full, order_entry())

    assert stored == replace(full, id=stored.id)
    assert store.get(stored.id) == stored
    assert store.open_for("water.burst", "wm-1", "floor-1") == stored
    assert store.for_alert(source.id) == stored
    assert store.log(stored.id) == [order_entry()]
    assert store.for_alert(99) is None


@pytest.mark.parametrize("device_id", ["wm-1", None])
def test_one_open_per_problem_and_device_or_place(store: OrderStore, device_id: str | None) -> None:
    first = store.insert(order(device_id=device_id), order_entry())
    with pytest.raises(Conflict, match="is open at"):
        store.insert(order(device_id=device_id), order_entry())
    store.insert(order(device_id=device_id, problem="meter.frozen"), order_entry())
    store.insert(order(device_id="wm-2"), order_entry())
    store.insert(order(device_id=device_id, space_id="floor-2"), order_entry())

    assert store.open_for("water.burst", device_id, "floor-1") == first


@pytest.mark.parametrize("state", sorted(FINAL_STATES))
def test_a_finished_order_makes_room(store: OrderStore, state: OrderState) -> None:
    first = store.insert(order(), order_entry())
    first = store.update(replace(first, state=state), order_entry("end"))
    assert store.open_for("water.burst", "wm-1", "floor-1") is None

    second = store.insert(order(), order_entry())

    assert store.open_for("water.burst", "wm-1", "floor-1") == second
    with pytest.raises(Conflict, match="is open at wm-1"):
        store.update(replace(first, state=OrderState.ASSIGNED), order_entry("back"))


def test_an_update_needs_the_version_that_is_stored(store: OrderStore) -> None:
    read = store.insert(order(), order_entry())
    changed = store.update(replace(read, assignee="a"), order_entry("assign"))

    assert changed == replace(read, assignee="a", version=read.version + 1)
    assert store.get(read.id) == changed
    with pytest.raises(Conflict, match="was changed meanwhile"):
        store.update(replace(read, assignee="b"), order_entry("assign"))
    with pytest.raises(NotFound, match="no work order 9"):
        store.update(order(id=9), order_entry())
    with pytest.raises(NotFound, match="no work order 9"):
        store.get(9)
    assert [entry.event for entry in store.log(read.id)] == ["raise", "assign"]


def test_newest_first_and_filters(store: OrderStore) -> None:
    old = store.insert(order(assignee="a", reporter="r"), order_entry())
    new = store.insert(order(problem="p", assignee="a", space_id="floor-2", raised_at=T0 + MINUTE), order_entry())
    done = store.insert(order(assignee="b", state=OrderState.CLOSED, raised_at=T0 - MINUTE), order_entry())

    assert store.list() == [new, old, done]
    assert store.list(limit=1) == [new]
    assert store.list(assignee="a") == [new, old]
    assert store.list(reporter="r") == [old]
    assert store.list(states=[OrderState.CLOSED]) == [done]
    assert store.list(space_ids=["floor-2"]) == [new]
    assert store.list(space_ids=[]) == []


def test_load_counts_unfinished_orders(store: OrderStore) -> None:
    for number, (assignee, state) in enumerate(
        [
            ("a", OrderState.ASSIGNED),
            ("a", OrderState.ON_HOLD),
            ("a", OrderState.CLOSED),
            ("b", OrderState.CANCELLED),
            (None, OrderState.RAISED),
        ]
    ):
        store.insert(order(problem=str(number), assignee=assignee, state=state), order_entry())

    assert store.load_by_assignee() == {"a": 2}


def test_every_change_is_in_the_tail(store: OrderStore, any_database: Database) -> None:
    stored = store.insert(order(), order_entry())
    store.update(stored, order_entry("log"))

    assert [(change.kind, change.entity_id) for change in ChangeStore(any_database).after(0)] == [(ChangeKind.ORDER, stored.id)] * 2


def test_the_history_cannot_be_altered(store: OrderStore, any_database: Database) -> None:
    stored = store.insert(order(), order_entry())
    for statement in ("UPDATE order_log SET note = 'x'", "DELETE FROM order_log"):
        with pytest.raises(DBAPIError, match="order_log is append-only"), any_database.begin() as connection:
            connection.execute(text(statement))
    assert store.verify_chain(stored.id)


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE order_log SET note = 'B' WHERE event = 'log'",
        "UPDATE order_log SET actor = 'nobody' WHERE event = 'raise'",
        "UPDATE order_log SET to_state = 'closed' WHERE event = 'finish'",
        "DELETE FROM order_log WHERE event = 'log'",
        "DELETE FROM order_log WHERE event = 'finish'",
        "UPDATE order_log SET order_id = 2 WHERE event = 'finish'",
    ],
)
def test_an_altered_history_is_noticed(store: OrderStore, any_database: Database, forgery: str) -> None:
    stored = store.insert(order(), order_entry("raise"))
    other = store.insert(order(device_id="wm-2"), order_entry("raise", note="other"))
    stored = store.update(stored, order_entry("log", note="b"))
    stored = store.update(stored, order_entry("finish"))
    assert store.verify_chain(stored.id)

    with any_database.begin() as connection:
        for trigger in _triggers(connection.dialect.name):
            connection.execute(text(trigger))
        connection.execute(text(forgery + ("" if "order_id = 2" in forgery else f" AND order_id = {stored.id}")))

    assert not store.verify_chain(stored.id)
    assert store.verify_chain(other.id) is ("order_id = 2" not in forgery)


def test_the_chain_of_an_order_that_does_not_exist(store: OrderStore) -> None:
    with pytest.raises(NotFound, match="no work order 9"):
        store.verify_chain(9)


def _triggers(dialect: str) -> list[str]:
    if dialect == "sqlite":
        return ["DROP TRIGGER order_log_no_update", "DROP TRIGGER order_log_no_delete"]
    return ["DROP TRIGGER order_log_append_only ON order_log"]
