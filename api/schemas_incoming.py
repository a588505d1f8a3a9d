"""The JSON of what comes in by hand or by HTTP, and of commands that go out."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from devices.command import CommandName, CommandState
from storage.incoming import ImportState


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


# Push


class Refusal(BaseModel):
    item: int = Field(description="from 0, as sent")
    device_id: str | None
    reason: str


class Pushed(BaseModel):
    """Counts are of readings and events. A duplicate was there already with the same value; nothing was stored twice."""

    accepted: int
    duplicate: int
    rejected: int
    rejections: list[Refusal]


class TokenIn(_Input):
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    devices: list[Annotated[str, StringConstraints(min_length=1, max_length=128)]] | None = Field(
        default=None, max_length=500, description="device ids, or beginnings of ids that end in *; null: all devices"
    )
    days: int | None = Field(default=365, ge=1, le=3650, description="until it expires; null: never")


class TokenOut(BaseModel):
    id: int
    name: str
    devices: list[str] | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    usable: bool


class NewToken(TokenOut):
    secret: str = Field(description="told this once; only its hash is kept")


# Readings typed by people


class DoubtOut(BaseModel):
    """`message` is English with places for `facts`; `text` has them filled in."""

    message: str
    facts: dict[str, str | float]
    text: str


class Plausibility(BaseModel):
    """`asks`: what looks odd; such a reading is saved only with `sure`."""

    metric: str
    unit: str
    value: float
    ts: datetime
    last_value: float | None
    last_ts: datetime | None
    used: float | None = Field(description="since the last reading, in the unit")
    per_day: float | None
    usual_per_day: float | None
    asks: list[DoubtOut]


class ManualOut(BaseModel):
    id: int
    device_id: str
    metric: str
    unit: str
    ts: datetime
    value: float
    entered_by: str
    entered_at: datetime
    photo: str | None = Field(description="address of the picture")
    note: str
    unusual: bool


# Commands


class CommandIn(_Input):
    name: CommandName
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class CommandOut(BaseModel):
    id: int
    device_id: str
    device_name: str
    device_name_zh: str
    name: CommandName
    state: CommandState
    reason: str
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    confirmed_by: str | None
    confirmed_at: datetime | None
    sent_at: datetime | None
    finished_at: datetime | None
    outcome: str
    allowed: list[str] = Field(description="confirm, cancel: what the caller may do now")


class CommandsOf(BaseModel):
    obeys: list[CommandName]
    may: list[CommandName]
    confirmed_by_two: list[CommandName]
    items: list[CommandOut]


# Imports


class ImportPlan(_Input):
    """Which column says what: one of `device_column` and `device`, one of `metric_column` and `metric`."""

    time: str = Field(min_length=1, max_length=200)
    value: str = Field(min_length=1, max_length=200)
    device_column: str | None = Field(default=None, max_length=200)
    device: str | None = Field(default=None, max_length=128)
    metric_column: str | None = Field(default=None, max_length=200)
    metric: str | None = Field(default=None, max_length=200)
    quality_column: str | None = Field(default=None, max_length=200)
    timezone: str | None = Field(default=None, max_length=64, description="of times without an offset; default the site's")
    unit: str | None = Field(default=None, max_length=20, description="of the values; default the metric's own")


class PlannedImport(ImportPlan):
    upload: str = Field(pattern="^[0-9a-f]{64}$", description="`id` of the uploaded file")
    filename: str = Field(min_length=1, max_length=200)


class UploadOut(BaseModel):
    """`plan`: as guessed from the names of the columns; null where they do not tell."""

    id: str
    filename: str
    columns: list[str]
    first_rows: list[dict[str, str]]
    plan: ImportPlan | None


class RowProblem(BaseModel):
    row: int = Field(description="as the spreadsheet counts")
    column: str
    message: str


class ImportPreview(BaseModel):
    """A dry run over the whole file; nothing is stored."""

    rows: int
    readings: int
    rejected: int
    problems: list[RowProblem]
    devices: list[str] = Field(description="the first of those that occur")
    device_count: int
    start: datetime | None
    end: datetime | None


class ImportOut(BaseModel):
    id: int
    filename: str
    state: ImportState
    created_at: datetime
    created_by: str
    finished_at: datetime | None
    rows_total: int
    rows_done: int
    rows_rejected: int
    readings: int
    problems: list[RowProblem]
