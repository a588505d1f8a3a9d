"""Every detector that is shipped, and what each consumes. A new one is its file in detectors/, its test, and one line here.

(A new kind of finding also needs its word in analytics.finding and its translation in dashboards/web/locale.)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from analytics.detectors import burst, frozen, register_reset
from analytics.episodes import Episode
from analytics.finding import Finding, FindingKind
from analytics.meter import Meter
from analytics.scene import Scene
from analytics.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlyDetector:
    """Consumes the ledger: looks at all known hours of one meter and returns every episode in them."""

    kind: FindingKind
    detect: Callable[[View], list[Episode]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamDetector:
    """Consumes readings of the meter's rate (W or m3/h) as they come. `resume` takes up an active finding after a restart."""

    kind: FindingKind
    suits: Callable[[Meter], bool]
    start: Callable[[], Any]
    step: Callable[[Any, tuple[int, float], Scene], tuple[Any, Finding | None]]
    resume: Callable[[Finding], Any]


HOURLY: tuple[HourlyDetector, ...] = (
    HourlyDetector(kind=FindingKind.METER_FROZEN, detect=frozen.detect),
    HourlyDetector(kind=FindingKind.METER_REGISTER_RESET, detect=register_reset.detect),
    HourlyDetector(kind=FindingKind.WATER_BURST, detect=burst.detect),
)

STREAM: tuple[StreamDetector, ...] = (
    StreamDetector(
        kind=FindingKind.WATER_BURST,
        suits=lambda meter: meter.quantity == "water",
        start=burst.Burst,
        step=burst.step,
        resume=burst.resume,
    ),
)

HEALTH: tuple[FindingKind, ...] = (FindingKind.DEVICE_DEAD,)
"""Consumes when each device was last heard: analytics.detectors.dead. Doors, fire and batteries run in the alerts role."""
