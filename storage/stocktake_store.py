"""Stocktakes and their lines."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import insert, select, update

from devices.asset import CountLine, CountResult, Stocktake
from devices.errors import Conflict, NotFound
from storage.database import Transactions, upsert
from storage.schema_assets import STOCKTAKE, STOCKTAKE_LINE

Stocktakes = list[Stocktake]
CountLines = list[CountLine]


class StocktakeStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def open(self, campaign: Stocktake, lines: Iterable[CountLine]) -> Stocktake:
        """The campaign with its id, and its lines with the campaign's."""
        with self._database.begin() as connection:
            new = insert(STOCKTAKE).values(_row(campaign)).returning(STOCKTAKE.c.id)
            stored = replace(campaign, id=connection.execute(new).scalar_one())
            rows = [_row(replace(line, stocktake_id=stored.id)) for line in lines]
            if rows:
                connection.execute(insert(STOCKTAKE_LINE), rows)
        return stored

    def get(self, stocktake_id: int) -> Stocktake:
        with self._database.read() as connection:
            row = connection.execute(select(STOCKTAKE).where(STOCKTAKE.c.id == stocktake_id)).mappings().first()
        if row is None:
            raise NotFound(f"there is no stocktake {stocktake_id}")
        return Stocktake(**row)

    def list(self, limit: int = 200) -> Stocktakes:
        """Newest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(STOCKTAKE).order_by(STOCKTAKE.c.id.desc()).limit(limit)).mappings()
            return [Stocktake(**row) for row in rows]

    def lines(self, stocktake_id: int) -> CountLines:
        """By tag."""
        query = select(STOCKTAKE_LINE).where(STOCKTAKE_LINE.c.stocktake_id == stocktake_id).order_by(STOCKTAKE_LINE.c.tag)
        with self._database.read() as connection:
            return [CountLine(**row) for row in connection.execute(query).mappings()]

    def line(self, stocktake_id: int, tag: str) -> CountLine | None:
        query = select(STOCKTAKE_LINE).where(STOCKTAKE_LINE.c.stocktake_id == stocktake_id, STOCKTAKE_LINE.c.tag == tag.upper())
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else CountLine(**row)

    def put(self, line: CountLine) -> CountLine:
        """Adds the line, or replaces the one of the same stocktake and tag; with its id."""
        row = _row(line)
        with self._database.begin() as connection:
            new = upsert(connection, STOCKTAKE_LINE).values(row)
            again = new.on_conflict_do_update(index_elements=["stocktake_id", "tag"], set_=row).returning(STOCKTAKE_LINE.c.id)
            return replace(line, id=connection.execute(again).scalar_one())

    def close(self, campaign: Stocktake, missing: Iterable[CountLine]) -> None:
        """What was counted since the lines were read stays counted. Raises Conflict where somebody else closed it first."""
        open_one = update(STOCKTAKE).where(STOCKTAKE.c.id == campaign.id, STOCKTAKE.c.closed_at.is_(None))
        uncounted = update(STOCKTAKE_LINE).where(STOCKTAKE_LINE.c.result == CountResult.NOT_COUNTED)
        with self._database.begin() as connection:
            if not connection.execute(open_one.values(_row(campaign))).rowcount:
                raise Conflict(f"stocktake {campaign.id} was closed meanwhile")
            for line in missing:
                connection.execute(uncounted.where(STOCKTAKE_LINE.c.id == line.id).values(result=line.result))

    def correct(self, line: CountLine) -> None:
        """Writes how far the correction of the ledger has come, and the asset that a surplus became."""
        changed = update(STOCKTAKE_LINE).where(STOCKTAKE_LINE.c.id == line.id)
        with self._database.begin() as connection:
            connection.execute(changed.values(correction=line.correction, asset_id=line.asset_id))


def _row(thing: Stocktake | CountLine) -> dict[str, Any]:
    row = asdict(thing)
    del row["id"]
    return row
