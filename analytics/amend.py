"""What people entered about a meter: an exchange, a corrected reading, a reading that does not count. Raw readings stay as sent."""

from collections.abc import Iterable, Sequence

import numpy as np

from analytics.arrays import Floats, Ints
from analytics.entry import Entry, EntryKind
from analytics.ledger import Exchange
from devices.model import Quality

Columns = tuple[Ints, Floats, Ints]

__all__ = ["Entry", "EntryKind", "amended", "exchanges_of"]


def exchanges_of(entries: Iterable[Entry]) -> tuple[Exchange, ...]:
    return tuple(
        Exchange(at_ms=entry.ts_ms, end=entry.before, start=entry.after)
        for entry in sorted(entries, key=lambda entry: entry.ts_ms)
        if entry.kind is EntryKind.EXCHANGE and entry.undone_at is None and entry.before is not None and entry.after is not None
    )


def amended(readings: Columns, entries: Sequence[Entry], *, span: tuple[int, int] | None = None) -> Columns:
    """The readings as they count: of several entries for one reading the youngest stands. With `span` = [start, end) epoch ms
    the readings are all of that time, and readings that people took themselves are added."""
    standing = {entry.ts_ms: entry for entry in sorted(entries, key=lambda entry: entry.id) if _changes_a_reading(entry)}
    if not standing:
        return readings
    ts_ms, value, quality = readings
    touched = np.isin(ts_ms, list(standing))
    sent = set(ts_ms[touched].tolist())
    put = [
        (entry.ts_ms, entry.after)
        for entry in standing.values()
        if entry.after is not None and (entry.ts_ms in sent or (span is not None and span[0] <= entry.ts_ms < span[1]))
    ]
    ts_ms = np.concatenate((ts_ms[~touched], np.array([at for at, _ in put], np.int64)))
    value = np.concatenate((value[~touched], np.array([after for _, after in put], np.float64)))
    quality = np.concatenate((quality[~touched], np.full(len(put), int(Quality.GOOD), np.int64)))
    order = np.argsort(ts_ms, kind="stable")
    return ts_ms[order], value[order], quality[order]


def _changes_a_reading(entry: Entry) -> bool:
    return entry.kind is not EntryKind.EXCHANGE and entry.undone_at is None
