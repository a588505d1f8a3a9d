"""Who lives in which dormitory, from the grants of the last days that are stored anyway: so that a restart loses no night."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from analytics.detectors import not_back
from analytics.residents import GRANTED, Past, Ways, all_passed, ways_of
from devices.model import Event
from devices.registry import Registry
from storage.database import Database
from storage.event_store import EventStore

_DAY_MS = 86_400_000
_PAGE = 2000


class RecalledPast:
    """Reads on the desk's thread; the lane gets the result as one piece of news. Nothing is kept beyond the stored events."""

    def __init__(self, database: Database, zone: ZoneInfo, page: int = _PAGE) -> None:
        self._page = page
        self._events = EventStore(database)
        self._zone = zone
        self._told: Ways | None = None

    def news(self, registry: Registry, now: datetime) -> Past | None:
        """At the start, and again where other doors count as ways in or out; None where nothing has changed."""
        ways = ways_of(registry)
        if self._told is not None and ways.doors == self._told.doors:
            return None
        now_ms = round(now.timestamp() * 1000)
        people = not_back.recalled(all_passed(self._grants(ways, now_ms), ways), self._zone)
        self._told = ways
        return Past(people=people)

    def _grants(self, ways: Ways, now_ms: int) -> Iterator[Event]:
        """Door by door, since there is one grant of a door in a millisecond: pages fit exactly."""
        since_ms = now_ms - not_back.DEFAULTS.forget_days * _DAY_MS
        for door in sorted(ways.doors):
            until_ms = now_ms + _DAY_MS
            while page := self._events.list(device_id=door, types={GRANTED}, start_ms=since_ms, end_ms=until_ms, limit=self._page):
                yield from page
                until_ms = page[-1].ts_ms
