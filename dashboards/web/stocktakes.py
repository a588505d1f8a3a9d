"""Stocktakes: the campaigns, and the page that counts with a phone in the hand."""

from starlette.responses import Response

from dashboards.web.assets import place_options
from dashboards.web.backend import Json, gather
from dashboards.web.visit import Visit
from dashboards.web.words import LABELS

LINES_SHOWN = 500
WORST_FIRST = ("surplus", "missing", "elsewhere", "not_counted", "found")


async def listing(visit: Visit) -> Response:
    found, spaces, classes = await gather(
        visit.api.get("/stocktakes"), visit.api.items("/spaces", limit=2000), visit.api.items("/assets/classes")
    )
    return visit.render(
        "stocktakes.html", stocktakes=found["items"], places=place_options(visit, spaces), classes=classes, done=done
    )


async def stocktake(visit: Visit) -> Response:
    """`?result=` shows only lines of that result."""
    found, spaces = await gather(visit.api.get(f"/stocktakes/{visit.path('id')}"), visit.api.items("/spaces", limit=2000))
    result = visit.chosen("result", LABELS["count_result"])
    lines = [line for line in found["lines"] if not result or line["result"] == result]
    lines.sort(key=lambda line: (WORST_FIRST.index(line["result"]), line["tag"]))
    to_correct = [line for line in found["lines"] if line["result"] in ("missing", "elsewhere") and line["correction"] == "none"]
    return visit.render(
        "stocktake.html",
        stocktake=found,
        lines=lines[:LINES_SHOWN],
        hidden=max(0, len(lines) - LINES_SHOWN),
        result=result,
        places=_inside(place_options(visit, spaces), spaces, found["space_id"]),
        to_correct=len(to_correct),
        done=done,
    )


def done(found: Json) -> float:
    """The share of what was expected that somebody has looked for, 0 to 1."""
    counts = found["counts"]
    expected = found["total"] - counts["surplus"]
    return 1 - counts["not_counted"] / expected if expected else 1.0


def _inside(options: list[tuple[str, str]], spaces: list[Json], root: str | None) -> list[tuple[str, str]]:
    """The choice of places within the stocktake's own, all where it has none."""
    if root is None:
        return options
    inside = {root}
    for _ in spaces:  # a list of parents before children needs one round, any other as many as it is deep
        more = {space["id"] for space in spaces if space["parent_id"] in inside} - inside
        if not more:
            break
        inside |= more
    return [option for option in options if option[0] in inside]
