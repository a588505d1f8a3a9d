"""Findings: one active row per (kind, device), which the same finding updates for as long as it lasts."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, insert, select, true, update

from analytics.finding import Basis, Evidence, Finding, FindingKind, Waste
from devices.errors import NotFound
from storage.change import ChangeKind
from storage.change_store import append_change
from storage.columns import values_of
from storage.database import Lock, Transactions, queue_for
from storage.schema import ACTIVE, FINDING

Findings = list[Finding]
_NOT_OF_A_FINDING = {"updated_at", "verdict"}
# The statements between an alarm and the screen are made once: to build one costs more than to run it.
_NEWEST = (
    select(FINDING)
    .where(FINDING.c.kind == bindparam("of_kind"), FINDING.c.device_id == bindparam("at_device"))
    .order_by(FINDING.c.id.desc())
    .limit(1)
)
_INSERT = insert(FINDING).returning(FINDING.c.id)
_UPDATE = update(FINDING).where(FINDING.c.id == bindparam("of_id"))
_WASTE = tuple(Waste.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingFilter:
    """All that is given must hold; an empty collection of spaces: none."""

    active: bool | None = None
    kind: FindingKind | None = None
    device_id: str | None = None
    space_ids: Collection[str] | None = None
    seen_from: datetime | None = None


class FindingStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def record(self, finding: Finding, *, now: datetime) -> Finding:
        """What is stored afterwards, with its id.

        Active: the active row of the same kind and device is updated and keeps its first start; else a new row. Not active:
        the active row ends and keeps what it said; where none is active nothing is stored and the last ended row comes
        back, or `finding` itself (id 0) where there was never one. A repetition of what is stored writes nothing.
        """
        with self._database.begin() as connection:
            queue_for(connection, Lock.CHANGE)
            newest = _newest(connection, finding)
            if newest is None or not newest.active:
                return _insert(connection, finding, now) if finding.active else newest or finding
            return _update(connection, newest, finding, now)

    def get(self, finding_id: int) -> Finding:
        with self._database.read() as connection:
            row = connection.execute(select(FINDING).where(FINDING.c.id == finding_id)).mappings().first()
        if row is None:
            raise NotFound(f"there is no finding {finding_id}")
        return _finding(row)

    def active(self) -> dict[tuple[FindingKind, str], Finding]:
        """Every active finding by kind and device id."""
        with self._database.read() as connection:
            rows = connection.execute(select(FINDING).where(ACTIVE).order_by(FINDING.c.id)).mappings()
            return {(row["kind"], row["device_id"]): _finding(row) for row in rows}

    def list(
        self,
        *,
        active: bool | None = None,
        kind: FindingKind | None = None,
        device_id: str | None = None,
        since_id: int | None = None,
        limit: int = 200,
    ) -> Findings:
        """Newest first. `since_id`: only those with a greater id."""
        query: Select[Any] = select(FINDING).order_by(FINDING.c.id.desc()).limit(limit)
        if active is not None:
            query = query.where(ACTIVE if active else ~FINDING.c.active)
        if kind is not None:
            query = query.where(FINDING.c.kind == kind)
        if device_id is not None:
            query = query.where(FINDING.c.device_id == device_id)
        if since_id is not None:
            query = query.where(FINDING.c.id > since_id)
        with self._database.read() as connection:
            return [_finding(row) for row in connection.execute(query).mappings()]

    def page(self, wanted: FindingFilter, *, before_id: int | None = None, limit: int) -> Findings:
        """Newest first, from where a page ended with `before_id`."""
        query = select(FINDING).where(_matching(wanted)).order_by(FINDING.c.id.desc()).limit(limit)
        if before_id is not None:
            query = query.where(FINDING.c.id < before_id)
        with self._database.read() as connection:
            return [_finding(row) for row in connection.execute(query).mappings()]


def _matching(wanted: FindingFilter) -> ColumnElement[bool]:
    found: list[ColumnElement[bool]] = [true()]
    if wanted.active is not None:
        found.append(FINDING.c.active.is_(wanted.active))
    if wanted.kind is not None:
        found.append(FINDING.c.kind == wanted.kind)
    if wanted.device_id is not None:
        found.append(FINDING.c.device_id == wanted.device_id)
    if wanted.space_ids is not None:
        found.append(FINDING.c.space_id.in_(wanted.space_ids))
    if wanted.seen_from is not None:
        found.append(FINDING.c.seen >= wanted.seen_from)
    return and_(*found)


def _newest(connection: Connection, finding: Finding) -> Finding | None:
    """The newest row of the kind and device; if one is active it is this one, since a new row begins only after the last ended."""
    row = connection.execute(_NEWEST, {"of_kind": finding.kind, "at_device": finding.device_id}).mappings().first()
    return None if row is None else _finding(row)


def _insert(connection: Connection, finding: Finding, now: datetime) -> Finding:
    stored = replace(finding, id=connection.execute(_INSERT, {**_row(finding), "updated_at": now}).scalar_one())
    append_change(connection, ChangeKind.FINDING, stored.id, now)
    return stored


def _update(connection: Connection, stored: Finding, finding: Finding, now: datetime) -> Finding:
    merged = _merge(stored, finding)
    if merged != stored:
        connection.execute(_UPDATE, {**_row(merged), "updated_at": now, "of_id": stored.id})
        append_change(connection, ChangeKind.FINDING, stored.id, now)
    return merged


def _merge(stored: Finding, finding: Finding) -> Finding:
    seen = max(stored.seen, finding.seen)
    evidence = finding.evidence or stored.evidence
    if not finding.active:
        return replace(stored, active=False, seen=seen, evidence=evidence)
    return replace(finding, id=stored.id, started=min(stored.started, finding.started), seen=seen, evidence=evidence)


def _row(finding: Finding) -> dict[str, Any]:
    row = values_of(finding)
    del row["id"]
    row.update(values_of(row.pop("waste")))
    row["evidence"] = None if finding.evidence is None else values_of(finding.evidence)
    return row


def _finding(row: Mapping[Any, Any]) -> Finding:
    values = {name: value for name, value in row.items() if name not in _NOT_OF_A_FINDING}
    waste = Waste(**{name: values.pop(name) for name in _WASTE})
    evidence = values.pop("evidence")
    return Finding(**values, waste=waste, evidence=None if evidence is None else _evidence(evidence))


def _evidence(stored: Mapping[str, Any]) -> Evidence:
    return Evidence(
        metric=stored["metric"],
        unit=stored["unit"],
        observed=_pairs(stored["observed"]),
        expected=_pairs(stored["expected"]),
        basis=Basis(stored["basis"]) if stored.get("basis") else None,
        peers=int(stored.get("peers", 0)),
    )


def _pairs(stored: list[tuple[int, float | None]]) -> tuple[tuple[int, float], ...]:
    """JSON has no NaN; it was written as null."""
    return tuple((ts_ms, math.nan if value is None else float(value)) for ts_ms, value in stored)
