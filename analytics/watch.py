"""All meters of a site with their accounts and the detectors' memories. Holds values only: no clock, no store, no socket."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from analytics import tuning
from analytics.arrays import EARLIEST_MS, HOUR_MS, LATEST_MS, Floats, Ints
from analytics.book import Book, empty
from analytics.catalog import HOURLY, STREAM, StreamDetector
from analytics.detectors import power_quality
from analytics.episodes import Episode
from analytics.finding import Finding, FindingKind
from analytics.hourly import Hourly, until
from analytics.lowest import explained, lowest_only
from analytics.meter import Meter
from analytics.parameters import changed
from analytics.peers import Kin
from analytics.scale import Scales
from analytics.scene import Scene
from analytics.site import Site
from analytics.view import Account, View, look
from analytics.weather import Fits

RECENT = 500
QUALITY = FindingKind.ELEC_POWER_QUALITY
_UNKNOWN = float("nan")
HOLD_MS = 90_000
"""A meter with others beneath it waits so long for one of them to say it first; sub-meters send every 10-30 s."""

Samples = Iterable[tuple[int, float]]
Key = tuple[FindingKind, str]


class Watch:
    """Mutable; owned by one loop. `books` is filled by that loop (analytics.book.post)."""

    def __init__(self, meters: Mapping[str, Meter], site: Site) -> None:
        self.meters = dict(meters)
        self.site = site
        self.books: dict[str, Book] = {device_id: empty() for device_id in meters}
        self._states: dict[Key, object] = {}
        self._quality: dict[str, power_quality.Quality] = {}
        self._held: dict[Key, Finding] = {}
        self._told: dict[Key, Finding] = {}
        self._tops: dict[str, _Tops] = {}
        self._fits: dict[str, Fits] = {}
        self._recent: deque[Finding] = deque(maxlen=RECENT)

    def resume(self, active: Iterable[Finding]) -> None:
        """Takes up what was active when we stopped, so that its end is seen."""
        active = list(active)
        for detector in STREAM:
            for finding in active:
                meter = self.meters.get(finding.device_id)
                if finding.kind is detector.kind and meter is not None and detector.suits(meter):
                    key = (finding.kind, finding.device_id)
                    self._states[key], self._told[key] = detector.resume(finding), finding
        for finding in active:
            if finding.kind is FindingKind.ELEC_POWER_QUALITY:
                self._quality[finding.device_id] = power_quality.resume(finding)

    def gauge(self, device_id: str, metric: str, samples: Samples) -> list[Finding]:
        """Samples of one of power_quality.METRICS (epoch ms UTC, V or 1) of one meter in time order; what is to be recorded now."""
        state = self._quality.get(device_id) or power_quality.start()
        meter = self.meters[device_id]
        if QUALITY in meter.off:
            return []
        scene, params = Scene(meter=meter, site=self.site), changed(power_quality.step, meter.tuning.get(QUALITY, {}))
        found: list[Finding] = []
        for ts_ms, value in samples:
            if EARLIEST_MS <= ts_ms < LATEST_MS:
                state, finding = power_quality.step(state, (metric, ts_ms, value), scene, params)
                found.extend((finding,) if finding is not None else ())
        self._quality[device_id] = state
        return found

    def told(self, key: Key) -> bool:
        """Whether a streaming detector has told of it and will tell its end."""
        return key in self._told

    def streamed(self, device_id: str) -> bool:
        """Whether any streaming detector listens to that meter."""
        return any(detector.suits(self.meters[device_id]) for detector in STREAM)

    def sample(self, device_id: str, samples: Samples) -> list[Finding]:
        """Rate samples (epoch ms UTC, W or m3/h) of one meter in time order; what is to be recorded now."""
        meter = self.meters[device_id]
        samples = [sample for sample in samples if EARLIEST_MS <= sample[0] < LATEST_MS]
        found: list[Finding] = []
        for detector in STREAM:
            if detector.suits(meter) and detector.kind not in meter.off:
                found.extend(self._step(detector, meter, samples))
        return found

    def _step(self, detector: StreamDetector, meter: Meter, samples: Samples) -> list[Finding]:
        key = (detector.kind, meter.device_id)
        state = self._states.get(key)
        state = detector.start() if state is None else state
        found: list[Finding] = []
        scene, hour = Scene(meter=meter, site=self.site), -1
        for sample in samples:
            if sample[0] // HOUR_MS != hour:
                hour = sample[0] // HOUR_MS
                top, peers = self._top(meter.device_id, sample[0])
                scene = Scene(meter=meter, site=self.site, top=top, peers=peers)
            state, finding = tuning.step(detector, state, sample, scene)
            if finding is not None:
                found.extend(self._arbitrate(finding))
        self._states[key] = state
        return found

    def _arbitrate(self, finding: Finding) -> list[Finding]:
        """Ends go out at once; a beginning waits where meters hang beneath, and takes the place of one told above."""
        key = (finding.kind, finding.device_id)
        self._held.pop(key, None)
        if not finding.active:
            if self._told.pop(key, None) is None:
                return []
            self._recent.append(finding)
            return [finding]
        if self.meters[finding.device_id].below and key not in self._told:
            self._held[key] = finding
            return []
        self._told[key] = finding
        return [finding, *self._withdrawn(finding)]

    def _withdrawn(self, finding: Finding) -> list[Finding]:
        above = [
            key
            for key, told in self._told.items()
            if explained(told, self.meters, lambda d: [finding] if d == finding.device_id else [])
        ]
        return [replace(self._told.pop(key), active=False, seen=finding.seen) for key in above]

    def release(self, now_ms: int) -> list[Finding]:
        """Held findings whose time is up and that nobody downstream explains."""
        due = [key for key, held in self._held.items() if now_ms - int(held.seen.timestamp() * 1000) >= HOLD_MS]
        found: list[Finding] = []
        for key in sorted(due, key=lambda key: len(self.meters[key[1]].below)):
            held = self._held.pop(key)
            if not explained(held, self.meters, self._told_of):
                self._told[key] = held
                found.extend((held, *self._withdrawn(held)))
        return found

    def _told_of(self, device_id: str) -> list[Finding]:
        return [told for (_, told_device), told in self._told.items() if told_device == device_id]

    def episodes(self, end_ms: int, *, days: int | None = None) -> list[Episode]:
        """What the hourly detectors see in the hours that ended by `end_ms` (of the last `days` where given), each fault at
        its lowest meter."""
        found: list[Episode] = []
        for view in self.views(end_ms, days=days):
            for detector in HOURLY:
                found.extend(tuning.detect(detector, view))
        return lowest_only(found, self.meters, (*self._recent, *self._told.values()))

    def views(self, end_ms: int, *, days: int | None = None) -> Iterator[View]:
        """What the hourly detectors look at, meter by meter."""
        hours = self._hours(end_ms)
        kin, scales = Kin(self.meters, hours), Scales(self.meters, hours, self.site.calendar, days)
        for device_id, hourly in hours.items():
            if hourly.size:
                book, below = self.books[device_id], self._directly_below(device_id, end_ms)
                account = Account(hourly=hourly, notes=book.notes, digit=book.digit, below=below, kin=kin)
                view = look(account, self.meters[device_id], self.site, days=days)
                yield replace(view, scale=scales.of(device_id, view.hourly.start_ms, view.hourly.size))

    def relearn(self) -> None:
        """What each meter takes in which weather is worked out anew: the past was corrected."""
        self._fits.clear()

    def _fits_of(self, device_id: str) -> Fits:
        return self._fits.setdefault(device_id, {})

    def _hours(self, end_ms: int) -> dict[str, Hourly]:
        return {device_id: until(book.hourly, end_ms) for device_id, book in self.books.items()}

    def _directly_below(self, device_id: str, end_ms: int) -> tuple[Hourly, ...]:
        """The hours of the next meters downstream; none where one of them has told nothing yet."""
        below = self.meters[device_id].below
        deeper = frozenset[str]().union(*(self.meters[one].below for one in below if one in self.meters))
        hours = tuple(until(self.books[one].hourly, end_ms) for one in sorted(below - deeper) if one in self.books)
        return hours if all(hourly.size for hourly in hours) else ()

    def persists(self, finding: Finding) -> bool:
        """Whether a finding that no detector sees any more has only become normal: its cause is there in the last hours."""
        detector = next((d for d in HOURLY if d.kind is finding.kind and d.persists), None)
        book = self.books.get(finding.device_id)
        if detector is None or detector.persists is None or book is None or not book.hourly.size:
            return False
        if finding.kind in self.meters[finding.device_id].off:
            return False
        below = self._directly_below(finding.device_id, book.hourly.end_ms)
        fits = self._fits_of(finding.device_id)
        account = Account(hourly=book.hourly, notes=book.notes, digit=book.digit, below=below, fits=fits)
        return detector.persists(look(account, self.meters[finding.device_id], self.site, days=3), finding)

    def learn(self, end_ms: int) -> None:
        """What is normal in the two days from `end_ms` on, for the streaming detectors."""
        hours = self._hours(end_ms)
        kin = Kin(self.meters, hours)
        for device_id, hourly in hours.items():
            account = Account(hourly=hourly, kin=kin, fits=self._fits_of(device_id))
            self._tops[device_id] = _tops_ahead(self.meters[device_id], self.site, account, end_ms)

    def learn_past(self) -> None:
        """What was normal in each past hour by what was known before it: for replaying a history."""
        kin = Kin(self.meters, {device_id: book.hourly for device_id, book in self.books.items()})
        for device_id, book in self.books.items():
            if book.hourly.size:
                account = Account(hourly=book.hourly, kin=kin, fits=self._fits_of(device_id))
                self._tops[device_id] = _tops(look(account, self.meters[device_id], self.site))

    def _top(self, device_id: str, ts_ms: int) -> tuple[float, int]:
        known = self._tops.get(device_id)
        index = (ts_ms - known.start_ms) // HOUR_MS if known else -1
        return (float(known.top[index]), int(known.peers[index])) if known and 0 <= index < known.top.size else (_UNKNOWN, 0)


class _Tops(NamedTuple):
    """For each hour from `start_ms` on: the most used in like hours or those beside them, by so many peers (0: by itself)."""

    start_ms: int
    top: Floats
    peers: Ints


def _tops_ahead(meter: Meter, site: Site, account: Account, end_ms: int) -> _Tops:
    """From yesterday on, two days beyond `end_ms`. A meter that has told nothing yet may have peers."""
    hourly = account.hourly if account.hourly.size else _nothing(end_ms - 24 * HOUR_MS, 24)
    ahead = _nothing(hourly.end_ms, max((end_ms - hourly.end_ms) // HOUR_MS, 0) + 48)
    padded = Hourly(
        start_ms=hourly.start_ms,
        consumption=np.concatenate((hourly.consumption, ahead.consumption)),
        quality=np.concatenate((hourly.quality, ahead.quality)),
        least=np.concatenate((hourly.least, ahead.least)),
    )
    return _tops(look(replace(account, hourly=padded), meter, site, days=ahead.size // 24 + 2))


def _nothing(start_ms: int, hours: int) -> Hourly:
    unknown = np.full(hours, np.nan)
    return Hourly(start_ms=start_ms, consumption=unknown, quality=np.zeros(hours, np.uint8), least=unknown)


def _tops(view: View) -> _Tops:
    """Of each hour and its neighbours the most."""
    top = view.normal.top
    beside = np.fmax(np.fmax(top, np.roll(top, 1)), np.roll(top, -1))
    return _Tops(view.hourly.start_ms, beside, view.normal.peers)
