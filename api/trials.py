"""Detectors over the stored past of a site: read within bounds, judged as the running system judges, nothing stored."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np

from analytics.arrays import HOUR_MS, Floats, Ints
from analytics.book import Book, empty, known_hours, known_notes, post
from analytics.catalog import STREAM
from analytics.finding import Finding, FindingKind
from analytics.hourly import on_grid
from analytics.meter import Meter
from analytics.parameters import HOURLY_RULES, STREAM_RULES
from analytics.rerun import folded, gauges_again, rates_again
from analytics.site import Site
from analytics.suggestion import Judged
from analytics.tuning import tuned, with_parameters
from analytics.watch import QUALITY, Watch
from api.deps import Deps
from api.outdoor import hourly_weather, outdoor_sensor
from api.times import to_ms
from devices.metrics import HOURLY_SUFFIX
from devices.model import Quality
from devices.registry import Registry

LEARN = timedelta(days=90)
"""History before the trial from which the normal is learned."""
DEVICES_AT_MOST = 60
STREAMED_AT_MOST = 20
STREAM_SPAN = timedelta(days=14)
STREAM_ROWS_AT_MOST = 300_000
"""Samples of rates and voltages that one trial judges: some seconds."""
RAW_ROWS_AT_MOST = 1_500_000
"""Readings of registers: leaks are told by the quietest quarter of an hour, which stored hours do not keep."""
BEFORE, AFTER = timedelta(hours=3), timedelta(hours=1)
"""What is looked at of the stream around a judged finding."""
_FROM_BELOW = frozenset({FindingKind.METER_BALANCE, FindingKind.METER_WRONG_UNIT, FindingKind.WATER_NETWORK_LEAK})
"""Told by comparing with the meters beneath."""
_GAUGES = ("elec.power_factor", "elec.voltage", "elec.voltage.l1", "elec.voltage.l2", "elec.voltage.l3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Epoch ms UTC, [start, end)."""

    start_ms: int
    end_ms: int


class Past(Protocol):
    """The stored past of some devices, in which one kind of finding is looked for. `looked_from`: of the whole span, or later
    where there is more than can be judged at once; `left_out`: devices that were too many."""

    device_ids: Sequence[str]
    left_out: int

    @property
    def looked_from_ms(self) -> int: ...

    def raised(self, changes: Mapping[str, float]) -> list[Finding]: ...


def around(judged: Sequence[Judged], before: timedelta = BEFORE) -> list[Span]:
    """The spans of the stream that hold the judged findings, joined where they meet, oldest first."""
    spans: list[Span] = []
    for one in sorted(judged, key=lambda one: one.finding.started):
        start_ms, end_ms = to_ms(one.finding.started - before), to_ms(one.finding.seen + AFTER)
        if spans and start_ms <= spans[-1].end_ms:
            spans[-1] = replace(spans[-1], end_ms=max(spans[-1].end_ms, end_ms))
        else:
            spans.append(Span(start_ms=start_ms, end_ms=end_ms))
    return spans


def meters_for(deps: Deps, registry: Registry, kind: FindingKind, device_ids: Sequence[str]) -> dict[str, Meter]:
    """Those of the devices that are meters of the kind's quantity, with the rules that hold for them; not switched off."""
    found = tuned(registry, deps.rules.list(standing=True))
    quantity = {"water": "water", "elec": "electricity"}.get(kind.split(".", maxsplit=1)[0])
    chosen = {device_id: found[device_id] for device_id in device_ids if device_id in found}
    return {
        device_id: replace(meter, off=meter.off - {kind})
        for device_id, meter in chosen.items()
        if quantity in (None, meter.quantity) and _listened(kind, meter)
    }


def _listened(kind: FindingKind, meter: Meter) -> bool:
    """Whether a detector of that kind looks at such a meter at all."""
    return kind in HOURLY_RULES or kind is QUALITY or any(one.kind is kind and one.suits(meter) for one in STREAM)


