"""An alert: something a person must know about, from the first suspicion until its cause has cleared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Severity(StrEnum):
    """Worst first; `rank` sorts them."""

    LIFE_SAFETY = "life_safety"
    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    INFO = "info"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class AlertState(StrEnum):
    PENDING = "pending"
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One per (kind, device) until resolved. `message`, `cause`: gettext msgids filled by `facts`. `id` is 0 until stored.

    `drill` marks an exercise, kept apart from real alarms. `reopened` counts how often it came back. `version` guards updates.
    """

    kind: str
    device_id: str
    space_id: str
    severity: Severity
    state: AlertState
    message: str
    raised_at: datetime
    updated_at: datetime
    cause: str = ""
    facts: Mapping[str, str | float] = field(default_factory=dict)
    finding_id: int | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    resolved_at: datetime | None = None
    resolution: str | None = None
    reopened: int = 0
    drill: bool = False
    version: int = 0
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertLogEntry:
    """One line of an alert's history. `actor` is a user name or the part of Caretaker that acted (`detector`, `timer`)."""

    at: datetime
    event: str
    actor: str
    from_state: AlertState | None
    to_state: AlertState
    note: str = ""
