"""The accounts of all meters beside the stores: opened, entered, mended; their hours and notes written when they change."""

import logging
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import pandas as pd
import pyarrow as pa

from analytics.amend import Entry, amended, exchanges_of
from analytics.arrays import HOUR_MS, Floats, Ints
from analytics.book import Posting, around, doubtful_ms, known_hours, known_notes, moved_ms, post, trusted
from analytics.hourly import MAX_DAYS, on_grid
from analytics.ledger import LedgerNote
from analytics.meter import Meter
from analytics.watch import Watch
from devices.metrics import HOURLY_SUFFIX
from devices.model import Reading
from storage.meter_store import MeterStore
from storage.reading_store import ReadingStore

AHEAD_MS = 600_000
PARTIAL_MS = 60_000
LATE_LOOK_BACK_MS = 48 * HOUR_MS
LATE_AT_MOST_MS = 150 * 24 * HOUR_MS
"""A device may be offline through a term break and send its backlog afterwards."""
RESTART_AT_MOST_MS = 40 * 24 * HOUR_MS
RESTART_LOOK_BACK_MS = 26 * HOUR_MS
WARM_UP_MS = 2 * HOUR_MS
"""Readings before what is read back, so that it does not begin with one that is not to be believed."""
WATER_LOOK_BACK_MS = 17 * 24 * HOUR_MS
"""Leaks are told by the quietest quarter of an hour, which stored hours do not keep."""
HISTORY_MS = MAX_DAYS * 24 * HOUR_MS
COLD_METERS = 24
BULK_ROWS = 2_000

_log = logging.getLogger(__name__)
Columns = tuple[Ints, Floats, Ints]
_NOTHING: Columns = (np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64))


