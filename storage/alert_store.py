"""Alerts and their history. One unresolved alert per (kind, device); updates are guarded by `version`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, insert, or_, select, true, update

from alerts.model import Alert, AlertLogEntry, AlertState, Severity
from devices.errors import Conflict, NotFound
from storage.change import ChangeKind
from storage.change_store import append_change
from storage.columns import values_of
from storage.database import Lock, Transactions, queue_for
from storage.schema import ALERT, ALERT_LOG

Alerts = list[Alert]
AlertLog = list[AlertLogEntry]
AlertMark = tuple[int, datetime, int]
"""Severity rank, time raised and id of the last alert of a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFilter:
    """All that is given must hold; an empty collection: none."""

    states: Collection[AlertState] | None = None
    severities: Collection[Severity] | None = None
    space_ids: Collection[str] | None = None
    device_id: str | None = None


# The statements between an alarm and the screen are made once: to build one costs more than to run it.
_LATEST = (
    select(ALERT)
    .where(ALERT.c.kind == bindparam("of_kind"), ALERT.c.device_id == bindparam("at_device"))
    .order_by(ALERT.c.id.desc())
    .limit(1)
)
_INSERT = insert(ALERT).returning(ALERT.c.id)
_UPDATE = update(ALERT).where(ALERT.c.id == bindparam("of_id"))
_INSERT_LOG = insert(ALERT_LOG)


class AlertStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def latest(self, kind: str, device_id: str) -> Alert | None:
        """The newest alert of that kind at the device, resolved or not."""
        with self._database.read() as connection:
            row = connection.execute(_LATEST, {"of_kind": kind, "at_device": device_id}).mappings().first()
        return None if row is None else _alert(row)

    def get(self, alert_id: int) -> Alert:
        with self._database.read() as connection:
            row = connection.execute(select(ALERT).where(ALERT.c.id == alert_id)).mappings().first()
        if row is None:
            raise NotFound(f"there is no alert {alert_id}")
        return _alert(row)

    def insert(self, alert: Alert, entry: AlertLogEntry) -> Alert:
        """The alert with its id. Raises Conflict where one of its kind is unresolved at the device, NotFound for its finding."""
        with self._database.begin(conflict=_already_open(alert)) as connection:
            queue_for(connection, Lock.CHANGE)
            stored = replace(alert, id=connection.execute(_INSERT, _row(alert)).scalar_one())
            _log(connection, stored, entry)
        return stored

    def update(self, alert: Alert, entry: AlertLogEntry) -> Alert:
        """The alert with its next version. Raises Conflict where somebody changed it since it was read."""
        stored = replace(alert, version=alert.version + 1)
        with self._database.begin(conflict=_already_open(alert)) as connection:
            queue_for(connection, Lock.CHANGE)
            _check_version(connection, alert)
            connection.execute(_UPDATE, {**_row(stored), "of_id": alert.id})
            _log(connection, stored, entry)
        return stored

    def log(self, alert_id: int) -> AlertLog:
        """Oldest first; empty for an alert that does not exist."""
        columns = [column for column in ALERT_LOG.c if column.name not in {"id", "alert_id"}]
        query = select(*columns).where(ALERT_LOG.c.alert_id == alert_id).order_by(ALERT_LOG.c.id)
        with self._database.read() as connection:
            return [AlertLogEntry(**row) for row in connection.execute(query).mappings()]

    def list(
        self, *, states: Collection[AlertState] | None = None, space_ids: Collection[str] | None = None, limit: int = 200
    ) -> Alerts:
        """Worst first, then newest. None: all; an empty collection: none."""
        query = select(ALERT).order_by(ALERT.c.severity_rank, ALERT.c.raised_at.desc(), ALERT.c.id.desc()).limit(limit)
        if states is not None:
            query = query.where(ALERT.c.state.in_(states))
        if space_ids is not None:
            query = query.where(ALERT.c.space_id.in_(space_ids))
        with self._database.read() as connection:
            return [_alert(row) for row in connection.execute(query).mappings()]

    def page(self, wanted: AlertFilter, *, after: AlertMark | None = None, limit: int) -> Alerts:
        """Worst first, then newest, from where a page ended with `after`."""
        query = select(ALERT).where(_matching(wanted), _follows(after))
        ordered = query.order_by(ALERT.c.severity_rank, ALERT.c.raised_at.desc(), ALERT.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return [_alert(row) for row in connection.execute(ordered).mappings()]


def _matching(wanted: AlertFilter) -> ColumnElement[bool]:
    found: list[ColumnElement[bool]] = [true()]
    if wanted.states is not None:
        found.append(ALERT.c.state.in_(wanted.states))
    if wanted.severities is not None:
        found.append(ALERT.c.severity.in_(wanted.severities))
    if wanted.space_ids is not None:
        found.append(ALERT.c.space_id.in_(wanted.space_ids))
    if wanted.device_id is not None:
        found.append(ALERT.c.device_id == wanted.device_id)
    return and_(*found)


def _follows(mark: AlertMark | None) -> ColumnElement[bool]:
    if mark is None:
        return true()
    rank, raised_at, alert_id = mark
    later = or_(ALERT.c.raised_at < raised_at, and_(ALERT.c.raised_at == raised_at, ALERT.c.id < alert_id))
    return or_(ALERT.c.severity_rank > rank, and_(ALERT.c.severity_rank == rank, later))


def _check_version(connection: Connection, alert: Alert) -> None:
    found = connection.scalar(select(ALERT.c.version).where(ALERT.c.id == alert.id).with_for_update())
    if found is None:
        raise NotFound(f"there is no alert {alert.id}")
    if found != alert.version:
        raise Conflict(f"alert {alert.id} was changed meanwhile (version {found}, not {alert.version}); read it again")


def _already_open(alert: Alert) -> str:
    return f"an alert {alert.kind} is unresolved at {alert.device_id}; update that one"


def _log(connection: Connection, alert: Alert, entry: AlertLogEntry) -> None:
    connection.execute(_INSERT_LOG, {"alert_id": alert.id, **values_of(entry)})
    append_change(connection, ChangeKind.ALERT, alert.id, alert.updated_at)


def _row(alert: Alert) -> dict[str, Any]:
    row = values_of(alert) | {"severity_rank": alert.severity.rank}
    del row["id"]
    return row


def _alert(row: Mapping[Any, Any]) -> Alert:
    values = dict(row)
    del values["severity_rank"]
    return Alert(**values)
