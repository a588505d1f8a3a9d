"""The life of an alert as one table: pending → open → acknowledged → resolved, and back while its window lasts.

Pure: `advance` takes `now` and gives the new alert and the effects, each naming its cause. Nothing to do means the very same
object and no effects, so that a repeated message costs no write.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from alerts.model import Alert, AlertState
from alerts.rules import rule_for
from analytics.finding import Finding
from devices.errors import BadInput, IllegalTransition


class Reason(StrEnum):
    FIRST_SEEN = "first_seen"
    HOLD_OVER = "hold_over"
    SEEN_AGAIN = "seen_again"
    REAL_DURING_DRILL = "real_during_drill"
    BY_PERSON = "by_person"
    CAUSE_CLEARED = "cause_cleared"
    CLEARED_WHILE_PENDING = "cleared_while_pending"
    AWAITS_ACKNOWLEDGEMENT = "awaits_acknowledgement"
    NEW_FINDING = "new_finding"


class EffectKind(StrEnum):
    ALERT_PENDING = "pending"
    ALERT_OPENED = "opened"
    ALERT_ACKNOWLEDGED = "acknowledged"
    ALERT_CLEARED = "cleared"  # the sensor is quiet again, the alert waits for a person
    ALERT_RESOLVED = "resolved"
    ALERT_REOPENED = "reopened"
    ALERT_UPDATED = "updated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What happened to the alert, why, and who did it (a user name, `detector` or `timer`)."""

    kind: EffectKind
    reason: Reason
    actor: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The cause is there. `drill`: it belongs to an exercise."""

    finding: Finding
    drill: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """The cause has ended."""

    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge:
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolve:
    """A person ends it by hand and says why."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


AlertEvent = Observed | Cleared | Acknowledge | Resolve | Tick
Guard = Callable[[Alert, AlertEvent, datetime], bool]

