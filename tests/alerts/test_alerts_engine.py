"""The shell: one open alert whatever the races, on the twin and on the real store."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.engine import AlertStore, Outcome, acknowledge, apply_finding, resolve, tick
from alerts.model import AlertState
from analytics.finding import Finding, FindingKind
from devices.errors import CaretakerError, NotFound
from devices.model import Device, DeviceKind, Space, SpaceKind
from storage.alert_store import AlertStore as StoredAlerts
from storage.database import Database
from storage.finding_store import FindingStore
from storage.registry_store import RegistryStore
from tests.fakes.alerts import MemoryAlertStore

NOW = datetime(2026, 3, 4, 4, tzinfo=UTC)


def finding(kind: FindingKind = FindingKind.FIRE_SMOKE, *, active: bool = True, number: int = 0) -> Finding:
    return Finding(
        kind=kind, device_id="sd-1", space_id="campus", active=active, score=1, started=NOW, seen=NOW, message="Smoke", id=number
    )


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'caretaker.sqlite'}")
    opened.migrate()
    device = Device(
        id="sd-1", kind=DeviceKind.SMOKE_DETECTOR, profile_id="smoke", space_id="campus", name="Smoke 1", name_zh="烟感 1"
    )
    RegistryStore(opened).save([Space(id="campus", kind=SpaceKind.SITE, name="Campus", name_zh="校园")], [device])
    yield opened
    opened.close()


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest) -> AlertStore:
    if request.param == "memory":
        return MemoryAlertStore()
    database: Database = request.getfixturevalue("database")
    return StoredAlerts(database)


def test_the_same_finding_again_changes_nothing(store: AlertStore) -> None:
    first = apply_finding(store, finding(), NOW)
    again = apply_finding(store, finding(), NOW + timedelta(seconds=30))
    assert again == Outcome(alert=first.alert)
    assert len(store.list()) == 1


def test_the_end_of_what_never_was_is_no_alert(store: AlertStore) -> None:
    assert apply_finding(store, finding(active=False), NOW) == Outcome(alert=None)


def test_acknowledged_cleared_and_over_the_window_gives_a_new_alert(store: AlertStore) -> None:
    opened = apply_finding(store, finding(), NOW).alert
    assert opened is not None
    acknowledge(store, opened.id, "guard", NOW)
    apply_finding(store, finding(active=False), NOW)
    within = apply_finding(store, finding(), NOW + timedelta(minutes=9)).alert
    assert within is not None
    assert (within.id, within.reopened) == (opened.id, 1)
    acknowledge(store, opened.id, "guard", NOW + timedelta(minutes=9))
    apply_finding(store, finding(active=False), NOW + timedelta(minutes=9))
    later = apply_finding(store, finding(), NOW + timedelta(minutes=20)).alert
    assert later is not None
    assert later.id != opened.id


def test_a_hold_opens_by_the_tick(store: AlertStore) -> None:
    dead = finding(FindingKind.DEVICE_DEAD)
    pending = apply_finding(store, dead, NOW).alert
    assert pending is not None
    assert pending.state is AlertState.PENDING
    assert tick(store, NOW + timedelta(seconds=59)) == []
    (opened,) = tick(store, NOW + timedelta(seconds=60))
    assert opened.alert is not None
    assert opened.alert.state is AlertState.OPEN


def test_a_person_resolves_with_a_reason_that_is_kept(store: AlertStore) -> None:
    opened = apply_finding(store, finding(FindingKind.WATER_BURST), NOW).alert
    assert opened is not None
    ended = resolve(store, opened.id, "li", "hydrant test", NOW).alert
    assert ended is not None
    assert (ended.state, ended.resolution) == (AlertState.RESOLVED, "hydrant test")
    with pytest.raises(NotFound):
        resolve(store, 999, "li", "no such", NOW)


def test_a_drill_is_marked(store: AlertStore) -> None:
    made = apply_finding(store, finding(), NOW, drill=True).alert
    assert made is not None
    assert made.drill


def race(workers: int, act: Callable[[int], object]) -> list[BaseException]:
    """All at once; what they raised."""
    barrier, raised = threading.Barrier(workers), list[BaseException]()

    def work(number: int) -> None:
        barrier.wait()
        try:
            act(number)
        except CaretakerError as error:
            raised.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_eight_workers_with_one_alarm_open_one_alert(database: Database) -> None:
    store = StoredAlerts(database)
    raised = race(8, lambda _: apply_finding(store, finding(), NOW))
    assert raised == []
    assert len(store.list()) == 1


def test_eight_workers_reopen_once(database: Database) -> None:
    store = StoredAlerts(database)
    burst, over = finding(FindingKind.WATER_BURST), finding(FindingKind.WATER_BURST, active=False)
    opened = apply_finding(store, burst, NOW).alert
    assert opened is not None
    apply_finding(store, over, NOW)
    assert race(8, lambda _: apply_finding(store, burst, NOW + timedelta(minutes=1))) == []
    (alert,) = store.list()
    assert (alert.state, alert.reopened) == (AlertState.OPEN, 1)
    assert [entry.event for entry in store.log(alert.id)] == ["opened", "resolved", "reopened"]


def test_a_person_and_the_sensor_at_the_same_time_end_in_a_lawful_state(database: Database) -> None:
    store = StoredAlerts(database)
    for number in range(5):
        moment = NOW + timedelta(hours=number)
        recorded = FindingStore(database).record(finding(), now=moment)
        opened = apply_finding(store, recorded, moment).alert
        assert opened is not None
        acts = (
            lambda opened=opened, moment=moment: acknowledge(store, opened.id, "guard", moment),
            lambda moment=moment: apply_finding(store, finding(active=False), moment),
            lambda moment=moment: tick(store, moment),
        )
        assert race(3, lambda index, acts=acts: acts[index]()) == []
        tick(store, moment)
        assert store.get(opened.id).state is AlertState.RESOLVED
