"""Group commit between a transport and the spool: gather, make durable, then say what may be acknowledged."""

from typing import Protocol

from devices.errors import DependencyFailed
from ingest.message import Message

_MAX_BYTES = 16 << 20
_EAGER_MESSAGES = 250
"""A quarter of what our broker sends without an acknowledgement (max_inflight_messages), so that it never has to wait for us."""


class Appender(Protocol):
    def append(self, messages: list[Message]) -> None: ...


class Intake:
    """Holds what a connection delivered and nobody has acknowledged yet. One thread uses it.

    A group is due when its first message is `max_age_s` old or it has 250 messages. No more is taken in while `max_messages` or
    16 MB wait, which happens where the spool refuses.
    """

    def __init__(self, spool: Appender, *, max_age_s: float, max_messages: int) -> None:
        self._spool = spool
        self._max_age_s = max_age_s
        self._max_messages = max_messages
        self._messages: list[Message] = []
        self._packet_ids: list[int] = []
        self._bytes = 0
        self._due_at = self._retry_at = 0.0
        self.committed = 0
        self.commits = 0
        self.refused = 0

    def add(self, messages: list[Message], packet_ids: list[int], now_s: float) -> None:
        """`now_s` is any steady clock, in seconds; packet id 0 needs no acknowledgement (QoS 0)."""
        if not self._messages:
            self._due_at = now_s + self._max_age_s
        self._messages += messages
        self._packet_ids += packet_ids
        self._bytes += sum([len(message.payload) for message in messages])

    @property
    def full(self) -> bool:
        """No more may be taken in before a commit: what bounds our memory."""
        return len(self._messages) >= self._max_messages or self._bytes >= _MAX_BYTES

    def due_in_s(self, now_s: float) -> float | None:
        """Seconds until the next commit; None where nothing waits."""
        if not self._messages:
            return None
        if self._retry_at > now_s:
            return self._retry_at - now_s
        return 0.0 if len(self._messages) >= _EAGER_MESSAGES or self.full else max(0.0, self._due_at - now_s)

    def commit(self, now_s: float) -> list[int] | DependencyFailed:
        """The packet ids that may be acknowledged, or why none may; then the group stays and is due again after the wait."""
        try:
            self._spool.append(self._messages)
        except DependencyFailed as refusal:
            self.refused += 1
            self._retry_at = now_s + refusal.retry_after_s
            return refusal
        self.committed += len(self._messages)
        self.commits += 1
        durable = self._packet_ids
        self.forget()
        return durable

    def forget(self) -> None:
        """The connection is gone: the broker delivers again what was not acknowledged."""
        self._messages, self._packet_ids, self._bytes = [], [], 0
