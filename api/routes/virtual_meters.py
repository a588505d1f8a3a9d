"""Virtual meters: defined here, used like meters everywhere."""

from fastapi import APIRouter, Response

from analytics.virtual import Term, VirtualMeter, terms_of
from api import present
from api import schemas_meters as shapes
from api.consumption import Quantity
from api.deps import Caller, Deps, DepsHere, RegistryHere
from api.guard import GuardedRoute
from api.meters import checked, formula_of, metered_all, metered_for, parse_formula, sub_meters_of
from api.schemas import Page
from devices.errors import BadInput, Conflict, NotFound
from devices.registry import Registry
from storage.user import User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["meters"])


@router.get("/virtual-meters", summary="Virtual meters and what they are made of")
def list_virtual(deps: DepsHere, registry: RegistryHere, caller: Caller) -> Page[shapes.VirtualOut]:
    visible = {one.id for one in metered_all(deps, registry, caller) if one.device is None}
    return Page(items=[_out(registry, meter) for meter in deps.meters.virtual().values() if meter.id in visible])


@router.post("/virtual-meters", status_code=201, summary="Define a virtual meter")
def add_virtual(body: shapes.VirtualIn, deps: DepsHere, registry: RegistryHere, caller: Caller) -> shapes.VirtualOut:
    if body.id in deps.meters.virtual():
        raise Conflict(f"there is a virtual meter {body.id!r} already; choose another id")
    return _saved(deps, registry, caller, body, new=True)


@router.put("/virtual-meters/{meter_id}", summary="Change what a virtual meter is made of")
def change_virtual(
    meter_id: str, body: shapes.VirtualIn, deps: DepsHere, registry: RegistryHere, caller: Caller
) -> shapes.VirtualOut:
    _mine(deps, registry, caller, meter_id)
    if body.id != meter_id:
        raise BadInput(f"the id stays {meter_id!r}; define a new one instead", place="id")
    return _saved(deps, registry, caller, body, new=False)


@router.delete("/virtual-meters/{meter_id}", status_code=204, summary="Remove a virtual meter")
def remove_virtual(meter_id: str, deps: DepsHere, registry: RegistryHere, caller: Caller) -> Response:
    _mine(deps, registry, caller, meter_id)
    users = [one.id for one in deps.meters.virtual().values() if meter_id in _parts(one)]
    if users:
        raise Conflict(f"{meter_id!r} is part of {', '.join(users)}; remove or change these first")
    deps.meters.remove_virtual(meter_id)
    deps.audit.append(deps.now(), caller.username, "meter.virtual.remove", meter_id)
    return Response(status_code=204)


def _parts(meter: VirtualMeter) -> set[str]:
    return {term.meter_id for term in meter.terms} | ({meter.rest_of} if meter.rest_of else set())


def _mine(deps: Deps, registry: Registry, caller: User, meter_id: str) -> None:
    if metered_for(deps, registry, caller, meter_id).device is not None:
        raise NotFound(f"{meter_id!r} is a real meter")


def _saved(deps: Deps, registry: Registry, caller: User, body: shapes.VirtualIn, *, new: bool) -> shapes.VirtualOut:
    given = parse_formula(body.formula) if body.formula else tuple(Term(**dict(term)) for term in body.terms)
    meter = VirtualMeter(
        id=body.id,
        quantity=body.quantity.value,
        space_id=body.space_id,
        name=body.name,
        name_zh=body.name_zh,
        terms=given,
        rest_of=body.rest_of,
    )
    deps.meters.save_virtual(checked(deps, registry, caller, meter), new=new)
    out = _out(registry, meter)
    deps.audit.append(deps.now(), caller.username, "meter.virtual.add" if new else "meter.virtual.change", meter.id, out.formula)
    return out


def _out(registry: Registry, meter: VirtualMeter) -> shapes.VirtualOut:
    terms = terms_of(meter, lambda main: sub_meters_of(registry, main))
    return shapes.VirtualOut(
        id=meter.id,
        quantity=Quantity(meter.quantity),
        space_id=meter.space_id,
        space_path=present.place_path(registry, meter.space_id),
        name=meter.name,
        name_zh=meter.name_zh,
        terms=[shapes.TermIO(meter_id=term.meter_id, factor=term.factor) for term in terms],
        formula=formula_of(terms),
        rest_of=meter.rest_of,
    )
