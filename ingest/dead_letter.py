"""A message, or a part of one, that could not be used: kept as it came, with the reason, to be replayed after a fix."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """`received_ms` is epoch milliseconds UTC by the server's clock. `device_id` is None where the message did not tell."""

    received_ms: int
    topic: str
    payload: bytes
    reason: str
    device_id: str | None = None
