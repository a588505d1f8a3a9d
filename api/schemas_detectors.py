"""The JSON of detectors: their sheets and records, rules for a meter or a place, trials on history, verdicts about findings."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from analytics.finding import FindingKind
from analytics.label import Verdict
from api.schemas import FindingOut, PlaceStep

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
Value = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Changes = Annotated[dict[Annotated[str, StringConstraints(max_length=60)], Value], Field(max_length=20)]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ParameterOut(BaseModel):
    name: str
    value: float
    unit: str
    whole: bool


class RecordOut(BaseModel):
    """On one data set of others, with the command that measures it again. Shares are 0..1."""

    data_set: str
    about: str
    command: str
    faults: int
    found: int
    recall: float | None
    alarms: int
    false_alarms: int
    precision: float | None
    delay_s: float | None
    false_per_device_month: float


class DataSetOut(BaseModel):
    """Labelled data of others; `figures` by the names that its own scoring gives them."""

    name: str
    about: str
    command: str
    figures: dict[str, float]


class SiteRecordOut(BaseModel):
    """What people here said: `real` of `judged` findings were real. `unproven`: tests, and what was not found on site."""

    judged: int
    real: int
    false_alarms: int
    unproven: int
    precision: float | None


class RuleOut(BaseModel):
    id: int
    kind: FindingKind
    device_id: str | None
    device_name: str | None
    device_name_zh: str | None
    space_id: str | None
    space_path: list[PlaceStep]
    off: bool
    parameters: dict[str, float]
    reason: str
    basis: dict[str, float]
    entered_by: str
    entered_at: datetime
    undone_by: str | None
    undone_at: datetime | None


class DetectorOut(BaseModel):
    """`tried`: it can be tried on history. `tuned`: its parameters can be changed, `switched`: it can be switched off, for a
    device or a place."""

    kind: FindingKind
    tried: bool
    tuned: bool
    switched: bool
    life_safety: bool
    records: list[RecordOut]
    here: SiteRecordOut
    rules: int


class LabelOut(BaseModel):
    id: int
    finding_id: int
    verdict: Verdict
    what: str
    note: str
    order_id: int | None
    given_by: str
    given_at: datetime


class DetectorDetail(DetectorOut):
    rule: str
    what_for: str
    when_it_fails: str
    reference: str
    meaning: str
    parameters: list[ParameterOut]
    standing: list[RuleOut]
    undone: list[RuleOut]
    labels: list[LabelOut]


class VerdictIn(_Input):
    verdict: Verdict
    what: Words = ""
    note: Words = ""


class RuleIn(_Input):
    """For one device, or for a place with all beneath it."""

    device_id: str | None = Field(default=None, max_length=100)
    space_id: str | None = Field(default=None, max_length=100)
    off: bool = False
    parameters: Changes = Field(default_factory=dict)
    reason: Reason
    basis: Changes = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_place_and_one_thing(self) -> "RuleIn":
        if (self.device_id is None) == (self.space_id is None):
            raise ValueError("give device_id or space_id, one of them")
        if self.off == bool(self.parameters):
            raise ValueError("give parameters, or say off = true, one of them")
        return self


class TrialIn(_Input):
    """`start` and `end`: default the last 28 days. `parameters` that are not given are those that hold there now."""

    device_id: str | None = Field(default=None, max_length=100)
    space_id: str | None = Field(default=None, max_length=100)
    start: datetime | None = None
    end: datetime | None = None
    parameters: Changes = Field(default_factory=dict)


class TrialVerdictOut(BaseModel):
    """What people said of a finding of that time, and whether the trial tells it again. `before`: with the present parameters."""

    finding_id: int
    device_name: str
    device_name_zh: str
    started: datetime
    verdict: Verdict
    what: str
    before: bool
    told: bool
    agrees: bool


class TrialOut(BaseModel):
    """What it would have raised, newest first; ids are 0, for nothing is stored. `meters`: how many devices were looked at.

    `start`: later than asked for where there is more than can be judged at once. `cost`: money wasted over all of them;
    `before`: how many it raises there with the present parameters.
    """

    start: datetime
    end: datetime
    meters: int
    left_out: int
    before: int
    count: int
    cost: float
    kwh: float
    m3: float
    kgco2e: float
    verdicts: list[TrialVerdictOut]
    items: list[FindingOut]


class SuggestionOut(BaseModel):
    """For one device, or (`space_id`) for a building in which several devices tell the same."""

    kind: FindingKind
    device_id: str | None
    device_name: str | None
    device_name_zh: str | None
    space_id: str | None
    space_path: list[PlaceStep]
    parameter: str
    unit: str
    before: float
    after: float
    avoided: int
    false_alarms: int
    kept: int
    real: int
    raised_before: int
    raised_after: int
