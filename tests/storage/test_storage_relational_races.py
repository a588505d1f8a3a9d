"""What several processes and threads do at once: one open alert, an unforked chain, a tail that misses nothing."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from devices.errors import Conflict
from storage.alert_store import AlertStore
from storage.audit_store import AuditStore
from storage.change_store import ChangeStore
from storage.database import Database
from storage.finding_store import FindingStore
from storage.order_store import OrderStore
from tests.storage.relational_values import MINUTE, T0, alert, alert_entry, finding, order, order_entry

_RACER = """
import json, sys
from devices.errors import Conflict
from storage.alert_store import AlertStore
from storage.database import Database
from tests.storage.relational_values import alert, alert_entry

store, won = AlertStore(Database(sys.argv[1])), []
sys.stdin.readline()
for number in range(20):
    try:
        won.append(store.insert(alert(device_id=f"wm-{number}"), alert_entry()).id)
    except Conflict:
        pass
print(json.dumps(won))
"""


def test_processes_that_raise_the_same_alert_raise_one(any_database: Database) -> None:
    command = [sys.executable, "-c", _RACER, any_database.place]
    racers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
        for _ in range(3)
    ]
    won = [json.loads(racer.communicate("go\n", timeout=60)[0]) for racer in racers]

    stored = AlertStore(any_database).list()
    assert sorted(one.device_id for one in stored) == sorted(f"wm-{number}" for number in range(20))
    assert sorted(alert_id for ids in won for alert_id in ids) == sorted(one.id for one in stored)


def test_threads_that_raise_the_same_order_raise_one(any_database: Database) -> None:
    store = OrderStore(any_database)
    outcomes: list[str] = []

    def race() -> None:
        try:
            store.insert(order(), order_entry())
            outcomes.append("won")
        except Conflict:
            outcomes.append("conflict")

    _at_once(race, 8)
    assert sorted(outcomes) == ["conflict"] * 7 + ["won"]
    assert len(store.list()) == 1


def test_threads_that_record_the_same_finding_share_one_row(any_database: Database) -> None:
    store = FindingStore(any_database)
    _at_once(lambda: store.record(finding(), now=T0), 8)
    assert len(store.list()) == 1


def test_of_updates_of_one_version_one_stands(any_database: Database) -> None:
    store = OrderStore(any_database)
    read = store.insert(order(), order_entry())
    conflicts: list[Conflict] = []

    def race() -> None:
        try:
            store.update(read, order_entry("log"))
        except Conflict as conflict:
            conflicts.append(conflict)

    _at_once(race, 6)
    assert len(conflicts) == 5
    assert len(store.log(read.id)) == 2
    assert store.verify_chain(read.id)


def test_the_audit_chain_does_not_fork(any_database: Database) -> None:
    store = AuditStore(any_database)
    _at_once(lambda: [store.append(T0, "a", "b", "c") for _ in range(5)], 6)
    assert store.verify()
    assert len(store.list()) == 30


def test_a_tailer_misses_no_change(any_database: Database) -> None:
    changes, findings, seen = ChangeStore(any_database), FindingStore(any_database), list[int]()
    alerts, stop = AlertStore(any_database), threading.Event()

    def tail() -> None:
        last = 0
        while True:
            stopping = stop.is_set()
            for change in changes.after(last):
                last = change.seq
                seen.append(change.seq)
            if stopping:
                return

    tailer = threading.Thread(target=tail)
    tailer.start()
    names = iter(range(6))
    lock = threading.Lock()

    def write() -> None:
        with lock:
            name = next(names)
        for number in range(15):
            alerts.insert(alert(device_id=f"{name}-{number}"), alert_entry())
            findings.record(finding(device_id=f"{name}", seen=T0 + number * MINUTE), now=T0)

    _at_once(write, 6)
    stop.set()
    tailer.join()
    assert seen == sorted(seen)
    assert seen == [change.seq for change in changes.after(0)]
    assert len(seen) == 180


def _at_once(action: Callable[[], object], count: int) -> None:
    barrier, errors = threading.Barrier(count), list[BaseException]()

    def run() -> None:
        barrier.wait()
        try:
            action()
        except Exception as error:  # noqa: BLE001 - told after the threads have ended
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        pytest.fail(f"{errors[0]!r}")
