"""The line a finding takes: alert, order, repair, recovery."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from alerts.engine import acknowledge, apply_finding, tick
from alerts.model import AlertState
from analytics.finding import Finding, FindingKind
from devices.model import DeviceKind
from maintenance.engine import Desk, apply, raise_from_alert
from maintenance.machine import OrderRequest
from maintenance.model import CrewMember, OrderEvent, OrderState, Priority, Trade
from maintenance.sla import WorkingCalendar
from tests.fakes.alerts import MemoryAlertStore
from tests.fakes.orders import MemoryOrderStore

NOON = datetime(2026, 3, 4, 4, tzinfo=UTC)
DESK = Desk(
    calendar=WorkingCalendar(zone=ZoneInfo("Asia/Shanghai")),
    crew=(CrewMember(username="wang", trades=frozenset({Trade.PLUMBING})),),
)


def burst(*, active: bool, now: datetime = NOON) -> Finding:
    return Finding(
        kind=FindingKind.WATER_BURST,
        device_id="wm-1",
        space_id="dorm-1",
        active=active,
        score=0.9,
        started=NOON,
        seen=now,
        message="Pipe burst: %(flow)s m3/h",
        facts={"flow": 9.5},
        id=7,
    )


def test_a_burst_becomes_one_alert_and_one_order_and_ends_with_both() -> None:
    alerts, orders = MemoryAlertStore(), MemoryOrderStore()
    opened = apply_finding(alerts, burst(active=True), NOON).alert
    assert opened is not None
    assert opened.state is AlertState.OPEN
    for _ in range(3):
        raised = raise_from_alert(orders, opened, NOON, DESK, device_kind=DeviceKind.WATER_METER).order
    assert raised is not None
    assert len(orders.rows) == 1
    assert (raised.state, raised.assignee, raised.priority) == (OrderState.ASSIGNED, "wang", Priority.P1)
    assert [entry.actor for entry in orders.log(raised.id)] == ["policy", "policy", "dispatch"]

    for minute, event in enumerate((OrderEvent.ACCEPT, OrderEvent.LOG, OrderEvent.FINISH)):
        request = OrderRequest(event=event, actor="wang", note="valve shut")
        apply(orders, raised.id, request, NOON + timedelta(minutes=minute), DESK.calendar, alerts=alerts)
    assert orders.get(raised.id).state is OrderState.DONE

    later = NOON + timedelta(hours=1)
    cleared = apply_finding(alerts, burst(active=False, now=later), later).alert
    assert cleared is not None
    assert cleared.state is AlertState.RESOLVED
    for event in (OrderEvent.ACCEPT_REPAIR, OrderEvent.CLOSE):
        apply(orders, raised.id, OrderRequest(event=event, actor="li", roles={"dispatcher"}), later, DESK.calendar, alerts=alerts)
    assert orders.get(raised.id).state is OrderState.CLOSED


def test_smoke_stays_on_screen_until_somebody_has_seen_it() -> None:
    alerts = MemoryAlertStore()
    smoke = Finding(
        kind=FindingKind.FIRE_SMOKE,
        device_id="sd-1",
        space_id="r-1",
        active=True,
        score=1,
        started=NOON,
        seen=NOON,
        message="Smoke",
    )
    gone = Finding(
        kind=FindingKind.FIRE_SMOKE,
        device_id="sd-1",
        space_id="r-1",
        active=False,
        score=1,
        started=NOON,
        seen=NOON,
        message="Smoke",
    )
    opened = apply_finding(alerts, smoke, NOON).alert
    assert opened is not None
    quiet = apply_finding(alerts, gone, NOON + timedelta(minutes=1)).alert
    assert quiet is not None
    assert (quiet.state, "cleared" in quiet.facts) == (AlertState.OPEN, True)
    acknowledged = acknowledge(alerts, opened.id, "guard", NOON + timedelta(minutes=2)).alert
    assert acknowledged is not None
    assert acknowledged.state is AlertState.ACKNOWLEDGED
    (ended,) = tick(alerts, NOON + timedelta(minutes=2, seconds=1))
    assert ended.alert is not None
    assert ended.alert.state is AlertState.RESOLVED
