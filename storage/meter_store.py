"""Meters: what people entered, what the ledger noted, which hours wait to be counted again, and virtual meters."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from analytics.entry import Entry
from analytics.notes import LedgerNote
from analytics.virtual_meter import Term, VirtualMeter
from devices.errors import Conflict, NotFound
from storage.columns import values_of
from storage.database import Lock, Transactions, queue_for, upsert
from storage.pruning import delete_by_and_by
from storage.schema_meters import METER_ENTRY, METER_NOTE, METER_RECOUNT, VIRTUAL_METER

RECOUNTS_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Recount:
    """The hours of a meter in [from_ms, to_ms] must be counted again from its readings and entries."""

    id: int = 0
    device_id: str
    from_ms: int
    to_ms: int


Entries = list[Entry]
Notes = list[LedgerNote]


class MeterStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    # ---- what people entered; each change asks for its hours to be counted again, in the same transaction

    def enter(self, entry: Entry, span: tuple[int, int]) -> Entry:
        """Stores it, with its id. `span`: the time [from, to] in epoch ms that it touches."""
        with self._database.begin() as connection:
            row = values_of(entry)
            del row["id"]
            stored = connection.execute(insert(METER_ENTRY).returning(METER_ENTRY.c.id), row).scalar_one()
            _ask(connection, [Recount(device_id=entry.device_id, from_ms=span[0], to_ms=span[1])], entry.entered_at)
            return replace(entry, id=stored)

    def undo(self, entry_id: int, *, by: str, at: datetime, span: tuple[int, int]) -> Entry:
        """It stays on record but counts no more. Raises NotFound, or Conflict where it was undone before."""
        with self._database.begin() as connection:
            entry = _entry(connection, entry_id)
            open_still = (METER_ENTRY.c.id == entry_id, METER_ENTRY.c.undone_at.is_(None))
            changed = connection.execute(update(METER_ENTRY).where(*open_still).values(undone_by=by, undone_at=at)).rowcount
            if not changed:
                raise Conflict(f"entry {entry_id} was undone already by {entry.undone_by}")
            _ask(connection, [Recount(device_id=entry.device_id, from_ms=span[0], to_ms=span[1])], at)
            return replace(entry, undone_by=by, undone_at=at)

    def entry(self, entry_id: int) -> Entry:
        with self._database.read() as connection:
            return _entry(connection, entry_id)

    def entries(self, device_id: str | None = None) -> Entries:
        """By time of what they are about, those undone too."""
        query = select(METER_ENTRY).order_by(METER_ENTRY.c.ts_ms, METER_ENTRY.c.id)
        if device_id is not None:
            query = query.where(METER_ENTRY.c.device_id == device_id)
        with self._database.read() as connection:
            return [Entry(**row) for row in connection.execute(query).mappings()]

    # ---- hours to be counted again

    def ask_recount(self, recounts: Sequence[Recount], at: datetime) -> None:
        """For whoever wrote readings into the past of meters (imports); the analytics process does it and removes the row."""
        if recounts:
            with self._database.begin() as connection:
                _ask(connection, recounts, at)

    def recounts(self, device_id: str | None = None) -> list[Recount]:
        """Those that wait, oldest first."""
        query = select(METER_RECOUNT).order_by(METER_RECOUNT.c.id).limit(RECOUNTS_AT_ONCE)
        if device_id is not None:
            query = query.where(METER_RECOUNT.c.device_id == device_id)
        with self._database.read() as connection:
            rows = connection.execute(query).mappings()
            return [Recount(**{name: row[name] for name in Recount.__dataclass_fields__}) for row in rows]

    def recounted(self, ids: Sequence[int]) -> None:
        """Call it when the hours are stored."""
        with self._database.begin() as connection:
            connection.execute(delete(METER_RECOUNT).where(METER_RECOUNT.c.id.in_(ids)))

    # ---- notes of the ledger

    def notes(self, device_id: str, start_ms: int, end_ms: int) -> Notes:
        """Those that reach into [start, end), by time."""
        inside = (METER_NOTE.c.device_id == device_id, METER_NOTE.c.from_ms < end_ms, METER_NOTE.c.to_ms >= start_ms)
        with self._database.read() as connection:
            return [_note(row) for row in connection.execute(select(METER_NOTE).where(*inside).order_by(*_BY_TIME)).mappings()]

    def notes_of_all(self, start_ms: int) -> dict[str, Notes]:
        """Those that ended since `start_ms`, by device id and time."""
        found: dict[str, Notes] = defaultdict(list)
        query = select(METER_NOTE).where(METER_NOTE.c.to_ms >= start_ms).order_by(*_BY_TIME)
        with self._database.read() as connection:
            for row in connection.execute(query).mappings():
                found[row["device_id"]].append(_note(row))
        return dict(found)

    def renote(self, gone: Mapping[str, Iterable[LedgerNote]], come: Mapping[str, Iterable[LedgerNote]]) -> None:
        """By device id: notes that are no longer, and new ones."""
        with self._database.begin() as connection:
            for device_id, notes in gone.items():
                for note in notes:
                    connection.execute(delete(METER_NOTE).where(*_is(device_id, note)))
            rows = [{"device_id": device_id, **values_of(note)} for device_id, notes in sorted(come.items()) for note in notes]
            if rows:
                new = upsert(connection, METER_NOTE)
                others = {name: new.excluded[name] for name in ("before", "after", "counted")}
                key = ["device_id", "kind", "from_ms", "to_ms"]
                connection.execute(new.on_conflict_do_update(index_elements=key, set_=others), rows)

    def forget_notes_before(self, ts_ms: int) -> int:
        """How many went; by and by, so that no alarm waits for it."""
        return delete_by_and_by(self._database, METER_NOTE.c.to_ms, METER_NOTE.c.to_ms < ts_ms)

    # ---- virtual meters

    def virtual(self) -> dict[str, VirtualMeter]:
        with self._database.read() as connection:
            rows = connection.execute(select(VIRTUAL_METER).order_by(VIRTUAL_METER.c.id)).mappings()
            return {row["id"]: _virtual(row) for row in rows}

    def save_virtual(self, meter: VirtualMeter, *, new: bool) -> None:
        """Raises Conflict where a new one's id is taken."""
        row = {**values_of(meter), "terms": [asdict(term) for term in meter.terms]}
        with self._database.begin(conflict=f"there is a virtual meter {meter.id!r} already; choose another id") as connection:
            queue_for(connection, Lock.REGISTRY)
            if new:
                connection.execute(insert(VIRTUAL_METER).values(row))
            else:
                connection.execute(update(VIRTUAL_METER).where(VIRTUAL_METER.c.id == meter.id).values(row))

    def remove_virtual(self, meter_id: str) -> None:
        with self._database.begin() as connection:
            connection.execute(delete(VIRTUAL_METER).where(VIRTUAL_METER.c.id == meter_id))


