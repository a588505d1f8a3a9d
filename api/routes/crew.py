"""Who can be sent."""

from fastapi import APIRouter

from api import schemas
from api.deps import DepsHere
from api.guard import GuardedRoute
from maintenance.engine import crew_with_load
from maintenance.model import Trade

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["work orders"])


@router.get("/crew", summary="The crew with the number of open orders each has")
def list_crew(deps: DepsHere, trade: Trade | None = None) -> schemas.Page[schemas.CrewOut]:
    names = {person.username: person.display_name for person in deps.users.list()}
    crew = crew_with_load(deps.users.crew(), deps.orders.load_by_assignee())
    return schemas.Page(
        items=[
            schemas.CrewOut(
                username=member.username,
                display_name=names.get(member.username, member.username),
                trades=sorted(member.trades),
                load=member.load,
                on_shift=member.on_shift,
            )
            for member in crew
            if trade is None or trade in member.trades
        ]
    )
