"""Which reading store the settings mean."""

import time
from datetime import UTC, datetime, timedelta

from devices.errors import BadInput
from runtime.settings import Settings, read_secret
from storage.embedded import EmbeddedReadingStore
from storage.influxdb2 import InfluxReadingStore
from storage.reading_store import ReadingStore
from storage.victoria_http import Access
from storage.victoriametrics import VictoriaReadingStore

_LATE = timedelta(hours=2)
"""Gateways that were cut off deliver late; what comes later still opens the day again until the next call."""


def open_reading_store(settings: Settings) -> ReadingStore:
    """The store of `[store]`; the caller closes it. Raises BadInput for settings that are not complete."""
    if settings.store.kind == "embedded":
        return EmbeddedReadingStore(settings.data_dir / "readings")
    return _open_victoriametrics(settings) if settings.store.kind == "victoriametrics" else _open_influxdb2(settings)


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


def _open_victoriametrics(settings: Settings) -> VictoriaReadingStore:
    store = settings.store
    if not store.url:
        raise BadInput("store kind victoriametrics needs url; add to [store] in caretaker.toml", place="store")
    if bool(store.username) != (store.password_file is not None):
        raise BadInput("username and password_file belong together; add the other to [store]", place="store")
    access = Access(
        url=store.url,
        read_url=store.read_url,
        username=store.username,
        password=read_secret(store.password_file) if store.password_file else None,
        token=read_secret(store.token_file) if store.token_file else None,
    )
    return VictoriaReadingStore(
        access,
        resend_directory=settings.data_dir / "resend",
        epoch_ms=lambda: time.time_ns() // 1_000_000,
        steady_s=time.monotonic,
    )
