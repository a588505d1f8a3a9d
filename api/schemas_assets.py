"""The JSON of the asset ledger. Money is in the site's currency with two decimals; days are the site's."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from api.schemas import LogLine, PlaceStep, Text, _Input
from devices.asset import (
    Acquisition,
    AssetEvent,
    AssetState,
    Condition,
    Correction,
    CountResult,
    DepreciationMethod,
    PendingKind,
)
from devices.model import DeviceKind

TAG = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, pattern=TAG)]
Money = Annotated[Decimal, Field(ge=0, lt=10**12, decimal_places=2)]
LifeMonths = Annotated[int, Field(ge=0, le=1200)]
ResidualRate = Annotated[float, Field(ge=0, le=1)]


class AssetFacts(_Input):
    """What is known of a thing. What is left out of a new asset is taken from its class, or stays empty."""

    class_name: Line | None = None
    name_zh: Line | None = None
    model: Line | None = None
    serial: Line | None = None
    manufacturer: Line | None = None
    supplier: Line | None = None
    acquired: Acquisition | None = None
    purchased_on: date | None = None
    price: Money | None = None
    document: Line | None = None
    warranty_until: date | None = None
    life_months: LifeMonths | None = None
    method: DepreciationMethod | None = None
    residual_rate: ResidualRate | None = Field(default=None, description="share of the price left at the end, 0 to 1")
    remark: Text | None = None


class AssetIn(AssetFacts):
    tag: Tag | None = Field(default=None, description="the school's number; left out: class-year-sequence")
    class_code: str = Field(max_length=9, description="of GB/T 14885, such as A02100000")
    name: Annotated[Line, StringConstraints(min_length=1)] | None = Field(default=None, description="or `name_zh`, or both")
    accepted_on: date | None = Field(default=None, description="given: on the books at once; left out: waits for acceptance")
    space_id: str | None = Field(default=None, max_length=100)
    custodian: Line | None = None


class AssetEdit(AssetFacts):
    """Only what is given changes. Place, custodian and state change by events."""

    class_code: str | None = Field(default=None, max_length=9)
    name: Annotated[Line, StringConstraints(min_length=1)] | None = None
    note: Text = ""


class AssetEventIn(_Input):
    note: Text = ""
    space_id: str | None = Field(default=None, max_length=100)
    custodian: Line = ""
    due_back: date | None = None
    condition: Condition | None = None
    on: date | None = None
    proceeds: Money | None = None
    device_id: str | None = Field(default=None, max_length=100)


class PendingOut(BaseModel):
    kind: PendingKind
    by: str
    by_name: str
    at: datetime
    reason: str
    space_path: list[PlaceStep]
    custodian: str
    custodian_name: str


class ValueOut(BaseModel):
    original: float
    month: float
    accumulated: float
    net: float


class AssetOut(BaseModel):
    tag: str
    class_code: str
    class_name: str
    name: str
    name_zh: str
    state: AssetState
    condition: Condition
    acquired: Acquisition
    model: str
    serial: str
    manufacturer: str
    supplier: str
    purchased_on: date | None
    price: float
    document: str
    accepted_on: date | None
    accepted_by: str
    warranty_until: date | None
    life_months: int
    method: DepreciationMethod
    residual_rate: float
    space_id: str | None
    space_path: list[PlaceStep]
    custodian: str
    custodian_name: str
    due_back: date | None
    device_id: str | None
    device_name: str | None
    device_name_zh: str | None
    device_kind: DeviceKind | None
    remark: str
    pending: PendingOut | None
    written_off_on: date | None
    disposed_on: date | None
    proceeds: float | None
    value: ValueOut | None = Field(description="at the end of this month; null where it is not on the books")
    created_by: str
    created_at: datetime
    updated_at: datetime
    allowed: list[AssetEvent]


class AssetHistory(BaseModel):
    items: list[LogLine]
    chain_ok: bool


class AssetPlace(BaseModel):
    """What anybody who scans a label may know."""

    tag: str
    name: str
    name_zh: str
    space_id: str | None


class AssetClassOut(BaseModel):
    code: str
    name: str
    name_zh: str
    life_months: int


class ReportGroup(BaseModel):
    key: str
    name: str
    name_zh: str
    count: int
    value: ValueOut


class MonthValue(BaseModel):
    month: str
    value: ValueOut


class GoodOrderOut(BaseModel):
    good: int
    total: int
    share: float | None
    target: float


class AssetReport(BaseModel):
    month: str
    by: str
    items: list[ReportGroup]
    total: ReportGroup
    months: list[MonthValue]
    good_order: GoodOrderOut
    warranty_soon: int = Field(description="warranties that end within 90 days")
    waiting: int = Field(description="requests that wait for a decision")
    currency: str


class RowErrorOut(BaseModel):
    row: int
    column: str
    message: str


class ImportOut(BaseModel):
    """What a table says, and whether it was stored."""

    kind: str
    rows: int
    good: int
    skipped: int = Field(description="rows that change nothing: there already")
    errors: list[RowErrorOut]
    error_count: int
    samples: list[dict[str, str]]
    stored: bool


class StocktakeIn(_Input):
    name: Annotated[Line, StringConstraints(min_length=1)]
    space_id: str | None = Field(default=None, max_length=100, description="what stands in it; left out: everywhere")
    class_code: str = Field(default="", max_length=9, pattern=r"^(A\d*)?$", description="a class, or the beginning of one")


class StocktakeOut(BaseModel):
    id: int
    name: str
    space_id: str | None
    space_path: list[PlaceStep]
    class_code: str
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None
    closed_by: str | None
    counts: dict[CountResult, int]
    total: int


class CountLineOut(BaseModel):
    id: int
    tag: str
    name: str
    name_zh: str
    in_ledger: bool
    expected_path: list[PlaceStep]
    found_path: list[PlaceStep]
    found_space_id: str | None
    result: CountResult
    counted_by: str | None
    counted_at: datetime | None
    note: str
    correction: Correction


class StocktakeDetail(StocktakeOut):
    lines: list[CountLineOut]


class CountIn(_Input):
    """`space_id`: where it stands, left out: where the ledger says. `name`: of a thing that the ledger does not know."""

    tag: Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)] = Field(
        default="", description="the number, or the address in the QR code; empty: a thing without a label"
    )
    space_id: str | None = Field(default=None, max_length=100)
    name: Line = ""
    note: Line = ""


class CountedOut(BaseModel):
    line: CountLineOut
    counts: dict[CountResult, int]


class CorrectIn(_Input):
    line_ids: list[int] | None = Field(default=None, max_length=5000, description="left out: all that the ledger is wrong about")


class CorrectOut(BaseModel):
    requested: int
    refused: list[RowErrorOut]


class SurplusIn(_Input):
    """What a surplus is entered as; somebody else then accepts it."""

    class_code: str = Field(max_length=9)
    price: Money | None = Field(default=None, description="its value as appraised")
    remark: Text | None = None
