"""One register's account: its youngest readings and its hours. New readings re-open only the hours they touch."""

from dataclasses import dataclass, replace

import numpy as np

from analytics.arrays import HOUR_MS, Bools, Flags, Floats, Ints
from analytics.hourly import EMPTY, Hourly, merge, on_grid
from analytics.ledger import HourlyLedger, LedgerNote, NoteKind, consume
from devices.profiles import Register

KEEP_MS = 3 * HOUR_MS
"""Readings younger than this are kept in memory, with one older, so that a late one of this age costs no query."""
_LOOKS_BACK = frozenset({NoteKind.CATCH_UP, NoteKind.JUMP})
NOTES_AT_MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Book:
    """`ts_ms`, `value`, `quality`: the kept readings, by time. `notes`: what the register did, oldest first.

    `digit`: the smallest step that the register was seen to make, NaN while none was seen.
    """

    hourly: Hourly = EMPTY
    ts_ms: Ints
    value: Floats
    quality: Ints
    notes: tuple[LedgerNote, ...] = ()
    digit: float = float("nan")

    @property
    def last_ms(self) -> int:
        return int(self.ts_ms[-1]) if self.ts_ms.size else 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Posting:
    """The account afterwards, the hours that changed, and whether older readings than we keep must be read to be right."""

    book: Book
    hours: Ints
    consumption: Floats
    quality: Flags
    read_back: bool = False


def empty() -> Book:
    return Book(ts_ms=np.empty(0, np.int64), value=np.empty(0), quality=np.empty(0, np.int64))


def post(book: Book, readings: tuple[Ints, Floats, Ints], register: Register, *, whole: bool = False) -> Posting:
    """Enters readings (times, values, quality flags; any order). `whole`: they are all there is in their span, with one
    before it, read back from the store; what was kept is replaced. Otherwise they are added to what is kept."""
    ts_ms, value, quality = readings
    if not whole:
        ts_ms = np.concatenate((book.ts_ms, ts_ms))
        value, quality = np.concatenate((book.value, value)), np.concatenate((book.quality, quality))
    order = np.argsort(ts_ms, kind="stable")
    ts_ms, value, quality = ts_ms[order], value[order], quality[order]
    ledger = consume(ts_ms, value, quality, register)
    first_ms = int(ts_ms[0]) if ts_ms.size else 0
    news = _changed(book.hourly, ledger, first_ms)
    kept = ts_ms[_kept_from(ts_ms, ledger.notes) :].size
    after = Book(
        hourly=_entered(book.hourly, ledger, first_ms),
        ts_ms=ts_ms[ts_ms.size - kept :],
        value=value[ts_ms.size - kept :],
        quality=quality[ts_ms.size - kept :],
        digit=float(np.fmin(book.digit, ledger.digit)),
        notes=(*(note for note in book.notes if note.to_ms <= first_ms), *ledger.notes)[-NOTES_AT_MOST:],
    )
    fresh = [note.kind for note in ledger.notes if note not in book.notes]
    read_back = not whole and bool(_LOOKS_BACK.intersection(fresh))
    return Posting(
        book=after,
        hours=ledger.hours[news],
        consumption=ledger.consumption[news],
        quality=ledger.quality[news],
        read_back=read_back,
    )


def _kept_from(ts_ms: Ints, notes: tuple[LedgerNote, ...]) -> int:
    """Index of the first reading to keep: one before KEEP_MS, or all of a stand-still that was caught up since then."""
    if not ts_ms.size:
        return 0
    cut = int(ts_ms[-1]) // HOUR_MS * HOUR_MS - KEEP_MS
    begun = [note.from_ms for note in notes if note.kind is NoteKind.CATCH_UP and note.to_ms >= cut]
    return max(int(np.searchsorted(ts_ms, min([cut, *begun]))) - 1, 0)


def known_hours(book: Book, hourly: Hourly) -> Book:
    """The account with hours that were stored before."""
    return replace(book, hourly=merge(book.hourly, hourly))


def _entered(known: Hourly, ledger: HourlyLedger, first_ms: int) -> Hourly:
    """The hours with the ledger's put over them, but for one that the first reading cuts and that is known already."""
    if not ledger.hours.size:
        return known
    cut = ledger.hours[0] < first_ms and known.start_ms <= ledger.hours[0] < known.end_ms
    rest = slice(1 if cut else 0, None)
    newer = on_grid(ledger.hours[rest], ledger.consumption[rest], ledger.quality[rest], ledger.least[rest])
    return merge(known, newer)


def _changed(known: Hourly, ledger: HourlyLedger, first_ms: int) -> Bools:
    """Which of the ledger's hours differ from what is known. An hour cut by the first reading is only news where it is unknown."""
    index = (ledger.hours - known.start_ms) // HOUR_MS
    inside = (index >= 0) & (index < known.size)
    before = np.full(ledger.hours.size, np.nan)
    flags = np.zeros(ledger.hours.size, np.uint8)
    before[inside], flags[inside] = known.consumption[index[inside]], known.quality[index[inside]]
    same = np.isclose(before, ledger.consumption, rtol=0, atol=1e-9) & (flags == ledger.quality)
    cut = (ledger.hours < first_ms) & np.isfinite(before)
    return np.asarray(~same & ~cut, np.bool_)
