"""What spaces used, what it cost, and which part of them used it."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from api import filters, present, schemas
from api.accounts import single
from api.consumption import METER_KIND, Every, Quantity, Span, Used, by_day, hourly, hourly_of_each, span_of, total, unit_of
from api.deps import Caller, Deps, DepsHere, RegistryHere, ledger_of
from api.guard import GuardedRoute
from api.meters import Metered, metered_for
from api.permissions import owned_spaces
from api.routes.spaces import space_for
from api.times import aware_range
from devices.errors import BadInput, NotFound
from devices.model import Space
from devices.registry import Registry
from storage.user import User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["energy and water"])


@router.get("/consumption", summary="Consumption by hour or day")
def consumption(
    deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[filters.Consumed, Query()]
) -> schemas.Consumption:
    """Of a space or of one meter. [start, end) widened to whole hours or site days; `value` is null where no meter has data."""
    if bool(query.space) is bool(query.meter):
        raise BadInput("name a space or a meter", place="space, meter")
    span = _span(deps, query, query.every)
    if query.meter:
        metered = _metered(deps, registry, caller, query)
        found = registry.spaces[metered.space_id]
        hours = hourly(ledger_of(deps), [metered.account], query.quantity, span, deps.now())
    else:
        found = _measured_space(caller, registry, query.space)
        hours = _hours_of_each(deps, registry, [found], query.quantity, span)[found.id]
    items = by_day(hours, span.zone) if query.every is Every.DAY else hours
    return schemas.Consumption(
        space=present.space(found),
        quantity=query.quantity,
        unit=unit_of(query.quantity),
        every=query.every,
        items=[schemas.ConsumptionItem(start=item.start, quality=present.flags(item.quality), **_amount(item)) for item in items],
        total=schemas.Amount(**_amount(total(hours, span.start))),
        currency=deps.site.currency,
    )


@router.get("/consumption/breakdown", summary="Consumption of the parts of a space")
def breakdown(
    deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[filters.Parts, Query()]
) -> schemas.Breakdown:
    """`share` is of the total of the space; `unattributed` is what no part accounts for (losses, unmetered parts)."""
    found = _measured_space(caller, registry, query.space)
    span = _span(deps, query, Every.HOUR)
    children = registry.children(found.id)
    hours = _hours_of_each(deps, registry, [found, *children], query.quantity, span)
    whole = total(hours[found.id], span.start)
    parts = [(child, total(hours[child.id], span.start)) for child in children]
    return schemas.Breakdown(
        space=present.space(found),
        quantity=query.quantity,
        unit=unit_of(query.quantity),
        items=[
            schemas.Share(space=present.space(child), share=_share(part.value, whole.value), **_amount(part))
            for child, part in parts
        ],
        total=schemas.Amount(**_amount(whole)),
        unattributed=_rest(whole.value, [part.value for _, part in parts]),
        currency=deps.site.currency,
    )


def _metered(deps: Deps, registry: Registry, user: User, query: filters.Consumed) -> Metered:
    metered = metered_for(deps, registry, user, query.meter)
    if metered.quantity is not query.quantity:
        raise BadInput(f"{query.meter!r} counts {metered.quantity}", place="quantity")
    return metered


def _measured_space(user: User, registry: Registry, space_id: str) -> Space:
    """Raises NotFound; the whole site's numbers are only for those who may see all of it."""
    found = space_for(user, registry, space_id)
    owned = owned_spaces(user, registry)
    if owned is not None and space_id not in owned:
        raise NotFound(f"there is no space {space_id!r}")
    return found


def _span(deps: Deps, query: filters.Parts, every: Every) -> Span:
    default = timedelta(days=30) if every is Every.DAY else timedelta(hours=24)
    since, until = aware_range(query.start, query.end, zone=deps.site.zone, now=deps.now(), default=default)
    return span_of(since, until, every, deps.site.zone)


def _hours_of_each(deps: Deps, registry: Registry, spaces: list[Space], quantity: Quantity, span: Span) -> dict[str, list[Used]]:
    kind = METER_KIND[quantity]
    meters = {
        space.id: [single(meter.id, registry.spaces[meter.space_id].use) for meter in registry.meters_of(space.id, kind)]
        for space in spaces
    }
    return hourly_of_each(ledger_of(deps), meters, quantity, span, deps.now())


def _amount(used: Used) -> dict[str, float | None]:
    return {"value": used.value, "cost": used.cost, "kgco2e": used.kgco2e}


def _share(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _rest(whole: float | None, parts: list[float | None]) -> float | None:
    return None if whole is None else whole - sum(part or 0.0 for part in parts)