CLEARED_FACT = "cleared"
"""Fact of a latched alert whose sensor is quiet again: when it cleared, ISO 8601."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """In `state`, on `event`, where `when` holds: go to `to` with `effect` (None: nothing changes)."""

    state: AlertState
    event: type[AlertEvent]
    to: AlertState
    effect: tuple[EffectKind, Reason] | None = None
    when: Guard | None = None


def begin(finding: Finding, now: datetime, *, drill: bool = False) -> tuple[Alert, tuple[Effect, ...]]:
    """The alert of an active finding that has none: open at once, or pending where its rule has a hold."""
    rule = rule_for(finding.kind)
    state = AlertState.PENDING if rule.hold_s > 0 else AlertState.OPEN
    alert = Alert(
        kind=finding.kind,
        device_id=finding.device_id,
        space_id=finding.space_id,
        severity=rule.severity,
        state=state,
        message=finding.message,
        cause=finding.cause,
        facts=dict(finding.facts),
        finding_id=finding.id or None,
        raised_at=now,
        updated_at=now,
        drill=drill,
    )
    kind = EffectKind.ALERT_PENDING if state is AlertState.PENDING else EffectKind.ALERT_OPENED
    return alert, (Effect(kind=kind, reason=Reason.FIRST_SEEN, actor="detector"),)


def advance(alert: Alert, event: AlertEvent, now: datetime) -> tuple[Alert, tuple[Effect, ...]]:
    """The alert after `event`. Raises IllegalTransition (nothing changed) and BadInput (a reason is missing)."""
    if isinstance(event, Resolve) and not event.reason.strip():
        raise BadInput("say why the alert is resolved by hand", place="reason")
    row = _row(alert, event, now)
    if row.effect is None:
        return alert, ()
    kind, reason = row.effect
    note = event.reason.strip() if isinstance(event, Resolve) else ""
    changed = replace(alert, state=row.to, updated_at=max(now, alert.updated_at))
    if row.to is AlertState.RESOLVED:
        changed = replace(changed, resolved_at=now, resolution=note or reason)
    return _APPLY[kind](changed, event, now), (Effect(kind=kind, reason=reason, actor=_actor(event), note=note),)


def continues(alert: Alert, finding: Finding, now: datetime) -> bool:
    """Whether `finding` belongs to this alert: it lasts, or ended not long ago, or a person has ended this very episode."""
    if alert.state is not AlertState.RESOLVED or alert.resolved_at is None:
        return True
    return _within_window(alert, now) or _dismissed(alert, Observed(finding=finding), now)


def _within_window(alert: Alert, now: datetime) -> bool:
    return alert.resolved_at is not None and now - alert.resolved_at <= timedelta(seconds=rule_for(alert.kind).reopen_s)


def _row(alert: Alert, event: AlertEvent, now: datetime) -> Row:
    for row in TRANSITIONS:
        if row.state is alert.state and isinstance(event, row.event) and (row.when is None or row.when(alert, event, now)):
            return row
    by_people = sorted(
        {
            row.event.__name__.lower()
            for row in TRANSITIONS
            if row.state is alert.state and row.effect and row.event in (Acknowledge, Resolve)
        }
    )
    raise IllegalTransition(
        f"alert {alert.id} is {alert.state}: {type(event).__name__.lower()} is not possible now; "
        f"what people can do: {', '.join(by_people) or 'nothing'}"
    )


def _actor(event: AlertEvent) -> str:
    if isinstance(event, Acknowledge | Resolve):
        return event.by
    return "timer" if isinstance(event, Tick) else "detector"


# Guards


def _hold_over(alert: Alert, _event: AlertEvent, now: datetime) -> bool:
    return now - alert.raised_at >= timedelta(seconds=rule_for(alert.kind).hold_s)


def _latches(alert: Alert, _event: AlertEvent, _now: datetime) -> bool:
    return rule_for(alert.kind).latches


def _is_cleared(alert: Alert, _event: AlertEvent, _now: datetime) -> bool:
    return CLEARED_FACT in alert.facts


def _latches_first_time(alert: Alert, event: AlertEvent, now: datetime) -> bool:
    return _latches(alert, event, now) and not _is_cleared(alert, event, now)


def _real_in_drill(alert: Alert, event: AlertEvent, _now: datetime) -> bool:
    return alert.drill and isinstance(event, Observed) and not event.drill


def _other_finding(alert: Alert, event: AlertEvent, _now: datetime) -> bool:
    return isinstance(event, Observed) and event.finding.id not in {0, alert.finding_id}


def _dismissed(alert: Alert, event: AlertEvent, _now: datetime) -> bool:
    """A person ended this episode while it lasted; its repetition is no news. Never so for what latches: that comes back."""
    by_hand = alert.resolution not in {None, Reason.CAUSE_CLEARED, Reason.CLEARED_WHILE_PENDING}
    ended = alert.resolved_at
    same = isinstance(event, Observed) and ended is not None and event.finding.started <= ended
    return by_hand and same and not rule_for(alert.kind).latches


def _never_opened(alert: Alert, _event: AlertEvent, _now: datetime) -> bool:
    return alert.resolution == Reason.CLEARED_WHILE_PENDING


def _in_window(alert: Alert, _event: AlertEvent, now: datetime) -> bool:
    return _within_window(alert, now)


_P, _O, _A, _R = AlertState.PENDING, AlertState.OPEN, AlertState.ACKNOWLEDGED, AlertState.RESOLVED
_K = EffectKind

TRANSITIONS: tuple[Row, ...] = (
    Row(state=_P, event=Observed, when=_hold_over, to=_O, effect=(_K.ALERT_OPENED, Reason.HOLD_OVER)),
    Row(state=_P, event=Observed, to=_P),
    Row(state=_P, event=Tick, when=_hold_over, to=_O, effect=(_K.ALERT_OPENED, Reason.HOLD_OVER)),
    Row(state=_P, event=Tick, to=_P),
    Row(state=_P, event=Cleared, to=_R, effect=(_K.ALERT_RESOLVED, Reason.CLEARED_WHILE_PENDING)),
    Row(state=_P, event=Resolve, to=_R, effect=(_K.ALERT_RESOLVED, Reason.BY_PERSON)),
    Row(state=_O, event=Observed, when=_real_in_drill, to=_O, effect=(_K.ALERT_REOPENED, Reason.REAL_DURING_DRILL)),
    Row(state=_O, event=Observed, when=_is_cleared, to=_O, effect=(_K.ALERT_UPDATED, Reason.SEEN_AGAIN)),
    Row(state=_O, event=Observed, when=_other_finding, to=_O, effect=(_K.ALERT_UPDATED, Reason.NEW_FINDING)),
    Row(state=_O, event=Observed, to=_O),
    Row(state=_O, event=Cleared, when=_latches_first_time, to=_O, effect=(_K.ALERT_CLEARED, Reason.AWAITS_ACKNOWLEDGEMENT)),
    Row(state=_O, event=Cleared, when=_latches, to=_O),
    Row(state=_O, event=Cleared, to=_R, effect=(_K.ALERT_RESOLVED, Reason.CAUSE_CLEARED)),
    Row(state=_O, event=Acknowledge, to=_A, effect=(_K.ALERT_ACKNOWLEDGED, Reason.BY_PERSON)),
    Row(state=_O, event=Resolve, when=lambda a, e, n: not _latches(a, e, n), to=_R, effect=(_K.ALERT_RESOLVED, Reason.BY_PERSON)),
    Row(state=_O, event=Tick, to=_O),
    Row(state=_A, event=Observed, when=_real_in_drill, to=_O, effect=(_K.ALERT_REOPENED, Reason.REAL_DURING_DRILL)),
    Row(state=_A, event=Observed, when=_is_cleared, to=_A, effect=(_K.ALERT_UPDATED, Reason.SEEN_AGAIN)),
    Row(state=_A, event=Observed, when=_other_finding, to=_A, effect=(_K.ALERT_UPDATED, Reason.NEW_FINDING)),
    Row(state=_A, event=Observed, to=_A),
    Row(state=_A, event=Cleared, to=_R, effect=(_K.ALERT_RESOLVED, Reason.CAUSE_CLEARED)),
    Row(state=_A, event=Resolve, to=_R, effect=(_K.ALERT_RESOLVED, Reason.BY_PERSON)),
    Row(state=_A, event=Tick, when=_is_cleared, to=_R, effect=(_K.ALERT_RESOLVED, Reason.CAUSE_CLEARED)),
    Row(state=_A, event=Tick, to=_A),
    Row(state=_R, event=Observed, when=_dismissed, to=_R),
    Row(state=_R, event=Observed, when=_never_opened, to=_P, effect=(_K.ALERT_PENDING, Reason.SEEN_AGAIN)),
    Row(state=_R, event=Observed, when=_in_window, to=_O, effect=(_K.ALERT_REOPENED, Reason.SEEN_AGAIN)),
    Row(state=_R, event=Cleared, to=_R),
    Row(state=_R, event=Tick, to=_R),
)


# What each effect writes into the alert


def _as_is(alert: Alert, _event: AlertEvent, _now: datetime) -> Alert:
    return alert


def _pending_again(alert: Alert, event: AlertEvent, now: datetime) -> Alert:
    return _with_finding(replace(alert, raised_at=now, resolved_at=None, resolution=None), event, now)


def _acknowledged(alert: Alert, event: AlertEvent, now: datetime) -> Alert:
    assert isinstance(event, Acknowledge)
    return replace(alert, acknowledged_at=now, acknowledged_by=event.by)


def _cleared(alert: Alert, _event: AlertEvent, now: datetime) -> Alert:
    return replace(alert, facts={**alert.facts, CLEARED_FACT: now.isoformat(timespec="seconds")})


def _reopened(alert: Alert, event: AlertEvent, now: datetime) -> Alert:
    fresh = replace(
        alert,
        raised_at=now,
        reopened=alert.reopened + 1,
        resolved_at=None,
        resolution=None,
        acknowledged_at=None,
        acknowledged_by=None,
        drill=isinstance(event, Observed) and event.drill,
    )
    return _with_finding(fresh, event, now)


def _with_finding(alert: Alert, event: AlertEvent, _now: datetime) -> Alert:
    if not isinstance(event, Observed):
        return alert
    finding = event.finding
    return replace(
        alert, finding_id=finding.id or alert.finding_id, message=finding.message, cause=finding.cause, facts=dict(finding.facts)
    )


def _seen_again(alert: Alert, event: AlertEvent, now: datetime) -> Alert:
    """What had cleared and waits for a person has come back: that counts, too."""
    returns = 1 if CLEARED_FACT in alert.facts else 0
    return _with_finding(replace(alert, reopened=alert.reopened + returns), event, now)


_APPLY: dict[EffectKind, Callable[[Alert, AlertEvent, datetime], Alert]] = {
    EffectKind.ALERT_PENDING: _pending_again,
    EffectKind.ALERT_OPENED: _as_is,
    EffectKind.ALERT_ACKNOWLEDGED: _acknowledged,
    EffectKind.ALERT_CLEARED: _cleared,
    EffectKind.ALERT_RESOLVED: _as_is,
    EffectKind.ALERT_REOPENED: _reopened,
    EffectKind.ALERT_UPDATED: _seen_again,
}
