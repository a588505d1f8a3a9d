"""Which reading store the settings mean."""

from datetime import UTC, datetime, timedelta

from devices.errors import BadInput
from runtime.settings import Settings, read_secret
from storage.embedded import EmbeddedReadingStore
from storage.influxdb2 import InfluxReadingStore
from storage.reading_store import ReadingStore

_LATE = timedelta(hours=2)
"""Gateways that were cut off deliver late; what comes later still opens the day again until the next call."""


def open_reading_store(settings: Settings) -> ReadingStore:
    """The store of `[store]`; the caller closes it. Raises BadInput for settings that are not complete."""
    if settings.store.kind == "embedded":
        return EmbeddedReadingStore(settings.data_dir / "readings")
    return _open_influxdb2(settings)


def seal_finished_days(store: ReadingStore, now: datetime) -> int:
    """Turns days (UTC) that ended two hours ago into their compact form, where the store has one; returns how many.

    To be called about every hour by one process; others may read and write meanwhile.
    """
    if not isinstance(store, EmbeddedReadingStore):
        return 0
    return store.seal((now.astimezone(UTC) - _LATE).date())


def _open_influxdb2(settings: Settings) -> InfluxReadingStore:
    store = settings.store
    missing = [name for name in ("url", "org", "token_file") if not getattr(store, name)]
    if missing or store.token_file is None:
        raise BadInput(f"store kind influxdb2 needs {', '.join(missing)}; add to [store] in caretaker.toml", place="store")
    return InfluxReadingStore(url=store.url, org=store.org, bucket=store.bucket, token=read_secret(store.token_file))
