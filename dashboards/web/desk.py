"""The security desk: what is wrong now, worst first, and one alert in full."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from dashboards.web.backend import Json, gather
from dashboards.web.visit import Visit
from dashboards.web.words import LABELS

ALERTS_SHOWN = 200
TOPICS = ("fire", "door", "water", "elec", "meter", "device")


async def desk(visit: Visit) -> Response:
    """`?severity=`, `?topic=`, `?state=` filter; `?alert=` opens one beside the list."""
    severity = visit.chosen("severity", LABELS["severity"])
    state = visit.chosen("state", ("open", "acknowledged", "resolved"))
    topic = visit.chosen("topic", TOPICS)
    chosen = visit.query("alert")
    alerts, summary, shown = await gather(
        visit.api.items("/alerts", state=state or "open,acknowledged", severity=severity, limit=ALERTS_SHOWN),
        visit.api.get_or_none("/summary"),
        _details(visit, chosen) if chosen.isdigit() else _nothing(),
    )
    return visit.render(
        "desk.html",
        alerts=[alert for alert in alerts if alert["kind"].startswith(topic)],
        summary=summary,
        filters={"severity": severity, "state": state, "topic": topic},
        topics=TOPICS,
        chosen=int(chosen) if shown else 0,
        **(shown or EMPTY),
    )


async def alert(visit: Visit) -> Response:
    return visit.render("alert.html", **(await _details(visit, visit.path("id"))))


EMPTY: Mapping[str, Any] = {"alert": None, "picture_data": None, "order": None}


async def _details(visit: Visit, alert_id: str) -> dict[str, Any]:
    found = await visit.api.get(f"/alerts/{alert_id}")
    order = await visit.api.get_or_none(f"/work-orders/{found['order_id']}") if found.get("order_id") else None
    return {"alert": found, "picture_data": evidence_picture(visit, found.get("evidence")), "order": order}


async def _nothing() -> None:
    return None


def evidence_picture(visit: Visit, evidence: Json | None) -> Json | None:
    """What the chart in the page reads: epoch seconds and one list of values per line, aligned."""
    if not evidence or not evidence.get("observed"):
        return None
    observed, expected = dict(map(tuple, evidence["observed"])), dict(map(tuple, evidence["expected"]))
    times = sorted({*observed, *expected})
    lines = [{"label": visit.t.gettext("Measured"), "values": [observed.get(ts) for ts in times]}]
    if expected:
        lines.append({"label": visit.t.gettext("Expected"), "values": [expected.get(ts) for ts in times]})
    return {
        "metric": evidence["metric"],
        "unit": visit.t.unit(evidence["unit"]),
        "times": [ts / 1000 for ts in times],
        "lines": lines,
        "zone": visit.t.zone.key,
        "lang": visit.t.lang,
    }
