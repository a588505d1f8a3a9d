"""Work orders: reported, listed, and moved on by the verbs of maintenance.model.OrderEvent."""

from typing import Annotated

from fastapi import APIRouter, Query

from api import filters, present, schemas
from api.deps import Caller, DepsHere, RegistryHere
from api.guard import GuardedRoute
from api.idempotency import IdempotencyKey, once, request_key
from api.inventory import device_for
from api.known import person
from api.orders import desk_for, do, order_for, shown
from api.paging import SCAN_LIMIT, EntityId, page_of
from api.permissions import CAMPUS_WIDE, may_see_order
from api.routes.spaces import space_filter, space_for
from api.words import words
from devices.errors import BadInput, NotFound
from maintenance.engine import FaultReport, report_fault
from maintenance.machine import OrderRequest
from maintenance.model import OrderEvent, OrderState, Priority, Trade

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["work orders"])


@router.get("/work-orders", summary="Work orders, newest first")
def list_orders(
    deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[filters.Orders, Query()]
) -> schemas.Page[schemas.OrderOut]:
    trades = words(query.trade, Trade, place="trade")
    priorities = words(query.priority, Priority, place="priority")
    found = deps.orders.list(
        states=words(query.state, OrderState, place="state"),
        assignee=person(deps, caller, query.assignee, place="assignee"),
        reporter=_reporter_filter(caller, person(deps, caller, query.reporter, place="reporter")),
        space_ids=space_filter(caller, registry, query.space),
        limit=SCAN_LIMIT,
    )
    visible = [
        order
        for order in found
        if (trades is None or order.trade in trades)
        and (priorities is None or order.priority in priorities)
        and may_see_order(caller, registry, order)
    ]
    page, following = page_of(visible, lambda order: str(order.id), query.limit, query.cursor)
    return schemas.Page(items=shown(deps, registry, caller, page), next=following)


@router.get("/work-orders/{order_id}", summary="One work order with its history")
def get_order(order_id: EntityId, deps: DepsHere, registry: RegistryHere, caller: Caller) -> schemas.OrderDetail:
    """`chain_ok` is false where somebody altered the history."""
    order = order_for(deps, registry, caller, order_id)
    return schemas.OrderDetail(
        **dict(shown(deps, registry, caller, [order])[0]),
        log=[present.log_line(entry) for entry in deps.orders.log(order_id)],
        chain_ok=deps.orders.verify_chain(order_id),
    )


@router.post("/work-orders", status_code=201, summary="Report a fault")
def report(
    body: schemas.ReportIn, deps: DepsHere, registry: RegistryHere, caller: Caller, idempotency_key: IdempotencyKey = None
) -> schemas.OrderOut:
    """Goes to the crew of the trade, or to the dispatcher where no trade is given."""

    def create() -> schemas.OrderOut:
        fault = _checked(body, registry, caller)
        outcome = report_fault(deps.orders, fault, deps.now(), desk_for(deps, registry, body.space_id))
        assert outcome.order is not None
        deps.bus("order", outcome.order.id)
        return shown(deps, registry, caller, [outcome.order])[0]

    key = request_key(idempotency_key, who=caller.username, route="work-orders", body=body)
    return once(deps, key, create, schemas.OrderOut)


@router.post("/work-orders/{order_id}/{event}", summary="Move a work order on")
def act(
    order_id: EntityId,
    event: OrderEvent,
    deps: DepsHere,
    registry: RegistryHere,
    caller: Caller,
    body: schemas.OrderEventIn | None = None,
) -> schemas.OrderOut:
    """`allowed` of the order lists what the caller may do now; anything else is refused and changes nothing."""
    order = order_for(deps, registry, caller, order_id)
    given = body or schemas.OrderEventIn()
    request = OrderRequest(event=event, actor=caller.username, roles=caller.roles, **dict(given))
    return shown(deps, registry, caller, [do(deps, registry, caller, order, request)])[0]


def _reporter_filter(caller: Caller, reporter: str | None) -> str | None:
    return reporter if caller.roles & CAMPUS_WIDE or reporter is None else caller.username


def _checked(body: schemas.ReportIn, registry: RegistryHere, caller: Caller) -> FaultReport:
    """Raises BadInput where the place or the device is not one that the caller may name."""
    try:
        space_for(caller, registry, body.space_id)
        device = device_for(caller, registry, body.device_id) if body.device_id else None
    except NotFound as error:
        raise BadInput(str(error), place="device_id" if body.space_id in registry.spaces else "space_id") from None
    if device is not None and device.space_id not in {inside.id for inside in registry.within(body.space_id)}:
        raise BadInput(f"device {device.id!r} is not in space {body.space_id!r}", place="device_id")
    return FaultReport(
        reporter=caller.username, space_id=body.space_id, device_id=body.device_id, message=body.description, trade=body.trade
    )
