"""Meters in commissioning, and when and by whom it was ended."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select, update

from devices.errors import Conflict, NotFound
from devices.watching import Commissioning
from storage.columns import values_of
from storage.database import Transactions, upsert
from storage.schema_watching import COMMISSIONING


class CommissioningStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def all(self) -> dict[str, Commissioning]:
        """By device; also those that are over."""
        with self._database.read() as connection:
            return {row["device_id"]: Commissioning(**row) for row in connection.execute(select(COMMISSIONING)).mappings()}

    def open(self) -> frozenset[str]:
        """Ids of the devices in commissioning."""
        query = select(COMMISSIONING.c.device_id).where(COMMISSIONING.c.finished_at.is_(None))
        with self._database.read() as connection:
            return frozenset(connection.scalars(query))

    def get(self, device_id: str) -> Commissioning | None:
        with self._database.read() as connection:
            row = connection.execute(select(COMMISSIONING).where(COMMISSIONING.c.device_id == device_id)).mappings().first()
        return None if row is None else Commissioning(**row)

    def progress(self, seen: Iterable[Commissioning]) -> None:
        """Adds them, or brings their counts up to date; what a person has released meanwhile stays released."""
        rows = [values_of(one) for one in seen]
        if not rows:
            return
        with self._database.begin() as connection:
            new = upsert(connection, COMMISSIONING)
            counted = {name: new.excluded[name] for name in ("measured_hours", "needed_hours", "finished_at")}
            going_on = COMMISSIONING.c.finished_at.is_(None)
            connection.execute(new.on_conflict_do_update(index_elements=["device_id"], set_=counted, where=going_on), rows)

    def release(self, device_id: str, by: str, now: datetime, note: str) -> Commissioning:
        """Ends it. Raises NotFound where it never was in commissioning, Conflict where that is over."""
        going_on = (COMMISSIONING.c.device_id == device_id) & COMMISSIONING.c.finished_at.is_(None)
        with self._database.begin() as connection:
            done = connection.execute(update(COMMISSIONING).where(going_on).values(finished_at=now, finished_by=by, note=note))
            row = connection.execute(select(COMMISSIONING).where(COMMISSIONING.c.device_id == device_id)).mappings().first()
        if row is None:
            raise NotFound(f"device {device_id!r} is not in commissioning")
        found = Commissioning(**row)
        if not done.rowcount:
            raise Conflict(f"commissioning of {device_id!r} is over since {found.finished_at:%Y-%m-%d %H:%M} UTC")
        return replace(found, finished_at=now)
