"""The fake API's records of cold stores."""

from typing import Any

from tests.fakes.api_registry import DEVICE_MORE

Json = dict[str, Any]
LIMITS: Json = {"low": 0.0, "high": 8.0, "grace_s": 1800.0}
CHECK: Json = {
    "id": 1,
    "day": "2026-11-19",
    "checked_by": "plumber",
    "checked_by_name": "Li Wei",
    "checked_at": "2026-11-20T01:00:00Z",
    "note": "door shut",
    "value": 3.9,
}
LATEST: Json = {"value": 9.5, "unit": "Cel", "ts": "2026-11-20T06:00:00Z", "quality": []}
RECORDS: list[Json] = [
    {
        "id": "cold-1",
        "kind": "cold_store",
        "name": "Cold room",
        "name_zh": "冷藏库",
        "space_path": [],
        "metric": "env.temperature",
        "latest": LATEST,
        "limits": LIMITS,
        "outside": True,
        "last_check": CHECK,
    },
]
RECORDS.append(
    RECORDS[0]
    | {"id": "lab-1", "kind": "environment_sensor", "limits": {"low": None, "high": None, "grace_s": 0.0}}
    | {"latest": None, "outside": None, "last_check": None}
)


def answer(rest: list[str], query: Json, device: Json) -> Json | None:
    """What is asked of the cold store `cold-1`."""
    match rest:
        case ["record"]:
            return _record(query)
        case []:
            metrics = [
                {"name": "env.temperature", "unit": "Cel", "kind": "gauge"},
                {"name": "env.humidity", "unit": "%RH", "kind": "gauge"},
            ]
            own = {
                "id": "cold-1",
                "kind": "cold_store",
                "name": "Cold room",
                "name_zh": "冷藏库",
                "latest": {"env.temperature": LATEST},
            }
            health = {"received": 1, "stored": 1, "late": 0, "rejected": 0, "duplicate": 0}
            return {**device, **own, "metrics": metrics, "sub_meters": [], "health": health, **DEVICE_MORE}
        case ["commands"]:
            return None
        case _:
            return {"metric": query.get("metric", ""), "unit": "Cel", "items": [], "next": None}


def _record(query: Json) -> Json:
    measured = {"count": 12, "low": 3.0, "high": 11.0, "mean": 4.5, "outside_s": 2400.0, "unknown_s": 0.0}
    nothing = {"count": 0, "low": None, "high": None, "mean": None, "outside_s": 0.0, "unknown_s": 3600.0}
    return {
        "device_id": "cold-1",
        "metric": query.get("metric") or "env.temperature",
        "unit": "Cel",
        "limits": LIMITS,
        "start": "2026-11-19T16:00:00Z",
        "end": "2026-11-19T19:00:00Z",
        "every": query.get("every") or "hour",
        **measured,
        "unknown_s": 190_000.0,
        "intervals": [
            {"start": "2026-11-19T16:00:00Z", "end": "2026-11-19T17:00:00Z", **measured},
            {"start": "2026-11-19T17:00:00Z", "end": "2026-11-19T18:00:00Z", **nothing},
            {"start": "2026-11-20T18:00:00Z", "end": "2026-11-20T19:00:00Z", **nothing, "unknown_s": 0.0},
        ],
        "excursions": [
            {"start": "2026-11-19T16:10:00Z", "end": "2026-11-19T16:50:00Z", "seconds": 2400.0, "worst": 11.0}
            | {"lost": lost, "going_on": going_on, "alarming": alarming}
            for lost, going_on, alarming in ((False, False, True), (True, False, False), (False, True, True), (False, False, False))
        ],
        "excursion_count": 900,
        "gaps": [{"start": "2026-11-19T17:00:00Z", "end": "2026-11-19T18:00:00Z"}],
        "gap_count": 1,
        "checks": [CHECK],
        "unchecked": ["2026-11-18", "2026-11-17"],
    }


COMMISSIONING: Json = {
    "device_id": "wm-1",
    "device_name": "Water meter floor 2",
    "device_name_zh": "二层水表",
    "space_path": [],
    "since": "2026-11-17T06:00:00Z",
    "measured_hours": 70,
    "needed_hours": 336,
    "days_left": 12,
    "missing": ["silent", "hours"],
    "seen": ["microwave"],
    "finished_at": None,
    "finished_by": None,
    "note": "",
}
