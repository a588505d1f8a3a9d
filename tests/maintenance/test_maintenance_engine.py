"""Raising and reporting: one open order for each fault, on the twin and on the real store, under races and retries."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from alerts.engine import apply_finding
from alerts.model import Alert
from analytics.finding import Finding, FindingKind
from devices.errors import BadInput, CaretakerError, NotFound
from devices.model import Device, DeviceKind, Space, SpaceKind
from maintenance.engine import Desk, FaultReport, OrderStore, apply, crew_with_load, raise_from_alert, redispatch, report_fault
from maintenance.machine import OrderRequest
from maintenance.model import CrewMember, OrderEvent, OrderState, Priority, Trade, WorkOrder
from maintenance.sla import WorkingCalendar
from storage.alert_store import AlertStore
from storage.database import Database
from storage.order_store import OrderStore as StoredOrders
from storage.registry_store import RegistryStore
from tests.fakes.alerts import MemoryAlertStore
from tests.fakes.orders import MemoryOrderStore

NOW = datetime(2026, 3, 4, 4, tzinfo=UTC)
WANG = CrewMember(username="wang", trades=frozenset({Trade.PLUMBING, Trade.METERING}))
ZHAO = CrewMember(username="zhao", trades=frozenset({Trade.PLUMBING}), load=4)
DESK = Desk(calendar=WorkingCalendar(zone=ZoneInfo("Asia/Shanghai")), crew=(WANG, ZHAO))
NOBODY = replace(DESK, crew=())


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'caretaker.sqlite'}")
    opened.migrate()
    device = Device(id="wm-1", kind=DeviceKind.WATER_METER, profile_id="wm-building", space_id="dorm", name="W", name_zh="水表")
    spaces = [
        Space(id="campus", kind=SpaceKind.SITE, name="Campus", name_zh="校园"),
        Space(id="dorm", kind=SpaceKind.BUILDING, name="Dormitory", name_zh="宿舍", parent_id="campus"),
    ]
    RegistryStore(opened).save(spaces, [device])
    yield opened
    opened.close()


Stores = tuple[OrderStore, AlertStore | MemoryAlertStore]


@pytest.fixture(params=["memory", "sqlite"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        return MemoryOrderStore(), MemoryAlertStore()
    database: Database = request.getfixturevalue("database")
    return StoredOrders(database), AlertStore(database)


def alert(stores: Stores, kind: FindingKind = FindingKind.WATER_BURST) -> Alert:
    found = Finding(
        kind=kind,
        device_id="wm-1",
        space_id="dorm",
        active=True,
        score=1,
        started=NOW,
        seen=NOW,
        message="Burst",
        facts={"flow": 9.0},
    )
    opened = apply_finding(stores[1], found, NOW).alert
    assert opened is not None
    return opened


def raised(stores: Stores, kind: FindingKind = FindingKind.WATER_BURST, desk: Desk = DESK) -> WorkOrder:
    order = raise_from_alert(stores[0], alert(stores, kind), NOW, desk, device_kind=DeviceKind.WATER_METER).order
    assert order is not None
    return order


def test_an_alert_becomes_an_assigned_order_in_one_go(stores: Stores) -> None:
    order = raised(stores)
    assert (order.state, order.assignee, order.trade, order.priority) == (S.ASSIGNED, "wang", Trade.PLUMBING, Priority.P1)
    assert (order.message, order.facts, order.respond_due) == ("Burst", {"flow": 9.0}, NOW + timedelta(minutes=30))


S = OrderState


def test_an_alert_that_asks_for_none_gets_none(stores: Stores) -> None:
    door = alert(stores, FindingKind.DOOR_FORCED)
    assert raise_from_alert(stores[0], door, NOW, DESK, device_kind=DeviceKind.DOOR_CONTROLLER).order is None


def test_nobody_suitable_leaves_it_triaged_until_somebody_is_there(stores: Stores) -> None:
    order = raised(stores, desk=NOBODY)
    assert (order.state, order.assignee) == (S.TRIAGED, None)
    later = redispatch(stores[0], order, NOW, DESK).order
    assert later is not None
    assert (later.state, later.assignee) == (S.ASSIGNED, "wang")


def test_who_declined_is_not_asked_again(stores: Stores) -> None:
    order = raised(stores)
    refusal = OrderRequest(event=OrderEvent.DECLINE, actor="wang", note="no pump here")
    declined = apply(stores[0], order.id, refusal, NOW, DESK.calendar).order
    assert declined is not None
    again = redispatch(stores[0], declined, NOW, DESK, without={"wang"}).order
    assert again is not None
    assert again.assignee == "zhao"


def test_a_worse_sign_of_the_same_fault_makes_the_one_order_more_urgent(stores: Stores) -> None:
    order = raised(stores, FindingKind.WATER_TOILET_LEAK)
    assert order.priority is Priority.P3
    again = raised(stores, FindingKind.WATER_BURST)
    assert (again.id, again.priority, again.state) == (order.id, Priority.P1, S.ASSIGNED)
    calm = raised(stores, FindingKind.WATER_RUNNING_TAP)
    assert (calm.id, calm.priority) == (order.id, Priority.P1)


def test_raising_takes_up_what_a_killed_process_left(stores: Stores) -> None:
    order = raised(stores, desk=NOBODY)
    again = raise_from_alert(stores[0], alert(stores), NOW, DESK, device_kind=DeviceKind.WATER_METER)
    assert again.order is not None
    assert (again.order.id, again.order.assignee, again.created) == (order.id, "wang", False)


def test_a_report_with_a_trade_is_sent_at_once_without_one_it_waits(stores: Stores) -> None:
    tap = FaultReport(reporter="mei", space_id="dorm", message="The tap drips", trade=Trade.PLUMBING)
    sent = report_fault(stores[0], tap, NOW, DESK).order
    waits = report_fault(stores[0], replace(tap, trade=None, message="It smells"), NOW, DESK).order
    assert sent is not None
    assert waits is not None
    assert (sent.state, sent.reporter, sent.assignee) == (S.ASSIGNED, "mei", "wang")
    assert waits.state is S.RAISED


def test_the_same_report_twice_is_one_order_another_is_another(stores: Stores) -> None:
    tap = FaultReport(reporter="mei", space_id="dorm", message="The tap drips", trade=Trade.PLUMBING)
    first = report_fault(stores[0], tap, NOW, DESK)
    again = report_fault(stores[0], tap, NOW + timedelta(seconds=3), DESK)
    other = report_fault(stores[0], replace(tap, message="The sink is blocked"), NOW, DESK)
    assert first.order is not None
    assert again.order is not None
    assert other.order is not None
    assert (again.order.id, again.created) == (first.order.id, False)
    assert other.order.id != first.order.id
    assert other.order.problem == "reported.plumbing#2"


def test_an_empty_report_is_refused(stores: Stores) -> None:
    with pytest.raises(BadInput, match="say what is broken"):
        report_fault(stores[0], FaultReport(reporter="mei", space_id="dorm", message=" "), NOW, DESK)


def test_closing_asks_the_alert_whether_the_sensor_has_recovered(stores: Stores) -> None:
    order = raised(stores)
    for event, actor, roles in (
        (OrderEvent.ACCEPT, "wang", ()),
        (OrderEvent.LOG, "wang", ()),
        (OrderEvent.FINISH, "wang", ()),
        (OrderEvent.ACCEPT_REPAIR, "li", ("dispatcher",)),
    ):
        apply(stores[0], order.id, OrderRequest(event=event, actor=actor, roles=roles, note="done"), NOW, DESK.calendar)
    close = OrderRequest(event=OrderEvent.CLOSE, actor="li", roles=("dispatcher",))
    with pytest.raises(BadInput, match="sensor has not recovered"):
        apply(stores[0], order.id, close, NOW, DESK.calendar, alerts=stores[1])
    over = Finding(
        kind=FindingKind.WATER_BURST,
        device_id="wm-1",
        space_id="dorm",
        active=False,
        score=1,
        started=NOW,
        seen=NOW,
        message="Burst",
    )
    apply_finding(stores[1], over, NOW)
    closed = apply(stores[0], order.id, close, NOW, DESK.calendar, alerts=stores[1]).order
    assert closed is not None
    assert closed.state is S.CLOSED


def test_an_unknown_order_is_not_found(stores: Stores) -> None:
    with pytest.raises(NotFound):
        apply(stores[0], 77, OrderRequest(event=OrderEvent.ACCEPT, actor="wang"), NOW, DESK.calendar)


def test_load_is_filled_in() -> None:
    assert [member.load for member in crew_with_load((WANG, ZHAO), {"zhao": 2})] == [0, 2]


@pytest.mark.parametrize("workers", [8])
def test_workers_that_raise_the_same_order_at_once_raise_one(database: Database, workers: int) -> None:
    stores = StoredOrders(database), AlertStore(database)
    found = alert(stores)
    barrier, failed = threading.Barrier(workers), list[CaretakerError]()

    def work() -> None:
        barrier.wait()
        try:
            raise_from_alert(stores[0], found, NOW, DESK, device_kind=DeviceKind.WATER_METER)
        except CaretakerError as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    (order,) = stores[0].list()
    assert (order.state, order.assignee) == (S.ASSIGNED, "wang")
    assert [entry.event for entry in stores[0].log(order.id)] == ["raise", "triage", "assign"]
    assert stores[0].verify_chain(order.id)
