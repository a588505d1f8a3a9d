"""What each repair saved, one row an order, and the finished orders that come from a wasteful finding."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, func, or_, select

from maintenance.model import OrderState
from storage.columns import values_of
from storage.database import Transactions, upsert
from storage.schema import ALERT, FINDING, WORK_ORDER
from storage.schema_budget import SAVING

REPAIRED = (OrderState.DONE, OrderState.ACCEPTED_BY_REPORTER, OrderState.CLOSED)


class SavingState(StrEnum):
    """`waiting`: too few days since; `short`: the fault lasted too few days that were measured; `measured`: compared, days still
    come; `final`: all days are compared."""

    WAITING = "waiting"
    SHORT = "short"
    MEASURED = "measured"
    FINAL = "final"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSaving:
    """kWh or m3 a day and money, kg CO2e a day; None where nothing can be compared yet. `estimate`: what the finding had told."""

    order_id: int
    finding_id: int
    device_id: str
    space_id: str
    quantity: str
    repaired_at: datetime
    state: SavingState
    days: int = 0
    per_day: float | None = None
    low: float | None = None
    high: float | None = None
    during: float | None = None
    after: float | None = None
    money_per_day: float | None = None
    kgco2e_per_day: float | None = None
    estimate_per_day: float
    estimate_money_per_day: float
    weather: bool = False
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """An order that is done and the finding that raised it."""

    order_id: int
    finding_id: int
    device_id: str
    space_id: str
    started: datetime
    repaired_at: datetime
    kwh_per_day: float
    m3_per_day: float
    cost_per_day: float


class SavingStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def repairs(self, since: datetime) -> list[Repair]:
        """Orders done since then whose finding told of waste; those where nothing was found are left out."""
        done = func.coalesce(WORK_ORDER.c.done_at, WORK_ORDER.c.closed_at)
        query = (
            select(
                WORK_ORDER.c.id.label("order_id"),
                FINDING.c.id.label("finding_id"),
                FINDING.c.device_id,
                FINDING.c.space_id,
                FINDING.c.started,
                WORK_ORDER.c.done_at,
                WORK_ORDER.c.closed_at,
                FINDING.c.kwh_per_day,
                FINDING.c.m3_per_day,
                FINDING.c.cost_per_day,
            )
            .join(ALERT, ALERT.c.id == WORK_ORDER.c.alert_id)
            .join(FINDING, FINDING.c.id == ALERT.c.finding_id)
            .where(
                WORK_ORDER.c.state.in_(REPAIRED),
                done >= since,
                or_(FINDING.c.kwh_per_day > 0, FINDING.c.m3_per_day > 0),
                or_(WORK_ORDER.c.verdict.is_(None), WORK_ORDER.c.verdict.not_in(NOTHING_FOUND)),
            )
            .order_by(WORK_ORDER.c.id)
        )
        with self._database.read() as connection:
            return [_repair(row) for row in connection.execute(query).mappings()]

    def save(self, saving: StoredSaving) -> None:
        row = values_of(saving)
        row["weather"] = int(saving.weather)
        with self._database.begin() as connection:
            changes = {name: value for name, value in row.items() if name != "order_id"}
            connection.execute(
                upsert(connection, SAVING).values(row).on_conflict_do_update(index_elements=["order_id"], set_=changes)
            )

    def forget(self, order_ids: Collection[int]) -> None:
        """For orders that were sent back: they are not done any more."""
        with self._database.begin() as connection:
            connection.execute(SAVING.delete().where(SAVING.c.order_id.in_(order_ids)))

    def list(
        self,
        *,
        order_id: int | None = None,
        finding_id: int | None = None,
        since: datetime | None = None,
        space_ids: Collection[str] | None = None,
    ) -> list[StoredSaving]:
        """The last repaired first. None: all."""
        wanted = [
            *([SAVING.c.order_id == order_id] if order_id is not None else []),
            *([SAVING.c.finding_id == finding_id] if finding_id is not None else []),
            *([SAVING.c.repaired_at >= since] if since is not None else []),
            *([SAVING.c.space_id.in_(space_ids)] if space_ids is not None else []),
        ]
        query = select(SAVING).where(and_(True, *wanted)).order_by(SAVING.c.repaired_at.desc(), SAVING.c.order_id.desc())  # noqa: FBT003 - SQL
        with self._database.read() as connection:
            return [_saving(row) for row in connection.execute(query).mappings()]


NOTHING_FOUND = ("false_alarm", "not_reproducible", "test")


def _repair(row: Mapping[Any, Any]) -> Repair:
    values = dict(row)
    done, closed = values.pop("done_at"), values.pop("closed_at")
    return Repair(**values, repaired_at=done or closed)


def _saving(row: Mapping[Any, Any]) -> StoredSaving:
    return StoredSaving(**{**row, "state": SavingState(row["state"]), "weather": bool(row["weather"])})
