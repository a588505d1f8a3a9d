"""What people decide about a detector at one meter or place: other parameters, or that it is off. Never deleted, only undone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from analytics.finding import FindingKind


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorRule:
    """Of `kind` at one device, or at all devices in a place and beneath it: exactly one of the two is given.

    `parameters` replace the shipped ones of the same name. `off`: it says nothing there. `basis`: figures of the trial that it
    rests on (avoided, false_alarms, kept, real). Of two that set one parameter a device's stands before its place's, else the
    later one; what is off stays off until that is undone.
    """

    id: int = 0
    kind: FindingKind
    device_id: str | None = None
    space_id: str | None = None
    off: bool = False
    parameters: Mapping[str, float] = field(default_factory=dict)
    reason: str
    basis: Mapping[str, float] = field(default_factory=dict)
    entered_by: str
    entered_at: datetime
    undone_by: str | None = None
    undone_at: datetime | None = None
