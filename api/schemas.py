"""The JSON that the API speaks, one model per shape. Times are ISO 8601 UTC; lists are {items, next}."""

from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from analytics.finding import Basis, FindingKind
from api.status import DeviceStatus
from devices.metrics import MetricKind
from devices.model import DeviceKind, SpaceKind, UseType
from maintenance.model import OrderEvent, OrderState, Priority, Trade
from storage.user import Role

T = TypeVar("T")
Facts = dict[str, Any]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]


class Page(BaseModel, Generic[T]):
    items: list[T]
    next: str | None = None


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


# Sign-in


class SignIn(_Input):
    username: str = Field(min_length=1, max_length=100)
    password: str = Field(min_length=1, max_length=1000)
    cookie: bool = False


class Token(BaseModel):
    access_token: str
    token_type: str = "bearer"  # noqa: S105 - the name of the scheme
    expires_in: int
    csrf_token: str


class DemoUserOut(BaseModel):
    username: str
    password: str
    display_name: str
    roles: list[str]


class Me(BaseModel):
    username: str
    display_name: str
    roles: list[Role]
    trades: list[Trade]
    buildings: list[str] | None
    language: str
    csrf_token: str


class SiteOut(BaseModel):
    id: str
    name: str
    name_zh: str
    timezone: str
    currency: str


# Places and devices


class PlaceStep(BaseModel):
    id: str
    name: str
    name_zh: str


class SpaceOut(PlaceStep):
    kind: SpaceKind
    parent_id: str | None
    use: UseType
    area_m2: float | None
    people: int | None


class Latest(BaseModel):
    value: float
    unit: str
    ts: datetime
    quality: list[str]


class DeviceOut(BaseModel):
    id: str
    kind: DeviceKind
    profile_id: str
    name: str
    name_zh: str
    space_id: str
    space_path: list[PlaceStep]
    upstream_id: str | None
    measures_space: bool
    interval_s: float
    last_seen: datetime | None
    status: DeviceStatus
    latest: dict[str, Latest]


class MetricOut(BaseModel):
    name: str
    unit: str
    kind: MetricKind


class HealthOut(BaseModel):
    received: int
    stored: int
    late: int
    rejected: int
    duplicate: int


class DeviceDetail(DeviceOut):
    metrics: list[MetricOut]
    sub_meters: list[str]
    health: HealthOut
    attributes: dict[str, str]
    silent_after_s: float
    sleeping: bool
    retired_at: str | None
    replaced_by: str | None
    replaces: str | None
    gateway: str | None
    topic: str | None = Field(description="where it was heard last")
    family: str | None


class SpaceDetail(SpaceOut):
    path: list[SpaceOut]
    children: list[SpaceOut]
    devices: list[DeviceOut]


class ReadingOut(BaseModel):
    ts: datetime
    value: float
    quality: list[str]


class ReadingsPage(Page[ReadingOut]):
    device_id: str
    metric: str
    unit: str


class EventOut(BaseModel):
    device_id: str
    type: str
    ts: datetime
    attributes: Facts


# Consumption


class Amount(BaseModel):
    """`value` in the quantity's unit, null where nothing was measured."""

    value: float | None
    cost: float | None
    kgco2e: float | None


class ConsumptionItem(Amount):
    start: datetime
    quality: list[str]


class Consumption(BaseModel):
    space: SpaceOut
    quantity: str
    unit: str
    every: str
    items: list[ConsumptionItem]
    total: Amount
    currency: str


class Share(Amount):
    space: SpaceOut
    share: float | None


class Breakdown(BaseModel):
    space: SpaceOut
    quantity: str
    unit: str
    items: list[Share]
    total: Amount
    unattributed: float | None
    currency: str


# Findings and alerts


class EvidenceOut(BaseModel):
    metric: str
    unit: str
    observed: list[tuple[int, float]]
    expected: list[tuple[int, float]]
    basis: Basis | None = Field(description="What the expectation rests on: own past, peers, or own past put right for the weather")
    peers: int = Field(description="How many other meters it comes from")


class WasteOut(BaseModel):
    kwh_per_day: float
    m3_per_day: float
    cost_per_day: float
    kgco2e_per_day: float


PROVISIONAL = "judged by a normal that a meter in commissioning is still learning; no order follows from it yet"


class FindingOut(BaseModel):
    id: int
    kind: FindingKind
    device_id: str
    device_name: str
    device_name_zh: str
    space_id: str
    space_path: list[PlaceStep]
    active: bool
    score: float
    started: datetime
    seen: datetime
    message: str
    cause: str
    facts: Facts
    text: str
    evidence: EvidenceOut | None
    waste: WasteOut
    alert_id: int | None
    provisional: bool = Field(default=False, description=PROVISIONAL)


class HeadlineOut(BaseModel):
    """`count` fire devices of one place that fell silent together and still are; each has its own alert, in `alert_ids`."""

    space_id: str
    space_path: list[PlaceStep]
    site_wide: bool
    since: datetime
    count: int
    alert_ids: list[int]


class AlertOut(BaseModel):
    id: int
    provisional: bool = Field(default=False, description=PROVISIONAL)
    kind: str
    device_id: str
    device_name: str
    device_name_zh: str
    device_kind: DeviceKind | None
    space_id: str
    space_path: list[PlaceStep]
    severity: str
    state: str
    message: str
    cause: str
    facts: Facts
    text: str
    raised_at: datetime
    updated_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    resolution: str | None
    reopened: int
    drill: bool
    finding_id: int | None
    order_id: int | None


class LogLine(BaseModel):
    at: datetime
    event: str
    actor: str
    from_state: str | None
    to_state: str
    note: str


class AlertDetail(AlertOut):
    evidence: EvidenceOut | None
    waste: WasteOut | None
    log: list[LogLine]
    first_steps: list[str]


class AcknowledgeIn(_Input):
    note: Text = ""


class ResolveIn(_Input):
    reason: Annotated[Text, StringConstraints(min_length=1)]


# Work orders


class OrderOut(BaseModel):
    id: int
    number: str
    problem: str
    space_id: str
    space_path: list[PlaceStep]
    device_id: str | None
    device_name: str | None
    device_name_zh: str | None
    alert_id: int | None
    trade: Trade
    priority: Priority
    state: OrderState
    message: str
    cause: str
    facts: Facts
    text: str
    reporter: str | None
    reporter_name: str | None
    assignee: str | None
    assignee_name: str | None
    hold_reason: str | None
    raised_at: datetime
    updated_at: datetime
    respond_due: datetime
    resolve_due: datetime
    overdue: bool
    accepted_at: datetime | None
    done_at: datetime | None
    closed_at: datetime | None
    verdict: str | None
    rating: int | None
    rework: int
    duplicate_of: int | None
    allowed: list[OrderEvent]


class OrderDetail(OrderOut):
    log: list[LogLine]
    chain_ok: bool


class ReportIn(_Input):
    space_id: str = Field(min_length=1, max_length=100)
    device_id: str | None = Field(default=None, max_length=100)
    description: Annotated[Text, StringConstraints(min_length=3)]
    trade: Trade | None = None


class OrderEventIn(_Input):
    note: Text = ""
    assignee: str | None = Field(default=None, max_length=100)
    trade: Trade | None = None
    priority: Priority | None = None
    rating: int | None = Field(default=None, ge=1, le=5)
    duplicate_of: int | None = Field(default=None, ge=1, le=2**62)
    verdict: str | None = Field(default=None, max_length=40)


class CrewOut(BaseModel):
    username: str
    display_name: str
    trades: list[Trade]
    load: int
    on_shift: bool
