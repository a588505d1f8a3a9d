"""Detectors at the API: records, verdicts as labels, rules with undo, trials and suggestions on stored history."""

from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from analytics.finding import FindingKind
from tests.fixtures_api import NOW, Campus

HOUR_MS = 3_600_000
NOW_MS = int(NOW.timestamp() * 1000) // HOUR_MS * HOUR_MS


def history(campus: Campus, device_id: str, extra: dict[int, float], *, days: int = 120) -> None:
    """Hours of the laboratory's main meter: 20 kWh by day, 4 by night; `extra`: more for three hours of the night `n` days ago."""
    hours = NOW_MS - HOUR_MS * np.arange(days * 24, 0, -1, dtype=np.int64)
    local = (hours // HOUR_MS + 8) % 24
    rng = np.random.default_rng(1)
    value = np.where((local >= 8) & (local < 18), 20.0, 4.0) * (1 + 0.01 * rng.standard_normal(hours.size))
    for ago, amount in extra.items():
        value[(local < 3) & ((NOW_MS - hours) // (24 * HOUR_MS) == ago)] += amount
    names = {"device_id": [device_id] * hours.size, "metric": ["elec.energy.import.hourly"] * hours.size}
    campus.deps.readings.import_table(pa.table({**names, "ts_ms": hours, "value": value}))


def trial(campus: Campus, **more: Any) -> dict[str, Any]:
    answer = campus.as_user("energy").post("/api/v1/detectors/elec.left_on/trial", json={"device_id": "em-lab", **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_every_detector_has_a_sheet(campus: Campus) -> None:
    items = campus.as_user("security").get("/api/v1/detectors").json()["items"]
    kinds = {item["kind"] for item in items}
    assert {"water.drip", "elec.left_on", "fire.smoke", "door.forced", "device.dead"} <= kinds
    assert not any(kind.startswith("platform.") for kind in kinds)
    for item in items:
        sheet = campus.as_user("energy").get(f"/api/v1/detectors/{item['kind']}").json()
        assert sheet["what_for"], item["kind"]
        assert sheet["when_it_fails"], item["kind"]
        assert all(parameter["unit"] for parameter in sheet["parameters"])


def test_a_record_says_where_it_was_measured(campus: Campus) -> None:
    record = campus.as_user("energy").get("/api/v1/detectors/elec.left_on").json()["records"][0]
    assert record["command"].startswith("caretaker evaluate demo")
    assert record["found"] <= record["faults"]
    assert 0 <= record["precision"] <= 1


def test_a_verdict_becomes_a_label_and_counts(campus: Campus) -> None:
    alert = campus.raise_alert(FindingKind.ELEC_LEFT_ON, "em-lab", "lab")
    address = f"/api/v1/findings/{alert.finding_id}/verdicts"
    first = campus.as_user("crew").post(address, json={"verdict": "real"})
    assert first.status_code == 201
    later = campus.as_user("energy").post(address, json={"verdict": "false_alarm", "what": "an evening lecture"})
    assert later.json()["given_by"] == "energy"
    said = campus.as_user("energy").get(address).json()["items"]
    assert [(one["verdict"], one["given_by"]) for one in said] == [("false_alarm", "energy"), ("real", "crew")]
    sheet = campus.as_user("energy").get("/api/v1/detectors/elec.left_on").json()
    assert sheet["here"] == {"judged": 1, "real": 0, "false_alarms": 1, "unproven": 0, "precision": 0.0}
    assert sheet["labels"][0]["what"] == "an evening lecture"
    assert "finding.verdict" in {entry.action for entry in campus.deps.audit.list(limit=5)}


def test_others_may_not_judge_what_they_do_not_see(campus: Campus) -> None:
    alert = campus.raise_alert()
    address = f"/api/v1/findings/{alert.finding_id}/verdicts"
    assert campus.as_user("labguard").post(address, json={"verdict": "real"}).status_code == 404
    assert campus.as_user("reporter").post(address, json={"verdict": "real"}).status_code == 403
    assert campus.as_user("security").post(address, json={"verdict": "maybe"}).status_code == 422


def test_a_trial_raises_what_was_left_on_and_stores_nothing(campus: Campus) -> None:
    history(campus, "em-lab", {5: 9.0, 12: 9.0})
    found = trial(campus)
    assert found["count"] == found["before"] == 2
    assert found["kwh"] > 20
    assert found["cost"] > 0
    assert found["items"][0]["evidence"]["observed"]
    assert campus.deps.findings.list() == []


def test_a_trial_with_other_parameters_raises_less(campus: Campus) -> None:
    history(campus, "em-lab", {5: 3.0, 12: 9.0})
    assert trial(campus)["count"] == 2
    assert trial(campus, parameters={"least_kw": 3.2})["count"] == 1


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"device_id": "em-lab", "parameters": {"colour": 1}}, "parameters.colour"),
        ({"device_id": "em-lab", "parameters": {"least_kw": 5000}}, "parameters.least_kw"),
        ({"device_id": "em-lab", "parameters": {"hours": 2.5}}, "parameters.hours"),
        ({"device_id": "nowhere"}, "device_id"),
        ({}, "space_id"),
        ({"device_id": "em-lab", "start": "2020-01-01T00:00:00Z"}, "start"),
        ({"device_id": "wm-lab"}, "device_id"),
    ],
)
def test_a_trial_says_what_is_wrong(campus: Campus, body: dict[str, Any], place: str) -> None:
    answer = campus.as_user("energy").post("/api/v1/detectors/elec.left_on/trial", json=body)
    assert answer.status_code == 422
    assert place in answer.text


def test_false_alarms_teach_a_change_that_can_be_undone(campus: Campus) -> None:
    history(campus, "em-lab", {40: 3.0, 33: 3.0, 26: 3.0, 19: 9.0, 12: 9.0, 5: 9.0})
    for item in trial(campus, start=(NOW - timedelta(days=60)).isoformat())["items"]:
        kwh = item["facts"]["kw"]
        finding = campus.raise_alert(FindingKind.ELEC_LEFT_ON, "em-lab", "lab").finding_id
        assert finding is not None
        _move(campus, finding, item)
        verdict = "real" if kwh > 6 else "false_alarm"
        campus.as_user("energy").post(f"/api/v1/findings/{finding}/verdicts", json={"verdict": verdict})
    (one,) = campus.as_user("energy").get("/api/v1/detectors/elec.left_on/suggestions").json()["items"]
    assert (one["avoided"], one["false_alarms"], one["kept"], one["real"]) == (3, 3, 3, 3)
    body = {"device_id": "em-lab", "parameters": {one["parameter"]: one["after"]}, "reason": "three false alarms"}
    rule = campus.as_user("energy").post("/api/v1/detectors/elec.left_on/rules", json=body).json()
    assert trial(campus, start=(NOW - timedelta(days=60)).isoformat())["count"] == 3
    listed = campus.as_user("energy").get("/api/v1/detectors/elec.left_on").json()["standing"]
    assert [(row["entered_by"], row["reason"]) for row in listed] == [("energy", "three false alarms")]
    address = f"/api/v1/detectors/elec.left_on/rules/{rule['id']}/undo"
    assert campus.as_user("energy").post(address).json()["undone_by"] == "energy"
    assert campus.as_user("energy").post(address).status_code == 409
    assert trial(campus, start=(NOW - timedelta(days=60)).isoformat())["count"] == 6


def _move(campus: Campus, finding_id: int, item: dict[str, Any]) -> None:
    """Puts the stored finding where the trial saw it."""
    from datetime import datetime

    from sqlalchemy import update

    from storage.schema import FINDING

    with campus.deps.findings._database.begin() as connection:
        times = {name: datetime.fromisoformat(item[name]) for name in ("started", "seen")}
        connection.execute(update(FINDING).where(FINDING.c.id == finding_id).values(active=False, **times))


@pytest.mark.parametrize(
    ("kind", "status"), [("fire.smoke", 422), ("door.forced", 422), ("elec.left_on", 201), ("device.dead", 201), ("no.such", 404)]
)
def test_what_guards_life_cannot_be_switched_off(campus: Campus, kind: str, status: int) -> None:
    body = {"space_id": "lab", "off": True, "reason": "being rebuilt"}
    assert campus.as_user("admin").post(f"/api/v1/detectors/{kind}/rules", json=body).status_code == status
    assert campus.as_user("security").post(f"/api/v1/detectors/{kind}/rules", json=body).status_code == 403
