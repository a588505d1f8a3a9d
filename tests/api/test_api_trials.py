"""Trials and suggestions over stored streams: room power, voltages, doors; and that what guards life is never tuned."""

from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from analytics.episodes import moment
from analytics.finding import Finding, FindingKind
from devices.model import Device, DeviceKind, Event
from tests.fixtures_api import NOW, Campus

NOW_MS = int(NOW.timestamp() * 1000)
DAY_MS, MINUTE_MS = 86_400_000, 60_000


def door_held(campus: Campus, days_ago: int, seconds: int, door: str = "door-lab") -> int:
    """A grant, an opening and a closing so much later; when it was opened."""
    at_ms = NOW_MS - days_ago * DAY_MS
    happened = (("access.granted", -2000), ("door.opened", 0), ("door.closed", seconds * 1000))
    campus.deps.events.append([Event(device_id=door, type=name, ts_ms=at_ms + after) for name, after in happened])
    return at_ms


def power(campus: Campus, watts: dict[int, float], *, for_s: int = 300) -> None:
    """Every 10 s of the hours around so many days ago: 60 W, and for `for_s` so much more."""
    columns: dict[str, list[Any]] = {"device_id": [], "metric": [], "ts_ms": [], "value": []}
    for days_ago, more in watts.items():
        begin_ms = NOW_MS - days_ago * DAY_MS
        ts_ms = np.arange(begin_ms - 60 * MINUTE_MS, begin_ms + 60 * MINUTE_MS, 10_000)
        value = 60 + 0.5 * np.sin(ts_ms / 37_000) + more * ((ts_ms >= begin_ms) & (ts_ms < begin_ms + for_s * 1000))
        columns["ts_ms"] += ts_ms.tolist()
        columns["value"] += value.tolist()
    columns["device_id"] = ["em-101"] * len(columns["ts_ms"])
    columns["metric"] = ["elec.power.active"] * len(columns["ts_ms"])
    campus.deps.readings.import_table(pa.table(columns))


def judge(campus: Campus, kind: FindingKind, device_id: str, started_ms: int, *, real: bool) -> int:
    space_id = {"door-lab": "lab", "door-lab-2": "lab-1", "em-101": "dorm-101", "em-lab": "lab"}[device_id]
    finding = Finding(
        kind=kind,
        device_id=device_id,
        space_id=space_id,
        active=True,
        score=0.5,
        started=moment(started_ms),
        seen=moment(started_ms + 2 * MINUTE_MS),
        message="told",
    )
    stored = campus.deps.findings.record(finding, now=NOW)
    campus.deps.findings.record(Finding(**{**_fields(stored), "active": False}), now=NOW)
    body = {"verdict": "real" if real else "false_alarm", "what": "" if real else "delivery"}
    assert campus.as_user("energy").post(f"/api/v1/findings/{stored.id}/verdicts", json=body).status_code == 201
    return stored.id


def _fields(finding: Finding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in Finding.__dataclass_fields__}


