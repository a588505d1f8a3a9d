"""The JSON of the registry as people change it: spaces, devices, profiles, strangers, dead letters and the quality of data."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.schemas import DeviceOut
from devices.link import LinkScope
from devices.model import DeviceKind, SpaceKind, UseType

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
AttributeName = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[\w.:-]{1,100}$")]
Attribute = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Area = Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]
People = Annotated[int, Field(ge=0, le=1_000_000)]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


# Spaces


class SpaceIn(_Input):
    """Without `id` one is made of the place above and the name."""

    id: Id | None = None
    kind: SpaceKind
    name: Name
    name_zh: Name
    parent_id: Id | None = None
    use: UseType | None = Field(default=None, description="default: as the place above")
    area_m2: Area | None = None
    people: People | None = None


class SpaceEdit(_Input):
    """Only what is given changes; a new `parent_id` moves the space with all that is inside."""

    kind: SpaceKind = SpaceKind.ROOM
    name: Name = "-"
    name_zh: Name = "-"
    parent_id: Id | None = None
    use: UseType = UseType.CAMPUS
    area_m2: Area | None = None
    people: People | None = None


# Devices


class DeviceIn(_Input):
    """A device that is known before it speaks."""

    id: Id
    profile_id: Id
    space_id: Id
    name: Name
    name_zh: Name
    upstream_id: Id | None = None
    measures_space: bool = False
    attributes: dict[AttributeName, Attribute] = Field(default={}, max_length=100)


class DeviceEdit(_Input):
    """Only what is given changes. Attributes are merged; null removes one."""

    name: Name = "-"
    name_zh: Name = "-"
    profile_id: Id = "-"
    space_id: Id = "-"
    upstream_id: Id | None = None
    measures_space: bool = False
    attributes: dict[AttributeName, Attribute | None] = Field(default={}, max_length=100)


class RetireIn(_Input):
    on: date | None = Field(default=None, description="default: today, site time")
    note: Words = ""


class ReplaceIn(RetireIn):
    by: Id = Field(description="id of the device that takes its place; known, discovered or not heard yet")


class RegisterOut(BaseModel):
    metric: str
    unit: str
    modulus: float
    digits: int
    max_per_hour: float
    signed: bool


class LimitsOut(BaseModel):
    metric: str
    unit: str
    low: float | None
    high: float | None


class ProfileOut(BaseModel):
    id: str
    name: str
    name_zh: str
    kind: DeviceKind
    metrics: list[str]
    interval_s: float
    silent_after_s: float
    sleeping: bool
    registers: list[RegisterOut]
    limits: list[LimitsOut] = Field(description="what counts as plausible; null: no bound")
    devices: int = Field(default=0, description="how many devices of the caller's places have it")


# Strangers


class SuggestionOut(BaseModel):
    profile_id: str
    kind: DeviceKind
    name: str
    name_zh: str
    because: list[str] = Field(description="the metrics or the family that say so")


class DiscoveredOut(BaseModel):
    id: str
    first_seen: datetime
    last_seen: datetime
    topic: str
    family: str
    metrics: list[str]
    gateway: str | None
    model: str | None
    told: dict[str, str] = Field(description="what it or its gateway says of itself")
    ignored: bool
    suggestion: SuggestionOut | None = Field(description="what it seems to be")


class AdoptIn(_Input):
    """What is not given is taken from the suggestion."""

    id: Id
    space_id: Id
    profile_id: Id | None = None
    name: Name | None = None
    name_zh: Name | None = None
    upstream_id: Id | None = None
    measures_space: bool = False
    attributes: dict[AttributeName, Attribute] = Field(default={}, max_length=100)
    asset: Id | None = Field(default=None, description="tag of the asset that this device is")


Pattern = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class AdoptRuleIn(_Input):
    """Those of `ids`, or all strangers that match every pattern given, into one space. Without a profile the suggestion decides.

    `name` may hold {id}, {model} and {family}.
    """

    space_id: Id
    ids: list[Id] = Field(default=[], max_length=1000)
    family: Pattern = ""
    model: Pattern = ""
    id: Pattern = ""
    topic: Pattern = ""
    profile_id: Id | None = None
    name: Name = "{id}"
    name_zh: Pattern = ""
    dry_run: bool = False


class StrangersIn(_Input):
    ids: list[Id] = Field(min_length=1, max_length=1000)


class AdoptedOut(BaseModel):
    adopted: list[str]
    left: list[str] = Field(description="of `ids`: gone, not matching, or nothing tells what they are: name a profile")
    dry_run: bool


# Dead letters


class DeadLetterOut(BaseModel):
    id: int
    received: datetime
    topic: str
    reason: str
    device_id: str | None
    size: int = Field(description="bytes of the payload")
    start: str = Field(description="the first characters, unprintable ones as dots")
    replay: str | None = Field(description="requested, refused (again), or null: nobody asked")


class DeadLetterDetail(DeadLetterOut):
    text: str | None = Field(description="the payload where it is text")
    hex: str
    truncated: bool = Field(description="hex and text show the first 64 KiB")


class ReasonCount(BaseModel):
    reason: str
    count: int


class DeadLetterCounts(BaseModel):
    total: int
    waiting: int = Field(description="asked to be replayed and not tried yet")
    reasons: list[ReasonCount]


class LettersIn(_Input):
    """`ids`, or `all_matching` with the same filters as the list."""

    ids: list[Annotated[int, Field(ge=1, le=2**62)]] = Field(default=[], max_length=1000)
    all_matching: bool = False
    device: str | None = Field(default=None, max_length=200)
    topic: str | None = Field(default=None, max_length=500)
    reason: str | None = Field(default=None, max_length=500)
    start: datetime | None = None
    end: datetime | None = None


class LettersDone(BaseModel):
    count: int


# Links


class LinkKey(_Input):
    scope: LinkScope
    key: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)] = Field(
        description="device id, gateway id or topic filter"
    )


ContextValue = str | int | float | bool | None


class LinkIn(LinkKey):
    family: str = Field(default="", max_length=100, description="empty: as the topic says")
    context: dict[AttributeName, ContextValue] = Field(
        default={}, max_length=50, description="model, codec, dev_eui, byte order: what the family asks for"
    )
    secret: dict[AttributeName, Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] | None] = Field(
        default={}, max_length=10, description="aes_key, password, token: never shown again"
    )


class LinkOut(BaseModel):
    scope: LinkScope
    key: str
    family: str
    context: dict[str, Any]
    secrets: list[str]


# Gateways


class GatewayOut(BaseModel):
    id: str
    name: str | None
    name_zh: str | None
    known: bool = Field(description="it is a device of the registry itself")
    devices: int
    present: int = Field(description="of its devices, those online or asleep")
    last_seen: datetime | None = Field(description="when anything was heard through it")


class GatewayDetail(GatewayOut):
    items: list[DeviceOut]
    discovered: list[str] = Field(description="devices behind it that nobody has adopted")


# Quality of data (R22)


class QualityOut(BaseModel):
    """Shares 0..1; null where nothing could be expected."""

    device_id: str
    device_name: str
    device_name_zh: str
    space_id: str
    kind: DeviceKind
    day: date
    expected: int
    received: int
    complete: float | None
    on_time: float | None
    plausible: float | None
    score: float | None = Field(description="the product of the three")


class QualityTotals(BaseModel):
    devices: int
    complete: float | None
    on_time: float | None
    plausible: float | None


class QualityPage(BaseModel):
    day: date
    items: list[QualityOut]
    total: QualityTotals
    next: str | None = None
