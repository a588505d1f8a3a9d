"""A change: one row for each insert or update of a finding, alert, order or report, in the order of their commits."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ChangeKind(StrEnum):
    FINDING = "finding"
    ALERT = "alert"
    ORDER = "order"
    REPORT = "report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`seq` only ever grows; numbers may be missing, but a smaller one never appears after a greater one was read."""

    seq: int
    kind: ChangeKind
    entity_id: int
    at: datetime