def trial(campus: Campus, kind: str, device_id: str, **more: Any) -> dict[str, Any]:
    answer = campus.as_user("energy").post(f"/api/v1/detectors/{kind}/trial", json={"device_id": device_id, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def suggestions(campus: Campus, kind: str) -> list[dict[str, Any]]:
    answer = campus.as_user("energy").get(f"/api/v1/detectors/{kind}/suggestions")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_doors_are_tried_on_their_stored_events(campus: Campus) -> None:
    for days_ago, seconds in ((3, 40), (4, 90), (5, 600)):
        door_held(campus, days_ago, seconds)
    found = trial(campus, "door.held_open", "door-lab")
    assert [item["started"][:10] for item in found["items"]] == ["2026-11-14", "2026-11-13"]
    assert trial(campus, "door.held_open", "door-lab", parameters={"held_s": 120})["count"] == 1
    assert campus.deps.findings.list() == []


def test_verdicts_about_doors_teach_how_long_they_may_stand_open(campus: Campus) -> None:
    for days_ago, seconds, real in ((3, 80, False), (4, 85, False), (6, 900, True)):
        judge(campus, FindingKind.DOOR_HELD_OPEN, "door-lab", door_held(campus, days_ago, seconds), real=real)
    (one,) = suggestions(campus, "door.held_open")
    assert (one["parameter"], one["avoided"], one["kept"], one["real"]) == ("held_s", 2, 1, 1)
    assert 85 <= one["after"] < 900
    found = trial(campus, "door.held_open", "door-lab", parameters={"held_s": one["after"]})
    assert [(said["verdict"], said["before"], said["told"], said["agrees"]) for said in found["verdicts"]] == [
        ("real", True, True, True),
        ("false_alarm", True, False, True),
        ("false_alarm", True, False, True),
    ]


def test_verdicts_about_appliances_teach_the_least_power(campus: Campus) -> None:
    power(campus, {3: 1500.0, 4: 640.0, 5: 660.0})
    for days_ago, real in ((3, True), (4, False), (5, False)):
        judge(campus, FindingKind.ELEC_HEATING_APPLIANCE, "em-101", NOW_MS - days_ago * DAY_MS, real=real)
    assert trial(campus, "elec.heating_appliance", "em-101")["count"] == 3
    (one,) = suggestions(campus, "elec.heating_appliance")
    assert (one["avoided"], one["kept"]) == (2, 1)
    changed = {one["parameter"]: one["after"]}
    assert trial(campus, "elec.heating_appliance", "em-101", parameters=changed)["count"] == 1


def test_several_doors_of_a_building_teach_the_building(campus: Campus) -> None:
    second = Device(id="door-lab-2", kind=DeviceKind.DOOR_CONTROLLER, profile_id="door", space_id="lab-1", name="D", name_zh="门")
    campus.deps.registry.save([], [second])
    for door, days_ago, seconds, real in (("door-lab", 3, 80, False), ("door-lab-2", 4, 85, False), ("door-lab", 6, 900, True)):
        at_ms = door_held(campus, days_ago, seconds, door)
        judge(campus, FindingKind.DOOR_HELD_OPEN, door, at_ms, real=real)
    found = suggestions(campus, "door.held_open")
    assert [(one["space_id"], one["device_id"], one["avoided"]) for one in found] == [
        ("lab", None, 2),
        (None, "door-lab-2", 1),
        (None, "door-lab", 1),
    ]
    body = {"space_id": "lab", "parameters": {found[0]["parameter"]: found[0]["after"]}, "reason": "deliveries"}
    assert campus.as_user("energy").post("/api/v1/detectors/door.held_open/rules", json=body).status_code == 201
    assert trial(campus, "door.held_open", "door-lab-2")["count"] == 0


def test_voltages_are_tried_on_their_stored_samples(campus: Campus) -> None:
    ts_ms = np.arange(NOW_MS - 2 * DAY_MS, NOW_MS - DAY_MS, MINUTE_MS)
    value = np.where((ts_ms - ts_ms[0] > 3_600_000) & (ts_ms - ts_ms[0] < 9_000_000), 194.0, 221.0)
    names = {"device_id": ["em-lab"] * ts_ms.size, "metric": ["elec.voltage"] * ts_ms.size}
    campus.deps.readings.import_table(pa.table({**names, "ts_ms": ts_ms, "value": value}))
    assert trial(campus, "elec.power_quality", "em-lab")["count"] == 1
    assert trial(campus, "elec.power_quality", "em-lab", parameters={"low": 0.85})["count"] == 0


@pytest.mark.parametrize("kind", ["fire.smoke", "fire.hydrant_pressure", "fire.detector_dusty"])
def test_what_guards_life_is_tried_and_never_tuned(campus: Campus, kind: str) -> None:
    energy = campus.as_user("energy")
    sheet = energy.get(f"/api/v1/detectors/{kind}").json()
    assert (sheet["tried"], sheet["tuned"], sheet["switched"], sheet["life_safety"]) == (True, False, False, True)
    name = sheet["parameters"][0]["name"]
    body = {"space_id": "dorm", "parameters": {name: sheet["parameters"][0]["value"] * 2}, "reason": "too many"}
    assert campus.as_user("admin").post(f"/api/v1/detectors/{kind}/rules", json=body).status_code == 422
    assert energy.get(f"/api/v1/detectors/{kind}/suggestions").status_code == 422


def test_a_smoke_alarm_of_the_past_is_told_again(campus: Campus) -> None:
    at_ms = NOW_MS - 2 * DAY_MS
    rows = [("smoke", at_ms - 600_000, 0.0), ("smoke", at_ms, 1.0), ("smoke", at_ms + 300_000, 0.0)]
    metric, ts_ms, value = (list(column) for column in zip(*rows, strict=True))
    campus.deps.readings.import_table(pa.table({"device_id": ["smoke-101"] * 3, "metric": metric, "ts_ms": ts_ms, "value": value}))
    (item,) = trial(campus, "fire.smoke", "smoke-101")["items"]
    assert item["started"] == (NOW - timedelta(days=2)).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("kind", "device_id", "metric"), [("device.dead", "em-lab", "elec.energy.import"), ("fire.device_silent", "smoke-101", "smoke")]
)
def test_silent_devices_are_told_by_the_gaps_in_what_is_stored(campus: Campus, kind: str, device_id: str, metric: str) -> None:
    other = "wm-lab" if kind == "device.dead" else device_id
    ts_ms = np.arange(NOW_MS - 4 * DAY_MS, NOW_MS - 5 * MINUTE_MS, MINUTE_MS)
    quiet = (ts_ms > NOW_MS - 3 * DAY_MS) & (ts_ms < NOW_MS - 2 * DAY_MS)
    series = (
        [(device_id, metric, ts_ms[~quiet]), (other, "water.volume", ts_ms)]
        if other != device_id
        else [(device_id, metric, ts_ms[~quiet])]
    )
    for name, what, times in series:
        columns = {"device_id": [name] * times.size, "metric": [what] * times.size}
        campus.deps.readings.import_table(pa.table({**columns, "ts_ms": times, "value": np.arange(times.size) * 0.001}))
    items = trial(campus, kind, device_id)["items"] if other == device_id else _of_place(campus, kind, device_id)
    assert [item["started"][:10] for item in items] == ["2026-11-15"]
    assert campus.deps.findings.list() == []


def _of_place(campus: Campus, kind: str, device_id: str) -> list[dict[str, Any]]:
    answer = campus.as_user("energy").post(f"/api/v1/detectors/{kind}/trial", json={"space_id": "lab"}).json()
    return [item for item in answer["items"] if item["device_id"] == device_id]
