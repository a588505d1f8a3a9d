"""Work orders: the dispatcher's board, one order in full, and the crew's own jobs."""

from typing import Any

from starlette.responses import Response

from dashboards.web import plans
from dashboards.web.backend import Json, gather
from dashboards.web.visit import Visit
from dashboards.web.words import LABELS, N_

COLUMNS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("new", N_("To assign"), ("raised", "triaged")),
    ("assigned", N_("Assigned"), ("assigned",)),
    ("working", N_("In progress"), ("accepted", "in_progress")),
    ("held", N_("On hold"), ("on_hold",)),
    ("done", N_("Done, to be checked"), ("done", "accepted_by_reporter")),
)
OPEN_STATES = tuple(state for _, _, states in COLUMNS for state in states)
FINISHED_STATES = ("closed", "cancelled", "duplicate")
NOTE_NEEDED = frozenset({"decline", "defer", "send_back", "cancel", "log"})
ORDERS_SHOWN = 200


async def board(visit: Visit) -> Response:
    """`?state=`, `?trade=`, `?priority=`, `?assignee=`, `?overdue=1` filter; `?state=finished` shows what is over."""
    filters = _filters(visit)
    found, crew = await gather(
        visit.api.items(
            "/work-orders",
            state=_states(filters["state"]),
            trade=filters["trade"],
            priority=filters["priority"],
            assignee=filters["assignee"],
            limit=ORDERS_SHOWN,
        ),
        visit.api.items_if_allowed("/crew"),
    )
    orders = [order for order in found if order["overdue"] or not filters["overdue"]]
    return visit.render("orders.html", columns=_columns(orders, filters["state"]), count=len(orders), filters=filters, crew=crew)


def _filters(visit: Visit) -> dict[str, str]:
    return {
        "state": visit.chosen("state", (*LABELS["order_state"], "finished")),
        "trade": visit.chosen("trade", LABELS["trade"]),
        "priority": visit.chosen("priority", LABELS["priority"]),
        "assignee": visit.query("assignee"),
        "overdue": visit.chosen("overdue", ("1",)),
    }


def _states(wanted: str) -> str:
    if wanted == "finished":
        return ",".join(FINISHED_STATES)
    return wanted or ",".join(OPEN_STATES)


def _columns(orders: list[Json], wanted: str) -> list[tuple[str, str, list[Json]]]:
    if wanted == "finished" or wanted in FINISHED_STATES:
        return [("finished", N_("Finished"), orders)]
    ordered = sorted(orders, key=lambda order: (order["priority"], order["resolve_due"] or ""))
    shown = [column for column in COLUMNS if not wanted or wanted in column[2]]
    return [(key, word, [order for order in ordered if order["state"] in states]) for key, word, states in shown]


async def order(visit: Visit) -> Response:
    found = await visit.api.get(f"/work-orders/{visit.path('id')}")
    crew, alert, savings = await gather(
        visit.api.items_if_allowed("/crew", trade=found["trade"]),
        _alert_of(visit, found),
        plans.savings_of(visit, order_id=str(found["id"])),
    )
    return visit.render("order.html", order=found, crew=crew, alert=alert, savings=savings, note_needed=NOTE_NEEDED)


async def _alert_of(visit: Visit, found: Json) -> Json | None:
    return await visit.api.get_or_none(f"/alerts/{found['alert_id']}") if found.get("alert_id") else None


async def jobs(visit: Visit) -> Response:
    """The reader's own orders: to accept, at work, waiting; soonest due first."""
    mine = await visit.api.items("/work-orders", assignee="me", state=",".join(OPEN_STATES), limit=ORDERS_SHOWN)
    ordered = sorted(mine, key=lambda job: (job["priority"], job["resolve_due"] or ""))
    groups: list[tuple[str, tuple[str, ...]]] = [
        (N_("To accept"), ("raised", "triaged", "assigned")),
        (N_("At work"), ("accepted", "in_progress")),
        (N_("On hold"), ("on_hold",)),
        (N_("Waiting for the reporter"), ("done", "accepted_by_reporter")),
    ]
    shown: list[tuple[str, list[Any]]] = [(word, [job for job in ordered if job["state"] in states]) for word, states in groups]
    return visit.render("jobs.html", groups=shown, count=len(mine), note_needed=NOTE_NEEDED)
