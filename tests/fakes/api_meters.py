"""What the fake API says of meters, prices and bills."""

from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
Json = dict[str, Any]
PLACE = [
    {"id": "campus", "name": "Hill School", "name_zh": "山丘学校"},
    {"id": "dorm-a", "name": "Dormitory A", "name_zh": "A 宿舍"},
]


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


METER = {
    "id": "wm-1",
    "virtual": False,
    "quantity": "water",
    "unit": "m3",
    "name": "Water meter floor 2",
    "name_zh": "二层水表",
    "space_id": "dorm-a-2",
    "space_path": PLACE,
    "register": {"value": 1234.5, "ts": _iso(NOW), "quality": []},
    "today": {"value": 12.5, "cost": 51.25, "kgco2e": 2.1},
    "measured_share": 0.96,
}
REST = {
    "id": "rest",
    "quantity": "water",
    "space_id": "dorm-a",
    "space_path": PLACE,
    "name": "The rest",
    "name_zh": "其余",
    "terms": [{"meter_id": "wm-1", "factor": 1.0}],
    "formula": "wm-1",
    "rest_of": "wm-1",
}
RESET_NOTE = {
    "kind": "reset",
    "start": _iso(NOW - timedelta(hours=3)),
    "end": _iso(NOW - timedelta(hours=2)),
    "before": 1234.5,
    "after": 0.5,
    "counted": 0.5,
    "message": "The register fell from %(before)s to %(after)s %(unit)s and counts on from there. "
    "%(counted)s %(unit)s were counted. If the meter was exchanged, enter it with both indices.",
    "facts": {"before": 1234.5, "after": 0.5, "counted": 0.5, "unit": "m3"},
    "text": "",
    "exchange_likely": True,
}
ENTRY = {
    "id": 4,
    "kind": "correction",
    "at": _iso(NOW - timedelta(hours=4)),
    "before": 1200.0,
    "after": 1230.0,
    "reason": "read wrong",
    "entered_by": "energy",
    "entered_at": _iso(NOW),
    "undone_by": None,
    "undone_at": None,
}
UNDONE = {**ENTRY, "id": 3, "kind": "exchange", "undone_by": "admin", "undone_at": _iso(NOW)}
BILL_LINE = {
    "valid_from": "2026-01-01",
    "price": 4.1,
    "above": 0.0,
    "below": 180.0,
    "period": "year",
    "kgco2e_per_unit": 0.168,
    "amount": 12.5,
    "cost": 51.25,
    "kgco2e": 2.1,
}


def answer_meters(noun: str, rest: list[str], hours: Json) -> Json:
    if noun == "tariffs":
        price = {"id": -1, "valid_from": "2000-01-01", "price": 0.65, "hours": [23, 0, 1], "use": None, "above": 0, "period": None}
        step = {**price, "id": 2, "hours": [], "use": "dormitory", "above": 2880, "period": "year"}
        factors = [{"id": -1, "valid_from": "2000-01-01", "kgco2e": 0.5366}]
        tariff = {"prices": [price, step], "prices_from_settings": True, "factors": factors, "factors_from_settings": True}
        return {"items": [{"quantity": "electricity", "unit": "kWh", **tariff}], "currency": "CNY"}
    virtual = {**METER, **{name: REST[name] for name in ("id", "name", "name_zh")}, "virtual": True, "register": None}
    match rest:
        case []:
            return {"items": [REST] if noun == "virtual-meters" else [METER, virtual], "next": None}
        case [_, "bill"]:
            used = {"lines": [BILL_LINE], "used_before": {"year": 100.0}, "quality": ["estimated"]}
            return {"meter": METER, "start": _iso(NOW), "end": _iso(NOW), "total": METER["today"], "currency": "CNY", **used}
    return {
        "meter": virtual if rest[0] == "rest" else METER,
        "start": hours["items"][0]["start"],
        "end": hours["items"][-1]["start"],
        "items": [{**hour, "uncertainty": 0.1} for hour in hours["items"]],
        "total": hours["total"],
        "notes": [RESET_NOTE],
        "entries": [ENTRY, UNDONE],
        "recounting": True,
        "currency": "CNY",
    }
