"""Values of what comes in by hand or by HTTP; storage.token_store, import_store and manual_store keep them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class PushToken:
    """The right of a program to push readings. `devices`: ids, or beginnings of ids that end in `*`; None: all devices."""

    id: int
    name: str
    devices: tuple[str, ...] | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def covers(self, device_id: str) -> bool:
        return self.devices is None or any(_matches(pattern, device_id) for pattern in self.devices)

    @property
    def scope(self) -> str:
        """`devices` in words."""
        return "all devices" if self.devices is None else ", ".join(self.devices)

    def usable(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class ImportState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingImport:
    """An import of readings in the background. `errors`: the first of the rejected rows, (row, column, what is wrong)."""

    id: int
    filename: str
    plan: Mapping[str, str | float | bool | None]
    state: ImportState
    created_at: datetime
    created_by: str
    heartbeat_at: datetime
    rows_total: int = 0
    rows_done: int = 0
    rows_rejected: int = 0
    readings: int = 0
    errors: tuple[tuple[int, str, str], ...] = ()
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualReading:
    """A register as a person read it. `photo`: SHA-256 of the stored picture; `unusual`: saved although it looked wrong."""

    id: int
    device_id: str
    metric: str
    ts_ms: int
    value: float
    entered_by: str
    entered_at: datetime
    photo: str | None = None
    note: str = ""
    unusual: bool = field(default=False)


def _matches(pattern: str, device_id: str) -> bool:
    return device_id.startswith(pattern[:-1]) if pattern.endswith("*") else device_id == pattern
