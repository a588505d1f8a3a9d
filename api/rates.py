"""How often somebody may try a password."""

import threading
from collections import OrderedDict, deque
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=1)
FROM_ONE_ADDRESS = 5
FROM_ALL_ADDRESSES = 50
"""An account that many machines guess at together rests too; high enough that one machine cannot lock its owner out."""

NOTED_OF_ONE_ADDRESS = 10
"""Refusals a minute that are written down: nobody who has not signed in shall keep the database's one writer busy."""

ON_ALL_ACCOUNTS = 120
"""From one address, so that nobody tries one password on every name; a campus behind one address still gets in."""

REMEMBERED = 10_000
"""Counts remembered; the longest untouched is forgotten first, so that memory is bounded."""

Key = tuple[str | None, str | None]


class SignInLimiter:
    """Attempts a minute: on an account from one address and from all, from one address on all accounts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tries: OrderedDict[Key, deque[datetime]] = OrderedDict()

    def retry_after(self, account: str, address: str, now: datetime) -> int | None:
        """Counts one attempt. None: go ahead. Else seconds to wait; refused attempts do not prolong the wait."""
        with self._lock:
            counted = [
                (self._recent((account, address), now), FROM_ONE_ADDRESS),
                (self._recent((account, None), now), FROM_ALL_ADDRESSES),
                (self._recent((None, address), now), ON_ALL_ACCOUNTS),
            ]
            full = [tries for tries, most in counted if len(tries) >= most]
            if full:
                return max(int((tries[0] + WINDOW - now).total_seconds()) + 1 for tries in full)
            for tries, _ in counted:
                tries.append(now)
            return None

    def worth_noting(self, address: str, now: datetime) -> bool:
        """Whether this refusal shall be written down; the first ones of a minute are."""
        with self._lock:
            noted = self._recent((None, f"noted {address}"), now)
            if len(noted) >= NOTED_OF_ONE_ADDRESS:
                return False
            noted.append(now)
            return True

    def clear(self, account: str, address: str) -> None:
        with self._lock:
            self._tries.pop((account, address), None)

    def _recent(self, key: Key, now: datetime) -> deque[datetime]:
        tries = self._tries.setdefault(key, deque())
        self._tries.move_to_end(key)
        while len(self._tries) > REMEMBERED:
            self._tries.popitem(last=False)
        while tries and now - tries[0] >= WINDOW:
            tries.popleft()
        return tries
