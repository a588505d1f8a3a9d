"""Budgets: what a place or a meter may use or cost in a month or a year, where it stands, and where it will end."""

from dataclasses import replace

from fastapi import APIRouter, Response

from analytics.budget import Budget, Measure
from analytics.outlook import Outlook
from api import present
from api import schemas_plans as shapes
from api.consumption import Quantity, unit_of
from api.deps import Caller, Deps, DepsHere, RegistryHere, ledger_of
from api.guard import GuardedRoute
from api.meters import metered_all, metered_for
from api.outlooks import of_meter, of_space, outlook_of
from api.paging import EntityId
from api.permissions import may_see_space
from api.schemas import Page
from devices.errors import BadInput, NotFound
from devices.registry import Registry
from storage.user import User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["plan and budget"])


@router.get("/budgets", summary="Budgets with plan, use to date and forecast")
def list_budgets(deps: DepsHere, registry: RegistryHere, caller: Caller, space_id: str | None = None) -> Page[shapes.BudgetOut]:
    """Those that the caller may see, the youngest period first. `space_id`: only those of that very space."""
    found = [one for one in deps.budgets.list() if _visible(deps, registry, caller, one) and space_id in {None, one.space_id}]
    return Page(items=[_out(deps, registry, one) for one in found])


@router.get("/budgets/{budget_id}", summary="One budget")
def get_budget(budget_id: EntityId, deps: DepsHere, registry: RegistryHere, caller: Caller) -> shapes.BudgetOut:
    return _out(deps, registry, _mine(deps, registry, caller, budget_id))


@router.post("/budgets", status_code=201, summary="Enter a budget")
def add_budget(body: shapes.BudgetIn, deps: DepsHere, registry: RegistryHere, caller: Caller) -> shapes.BudgetOut:
    added = deps.budgets.add(_checked(deps, registry, caller, body))
    deps.audit.append(deps.now(), caller.username, "budget.add", str(added.id), _said(added))
    deps.bus("budget", added.id)
    return _out(deps, registry, added)


@router.put("/budgets/{budget_id}", summary="Change a budget")
def change_budget(
    budget_id: EntityId, body: shapes.BudgetIn, deps: DepsHere, registry: RegistryHere, caller: Caller
) -> shapes.BudgetOut:
    before = _mine(deps, registry, caller, budget_id)
    changed = replace(_checked(deps, registry, caller, body), id=before.id)
    deps.budgets.replace(changed)
    deps.audit.append(deps.now(), caller.username, "budget.change", str(budget_id), f"was {_said(before)}, is {_said(changed)}")
    deps.bus("budget", budget_id)
    return _out(deps, registry, changed)


@router.delete("/budgets/{budget_id}", status_code=204, summary="Take a budget out")
def remove_budget(budget_id: EntityId, deps: DepsHere, registry: RegistryHere, caller: Caller) -> Response:
    before = _mine(deps, registry, caller, budget_id)
    deps.budgets.remove(budget_id)
    deps.audit.append(deps.now(), caller.username, "budget.remove", str(budget_id), _said(before))
    deps.bus("budget", budget_id)
    return Response(status_code=204)


def _mine(deps: Deps, registry: Registry, caller: User, budget_id: int) -> Budget:
    found = deps.budgets.get(budget_id)
    if not _visible(deps, registry, caller, found):
        raise NotFound(f"there is no budget {budget_id}")
    return found


def _visible(deps: Deps, registry: Registry, caller: User, budget: Budget) -> bool:
    """Budgets of what is gone are for those who see the whole site."""
    if budget.space_id:
        return may_see_space(caller, registry, budget.space_id)
    return caller.buildings is None or budget.meter_id in {one.id for one in metered_all(deps, registry, caller)}


def _checked(deps: Deps, registry: Registry, caller: User, body: shapes.BudgetIn) -> Budget:
    if body.meter_id:
        metered = metered_for(deps, registry, caller, body.meter_id)
        if metered.quantity is not body.quantity:
            raise BadInput(f"{body.meter_id!r} counts {metered.quantity}", place="quantity")
    elif body.space_id not in registry.spaces or not may_see_space(caller, registry, body.space_id or ""):
        raise BadInput(f"there is no space {body.space_id!r}", place="space_id")
    elif not of_space(registry, body.quantity.value, body.space_id or "").accounts:
        raise BadInput(f"nothing in {body.space_id!r} is metered for {body.quantity}", place="space_id, quantity")
    return Budget(
        space_id=body.space_id or "",
        meter_id=body.meter_id or "",
        quantity=body.quantity.value,
        measure=body.measure,
        year=body.year,
        month=body.month or 0,
        amount=body.amount,
        note=body.note,
        entered_by=caller.username,
        entered_at=deps.now(),
    )


def _said(budget: Budget) -> str:
    period = f"{budget.year}-{budget.month:02}" if budget.month else str(budget.year)
    return f"{budget.amount:g} {budget.measure} of {budget.quantity} for {budget.space_id or budget.meter_id} in {period}"


def _out(deps: Deps, registry: Registry, budget: Budget) -> shapes.BudgetOut:
    virtual = deps.meters.virtual()
    subject = (
        of_space(registry, budget.quantity, budget.space_id) if budget.space_id else of_meter(registry, virtual, budget.meter_id)
    )
    stands = outlook_of(ledger_of(deps), subject, budget, deps.now())
    device, defined = registry.devices.get(budget.meter_id), virtual.get(budget.meter_id)
    named = registry.spaces.get(budget.space_id) or device or defined
    place = budget.space_id or (device.space_id if device else defined.space_id if defined else "")
    return shapes.BudgetOut(
        id=budget.id,
        space_id=budget.space_id or None,
        meter_id=budget.meter_id or None,
        name=named.name if named else budget.space_id or budget.meter_id,
        name_zh=named.name_zh if named else budget.space_id or budget.meter_id,
        space_path=present.place_path(registry, place),
        quantity=Quantity(budget.quantity),
        measure=budget.measure,
        unit=deps.site.currency if budget.measure is Measure.MONEY else unit_of(Quantity(budget.quantity)),
        year=budget.year,
        month=budget.month or None,
        start=budget.first_day,
        end=budget.end_day,
        amount=budget.amount,
        note=budget.note,
        entered_by=budget.entered_by,
        entered_at=budget.entered_at,
        outlook=None if stands is None else _outlook(deps, budget, stands),
    )


def _outlook(deps: Deps, budget: Budget, stands: Outlook) -> shapes.OutlookOut:
    over = None if stands.expected is None else stands.expected - budget.amount
    return shapes.OutlookOut(
        used=stands.used,
        plan_to_date=stands.plan_to_date,
        known_share=stands.known_share,
        expected=stands.expected,
        low=stands.low,
        high=stands.high,
        over_on=stands.over_on,
        over_by=over if over is not None and over > 0 else None,
        warns=stands.warns(budget, deps.now().astimezone(deps.site.zone).date()),
        days=[shapes.BudgetDay(day=one.day, used=one.used, expected=one.expected, plan=one.plan) for one in stands.days],
    )
