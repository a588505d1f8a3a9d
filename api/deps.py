"""What the API is made of: the stores it reads, the time it is, and the values it keeps between requests."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, cast
from zoneinfo import ZoneInfo

from fastapi import Depends, Request

from analytics.budget import Budget
from analytics.calendar import Calendar
from analytics.quota import Quota
from analytics.tariff import Rates
from api.accounts import Ledger
from api.incoming import Incoming
from api.live import ChangeFeed
from api.rates import SignInLimiter
from api.registry_cache import RegistryCache
from devices.registry import Registry
from maintenance.sla import WorkingCalendar
from storage.alert_store import AlertStore
from storage.asset_store import AssetStore
from storage.audit_store import AuditStore
from storage.change_store import ChangeStore
from storage.check_store import CheckStore
from storage.commissioning_store import CommissioningStore
from storage.dead_letter_store import DeadLetterStore
from storage.event_store import EventStore
from storage.finding_store import FindingStore
from storage.health_store import HealthStore
from storage.idempotency_store import IdempotencyStore
from storage.label_store import LabelStore
from storage.link_store import LinkStore
from storage.meter_store import MeterStore
from storage.order_store import OrderStore
from storage.plan_store import PlanStore
from storage.price_store import PriceStore
from storage.reading_store import ReadingStore
from storage.registry_store import RegistryStore
from storage.rule_store import RuleStore
from storage.saving_store import SavingStore
from storage.stocktake_store import StocktakeStore
from storage.user import User
from storage.user_store import UserStore


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteInfo:
    id: str
    name: str
    name_zh: str
    timezone: str
    currency: str

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoUser:
    """Listed with its password on the sign-in page; exists in the demo only."""

    username: str
    password: str
    display_name: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """`bus(kind, id)` wakes the other processes and must not block; `broker_reachable` answers at once from what it knows.

    `base_url` is the address people reach the pages at (QR codes), without a trailing slash; empty: taken from the request.
    """

    registry: RegistryStore
    events: EventStore
    findings: FindingStore
    labels: LabelStore
    rules: RuleStore
    alerts: AlertStore
    orders: OrderStore
    users: UserStore
    assets: AssetStore
    stocktakes: StocktakeStore
    audit: AuditStore
    changes: ChangeStore
    checks: CheckStore
    commissioning: CommissioningStore
    health: HealthStore
    dead_letters: DeadLetterStore
    links: LinkStore
    idempotency: IdempotencyStore
    incoming: Incoming
    readings: ReadingStore
    site: SiteInfo
    meters: MeterStore
    prices: PriceStore
    budgets: PlanStore[Budget]
    quotas: PlanStore[Quota]
    savings: SavingStore
    calendar: Calendar
    working_calendar: WorkingCalendar
    now: Callable[[], datetime]
    bus: Callable[[str, int], None]
    broker_reachable: Callable[[], bool]
    metrics_dir: Path
    demo_users: tuple[DemoUser, ...] = ()
    base_url: str = ""
    label_font: Path = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")

    @property
    def rates(self) -> Rates:
        """The prices and factors that hold now."""
        return self.prices.rates()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What outlives a request: the registry as last read, the sign-in attempts, the live feed."""

    registry: RegistryCache
    limiter: SignInLimiter
    feed: ChangeFeed


def ledger_of(deps: Deps) -> Ledger:
    """Hourly consumption at the prices that hold now."""
    return Ledger(readings=deps.readings, rates=deps.rates, calendar=deps.calendar)


async def deps_of(request: Request) -> Deps:
    return cast("Deps", request.app.state.deps)


async def kept_of(request: Request) -> Kept:
    return cast("Kept", request.app.state.kept)


async def caller_of(request: Request) -> User:
    """The signed-in user that the guard found; routes open to anonymous callers must not ask."""
    return cast("User", request.state.user)


def registry_of(request: Request) -> Registry:
    return cast("Kept", request.app.state.kept).registry.current()


DepsHere = Annotated[Deps, Depends(deps_of)]
KeptHere = Annotated[Kept, Depends(kept_of)]
Caller = Annotated[User, Depends(caller_of)]
RegistryHere = Annotated[Registry, Depends(registry_of)]
