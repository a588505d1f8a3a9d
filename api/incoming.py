"""What the API needs for all that comes in by hand or by HTTP, and to send commands out."""

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

from ingest.mailbox import Mailbox
from ingest.push import Key
from storage.command_store import CommandStore
from storage.import_store import ImportStore
from storage.manual_store import ManualStore
from storage.token_store import TokenStore

PUSHES_A_MINUTE = 600
REFUSED_A_MINUTE = 60
"""Wrong tokens from one address: nobody guesses 256 bits, but nobody shall keep the database busy with trying either."""

_WINDOW = timedelta(minutes=1)
_REMEMBERED_KEYS = 50_000
_REMEMBERED_CALLERS = 10_000


class PushLimiter:
    """So many calls a minute by each caller. Thread-safe, bounded."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._calls: OrderedDict[str, deque[datetime]] = OrderedDict()

    def retry_after(self, caller: str, most: int, now: datetime) -> int | None:
        """Counts one call. None: go ahead; else seconds to wait."""
        with self._lock:
            calls = self._calls.setdefault(caller, deque())
            self._calls.move_to_end(caller)
            while len(self._calls) > _REMEMBERED_CALLERS:
                self._calls.popitem(last=False)
            while calls and now - calls[0] >= _WINDOW:
                calls.popleft()
            if len(calls) >= most:
                return int((calls[0] + _WINDOW - now).total_seconds()) + 1
            calls.append(now)
            return None


class Recent:
    """What was accepted a moment ago and the reading store may not know yet. Thread-safe, bounded."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._values: OrderedDict[tuple[str, str, int], float] = OrderedDict()

    def knows(self, key: Key) -> bool:
        with self._lock:
            return self._values.get((key.device_id, key.metric, key.ts_ms)) == key.value

    def add(self, keys: list[Key]) -> None:
        with self._lock:
            for key in keys:
                self._values[key.device_id, key.metric, key.ts_ms] = key.value
            while len(self._values) > _REMEMBERED_KEYS:
                self._values.popitem(last=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """`announce(topic, payload)` tells the fast lane by MQTT, `wake` whoever sends commands and runs imports; neither may
    block. The mailbox is what makes a push durable.

    `directory` holds photos of meters and files that wait to be imported.
    """

    tokens: TokenStore
    mailbox: Mailbox
    imports: ImportStore
    manual: ManualStore
    commands: CommandStore
    directory: Path
    announce: Callable[[str, bytes], None]
    wake: Callable[[], None]
    limiter: PushLimiter = field(default_factory=PushLimiter)
    recent: Recent = field(default_factory=Recent)
