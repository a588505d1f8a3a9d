"""Energy and water by place: today against the same day last week, the month by day, who uses most, and what is wasted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import RedirectResponse, Response

from dashboards.web import plans
from dashboards.web.backend import Json, gather
from dashboards.web.text import instant, moment
from dashboards.web.visit import Visit, refusal, whole
from dashboards.web.words import LABELS

DAYS_SHOWN = 30
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Use so far on a day and in the same hours a week before; `change`: relative difference, None where it cannot be told."""

    value: float | None
    before: float | None

    @property
    def change(self) -> float | None:
        if self.value is None or not self.before:
            return None
        return self.value / self.before - 1


async def overview(visit: Visit) -> Response:
    """The topmost place that the reader may see."""
    spaces = await visit.api.items("/spaces", limit=2000)
    known = {space["id"] for space in spaces}
    top = next((space for space in spaces if space["parent_id"] not in known), None)
    if top is None:
        return refusal(visit, 404)
    query = f"?{visit.request.url.query}" if visit.request.url.query else ""
    return RedirectResponse(f"/energy/{whole(top['id'])}{query}", status_code=303)


async def space(visit: Visit) -> Response:
    """`?quantity=electricity|water`, `?day=YYYY-MM-DD` (site time; default today)."""
    quantity = visit.chosen("quantity", LABELS["quantity"], "electricity")
    day = visit.day("day")
    space_id = visit.path("space")
    bounds = {"space": visit.param("space"), "quantity": quantity}
    start, end = day_bounds(day, visit.t.zone)
    place, hours, before, days, parts, findings, summary, ahead, savings = await gather(
        visit.api.get(f"/spaces/{space_id}"),
        visit.api.get("/consumption", **bounds, every="hour", start=instant(start), end=instant(end)),
        visit.api.get("/consumption", **bounds, every="hour", start=instant(start - _WEEK), end=instant(end - _WEEK)),
        visit.api.get(
            "/consumption", **bounds, every="day", start=instant(start - timedelta(days=DAYS_SHOWN - 1)), end=instant(end)
        ),
        visit.api.get("/consumption/breakdown", **bounds, start=instant(start), end=instant(end)),
        visit.api.items_if_allowed("/findings", space=bounds["space"], active="true", limit=200),
        visit.api.get_or_none("/summary"),
        plans.forecast_facts(visit, space_id=bounds["space"], quantity=quantity),
        plans.savings_of(visit, space=bounds["space"]),
    )
    return visit.render(
        "energy.html",
        place=place,
        summary=summary,
        savings=savings,
        **ahead,
        quantity=quantity,
        day=day,
        today=visit.t.today(),
        yesterday=day - timedelta(days=1),
        tomorrow=day + timedelta(days=1),
        hours=hours,
        before=before,
        days=days,
        ranking=_ranking(parts["items"]),
        wasteful=_wasteful(findings, quantity),
        comparison=compare(hours["items"], before["items"], visit.t.now),
        hour_rows=side_by_side(hours["items"], before["items"]),
        pictures=_pictures(visit, hours, before, days),
    )


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The day's first moment and the next day's, UTC."""
    start = datetime.combine(day, time(), tzinfo=zone)
    end = datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)
    return start.astimezone(UTC), end.astimezone(UTC)


def compare(today: Sequence[Json], before: Sequence[Json], now: datetime) -> Comparison:
    """Only hours that are over and measured on both days are counted, so that a day not over yet is not called a saving."""
    over = now - timedelta(hours=1)
    pairs = [(a["value"], b["value"]) for a, b in zip(today, before, strict=False) if moment(a["start"]) <= over]
    both = [(a, b) for a, b in pairs if a is not None and b is not None]
    measured = [a for a, _ in pairs if a is not None]
    return Comparison(
        value=sum(a for a, _ in both) if both else sum(measured) if measured else None,
        before=sum(b for _, b in both) if both else None,
    )


def side_by_side(today: Sequence[Json], before: Sequence[Json]) -> list[tuple[Json, float | None]]:
    """Each hour with the value of the same hour a week before."""
    earlier = [hour["value"] for hour in before]
    return [(hour, earlier[i] if i < len(earlier) else None) for i, hour in enumerate(today)]


def _ranking(parts: Sequence[Json]) -> list[Json]:
    """Children by use, each with its share of the largest for the bar's length."""
    ordered = sorted(parts, key=lambda part: -(part["value"] or 0))
    largest = max((part["value"] or 0 for part in ordered), default=0)
    return [{**part, "bar": round(100 * (part["value"] or 0) / largest, 1) if largest else 0} for part in ordered]


def _wasteful(findings: Sequence[Json], quantity: str) -> list[Json]:
    """Those that waste electricity, or water, the costliest first."""
    amount = "kwh_per_day" if quantity == "electricity" else "m3_per_day"
    costly = [finding for finding in findings if (finding.get("waste") or {}).get(amount) and finding["waste"]["cost_per_day"]]
    return sorted(costly, key=lambda finding: -finding["waste"]["cost_per_day"])


def _pictures(visit: Visit, hours: Json, before: Json, days: Json) -> dict[str, Any]:
    t = visit.t
    return {
        "hours": {
            "kind": "hours",
            "unit": t.unit(hours["unit"]),
            "labels": [t.hour(item["start"]) for item in hours["items"]],
            "series": [
                {"name": t.gettext("This day"), "type": "bar", "values": [item["value"] for item in hours["items"]]},
                {"name": t.gettext("A week before"), "type": "line", "values": [item["value"] for item in before["items"]]},
            ],
        },
        "days": {
            "kind": "days",
            "unit": t.unit(days["unit"]),
            "labels": [t.day(item["start"]) for item in days["items"]],
            "links": [visit.with_query(day=day_of(item["start"], t.zone)) for item in days["items"]],
            "series": [{"name": t.gettext("Use per day"), "type": "bar", "values": [item["value"] for item in days["items"]]}],
        },
    }


def day_of(start: str, zone: ZoneInfo) -> str:
    """The site's calendar day of a bucket."""
    return moment(start).astimezone(zone).date().isoformat()
