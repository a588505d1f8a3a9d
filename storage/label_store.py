"""Verdicts about findings: appended, never changed; of several about one finding the newest stands."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select, update

from analytics.finding import FindingKind
from analytics.label import FindingLabel, SiteRecord, Verdict, site_record
from maintenance.model import OrderEvent, OrderLogEntry, WorkOrder
from storage.change import ChangeKind
from storage.change_store import append_change
from storage.columns import values_of
from storage.database import Lock, Transactions, queue_for
from storage.schema import ALERT, FINDING
from storage.schema_labels import FINDING_LABEL

_ENDS = frozenset({OrderEvent.FINISH, OrderEvent.ACCEPT_REPAIR, OrderEvent.CLOSE})
Labels = list[FindingLabel]


class LabelStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def give(self, label: FindingLabel) -> FindingLabel:
        """Stored with its id; the finding bears the verdict from now on."""
        with self._database.begin() as connection:
            queue_for(connection, Lock.CHANGE)
            return _give(connection, label)

    def of_finding(self, finding_id: int) -> Labels:
        """Newest first."""
        query = select(FINDING_LABEL).where(FINDING_LABEL.c.finding_id == finding_id).order_by(FINDING_LABEL.c.id.desc())
        with self._database.read() as connection:
            return [FindingLabel(**row) for row in connection.execute(query).mappings()]

    def standing(self, *, kind: FindingKind | None = None, device_ids: Collection[str] | None = None, limit: int = 1000) -> Labels:
        """The newest label of each finding, newest first."""
        query = select(FINDING_LABEL).where(FINDING_LABEL.c.id.in_(_newest_ids())).order_by(FINDING_LABEL.c.id.desc()).limit(limit)
        if kind is not None:
            query = query.where(FINDING_LABEL.c.kind == kind)
        if device_ids is not None:
            query = query.where(FINDING_LABEL.c.device_id.in_(device_ids))
        with self._database.read() as connection:
            return [FindingLabel(**row) for row in connection.execute(query).mappings()]

    def records(self, space_ids: Collection[str] | None = None) -> dict[FindingKind, SiteRecord]:
        """By kind, what the standing labels say; of these spaces only, where given."""
        table = FINDING_LABEL.c
        newest = table.id.in_(_newest_ids())
        query = select(table.kind, table.verdict, func.count()).where(newest).group_by(table.kind, table.verdict)
        if space_ids is not None:
            query = query.where(table.space_id.in_(space_ids))
        found: dict[FindingKind, list[Verdict]] = defaultdict(list)
        with self._database.read() as connection:
            for kind, verdict, count in connection.execute(query):
                found[kind] += [verdict] * count
        return {kind: site_record(verdicts) for kind, verdicts in found.items()}


def label_by_order(connection: Connection, order: WorkOrder, entry: OrderLogEntry) -> None:
    """Within the transaction that ends an order: its verdict becomes a label of the finding behind its alert."""
    if order.verdict is None or order.alert_id is None or entry.event not in _ENDS:
        return
    table = FINDING.c
    query = (
        select(table.id, table.kind, table.device_id, table.space_id)
        .join(ALERT, ALERT.c.finding_id == table.id)
        .where(ALERT.c.id == order.alert_id)
    )
    found = connection.execute(query).first()
    if found is None:
        return
    same = select(FINDING_LABEL.c.verdict).where(FINDING_LABEL.c.finding_id == found.id, FINDING_LABEL.c.order_id == order.id)
    if connection.scalar(same.order_by(FINDING_LABEL.c.id.desc()).limit(1)) == order.verdict:
        return
    label = FindingLabel(
        finding_id=found.id,
        kind=found.kind,
        device_id=found.device_id,
        space_id=found.space_id,
        verdict=Verdict(order.verdict),
        note=entry.note,
        order_id=order.id,
        given_by=entry.actor,
        given_at=entry.at,
    )
    _give(connection, label)


def _give(connection: Connection, label: FindingLabel) -> FindingLabel:
    row = values_of(label)
    del row["id"]
    stored = connection.execute(insert(FINDING_LABEL).returning(FINDING_LABEL.c.id), row).scalar_one()
    connection.execute(update(FINDING).where(FINDING.c.id == label.finding_id).values(verdict=label.verdict))
    append_change(connection, ChangeKind.FINDING, label.finding_id, label.given_at)
    return FindingLabel(**{**row, "id": stored})


def _newest_ids() -> Select[Any]:
    return select(func.max(FINDING_LABEL.c.id)).group_by(FINDING_LABEL.c.finding_id)
