"""The life of a work order as one table, and who may do what in another. Pure: `now` and the calendar come from outside."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from devices.errors import BadInput, IllegalTransition
from maintenance.model import OrderEvent, OrderLogEntry, OrderState, Priority, Trade, WorkOrder
from maintenance.sla import WorkingCalendar, extended, resolve_due, respond_due

SYSTEM = frozenset({"system"})
"""Roles of the actors `policy`, `dispatch` and `clock`; no user can hold them."""

VERDICTS = ("real", "false_alarm", "test", "not_reproducible")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """What somebody wants to happen. `roles` are role names; the other fields only where the event uses them.

    `sensor_recovered`: whether the alert behind the order has resolved; None where no alert stands behind it.
    """

    event: OrderEvent
    actor: str
    roles: Collection[str] = frozenset()
    note: str = ""
    assignee: str | None = None
    trade: Trade | None = None
    priority: Priority | None = None
    rating: int | None = None
    duplicate_of: int | None = None
    verdict: str | None = None
    sensor_recovered: bool | None = None


class EffectKind(StrEnum):
    TELL_ASSIGNEE = "tell_assignee"
    TELL_REPORTER = "tell_reporter"
    TELL_DISPATCHER = "tell_dispatcher"
    FIND_ASSIGNEE = "find_assignee"
    SETTLE_ALERT = "settle_alert"  # the order is closed: the alert behind it may end with the dispatcher's word


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Something to do outside, and the event that causes it."""

    kind: EffectKind
    cause: OrderEvent


_S, _E = OrderState, OrderEvent

TRANSITIONS: dict[tuple[OrderState, OrderEvent], OrderState] = {
    (_S.RAISED, _E.TRIAGE): _S.TRIAGED,
    (_S.RAISED, _E.CANCEL): _S.CANCELLED,
    (_S.RAISED, _E.MARK_DUPLICATE): _S.DUPLICATE,
    (_S.TRIAGED, _E.TRIAGE): _S.TRIAGED,
    (_S.TRIAGED, _E.ASSIGN): _S.ASSIGNED,
    (_S.TRIAGED, _E.CANCEL): _S.CANCELLED,
    (_S.TRIAGED, _E.MARK_DUPLICATE): _S.DUPLICATE,
    (_S.ASSIGNED, _E.TRIAGE): _S.ASSIGNED,
    (_S.ASSIGNED, _E.ASSIGN): _S.ASSIGNED,
    (_S.ASSIGNED, _E.ACCEPT): _S.ACCEPTED,
    (_S.ASSIGNED, _E.DECLINE): _S.TRIAGED,
    (_S.ASSIGNED, _E.CANCEL): _S.CANCELLED,
    (_S.ASSIGNED, _E.MARK_DUPLICATE): _S.DUPLICATE,
    (_S.ACCEPTED, _E.TRIAGE): _S.ACCEPTED,
    (_S.ACCEPTED, _E.ASSIGN): _S.ASSIGNED,
    (_S.ACCEPTED, _E.START): _S.IN_PROGRESS,
    (_S.ACCEPTED, _E.LOG): _S.IN_PROGRESS,
    (_S.ACCEPTED, _E.DECLINE): _S.TRIAGED,
    (_S.ACCEPTED, _E.DEFER): _S.ACCEPTED,
    (_S.ACCEPTED, _E.APPROVE_DEFERRAL): _S.ON_HOLD,
    (_S.ACCEPTED, _E.CANCEL): _S.CANCELLED,
    (_S.ACCEPTED, _E.MARK_DUPLICATE): _S.DUPLICATE,
    (_S.IN_PROGRESS, _E.TRIAGE): _S.IN_PROGRESS,
    (_S.IN_PROGRESS, _E.ASSIGN): _S.ASSIGNED,
    (_S.IN_PROGRESS, _E.LOG): _S.IN_PROGRESS,
    (_S.IN_PROGRESS, _E.DEFER): _S.IN_PROGRESS,
    (_S.IN_PROGRESS, _E.APPROVE_DEFERRAL): _S.ON_HOLD,
    (_S.IN_PROGRESS, _E.FINISH): _S.DONE,
    (_S.IN_PROGRESS, _E.CANCEL): _S.CANCELLED,
    (_S.IN_PROGRESS, _E.MARK_DUPLICATE): _S.DUPLICATE,
    (_S.ON_HOLD, _E.RESUME): _S.IN_PROGRESS,
    (_S.ON_HOLD, _E.CANCEL): _S.CANCELLED,
    (_S.DONE, _E.ACCEPT_REPAIR): _S.ACCEPTED_BY_REPORTER,  # on to closed at once where a person raised it
    (_S.DONE, _E.SEND_BACK): _S.IN_PROGRESS,
    (_S.DONE, _E.CLOSE): _S.CLOSED,
    (_S.ACCEPTED_BY_REPORTER, _E.CLOSE): _S.CLOSED,
    (_S.ACCEPTED_BY_REPORTER, _E.SEND_BACK): _S.IN_PROGRESS,
}


