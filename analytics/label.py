"""What people say of a finding afterwards: the detectors' teacher."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from analytics.finding import FindingKind


class Verdict(StrEnum):
    """The same words as at the end of a work order (maintenance.machine.VERDICTS)."""

    REAL = "real"
    FALSE_ALARM = "false_alarm"
    TEST = "test"
    NOT_REPRODUCIBLE = "not_reproducible"


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingLabel:
    """One person's word about one finding. `what`: what it was, in their words. Of several the newest stands."""

    id: int = 0
    finding_id: int
    kind: FindingKind
    device_id: str
    space_id: str
    verdict: Verdict
    what: str = ""
    note: str = ""
    order_id: int | None = None
    given_by: str
    given_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRecord:
    """How often people here agreed with a detector. Tests and what was not found on site are counted but prove nothing."""

    real: int = 0
    false_alarms: int = 0
    unproven: int = 0

    @property
    def judged(self) -> int:
        return self.real + self.false_alarms

    @property
    def precision(self) -> float | None:
        return self.real / self.judged if self.judged else None


def site_record(verdicts: Iterable[Verdict]) -> SiteRecord:
    given = list(verdicts)
    real, false = given.count(Verdict.REAL), given.count(Verdict.FALSE_ALARM)
    return SiteRecord(real=real, false_alarms=false, unproven=len(given) - real - false)
