"""One register's account: its youngest readings and its hours. New readings re-open only the hours they touch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analytics.arrays import HOUR_MS, LATEST_MS, Bools, Flags, Floats, Ints
from analytics.hourly import EMPTY, Hourly, merge, on_grid
from analytics.ledger import Exchange, HourlyLedger, LedgerNote, NoteKind, consume
from analytics.notes import RUNS
from devices.model import Quality
from devices.profiles import Register

KEEP_MS = 3 * HOUR_MS
"""Readings younger than this are kept in memory, with one older, so that a late one of this age costs no query."""
KEEP_READINGS = 24
"""At least so many are kept: what an odd step was is settled by the readings behind it, however rare they are."""
MARGIN_MS = 48 * HOUR_MS
"""Readings so far around a span tell what its hours are worth, unless a stand-still or a gap reaches further."""
_LOOKS_BACK = frozenset({NoteKind.CATCH_UP, NoteKind.JUMP})
NOTES_AT_MOST = 300

Readings = tuple[Ints, Floats, Ints]
"""Times (epoch ms UTC), register values, Quality flags."""


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
    """The account afterwards, the hours that changed, and whether older readings than we keep must be read to be right.

    `gone`, `come`: the notes that are no longer and those that are new.
    """

    book: Book
    hours: Ints
    consumption: Floats
    quality: Flags
    read_back: bool = False
    gone: tuple[LedgerNote, ...] = ()
    come: tuple[LedgerNote, ...] = ()


def empty() -> Book:
    return Book(ts_ms=np.empty(0, np.int64), value=np.empty(0), quality=np.empty(0, np.int64))


def post(
    book: Book,
    readings: Readings,
    register: Register,
    *,
    whole: bool = False,
    exchanges: Sequence[Exchange] = (),
    span: tuple[int, int] | None = None,
) -> Posting:
    """Enters readings (any order). `whole`: they are all there is in their time, read back from the store, and what was kept is
    replaced; otherwise they are added to what is kept. With `span` = [from, to) epoch ms a whole changes only these hours,
    and readings around it only tell what they are worth; where it ends before the kept readings, those stay."""
    ts_ms, value, quality = _sorted(readings if whole else _together(book, readings))
    ledger = consume(ts_ms, value, quality, register, exchanges)
    first_ms = int(ts_ms[0]) if ts_ms.size else 0
    accepted = _widened(span) if span else (first_ms, LATEST_MS)
    news = _changed(book.hourly, ledger, first_ms) & _inside(ledger.hours, accepted)
    gone = _vanished(book.hourly, ledger, accepted) if span else np.empty(0, np.int64)
    notes = _noted(book.notes, ledger.notes, accepted)
    nothing = on_grid(gone, np.zeros(gone.size), np.full(gone.size, int(Quality.INCOMPLETE), np.uint8))
    after = replace(book, hourly=merge(_entered(book.hourly, ledger, first_ms, accepted), nothing), notes=notes)
    if not (whole and ts_ms.size and ts_ms[-1] < book.last_ms):
        kept = slice(_kept_from(ts_ms, ledger), None)
        digit = float(np.fmin(book.digit, ledger.digit))
        after = replace(after, ts_ms=ts_ms[kept], value=value[kept], quality=quality[kept], digit=digit)
    known = set(book.notes)
    come = tuple(note for note in notes if note not in known)
    return Posting(
        book=after,
        hours=np.concatenate((ledger.hours[news], gone)),
        consumption=np.concatenate((ledger.consumption[news], np.zeros(gone.size))),
        quality=np.concatenate((ledger.quality[news], np.full(gone.size, int(Quality.INCOMPLETE), np.uint8))),
        read_back=not whole and bool(_LOOKS_BACK.intersection(note.kind for note in come)),
        gone=tuple(note for note in known.difference(notes) if _touches(note, accepted)),
        come=come,
    )


def around(book: Book, span: tuple[int, int]) -> tuple[int, int]:
    """Which readings must be read to mend the hours of a span: a margin on both sides, and more where hours there are guessed:
    a guess is only mended as a whole, so it has to lie in what is `trusted`."""
    start_ms, end_ms = _widened(span)
    start_ms, end_ms = start_ms - MARGIN_MS // 2, end_ms + MARGIN_MS // 2
    guessed = set(book.hourly.hours[(book.hourly.quality & int(Quality.ESTIMATED)) > 0].tolist())
    while start_ms in guessed:
        start_ms -= HOUR_MS
    while end_ms in guessed:
        end_ms += HOUR_MS
    return start_ms - HOUR_MS - MARGIN_MS // 2, end_ms + HOUR_MS + MARGIN_MS // 2


def trusted(read: tuple[int, int]) -> tuple[int, int]:
    """Of the time that `around` had read, the part whose hours are told for sure."""
    return read[0] + MARGIN_MS // 2, read[1] - MARGIN_MS // 2


def moved_ms(book: Book) -> int:
    """The start of the last hour but one in which the register moved, epoch ms; of the first known hour where it never did."""
    moved = book.hourly.hours[np.nan_to_num(book.hourly.consumption) > 0]
    return int(moved[-2:][0]) if moved.size else book.hourly.start_ms


def doubtful_ms(book: Book, oldest_ms: int) -> int | None:
    """The start of the first hour from `oldest_ms` on that is only estimated or not known at all."""
    hourly = book.hourly
    doubtful = hourly.hours[((hourly.quality & int(Quality.ESTIMATED)) > 0) | np.isnan(hourly.consumption)]
    doubtful = doubtful[doubtful >= oldest_ms]
    return int(doubtful[0]) if doubtful.size else None


def known_hours(book: Book, hourly: Hourly) -> Book:
    """The account with hours that were stored before."""
    return replace(book, hourly=merge(book.hourly, hourly))


def known_notes(book: Book, notes: Iterable[LedgerNote]) -> Book:
    """The account with notes that were stored before."""
    return replace(book, notes=tuple(sorted((*notes, *book.notes), key=_by_time))[-NOTES_AT_MOST:])


def _sorted(readings: Readings) -> Readings:
    ts_ms, value, quality = readings
    order = np.argsort(ts_ms, kind="stable")
    return ts_ms[order], value[order], quality[order]


def _together(book: Book, readings: Readings) -> Readings:
    ts_ms, value, quality = readings
    return (
        np.concatenate((book.ts_ms, ts_ms)),
        np.concatenate((book.value, value)),
        np.concatenate((book.quality, quality)),
    )


def _kept_from(ts_ms: Ints, ledger: HourlyLedger) -> int:
    """Index of the first reading to keep: a believed one, before KEEP_MS and before the last KEEP_READINGS, or at the begin of
    a stand-still that was caught up since then. What is held back at the end may yet change what was believed."""
    believed = ledger.believed
    if not believed.size:
        return 0
    cut = int(believed[-1]) // HOUR_MS * HOUR_MS - KEEP_MS
    settled = int(ts_ms[max(ts_ms.size - KEEP_READINGS, 0)])
    begun = [note.from_ms for note in ledger.notes if note.kind is NoteKind.CATCH_UP and note.to_ms >= cut]
    start = max(int(np.searchsorted(believed, min([cut, settled, *begun]), side="right")) - 1, 0)
    return int(np.searchsorted(ts_ms, believed[start]))


def _entered(known: Hourly, ledger: HourlyLedger, first_ms: int, accepted: tuple[int, int]) -> Hourly:
    """The hours with the ledger's put over them, but for one that the first reading cuts and that is known already."""
    if not ledger.hours.size:
        return known
    rest = _inside(ledger.hours, accepted)
    if ledger.hours[0] < first_ms and known.start_ms <= ledger.hours[0] < known.end_ms:
        rest[0] = False
    return merge(known, on_grid(ledger.hours[rest], ledger.consumption[rest], ledger.quality[rest], ledger.least[rest]))


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