_BY_TIME = (METER_NOTE.c.from_ms, METER_NOTE.c.to_ms, METER_NOTE.c.kind)


def _ask(connection: Connection, recounts: Sequence[Recount], at: datetime) -> None:
    rows = [{"device_id": one.device_id, "from_ms": one.from_ms, "to_ms": one.to_ms, "at": at} for one in recounts]
    connection.execute(insert(METER_RECOUNT), rows)


def _entry(connection: Connection, entry_id: int) -> Entry:
    row = connection.execute(select(METER_ENTRY).where(METER_ENTRY.c.id == entry_id)).mappings().first()
    if row is None:
        raise NotFound(f"there is no entry {entry_id}")
    return Entry(**row)


def _is(device_id: str, note: LedgerNote) -> tuple[Any, ...]:
    table = METER_NOTE.c
    return table.device_id == device_id, table.kind == note.kind, table.from_ms == note.from_ms, table.to_ms == note.to_ms


def _note(row: Mapping[Any, Any]) -> LedgerNote:
    return LedgerNote(**{name: row[name] for name in LedgerNote.__dataclass_fields__})


def _virtual(row: Mapping[Any, Any]) -> VirtualMeter:
    return VirtualMeter(**{**row, "terms": tuple(Term(**term) for term in row["terms"])})
