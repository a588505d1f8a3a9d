"""The security desk: what is wrong now, worst first, and one alert in full."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from dashboards.web.backend import Json, gather
from dashboards.web.visit import Visit
from dashboards.web.words import LABELS, STATES_OF_METRIC

ALERTS_SHOWN = 200
POINTS_OF_A_LINE = 2
TOPICS = ("fire", "door", "water", "elec", "meter", "device", "platform")


async def desk(visit: Visit) -> Response:
    """`?severity=`, `?topic=`, `?state=` filter; `?alert=` opens one beside the list, else a wide screen shows the worst."""
    severity = visit.chosen("severity", LABELS["severity"])
    state = visit.chosen("state", ("open", "acknowledged", "resolved"))
    topic = visit.chosen("topic", TOPICS)
    chosen = visit.query("alert")
    found, summary, headlines = await gather(
        visit.api.items("/alerts", state=state or "open,acknowledged", severity=severity, limit=ALERTS_SHOWN),
        visit.api.get_or_none("/summary"),
        visit.api.items_if_allowed("/alerts/headlines"),
    )
    alerts = [alert for alert in found if alert["kind"].startswith(topic)]
    wanted = chosen if chosen.isdigit() else str(alerts[0]["id"]) if alerts else ""
    shown = await _details(visit, wanted) if wanted else None
    return visit.render(
        "desk.html",
        alerts=alerts,
        entries=grouped(alerts, headlines),
        summary=summary,
        troubles=_not_stored(summary, found),
        filters={"severity": severity, "state": state, "topic": topic},
        topics=TOPICS,
        chosen=int(wanted or 0),
        asked=chosen.isdigit(),
        **(shown or EMPTY),
    )


def grouped(alerts: Sequence[Json], headlines: Sequence[Json]) -> list[Json]:
    """The list as it is shown: single alerts, and where a headline stands over some that are listed, these beneath it."""
    over = {alert_id: number for number, headline in enumerate(headlines) for alert_id in headline["alert_ids"]}
    entries: list[Json] = []
    placed: dict[int, Json] = {}
    for alert in alerts:
        number = over.get(alert["id"])
        if number is None:
            entries.append({"headline": None, "alerts": [alert]})
        elif number in placed:
            placed[number]["alerts"].append(alert)
        else:
            placed[number] = {"headline": headlines[number], "alerts": [alert]}
            entries.append(placed[number])
    return entries


def _not_stored(summary: Json | None, alerts: list[Json]) -> list[Json]:
    """The platform's own troubles that are not among the alerts, because the database takes none or somebody ended them."""
    listed = {alert["kind"] for alert in alerts}
    return [trouble for trouble in (summary or {}).get("platform", ()) if trouble["kind"] not in listed]


async def alert(visit: Visit) -> Response:
    return visit.render("alert.html", **(await _details(visit, visit.path("id"))))


EMPTY: Mapping[str, Any] = {"alert": None, "picture_data": None, "order": None}


async def _details(visit: Visit, alert_id: str) -> dict[str, Any]:
    found = await visit.api.get(f"/alerts/{alert_id}")
    order = await visit.api.get_or_none(f"/work-orders/{found['order_id']}") if found.get("order_id") else None
    return {"alert": found, "picture_data": evidence_picture(visit, found.get("evidence")), "order": order}


def evidence_picture(visit: Visit, evidence: Json | None) -> Json | None:
    """What the chart in the page reads: epoch seconds and one list of values per line, aligned."""
    if not evidence or len(evidence.get("observed") or ()) < POINTS_OF_A_LINE:
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
        **chart_words(visit, evidence["metric"]),
    }


def chart_words(visit: Visit, metric: str) -> Json:
    """What a chart of that metric needs to speak the reader's language."""
    states = STATES_OF_METRIC.get(metric)
    return {
        "zone": visit.t.zone.key,
        "lang": visit.t.browser_lang,
        "time_word": visit.t.gettext("Time"),
        "states": [visit.t.gettext(state) for state in states] if states else None,
    }
