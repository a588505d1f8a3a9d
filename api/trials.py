"""Detectors over the stored history of some meters: read within bounds, judged as the running system judges, nothing stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from analytics.arrays import HOUR_MS
from analytics.book import Book, empty, known_hours, known_notes, post
from analytics.episodes import Episode
from analytics.finding import Finding, FindingKind
from analytics.hourly import on_grid
from analytics.meter import Meter
from analytics.parameters import HOURLY_RULES, STREAM_RULES
from analytics.site import Site
from analytics.tuning import Judged, Suggestion, suggest, tuned
from analytics.view import Account, View, look
from analytics.watch import Watch
from api.deps import Deps
from devices.metrics import HOURLY_SUFFIX
from devices.model import Quality
from devices.registry import Registry

LEARN = timedelta(days=90)
"""History before the trial from which the normal is learned."""
METERS_AT_MOST = 60
STREAMED_AT_MOST = 8
STREAM_SPAN = timedelta(days=14)
RAW_ROWS_AT_MOST = 1_500_000
"""Readings of registers: leaks are told by the quietest quarter of an hour, which stored hours do not keep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Epoch ms UTC, [start, end)."""

    start_ms: int
    end_ms: int


def meters_for(deps: Deps, registry: Registry, kind: FindingKind, device_ids: Sequence[str]) -> dict[str, Meter]:
    """Those of the devices that are meters of the kind's quantity, with the rules that hold for them; not switched off."""
    found = tuned(registry, deps.rules.list(standing=True))
    quantity = {"water": "water", "elec": "electricity"}.get(kind.split(".", maxsplit=1)[0])
    chosen = {device_id: found[device_id] for device_id in device_ids if device_id in found}
    return {
        device_id: replace(meter, off=meter.off - {kind})
        for device_id, meter in chosen.items()
        if quantity in (None, meter.quantity)
    }


def with_changes(meters: Mapping[str, Meter], kind: FindingKind, changes: Mapping[str, float]) -> dict[str, Meter]:
    return {
        device_id: replace(meter, tuning={**meter.tuning, kind: {**meter.tuning.get(kind, {}), **changes}})
        for device_id, meter in meters.items()
    }


class History:
    """Accounts of some meters over a span and what lay before it."""

    def __init__(self, deps: Deps, meters: Mapping[str, Meter], span: Span) -> None:
        self._deps, self._meters, self._span = deps, dict(meters), span
        self._site = Site(calendar=deps.calendar, rates=deps.rates)
        self._books = {device_id: self._book(meter) for device_id, meter in meters.items()}
        self._rates: dict[str, list[tuple[int, float]]] = {}

    def trial(self, kind: FindingKind, meters: Mapping[str, Meter]) -> list[Finding]:
        """What the detector would have raised within the span, newest first; each fault at its lowest meter."""
        watch = Watch(meters, self._site)
        watch.books = {device_id: self._books[device_id] for device_id in meters}
        found = self._streamed(kind, watch) if kind in STREAM_RULES else []
        if kind in HOURLY_RULES:
            found += [e.finding for e in watch.episodes(self._span.end_ms) if self._within(e, kind) and not _told(e.finding, found)]
        return sorted(found, key=lambda finding: finding.started, reverse=True)

    def suggestion(self, kind: FindingKind, judged: Sequence[Judged]) -> Suggestion | None:
        return suggest(kind, [self._view(device_id) for device_id in self._meters if self._books[device_id].hourly.size], judged)

    def _within(self, episode: Episode, kind: FindingKind) -> bool:
        return episode.finding.kind is kind and self._span.start_ms <= episode.raised_ms <= self._span.end_ms

    def _view(self, device_id: str) -> View:
        book = self._books[device_id]
        account = Account(hourly=book.hourly, notes=book.notes, digit=book.digit)
        return look(account, self._meters[device_id], self._site)

    def _book(self, meter: Meter) -> Book:
        begin_ms = self._span.start_ms - round(LEARN.total_seconds() * 1000)
        frame = self._deps.readings.frame(
            [meter.device_id], [meter.register_metric + HOURLY_SUFFIX], begin_ms // HOUR_MS * HOUR_MS, self._span.end_ms
        )
        book = known_notes(empty(), self._deps.meters.notes(meter.device_id, begin_ms, self._span.end_ms))
        ts_ms, quality = frame["ts_ms"].to_numpy(np.int64), frame["quality"].to_numpy(np.int64)
        book = known_hours(book, on_grid(ts_ms, frame["value"].to_numpy(np.float64), quality.astype(np.uint8)))
        return self._quarters(meter, book) if meter.quantity == "water" else book

    def _quarters(self, meter: Meter, book: Book) -> Book:
        """Posts the register's own readings as far back as the bound allows."""
        each = RAW_ROWS_AT_MOST // max(len(self._meters), 1)
        begin_ms = self._span.start_ms - round(LEARN.total_seconds() * 1000)
        start_ms = max(begin_ms, self._span.end_ms - round(each * meter.interval_s * 1000)) // HOUR_MS * HOUR_MS
        frame = self._deps.readings.frame([meter.device_id], [meter.register_metric], start_ms - HOUR_MS, self._span.end_ms)
        if frame.empty:
            return book
        sent = (frame["ts_ms"].to_numpy(np.int64), frame["value"].to_numpy(np.float64), frame["quality"].to_numpy(np.int64))
        span = (start_ms, self._span.end_ms) if book.hourly.size else None
        return post(book, sent, meter.register, whole=True, span=span).book

    def _streamed(self, kind: FindingKind, watch: Watch) -> list[Finding]:
        """The meter's rate, sample by sample, over the last STREAM_SPAN of the span."""
        watch.learn_past()
        began: dict[str, Finding] = {}
        found: list[Finding] = []
        for device_id in sorted(watch.meters, key=lambda device_id: len(watch.meters[device_id].below))[:STREAMED_AT_MOST]:
            for finding in watch.sample(device_id, self._samples(watch.meters[device_id])):
                if finding.kind is kind and finding.active:
                    began[device_id] = finding
                elif finding.kind is kind and device_id in began:
                    found.append(replace(began.pop(device_id), active=False, seen=finding.seen))
        return [*found, *began.values()]

    def _samples(self, meter: Meter) -> list[tuple[int, float]]:
        if meter.device_id not in self._rates:
            start_ms = max(self._span.start_ms, self._span.end_ms - round(STREAM_SPAN.total_seconds() * 1000))
            frame = self._deps.readings.frame([meter.device_id], [meter.rate_metric], start_ms, self._span.end_ms)
            good = frame[(frame["quality"].to_numpy(np.int64) & int(Quality.IMPLAUSIBLE)) == 0]
            self._rates[meter.device_id] = list(zip(good["ts_ms"].tolist(), good["value"].tolist(), strict=True))
        return self._rates[meter.device_id]


def _told(finding: Finding, streamed: Sequence[Finding]) -> bool:
    """What the streaming detector has told, the hourly one does not tell again."""
    return any(
        one.device_id == finding.device_id and one.started <= finding.seen and finding.started - timedelta(hours=1) <= one.seen
        for one in streamed
    )
