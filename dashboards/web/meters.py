"""Meters: the ledger hour by hour, what people enter about it, virtual meters, prices and factors."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from starlette.responses import Response

from dashboards.web import plans
from dashboards.web.backend import Json, gather
from dashboards.web.text import instant, moment
from dashboards.web.visit import Visit
from dashboards.web.words import LABELS

SPANS = ("1", "7", "31")
METER_KINDS = frozenset({"electricity_meter", "water_meter"})
DOUBTFUL = frozenset({"estimated", "incomplete", "implausible"})
FADED = 0.4


async def listing(visit: Visit) -> Response:
    """`?quantity=`, `?space=`, `?virtual=true` filter."""
    filters = {
        "quantity": visit.chosen("quantity", LABELS["quantity"]),
        "space": visit.query("space"),
        "virtual": visit.chosen("virtual", ("true", "false")),
    }
    found, virtual, spaces = await gather(
        visit.api.items("/meters", **filters, limit=2000),
        visit.api.items("/virtual-meters"),
        visit.api.items("/spaces", limit=2000),
    )
    formulas = {one["id"]: one for one in virtual}
    buildings = [space for space in spaces if space["kind"] == "building"]
    return visit.render("meters.html", meters=found, formulas=formulas, filters=filters, buildings=buildings, spaces=spaces)


async def meter(visit: Visit) -> Response:
    """`?days=1|7|31`, `?until=YYYY-MM-DD` (site time; default today)."""
    facts, virtual = await gather(_ledger(visit, visit.path("id"), "7"), visit.api.items("/virtual-meters"))
    defined = next((one for one in virtual if one["id"] == facts["ledger"]["meter"]["id"]), None)
    bill = await visit.api.get(f"/meters/{visit.path('id')}/bill", start=facts["start"], end=facts["end"])
    return visit.render("meter_page.html", **facts, defined=defined, bill=bill)


async def section(visit: Visit, device: Json) -> dict[str, Any]:
    """What meter.html shows on a device's page; `ledger` is None where it is no meter or the reader may not see its ledger."""
    may_see = visit.roles & {"admin", "energy_manager", "logistics_head", "dispatcher"}
    if device["kind"] not in METER_KINDS or not may_see:
        return {"ledger": None}
    return await _ledger(visit, visit.path("id"), "1")


async def _ledger(visit: Visit, meter_path: str, default: str) -> dict[str, Any]:
    days, until = visit.chosen("days", SPANS, default), visit.day("until")
    end = datetime.combine(until + timedelta(days=1), time(), tzinfo=visit.t.zone)
    start = datetime.combine(until - timedelta(days=int(days) - 1), time(), tzinfo=visit.t.zone)
    bounds = {"start": instant(start), "end": instant(end)}
    ledger = await visit.api.get(f"/meters/{meter_path}/ledger", **bounds)
    return {
        "ledger": ledger,
        "days": days,
        "until": until,
        "today": visit.t.today(),
        "spans": SPANS,
        "start": bounds["start"],
        "end": bounds["end"],
        "ledger_picture": _picture(visit, ledger, int(days)),
        **await plans.forecast_facts(visit, device_id=ledger["meter"]["id"]),
        "local": lambda value: moment(value).astimezone(visit.t.zone).strftime("%Y-%m-%dT%H:%M:%S"),
    }


def _picture(visit: Visit, ledger: Json, days: int) -> Json:
    """Hours, or days where it is a month; what is doubtful stands out by being faded."""
    items = ledger["items"] if days < 31 else _by_day(visit, ledger["items"])
    label = visit.t.day if days >= 31 else visit.t.hour if days == 1 else visit.t.clock
    return {
        "kind": "hours",
        "unit": visit.t.unit(ledger["meter"]["unit"]),
        "labels": [label(item["start"]) for item in items],
        "series": [{"name": visit.t.gettext("Use"), "type": "bar", "values": [_bar(item) for item in items]}],
    }


def _bar(item: Mapping[str, Any]) -> Any:  # noqa: ANN401  a number, or a number with its look
    if item["value"] is None or not DOUBTFUL & set(item["quality"]):
        return item["value"]
    return {"value": item["value"], "itemStyle": {"opacity": FADED}}


def _by_day(visit: Visit, items: list[Json]) -> list[Json]:
    days: dict[date, list[Json]] = {}
    for item in items:
        days.setdefault(moment(item["start"]).astimezone(visit.t.zone).date(), []).append(item)
    return [
        {
            "start": hours[0]["start"],
            "value": sum(hour["value"] or 0 for hour in hours) if any(hour["value"] is not None for hour in hours) else None,
            "quality": sorted({flag for hour in hours for flag in hour["quality"]}),
        }
        for hours in days.values()
    ]


async def prices(visit: Visit) -> Response:
    """Prices and carbon factors with the day from which they hold."""
    return visit.render(
        "prices.html", tariffs=(await visit.api.get("/tariffs"))["items"], hours_words=hours_words, today=visit.t.today()
    )


def hours_words(hours: list[int]) -> str:
    """`8-10, 17-21` of a list of hours; a night goes over midnight."""
    if not hours:
        return ""
    runs: list[list[int]] = []
    for hour in sorted(hours):
        if runs and runs[-1][-1] == hour - 1:
            runs[-1].append(hour)
        else:
            runs.append([hour])
    if len(runs) > 1 and runs[0][0] == 0 and runs[-1][-1] == 23:
        runs[-1].extend(runs.pop(0))
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
