"""The reading store on VictoriaMetrics, single node or cluster. storage/victoria_rows.py tells how a reading lies there.

Killed, the server forgets some 5 s of what it acknowledged. So what was written in the last minute lies in our own `resend`
directory too, and is sent again once the server turns out to have started anew (looked at every few seconds while writing),
or by the next process where this one was killed as well. Repeats change nothing: a batch names the revision of each reading.
"""

import gzip
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from devices.errors import BadInput, DependencyFailed
from devices.model import Reading
from storage import embedded_table, victoria_rows
from storage.embedded_sealed import SealedReader
from storage.reading_store import END_MS, Aggregate, Window, all_windows, check_edges, check_readings
from storage.victoria_http import Access, ServerState, VictoriaHttp
from storage.victoria_resend import ResendLog
from storage.victoria_rows import Key

_LOG = logging.getLogger(__name__)

_LINES = 10_000
_DEVICES = 300
"""Devices in one request: the pattern that names them must stay short."""

_LOOK_EVERY_S = 5.0
_VISIBLE_AFTER_S = 10.0
"""The server shows what it took after a second, later when it is busy; until then our own copy stands."""

_KEEP_S = 60.0
_KEEP_BYTES = 256 << 20
_DAY_MS = 86_400_000
_FIRST_S = 172_800
"""Windows that begin at 1970 find nothing (seen with 1.79); two days later they do."""

_TRIES = 5
Series = tuple[str, str]