def _vanished(known: Hourly, ledger: HourlyLedger, accepted: tuple[int, int]) -> Ints:
    """Known hours after the last reading that there is now: they count nothing, INCOMPLETE. Hours before the first reading
    stay: their readings may have expired."""
    if not ledger.hours.size:
        return ledger.hours
    behind = _inside(known.hours, accepted) & (known.hours > ledger.hours[-1])
    gone: Ints = known.hours[behind & (np.nan_to_num(known.consumption) != 0)]
    return gone


def _widened(span: tuple[int, int]) -> tuple[int, int]:
    """To whole hours."""
    return span[0] // HOUR_MS * HOUR_MS, -(-span[1] // HOUR_MS) * HOUR_MS


def _inside(hours: Ints, accepted: tuple[int, int]) -> Bools:
    return np.asarray((hours + HOUR_MS > accepted[0]) & (hours < accepted[1]), np.bool_)


def _noted(known: tuple[LedgerNote, ...], found: tuple[LedgerNote, ...], accepted: tuple[int, int]) -> tuple[LedgerNote, ...]:
    """The known notes with the found ones in place of those that lie in the accepted time."""
    kept = [note for note in known if not _touches(note, accepted)]
    begun = [note for note in known if _touches(note, accepted) and note.kind in RUNS and note.from_ms < accepted[0]]
    new = [_continued(note, begun) for note in found if _touches(note, accepted)]
    return tuple(sorted((*kept, *new), key=_by_time)[-NOTES_AT_MOST:])


def _touches(note: LedgerNote, accepted: tuple[int, int]) -> bool:
    return note.from_ms < accepted[1] and (note.to_ms > accepted[0] or note.from_ms >= accepted[0])


def _continued(note: LedgerNote, begun: Sequence[LedgerNote]) -> LedgerNote:
    """The note from where a known one began that it goes on with: its first readings are not among those we see now."""
    for one in begun:
        if one.kind is note.kind and note.from_ms <= one.to_ms:
            return replace(
                note, from_ms=min(one.from_ms, note.from_ms), before=one.before if one.from_ms < note.from_ms else note.before
            )
    return note


def _by_time(note: LedgerNote) -> tuple[int, int, str]:
    return note.from_ms, note.to_ms, note.kind
