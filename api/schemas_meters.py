"""The JSON of meters: their ledger, what people enter about them, virtual meters, prices and bills."""

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from analytics.amend import EntryKind
from analytics.notes import NoteKind
from analytics.tariff import Period
from api.consumption import Quantity
from api.schemas import Amount, PlaceStep
from devices.model import UseType

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]
MeterId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length=100)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Index = Annotated[float, Field(ge=0, lt=1e9, allow_inf_nan=False)]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RegisterOut(BaseModel):
    value: float
    ts: datetime
    quality: list[str]


class MeterOut(BaseModel):
    id: str
    virtual: bool
    quantity: Quantity
    unit: str
    name: str
    name_zh: str
    space_id: str
    space_path: list[PlaceStep]
    register_: RegisterOut | None = Field(serialization_alias="register", description="last reading; none for virtual meters")
    today: Amount
    measured_share: float | None = Field(description="share of the last seven days' hours that were measured from end to end")


class HourOut(Amount):
    start: datetime
    quality: list[str]
    uncertainty: float | None = Field(description="of a meter of ordinary class, in the unit; of a difference all errors together")


class NoteOut(BaseModel):
    kind: NoteKind
    start: datetime
    end: datetime
    before: float
    after: float
    counted: float
    message: str
    facts: dict[str, Any]
    text: str
    exchange_likely: bool = Field(description="an exchange that nobody has entered looks like this")


class EntryOut(BaseModel):
    id: int
    kind: EntryKind
    at: datetime
    before: float | None
    after: float | None
    reason: str
    entered_by: str
    entered_at: datetime
    undone_by: str | None
    undone_at: datetime | None


class LedgerOut(BaseModel):
    meter: MeterOut
    start: datetime
    end: datetime
    items: list[HourOut]
    total: Amount
    notes: list[NoteOut]
    entries: list[EntryOut]
    recounting: bool = Field(description="hours of this meter wait to be counted again")
    currency: str


class ExchangeIn(_Input):
    at: datetime
    end_index: Index = Field(description="last index of the old meter")
    start_index: Index = Field(description="first index of the new meter")
    reason: Reason


class CorrectionIn(_Input):
    """The reading nearest to `at` (within 30 s) counts as `value`; null: it does not count. Without a reading there it is added."""

    at: datetime
    value: Index | None
    reason: Reason


class BillLine(BaseModel):
    valid_from: date
    price: float
    above: float
    below: float | None
    period: Period | None
    kgco2e_per_unit: float
    amount: float
    cost: float
    kgco2e: float


class BillOut(BaseModel):
    meter: MeterOut
    start: datetime
    end: datetime
    lines: list[BillLine]
    total: Amount
    used_before: dict[Period, float] = Field(description="in the month and the year before `start`, where prices have steps")
    quality: list[str]
    currency: str


class TermIO(BaseModel):
    meter_id: str = Field(min_length=1, max_length=100)
    factor: float = Field(default=1.0, ge=-1000, le=1000, allow_inf_nan=False)


class VirtualIn(_Input):
    """Of `terms`, `formula` ("main - canteen", "a + 0.5 * b"; blanks around the signs) and `rest_of` one is given."""

    id: MeterId
    quantity: Quantity
    space_id: str = Field(max_length=100)
    name: Name
    name_zh: Name
    terms: list[TermIO] = Field(default_factory=list, max_length=200)
    formula: str | None = Field(default=None, max_length=5000)
    rest_of: str | None = Field(default=None, max_length=100)

    @model_validator(mode="after")
    def _one_way(self) -> "VirtualIn":
        if sum((bool(self.terms), bool(self.formula), bool(self.rest_of))) != 1:
            raise ValueError("give one of terms, formula and rest_of")
        return self


class VirtualOut(BaseModel):
    id: str
    quantity: Quantity
    space_id: str
    space_path: list[PlaceStep]
    name: str
    name_zh: str
    terms: list[TermIO] = Field(description="as they are today, also of a rest")
    formula: str
    rest_of: str | None


class PriceIO(BaseModel):
    valid_from: date
    price: float = Field(ge=0, le=1e6, allow_inf_nan=False)
    hours: list[Annotated[int, Field(ge=0, le=23)]] = Field(default_factory=list, description='0-23, or text "8-10, 17-21"')
    use: UseType | None = None
    above: float = Field(default=0, ge=0, le=1e9, allow_inf_nan=False)
    period: Period | None = None

    @field_validator("hours", mode="before")
    @classmethod
    def _ranges(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        hours: list[int] = []
        for part in filter(None, re.split(r"[,，、;\s]+", given)):
            found = re.fullmatch(r"(\d{1,2})(?:[-–~](\d{1,2}))?", part)
            if not found:
                raise ValueError(f"{part!r} is no hour; write 8-10, 17-21")
            first, last = int(found[1]), int(found[2] or found[1])
            hours.extend(range(first, last + 1) if first <= last else [*range(first, 24), *range(last + 1)])
        return sorted(dict.fromkeys(hours))

    @model_validator(mode="after")
    def _step_has_a_period(self) -> "PriceIO":
        if (self.above > 0) != (self.period is not None):
            raise ValueError("a step needs both `above` and `period`; an ordinary price has neither")
        return self


class PriceIn(PriceIO, _Input):
    quantity: Quantity


class PriceOut(PriceIO):
    id: int


class FactorIn(_Input):
    quantity: Quantity
    valid_from: date
    kgco2e: float = Field(ge=0, le=1000, allow_inf_nan=False)


class FactorOut(BaseModel):
    id: int
    valid_from: date
    kgco2e: float


class TariffOut(BaseModel):
    quantity: Quantity
    unit: str
    prices: list[PriceOut]
    prices_from_settings: bool
    factors: list[FactorOut]
    factors_from_settings: bool


class TariffsOut(BaseModel):
    items: list[TariffOut]
    currency: str
