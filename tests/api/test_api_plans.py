"""Forecasts, budgets, savings and comparisons by API, on hours that are stored."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from analytics.calendar import Calendar
from analytics.virtual import Term, VirtualMeter
from api.routes.savings import term_start
from devices.model import Device, DeviceKind, Space
from storage.saving_store import SavingState, StoredSaving
from tests.fixtures_api import NOW, Campus

HOUR_MS = 3_600_000
NOON_MS = int(NOW.replace(minute=0).timestamp() * 1000)
BUDGET = {"space_id": "dorm", "quantity": "electricity", "measure": "amount", "year": 2026, "month": 11, "amount": 3000.0}


def fill(campus: Campus, device: str, per_hour: float, metric: str = "elec.energy.import.hourly", days: int = 60) -> None:
    """The same each hour, less by night, up to the running hour."""
    ts_ms = NOON_MS - HOUR_MS * np.arange(days * 24, 0, -1, dtype=np.int64)
    local = (ts_ms // HOUR_MS + 8) % 24
    value = np.where((local >= 8) & (local < 20), per_hour, per_hour / 5)
    columns = {"device_id": [device] * ts_ms.size, "metric": [metric] * ts_ms.size, "ts_ms": ts_ms, "value": value}
    campus.deps.readings.import_table(pa.table(columns))


@pytest.fixture
def metered(campus: Campus) -> Campus:
    fill(campus, "em-dorm", 5.0)
    fill(campus, "em-lab", 10.0)
    return campus


def get(campus: Campus, path: str, user: str = "energy", **query: Any) -> dict[str, Any]:
    answer = campus.as_user(user).get(f"/api/v1{path}", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.mark.parametrize(
    ("subject", "per_day"), [({"space_id": "dorm", "quantity": "electricity"}, 72), ({"device_id": "em-lab"}, 144)]
)
def test_the_next_days_with_interval_and_cost(metered: Campus, subject: dict[str, str], per_day: float) -> None:
    found = get(metered, "/forecast", **subject)
    assert [day["day"] for day in found["items"]] == [f"2026-11-{day}" for day in range(19, 26)]
    assert found["today"]["day"] == "2026-11-18"
    first = found["items"][0]
    assert first["expected"] == pytest.approx(per_day, rel=0.01)
    assert first["low"] <= first["expected"] <= first["high"]
    assert first["hours"][10] == pytest.approx(per_day / 14.4, rel=0.01)
    assert 0.35 * per_day < first["cost"] < 0.95 * per_day
    assert found["total"]["expected"] == pytest.approx(7 * per_day, rel=0.01)
    assert found["used_today"] == pytest.approx((8 * 0.2 + 4) * per_day / 14.4)


def test_a_virtual_meter_is_foretold_too_and_a_new_one_not_yet(metered: Campus) -> None:
    rest = VirtualMeter(
        id="both",
        quantity="electricity",
        space_id="site",
        name="Both",
        name_zh="合计",
        terms=(Term(meter_id="em-dorm"), Term(meter_id="em-lab")),
    )
    metered.deps.meters.save_virtual(rest, new=True)
    assert get(metered, "/forecast", device_id="both", days=1)["items"][0]["expected"] == pytest.approx(216, rel=0.01)
    assert get(metered, "/forecast", device_id="em-101")["items"] == []
    assert get(metered, "/forecast", space_id="site", quantity="water")["total"] is None


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 422),
        ({"space_id": "dorm"}, 422),
        ({"space_id": "dorm", "device_id": "em-lab"}, 422),
        ({"space_id": "nope", "quantity": "water"}, 404),
        ({"device_id": "nope"}, 404),
        ({"device_id": "smoke-101"}, 404),
        ({"device_id": "em-lab", "quantity": "water"}, 422),
        ({"device_id": "em-lab", "days": 8}, 422),
    ],
)
def test_what_cannot_be_foretold_is_named(metered: Campus, query: dict[str, Any], status: int) -> None:
    assert metered.as_user("energy").get("/api/v1/forecast", params=query).status_code == status


def limited(campus: Campus) -> str:
    user = replace(campus.deps.users.get("energy") or pytest.fail("no energy"), username="labenergy", buildings=frozenset({"lab"}))
    campus.deps.users.create(user, "x")
    return "labenergy"


def test_buildings_are_scope_for_all_of_it(metered: Campus) -> None:
    client = metered.as_user(limited(metered))
    assert client.get("/api/v1/forecast", params={"space_id": "dorm", "quantity": "electricity"}).status_code == 404
    assert client.get("/api/v1/forecast", params={"device_id": "em-dorm"}).status_code == 404
    assert client.get("/api/v1/forecast", params={"device_id": "em-lab"}).status_code == 200
    made = metered.as_user("energy").post("/api/v1/budgets", json=BUDGET).json()
    assert client.get("/api/v1/budgets").json()["items"] == []
    assert client.get(f"/api/v1/budgets/{made['id']}").status_code == 404
    assert client.delete(f"/api/v1/budgets/{made['id']}").status_code == 404
    assert client.post("/api/v1/budgets", json={**BUDGET, "month": 12}).status_code == 422
    assert [one["space_id"] for one in client.get("/api/v1/benchmarks").json()["items"]] == []
    assert [one["space_id"] for one in client.get("/api/v1/benchmarks/rooms").json()["items"]] == ["lab"]


def test_a_budget_is_entered_changed_and_taken_out_on_record(metered: Campus) -> None:
    client = metered.as_user("energy")
    answer = client.post("/api/v1/budgets", json=BUDGET)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    stands = made["outlook"]
    assert stands["used"] == pytest.approx(72 * 17 + (8 * 0.2 + 4) * 5)
    assert stands["expected"] == pytest.approx(72 * 30, rel=0.01)
    assert (stands["warns"], stands["over_on"], made["unit"]) == (False, None, "kWh")
    assert client.post("/api/v1/budgets", json=BUDGET).status_code == 409
    tight = client.put(f"/api/v1/budgets/{made['id']}", json={**BUDGET, "amount": 1800}).json()["outlook"]
    assert (tight["warns"], tight["over_on"]) == (True, "2026-11-26")
    assert tight["over_by"] == pytest.approx(360, rel=0.02)
    assert client.delete(f"/api/v1/budgets/{made['id']}").status_code == 204
    assert get(metered, "/budgets")["items"] == []
    actions = [entry.action for entry in metered.deps.audit.list(limit=10)]
    assert actions[:3] == ["budget.remove", "budget.change", "budget.add"]
    assert metered.woken == [("budget", made["id"])] * 3


def test_money_is_counted_at_the_prices_of_the_hours(metered: Campus) -> None:
    made = metered.as_user("admin").post("/api/v1/budgets", json={**BUDGET, "measure": "money", "amount": 1000}).json()
    spent = get(metered, "/consumption", space="dorm", quantity="electricity", start="2026-11-01T00:00", end="2026-11-18T12:00")
    assert made["unit"] == "CNY"
    assert made["outlook"]["used"] == pytest.approx(spent["total"]["cost"])
    assert made["outlook"]["expected"] == pytest.approx(spent["total"]["cost"] / 17.39 * 30, rel=0.02)


@pytest.mark.parametrize(
    "wrong",
    [
        {"space_id": "nope"},
        {"space_id": None},
        {"meter_id": "em-dorm"},
        {"space_id": None, "meter_id": "nope"},
        {"space_id": None, "meter_id": "wm-lab"},
        {"quantity": "water"},
        {"amount": 0},
        {"amount": 1e300},
        {"month": 13},
        {"year": 1},
        {"other": 1},
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(metered: Campus, wrong: dict[str, Any]) -> None:
    answer = metered.as_user("energy").post("/api/v1/budgets", json={**BUDGET, **wrong})
    assert answer.status_code in {404, 422}, answer.text


def test_only_energy_managers_and_administrators_enter_budgets(metered: Campus) -> None:
    for user in ("dispatcher", "head"):
        assert metered.as_user(user).get("/api/v1/budgets").status_code == 200
        assert metered.as_user(user).post("/api/v1/budgets", json=BUDGET).status_code == 403
    assert metered.as_user("security").get("/api/v1/budgets").status_code == 403


def test_a_budget_of_next_year_waits_and_one_of_last_year_is_closed(metered: Campus) -> None:
    client = metered.as_user("energy")
    coming = client.post("/api/v1/budgets", json={**BUDGET, "year": 2027, "month": None}).json()["outlook"]
    assert (coming["used"], coming["plan_to_date"], coming["warns"]) == (0, 0, False)
    gone = client.post("/api/v1/budgets", json={**BUDGET, "month": 10}).json()["outlook"]
    assert gone["used"] == gone["expected"] == pytest.approx(72 * 31)
    assert gone["plan_to_date"] == 3000


# Savings


def saving(campus: Campus, **changes: Any) -> StoredSaving:
    alert = campus.raise_alert()
    order = campus.as_user("reporter").post(
        "/api/v1/work-orders", json={"space_id": "dorm-101", "trade": "plumbing", "description": "Water runs"}
    )
    made = StoredSaving(
        **{
            "order_id": order.json()["id"],
            "finding_id": alert.finding_id,
            "device_id": "em-101",
            "space_id": "dorm-101",
            "quantity": "electricity",
            "repaired_at": NOW - timedelta(days=10),
            "state": SavingState.MEASURED,
            "days": 8,
            "per_day": 10.0,
            "low": 7.0,
            "high": 13.0,
            "money_per_day": 6.0,
            "kgco2e_per_day": 5.0,
            "estimate_per_day": 24.0,
            "estimate_money_per_day": 12.0,
            "updated_at": NOW,
            **changes,
        }
    )
    campus.deps.savings.save(made)
    return made


def test_what_was_saved_this_term(campus: Campus) -> None:
    made = saving(campus)
    found = get(campus, "/savings")
    assert found["since"] == "2026-09-01"
    [item] = found["items"]
    assert (item["order_id"], item["proven"], item["unit"], item["finding_kind"]) == (made.order_id, True, "kWh", "fire.smoke")
    electricity = next(one for one in found["sums"] if one["quantity"] == "electricity")
    assert (electricity["per_day"], electricity["low"], electricity["high"]) == (10, 7, 13)
    assert electricity["money_per_year"] == pytest.approx(2190)
    assert get(campus, "/savings", space="lab")["items"] == []
    assert get(campus, "/savings", since="2026-11-17")["items"] == []
    assert len(get(campus, "/savings", order_id=made.order_id)["items"]) == 1
    assert len(get(campus, "/savings", finding_id=made.finding_id)["items"]) == 1
    assert get(campus, "/savings", user="labguard")["items"] == []
    assert campus.as_user("reporter").get("/api/v1/savings").status_code == 403
    assert campus.as_user("energy").get("/api/v1/savings", params={"order_id": "9" * 40}).status_code == 422


def test_an_estimate_is_not_added_to_what_was_measured(campus: Campus) -> None:
    saving(campus, state=SavingState.WAITING, days=0, per_day=None, low=None, high=None, money_per_day=None, kgco2e_per_day=None)
    electricity = next(one for one in get(campus, "/savings")["sums"] if one["quantity"] == "electricity")
    assert (electricity["per_day"], electricity["repairs"], electricity["waiting"]) == (0, 0, 1)
    assert electricity["waiting_estimate_per_day"] == 24


@pytest.mark.parametrize(
    ("today", "start"),
    [
        (date(2026, 11, 18), date(2026, 9, 1)),
        (date(2026, 3, 5), date(2026, 2, 23)),
        (date(2026, 7, 20), date(2026, 2, 23)),
        (date(2026, 1, 3), date(2025, 9, 1)),
    ],
)
def test_a_term_begins_after_the_vacation(today: date, start: date) -> None:
    assert term_start(Calendar(), today) == start


def test_a_site_without_vacations_counts_from_new_year() -> None:
    assert term_start(Calendar(vacations=()), date(2026, 5, 5)) == date(2026, 1, 1)


# Comparison


def measured(campus: Campus) -> None:
    registry = campus.deps.registry.load()
    sized = [
        replace(registry.spaces["dorm"], area_m2=100.0, people=20),
        replace(registry.spaces["lab"], area_m2=100.0, people=None),
    ]
    more = Space(
        id="dorm-2",
        kind=registry.spaces["dorm"].kind,
        name="D2",
        name_zh="二",
        parent_id="site",
        use=registry.spaces["dorm"].use,
        area_m2=50.0,
    )
    meter = Device(
        id="em-2",
        kind=DeviceKind.ELECTRICITY_METER,
        profile_id="em-building",
        space_id="dorm-2",
        name="2",
        name_zh="2",
        measures_space=True,
    )
    outdoor = Device(
        id="weather", kind=DeviceKind.ENVIRONMENT_SENSOR, profile_id="climate", space_id="site", name="W", name_zh="W",
        attributes={"outdoor": "true"},
    )  # fmt: skip
    campus.deps.registry.save([*sized, more], [meter, outdoor])


def test_buildings_are_ranked_and_compared_with_the_median_of_their_use(metered: Campus) -> None:
    measured(metered)
    fill(metered, "em-2", 5.0)
    found = get(metered, "/benchmarks", **{"from": "2026-11-04T00:00", "to": "2026-11-18T00:00"})
    assert [item["space_id"] for item in found["items"]][-1] == "dorm"
    assert [item["per_m2"] for item in found["items"]] == pytest.approx([20.16, 20.16, 10.08])
    by_id = {item["space_id"]: item for item in found["items"]}
    assert by_id["dorm-2"]["to_median"] == pytest.approx(20.16 / 15.12)
    assert by_id["lab"]["to_median"] is None
    assert by_id["dorm"]["per_head"] == pytest.approx(50.4)
    assert (found["weather"], found["days"]) == (None, 14)
    assert [item["space_id"] for item in get(metered, "/benchmarks", by="head")["items"]] == ["dorm"]
    assert get(metered, "/benchmarks", by="head")["unranked"] == 2


def test_with_an_outdoor_sensor_the_weather_is_taken_out(metered: Campus) -> None:
    measured(metered)
    hours = NOON_MS - HOUR_MS * np.arange(40 * 24, 0, -1, dtype=np.int64)
    celsius = np.linspace(16, 2, hours.size)
    columns = {"device_id": ["weather"] * hours.size, "metric": ["env.temperature"] * hours.size, "ts_ms": hours, "value": celsius}
    metered.deps.readings.import_table(pa.table(columns))
    found = get(metered, "/benchmarks")
    assert found["weather"] == "weather"
    assert found["heating_degree_days"] > 100
    assert (len(found["items"]), found["unranked"]) == (2, 1), "of the third no hour is known"
    assert all(item["corrected_per_m2"] is not None for item in found["items"])


def test_energy_of_places_against_their_use(metered: Campus) -> None:
    now_ms = NOON_MS
    ts_ms = np.array([now_ms - 5000, now_ms - 4000, now_ms - 3000], np.int64)
    columns = {"device_id": ["door-lab"] * 3, "metric": ["door.open"] * 3, "ts_ms": ts_ms, "value": np.array([1.0, 0.0, 1.0])}
    metered.deps.readings.import_table(pa.table(columns))
    rooms = {room["space_id"]: room for room in get(metered, "/benchmarks/rooms")["items"]}
    assert rooms["lab"]["openings_per_day"] == pytest.approx(2 / 29)
    assert rooms["lab"]["used_hours_per_day"] == pytest.approx(12, abs=0.3)
    assert rooms["dorm"]["openings_per_day"] is None
    assert get(metered, "/benchmarks/rooms", kind="room")["items"] == []


@pytest.mark.parametrize(
    "query", [{"from": "2026-11-18", "to": "2026-11-01"}, {"kind": "site"}, {"by": "door"}, {"from": "1900-01-01"}]
)
def test_a_comparison_that_makes_no_sense_is_refused(metered: Campus, query: dict[str, str]) -> None:
    assert metered.as_user("energy").get("/api/v1/benchmarks", params=query).status_code == 422


def test_nobody_waits_for_the_year_9999(metered: Campus) -> None:
    assert isinstance(NOW, datetime)
    assert metered.as_user("energy").get("/api/v1/savings", params={"since": "9999-12-31"}).status_code in {404, 422}
    assert metered.as_user("energy").get("/api/v1/savings", params={"since": "0001-01-01"}).status_code in {404, 422}
