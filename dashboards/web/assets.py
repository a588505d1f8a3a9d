"""The asset ledger: its list, a new line, the page that the label's QR code opens; its report, labels and tables."""

from datetime import timedelta
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from dashboards.web.backend import Json, gather
from dashboards.web.visit import Visit, whole
from dashboards.web.words import LABELS

SHOWN = 500
PRESENT = "in_store,in_use,on_loan,under_repair"
NOTE_NEEDED = frozenset(
    {"request_transfer", "report_loss", "report_found", "request_scrapping", "refuse", "send_to_repair", "dispose", "void"}
)
PLACE_ASKED = frozenset({"accept", "issue", "return", "request_transfer", "report_found"})
PERSON_ASKED = frozenset({"issue", "lend", "request_transfer"})
LABEL_SIZES = ((70, 37), (70, 42.3), (105, 48), (63.5, 38.1), (50, 30), (105, 148))
"""Width and height in mm; the first is the commonest sheet of 24."""
AT_ONCE = frozenset({"withdraw", "repaired", "unlink"})


async def listing(visit: Visit) -> Response:
    """`?q=`, `?state=`, `?class_code=`, `?space=`, `?condition=`, `?waiting=1`, `?warranty_before=` filter."""
    filters = asset_filters(visit)
    found, spaces, classes = await gather(
        visit.api.items("/assets", **filters, limit=SHOWN + 1),
        visit.api.items("/spaces", limit=2000),
        visit.api.items("/assets/classes"),
    )
    return visit.render(
        "assets.html",
        assets=found[:SHOWN],
        more=len(found) > SHOWN,
        filters=filters,
        buildings=[space for space in spaces if space["kind"] == "building"],
        places=place_options(visit, spaces),
        classes=classes,
        query=urlencode({name: value for name, value in filters.items() if value}),
    )


def asset_filters(visit: Visit) -> dict[str, str]:
    return {
        "q": visit.query("q"),
        "state": visit.chosen("state", LABELS["asset_state"]),
        "class_code": visit.query("class_code"),
        "space": visit.query("space"),
        "condition": visit.chosen("condition", LABELS["asset_condition"]),
        "waiting": visit.chosen("waiting", ("1",)),
        "warranty_before": visit.query("warranty_before"),
    }


async def new(visit: Visit) -> Response:
    """`?space=` is chosen already."""
    spaces, classes = await gather(visit.api.items("/spaces", limit=2000), visit.api.items("/assets/classes"))
    return visit.render(
        "asset_new.html",
        places=place_options(visit, spaces),
        classes=classes,
        space=visit.query("space"),
        today=visit.t.today().isoformat(),
    )


async def asset(visit: Visit) -> Response:
    """What a phone shows that scanned the label: staff see the asset, everybody else reports a fault at its place."""
    found = await visit.api.get_or_none(f"/assets/{visit.path('tag')}")
    if found is None:
        return await _to_fault_report(visit)
    history, spaces = await gather(visit.api.get(f"/assets/{visit.path('tag')}/history"), visit.api.items("/spaces", limit=2000))
    return visit.render(
        "asset.html",
        item=found,
        history=history,
        places=place_options(visit, spaces),
        about=_about(visit, found),
        note_needed=NOTE_NEEDED,
        place_asked=PLACE_ASKED,
        person_asked=PERSON_ASKED,
        at_once=AT_ONCE,
        today=visit.t.today().isoformat(),
    )


async def _to_fault_report(visit: Visit) -> Response:
    """Raises Refused 404 where no asset has that number."""
    place = await visit.api.get(f"/assets/{visit.path('tag')}/place")
    where = f"/report/{whole(place['space_id'])}" if place["space_id"] else "/report"
    return RedirectResponse(f"{where}?{urlencode({'about': _about(visit, place)})}", status_code=303)


def _about(visit: Visit, found: Json) -> str:
    return f"{visit.t.named(found)} ({found['tag']}): "


def place_options(visit: Visit, spaces: list[Json]) -> list[tuple[str, str]]:
    """(id, name with the places above it) for a choice of places, in the order of the list."""
    by_id = {space["id"]: space for space in spaces}
    return [(space["id"], " › ".join(name for _, name in visit.t.steps(_path(by_id, space)))) for space in spaces]


def _path(by_id: dict[str, Json], space: Json) -> list[Json]:
    path, current = [space], space
    while current["parent_id"] in by_id and len(path) < len(by_id):
        current = by_id[current["parent_id"]]
        path.insert(0, current)
    return path


async def report(visit: Visit) -> Response:
    """`?month=2026-11`, `?by=class|category|building`, `?space=`, `?class_code=`."""
    asked = {
        "month": visit.query("month"),
        "by": visit.chosen("by", ("class", "category", "building"), "class"),
        "space": visit.query("space"),
    }
    found, spaces = await gather(visit.api.get("/assets/report", **asked), visit.api.items("/spaces", limit=2000))
    soon = (visit.t.today() + timedelta(days=91)).isoformat()
    return visit.render(
        "asset_report.html",
        report=found,
        filters=asked,
        buildings=[space for space in spaces if space["kind"] == "building"],
        query=urlencode({name: value for name, value in asked.items() if value}),
        warranty_link="/assets?" + urlencode({"warranty_before": soon}),
    )


async def labels(visit: Visit) -> Response:
    """`?of=assets|spaces`, with the filters of the list or `?tags=`."""
    of = visit.chosen("of", ("assets", "spaces"), "assets")
    spaces = await visit.api.items("/spaces", limit=2000)
    return visit.render(
        "labels.html",
        of=of,
        filters={**asset_filters(visit), "tags": visit.query("tags")},
        buildings=[space for space in spaces if space["kind"] == "building"],
        places=place_options(visit, spaces),
        sizes=LABEL_SIZES,
    )


async def bring_in(visit: Visit) -> Response:
    """`?kind=assets|spaces|devices`: a table is chosen, looked at row by row, and stored."""
    kinds = ("assets", "spaces", "devices") if "admin" in visit.roles else ("assets",)
    return visit.render("bring_in.html", kind=visit.chosen("kind", kinds, "assets"), kinds=kinds)
