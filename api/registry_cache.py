"""The registry as the database has it, built again only when its revision changes."""

import threading

from devices.registry import Registry
from storage.registry_store import RegistryStore


class RegistryCache:
    def __init__(self, store: RegistryStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._revision: int | None = None
        self._registry = Registry((), ())

    def known(self) -> Registry:
        """As last read, without asking; for the live stream, whose feed asks for all pages at once."""
        with self._lock:
            return self._registry

    def current(self) -> Registry:
        """Blocks for one small query; call it from a worker thread."""
        revision = self._store.revision()
        with self._lock:
            if revision != self._revision:
                self._registry = self._store.load()
                self._revision = revision
            return self._registry