class Hat(StrEnum):
    """In which capacity somebody faces an order."""

    ADMIN = "administrator"
    SYSTEM = "Caretaker"
    DISPATCHER = "dispatcher"
    DISPATCHER_OF_SENSOR_ORDER = "dispatcher (orders raised by a sensor)"
    ASSIGNEE = "crew member it is assigned to"
    REPORTER = "reporter"
    REPORTER_EARLY = "reporter (before it is assigned)"


WHO: dict[OrderEvent, frozenset[Hat]] = {
    _E.TRIAGE: frozenset({Hat.DISPATCHER, Hat.SYSTEM}),
    _E.ASSIGN: frozenset({Hat.DISPATCHER, Hat.SYSTEM}),
    _E.ACCEPT: frozenset({Hat.ASSIGNEE}),
    _E.DECLINE: frozenset({Hat.ASSIGNEE}),
    _E.START: frozenset({Hat.ASSIGNEE}),
    _E.LOG: frozenset({Hat.ASSIGNEE, Hat.DISPATCHER}),
    _E.DEFER: frozenset({Hat.ASSIGNEE, Hat.DISPATCHER}),
    _E.APPROVE_DEFERRAL: frozenset({Hat.DISPATCHER}),
    _E.RESUME: frozenset({Hat.ASSIGNEE, Hat.DISPATCHER, Hat.SYSTEM}),
    _E.FINISH: frozenset({Hat.ASSIGNEE}),
    _E.ACCEPT_REPAIR: frozenset({Hat.REPORTER, Hat.DISPATCHER_OF_SENSOR_ORDER}),
    _E.SEND_BACK: frozenset({Hat.REPORTER, Hat.DISPATCHER}),
    _E.CLOSE: frozenset({Hat.DISPATCHER, Hat.SYSTEM}),
    _E.CANCEL: frozenset({Hat.DISPATCHER, Hat.REPORTER_EARLY}),
    _E.MARK_DUPLICATE: frozenset({Hat.DISPATCHER, Hat.SYSTEM}),
}
"""Who may ask for what; an administrator may ask for everything."""

NEEDS_NOTE = frozenset({_E.DECLINE, _E.DEFER, _E.SEND_BACK, _E.CANCEL, _E.LOG})


def allowed_events(order: WorkOrder, username: str, roles: Collection[str]) -> tuple[OrderEvent, ...]:
    """What this person may do with the order now, in the order of OrderEvent."""
    hats = _hats(order, username, roles)
    return tuple(event for event in OrderEvent if _possible(order, event) and _permitted(event, hats))


def advance(
    order: WorkOrder, request: OrderRequest, now: datetime, calendar: WorkingCalendar
) -> tuple[WorkOrder, tuple[Effect, ...], OrderLogEntry]:
    """The order after the request. Raises IllegalTransition (state or person) or BadInput (something is missing)."""
    _check_possible(order, request)
    _check_input(order, request)
    target = _target(order, request.event)
    moved = replace(order, state=target, updated_at=max(now, order.updated_at))
    write = _WRITE.get(request.event)
    changed = write(moved, order, request, calendar) if write else moved
    if target is OrderState.CLOSED:
        changed = replace(changed, closed_at=changed.updated_at)
    entry = OrderLogEntry(
        at=changed.updated_at,
        event=request.event,
        actor=request.actor,
        from_state=order.state,
        to_state=target,
        note=_note(request, changed),
    )
    return changed, _effects(order, changed, request.event), entry


def _target(order: WorkOrder, event: OrderEvent) -> OrderState:
    if event is OrderEvent.ACCEPT_REPAIR and order.reporter is not None:
        return OrderState.CLOSED
    return TRANSITIONS[order.state, event]


