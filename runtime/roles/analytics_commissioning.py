"""Which meters are still in commissioning, as far as the accounts tell; written where it changes."""

import logging
from dataclasses import replace
from datetime import datetime

from analytics.commissioning import measured_hours, needed_hours
from analytics.watch import Watch
from devices.watching import Commissioning
from storage.commissioning_store import CommissioningStore

_log = logging.getLogger(__name__)


def look(store: CommissioningStore, watch: Watch, now: datetime) -> None:
    """A meter without enough of a past begins, one that has learned enough ends; what is over stays over."""
    known = store.all()
    news = []
    for device_id, book in watch.books.items():
        before, meter = known.get(device_id), watch.meters[device_id]
        if before is not None and before.finished_at is not None:
            continue
        measured, needed = measured_hours(book), needed_hours(meter)
        if before is None and measured >= needed:
            continue
        fresh = Commissioning(device_id=device_id, since=now, measured_hours=measured, needed_hours=needed)
        after = fresh if before is None else replace(before, measured_hours=measured, needed_hours=needed)
        after = replace(after, finished_at=now) if measured >= needed else after
        if after != before:
            news.append(after)
    store.progress(news)
    for one in news:
        if one.finished_at is not None or one.device_id not in known:
            _log.info(
                "commissioning device=%s measured_hours=%d over=%s", one.device_id, one.measured_hours, one.finished_at is not None
            )
