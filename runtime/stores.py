"""Which reading store the settings mean."""

from devices.errors import BadInput
from runtime.settings import Settings
from storage.embedded import EmbeddedReadingStore
from storage.reading_store import ReadingStore


def open_reading_store(settings: Settings) -> ReadingStore:
    """The store of `[store]`; the caller closes it. Raises BadInput for settings that are not complete."""
    if settings.store.kind != "embedded":
        raise BadInput(f"store kind {settings.store.kind!r} is not served yet; use embedded", place="store.kind")
    return EmbeddedReadingStore(settings.data_dir / "readings")
