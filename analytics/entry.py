"""What a person entered about a meter. Values only."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class EntryKind(StrEnum):
    EXCHANGE = "exchange"
    CORRECTION = "correction"
    VOID = "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Exchange: `before` is the old meter's end index, `after` the new one's start. Correction and void: the value of the
    reading at `ts_ms` as sent (None: there was none, a person read the meter) and the one that counts (None: none does)."""

    id: int = 0
    device_id: str
    kind: EntryKind
    ts_ms: int
    before: float | None
    after: float | None
    reason: str
    entered_by: str
    entered_at: datetime
    undone_by: str | None = None
    undone_at: datetime | None = None
