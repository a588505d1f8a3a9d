"""Readings typed by people: who, when, with which photo. The values themselves go the way of all readings."""

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import insert, select

from storage.columns import values_of
from storage.database import Transactions
from storage.incoming import ManualReading
from storage.schema_incoming import MANUAL_READING

ManualReadings = list[ManualReading]


class ManualStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def add(self, reading: ManualReading) -> ManualReading:
        """With its id. Raises Conflict where one of that meter at that moment is on record."""
        row = {name: value for name, value in values_of(reading).items() if name != "id"}
        taken = "a reading of that meter at that moment is on record already; look at it before you type another"
        with self._database.begin(conflict=taken) as connection:
            new = insert(MANUAL_READING).values(row).returning(MANUAL_READING.c.id)
            return replace(reading, id=connection.execute(new).scalar_one())

    def find(self, device_id: str, metric: str, ts_ms: int) -> ManualReading | None:
        same = (MANUAL_READING.c.device_id == device_id) & (MANUAL_READING.c.metric == metric) & (MANUAL_READING.c.ts_ms == ts_ms)
        with self._database.read() as connection:
            row = connection.execute(select(MANUAL_READING).where(same)).mappings().first()
        return None if row is None else ManualReading(**row)

    def with_photo(self, photo: str) -> ManualReadings:
        with self._database.read() as connection:
            rows = connection.execute(select(MANUAL_READING).where(MANUAL_READING.c.photo == photo)).mappings()
            return [ManualReading(**row) for row in rows]

    def photos(self) -> frozenset[str]:
        """The names of all that readings refer to."""
        with self._database.read() as connection:
            return frozenset(connection.scalars(select(MANUAL_READING.c.photo).where(MANUAL_READING.c.photo.is_not(None))))

    def list(self, *, device_ids: Collection[str] | None = None, limit: int = 200) -> ManualReadings:
        """Newest first. None: of all devices."""
        query = select(MANUAL_READING).order_by(MANUAL_READING.c.id.desc()).limit(limit)
        if device_ids is not None:
            query = query.where(MANUAL_READING.c.device_id.in_(device_ids))
        with self._database.read() as connection:
            return [ManualReading(**row) for row in connection.execute(query).mappings()]
