"""Work orders and their hash-chained history. One unfinished order per (problem, device or place); updates guarded by `version`."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from devices.errors import Conflict, NotFound
from maintenance.model import OrderLogEntry, OrderState, WorkOrder
from storage.change import ChangeKind
from storage.change_store import append_change
from storage.database import Lock, Transactions, queue_for
from storage.hash_chain import START, link, unbroken
from storage.label_store import label_by_order
from storage.schema import ORDER_LOG, UNFINISHED, WORK_ORDER

WorkOrders = list[WorkOrder]
OrderLog = list[OrderLogEntry]


class OrderStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def open_for(self, problem: str, device_id: str | None, space_id: str) -> WorkOrder | None:
        """The unfinished order for that problem at that device (None: at the place itself)."""
        query = select(WORK_ORDER).where(
            WORK_ORDER.c.problem == problem,
            func.coalesce(WORK_ORDER.c.device_id, "") == (device_id or ""),
            WORK_ORDER.c.space_id == space_id,
            UNFINISHED,
        )
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else _order(row)

    def for_alert(self, alert_id: int) -> WorkOrder | None:
        """The newest order that the alert raised."""
        query = select(WORK_ORDER).where(WORK_ORDER.c.alert_id == alert_id).order_by(WORK_ORDER.c.id.desc()).limit(1)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else _order(row)

    def get(self, order_id: int) -> WorkOrder:
        with self._database.read() as connection:
            row = connection.execute(select(WORK_ORDER).where(WORK_ORDER.c.id == order_id)).mappings().first()
        if row is None:
            raise NotFound(f"there is no work order {order_id}")
        return _order(row)

    def insert(self, order: WorkOrder, entry: OrderLogEntry) -> WorkOrder:
        """The order with its id. Raises Conflict where one is unfinished for the same problem and device or place."""
        with self._database.begin(conflict=_already_open(order)) as connection:
            queue_for(connection, Lock.CHANGE)
            new = insert(WORK_ORDER).values(**_row(order), log_hash=START).returning(WORK_ORDER.c.id)
            stored = replace(order, id=connection.execute(new).scalar_one())
            _log(connection, stored, entry, previous=START)
        return stored

    def update(self, order: WorkOrder, entry: OrderLogEntry) -> WorkOrder:
        """The order with its next version. Raises Conflict where somebody changed it since it was read."""
        stored = replace(order, version=order.version + 1)
        with self._database.begin(conflict=_already_open(order)) as connection:
            queue_for(connection, Lock.CHANGE)
            previous = _check_version(connection, order)
            connection.execute(update(WORK_ORDER).where(WORK_ORDER.c.id == order.id).values(_row(stored)))
            _log(connection, stored, entry, previous=previous)
            label_by_order(connection, stored, entry)
        return stored

    def log(self, order_id: int) -> OrderLog:
        """Oldest first; empty for an order that does not exist."""
        columns = [column for column in ORDER_LOG.c if column.name not in {"id", "order_id", "hash"}]
        query = select(*columns).where(ORDER_LOG.c.order_id == order_id).order_by(ORDER_LOG.c.id)
        with self._database.read() as connection:
            return [OrderLogEntry(**row) for row in connection.execute(query).mappings()]

    def verify_chain(self, order_id: int) -> bool:
        """False where a line of the order's history was altered, taken out or cut off since it was written."""
        with self._database.read() as connection:
            head = connection.scalar(select(WORK_ORDER.c.log_hash).where(WORK_ORDER.c.id == order_id))
            rows = (
                connection.execute(select(ORDER_LOG).where(ORDER_LOG.c.order_id == order_id).order_by(ORDER_LOG.c.id))
                .mappings()
                .all()
            )
        if head is None:
            raise NotFound(f"there is no work order {order_id}")
        return unbroken(rows, str(head))

    def load_by_assignee(self) -> dict[str, int]:
        """How many unfinished orders each assignee has; who has none is not in it."""
        query = (
            select(WORK_ORDER.c.assignee, func.count().label("orders"))
            .where(WORK_ORDER.c.assignee.is_not(None), UNFINISHED)
            .group_by(WORK_ORDER.c.assignee)
        )
        with self._database.read() as connection:
            return {row.assignee: row.orders for row in connection.execute(query)}

    def list(
        self,
        *,
        states: Collection[OrderState] | None = None,
        assignee: str | None = None,
        reporter: str | None = None,
        space_ids: Collection[str] | None = None,
        limit: int = 200,
    ) -> WorkOrders:
        """Newest first. None: all; an empty collection: none."""
        query = select(WORK_ORDER).order_by(WORK_ORDER.c.raised_at.desc(), WORK_ORDER.c.id.desc()).limit(limit)
        if states is not None:
            query = query.where(WORK_ORDER.c.state.in_(states))
        if assignee is not None:
            query = query.where(WORK_ORDER.c.assignee == assignee)
        if reporter is not None:
            query = query.where(WORK_ORDER.c.reporter == reporter)
        if space_ids is not None:
            query = query.where(WORK_ORDER.c.space_id.in_(space_ids))
        with self._database.read() as connection:
            return [_order(row) for row in connection.execute(query).mappings()]


def _check_version(connection: Connection, order: WorkOrder) -> str:
    """The hash of the newest log line."""
    query = select(WORK_ORDER.c.version, WORK_ORDER.c.log_hash).where(WORK_ORDER.c.id == order.id).with_for_update()
    found = connection.execute(query).first()
    if found is None:
        raise NotFound(f"there is no work order {order.id}")
    if found.version != order.version:
        raise Conflict(f"work order {order.id} was changed meanwhile (version {found.version}, not {order.version}); read it again")
    return str(found.log_hash)


def _already_open(order: WorkOrder) -> str:
    return f"a work order for {order.problem} is open at {order.device_id or order.space_id}; add to that one"


def _log(connection: Connection, order: WorkOrder, entry: OrderLogEntry, *, previous: str) -> None:
    line = {"order_id": order.id, **asdict(entry)}
    newest = link(previous, line)
    connection.execute(insert(ORDER_LOG).values(**line, hash=newest))
    connection.execute(update(WORK_ORDER).where(WORK_ORDER.c.id == order.id).values(log_hash=newest))
    append_change(connection, ChangeKind.ORDER, order.id, order.updated_at)


def _row(order: WorkOrder) -> dict[str, Any]:
    row = asdict(order)
    del row["id"]
    return row


def _order(row: Mapping[Any, Any]) -> WorkOrder:
    values = dict(row)
    del values["log_hash"]
    return WorkOrder(**values)
