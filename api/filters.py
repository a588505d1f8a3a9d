"""What the address of a list may say. One model for each list; times without a zone are the site's."""

from datetime import datetime

from pydantic import BaseModel, Field

from analytics.finding import FindingKind
from api.consumption import Every, Quantity
from api.paging import LIMIT_MAX
from api.status import DeviceStatus
from devices.model import DeviceKind

IN_SPACE = "in this space and inside it"


class PageOf(BaseModel):
    limit: int = Field(default=200, ge=1, le=LIMIT_MAX, description="items per page")
    cursor: str | None = Field(default=None, max_length=200, description="`next` of the page before")


class Spaces(PageOf):
    limit: int = Field(default=LIMIT_MAX, ge=1, le=LIMIT_MAX)


class Devices(PageOf):
    limit: int = Field(default=LIMIT_MAX, ge=1, le=LIMIT_MAX)
    space: str | None = Field(default=None, description=IN_SPACE)
    kind: DeviceKind | None = None
    status: DeviceStatus | None = None
    q: str | None = Field(default=None, max_length=100, description="part of an id or a name")


class Readings(PageOf):
    limit: int = Field(default=5000, ge=1, le=5000)
    metric: str = Field(min_length=1, max_length=200)
    start: datetime | None = Field(default=None, description="default: 24 h before `end`")
    end: datetime | None = Field(default=None, description="not included; default: now")


class Events(PageOf):
    device: str | None = None
    type: str | None = Field(default=None, description="comma-separated event types")
    start: datetime | None = Field(default=None, description="default: 24 h before `end`")
    end: datetime | None = Field(default=None, description="not included; default: now")


class Alerts(PageOf):
    state: str | None = Field(default=None, description="open,acknowledged,resolved,pending; default: all")
    severity: str | None = Field(default=None, description="life_safety,critical,major,minor,info")
    space: str | None = Field(default=None, description=IN_SPACE)
    device: str | None = None


class Findings(PageOf):
    limit: int = Field(default=100, ge=1, le=LIMIT_MAX)
    active: bool | None = None
    kind: FindingKind | None = None
    space: str | None = Field(default=None, description=IN_SPACE)
    device: str | None = None
    since: datetime | None = Field(default=None, description="seen at or after this time")
    evidence: bool = Field(default=False, description="1: with the measured and expected values")


class Orders(PageOf):
    state: str | None = Field(default=None, description="comma-separated states; default: all")
    assignee: str | None = Field(default=None, description="me, or a user name")
    reporter: str | None = Field(default=None, description="me, or a user name")
    trade: str | None = Field(default=None, description="comma-separated trades")
    priority: str | None = Field(default=None, description="comma-separated priorities")
    space: str | None = Field(default=None, description=IN_SPACE)


class Parts(BaseModel):
    """Of a space, over a time."""

    space: str = Field(max_length=100)
    quantity: Quantity
    start: datetime | None = Field(default=None, description="default: 24 h (with every=day: 30 days) before `end`")
    end: datetime | None = Field(default=None, description="default: now")


class Consumed(Parts):
    space: str = Field(default="", max_length=100)
    meter: str = Field(default="", max_length=100, description="a meter, real or virtual, instead of a space")
    every: Every = Every.HOUR
