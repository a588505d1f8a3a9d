"""Quotas of rooms by API: entered by those who keep the accounts, seen by building, rooms judged at each call."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from devices.model import Device, DeviceKind, Space, SpaceKind, UseType
from tests.fixtures_api import NOW, Campus

HOUR_MS = 3_600_000
QUOTA = {"space_id": "dorm", "quantity": "electricity", "per": "head", "amount": 10.0}


@pytest.fixture
def rooms(campus: Campus) -> Campus:
    """Room 901 of the dormitory, four people, 1 kWh in each hour since the month began."""
    room = Space(id="dorm-901", kind=SpaceKind.ROOM, name="901", name_zh="901", parent_id="dorm", use=UseType.DORMITORY, people=4)
    meter = Device(
        id="em-901", kind=DeviceKind.ELECTRICITY_METER, profile_id="em-room", space_id="dorm-901", name="e", name_zh="电",
        measures_space=True,
    )  # fmt: skip
    campus.deps.registry.save([room], [meter])
    last_ms = int(NOW.replace(minute=0).timestamp() * 1000)
    ts_ms = np.arange(last_ms - 60 * 24 * HOUR_MS, last_ms, HOUR_MS, dtype=np.int64)
    metric = ["elec.energy.import.hourly"] * ts_ms.size
    campus.deps.readings.import_table(
        pa.table({"device_id": ["em-901"] * ts_ms.size, "metric": metric, "ts_ms": ts_ms, "value": np.ones(ts_ms.size)})
    )
    return campus


def add(campus: Campus, user: str = "energy", **changes: Any) -> Any:
    return campus.as_user(user).post("/api/v1/quotas", json={**QUOTA, **changes})


def test_a_quota_is_entered_judged_changed_and_taken_out(rooms: Campus) -> None:
    entered = add(rooms, note="council 2026")
    assert entered.status_code == 201, entered.text
    number = entered.json()["id"]
    assert (entered.json()["unit"], entered.json()["month"]) == ("kWh", None)
    client = rooms.as_user("energy")
    found = client.get("/api/v1/quotas/rooms", params={"quantity": "electricity"}).json()
    room = next(item for item in found["items"] if item["device_id"] == "em-901")
    assert room["allowed"] == 40.0
    assert room["used"] > 40.0, "since the first of the month"
    assert room["over_on"] == f"{found['month'][:8]}02", "40 hours after the month began"
    assert found["over"] >= 1
    assert client.put(f"/api/v1/quotas/{number}", json={**QUOTA, "amount": 5000.0}).status_code == 200
    assert client.get("/api/v1/quotas/rooms").json()["over"] == 0
    assert client.delete(f"/api/v1/quotas/{number}").status_code == 204
    assert client.delete(f"/api/v1/quotas/{number}").status_code == 404
    assert client.get("/api/v1/quotas/rooms").json()["items"] == []


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"space_id": "nowhere"}, 422, "no space"),
        ({"quantity": "water"}, 422, "meter of its own"),
        ({"amount": 0}, 422, "amount"),
        ({"per": "bed"}, 422, "per"),
        ({"month": 13}, 422, "month"),
    ],
)
def test_what_cannot_be_a_quota_is_refused_with_its_place(rooms: Campus, changes: dict[str, Any], status: int, words: str) -> None:
    answer = add(rooms, **changes)
    assert answer.status_code == status, answer.text
    assert words in answer.text


def test_one_quota_for_each_place_and_month(rooms: Campus) -> None:
    assert add(rooms).status_code == 201
    assert add(rooms).status_code == 409
    assert add(rooms, month=11).status_code == 201


def test_who_may_not_keep_accounts_may_not_enter_one(rooms: Campus) -> None:
    assert add(rooms, "security").status_code == 403
    assert rooms.as_user("security").get("/api/v1/quotas").status_code == 403
