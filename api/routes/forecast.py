"""What meters and places will use in the next days."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from analytics.forecast import DayAhead
from api import schemas_plans as shapes
from api.consumption import Quantity, unit_of
from api.deps import Caller, Deps, DepsHere, RegistryHere, ledger_of
from api.guard import GuardedRoute
from api.meters import metered_for
from api.outlooks import Course, Subject, ahead_of, course_of, of_space
from api.permissions import may_see_space
from devices.errors import BadInput, NotFound
from devices.registry import Registry
from storage.user import User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["energy and water"])


class Wanted(BaseModel):
    device_id: str = Field(default="", max_length=100, description="a meter, real or virtual")
    space_id: str = Field(default="", max_length=100)
    quantity: Quantity | None = Field(default=None, description="needed with a space; a meter counts only one")
    days: int = Field(default=7, ge=1, le=7, description="how many days after today")


@router.get("/forecast", summary="Expected use of the next days, with interval")
def get_forecast(deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[Wanted, Query()]) -> shapes.ForecastOut:
    """Median of the last like days, drawn towards the level of the last week; empty before about 3 weeks are known."""
    quantity, subject = _subject(deps, registry, caller, query)
    ledger = ledger_of(deps)
    course = course_of(ledger, subject, quantity.value, deps.now())
    ahead = None if course is None else ahead_of(ledger, subject, quantity.value, course, query.days)
    days = [] if ahead is None else [_day(day, cost) for day, cost in zip(ahead.days, ahead.cost, strict=True)]
    return shapes.ForecastOut(
        quantity=quantity,
        unit=unit_of(quantity),
        space_id=query.space_id or None,
        meter_id=query.device_id or None,
        today=days[0] if days else None,
        used_today=None if course is None else _used_today(deps, course),
        items=days[1:],
        total=None
        if ahead is None
        else shapes.ForecastSum(expected=ahead.total[0], low=ahead.total[1], high=ahead.total[2], cost=sum(ahead.cost[1:])),
        currency=deps.site.currency,
    )


def _subject(deps: Deps, registry: Registry, caller: User, query: Wanted) -> tuple[Quantity, Subject]:
    if bool(query.space_id) is bool(query.device_id):
        raise BadInput("name a space or a meter", place="space_id, device_id")
    if query.device_id:
        metered = metered_for(deps, registry, caller, query.device_id)
        if query.quantity not in {None, metered.quantity}:
            raise BadInput(f"{query.device_id!r} counts {metered.quantity}", place="quantity")
        return metered.quantity, Subject(accounts=(metered.account,), use=metered.account.use)
    if query.quantity is None:
        raise BadInput("say which: electricity or water", place="quantity")
    if query.space_id not in registry.spaces or not may_see_space(caller, registry, query.space_id):
        raise NotFound(f"there is no space {query.space_id!r}")
    return query.quantity, of_space(registry, query.quantity.value, query.space_id)


def _used_today(deps: Deps, course: Course) -> float | None:
    """Of today's hours that are over."""
    hours = deps.now().astimezone(deps.site.zone).hour
    if not hours:
        return 0.0
    known = [value for value in course.hourly.consumption[-hours:].tolist() if value == value]  # noqa: PLR0124 - not NaN
    return sum(known) if known else None


def _day(day: DayAhead, cost: float) -> shapes.ForecastDay:
    return shapes.ForecastDay(day=day.day, expected=day.expected, low=day.low, high=day.high, cost=cost, hours=list(day.hours))
