"""Reporting a fault from the place where it is, and following it to the accepted repair."""

from starlette.responses import Response

from dashboards.web.visit import Visit
from dashboards.web.words import N_

FAULT_KINDS: tuple[tuple[str, str, str], ...] = (
    ("plumbing", N_("Water"), N_("tap, toilet, pipe, drain")),
    ("electrical", N_("Electricity"), N_("light, socket, air conditioning")),
    ("doors", N_("Door or lock"), N_("door, lock, card reader, window")),
    ("fire_systems", N_("Fire equipment"), N_("detector, extinguisher, hydrant")),
    ("general", N_("Something else"), N_("furniture, wall, floor, anything")),
)
STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (N_("Reported"), ("raised", "triaged")),
    (N_("Assigned"), ("assigned", "accepted")),
    (N_("In progress"), ("in_progress", "on_hold")),
    (N_("Done"), ("done",)),
    (N_("Closed"), ("accepted_by_reporter", "closed")),
)


async def mine(visit: Visit) -> Response:
    reports = await visit.api.items("/work-orders", reporter="me", limit=100)
    return visit.render("reports.html", reports=reports, steps=STEPS, new=visit.query("new"), progress=progress)


async def choose_place(visit: Visit) -> Response:
    """For a reader who has no QR code at hand: `?q=` narrows the list of places."""
    wanted = visit.query("q").strip().lower()
    spaces = await visit.api.items("/spaces", limit=2000)
    names = {space["id"]: visit.t.named(space) for space in spaces}
    found = [space for space in spaces if wanted in f"{space['name']} {space['name_zh']} {space['id']}".lower()]
    return visit.render("report_place.html", spaces=found[:100], names=names, wanted=visit.query("q"))


async def report(visit: Visit) -> Response:
    space = await visit.api.get(f"/spaces/{visit.path('space')}")
    return visit.render("report.html", space=space, kinds=FAULT_KINDS, about=visit.query("about"))


def progress(state: str) -> int:
    """How many of STEPS are behind or at the order's state; 0 for one that was cancelled or merged."""
    return next((number for number, (_, states) in enumerate(STEPS, start=1) if state in states), 0)