def _possible(order: WorkOrder, event: OrderEvent) -> bool:
    if event is OrderEvent.APPROVE_DEFERRAL and order.hold_reason is None:
        return False
    return (order.state, event) in TRANSITIONS


def _permitted(event: OrderEvent, hats: frozenset[Hat]) -> bool:
    return Hat.ADMIN in hats or bool(hats & WHO[event])


def _hats(order: WorkOrder, username: str, roles: Collection[str]) -> frozenset[Hat]:
    early = order.state in {OrderState.RAISED, OrderState.TRIAGED}
    worn = {
        Hat.SYSTEM: "system" in roles,
        Hat.ADMIN: "admin" in roles,
        Hat.DISPATCHER: "dispatcher" in roles,
        Hat.DISPATCHER_OF_SENSOR_ORDER: "dispatcher" in roles and order.reporter is None,
        Hat.ASSIGNEE: username == order.assignee,
        Hat.REPORTER: username == order.reporter,
        Hat.REPORTER_EARLY: username == order.reporter and early,
    }
    return frozenset(hat for hat, on in worn.items() if on)


def _check_possible(order: WorkOrder, request: OrderRequest) -> None:
    if not _possible(order, request.event):
        possible = ", ".join(allowed_events(order, request.actor, request.roles)) or "nothing"
        raise IllegalTransition(
            f"order {order.id} is {order.state}: {request.event} is not possible; {request.actor} can do now: {possible}"
        )
    if not _permitted(request.event, _hats(order, request.actor, request.roles)):
        who = ", ".join(sorted(WHO[request.event] - {Hat.SYSTEM}))
        raise IllegalTransition(f"order {order.id}: {request.event} is for: {who}; {request.actor} is not one of them here")


def _check_input(order: WorkOrder, request: OrderRequest) -> None:
    event = request.event
    if event in NEEDS_NOTE and not request.note.strip():
        raise BadInput(f"{event} needs a note: say what was done or why", place="note")
    if event is OrderEvent.ASSIGN and not request.assignee:
        raise BadInput("assign needs the user name of a crew member", place="assignee")
    if event is OrderEvent.MARK_DUPLICATE and request.duplicate_of in {None, order.id}:
        raise BadInput("name the order that this one repeats (another one)", place="duplicate_of")
    if request.rating is not None and not 1 <= request.rating <= 5:
        raise BadInput("a rating is 1 to 5", place="rating")
    if request.verdict is not None and request.verdict not in VERDICTS:
        raise BadInput(f"a verdict is one of {', '.join(VERDICTS)}", place="verdict")
    if event is OrderEvent.CLOSE and not request.sensor_recovered and not request.note.strip():
        waiting = "the sensor has not recovered" if request.sensor_recovered is False else "the reporter has not accepted"
        if order.state is not OrderState.ACCEPTED_BY_REPORTER or request.sensor_recovered is False:
            raise BadInput(f"{waiting}: say why the order is closed all the same", place="note")


def _note(request: OrderRequest, changed: WorkOrder) -> str:
    parts = {
        OrderEvent.TRIAGE: f"{changed.trade} {changed.priority}",
        OrderEvent.ASSIGN: f"→ {changed.assignee}",
        OrderEvent.MARK_DUPLICATE: f"of order {changed.duplicate_of}",
    }
    return ": ".join(part for part in (parts.get(request.event, ""), request.note.strip()) if part)


# What each event writes into the order: (moved, before, request, calendar) → after

Write = Callable[[WorkOrder, WorkOrder, OrderRequest, WorkingCalendar], WorkOrder]


def _triage(moved: WorkOrder, _before: WorkOrder, request: OrderRequest, calendar: WorkingCalendar) -> WorkOrder:
    priority = request.priority or moved.priority
    changed = replace(moved, trade=request.trade or moved.trade, priority=priority)
    if priority is moved.priority:
        return changed
    return replace(
        changed,
        respond_due=respond_due(priority, moved.raised_at, calendar),
        resolve_due=resolve_due(priority, moved.raised_at, calendar),
    )


def _assign(moved: WorkOrder, _before: WorkOrder, request: OrderRequest, _calendar: WorkingCalendar) -> WorkOrder:
    return replace(moved, assignee=request.assignee, accepted_at=None)