class Books:
    """Owned by one loop. `last_ms`: the youngest reading entered, by device and metric."""

    def __init__(self, readings: ReadingStore, meters: MeterStore) -> None:
        self._readings = readings
        self._meters = meters
        self._watch: Watch
        self.last_ms: dict[tuple[str, str], int] = {}
        self._entries: dict[str, list[Entry]] = {}
        self._pending: dict[str, dict[int, tuple[float, int]]] = {}
        self._gone: dict[str, list[LedgerNote]] = defaultdict(list)
        self._come: dict[str, list[LedgerNote]] = defaultdict(list)
        self._recounted: list[int] = []
        self._partial_ms = 0

    def open(self, watch: Watch, now_ms: int) -> None:
        """Fills the accounts of a new watch from the stores."""
        self._watch = watch
        self._read_entries()
        for device_id, notes in self._meters.notes_of_all(now_ms - HISTORY_MS).items():
            if device_id in watch.meters:
                watch.books[device_id] = known_notes(watch.books[device_id], notes)
        self._open_books(now_ms)

    def _open_books(self, now_ms: int) -> None:
        """Stored hours first; raw readings only from shortly before the last of them, or all where there are none."""
        books = self._watch.books
        for quantity in ("electricity", "water"):
            meters = [meter for meter in self._watch.meters.values() if meter.quantity == quantity]
            for chunk in _chunks(meters):
                metric = chunk[0].register_metric + HOURLY_SUFFIX
                frame = self._readings.frame([m.device_id for m in chunk], [metric], now_ms - HISTORY_MS, now_ms + AHEAD_MS)
                for (device_id, _), (ts_ms, value, quality) in series(frame):
                    books[device_id] = known_hours(books[device_id], on_grid(ts_ms, value, quality.astype(np.uint8)))
            fresh = [meter for meter in meters if books[meter.device_id].hourly.size == 0]
            kept = [meter for meter in meters if books[meter.device_id].hourly.size]
            for chunk in _chunks(fresh):
                self._read_back(chunk, now_ms - HISTORY_MS, now_ms)
            for chunk in _chunks(kept):
                self._read_back(chunk, self._back_to(chunk, now_ms), now_ms)

    def _back_to(self, meters: list[Meter], now_ms: int) -> int:
        """The start of what must be read again: before the last stored hour, within bounds."""
        ends = [self._watch.books[meter.device_id].hourly.end_ms for meter in meters]
        back_ms = WATER_LOOK_BACK_MS if meters[0].quantity == "water" else RESTART_LOOK_BACK_MS
        return max(min([now_ms, *ends]) - back_ms, now_ms - RESTART_AT_MOST_MS)

    def _read_back(self, meters: list[Meter], start_ms: int, now_ms: int) -> None:
        """Posts the registers' readings from `start_ms` on as the whole truth of their span."""
        if not meters:
            return
        start_ms = start_ms // HOUR_MS * HOUR_MS
        span = (start_ms - WARM_UP_MS, now_ms + AHEAD_MS)
        frame = self._readings.frame([m.device_id for m in meters], [meters[0].register_metric], *span)
        for (device_id, metric), sent in series(frame):
            meter, entries = self._watch.meters[device_id], self._entries.get(device_id, ())
            self.last_ms[device_id, metric] = max(int(sent[0][-1]), self.last_ms.get((device_id, metric), 0))
            book, counted = self._watch.books[device_id], amended(sent, entries, span=span)
            mended = (start_ms, span[1]) if book.hourly.size else None
            exchanges = exchanges_of(entries)
            self._keep(meter, post(book, counted, meter.register, whole=True, exchanges=exchanges, span=mended))

    def enter(self, meter: Meter, columns: Columns, now_ms: int) -> None:
        book = self._watch.books[meter.device_id]
        if book.hourly.size == 0 and book.ts_ms.size == 0:
            self._read_back([meter], now_ms - HISTORY_MS, now_ms)  # perhaps a history was imported before it spoke
            return
        entries = self._entries.get(meter.device_id, ())
        posting = post(book, amended(columns, entries), meter.register, exchanges=exchanges_of(entries))
        self._keep(meter, posting)
        if posting.read_back:
            self._read_back([meter], moved_ms(book), now_ms)

    def _keep(self, meter: Meter, posting: Posting) -> None:
        self._watch.books[meter.device_id] = posting.book
        hours = self._pending.setdefault(meter.device_id, {})
        rows = zip(posting.hours.tolist(), posting.consumption.tolist(), posting.quality.tolist(), strict=True)
        hours.update({hour: (value, quality) for hour, value, quality in rows})
        for notes, found in ((self._gone, posting.gone), (self._come, posting.come)):
            if found:
                notes[meter.device_id].extend(found)

    def _write_notes(self) -> None:
        if self._gone or self._come:
            come = {device_id: set(notes) & set(self._watch.books[device_id].notes) for device_id, notes in self._come.items()}
            self._meters.renote(self._gone, come)
            self._gone.clear()
            self._come.clear()

    def write(self, now_ms: int) -> None:
        """Finished hours at once, the running hour each minute; then the notes. What was counted again is then done."""
        self._write_hours(now_ms)
        self._write_notes()
        if self._recounted:
            self._meters.recounted(self._recounted)
            self._recounted = []

    def _write_hours(self, now_ms: int) -> None:
        partial = now_ms - self._partial_ms >= PARTIAL_MS
        running = now_ms // HOUR_MS * HOUR_MS
        rows = [
            Reading(device_id, self._watch.meters[device_id].register_metric + HOURLY_SUFFIX, hour, *hours[hour])
            for device_id, hours in self._pending.items()
            if device_id in self._watch.meters
            for hour in hours
            if partial or hour < running
        ]
        if not rows:
            return
        _store(self._readings, rows)
        self._partial_ms = now_ms if partial else self._partial_ms
        left = {} if partial else {d: {h: v for h, v in hours.items() if h >= running} for d, hours in self._pending.items()}
        self._pending = {device_id: hours for device_id, hours in left.items() if hours}

    def read_late(self, meter: Meter, now_ms: int) -> None:
        book = self._watch.books[meter.device_id]
        oldest = now_ms - LATE_AT_MOST_MS
        doubtful = doubtful_ms(book, oldest)
        since = [book.hourly.end_ms if doubtful is None else doubtful] if book.hourly.size else [oldest]
        self._read_back([meter], max(min([now_ms - LATE_LOOK_BACK_MS, *since]) - HOUR_MS, oldest), now_ms)

    # ---- what people entered, and imports

    def _read_entries(self) -> None:
        entries: dict[str, list[Entry]] = defaultdict(list)
        for entry in self._meters.entries():
            entries[entry.device_id].append(entry)
        self._entries = entries

    def recount(self, now_ms: int) -> int | None:
        """Counts the hours again for which somebody asked; from when on, None where nobody did. `write` stores them."""
        asked = self._meters.recounts()
        if not asked:
            return None
        self._read_entries()
        spans: dict[str, tuple[int, int]] = {}
        for one in asked:
            known = spans.get(one.device_id, (one.from_ms, one.to_ms))
            spans[one.device_id] = min(known[0], one.from_ms), max(known[1], one.to_ms)
        for device_id, span in spans.items():
            if device_id in self._watch.meters:
                _log.info("counting again device=%s from_ms=%d to_ms=%d", device_id, *span)
                self._mend(self._watch.meters[device_id], (span[0], span[1] + 1), now_ms)
        self._recounted = [one.id for one in asked]
        return min(one.from_ms for one in asked)

    def _mend(self, meter: Meter, span: tuple[int, int], now_ms: int) -> None:
        """Counts the hours of `span` again, and those around it that a gap or a stand-still ties to them; all others stay."""
        book, entries = self._watch.books[meter.device_id], self._entries.get(meter.device_id, ())
        first_ms, last_ms = around(book, span)
        last_ms = now_ms + AHEAD_MS if last_ms >= book.ts_ms[:1].min(initial=now_ms) else last_ms
        frame = self._readings.frame([meter.device_id], [meter.register_metric], first_ms, last_ms)
        columns = next((columns for _, columns in series(frame)), _NOTHING)
        columns = amended(columns, entries, span=(first_ms, last_ms))
        mended = trusted((first_ms, last_ms))
        mended = (mended[0], last_ms) if last_ms > now_ms else mended
        self._keep(meter, post(book, columns, meter.register, whole=True, exchanges=exchanges_of(entries), span=mended))


def _chunks(meters: list[Meter]) -> Iterable[list[Meter]]:
    return (meters[at : at + COLD_METERS] for at in range(0, len(meters), COLD_METERS))


def series(frame: pd.DataFrame) -> Iterable[tuple[tuple[str, str], Columns]]:
    """Each (device, metric) of a sorted frame with its times, values and flags."""
    if frame.empty:
        return
    device, metric = frame["device_id"].to_numpy(), frame["metric"].to_numpy()
    columns = tuple(frame[name].to_numpy() for name in ("ts_ms", "value", "quality"))
    starts = np.flatnonzero((device[1:] != device[:-1]) | (metric[1:] != metric[:-1])) + 1
    for first, last in zip([0, *starts.tolist()], [*starts.tolist(), len(frame)], strict=True):
        ts_ms, value, quality = (column[first:last] for column in columns)
        yield (str(device[first]), str(metric[first])), (ts_ms, value, quality)


def _store(store: ReadingStore, rows: list[Reading]) -> None:
    """Few rows the ordinary way; a whole history at once as a table."""
    if len(rows) < BULK_ROWS:
        store.write(rows)
        return
    columns = zip(*rows, strict=True)
    store.import_table(pa.table(dict(zip(("device_id", "metric", "ts_ms", "value", "quality"), columns, strict=True))))
