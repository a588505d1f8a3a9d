"""The shell around the alert machine: fetch, advance, store, and try again where another worker was faster."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from alerts import machine
from alerts.model import Alert, AlertLogEntry, AlertState
from analytics.finding import Finding
from devices.errors import Conflict

TRIES = 8


class AlertStore(Protocol):
    """See docs/architecture.md. `insert` raises Conflict where one is open, `update` where the version is not the stored one."""

    def latest(self, kind: str, device_id: str) -> Alert | None: ...
    def get(self, alert_id: int) -> Alert: ...
    def insert(self, alert: Alert, entry: AlertLogEntry) -> Alert: ...
    def update(self, alert: Alert, entry: AlertLogEntry) -> Alert: ...
    def list(
        self, *, states: Collection[AlertState] | None = None, space_ids: Collection[str] | None = None, limit: int = 200
    ) -> list[Alert]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The alert as stored now (None: there is none and none is needed) and what happened to it."""

    alert: Alert | None
    effects: tuple[machine.Effect, ...] = ()


def apply_finding(store: AlertStore, finding: Finding, now: datetime, *, drill: bool = False) -> Outcome:
    """Opens, repeats, clears or reopens the alert of that finding; safe against other workers doing the same."""
    return _retry(lambda: _apply_once(store, finding, now, drill=drill))


def acknowledge(store: AlertStore, alert_id: int, by: str, now: datetime) -> Outcome:
    """Raises NotFound, IllegalTransition."""
    return _retry(lambda: _step(store, store.get(alert_id), machine.Acknowledge(by=by), now))


def resolve(store: AlertStore, alert_id: int, by: str, reason: str, now: datetime) -> Outcome:
    """By hand. Raises NotFound, IllegalTransition, BadInput where the reason is empty."""
    return _retry(lambda: _step(store, store.get(alert_id), machine.Resolve(by=by, reason=reason), now))


def tick(store: AlertStore, now: datetime) -> list[Outcome]:
    """Opens what has been pending long enough, ends what was acknowledged after its sensor had cleared."""
    waiting = store.list(states={AlertState.PENDING, AlertState.ACKNOWLEDGED}, limit=10_000)
    outcomes = [_tick_one(store, alert, now) for alert in waiting]
    return [outcome for outcome in outcomes if outcome.effects]


def _tick_one(store: AlertStore, alert: Alert, now: datetime) -> Outcome:
    try:
        return _step(store, alert, machine.Tick(), now)
    except Conflict:
        return Outcome(alert=alert)  # somebody acted on it this very moment; the next tick sees the result


def _apply_once(store: AlertStore, finding: Finding, now: datetime, *, drill: bool) -> Outcome:
    alert = store.latest(finding.kind, finding.device_id)
    if alert is not None and machine.continues(alert, finding, now):
        event = machine.Observed(finding=finding, drill=drill) if finding.active else machine.Cleared(finding=finding)
        return _step(store, alert, event, now)
    if not finding.active:
        return Outcome(alert=alert)
    fresh, effects = machine.begin(finding, now, drill=drill)
    return Outcome(alert=store.insert(fresh, _entry(None, fresh, effects[0], now)), effects=effects)


def _step(store: AlertStore, alert: Alert, event: machine.AlertEvent, now: datetime) -> Outcome:
    changed, effects = machine.advance(alert, event, now)
    if not effects:
        return Outcome(alert=alert)
    return Outcome(alert=store.update(changed, _entry(alert, changed, effects[0], now)), effects=effects)


def _entry(before: Alert | None, after: Alert, effect: machine.Effect, now: datetime) -> AlertLogEntry:
    return AlertLogEntry(
        at=now,
        event=effect.kind,
        actor=effect.actor,
        from_state=before.state if before else None,
        to_state=after.state,
        note=effect.note or effect.reason,
    )


def _retry(attempt: Callable[[], Outcome]) -> Outcome:
    """A Conflict means that another worker changed the alert in between: look again. After TRIES it is the caller's to see."""
    for _ in range(TRIES - 1):
        try:
            return attempt()
        except Conflict:
            continue
    return attempt()
