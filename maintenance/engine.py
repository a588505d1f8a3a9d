"""The shell around the order machine: raise from an alert or a person's report, apply what people ask for, one open order each."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from alerts.model import Alert, AlertState
from devices.errors import BadInput, Conflict
from devices.model import DeviceKind
from maintenance.dispatch import choose
from maintenance.machine import SYSTEM, TRANSITIONS, Effect, OrderRequest, advance
from maintenance.model import CrewMember, OrderEvent, OrderLogEntry, OrderState, Priority, Trade, WorkOrder
from maintenance.policy import OrderPlan, plan_for
from maintenance.sla import WorkingCalendar, resolve_due, respond_due

TRIES = 8
SAME_REPORT_WITHIN = timedelta(minutes=10)


class OrderStore(Protocol):
    """See docs/architecture.md. `insert` raises Conflict where one is open, `update` where the version is not the stored one."""

    def open_for(self, problem: str, device_id: str | None, space_id: str) -> WorkOrder | None: ...
    def get(self, order_id: int) -> WorkOrder: ...
    def insert(self, order: WorkOrder, entry: OrderLogEntry) -> WorkOrder: ...
    def update(self, order: WorkOrder, entry: OrderLogEntry) -> WorkOrder: ...


class AlertReader(Protocol):
    def get(self, alert_id: int) -> Alert: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The order as stored now (None: none is due) and what is to be done outside."""

    order: WorkOrder | None
    effects: tuple[Effect, ...] = ()
    created: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What dispatch needs to know at this moment: who is there, which calendar counts, in which zone a space lies."""

    calendar: WorkingCalendar
    crew: tuple[CrewMember, ...] = ()
    zones: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultReport:
    """What a person reports. `trade` None: the dispatcher classifies it."""

    reporter: str
    space_id: str
    message: str
    device_id: str | None = None
    trade: Trade | None = None
    priority: Priority = Priority.P3


def raise_from_alert(store: OrderStore, alert: Alert, now: datetime, desk: Desk, *, device_kind: DeviceKind | None) -> Outcome:
    """Raises, triages and assigns the order this alert asks for, or links to the open one; safe to repeat and to race."""
    plan = plan_for(alert, device_kind)
    if plan is None:
        return Outcome(order=None)
    for _ in range(TRIES):
        present = store.open_for(plan.problem, alert.device_id, alert.space_id)
        if present is not None:
            return _finish_raising(store, _link(store, present, alert, plan, now, desk), now, desk)
        try:
            raised = store.insert(
                _from_alert(alert, plan, now, desk.calendar), _raised(now, "policy", f"alert {alert.id}: {alert.kind}")
            )
        except Conflict:
            continue  # another worker was faster: the next look finds its order
        outcome = _finish_raising(store, raised, now, desk)
        return Outcome(order=outcome.order, effects=outcome.effects, created=True)
    raise Conflict(f"alert {alert.id}: its order was opened and closed by others {TRIES} times in a row")


def report_fault(store: OrderStore, report: FaultReport, now: datetime, desk: Desk) -> Outcome:
    """A person's report, assigned at once where the trade is known. The same words sent twice give one order. Raises BadInput."""
    if not report.message.strip():
        raise BadInput("say what is broken", place="message")
    problem = base = f"reported.{report.trade or 'unclassified'}"
    for number in range(2, 100):
        present = store.open_for(problem, report.device_id, report.space_id)
        if present is None:
            try:
                raised = store.insert(_from_report(report, problem, now, desk.calendar), _raised(now, report.reporter, ""))
            except Conflict:
                present = store.open_for(problem, report.device_id, report.space_id)
            else:
                return _classify(store, raised, report, now, desk)
        if present is not None and _same_report(present, report, now):
            return Outcome(order=present)
        problem = f"{base}#{number}"
    raise BadInput("this place has 99 open reports of one trade; let the dispatcher merge them first", place=report.space_id)


def apply(
    store: OrderStore,
    order_id: int,
    request: OrderRequest,
    now: datetime,
    calendar: WorkingCalendar,
    *,
    alerts: AlertReader | None = None,
) -> Outcome:
    """Does what somebody asks for. Raises NotFound, BadInput, IllegalTransition; Conflict after many lost races."""
    for attempt in range(TRIES):
        order = store.get(order_id)
        try:
            return _step(store, order, _informed(request, order, alerts), now, calendar)
        except Conflict:
            if attempt == TRIES - 1:
                raise
    raise AssertionError("unreachable")


def redispatch(store: OrderStore, order: WorkOrder, now: datetime, desk: Desk, *, without: Collection[str] = ()) -> Outcome:
    """Looks for somebody for a triaged order, leaving out those who declined it. The order stays where nobody suits."""
    crew = tuple(member for member in desk.crew if member.username not in without)
    choice = choose(order.trade, desk.zones.get(order.space_id), crew)
    if choice.username is None:
        return Outcome(order=order)
    return _step(store, order, _by_dispatch(choice.username, choice.reason), now, desk.calendar)


