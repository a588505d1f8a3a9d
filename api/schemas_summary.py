"""The JSON of the summary: how the site is, in numbers."""

from datetime import datetime

from pydantic import BaseModel


class DeviceCounts(BaseModel):
    total: int
    online: int
    silent: int


class WasteToday(BaseModel):
    kwh: float
    m3: float
    cost: float
    kgco2e: float
    electricity_cost: float = 0.0
    water_cost: float = 0.0


class PlatformTrouble(BaseModel):
    """Told without the database, which may be what has failed. `message`, `cause`, `first_steps` are msgids that `facts` fill."""

    kind: str
    severity: str
    message: str
    cause: str
    facts: dict[str, str | float]
    first_steps: list[str]


class Summary(BaseModel):
    seq: int
    alerts: dict[str, int]
    unacknowledged: int
    orders: dict[str, int]
    overdue: int
    devices: DeviceCounts
    waste_today: WasteToday
    platform: list[PlatformTrouble]
    at: datetime
