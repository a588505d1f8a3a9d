"""Which reading store the settings mean."""

from devices.errors import BadInput
from runtime.settings import Settings, read_secret
from storage.embedded import EmbeddedReadingStore
from storage.influxdb2 import InfluxReadingStore
from storage.reading_store import ReadingStore


def open_reading_store(settings: Settings) -> ReadingStore:
    """The store of `[store]`; the caller closes it. Raises BadInput for settings that are not complete."""
    if settings.store.kind == "embedded":
        return EmbeddedReadingStore(settings.data_dir / "readings")
    return _open_influxdb2(settings)


def _open_influxdb2(settings: Settings) -> InfluxReadingStore:
    store = settings.store
    missing = [name for name in ("url", "org", "token_file") if not getattr(store, name)]
    if missing or store.token_file is None:
        raise BadInput(f"store kind influxdb2 needs {', '.join(missing)}; add to [store] in caretaker.toml", place="store")
    return InfluxReadingStore(url=store.url, org=store.org, bucket=store.bucket, token=read_secret(store.token_file))
