"""Times of arrival that differ, since a message without a time of its own is stored under its arrival."""

from ingest.message import Message


class Arrivals:
    """A backlog brings many messages of one topic within a millisecond: the later ones count on, so that none covers another.

    Given before the message becomes durable, since storing it twice must come to the same key.
    """

    def __init__(self) -> None:
        self._latest_ms: dict[str, int] = {}
        self._horizon_ms = 0

    def tell_apart(self, messages: list[Message]) -> None:
        """Changes `messages`, which have arrived at one moment, in place."""
        received_ms = messages[0].received_ms
        latest_ms = self._latest_ms
        if received_ms > self._horizon_ms:
            latest_ms.clear()
            self._horizon_ms = received_ms
        for index, message in enumerate(messages):
            before_ms = latest_ms.get(message.topic)
            if before_ms is None or before_ms < received_ms:
                latest_ms[message.topic] = received_ms
                continue
            latest_ms[message.topic] = unique_ms = before_ms + 1
            messages[index] = message._replace(received_ms=unique_ms)
            self._horizon_ms = max(self._horizon_ms, unique_ms)
