"""What we know about how well each device talks to us, and which strangers knocked."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceHealth:
    """Counters of one device: in the store since it was first heard, from ingest since its last report (the store adds them up).

    `received` counts messages, the others count readings. `last_seen_ms` is epoch milliseconds UTC by the server's clock.
    `stored` includes flagged readings, since nothing doubtful is thrown away; `rejected` counts messages, or parts of
    messages, that became dead letters.
    """

    device_id: str
    last_seen_ms: int
    received: int = 0
    stored: int = 0
    late: int = 0
    rejected: int = 0
    duplicate: int = 0
    topic: str | None = None
    family: str | None = None
    gateway_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveredDevice:
    """A device that sends but is not in the registry. Its readings are kept; it waits to be adopted.

    `gateway_id`: the device through which it was heard; `model` and `told`: what it or its gateway said of itself.
    """

    device_id: str
    first_seen_ms: int
    last_seen_ms: int
    topic: str
    family: str
    metrics: tuple[str, ...] = ()
    gateway_id: str | None = None
    model: str = ""
    told: Mapping[str, str] = field(default_factory=dict)
