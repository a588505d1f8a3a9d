"""One message as a transport handed it over."""

from typing import NamedTuple


class Message(NamedTuple):
    """`received_ms` is epoch milliseconds UTC by the server's clock; `retained`: the broker's memory, not news.

    `packet_id`: by which the broker knows it (0: QoS 0, or not from a broker), so that its repetition is recognised.

    A tuple because the hot path makes tens of thousands a second; this order of fields is also the form on disk (ingest.spool).
    """

    received_ms: int
    topic: str
    payload: bytes
    retained: bool = False
    packet_id: int = 0
