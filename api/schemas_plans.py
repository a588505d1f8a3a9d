"""The JSON of plans: forecasts, budgets, quotas of rooms, measured savings, benchmarks."""

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from analytics.budget import Measure
from analytics.quota import Per
from api.consumption import Quantity
from api.schemas import PlaceStep
from devices.model import SpaceKind, UseType
from storage.saving_store import SavingState


class ForecastDay(BaseModel):
    day: date
    expected: float = Field(description="kWh or m3")
    low: float | None = Field(description="80 % interval, from the errors of past forecasts; null while there are too few")
    high: float | None
    cost: float
    hours: list[float] = Field(description="expected use of each local hour 0-23")


class ForecastSum(BaseModel):
    expected: float
    low: float | None
    high: float | None
    cost: float


class ForecastOut(BaseModel):
    """`today` is the whole running day; `items` are the days after it."""

    quantity: Quantity
    unit: str
    space_id: str | None
    meter_id: str | None
    today: ForecastDay | None
    used_today: float | None
    items: list[ForecastDay]
    total: ForecastSum | None
    currency: str


class BudgetIn(BaseModel):
    """Of one space or one meter. `month` null: the whole year. `amount`: in the site's currency, or kWh / m3."""

    model_config = ConfigDict(extra="forbid")

    space_id: str | None = Field(default=None, max_length=100)
    meter_id: str | None = Field(default=None, max_length=100)
    quantity: Quantity
    measure: Measure
    year: int = Field(ge=2000, le=2200)
    month: int | None = Field(default=None, ge=1, le=12)
    amount: float = Field(gt=0, le=1e12, allow_inf_nan=False)
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""

    @model_validator(mode="after")
    def _one_subject(self) -> "BudgetIn":
        if bool(self.space_id) is bool(self.meter_id):
            raise ValueError("give one of space_id and meter_id")
        return self


class BudgetDay(BaseModel):
    day: date
    used: float | None
    expected: float | None
    plan: float


class OutlookOut(BaseModel):
    """In the budget's unit, since the period began."""

    used: float
    plan_to_date: float
    known_share: float = Field(description="of the hours to date that have a value")
    expected: float | None = Field(description="at the end of the period")
    low: float | None
    high: float | None
    over_on: date | None
    over_by: float | None = Field(description="expected at the end beyond the budget; null where it will do")
    warns: bool
    days: list[BudgetDay]


class BudgetOut(BaseModel):
    id: int
    space_id: str | None
    meter_id: str | None
    name: str
    name_zh: str
    space_path: list[PlaceStep]
    quantity: Quantity
    measure: Measure
    unit: str
    year: int
    month: int | None
    start: date
    end: date = Field(description="the first day after the period")
    amount: float
    note: str
    entered_by: str
    entered_at: datetime
    outlook: OutlookOut | None = Field(description="null where the place has no meter that counts this")


class QuotaIn(BaseModel):
    """Of each metered room in the place. `month` null: every month. `amount`: kWh or m3 a month, a room or a head."""

    model_config = ConfigDict(extra="forbid")

    space_id: str = Field(max_length=100)
    quantity: Quantity
    per: Per
    month: int | None = Field(default=None, ge=1, le=12)
    amount: float = Field(gt=0, le=1e9, allow_inf_nan=False)
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""


class QuotaOut(BaseModel):
    id: int
    space_id: str
    name: str
    name_zh: str
    space_path: list[PlaceStep]
    quantity: Quantity
    unit: str
    per: Per
    month: int | None
    amount: float
    note: str
    entered_by: str
    entered_at: datetime


class QuotaRoomOut(BaseModel):
    """A room in the running month. `allowed`, `share` null: the quota is by head and nobody has entered how many live there."""

    device_id: str
    space_id: str
    space_path: list[PlaceStep]
    quota_id: int
    people: int | None
    used: float
    allowed: float | None
    share: float | None
    over_on: date | None


class QuotaRoomsOut(BaseModel):
    """`items`: the largest share first."""

    quantity: Quantity
    unit: str
    month: date = Field(description="its first day")
    items: list[QuotaRoomOut]
    over: int
    unjudged: int = Field(description="rooms with a quota by head whose people nobody has entered")


class SavingOut(BaseModel):
    """kWh or m3 a day. `estimate_per_day`: what the finding had told; the only figure until days can be compared."""

    order_id: int
    order_number: str
    finding_id: int
    finding_kind: str
    device_id: str
    space_id: str
    space_path: list[PlaceStep]
    quantity: Quantity
    unit: str
    repaired_at: datetime
    state: SavingState
    days: int
    days_wanted: int
    per_day: float | None
    low: float | None
    high: float | None
    proven: bool
    during: float | None
    after: float | None
    money_per_day: float | None
    kgco2e_per_day: float | None
    estimate_per_day: float
    estimate_money_per_day: float
    weather_corrected: bool
    updated_at: datetime


class SavingSum(BaseModel):
    """Of what could be measured. `money_per_year`: what it would have cost had it gone on for a year."""

    quantity: Quantity
    unit: str
    per_day: float
    low: float
    high: float
    money_per_year: float
    kgco2e_per_year: float
    repairs: int
    waiting: int = Field(description="repairs that cannot be measured yet")
    waiting_estimate_per_day: float


class SavingsOut(BaseModel):
    since: date | None = Field(description="the term's first day, unless asked otherwise")
    items: list[SavingOut]
    sums: list[SavingSum]
    currency: str


class BenchmarkOut(BaseModel):
    space_id: str
    name: str
    name_zh: str
    use: UseType
    value: float
    known_share: float
    area_m2: float | None
    people: int | None
    per_m2: float | None
    per_head: float | None
    corrected_per_m2: float | None = Field(description="in the weather of the mean year known; null where it is not known")
    corrected_per_head: float | None
    to_median: float | None = Field(description="of the ranked figure, to the median of its use; 1 is the median")
    peers: int = Field(description="spaces of the same use that are ranked, with this one")


class UseMedian(BaseModel):
    use: UseType
    per_m2: float | None
    per_head: float | None
    spaces: int


class BenchmarksOut(BaseModel):
    """`items`: the largest first, by `per_m2` (`per_head` where `by` says so), corrected for weather where that is known."""

    quantity: Quantity
    unit: str
    by: str
    kind: SpaceKind
    start: datetime
    end: datetime
    days: float
    weather: str | None = Field(description="id of the outdoor sensor; null: nothing is corrected")
    heating_degree_days: float | None
    cooling_degree_days: float | None
    items: list[BenchmarkOut]
    medians: list[UseMedian]
    unranked: int = Field(description="metered spaces without an area (people), or with less than half of their hours known")


class RoomOut(BaseModel):
    space_id: str
    name: str
    name_zh: str
    space_path: list[PlaceStep]
    kwh_per_day: float
    base_w: float = Field(description="what runs in the quietest hours")
    openings_per_day: float | None = Field(description="of its doors; null: it has none that is watched")
    used_hours_per_day: float = Field(description="hours in which power stands clearly above the base")
    kwh_per_used_hour: float | None
    unused_share: float = Field(description="of the energy, in hours without use")


class RoomsOut(BaseModel):
    start: datetime
    end: datetime
    items: list[RoomOut]