class MetersPast:
    """Accounts of some meters over a span and what lay before it; `windows` bound the raw samples where they are given."""

    def __init__(
        self, deps: Deps, kind: FindingKind, meters: Mapping[str, Meter], span: Span, windows: Sequence[Span] | None = None
    ) -> None:
        self._deps, self._kind, self._span = deps, kind, span
        self.device_ids: Sequence[str] = list(meters)[: DEVICES_AT_MOST if kind in HOURLY_RULES else STREAMED_AT_MOST]
        self.left_out = len(meters) - len(self.device_ids)
        self._meters = {device_id: meters[device_id] for device_id in self.device_ids}
        begin_ms = span.start_ms - round(LEARN.total_seconds() * 1000)
        weather = hourly_weather(deps.readings, outdoor_sensor(deps.registry.load()), begin_ms, span.end_ms)
        self._site = Site(calendar=deps.calendar, rates=deps.rates, weather=weather)
        stream_ms = max(span.start_ms, span.end_ms - round(STREAM_SPAN.total_seconds() * 1000))
        self._windows = windows if windows is not None else [Span(start_ms=stream_ms, end_ms=span.end_ms)]
        self._books = {device_id: self._book(meter) for device_id, meter in self._meters.items()}
        self._samples: dict[tuple[str, str], tuple[Ints, Floats]] = {}
        self._from_ms = span.start_ms if kind in HOURLY_RULES else min(window.start_ms for window in self._windows)

    @property
    def looked_from_ms(self) -> int:
        return self._from_ms

    @property
    def changed_already(self) -> Mapping[str, float]:
        """The parameters that differ from the shipped ones at all of these meters."""
        return common(meter.tuning.get(self._kind, {}) for meter in self._meters.values())

    def raised(self, changes: Mapping[str, float]) -> list[Finding]:
        """What the detector would have raised within the span, newest first; each fault at its lowest meter."""
        watch = self._watch(changes)
        found = self._streamed(watch)
        if self._kind in HOURLY_RULES:
            found += [
                e.finding
                for e in watch.episodes(self._span.end_ms)
                if e.finding.kind is self._kind
                and self._span.start_ms <= e.raised_ms <= self._span.end_ms
                and not _told(e.finding, found)
            ]
        return sorted(found, key=lambda finding: finding.started, reverse=True)

    def raised_alone(self, changes: Mapping[str, float]) -> list[Finding]:
        """As `raised`, without asking whether another detector or meter explains it: for many runs in a row."""
        watch = self._watch(changes)
        found = self._streamed(watch)
        if self._kind in HOURLY_RULES:
            for view in watch.views(self._span.end_ms):
                episodes = with_parameters(self._kind, view, view.meter.tuning.get(self._kind, {}))
                found += [e.finding for e in episodes if e.finding.kind is self._kind and not _told(e.finding, found)]
        return found

    def _watch(self, changes: Mapping[str, float]) -> Watch:
        watch = Watch(_with_changes(self._meters, self._kind, changes), self._site)
        watch.books = dict(self._books)
        return watch

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

    def _streamed(self, watch: Watch) -> list[Finding]:
        """The meters' rates or voltages, sample by sample."""
        listened = sorted(watch.meters, key=lambda device_id: len(watch.meters[device_id].below))[:STREAMED_AT_MOST]
        if self._kind is QUALITY:
            said = (one for device_id in listened for one in gauges_again(watch, device_id, self._gauges(device_id)))
            return folded(said, self._kind)
        if self._kind not in STREAM_RULES:
            return []
        watch.learn_past()
        rates = {device_id: self._series(device_id, watch.meters[device_id].rate_metric) for device_id in listened}
        return folded(rates_again(watch, rates), self._kind)

    def _gauges(self, device_id: str) -> list[tuple[int, str, float]]:
        series = {metric: self._series(device_id, metric) for metric in _GAUGES}
        return sorted((int(at), metric, float(v)) for metric, pair in series.items() for at, v in zip(*pair, strict=True))

    def _series(self, device_id: str, metric: str) -> tuple[Ints, Floats]:
        """Times and values within the windows."""
        if (device_id, metric) not in self._samples:
            frames = [self._deps.readings.frame([device_id], [metric], window.start_ms, window.end_ms) for window in self._windows]
            good = [frame[(frame["quality"].to_numpy(np.int64) & int(Quality.IMPLAUSIBLE)) == 0] for frame in frames]
            ts_ms = np.concatenate([frame["ts_ms"].to_numpy(np.int64) for frame in good])
            value = np.concatenate([frame["value"].to_numpy(np.float64) for frame in good])
            kept = STREAM_ROWS_AT_MOST // (len(self.device_ids) * (len(_GAUGES) if self._kind is QUALITY else 1))
            if ts_ms.size > kept and self._kind not in HOURLY_RULES:
                self._from_ms = max(self._from_ms, int(ts_ms[-kept]))
            self._samples[device_id, metric] = (ts_ms[-kept:], value[-kept:])
        return self._samples[device_id, metric]


def meters_past(deps: Deps, registry: Registry, kind: FindingKind, device_ids: Sequence[str], span: Span) -> MetersPast | None:
    """With the meters beneath where the detector compares with them. None where there is no meter of that kind."""
    meters = meters_for(deps, registry, kind, device_ids)
    if not meters:
        return None
    if kind in _FROM_BELOW:
        below = sorted({one for meter in meters.values() for one in meter.below} - meters.keys())
        meters |= meters_for(deps, registry, kind, below)
    return MetersPast(deps, kind, meters, span)


def meters_to_learn(
    deps: Deps, registry: Registry, kind: FindingKind, judged: Sequence[Judged], since: datetime
) -> MetersPast | None:
    """The past of the meters of these findings, the streams around each of them."""
    meters = meters_for(deps, registry, kind, sorted({one.finding.device_id for one in judged}))
    if not meters:
        return None
    if kind in _FROM_BELOW:
        meters |= meters_for(deps, registry, kind, sorted({one for meter in meters.values() for one in meter.below}))
    begin = max(min(one.finding.started for one in judged), since)
    span = Span(start_ms=to_ms(begin - LEARN), end_ms=to_ms(deps.now()))
    return MetersPast(deps, kind, meters, span, around(judged))


def common(changes: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """What all of them change alike."""
    first, *rest = changes
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in rest)}


def _with_changes(meters: Mapping[str, Meter], kind: FindingKind, changes: Mapping[str, float]) -> dict[str, Meter]:
    if not changes:
        return dict(meters)
    return {
        device_id: replace(meter, tuning={**meter.tuning, kind: {**meter.tuning.get(kind, {}), **changes}})
        for device_id, meter in meters.items()
    }


def _told(finding: Finding, streamed: Sequence[Finding]) -> bool:
    """What the streaming detector has told, the hourly one does not tell again."""
    return any(
        one.device_id == finding.device_id and one.started <= finding.seen and finding.started - timedelta(hours=1) <= one.seen
        for one in streamed
    )
