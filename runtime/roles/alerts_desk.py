"""Findings into alerts into orders, against the real stores: reads the truth, acts, and can be repeated without harm."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Concatenate, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

from alerts import engine as alerts
from alerts import grouping
from alerts.model import Alert, AlertState
from analytics.finding import Finding
from analytics.parameters import HOURLY_RULES
from analytics.tuning import Tuning, tuning_of
from devices.errors import CaretakerError, Conflict, DependencyFailed, IllegalTransition
from devices.model import DeviceKind
from devices.registry import Registry
from maintenance import engine as maintenance
from maintenance.machine import SYSTEM, OrderRequest
from maintenance.model import FINAL_STATES, OrderEvent, OrderState, WorkOrder
from maintenance.policy import plan_for, waits
from maintenance.sla import WorkingCalendar
from runtime.roles.alerts_lane import Said
from storage.alert_store import AlertStore
from storage.change import Change, ChangeKind
from storage.change_store import ChangeStore
from storage.commissioning_store import CommissioningStore
from storage.database import Database
from storage.finding_store import FindingStore
from storage.order_store import OrderStore
from storage.registry_store import RegistryStore
from storage.rule_store import RuleStore
from storage.user_store import UserStore

_LOG = logging.getLogger(__name__)

Publish = Callable[[str, int], None]

UNRESOLVED = (AlertState.PENDING, AlertState.OPEN, AlertState.ACKNOWLEDGED)
_WAITING = (OrderState.RAISED, OrderState.TRIAGED, OrderState.ACCEPTED_BY_REPORTER)
_ALL = 10_000
_UNFINISHED = frozenset(OrderState) - FINAL_STATES
SCALE = timedelta(seconds=180)
"""So long the order (never the alert) of a silent fire device waits: by then it is plain whether one is silent or many are."""
_TOGETHER = "silent_together"

Subject = TypeVar("Subject", Finding, Alert, WorkOrder, Change)
P = ParamSpec("P")


class Desk:
    """Every method may be called again after a failure; each looks at what is stored before it acts."""

    def __init__(self, database: Database, zone: ZoneInfo, publish: Publish) -> None:
        self._database = database
        self.findings = FindingStore(database)
        self.alerts = AlertStore(database)
        self.orders = OrderStore(database)
        self.registry_store = RegistryStore(database)
        self._changes = ChangeStore(database)
        self._commissioning = CommissioningStore(database)
        self._users = UserStore(database)
        self._publish = publish
        self._calendar = WorkingCalendar(zone=zone)
        self._revision = self.registry_store.revision()
        self.registry = self.registry_store.load()
        self.seq = self._changes.last_seq()
        self._zones = _zones(self.registry)
        self._rules = RuleStore(database)
        self._rules_revision = (0, self._revision)
        self._settled: set[tuple[ChangeKind, int]] = set()
        self._first: dict[int, grouping.Headline] = {}
        self._behind: set[int] = set()

    # The fast lane's side

    def raise_alarms(self, said: Sequence[Said], now: datetime) -> None:
        """Records the findings and applies them in one transaction, all that stands between the messages and the screen.

        One wait for the disk, however many alarms come at once. Raises Conflict where other workers were faster all the time.
        """
        try:
            done = self._apply_together(said, now, savepoints=False)
        except (CaretakerError, ValueError):  # one of them cannot be stored as it is: again with care, so that it fails alone
            done = self._apply_together(said, now, savepoints=True)
        for stored, outcome in filter(None, done):
            self._tell(outcome)
            self._remember(outcome, stored)

    def _apply_together(
        self, said: Sequence[Said], now: datetime, *, savepoints: bool
    ) -> list[tuple[Finding, alerts.Outcome] | None]:
        with self._database.together(savepoints=savepoints) as transaction:
            findings, open_alerts = FindingStore(transaction), AlertStore(transaction)
            if savepoints:
                return [self._raise_alone(findings, open_alerts, item, now) for item in said]
            return [_raise(findings, open_alerts, item, now) for item in said]

    def _raise_alone(
        self, findings: FindingStore, open_alerts: AlertStore, item: Said, now: datetime
    ) -> tuple[Finding, alerts.Outcome] | None:
        """One alarm that cannot be stored must not take the others with it."""
        try:
            return _raise(findings, open_alerts, item, now)
        except (DependencyFailed, Conflict):
            raise
        except CaretakerError as error:
            _LOG.error("left out %s of %s: %s", item.finding.kind, item.finding.device_id, error)
            return None

    def _remember(self, outcome: alerts.Outcome, stored: Finding) -> None:
        """What the lane has just written needs no second look, where no order follows from it."""
        alert = outcome.alert
        if alert is not None and outcome.effects and plan_for(alert, self._device_kind(alert)) is None:
            self._settled |= {(ChangeKind.FINDING, stored.id), (ChangeKind.ALERT, alert.id)}

    # The tail's side

    def follow(self, now: datetime, *, own_kinds: Callable[[str], bool]) -> int:
        """Acts on the changes since the last call; how many there were. `own_kinds`: findings that the fast lane applies itself."""
        changes = self._changes.after(self.seq)
        for change in changes:
            if (change.kind, change.entity_id) in self._settled:
                self._settled.discard((change.kind, change.entity_id))
            else:
                self._guarded(self._act, change, now, own_kinds)
            self.seq = change.seq
        return len(changes)

    def tick(self, now: datetime) -> None:
        for outcome in alerts.tick(self.alerts, now):
            self._tell(outcome)

    def registry_changed(self) -> bool:
        """Reloads the registry where it has changed."""
        revision = self.registry_store.revision()
        if revision == self._revision:
            return False
        self.registry, self._revision = self.registry_store.load(), revision
        self._zones = _zones(self.registry)
        return True

    def tuning_changed(self) -> Tuning | None:
        """What people's rules say of devices that are no meters; None where neither rules nor places have changed."""
        known = (self._rules.revision(), self._revision)
        if known == self._rules_revision:
            return None
        self._rules_revision = known
        return tuning_of(self.registry, self._rules.list(standing=True))

    def silenced(self, tuning: Tuning) -> list[Finding]:
        """Findings that go on and that a rule has switched off. Hourly detectors end theirs by themselves."""
        return [one for key, one in self.findings.active().items() if key in tuning.off and one.kind not in HOURLY_RULES]

    def reconcile(self, now: datetime) -> None:
        """What was missed while nobody listened: findings without alert, alerts whose finding has ended, alerts without order."""
        active = self.findings.active()
        self._look_for_headlines()
        for finding in active.values():
            self._guarded(self._apply, finding, now)
        for alert in self.alerts.list(states=UNRESOLVED, limit=_ALL):
            if (alert.kind, alert.device_id) not in active and alert.finding_id is not None:
                self._guarded(self._apply, replace(self.findings.get(alert.finding_id), active=False), now)
            else:
                self._guarded(self._order_for, alert, now)
        for order in self.orders.list(states=_WAITING, limit=_ALL):
            self._guarded(self._order_changed, order, now)

    def _act(self, change: Change, now: datetime, own_kinds: Callable[[str], bool]) -> None:
        if change.kind is ChangeKind.FINDING:
            finding = self.findings.get(change.entity_id)
            if not own_kinds(finding.kind):
                self._apply(finding, now)
        elif change.kind is ChangeKind.ALERT:
            self._alert_changed(self.alerts.get(change.entity_id), now)
        elif change.kind is ChangeKind.ORDER:
            self._order_changed(self.orders.get(change.entity_id), now)

    def _guarded(self, act: Callable[Concatenate[Subject, P], None], subject: Subject, *more: P.args, **named: P.kwargs) -> None:
        """One finding, alert or order that cannot be dealt with must not stop the others; a database that is away stops all."""
        try:
            act(subject, *more, **named)
        except DependencyFailed:
            raise
        except CaretakerError as error:
            name, number = type(subject).__name__.lower(), getattr(subject, "id", getattr(subject, "seq", 0))
            _LOG.error("left out %s %s: %s", name, number, error)

    def _apply(self, finding: Finding, now: datetime) -> None:
        self._tell(alerts.apply_finding(self.alerts, finding, now))

    def _tell(self, outcome: alerts.Outcome) -> None:
        if outcome.alert is not None and outcome.effects:
            self._publish(ChangeKind.ALERT, outcome.alert.id)

    def _alert_changed(self, alert: Alert, now: datetime) -> None:
        order = self.orders.for_alert(alert.id)
        if order is not None:
            self._order_changed(order, now)
        self._order_for(alert, now)

    def _order_for(self, alert: Alert, now: datetime) -> None:
        """One order for each time the alert opened: what was cancelled or closed since then is not raised again."""
        is_on = alert.state in {AlertState.OPEN, AlertState.ACKNOWLEDGED}
        if not is_on or alert.drill or plan_for(alert, self._device_kind(alert)) is None:
            return
        if alert.kind == grouping.SILENT:
            if now - alert.raised_at < SCALE or alert.id in self._behind:
                return  # reconcile looks again
            alert = self._under_headline(alert)
        if self._provisional(alert):
            return
        before = self.orders.for_alert(alert.id)
        if before is not None and (before.state not in FINAL_STATES or before.updated_at >= alert.raised_at):
            return
        self._raise_order(alert, now)

    def _provisional(self, alert: Alert) -> bool:
        """The alert is open all the same; `reconcile` looks at it again, also after a release."""
        return waits(alert.kind, commissioning=True) and alert.device_id in self._commissioning.open()

    def _look_for_headlines(self) -> None:
        """Which silent fire devices are behind one order for all of them: one cause, one crew. Their alerts stay single."""
        found = grouping.headlines(self.alerts.list(states=UNRESOLVED, limit=_ALL), self.registry.ids_to)
        self._first = {one.alert_ids[0]: one for one in found}
        self._behind = {alert_id for one in found for alert_id in one.alert_ids[1:]}
        orders = [order for order in self.orders.list(states=_UNFINISHED, limit=_ALL) if _TOGETHER in order.facts] if found else []
        for one in found:
            above = self.registry.ids_to(one.space_id)
            if any(order.raised_at >= one.since and order.space_id in above for order in orders):
                self._behind.add(one.alert_ids[0])  # the first one has spoken again; the order for all of them is there

    def _under_headline(self, alert: Alert) -> Alert:
        """As the order shall tell it: where the alert stands for many, the place of them all and how many there are."""
        headline = self._first.get(alert.id)
        if headline is None:
            return alert
        return replace(
            alert,
            space_id=headline.space_id,
            message="%(silent_together)s fire devices of this place fell silent together",
            cause="Network, gateway or loop down: look there first. Meanwhile go round every 30 minutes",
            facts={**alert.facts, _TOGETHER: len(headline.alert_ids)},
        )

    def _raise_order(self, alert: Alert, now: datetime) -> None:
        kind = self._device_kind(alert)
        outcome = maintenance.raise_from_alert(self.orders, alert, now, self._staff(), device_kind=kind)
        if outcome.order is not None and outcome.created:
            self._publish(ChangeKind.ORDER, outcome.order.id)

    def _device_kind(self, alert: Alert) -> DeviceKind | None:
        device = self.registry.devices.get(alert.device_id)
        return device.kind if device else None

    def _order_changed(self, order: WorkOrder, now: datetime) -> None:
        if order.state is OrderState.RAISED and order.alert_id is not None:
            self._raise_order(self.alerts.get(order.alert_id), now)  # a killed process left it half way
        elif order.state is OrderState.TRIAGED and order.assignee is None:
            self._dispatch(order, now)
        elif order.state is OrderState.ACCEPTED_BY_REPORTER and self._sensor_recovered(order):
            self._close(order, now)
        elif order.state is OrderState.CLOSED:
            self._settle(order, now)

    def _dispatch(self, order: WorkOrder, now: datetime) -> None:
        """Somebody for a job that waits, but never again one who has declined it."""
        declined = {entry.actor for entry in self.orders.log(order.id) if entry.event == OrderEvent.DECLINE}
        outcome = maintenance.redispatch(self.orders, order, now, self._staff(), without=declined)
        if outcome.effects:
            self._publish(ChangeKind.ORDER, order.id)

    def _close(self, order: WorkOrder, now: datetime) -> None:
        request = OrderRequest(event=OrderEvent.CLOSE, actor="policy", roles=SYSTEM, note="the sensor has recovered")
        maintenance.apply(self.orders, order.id, request, now, self._calendar, alerts=self.alerts)
        self._publish(ChangeKind.ORDER, order.id)

    def _settle(self, order: WorkOrder, now: datetime) -> None:
        """The dispatcher closed the order against the sensor's word: the alert ends with the dispatcher's reason."""
        if order.alert_id is None:
            return
        alert = self.alerts.get(order.alert_id)
        if alert.state is AlertState.RESOLVED or order.closed_at is None or alert.raised_at > order.closed_at:
            return
        closing = next(entry for entry in reversed(self.orders.log(order.id)) if entry.to_state is OrderState.CLOSED)
        reason = ": ".join(part for part in (order.verdict, closing.note) if part) or f"order {order.id} closed"
        try:
            self._tell(alerts.resolve(self.alerts, alert.id, closing.actor, reason, now))
        except IllegalTransition:
            _LOG.info("alert %s waits to be acknowledged, although order %s is closed", alert.id, order.id)

    def _sensor_recovered(self, order: WorkOrder) -> bool:
        return order.alert_id is not None and self.alerts.get(order.alert_id).state is AlertState.RESOLVED

    def _staff(self) -> maintenance.Desk:
        crew = maintenance.crew_with_load(self._users.crew(), self.orders.load_by_assignee())
        return maintenance.Desk(calendar=self._calendar, crew=crew, zones=self._zones)


def _raise(findings: FindingStore, open_alerts: AlertStore, item: Said, now: datetime) -> tuple[Finding, alerts.Outcome] | None:
    """What was late is recorded and raises nothing."""
    stored = findings.record(item.finding, now=now)
    if item.late:
        return None
    known = replace(item.finding, id=stored.id, started=stored.started)
    return stored, alerts.apply_finding(open_alerts, known, now)


def _zones(registry: Registry) -> dict[str, str]:
    """The building of each space."""
    found = ((space_id, registry.building(space_id)) for space_id in registry.spaces)
    return {space_id: building.id for space_id, building in found if building is not None}
