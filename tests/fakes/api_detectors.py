"""What the fake API says of detectors."""

from typing import Any

Json = dict[str, Any]
AT = "2026-11-20T06:30:00Z"
RECORD = {
    "data_set": "demo",
    "about": "simulated",
    "command": "caretaker evaluate demo --weeks 8 --seed 7",
    "faults": 12,
    "found": 11,
    "recall": 0.917,
    "alarms": 12,
    "false_alarms": 1,
    "precision": 0.917,
    "delay_s": 114.0,
    "false_per_device_month": 0.003,
}
HERE = {"judged": 40, "real": 37, "false_alarms": 3, "unproven": 1, "precision": 0.925}
LABEL = {
    "id": 1,
    "finding_id": 7,
    "verdict": "false_alarm",
    "what": "fire drill <b>",
    "note": "",
    "order_id": 12,
    "given_by": "plumber",
    "given_at": AT,
}


def rule(**changes: Any) -> Json:
    return {
        "id": 3,
        "kind": "water.burst",
        "device_id": "wm-1",
        "device_name": "Water meter floor 2",
        "device_name_zh": "二层水表",
        "space_id": None,
        "space_path": [],
        "off": False,
        "parameters": {"least_floor": 2.0},
        "reason": "hydrant tests",
        "basis": {"avoided": 3.0, "false_alarms": 3.0, "kept": 12.0, "real": 12.0},
        "entered_by": "energy",
        "entered_at": AT,
        "undone_by": None,
        "undone_at": None,
        **changes,
    }


def detector(**changes: Any) -> Json:
    return {
        "kind": "water.burst",
        "tried": True,
        "tuned": True,
        "switched": True,
        "life_safety": False,
        "records": [RECORD],
        "here": HERE,
        "rules": 1,
        **changes,
    }


DETECTORS = [detector(), detector(kind="fire.smoke", tuned=False, switched=False, life_safety=True, records=[], rules=0)]
SUGGESTION = {
    "kind": "water.burst",
    "device_id": "wm-1",
    "device_name": "Water meter floor 2",
    "device_name_zh": "二层水表",
    "space_id": None,
    "space_path": [],
    "parameter": "least_floor",
    "unit": "m3/h",
    "before": 1.5,
    "after": 2.25,
    "avoided": 3,
    "false_alarms": 3,
    "kept": 12,
    "real": 12,
    "raised_before": 20,
    "raised_after": 15,
}


SAID = {
    "finding_id": 7,
    "device_name": "Water meter floor 2",
    "device_name_zh": "二层水表",
    "started": AT,
    "verdict": "false_alarm",
    "what": "fire drill <b>",
    "before": True,
    "told": False,
    "agrees": True,
}


def sheet(kind: str) -> Json:
    facts = next((one for one in DETECTORS if one["kind"] == kind), DETECTORS[0])
    return {
        **facts,
        "kind": kind,
        "rule": "One flow sample.",
        "what_for": "breaks",
        "when_it_fails": "small flows",
        "reference": "BattLeDIM",
        "meaning": "`least_*`: least flow",
        "parameters": [{"name": "least_floor", "value": 1.5, "unit": "m3/h", "whole": False}],
        "standing": [rule(), rule(id=4, off=True, parameters={}, basis={}, device_id=None, device_name=None, space_id="dorm-a")],
        "undone": [rule(id=2, undone_by="admin", undone_at=AT)],
        "labels": [LABEL],
    }


def trial(finding: Json) -> Json:
    amounts = {"cost": 41.5, "kwh": 0.0, "m3": 30.0, "kgco2e": 5.0}
    return {
        "start": AT,
        "end": AT,
        "meters": 2,
        "left_out": 1,
        "before": 3,
        "count": 1,
        **amounts,
        "verdicts": [SAID],
        "items": [finding],
    }


def answer_detectors(path: list[str]) -> Json | None:
    """None for what there is not."""
    match path:
        case ["detectors"]:
            return {"items": DETECTORS, "next": None}
        case ["detector-records"]:
            dorm = {"name": "dorm", "about": "rooms", "command": "caretaker evaluate dorm DIR", "figures": {"F1": 0.95}}
            demo = {"name": "demo", "about": "simulated", "command": str(RECORD["command"]), "figures": {}}
            return {"items": [dorm, demo], "next": None}
        case ["detectors", _, "suggestions"]:
            steps = [
                {"id": "campus", "name": "Hill", "name_zh": "山"},
                {"id": "dorm-a", "name": "Dormitory A", "name_zh": "A 宿舍"},
            ]
            building = {"device_id": None, "device_name": None, "device_name_zh": None, "space_id": "dorm-a", "space_path": steps}
            return {"items": [{**SUGGESTION, **building}, SUGGESTION], "next": None}
        case ["detectors", kind] if "." in kind:
            return sheet(kind)
        case _:
            return None
