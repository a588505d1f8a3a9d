"""How often somebody may try a password."""

import threading
from collections import OrderedDict, deque
from datetime import datetime, timedelta

TRIES = 5
WINDOW = timedelta(minutes=1)
REMEMBERED = 10_000
"""Pairs of account and address remembered; the longest untouched is forgotten first, so that memory is bounded."""


class SignInLimiter:
    """At most TRIES attempts a minute for each account from each address. A success clears the count."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tries: OrderedDict[tuple[str, str], deque[datetime]] = OrderedDict()

    def retry_after(self, account: str, address: str, now: datetime) -> int | None:
        """Counts one attempt. None: go ahead. Else seconds to wait; refused attempts do not prolong the wait."""
        with self._lock:
            tries = self._tries.setdefault((account, address), deque())
            self._tries.move_to_end((account, address))
            while len(self._tries) > REMEMBERED:
                self._tries.popitem(last=False)
            while tries and now - tries[0] >= WINDOW:
                tries.popleft()
            if len(tries) < TRIES:
                tries.append(now)
                return None
            return max(1, int((tries[0] + WINDOW - now).total_seconds()) + 1)

    def clear(self, account: str, address: str) -> None:
        with self._lock:
            self._tries.pop((account, address), None)
