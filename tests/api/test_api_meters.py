"""Meters over HTTP: ledger with notes, exchanges and corrections, virtual meters, prices, bills; scope and roles."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analytics.notes import LedgerNote, NoteKind
from devices.model import Quality, Reading
from storage.user import Role, User
from tests.fixtures_api import NOW, Campus

REGISTER = "elec.energy.import"
HOURLY = REGISTER + ".hourly"
START = datetime(2026, 11, 16, 16, tzinfo=UTC)
"""Midnight of 17 November in Shanghai."""
HOUR = timedelta(hours=1)
DAY = {"start": "2026-11-17T00:00", "end": "2026-11-18T00:00"}


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _hours(device: str, value: float, count: int, start: datetime = START, quality: int = 0) -> list[Reading]:
    return [Reading(device, HOURLY, _ms(start + i * HOUR), value, quality) for i in range(count)]


@pytest.fixture
def metered(campus: Campus) -> Campus:
    hours = _hours("em-dorm", 10.0, 36) + _hours("em-101", 4.0, 36) + _hours("em-lab", 2.0, 36)
    registers = [Reading("em-dorm", REGISTER, _ms(START + i * HOUR), 1000.0 + 10 * i) for i in range(37)]
    campus.deps.readings.write(hours + registers)
    return campus


def call(campus: Campus, method: str, path: str, user: str = "energy", expect: int = 200, **more: Any) -> Any:
    answer = campus.as_user(user).request(method, "/api/v1" + path, **more)
    assert answer.status_code == expect, answer.text
    return answer.json() if answer.content else None


def test_meters_are_listed_with_register_use_and_quality(metered: Campus) -> None:
    found = {one["id"]: one for one in call(metered, "GET", "/meters")["items"]}
    assert set(found) == {"em-dorm", "em-101", "em-lab", "wm-lab"}
    assert found["em-dorm"]["register"]["value"] == 1360.0
    assert found["em-dorm"]["today"]["value"] == pytest.approx(120.0)
    assert found["em-dorm"]["measured_share"] == pytest.approx(24 / 168)
    assert found["wm-lab"]["register"] is None
    assert [one["id"] for one in call(metered, "GET", "/meters", params={"quantity": "water"})["items"]] == ["wm-lab"]


def test_a_ledger_shows_hours_quality_and_notes_in_words(metered: Campus) -> None:
    note = LedgerNote(kind=NoteKind.RESET, from_ms=_ms(START), to_ms=_ms(START + HOUR), before=1000, after=0.5, counted=0.5)
    metered.deps.meters.renote({}, {"em-dorm": [note]})
    metered.deps.readings.write(_hours("em-dorm", 9.0, 1, START, int(Quality.ESTIMATED)))
    found = call(metered, "GET", "/meters/em-dorm/ledger", params=DAY)
    assert len(found["items"]) == 24
    assert (found["items"][0]["value"], found["items"][0]["quality"]) == (9.0, ["estimated"])
    assert found["total"]["value"] == pytest.approx(239.0)
    assert found["notes"][0]["exchange_likely"]
    assert "from 1000" in found["notes"][0]["text"]


def test_an_exchange_is_entered_asked_to_be_counted_and_undone(metered: Campus) -> None:
    body = {"at": "2026-11-17T12:30", "end_index": 1125, "start_index": 3, "reason": "annual exchange"}
    refused = call(metered, "POST", "/meters/em-dorm/exchanges", expect=422, json=body | {"end_index": 900})
    assert "had already reached" in refused["detail"]
    entry = call(metered, "POST", "/meters/em-dorm/exchanges", expect=201, json=body)
    assert (entry["kind"], entry["before"], entry["after"], entry["entered_by"]) == ("exchange", 1125, 3, "energy")
    assert metered.woken == [("meter", entry["id"])]
    [asked] = metered.deps.meters.recounts()
    assert asked.device_id == "em-dorm"
    assert call(metered, "GET", "/meters/em-dorm/ledger", params=DAY)["recounting"]
    call(metered, "POST", "/meters/em-dorm/exchanges", expect=409, json=body)
    call(metered, "DELETE", f"/meters/em-dorm/entries/{entry['id']}")
    call(metered, "DELETE", f"/meters/em-dorm/entries/{entry['id']}", expect=409)
    call(metered, "DELETE", f"/meters/em-lab/entries/{entry['id']}", expect=404)
    [kept] = call(metered, "GET", "/meters/em-dorm/ledger", params=DAY)["entries"]
    assert kept["undone_by"] == "energy"
    assert [line.action for line in metered.deps.audit.list()[:2]] == ["meter.undo", "meter.exchange"]


def test_a_correction_finds_the_reading_near_the_time(metered: Campus) -> None:
    body = {"at": "2026-11-17T03:00:20", "value": 1031.5, "reason": "read wrong"}
    entry = call(metered, "POST", "/meters/em-dorm/corrections", expect=201, json=body)
    assert (entry["at"], entry["before"], entry["after"]) == ("2026-11-16T19:00:00Z", 1030.0, 1031.5)
    void = call(metered, "POST", "/meters/em-dorm/corrections", expect=201, json=body | {"value": None})
    assert (void["kind"], void["after"]) == ("void", None)
    by_hand = call(metered, "POST", "/meters/em-dorm/corrections", expect=201, json=body | {"at": "2026-11-17T03:30"})
    assert by_hand["before"] is None
    call(metered, "POST", "/meters/em-dorm/corrections", expect=422, json=body | {"at": "2026-11-17T03:30", "value": None})
    call(metered, "POST", "/meters/em-dorm/corrections", expect=422, json=body | {"at": "2036-11-17T03:30"})
    call(metered, "POST", "/meters/em-dorm/corrections", expect=422, json=body | {"reason": " "})


def _virtual(**more: Any) -> dict[str, Any]:
    return {"id": "rest", "quantity": "electricity", "space_id": "dorm", "name": "Rest", "name_zh": "其余"} | more


def test_a_difference_is_a_meter_like_others(metered: Campus) -> None:
    made = call(metered, "POST", "/virtual-meters", expect=201, json=_virtual(formula="em-dorm - em-101"))
    assert made["terms"] == [{"meter_id": "em-dorm", "factor": 1.0}, {"meter_id": "em-101", "factor": -1.0}]
    found = call(metered, "GET", "/meters/rest/ledger", params=DAY)
    assert {item["value"] for item in found["items"]} == {6.0}
    assert found["items"][0]["uncertainty"] == pytest.approx((0.1**2 + 0.04**2) ** 0.5)
    used = call(metered, "GET", "/consumption", params=DAY | {"meter": "rest", "quantity": "electricity"})
    assert used["total"]["value"] == pytest.approx(144.0)
    call(
        metered,
        "POST",
        "/meters/rest/exchanges",
        expect=422,
        json={"at": "2026-11-17T03:30", "end_index": 1, "start_index": 0, "reason": "no"},
    )


def test_the_rest_of_a_main_follows_its_sub_meters_and_lacks_what_they_lack(metered: Campus) -> None:
    made = call(metered, "POST", "/virtual-meters", expect=201, json=_virtual(rest_of="em-dorm"))
    assert made["formula"] == "em-dorm - em-101"
    metered.deps.readings.write(
        _hours("em-dorm", 10.0, 2, START + 36 * HOUR) + _hours("em-101", 1.0, 1, START, int(Quality.ESTIMATED))
    )
    span = {"start": "2026-11-17T00:00", "end": "2026-11-18T14:00"}
    items = call(metered, "GET", "/meters/rest/ledger", params=span)["items"]
    assert items[0]["quality"] == ["estimated"]
    assert "incomplete" in items[36]["quality"]


def test_circles_are_refused_by_name(metered: Campus) -> None:
    call(metered, "POST", "/virtual-meters", expect=201, json=_virtual(id="a", formula="em-dorm"))
    call(metered, "POST", "/virtual-meters", expect=201, json=_virtual(id="b", formula="a - em-101"))
    refused = call(metered, "PUT", "/virtual-meters/a", expect=422, json=_virtual(id="a", formula="em-dorm + b"))
    assert "a → b → a" in refused["detail"]
    assert "wm-lab" in call(metered, "POST", "/virtual-meters", expect=422, json=_virtual(formula="wm-lab"))["detail"]
    call(metered, "POST", "/virtual-meters", expect=422, json=_virtual(formula="nobody"))
    call(metered, "POST", "/virtual-meters", expect=409, json=_virtual(id="a", formula="em-dorm"))
    call(metered, "DELETE", "/virtual-meters/a", expect=409)
    call(metered, "DELETE", "/virtual-meters/b", expect=204)
    call(metered, "DELETE", "/virtual-meters/a", expect=204)


PRICE = {"quantity": "electricity", "valid_from": "2026-01-01", "price": 1.0}


def test_prices_begin_with_the_settings_and_hold_for_the_past(metered: Campus) -> None:
    [electricity, _] = call(metered, "GET", "/tariffs")["items"]
    assert electricity["prices_from_settings"]
    before = call(metered, "GET", "/meters/em-lab/bill", params=DAY)["total"]["cost"]
    changed = call(metered, "POST", "/tariffs/prices", expect=201, json=PRICE | {"hours": "0-23"})
    assert not changed["prices_from_settings"]
    assert len(changed["prices"]) == 4
    after = call(metered, "GET", "/meters/em-lab/bill", params=DAY)["total"]["cost"]
    assert (before, after) == (pytest.approx(48 * (0.35 + 0.65 + 0.95) / 3), pytest.approx(48.0))
    added = max(price["id"] for price in changed["prices"])
    call(metered, "PUT", f"/tariffs/prices/{added}", json=PRICE | {"hours": "0-23", "price": 2.0})
    assert call(metered, "GET", "/meters/em-lab/bill", params=DAY)["total"]["cost"] == pytest.approx(96.0)
    call(metered, "DELETE", f"/tariffs/electricity/prices/{added}", expect=204)
    assert call(metered, "GET", "/meters/em-lab/bill", params=DAY)["total"]["cost"] == pytest.approx(before)
    assert ("tariff", 3) in metered.woken


def test_a_row_of_the_settings_can_be_changed(metered: Campus) -> None:
    changed = call(metered, "PUT", "/tariffs/prices/-1", json=PRICE | {"price": 0.7, "valid_from": "2000-01-01"})
    assert sorted(price["price"] for price in changed["prices"]) == [0.35, 0.7, 0.95]
    call(metered, "PUT", "/tariffs/prices/-1", expect=404, json=PRICE)
    call(metered, "DELETE", "/tariffs/water/prices/-1", expect=409)
    call(metered, "POST", "/tariffs/prices", expect=422, json=PRICE | {"above": 5})
    call(metered, "POST", "/tariffs/prices", expect=422, json=PRICE | {"hours": "25"})


def test_factors_are_dated(metered: Campus) -> None:
    body = {"quantity": "electricity", "valid_from": "2026-11-18", "kgco2e": 0.5}
    call(metered, "POST", "/tariffs/factors", expect=201, json=body)
    span = {"start": "2026-11-17T00:00", "end": "2026-11-18T12:00"}
    bill = call(metered, "GET", "/meters/em-lab/bill", params=span)
    assert bill["total"]["kgco2e"] == pytest.approx(48 * 0.5366 + 24 * 0.5)
    assert {line["kgco2e_per_unit"] for line in bill["lines"]} == {0.5366, 0.5}
    call(metered, "DELETE", "/tariffs/electricity/factors/99", expect=404)


def test_a_bill_climbs_steps_and_sums_to_its_hours(metered: Campus) -> None:
    for above, price in ((0, 0.5), (100, 0.6), (300, 0.9)):
        step = {"above": above, "period": "month"} if above else {}
        call(metered, "POST", "/tariffs/prices", expect=201, json=PRICE | {"price": price, "use": "dormitory"} | step)
    span = {"start": "2026-11-17T00:00", "end": "2026-11-18T12:00"}
    bill = call(metered, "GET", "/meters/em-dorm/bill", params=span)
    assert [(line["above"], line["amount"], line["price"]) for line in bill["lines"]] == [
        (0, 100, 0.5),
        (100, 200, 0.6),
        (300, 60, 0.9),
    ]
    assert bill["total"]["cost"] == pytest.approx(50 + 120 + 54)
    hours = call(metered, "GET", "/meters/em-dorm/ledger", params=span)
    assert sum(item["cost"] or 0 for item in hours["items"]) == pytest.approx(bill["total"]["cost"])
    later = call(metered, "GET", "/meters/em-dorm/bill", params={"start": "2026-11-18T00:00", "end": "2026-11-18T12:00"})
    assert later["used_before"] == {"month": 240.0}
    assert [(line["above"], line["amount"]) for line in later["lines"]] == [(100, 60), (300, 60)]
    other = call(metered, "GET", "/meters/em-lab/bill", params=span)
    assert len(other["lines"]) == 3, "the laboratory pays by the hour"


def test_who_may(metered: Campus) -> None:
    call(metered, "GET", "/meters", user="reporter", expect=403)
    call(metered, "POST", "/tariffs/prices", user="head", expect=403, json=PRICE)
    call(metered, "POST", "/virtual-meters", user="dispatcher", expect=403, json=_virtual(formula="em-dorm"))
    metered.deps.users.create(
        User(username="labenergy", display_name="L", roles=frozenset({Role.ENERGY_MANAGER}), buildings=frozenset({"lab"})), "x"
    )
    assert {one["id"] for one in call(metered, "GET", "/meters", user="labenergy")["items"]} == {"em-lab", "wm-lab"}
    call(metered, "GET", "/meters/em-dorm/ledger", user="labenergy", expect=404)
    call(metered, "POST", "/tariffs/prices", user="labenergy", expect=403, json=PRICE)
    call(
        metered, "POST", "/virtual-meters", user="labenergy", expect=422, json=_virtual(space_id="lab", formula="em-lab - em-dorm")
    )
    call(metered, "POST", "/virtual-meters", expect=201, json=_virtual(space_id="lab", formula="em-lab - em-dorm"))
    call(metered, "GET", "/meters/rest/ledger", user="labenergy", expect=404)


def test_a_month_is_a_month_of_the_site(metered: Campus) -> None:
    assert NOW > START
    too_long = call(metered, "GET", "/meters/em-lab/ledger", params={"start": "2026-01-01", "end": "2026-11-01"}, expect=422)
    assert "at most 62 days" in too_long["detail"]