def _accept(moved: WorkOrder, _before: WorkOrder, _request: OrderRequest, _calendar: WorkingCalendar) -> WorkOrder:
    return replace(moved, accepted_at=moved.updated_at)


def _decline(moved: WorkOrder, _before: WorkOrder, _request: OrderRequest, _calendar: WorkingCalendar) -> WorkOrder:
    return replace(moved, assignee=None, accepted_at=None, hold_reason=None)


def _defer(moved: WorkOrder, _before: WorkOrder, request: OrderRequest, _calendar: WorkingCalendar) -> WorkOrder:
    return replace(moved, hold_reason=request.note.strip())


def _resume(moved: WorkOrder, before: WorkOrder, _request: OrderRequest, calendar: WorkingCalendar) -> WorkOrder:
    """The clock stood still: nothing else can happen to an order on hold, so it was put there at `before.updated_at`."""
    due = extended(before.priority, before.resolve_due, before.updated_at, moved.updated_at, calendar)
    return replace(moved, hold_reason=None, resolve_due=due)


def _finish(moved: WorkOrder, _before: WorkOrder, request: OrderRequest, _calendar: WorkingCalendar) -> WorkOrder:
    return replace(moved, done_at=moved.updated_at, hold_reason=None, verdict=request.verdict or moved.verdict)


def _send_back(moved: WorkOrder, _before: WorkOrder, _request: OrderRequest, _calendar: WorkingCalendar) -> WorkOrder:
    return replace(moved, done_at=None, rework=moved.rework + 1)


def _judge(moved: WorkOrder, _before: WorkOrder, request: OrderRequest, _calendar: WorkingCalendar) -> WorkOrder:
    return replace(moved, rating=request.rating or moved.rating, verdict=request.verdict or moved.verdict)


def _mark_duplicate(moved: WorkOrder, _before: WorkOrder, request: OrderRequest, _calendar: WorkingCalendar) -> WorkOrder:
    return replace(moved, duplicate_of=request.duplicate_of)


_WRITE: dict[OrderEvent, Write] = {
    OrderEvent.TRIAGE: _triage,
    OrderEvent.ASSIGN: _assign,
    OrderEvent.ACCEPT: _accept,
    OrderEvent.DECLINE: _decline,
    OrderEvent.DEFER: _defer,
    OrderEvent.RESUME: _resume,
    OrderEvent.FINISH: _finish,
    OrderEvent.SEND_BACK: _send_back,
    OrderEvent.ACCEPT_REPAIR: _judge,
    OrderEvent.CLOSE: _judge,
    OrderEvent.MARK_DUPLICATE: _mark_duplicate,
}

_EFFECTS: dict[OrderEvent, tuple[EffectKind, ...]] = {
    OrderEvent.ASSIGN: (EffectKind.TELL_ASSIGNEE,),
    OrderEvent.DECLINE: (EffectKind.FIND_ASSIGNEE, EffectKind.TELL_DISPATCHER),
    OrderEvent.DEFER: (EffectKind.TELL_DISPATCHER,),
    OrderEvent.APPROVE_DEFERRAL: (EffectKind.TELL_ASSIGNEE, EffectKind.TELL_REPORTER),
    OrderEvent.FINISH: (EffectKind.TELL_REPORTER, EffectKind.TELL_DISPATCHER),
    OrderEvent.SEND_BACK: (EffectKind.TELL_ASSIGNEE, EffectKind.TELL_DISPATCHER),
    OrderEvent.CANCEL: (EffectKind.TELL_ASSIGNEE, EffectKind.TELL_REPORTER),
    OrderEvent.MARK_DUPLICATE: (EffectKind.TELL_ASSIGNEE, EffectKind.TELL_REPORTER),
}


def _effects(before: WorkOrder, after: WorkOrder, event: OrderEvent) -> tuple[Effect, ...]:
    kinds = list(_EFFECTS.get(event, ()))
    if after.state is OrderState.CLOSED and after.alert_id is not None:
        kinds.append(EffectKind.SETTLE_ALERT)
    absent = {
        EffectKind.TELL_REPORTER: after.reporter is None,
        EffectKind.TELL_ASSIGNEE: after.assignee is None and before.assignee is None,
    }
    return tuple(Effect(kind=kind, cause=event) for kind in kinds if not absent.get(kind, False))
