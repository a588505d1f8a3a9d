"""What the fake API says of profiles, gateways, strangers, dead letters and the quality of data."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
SEEN = "2026-11-20T06:20:00Z"
DEVICE_MORE: Json = {
    "attributes": {"interval_s": "30", "cabinet": "K3"},
    "measures_space": True,
    "silent_after_s": 900.0,
    "sleeping": True,
    "retired_at": "2026-11-19",
    "replaced_by": "wm-9",
    "replaces": "wm-0",
    "gateway": "gw-1",
    "topic": "caretaker/v1/campus/wm-1/telemetry",
    "family": "native",
}
PROFILES: list[Json] = [
    {
        "id": "wm-floor",
        "name": "Floor water meter",
        "name_zh": "楼层水表",
        "kind": "water_meter",
        "metrics": ["water.volume", "water.flow"],
        "interval_s": 86_400.0,
        "silent_after_s": 216_000.0,
        "sleeping": True,
        "registers": [{"metric": "water.volume", "unit": "m3", "modulus": 1e4, "digits": 4, "max_per_hour": 20.0, "signed": True}],
        "limits": [{"metric": "water.flow", "unit": "m3/h", "low": -2000.0, "high": 2000.0}],
        "devices": 3,
    }
]
GATEWAY: Json = {"id": "gw-1", "name": None, "name_zh": None, "known": False, "devices": 2, "present": 0, "last_seen": SEEN}
STRANGER: Json = {
    "id": "210900042",
    "first_seen": SEEN,
    "last_seen": SEEN,
    "topic": "dtu/1/up",
    "family": "dlt645",
    "metrics": ["elec.energy.import", "elec.power.active"],
    "gateway": "gw-1",
    "model": "DDS-1",
    "told": {},
    "ignored": False,
    "suggestion": {
        "profile_id": "wm-floor",
        "kind": "water_meter",
        "name": "Floor water meter",
        "name_zh": "楼层水表",
        "because": ["water.volume"],
    },
}
LETTER: Json = {
    "id": 5,
    "received": SEEN,
    "topic": "a/<b>",
    "reason": "checksum 12 is not 13",
    "device_id": "wm-1",
    "size": 3,
    "start": "h..",
    "replay": "refused",
}
QUALITY: list[Json] = [
    {
        "device_id": "wm-1",
        "device_name": "Water meter floor 2",
        "device_name_zh": "二层水表",
        "space_id": "dorm-a-2",
        "kind": "water_meter",
        "day": "2026-11-19",
        "expected": 100,
        "received": 50,
        "complete": 0.5,
        "on_time": 1.0,
        "plausible": None,
        "score": 0.5,
    }
]


def answer(path: list[str], query: Mapping[str, str]) -> Json | None:  # noqa: C901, PLR0911  one line for each address
    """None where there is no such thing."""
    match path:
        case ["profiles"]:
            return {"items": PROFILES, "next": None}
        case ["families"]:
            return {"items": ["mbus", "native"], "next": None}
        case ["links"]:
            link = {"scope": "device", "key": "wm-1", "family": "mbus", "context": {"model": "X"}, "secrets": ["aes_key"]}
            return {"items": [link], "next": None}
        case ["gateways"]:
            return {"items": [GATEWAY], "next": None}
        case ["gateways", "gw-1"]:
            return {**GATEWAY, "items": [], "discovered": ["210900042"]}
        case ["discovered"]:
            return {"items": [STRANGER] if query.get("id", STRANGER["id"]) == STRANGER["id"] else [], "next": None}
        case ["dead-letters"]:
            return {"items": [LETTER], "next": "abc"}
        case ["dead-letters", "counts"]:
            return {"total": 1, "waiting": 1, "reasons": [{"reason": "checksum", "count": 1}]}
        case ["dead-letters", "5"]:
            return {**LETTER, "text": "<script>", "hex": "3c 73 63", "truncated": True}
        case ["data-quality"]:
            total = {"devices": 1, "complete": 0.5, "on_time": 1.0, "plausible": None}
            return {"day": query["day"], "items": QUALITY, "total": total, "next": None}
    return None
