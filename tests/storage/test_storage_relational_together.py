"""Several stores in one transaction, on SQLite and PostgreSQL."""

import threading
from dataclasses import replace

import pytest

from devices.errors import Conflict
from storage.alert_store import AlertStore
from storage.change_store import ChangeStore
from storage.database import Database
from storage.finding_store import FindingStore
from storage.order_store import OrderStore
from tests.storage.relational_values import T0, alert, alert_entry, finding, order, order_entry


def test_all_of_it_stays(any_database: Database) -> None:
    with any_database.together() as together:
        cause = FindingStore(together).record(finding(), now=T0)
        stored = AlertStore(together).insert(alert(finding_id=cause.id), alert_entry())
        assert AlertStore(together).latest(stored.kind, stored.device_id) == stored

    assert AlertStore(any_database).get(stored.id).finding_id == cause.id
    assert [change.entity_id for change in ChangeStore(any_database).after(0)] == [cause.id, stored.id]


def test_or_nothing_of_it(any_database: Database) -> None:
    AlertStore(any_database).insert(alert(), alert_entry())
    with pytest.raises(Conflict, match="is unresolved at wm-1"):
        _record_and_insert(any_database)

    assert FindingStore(any_database).list() == []
    assert len(AlertStore(any_database).list()) == 1


def _record_and_insert(database: Database) -> None:
    with database.together() as together:
        FindingStore(together).record(finding(), now=T0)
        AlertStore(together).insert(alert(), alert_entry())


def test_a_conflict_undoes_only_its_own_call(any_database: Database) -> None:
    known = AlertStore(any_database).insert(alert(), alert_entry())
    with any_database.together() as together:
        stored = FindingStore(together).record(finding(), now=T0)
        with pytest.raises(Conflict):
            AlertStore(together).insert(alert(), alert_entry())
        AlertStore(together).update(replace(known, finding_id=stored.id), alert_entry("seen again"))

    assert AlertStore(any_database).get(known.id).finding_id == stored.id
    assert [entry.event for entry in AlertStore(any_database).log(known.id)] == ["open", "seen again"]


def test_writers_never_wait_in_a_circle(any_database: Database) -> None:
    errors: list[Exception] = []

    def write(number: int) -> None:
        try:
            for step in range(10):
                _write_once(any_database, number, step)
        except Exception as error:  # noqa: BLE001 - told after the threads have ended
            errors.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(AlertStore(any_database).list()) == 10


def _write_once(database: Database, number: int, step: int) -> None:
    """Half of the threads take alert, then order; the others take order, then finding, then alert."""
    device_id = f"wm-{step}"
    with database.together() as together:
        if number % 2:
            FindingStore(together).record(finding(device_id=device_id, score=number / 10), now=T0)
            _try_order(OrderStore(together), device_id)
        _try_alert(AlertStore(together), device_id)
    _try_alert(AlertStore(database), device_id)
    _try_order(OrderStore(database), device_id)


def _try_alert(store: AlertStore, device_id: str) -> None:
    known = store.latest("water.burst", device_id)
    try:
        if known is None:
            store.insert(alert(device_id=device_id), alert_entry())
        else:
            store.update(known, alert_entry("again"))
    except Conflict:
        return


def _try_order(store: OrderStore, device_id: str) -> None:
    try:
        store.insert(order(device_id=device_id), order_entry())
    except Conflict:
        return