def _informed(request: OrderRequest, order: WorkOrder, alerts: AlertReader | None) -> OrderRequest:
    if request.event is not OrderEvent.CLOSE or order.alert_id is None or alerts is None:
        return request
    return replace(request, sensor_recovered=alerts.get(order.alert_id).state is AlertState.RESOLVED)


def _step(store: OrderStore, order: WorkOrder, request: OrderRequest, now: datetime, calendar: WorkingCalendar) -> Outcome:
    changed, effects, entry = advance(order, request, now, calendar)
    return Outcome(order=store.update(changed, entry), effects=effects)


def _raised(now: datetime, actor: str, note: str) -> OrderLogEntry:
    return OrderLogEntry(at=now, event="raise", actor=actor, from_state=None, to_state=OrderState.RAISED, note=note)


def _from_alert(alert: Alert, plan: OrderPlan, now: datetime, calendar: WorkingCalendar) -> WorkOrder:
    return WorkOrder(
        problem=plan.problem,
        space_id=alert.space_id,
        device_id=alert.device_id,
        alert_id=alert.id,
        trade=plan.trade,
        priority=plan.priority,
        state=OrderState.RAISED,
        message=alert.message,
        cause=alert.cause,
        facts=dict(alert.facts),
        raised_at=now,
        updated_at=now,
        respond_due=respond_due(plan.priority, now, calendar),
        resolve_due=resolve_due(plan.priority, now, calendar),
    )


def _from_report(report: FaultReport, problem: str, now: datetime, calendar: WorkingCalendar) -> WorkOrder:
    return WorkOrder(
        problem=problem,
        space_id=report.space_id,
        device_id=report.device_id,
        trade=report.trade or Trade.GENERAL,
        priority=report.priority,
        state=OrderState.RAISED,
        message=report.message.strip(),
        reporter=report.reporter,
        raised_at=now,
        updated_at=now,
        respond_due=respond_due(report.priority, now, calendar),
        resolve_due=resolve_due(report.priority, now, calendar),
    )


def _same_report(order: WorkOrder, report: FaultReport, now: datetime) -> bool:
    same = order.reporter == report.reporter and order.message == report.message.strip()
    return same and now - order.raised_at <= SAME_REPORT_WITHIN


def _classify(store: OrderStore, raised: WorkOrder, report: FaultReport, now: datetime, desk: Desk) -> Outcome:
    if report.trade is None:
        return Outcome(order=raised, created=True)
    outcome = _finish_raising(store, raised, now, desk)
    return Outcome(order=outcome.order, effects=outcome.effects, created=True)


def _finish_raising(store: OrderStore, order: WorkOrder, now: datetime, desk: Desk) -> Outcome:
    """raised → triaged → assigned, as far as it has not gone yet; picks up where a killed process left it."""
    effects: tuple[Effect, ...] = ()
    try:
        if order.state is OrderState.RAISED:
            choice = choose(order.trade, desk.zones.get(order.space_id), desk.crew)
            note = "" if choice.username else f"no assignee: {choice.reason}"
            order = _done(_step(store, order, _by_policy(OrderEvent.TRIAGE, note), now, desk.calendar))
        if order.state is OrderState.TRIAGED and order.assignee is None:
            outcome = redispatch(store, order, now, desk)
            order, effects = _done(outcome), outcome.effects
    except Conflict:
        return Outcome(order=store.get(order.id))  # somebody else has taken it up in this moment
    return Outcome(order=order, effects=effects)


def _link(store: OrderStore, order: WorkOrder, alert: Alert, plan: OrderPlan, now: datetime, desk: Desk) -> WorkOrder:
    """The open order covers this alert too; a worse sign of the same fault makes it more urgent."""
    urgency = list(Priority)
    if urgency.index(plan.priority) >= urgency.index(order.priority) or (order.state, OrderEvent.TRIAGE) not in TRANSITIONS:
        return order
    request = _by_policy(OrderEvent.TRIAGE, f"alert {alert.id}: {alert.kind}", plan)
    return _done(_step(store, order, request, now, desk.calendar))


def _by_policy(event: OrderEvent, note: str, plan: OrderPlan | None = None) -> OrderRequest:
    return OrderRequest(
        event=event,
        actor="policy",
        roles=SYSTEM,
        note=note,
        trade=plan.trade if plan else None,
        priority=plan.priority if plan else None,
    )


def _by_dispatch(username: str, reason: str) -> OrderRequest:
    return OrderRequest(event=OrderEvent.ASSIGN, actor="dispatch", roles=SYSTEM, assignee=username, note=reason)


def _done(outcome: Outcome) -> WorkOrder:
    assert outcome.order is not None
    return outcome.order


def crew_with_load(crew: Iterable[CrewMember], load: Mapping[str, int]) -> tuple[CrewMember, ...]:
    """The crew with the number of open orders each has now."""
    return tuple(replace(member, load=load.get(member.username, 0)) for member in crew)
