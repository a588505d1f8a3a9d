"""Rules of detectors for a meter or a place: entered and undone, never deleted."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import func, insert, select, update

from analytics.finding import FindingKind
from analytics.rule import DetectorRule
from devices.errors import Conflict, NotFound
from storage.columns import values_of
from storage.database import Transactions
from storage.schema_labels import DETECTOR_RULE

Rules = list[DetectorRule]


class RuleStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def enter(self, rule: DetectorRule) -> DetectorRule:
        """Stored, with its id."""
        row = values_of(rule)
        row |= {"parameters": dict(rule.parameters), "basis": dict(rule.basis)}
        del row["id"]
        with self._database.begin() as connection:
            return replace(rule, id=connection.execute(insert(DETECTOR_RULE).returning(DETECTOR_RULE.c.id), row).scalar_one())

    def undo(self, rule_id: int, *, by: str, at: datetime) -> DetectorRule:
        """It stays on record but holds no more. Raises NotFound, or Conflict where it was undone before."""
        rule = self.get(rule_id)
        holds = (DETECTOR_RULE.c.id == rule_id, DETECTOR_RULE.c.undone_at.is_(None))
        with self._database.begin() as connection:
            if not connection.execute(update(DETECTOR_RULE).where(*holds).values(undone_by=by, undone_at=at)).rowcount:
                raise Conflict(f"rule {rule_id} was undone already")
        return replace(rule, undone_by=by, undone_at=at)

    def get(self, rule_id: int) -> DetectorRule:
        with self._database.read() as connection:
            row = connection.execute(select(DETECTOR_RULE).where(DETECTOR_RULE.c.id == rule_id)).mappings().first()
        if row is None:
            raise NotFound(f"there is no rule {rule_id}")
        return DetectorRule(**row)

    def list(self, *, kind: FindingKind | None = None, standing: bool = False, limit: int = 1000) -> Rules:
        """Newest first. `standing`: only those that hold."""
        query = select(DETECTOR_RULE).order_by(DETECTOR_RULE.c.id.desc()).limit(limit)
        if kind is not None:
            query = query.where(DETECTOR_RULE.c.kind == kind)
        if standing:
            query = query.where(DETECTOR_RULE.c.undone_at.is_(None))
        with self._database.read() as connection:
            return [DetectorRule(**row) for row in connection.execute(query).mappings()]

    def revision(self) -> int:
        """Grows with each rule that is entered or undone."""
        query = select(func.coalesce(func.max(DETECTOR_RULE.c.id), 0) + func.count(DETECTOR_RULE.c.undone_at))
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())
