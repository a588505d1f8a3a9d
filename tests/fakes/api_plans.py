"""What the fake API says of forecasts, budgets, savings and comparisons."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

Json = dict[str, Any]
PLACE = [
    {"id": "campus", "name": "Hill School", "name_zh": "山丘学校"},
    {"id": "dorm-a", "name": "Dormitory A", "name_zh": "A 宿舍"},
]
TODAY = date(2026, 11, 20)


def _day(number: int, *, told: bool = True) -> Json:
    return {
        "day": (TODAY + timedelta(days=number)).isoformat(),
        "expected": 120.5,
        "low": 100.25 if told else None,
        "high": 140.75 if told else None,
        "cost": 80.0,
        "hours": [5.0] * 24,
    }


def forecast(query: Mapping[str, str]) -> Json:
    """Of the site it is told with interval, of a meter without; of a building it cannot be told yet."""
    known, told = query.get("space_id") != "dorm-a", "space_id" in query
    days = [_day(number, told=told) for number in range(8)] if known else []
    total = {"expected": 843.5, "low": 800.0 if told else None, "high": 900.0 if told else None, "cost": 560.0}
    return {
        "quantity": query.get("quantity", "water"),
        "unit": "kWh",
        "space_id": query.get("space_id"),
        "meter_id": query.get("device_id"),
        "today": days[0] if days else None,
        "used_today": 60.0,
        "items": days[1:],
        "total": total if days else None,
        "currency": "CNY",
    }


def budget(number: int, **outlook: Any) -> Json:
    stands = {
        "used": 2000.0,
        "plan_to_date": 2066.7,
        "known_share": 1.0,
        "expected": 2900.0,
        "low": 2800.0,
        "high": 3050.0,
        "over_on": None,
        "over_by": None,
        "warns": False,
        "days": [
            {
                "day": f"2026-11-{n:02}",
                "used": 100.0 * n if n <= 20 else None,
                "expected": 100.0 * n if n >= 20 else None,
                "plan": 103.3 * n,
            }
            for n in range(1, 31)
        ],
        **outlook,
    }
    return {
        "id": number,
        "space_id": "dorm-a" if number != 5 else None,
        "meter_id": None if number != 5 else "wm-1",
        "name": "Dormitory A",
        "name_zh": "A 宿舍",
        "space_path": PLACE,
        "quantity": "electricity",
        "measure": "money" if number % 2 else "amount",
        "unit": "CNY" if number % 2 else "kWh",
        "year": 2026,
        "month": 11 if number != 3 else None,
        "start": "2026-11-01",
        "end": "2026-12-01",
        "amount": 3100.0,
        "note": "<b>agreed</b>",
        "entered_by": "energy",
        "entered_at": "2026-10-01T00:00:00Z",
        "outlook": None if outlook.get("used", 0) is None else stands,
    }


BUDGETS = [
    budget(1),
    budget(2, expected=4300.0, over_on="2026-11-23", over_by=1200.0, warns=True),
    budget(3, used=3200.0, expected=4300.0, over_on="2026-11-19", over_by=1200.0, warns=True),
    budget(4, expected=None, low=None, high=None),
    budget(5, known_share=0.2),
    budget(6, used=None),
]


def _quota(number: int, **changes: Any) -> Json:
    return {
        "id": number,
        "space_id": "dorm-a",
        "name": "Dormitory A",
        "name_zh": "A 宿舍",
        "space_path": PLACE,
        "quantity": "electricity",
        "unit": "kWh",
        "per": "head",
        "month": None,
        "amount": 30.0,
        "note": "<b>council</b>",
        "entered_by": "energy",
        "entered_at": "2026-10-01T00:00:00Z",
        **changes,
    }


QUOTAS = [_quota(1), _quota(2, per="room", month=11, amount=150.0), _quota(3, quantity="water", unit="m3", amount=3.0)]


def _quota_room(name: str, used: float, allowed: float | None, over_on: str | None = None) -> Json:
    share = None if allowed is None else used / allowed
    path = [*PLACE, {"id": name, "name": f"Room {name}", "name_zh": f"{name} 室"}]
    return {
        "device_id": f"em-{name}",
        "space_id": name,
        "space_path": path,
        "quota_id": 1,
        "people": None if allowed is None else 4,
        "used": used,
        "allowed": allowed,
        "share": share,
        "over_on": over_on,
    }


def quota_rooms(query: Mapping[str, str]) -> Json:
    rooms = [_quota_room("101", 132.0, 120.0, "2026-11-19"), _quota_room("102", 100.0, 120.0), _quota_room("103", 50.0, None)]
    water = query.get("quantity") == "water"
    return {
        "quantity": query.get("quantity", "electricity"),
        "unit": "m3" if water else "kWh",
        "month": "2026-11-01",
        "items": [] if water else rooms,
        "over": 0 if water else 1,
        "unjudged": 0 if water else 1,
    }


def _saving(order_id: int, **changes: Any) -> Json:
    return {
        "order_id": order_id,
        "order_number": f"WO-{order_id:06d}",
        "finding_id": 7,
        "finding_kind": "water.burst",
        "device_id": "wm-1",
        "space_id": "dorm-a",
        "space_path": PLACE,
        "quantity": "water",
        "unit": "m3",
        "repaired_at": "2026-11-01T00:00:00Z",
        "state": "measured",
        "days": 12,
        "days_wanted": 28,
        "per_day": 12.3,
        "low": 10.0,
        "high": 14.6,
        "proven": True,
        "during": 20.0,
        "after": 7.7,
        "money_per_day": 50.4,
        "kgco2e_per_day": 2.1,
        "estimate_per_day": 14.0,
        "estimate_money_per_day": 57.4,
        "weather_corrected": False,
        "updated_at": "2026-11-20T00:00:00Z",
        **changes,
    }


_NOT_YET = {
    "state": "waiting",
    "per_day": None,
    "low": None,
    "high": None,
    "proven": False,
    "during": None,
    "after": None,
    "days": 0,
}


def savings(query: Mapping[str, str]) -> Json:
    items = [_saving(12), _saving(13, **_NOT_YET), _saving(14, per_day=-1.0, low=-2.0, proven=False, weather_corrected=True)]
    if query.get("order_id"):
        items = [item for item in items if item["order_id"] == int(query["order_id"])]
    total = {"per_day": 12.3, "low": 10.0, "high": 14.6, "money_per_year": 18396.0, "kgco2e_per_year": 766.0, "repairs": 2}
    sums = [{"quantity": "water", "unit": "m3", **total, "waiting": 1, "waiting_estimate_per_day": 14.0}]
    return {"since": "2026-09-01", "items": items, "sums": sums, "currency": "CNY"}


def benchmarks(query: Mapping[str, str]) -> Json:
    weather = query.get("by") == "head"
    item = {
        "space_id": "dorm-a",
        "name": "Dormitory A",
        "name_zh": "A 宿舍",
        "use": "dormitory",
        "value": 1234.5,
        "known_share": 0.99,
        "area_m2": 500.0,
        "people": 100,
        "per_m2": 2.469,
        "per_head": 12.345,
        "corrected_per_m2": 2.2 if weather else None,
        "corrected_per_head": 11.0 if weather else None,
        "to_median": 1.3,
        "peers": 2,
    }
    return {
        "quantity": query.get("quantity"),
        "unit": "kWh",
        "by": query.get("by"),
        "kind": query.get("kind"),
        "start": query["from"],
        "end": query["to"],
        "days": 28,
        "weather": "weather-1" if weather else None,
        "heating_degree_days": 120.0 if weather else None,
        "cooling_degree_days": 0.0 if weather else None,
        "items": [item, {**item, "space_id": "lab", "to_median": None, "peers": 1}] if query.get("kind") != "room" else [],
        "medians": [],
        "unranked": 1,
    }


def rooms(query: Mapping[str, str]) -> Json:
    room = {
        "space_id": "dorm-a",
        "name": "Dormitory A",
        "name_zh": "A 宿舍",
        "space_path": PLACE,
        "kwh_per_day": 44.0,
        "base_w": 250.0,
        "openings_per_day": None,
        "used_hours_per_day": 12.0,
        "kwh_per_used_hour": 3.6,
        "unused_share": 0.12,
    }
    return {"start": query["from"], "end": query["to"], "items": [room]}
