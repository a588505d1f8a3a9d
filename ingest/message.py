"""One message as a transport handed it over."""

from typing import NamedTuple


class Message(NamedTuple):
    """`received_ms` is epoch milliseconds UTC by the server's clock; `retained`: the broker's memory, not news.

    A tuple because the hot path makes tens of thousands a second; this order of fields is also the form on disk (ingest.spool).
    """

    received_ms: int
    topic: str
    payload: bytes
    retained: bool = False
