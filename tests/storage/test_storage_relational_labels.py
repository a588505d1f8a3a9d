"""Verdicts and rules of detectors, on SQLite and PostgreSQL; an order's verdict becomes its finding's label."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from analytics.finding import FindingKind
from analytics.label import FindingLabel, SiteRecord, Verdict
from analytics.rule import DetectorRule
from devices.errors import Conflict, NotFound
from maintenance.model import OrderLogEntry, OrderState
from storage.alert_store import AlertStore
from storage.database import Database
from storage.finding_store import FindingStore
from storage.label_store import LabelStore
from storage.order_store import OrderStore
from storage.rule_store import RuleStore
from storage.schema import FINDING
from tests.storage.relational_values import T0, alert, alert_entry, finding, order


def _label(finding_id: int, verdict: Verdict, **changes: object) -> FindingLabel:
    plain = FindingLabel(
        finding_id=finding_id,
        kind=FindingKind.WATER_BURST,
        device_id="wm-1",
        space_id="floor-1",
        verdict=verdict,
        given_by="energy",
        given_at=T0,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def _rule(**changes: object) -> DetectorRule:
    plain = DetectorRule(
        kind=FindingKind.WATER_BURST,
        device_id="wm-1",
        parameters={"least_floor": 2.0},
        reason="hydrant tests",
        entered_by="energy",
        entered_at=T0,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_the_newest_word_about_a_finding_stands(any_database: Database) -> None:
    store, findings = LabelStore(any_database), FindingStore(any_database)
    one = findings.record(finding(), now=T0).id
    other = findings.record(finding(device_id="wm-2"), now=T0).id
    store.give(_label(one, Verdict.REAL))
    last = store.give(_label(one, Verdict.FALSE_ALARM, what="drill"))
    store.give(_label(other, Verdict.TEST, device_id="wm-2", space_id="floor-2"))
    assert store.of_finding(one)[0] == last
    assert [label.verdict for label in store.of_finding(one)] == [Verdict.FALSE_ALARM, Verdict.REAL]
    assert [label.finding_id for label in store.standing()] == [other, one]
    assert [label.finding_id for label in store.standing(device_ids={"wm-1"})] == [one]
    assert store.records() == {FindingKind.WATER_BURST: SiteRecord(real=0, false_alarms=1, unproven=1)}
    assert store.records({"floor-2"}) == {FindingKind.WATER_BURST: SiteRecord(unproven=1)}
    with any_database.read() as connection:
        assert connection.scalar(select(FINDING.c.verdict).where(FINDING.c.id == one)) == "false_alarm"


@pytest.mark.parametrize("event", ["finish", "close", "log"])
def test_the_verdict_of_an_order_becomes_a_label(any_database: Database, event: str) -> None:
    found = FindingStore(any_database).record(finding(), now=T0)
    raised = AlertStore(any_database).insert(alert(finding_id=found.id), alert_entry())
    orders, labels = OrderStore(any_database), LabelStore(any_database)
    entry = OrderLogEntry(at=T0, event="raise", actor="policy", from_state=None, to_state=OrderState.RAISED)
    stored = orders.insert(order(alert_id=raised.id), entry)
    judged = replace(entry, event=event, actor="plumber", note="seal replaced")
    again = orders.update(replace(stored, verdict="real"), judged)
    orders.update(again, judged)
    given = [(label.verdict, label.given_by, label.note, label.order_id) for label in labels.of_finding(found.id)]
    assert given == ([] if event == "log" else [(Verdict.REAL, "plumber", "seal replaced", stored.id)])


def test_an_order_without_a_finding_labels_nothing(any_database: Database) -> None:
    orders = OrderStore(any_database)
    entry = OrderLogEntry(at=T0, event="close", actor="boss", from_state=None, to_state=OrderState.RAISED)
    orders.update(replace(orders.insert(order(), entry), verdict="real"), entry)
    assert LabelStore(any_database).records() == {}


def test_a_rule_is_undone_once_and_stays_on_record(any_database: Database) -> None:
    store = RuleStore(any_database)
    rule = store.enter(_rule())
    off = store.enter(_rule(device_id=None, space_id="floor-1", off=True, parameters={}))
    assert store.get(rule.id) == rule
    assert store.list(standing=True) == [off, rule]
    before = store.revision()
    undone = store.undo(rule.id, by="admin", at=T0 + timedelta(hours=1))
    assert store.revision() > before
    assert store.list(standing=True) == [off]
    assert store.list(kind=FindingKind.WATER_BURST) == [off, undone]
    with pytest.raises(Conflict, match="undone already"):
        store.undo(rule.id, by="admin", at=T0)
    with pytest.raises(NotFound):
        store.undo(99, by="admin", at=T0)
