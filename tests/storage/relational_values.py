"""A finding, an alert and an order to start from; each test changes what it is about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from alerts.model import Alert, AlertLogEntry, AlertState, Severity
from analytics.finding import Evidence, Finding, FindingKind, Waste
from maintenance.model import OrderLogEntry, OrderState, Priority, Trade, WorkOrder

T0 = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def finding(**changes: Any) -> Finding:
    plain = Finding(
        kind=FindingKind.WATER_BURST,
        device_id="wm-1",
        space_id="floor-1",
        active=True,
        score=0.9,
        started=T0,
        seen=T0,
        message="%(flow)s m3/h since %(since)s",
        cause="A pipe has burst",
        facts={"flow": 3.5, "since": "08:00"},
        evidence=Evidence(metric="water.flow", unit="m3/h", observed=((1, 3.5), (2, 3.6)), expected=((1, 0.1),)),
        waste=Waste(m3_per_day=84.0, cost_per_day=344.4, kgco2e_per_day=14.1),
    )
    return replace(plain, **changes)


def alert(**changes: Any) -> Alert:
    plain = Alert(
        kind="water.burst",
        device_id="wm-1",
        space_id="floor-1",
        severity=Severity.CRITICAL,
        state=AlertState.OPEN,
        message="水管爆裂 %(flow)s",
        raised_at=T0,
        updated_at=T0,
        facts={"flow": 3.5},
    )
    return replace(plain, **changes)


def alert_entry(event: str = "open", to_state: AlertState = AlertState.OPEN) -> AlertLogEntry:
    return AlertLogEntry(at=T0, event=event, actor="detector", from_state=None, to_state=to_state, note="a note")


def order(**changes: Any) -> WorkOrder:
    plain = WorkOrder(
        problem="water.burst",
        space_id="floor-1",
        trade=Trade.PLUMBING,
        priority=Priority.P1,
        state=OrderState.RAISED,
        message="burst",
        raised_at=T0,
        updated_at=T0,
        respond_due=T0 + 30 * MINUTE,
        resolve_due=T0 + 240 * MINUTE,
        device_id="wm-1",
    )
    return replace(plain, **changes)


def order_entry(event: str = "raise", *, note: str = "") -> OrderLogEntry:
    return OrderLogEntry(at=T0, event=event, actor="policy", from_state=None, to_state=OrderState.RAISED, note=note)
