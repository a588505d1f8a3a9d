"""Meters in commissioning: which there are, and the section of a meter's page with what is missing and the release."""

from typing import Any

from starlette.responses import Response

from dashboards.web.backend import Json
from dashboards.web.meters import METER_KINDS
from dashboards.web.visit import Visit
from dashboards.web.words import N_

MISSING = {
    "never_heard": N_("The meter has not spoken yet."),
    "silent": N_("The meter is silent: no hour is measured meanwhile."),
    "hours": N_("Measured hours: what is normal by day, by night and on days off is still being learned."),
}


async def listing(visit: Visit) -> Response:
    """`?space=` filters."""
    found = await visit.api.get("/commissioning", space=visit.query("space"))
    return visit.render("commissioning.html", meters=found["items"], missing_words=MISSING, news={})


async def section(visit: Visit, device: Json) -> dict[str, Any]:
    """What the device's page shows of it; nothing for what learns nothing, or came with enough of a past."""
    found = None
    if device["kind"] in METER_KINDS:
        found = await visit.api.get_or_none(f"/devices/{visit.path('id')}/commissioning")
    return {"commissioning": found, "missing_words": MISSING}
