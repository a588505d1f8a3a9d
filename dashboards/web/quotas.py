"""Quotas of rooms: which hold, and which rooms have used how much of theirs this month."""

from calendar import monthrange
from datetime import date

from starlette.responses import Response

from dashboards.web.backend import gather
from dashboards.web.plans import MONTHS, noon
from dashboards.web.visit import Visit
from dashboards.web.words import LABELS, N_

SHOWN = 60
PER = {"room": N_("a room"), "head": N_("a head")}
FULL = 1.0
JUDGED_FROM = 0.2
"""Before so much of the month is over, its pace says nothing."""


async def quotas(visit: Visit) -> Response:
    """`?quantity=`; `?space=` narrows the rooms to those inside and fills in the form."""
    quantity, space = visit.chosen("quantity", LABELS["quantity"], "electricity"), visit.query("space")
    inside = {"space_id": space} if space else {}
    found, rooms, spaces = await gather(
        visit.api.items("/quotas"),
        visit.api.get("/quotas/rooms", quantity=quantity, **inside),
        visit.api.items("/spaces", limit=2000),
    )
    elapsed = _elapsed(date.fromisoformat(rooms["month"]), visit.t.today())
    items = [{**room, "mood": _mood(room["share"], elapsed), "bar": _bar(room["share"])} for room in rooms["items"]]
    return visit.render(
        "quotas.html",
        quotas=[quota for quota in found if quota["quantity"] == quantity],
        rooms=rooms,
        items=items[:SHOWN],
        more=max(len(items) - SHOWN, 0),
        spaces=[place for place in spaces if place["kind"] in {"site", "building", "floor", "room"}],
        asked={"quantity": quantity, "space": space},
        per=PER,
        months=MONTHS,
        month=noon(visit, rooms["month"]),
        noon=lambda day: noon(visit, day),
    )


def _mood(share: float | None, elapsed: float) -> str:
    """`warns`: at this pace the quota will not do."""
    if share is None:
        return "unknown"
    if share > FULL:
        return "over"
    return "warns" if elapsed >= JUDGED_FROM and share > elapsed else "holds"


def _elapsed(first: date, today: date) -> float:
    return today.day / monthrange(first.year, first.month)[1]


def _bar(share: float | None) -> float:
    """Its length in percent."""
    return round(100 * min(share or 0.0, 1.0), 1)
