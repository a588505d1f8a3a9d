"""From finding to saving: forecasts on other pages, plan and budget, what repairs have saved, and who compares well."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from starlette.responses import Response

from dashboards.web.backend import Json, gather
from dashboards.web.text import instant
from dashboards.web.visit import Visit
from dashboards.web.words import LABELS, N_

SPANS = ("7", "28", "84")
WIDTH = 100.0
MONTHS = tuple(range(1, 13))
LEAST_KNOWN = 0.9


async def forecast_facts(visit: Visit, **subject: str) -> dict[str, Any]:
    """What plan_parts.html shows of a space (`space_id`, `quantity`) or a meter (`device_id`); `forecast` None where it may not."""
    forecast = await visit.api.get_or_none("/forecast", **subject, days=7)
    return {"forecast": forecast, "forecast_picture": None if forecast is None else _ahead_picture(visit, forecast)}


def _ahead_picture(visit: Visit, forecast: Json) -> Json:
    t, days = visit.t, [*([forecast["today"]] if forecast["today"] else []), *forecast["items"]]
    return {
        "kind": "days",
        "unit": t.unit(forecast["unit"]),
        "labels": [t.day(noon(visit, day["day"])) for day in days],
        "series": [
            {"name": t.gettext("Expected"), "type": "bar", "values": [round(day["expected"], 3) for day in days]},
            {**_BOUND, "name": t.gettext("At least"), "values": [day["low"] for day in days]},
            {**_BOUND, "name": t.gettext("At most"), "values": [day["high"] for day in days]},
        ],
    }


_BOUND = {"type": "line", "shade": "--chart-2", "dash": True}


def noon(visit: Visit, day: str) -> datetime:
    """A moment by which a calendar day of the site can be named."""
    return datetime.combine(date.fromisoformat(day), time(12), tzinfo=visit.t.zone)


# Plan and budget


async def budgets(visit: Visit) -> Response:
    """All budgets; `?space=`, `?meter=` fill in the form for a new one."""
    found, spaces, meters = await gather(
        visit.api.items("/budgets"), visit.api.items("/spaces", limit=2000), visit.api.items("/meters", limit=2000)
    )
    measured = [space for space in spaces if space["kind"] in {"site", "building", "floor"}]
    return visit.render(
        "budgets.html",
        budgets=[_budget(visit, budget) for budget in found],
        spaces=measured,
        meters=meters,
        asked={"space": visit.query("space"), "meter": visit.query("meter"), "quantity": visit.query("quantity")},
        today=visit.t.today(),
        months=MONTHS,
        noon=lambda day: noon(visit, day),
        amount=lambda value, budget: _amount(visit, value, budget),
        about=lambda value, budget: _amount(visit, None if value is None else rounded(value), budget),
    )


def _budget(visit: Visit, budget: Json) -> Json:
    """With its picture and the lengths of its bar."""
    stands = budget["outlook"]
    if stands is None:
        return {**budget, "picture": None, "bar": None, "mood": "unknown"}
    most = max(budget["amount"], stands["used"], stands["expected"] or 0.0)
    bar = {name: round(WIDTH * (stands[name] or 0.0) / most, 1) for name in ("used", "expected", "plan_to_date")}
    return {
        **budget,
        "picture": _course(visit, budget),
        "bar": {**bar, "amount": round(WIDTH * budget["amount"] / most, 1)},
        "mood": _mood(budget, stands),
    }


def _mood(budget: Json, stands: Json) -> str:
    """`partly`: it would do, but too little of the time to date is known for anybody to say so."""
    if stands["used"] > budget["amount"]:
        return "over"
    if stands["over_by"]:
        return "warns"
    if stands["expected"] is None:
        return "unknown"
    return "holds" if stands["known_share"] >= LEAST_KNOWN else "partly"


def _course(visit: Visit, budget: Json) -> Json:
    t, days = visit.t, budget["outlook"]["days"]
    line = {"type": "line", "plain": True}
    return {
        "kind": "days",
        "unit": t.unit(budget["unit"]),
        "labels": [t.day(noon(visit, day["day"])) for day in days],
        "series": [
            {**line, "name": t.gettext("Used"), "values": [_short(day["used"]) for day in days]},
            {
                **line,
                "name": t.gettext("Expected"),
                "dash": True,
                "shade": "--chart-1",
                "values": [_short(day["expected"]) for day in days],
            },
            {**line, "name": t.gettext("Plan"), "shade": "--chart-2", "values": [_short(day["plan"]) for day in days]},
        ],
    }


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def rounded(value: float) -> float:
    """To three figures: nobody can foretell 5,509.01."""
    return float(f"{value:.3g}")


def _amount(visit: Visit, value: float | None, budget: Json) -> str:
    if budget["measure"] != "money" or value is None:
        return visit.t.number(value, budget["unit"])
    return visit.t.whole_money(value)


# Savings


async def savings_of(visit: Visit, **subject: str) -> Json | None:
    """Of an order (`order_id`), a finding (`finding_id`) or a space; None where the reader may not see them."""
    return await visit.api.get_or_none("/savings", **subject)


# Benchmarks


async def benchmarks(visit: Visit) -> Response:
    """`?quantity=`, `?by=m2|head`, `?kind=building|floor`, `?days=7|28|84` (whole days before today)."""
    asked = {
        "quantity": visit.chosen("quantity", LABELS["quantity"], "electricity"),
        "by": visit.chosen("by", BY, "m2"),
        "kind": visit.chosen("kind", ("building", "floor", "room"), "building"),
        "days": visit.chosen("days", SPANS, "28"),
    }
    today = datetime.combine(visit.t.today(), time(), tzinfo=visit.t.zone)
    bounds = {"from": instant(today - timedelta(days=int(asked["days"]))), "to": instant(today)}
    filters = {name: asked[name] for name in ("quantity", "by", "kind")}
    found, rooms = await gather(
        visit.api.get("/benchmarks", **filters, **bounds), visit.api.get_or_none("/benchmarks/rooms", kind=asked["kind"], **bounds)
    )
    return visit.render(
        "benchmarks.html",
        found=found,
        rooms=rooms,
        asked=asked,
        spans=SPANS,
        by=BY,
        last=instant(today - timedelta(hours=12)),
        items=_bars(found["items"], asked["by"]),
        ranked=lambda item: _ranked(item, asked["by"]),
    )


BY = {"m2": N_("per m²"), "head": N_("per head")}


def _ranked(item: Json, by: str) -> float | None:
    corrected: float | None = item[f"corrected_per_{by}"]
    plain: float | None = item[f"per_{by}"]
    return plain if corrected is None else corrected


def _bars(items: Sequence[Json], by: str) -> list[Json]:
    largest = max((_ranked(item, by) or 0.0 for item in items), default=0.0)
    return [{**item, "bar": round(WIDTH * (_ranked(item, by) or 0.0) / largest, 1) if largest else 0} for item in items]
