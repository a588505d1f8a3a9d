"""What repairs have saved: measured day by day after the order, else the finding's own estimate, said as such."""

from datetime import date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from analytics.calendar import Calendar, DayClass
from analytics.saving import MOST_DAYS
from api import present
from api import schemas_plans as shapes
from api.consumption import Quantity, unit_of
from api.deps import Caller, Deps, DepsHere, RegistryHere
from api.guard import GuardedRoute
from api.permissions import may_see_order, may_see_space, owned_spaces
from api.routes.spaces import space_filter
from devices.errors import BadInput
from devices.registry import Registry
from storage.saving_store import SavingState, StoredSaving
from storage.user import User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["savings"])

DAYS_PER_YEAR = 365
TERM_AT_MOST = 370


@router.get("/savings", summary="Measured savings of repairs")
def list_savings(  # noqa: PLR0913, PLR0917 - one for each filter
    deps: DepsHere,
    registry: RegistryHere,
    caller: Caller,
    space: str | None = None,
    order_id: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    finding_id: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    since: date | None = None,
) -> shapes.SavingsOut:
    """Of an order, of a finding, or of all that was put right since a day (default: the first day of this term)."""
    one = order_id is not None or finding_id is not None
    first = None if one else since or term_start(deps.calendar, deps.now().astimezone(deps.site.zone).date())
    if since is not None and not date(1970, 1, 2) <= since <= date(9990, 1, 1):
        raise BadInput("use a day between the years 1970 and 9990", place="since")
    owned, inside = owned_spaces(caller, registry), space_filter(caller, registry, space)
    found = deps.savings.list(
        order_id=order_id,
        finding_id=finding_id,
        since=None if first is None else datetime.combine(first, time(), tzinfo=deps.site.zone),
        space_ids=None if one else inside if owned is None else owned if inside is None else owned & inside,
    )
    seen = [saving for saving in found if _may_see(deps, registry, caller, saving)]
    return shapes.SavingsOut(
        since=first,
        items=[_out(deps, registry, saving) for saving in seen],
        sums=[_sum(quantity, [one for one in seen if one.quantity == quantity.value]) for quantity in Quantity],
        currency=deps.site.currency,
    )


def term_start(calendar: Calendar, today: date) -> date:
    """The first day after the last vacation; in a vacation that of the term before it."""
    day = today
    for _ in range(TERM_AT_MOST):
        if calendar.day_class(day) is not DayClass.VACATION:
            break
        day -= timedelta(days=1)
    for _ in range(TERM_AT_MOST):
        if calendar.day_class(day - timedelta(days=1)) is DayClass.VACATION:
            return day
        day -= timedelta(days=1)
    return date(today.year, 1, 1)


def _may_see(deps: Deps, registry: Registry, caller: User, saving: StoredSaving) -> bool:
    return may_see_space(caller, registry, saving.space_id) or may_see_order(caller, registry, deps.orders.get(saving.order_id))


def _out(deps: Deps, registry: Registry, saving: StoredSaving) -> shapes.SavingOut:
    as_it_is = (
        *("order_id", "finding_id", "device_id", "space_id", "repaired_at", "state", "days", "per_day", "low", "high", "during"),
        *("after", "money_per_day", "kgco2e_per_day", "estimate_per_day", "estimate_money_per_day", "updated_at"),
    )
    quantity = Quantity(saving.quantity)
    return shapes.SavingOut(
        **{name: getattr(saving, name) for name in as_it_is},
        order_number=f"WO-{saving.order_id:06d}",
        finding_kind=deps.findings.get(saving.finding_id).kind,
        space_path=present.place_path(registry, saving.space_id),
        quantity=quantity,
        unit=unit_of(quantity),
        days_wanted=MOST_DAYS,
        proven=saving.low is not None and saving.low > 0,
        weather_corrected=saving.weather,
    )


def _sum(quantity: Quantity, savings: list[StoredSaving]) -> shapes.SavingSum:
    """Intervals of independent repairs add up by their squares."""
    measured = [one for one in savings if one.per_day is not None]
    waiting = [one for one in savings if one.per_day is None and one.state is SavingState.WAITING]
    per_day = sum(one.per_day or 0.0 for one in measured)
    half = sum((((one.high or 0.0) - (one.low or 0.0)) / 2) ** 2 for one in measured) ** 0.5
    return shapes.SavingSum(
        quantity=quantity,
        unit=unit_of(quantity),
        per_day=per_day,
        low=per_day - half,
        high=per_day + half,
        money_per_year=DAYS_PER_YEAR * sum(one.money_per_day or 0.0 for one in measured),
        kgco2e_per_year=DAYS_PER_YEAR * sum(one.kgco2e_per_day or 0.0 for one in measured),
        repairs=len(measured),
        waiting=len(waiting),
        waiting_estimate_per_day=sum(one.estimate_per_day for one in waiting),
    )
