"""How good detectors are: findings against labelled faults. Pure matching and counting, no detector and no file in here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from analytics.finding import FindingKind

MONTH_DAYS = 30.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A fault that is known to have been there. `symptoms`: findings elsewhere that it rightly causes."""

    kind: FindingKind
    device_id: str
    start: datetime
    end: datetime
    symptoms: frozenset[tuple[FindingKind, str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A finding as it would have been told: `raised` is when, `started` and `ended` what it said of the fault."""

    kind: FindingKind
    device_id: str
    raised: datetime
    started: datetime
    ended: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Of one kind, or of all (`kind` None). `delay_s`: median from the fault's start to the alarm; None where nothing was found."""

    kind: FindingKind | None
    faults: int
    found: int
    alarms: int
    false_alarms: int
    delay_s: float | None
    false_per_device_month: float

    @property
    def recall(self) -> float | None:
        return self.found / self.faults if self.faults else None

    @property
    def precision(self) -> float | None:
        return 1 - self.false_alarms / self.alarms if self.alarms else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    by_kind: tuple[Score, ...]
    overall: Score
    missed: tuple[Label, ...]
    false_alarms: tuple[Alarm, ...]


GRACE = timedelta(hours=1)
"""An alarm may say that the fault began so much earlier, or lasted so much longer: hourly detectors think in whole hours."""


def evaluate(
    labels: Sequence[Label], alarms: Sequence[Alarm], *, devices: int, days: float, shipped: Iterable[FindingKind] = ()
) -> Evaluation:
    """By kind, those `shipped` included of which there is neither a label nor an alarm.

    An alarm is true where a fault of its kind at its device, or one with this symptom, overlaps it; a fault is found
    where such an alarm was raised before the fault was over (or within GRACE of its end). No alarm counts for two kinds."""
    delays = {index: _delay_s(label, alarms) for index, label in enumerate(labels)}
    false = [alarm for alarm in alarms if not any(_true(alarm, label) for label in labels)]
    device_months = max(devices * days / MONTH_DAYS, 1e-9)
    kinds = sorted({label.kind for label in labels} | {alarm.kind for alarm in alarms} | set(shipped))
    return Evaluation(
        by_kind=tuple(_score(kind, labels, alarms, (delays, false, device_months)) for kind in kinds),
        overall=_score(None, labels, alarms, (delays, false, device_months)),
        missed=tuple(label for index, label in enumerate(labels) if delays[index] is None),
        false_alarms=tuple(false),
    )


def _delay_s(label: Label, alarms: Iterable[Alarm]) -> float | None:
    raised = [
        alarm.raised
        for alarm in alarms
        if (alarm.kind, alarm.device_id) == (label.kind, label.device_id) and _overlap(alarm, label)
    ]
    in_time = [at for at in raised if label.start - GRACE <= at <= label.end + GRACE]
    return max((min(in_time) - label.start).total_seconds(), 0.0) if in_time else None


def _true(alarm: Alarm, label: Label) -> bool:
    kind_and_place = (alarm.kind, alarm.device_id)
    return (kind_and_place == (label.kind, label.device_id) or kind_and_place in label.symptoms) and _overlap(alarm, label)


def _overlap(alarm: Alarm, label: Label) -> bool:
    return alarm.started <= label.end + GRACE and label.start - GRACE <= alarm.ended


_Facts = tuple[dict[int, float | None], list[Alarm], float]


def _score(kind: FindingKind | None, labels: Sequence[Label], alarms: Sequence[Alarm], facts: _Facts) -> Score:
    delays, false, device_months = facts
    mine = [index for index, label in enumerate(labels) if kind in (None, label.kind)]
    found = [delay for index in mine if (delay := delays[index]) is not None]
    wrong = [alarm for alarm in false if kind in (None, alarm.kind)]
    return Score(
        kind=kind,
        faults=len(mine),
        found=len(found),
        alarms=sum(1 for alarm in alarms if kind in (None, alarm.kind)),
        false_alarms=len(wrong),
        delay_s=median(found) if found else None,
        false_per_device_month=len(wrong) / device_months,
    )
