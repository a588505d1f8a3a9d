"""Places and devices: where things are, and what they say."""

from collections.abc import Sequence
from datetime import timedelta

from starlette.responses import Response

from dashboards.web import commissioning, exchange, records, registry
from dashboards.web import meters as meter_account
from dashboards.web.backend import Json, gather
from dashboards.web.desk import chart_words
from dashboards.web.text import instant, moment
from dashboards.web.visit import Visit
from dashboards.web.words import LABELS

PERIODS_H = ("1", "6", "24", "168")
POINTS = 5000
OPEN_ORDERS = "raised,triaged,assigned,accepted,in_progress,on_hold,done,accepted_by_reporter"


async def space(visit: Visit) -> Response:
    space_id = visit.param("id")
    place, devices, alerts, orders = await gather(
        visit.api.get(f"/spaces/{visit.path('id')}"),
        visit.api.items_if_allowed("/devices", space=space_id, limit=500),
        visit.api.items_if_allowed("/alerts", space=space_id, state="open,acknowledged"),
        visit.api.items_if_allowed("/work-orders", space=space_id, state=OPEN_ORDERS),
    )
    return visit.render("space.html", place=place, devices=devices, alerts=alerts, orders=orders, main_value=main_value)


async def devices(visit: Visit) -> Response:
    """`?q=`, `?kind=`, `?status=`, `?space=` filter."""
    filters = {
        "q": visit.query("q"),
        "kind": visit.chosen("kind", LABELS["device_kind"]),
        "status": visit.chosen("status", LABELS["device_status"]),
        "space": visit.query("space"),
    }
    found, spaces = await gather(visit.api.items("/devices", **filters, limit=2000), visit.api.items("/spaces", limit=1000))
    buildings = [space for space in spaces if space["kind"] == "building"]
    waiting = await registry.news(visit)
    return visit.render("devices.html", devices=found, filters=filters, buildings=buildings, main_value=main_value, **waiting)


async def device(visit: Visit) -> Response:
    """`?metric=` and `?hours=` choose what the chart shows."""
    device_id = visit.param("id")
    found = await visit.api.get(f"/devices/{visit.path('id')}")
    metrics = [metric["name"] for metric in found["metrics"]]
    metric = visit.chosen("metric", tuple(metrics), _first_metric(metrics))
    hours = visit.chosen("hours", PERIODS_H, "6")
    readings, findings, alerts, events, meters, health = await gather(
        _readings(visit, metric, int(hours)),
        visit.api.items_if_allowed("/findings", device=device_id, limit=20),
        visit.api.items_if_allowed("/alerts", device=device_id, state="open,acknowledged,resolved", limit=20),
        visit.api.items_if_allowed("/events", device=device_id, limit=30),
        _relatives(visit, found),
        registry.device_health(visit, found),
    )
    return visit.render(
        "device.html",
        device=found,
        metric=metric,
        hours=hours,
        periods=PERIODS_H,
        readings=readings,
        picture_data=_line(visit, readings),
        findings=findings,
        alerts=alerts,
        events=events,
        names={meter["id"]: visit.t.named(meter) for meter in meters},
        stale=stale_metrics(found, visit),
        **await meter_account.section(visit, found),
        **await exchange.command_section(visit, visit.path("id")),
        **await commissioning.section(visit, found),
        health=health,
        kinds_with_record=records.KINDS,
    )


async def _relatives(visit: Visit, found: Json) -> list[Json]:
    """The devices of its kind, where it has meters above or below whose names the page shows."""
    if not found["upstream_id"] and not found["sub_meters"]:
        return []
    return await visit.api.items("/devices", kind=found["kind"], limit=2000)


async def _readings(visit: Visit, metric: str, hours: int) -> Json:
    if not metric:
        return {"metric": "", "unit": "", "items": []}
    start = visit.t.now - timedelta(hours=hours)
    return await visit.api.get(f"/devices/{visit.path('id')}/readings", metric=metric, start=instant(start), limit=POINTS)


def _line(visit: Visit, readings: Json) -> Json:
    items = readings["items"]
    return {
        "metric": readings["metric"],
        "unit": visit.t.unit(readings["unit"]),
        "times": [moment(item["ts"]).timestamp() for item in items],
        "lines": [{"label": visit.t.label("metric", readings["metric"]), "values": [item["value"] for item in items]}],
        **chart_words(visit, readings["metric"]),
    }


def _first_metric(metrics: Sequence[str]) -> str:
    """What people look at first: power, flow, pressure; never a register while there is something livelier."""
    for wanted in _LIVELY:
        if wanted in metrics:
            return wanted
    return metrics[0] if metrics else ""


_LIVELY = (
    *("elec.power.active", "water.flow", "water.pressure", "smoke.density", "co.concentration", "gas.lel", "call_point.active"),
    *("env.temperature", "door.open"),
)


def main_value(device: Json) -> tuple[str, Json] | None:
    """The one latest value that stands for the device in a list."""
    latest = device["latest"]
    name = _first_metric(sorted(latest))
    return (name, latest[name]) if name else None


def stale_metrics(device: Json, visit: Visit) -> frozenset[str]:
    """Metrics whose latest value is older than three of the device's intervals (at least two minutes); `online` comes only once."""
    limit = timedelta(seconds=max(3 * float(device["interval_s"] or 60), 120))
    return frozenset(
        name for name, value in device["latest"].items() if name != "online" and visit.t.now - moment(value["ts"]) > limit
    )
