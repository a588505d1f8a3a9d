"""The JSON of records of cold stores and laboratories, and of meters in commissioning."""

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.schemas import Latest, PlaceStep
from devices.model import DeviceKind

Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LimitsOut(BaseModel):
    """In the metric's unit; null where nobody has set a limit. The limits that hold now, for the past too."""

    low: float | None
    high: float | None
    grace_s: float = Field(description="excursions that last no longer alarm nobody")


class IntervalOut(BaseModel):
    """[start, end). Null where nothing was measured."""

    start: datetime
    end: datetime
    count: int
    low: float | None
    high: float | None
    mean: float | None
    outside_s: float = Field(description="outside the limits")
    unknown_s: float = Field(description="without readings, as far as the interval is over")


class ExcursionOut(BaseModel):
    """From the first reading outside the limits to the first one inside, or, where `lost`, to the last one before a gap."""

    start: datetime
    end: datetime
    seconds: float
    worst: float
    lost: bool
    going_on: bool
    alarming: bool = Field(description="longer than the grace")


class GapOut(BaseModel):
    start: datetime
    end: datetime


class CheckIn(_Input):
    """`note`: what was seen, what was done about it."""

    day: date = Field(description="the site's calendar day that was looked at, not in the future")
    note: Note = ""
    value: float | None = Field(default=None, ge=-90, le=90, allow_inf_nan=False, description="measured by hand, °C")


class CheckOut(BaseModel):
    id: int
    day: date
    checked_by: str
    checked_by_name: str
    checked_at: datetime
    note: str
    value: float | None


class RecordOut(BaseModel):
    device_id: str
    metric: str
    unit: str
    limits: LimitsOut
    start: datetime
    end: datetime
    every: str
    count: int
    low: float | None
    high: float | None
    mean: float | None = Field(description="of the readings")
    outside_s: float
    unknown_s: float
    intervals: list[IntervalOut]
    excursions: list[ExcursionOut] = Field(description="the newest 500")
    excursion_count: int
    gaps: list[GapOut] = Field(description="the newest 500")
    gap_count: int
    checks: list[CheckOut]
    unchecked: list[date] = Field(description="days that are over and that nobody has signed, the newest 31")


class WatchedOut(BaseModel):
    """A device that keeps a record."""

    id: str
    kind: DeviceKind
    name: str
    name_zh: str
    space_path: list[PlaceStep]
    metric: str
    latest: Latest | None
    limits: LimitsOut
    outside: bool | None = Field(description="whether the latest value is outside; null where there is none")
    last_check: CheckOut | None


class CommissioningOut(BaseModel):
    """A meter whose normal is still being learned, or was."""

    device_id: str
    device_name: str
    device_name_zh: str
    space_path: list[PlaceStep]
    since: datetime
    measured_hours: int
    needed_hours: int
    days_left: int = Field(description="days of unbroken measuring that are still needed")
    missing: list[str] = Field(description="never_heard, silent, hours: what is missing; empty once it is over")
    seen: list[str] = Field(description="appliances seen in a dormitory room meanwhile, in the words of the attribute `allowed`")
    finished_at: datetime | None
    finished_by: str | None = Field(description="null: all was learned")
    note: str


class ReleaseIn(_Input):
    """`note`: why its findings may be trusted already."""

    note: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]
    allow_seen: bool = Field(default=False, description="dormitory rooms: somebody has looked; what was in use may stay in use")