class VictoriaReadingStore:
    """ReadingStore in one server or tenant. Any thread. `epoch_ms` and `steady_s` are the caller's clocks."""

    def __init__(
        self, access: Access, *, resend_directory: Path, epoch_ms: Callable[[], int], steady_s: Callable[[], float]
    ) -> None:
        self._what = f"VictoriaMetrics at {access.url}"
        self._http = VictoriaHttp(access)
        self._epoch_ms = epoch_ms
        self._steady_s = steady_s
        self._lock = threading.RLock()
        self._youngest: dict[Series, int] = {}  # nothing of the series lies above, as far as this process can know
        self._resend = ResendLog(resend_directory, keep_s=_KEEP_S)
        self._server = ServerState()
        self._looked_at = float("-inf")
        self._fresh: deque[tuple[float, dict[Key, tuple[Reading, int]]]] = deque()  # when written, with their revisions

    def close(self) -> None:
        """What was written last is put on the server's disk, where the server can do that."""
        try:
            with self._lock:
                if self._resend.size_bytes:
                    self._look()
                    self._settle()
        except DependencyFailed as failure:
            _LOG.warning("what was written last stays to be sent again by the next process: %s", failure)
        self._resend.close()
        self._http.close()

    # ---- writing

    def write(self, readings: Sequence[Reading]) -> None:
        if not readings:
            return
        check_readings(readings)
        rows = list({reading[:3]: reading for reading in readings}.values())
        with self._lock:
            self._look_if_due()
            for start in range(0, len(rows), _LINES):
                self._write(rows[start : start + _LINES])

    def import_table(self, table: pa.Table) -> int:
        ours = embedded_table.merged([embedded_table.checked(table)])
        with self._lock:
            for start in range(0, len(ours), _LINES):
                self.write(_readings(ours.slice(start, _LINES)))
            seen = bool(len(ours)) and self._settle()
        if seen:
            order = np.argsort(ours["ts_ms"].to_numpy())
            self._insist_on(_readings(ours.take(pa.array([order[0], order[-1]]))))
        return len(table)

    def _insist_on(self, written: Sequence[Reading]) -> None:
        """The server takes what is older than it keeps, and drops it. Raises BadInput where the oldest or youngest is not there."""
        for device, metric, ts_ms, _, _ in written:
            export = self._http.export(victoria_rows.selector([device], [metric]), ts_ms, ts_ms + 1)
            if not len(victoria_rows.resolved(export, ts_ms, ts_ms + 1)):
                raise BadInput(
                    f"{self._what} dropped what is of {ts_ms} (epoch ms) as too old or too far ahead; start it with a longer "
                    "-retentionPeriod (100y keeps all) and import again"
                )

    def delete_before(self, ts_ms: int) -> int:
        """Series that ended before; -1. Where one lives on that has older readings: DependencyFailed, and nothing is deleted.

        The server cannot delete a part of a series; what is older than a time goes by its own retention.
        """
        self._http.make_visible()
        by_metric = sorted(self._known('{__name__=~".+_(value|quality|high|low)",device!=""}'), key=itemgetter(1, 0))
        ended = [
            (metric, self._ended(devices, metric, ts_ms))
            for metric, series in groupby(by_metric, key=itemgetter(1))
            for devices in _chunks(device for device, _ in series)
        ]
        for metric, devices in ended:
            if devices:
                self._http.delete(victoria_rows.selector(devices, [metric]))
        with self._lock:
            self._settle()  # nor must it be sent again
            self._fresh.clear()
        return -1

    def _ended(self, devices: Sequence[str], metric: str, ts_ms: int) -> list[str]:
        """Those of which all is older. Raises DependencyFailed where one lives on that has older readings."""
        last = {reading.device_id: reading.ts_ms for reading in self.latest(devices, [metric])}
        ended = [device for device, youngest_ms in last.items() if youngest_ms < ts_ms]
        living = [device for device in last if last[device] >= ts_ms]
        if living and len(self._table(living, [metric], 0, ts_ms)):
            raise DependencyFailed(
                f"{self._what} can only delete whole series; what is older than a time goes by its -retentionPeriod: set that",
                transient=False,
            )
        return ended

    def _write(self, rows: Sequence[Reading]) -> None:
        revisions = self._revisions(rows)
        body = gzip.compress(victoria_rows.encode((row, revisions.get(row[:3], 0)) for row in rows), compresslevel=1, mtime=0)
        self._resend.add(body, self._steady_s())
        self._http.write(body)
        self._fresh.append((self._steady_s(), {row[:3]: (row, revisions.get(row[:3], 0)) for row in rows}))
        self._forget_visible()
        youngest = self._youngest
        for device, metric, ts_ms, _, _ in rows:
            if ts_ms > youngest.get((device, metric), -1):
                youngest[device, metric] = ts_ms
        if self._resend.size_bytes > _KEEP_BYTES:
            self._look()
            self._settle()

    def _revisions(self, rows: Sequence[Reading]) -> dict[Key, int]:
        """The revision under which a reading is to be written, where it is not 0: it says another thing than what is there."""
        youngest = self._youngest
        unsure = [row for row in rows if row[2] <= youngest.get((row[0], row[1]), END_MS)]
        if not unsure:
            return {}
        unknown = {row[:2] for row in unsure if row[:2] not in youngest}
        there: dict[Key, tuple[float, int, int]] = {}
        strangers = [row for row in unsure if row[:2] in unknown]
        for some, end_ms in ((strangers, END_MS), ([row for row in unsure if row[:2] not in unknown], 0)):
            if some:
                times = [row[2] for row in some]
                there |= self._there({row[:2] for row in some}, min(times), end_ms or max(times) + 1)
        youngest |= dict.fromkeys(unknown, -1)
        for device, metric, ts_ms in there:
            if ts_ms > youngest.get((device, metric), END_MS):
                youngest[device, metric] = ts_ms
        return {row[:3]: _revision(row, there[row[:3]]) for row in unsure if row[:3] in there}

    def _there(self, series: set[Series], start_ms: int, end_ms: int) -> dict[Key, tuple[float, int, int]]:
        """Key → (value, quality, revision) of what these series hold."""
        metrics = sorted({metric for _, metric in series})
        found: dict[Key, tuple[float, int, int]] = {}
        for devices in _chunks(sorted({device for device, _ in series})):
            export = self._http.export(victoria_rows.selector(devices, metrics), start_ms, end_ms)
            for revision, table in victoria_rows.by_revision(export, start_ms, end_ms):
                for device, metric, ts_ms, value, quality in zip(*(column.to_pylist() for column in table.columns), strict=True):
                    found[device, metric, ts_ms] = (value, quality, revision)
        for _, batch in self._fresh:
            for key, (row, revision) in batch.items():
                if key[:2] in series and start_ms <= key[2] < end_ms:
                    found[key] = (row[3], row[4], revision)
        return found

    # ---- the server's memory

    def _look_if_due(self) -> None:
        if self._steady_s() - self._looked_at >= _LOOK_EVERY_S:
            self._look()

    def _look(self) -> None:
        """Sends the last minute again if the server started anew."""
        now_s = self._steady_s()
        if self._looked_at == float("-inf") and (sent := self._resend.send_left_over(self._http.write)):
            _LOG.warning("sent again what a process left that was killed, batches=%s", sent)
            self._http.make_visible()
        state = self._http.state()
        before, self._server = self._server, state
        if before.started is not None and state.started != before.started:
            self._server = before  # should sending fail, the next look finds it restarted still
            self._send_again()
            self._server = state
        elif (state.ignored or 0) > (before.ignored or 0) and before.started is not None:
            _LOG.error(
                "%s dropped %s readings as older than its -retentionPeriod or too far ahead; set it longer",
                self._what,
                (state.ignored or 0) - (before.ignored or 0),
            )
        self._looked_at = now_s
        self._resend.forget_durable(now_s)

    def _send_again(self) -> None:
        _LOG.warning("%s has started anew; sending the last minute again", self._what)
        for body in self._resend.bodies():
            self._http.write(body)
        self._http.make_visible()

    def _settle(self) -> bool:
        """What was written is on the server's disk, visible and need not be sent again. False where a cluster cannot do it."""
        durable = self._http.make_durable()
        if not durable and self._resend.size_bytes > _KEEP_BYTES:
            _LOG.warning("%s cannot be told to write to its disk; run a cluster with -replicationFactor=2", self._what)
        if durable or self._resend.size_bytes > _KEEP_BYTES:
            self._resend.forget_all()
        return durable

    def _forget_visible(self) -> None:
        while self._fresh and self._fresh[0][0] < self._steady_s() - _VISIBLE_AFTER_S:
            self._fresh.popleft()

    def _own(self, device_ids: Sequence[str], metrics: Sequence[str] | None, start_ms: int, end_ms: int) -> list[Reading]:
        """What this process wrote a moment ago, sorted; what others write shows once the server shows it."""
        with self._lock:
            self._forget_visible()
            devices, wanted = set(device_ids), None if metrics is None else set(metrics)
            own = {
                key: row
                for _, batch in self._fresh
                for key, (row, _) in batch.items()
                if key[0] in devices and (wanted is None or key[1] in wanted) and start_ms <= key[2] < end_ms
            }
        return sorted(own.values())

    # ---- reading

    def latest(self, device_ids: Sequence[str], metrics: Sequence[str] | None = None) -> list[Reading]:
        found: list[Reading] = []
        if metrics is not None and not metrics:
            return found
        for devices in _chunks(device_ids):
            youngest = self._latest(devices, metrics)
            for row in self._own(devices, metrics, 0, END_MS):
                if row[:2] not in youngest or youngest[row[:2]].ts_ms <= row.ts_ms:
                    youngest[row[:2]] = row
            found += youngest.values()
        return sorted(found)

    def _latest(self, devices: Sequence[str], metrics: Sequence[str] | None) -> dict[Series, Reading]:
        """Most are of today; the whole history is asked only for those that are not."""
        tomorrow_ms = self._epoch_ms() + _DAY_MS
        recent = self._last(victoria_rows.selector(devices, metrics), "2d", tomorrow_ms)
        wanted = (
            self._known(victoria_rows.selector(devices, None))
            if metrics is None
            else {(device, metric) for device in devices for metric in metrics}
        )
        stale = wanted - recent.keys()
        if stale:
            names = sorted({device for device, _ in stale}), sorted({metric for _, metric in stale})
            older = self._last(victoria_rows.selector(*names), f"{tomorrow_ms // 1000 - _FIRST_S}s", tomorrow_ms)
            recent |= {series: older[series] for series in stale & older.keys()}
        ahead = victoria_rows.resolved(
            self._http.export(victoria_rows.selector(devices, metrics), tomorrow_ms + 1, END_MS), tomorrow_ms + 1, END_MS
        )
        for (device, metric), row in embedded_table.youngest(ahead).items():
            recent[device, metric] = Reading(device, metric, *row)
        return recent

    def _known(self, selector: str) -> set[Series]:
        named = map(victoria_rows.name_of, self._http.series(selector))
        return {name[:2] for name in named if name is not None}

    def _last(self, selector: str, window: str, at_ms: int) -> dict[Series, Reading]:
        """The youngest complete reading of each series in the window up to `at_ms`.

        The server tells times and values by two questions; it is asked for the times again until nothing came in between.
        """
        times = self._samples(f"tlast_over_time({selector}[{window}]) keep_metric_names", at_ms)
        for _ in range(_TRIES):
            values = self._samples(f"last_over_time({selector}[{window}]) keep_metric_names", at_ms)
            again = self._samples(f"tlast_over_time({selector}[{window}]) keep_metric_names", at_ms)
            if times == again:
                break
            times = again
        grouped: dict[Series, dict[tuple[int, int], dict[str, float]]] = {}
        for (device, metric, revision, field), time_s in times.items():
            moments = grouped.setdefault((device, metric), {})
            value = values.get((device, metric, revision, field))
            samples = moments.setdefault((round(time_s * 1000), revision), {})
            if value is not None:
                samples[field] = value
        return {
            series: reading for series, moments in grouped.items() if (reading := self._youngest_of(series, moments)) is not None
        }

    def _youngest_of(self, series: Series, moments: dict[tuple[int, int], dict[str, float]]) -> Reading | None:
        """Nearly always the youngest moment. Half of a reading may be visible already: then the one before it is looked for."""
        newest_ms = max(ts_ms for ts_ms, _ in moments)
        if (reading := _youngest(series, newest_ms, moments)) is not None:
            return reading
        for span_ms in (_DAY_MS, newest_ms):
            rows = self.range(*series, newest_ms - span_ms, newest_ms + 1)
            if rows:
                return rows[-1]
        return None

    def _samples(self, query: str, at_ms: int) -> dict[tuple[str, str, int, str], float]:
        rows = ((victoria_rows.name_of(labels), value) for labels, value in self._http.query(query, at_ms))
        return {named: value for named, value in rows if named is not None}

    def range(self, device_id: str, metric: str, start_ms: int, end_ms: int, *, limit: int | None = None) -> list[Reading]:
        table = self._table([device_id], [metric], start_ms, end_ms).slice(0, limit)
        return [
            Reading(device_id, metric, *row) for row in zip(*(table[n].to_pylist() for n in table.column_names[2:]), strict=True)
        ]

    def frame(self, device_ids: Sequence[str], metrics: Sequence[str], start_ms: int, end_ms: int) -> pd.DataFrame:
        return embedded_table.to_frame(self._table(device_ids, metrics, start_ms, end_ms))

    def windows(self, device_ids: Sequence[str], metric: str, edges_ms: Sequence[int], aggregate: Aggregate) -> list[Window]:
        """Counted here from the readings: the server's windows cannot leave out what is flagged, nor follow a calendar."""
        check_edges(edges_ms)
        if len(edges_ms) < 2 or not device_ids:
            return []
        table = self._table(device_ids, [metric], edges_ms[0], edges_ms[-1])
        with closing(SealedReader(threads=2, memory_mb=512)) as counter:
            rows = counter.windows([], table, device_ids, metric, edges_ms, aggregate)
        return all_windows(device_ids, edges_ms, aggregate, {row[:2]: row[2:] for row in rows})

    def _table(self, device_ids: Sequence[str], metrics: Sequence[str], start_ms: int, end_ms: int) -> pa.Table:
        if start_ms >= end_ms or not metrics:
            return embedded_table.empty()
        tables = [
            victoria_rows.resolved(self._http.export(victoria_rows.selector(devices, metrics), start_ms, end_ms), start_ms, end_ms)
            for devices in _chunks(device_ids)
        ]
        own = embedded_table.from_readings(self._own(device_ids, metrics, start_ms, end_ms))
        return embedded_table.merged([*tables, own])


def _readings(table: pa.Table) -> list[Reading]:
    return list(map(Reading, *(column.to_pylist() for column in table.columns)))


def _revision(row: Reading, there: tuple[float, int, int]) -> int:
    """A repeat goes where its like lies (it may be in the server's memory only); another value above it."""
    value, quality, revision = there
    return revision if (row[3], row[4]) == (value, quality) else revision + 1


def _youngest(series: Series, newest_ms: int, moments: dict[tuple[int, int], dict[str, float]]) -> Reading | None:
    """The highest revision of the newest moment, if all its samples are there."""
    revision = max(revision for ts_ms, revision in moments if ts_ms == newest_ms)
    complete = victoria_rows.exact(moments[newest_ms, revision])
    return None if complete is None else Reading(*series, newest_ms, *complete)


def _chunks(device_ids: Iterable[str]) -> Iterator[list[str]]:
    names = list(dict.fromkeys(device_ids))
    for start in range(0, len(names), _DEVICES):
        yield names[start : start + _DEVICES]
