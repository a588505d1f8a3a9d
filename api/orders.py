"""What the API does around one work order: who sees it, what the caller may do with it, and what follows from what was done."""

from collections.abc import Sequence

from alerts import engine as alert_engine
from alerts.model import AlertState
from api import present, schemas
from api.deps import Deps
from api.errors import Refused
from api.permissions import may_see_order
from devices.errors import BadInput, Conflict, IllegalTransition, NotFound
from devices.registry import Registry
from maintenance import engine
from maintenance.engine import Desk
from maintenance.machine import EffectKind, OrderRequest, allowed_events
from maintenance.model import OrderEvent, OrderState, WorkOrder
from storage.user import User


def order_for(deps: Deps, registry: Registry, user: User, order_id: int) -> WorkOrder:
    """Raises NotFound, also where the caller may not know that it exists."""
    order = deps.orders.get(order_id)
    if not may_see_order(user, registry, order):
        raise NotFound(f"there is no work order {order_id}")
    return order


def shown(deps: Deps, registry: Registry, user: User, orders: Sequence[WorkOrder]) -> list[schemas.OrderOut]:
    names = {person.username: person.display_name for person in deps.users.list()} if orders else {}
    now = deps.now()
    return [
        schemas.OrderOut(
            **present.order_fields(
                registry, order, names=names, allowed=list(allowed_events(order, user.username, user.roles)), now=now
            )
        )
        for order in orders
    ]


def desk_for(deps: Deps, registry: Registry, space_id: str) -> Desk:
    building = registry.building(space_id) if space_id in registry.spaces else None
    return Desk(
        calendar=deps.working_calendar,
        crew=engine.crew_with_load(deps.users.crew(), deps.orders.load_by_assignee()),
        zones={space_id: building.id} if building else {},
    )


def do(deps: Deps, registry: Registry, user: User, order: WorkOrder, request: OrderRequest) -> WorkOrder:
    """Applies what the caller asks for and what follows from it. Raises Refused 403 where the caller is the wrong person."""
    _check_person(order, user, request.event)
    _check_references(deps, registry, user, request)
    now = deps.now()
    outcome = engine.apply(deps.orders, order.id, request, now, deps.working_calendar, alerts=deps.alerts)
    changed = outcome.order or deps.orders.get(order.id)
    for effect in outcome.effects:
        if effect.kind is EffectKind.FIND_ASSIGNEE:
            changed = _find_somebody_else(deps, registry, changed)
        elif effect.kind is EffectKind.SETTLE_ALERT:
            _settle_alert(deps, changed, request)
    deps.bus("order", order.id)
    return changed


def _check_person(order: WorkOrder, user: User, event: OrderEvent) -> None:
    """An event that the state allows, but not to this person, is a matter of permission; the machine judges the rest."""
    if event in allowed_events(order, user.username, user.roles):
        return
    if event in allowed_events(order, user.username, {"admin"}):
        raise Refused(403, f"{event} is not yours to do with this order")


def _check_references(deps: Deps, registry: Registry, user: User, request: OrderRequest) -> None:
    if request.assignee is not None and request.assignee not in {member.username for member in deps.users.crew()}:
        raise BadInput(f"{request.assignee!r} is not in the crew; GET /api/v1/crew lists who is", place="assignee")
    if request.duplicate_of is not None:
        order_for(deps, registry, user, request.duplicate_of)


def _find_somebody_else(deps: Deps, registry: Registry, order: WorkOrder) -> WorkOrder:
    """Where nobody suits, or a dispatcher is faster, the order stays as it is."""
    if order.state is not OrderState.TRIAGED:
        return order
    declined = {entry.actor for entry in deps.orders.log(order.id) if entry.event == OrderEvent.DECLINE}
    try:
        outcome = engine.redispatch(deps.orders, order, deps.now(), desk_for(deps, registry, order.space_id), without=declined)
    except (Conflict, IllegalTransition):
        return deps.orders.get(order.id)
    return outcome.order or order


def _settle_alert(deps: Deps, order: WorkOrder, request: OrderRequest) -> None:
    """The order is closed: its alert ends too, with the dispatcher's word where the sensor has not recovered."""
    if order.alert_id is None or deps.alerts.get(order.alert_id).state is AlertState.RESOLVED:
        return
    reason = request.note.strip() or f"work order {order.id} closed"
    try:
        alert_engine.resolve(deps.alerts, order.alert_id, request.actor, reason, deps.now())
    except IllegalTransition:
        return  # a latched alarm waits for its acknowledgement; the desk ends it
    deps.bus("alert", order.alert_id)
