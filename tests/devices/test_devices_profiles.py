"""Profiles and what a single device says instead; edits of the registry that no database has seen yet."""

from dataclasses import replace
from datetime import date

import pytest

from devices import editing
from devices.errors import BadInput, Conflict
from devices.metrics import METRICS, MetricKind, metric
from devices.model import Device, DeviceKind, Quality, Space, SpaceKind
from devices.profiles import NEVER_S, PROFILES, check_overrides, profile_of
from devices.registry import Registry
from ingest.quality import Track, judge


def meter(device_id: str = "wm", **attributes: str) -> Device:
    return Device(
        id=device_id,
        kind=DeviceKind.WATER_METER,
        profile_id="wm-building",
        space_id="b",
        name=device_id,
        name_zh=device_id,
        attributes=attributes,
    )


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.id)
def test_every_profile_is_whole(profile: object) -> None:
    found = PROFILES[profile.id]  # type: ignore[attr-defined]
    assert found.name
    assert found.name_zh
    assert set(found.metrics) <= set(METRICS)
    assert found.silent_after_s > 2 * found.interval_s
    assert all(metric(name).kind is MetricKind.REGISTER for name in found.registers)
    if found.kind in (DeviceKind.ELECTRICITY_METER, DeviceKind.WATER_METER):
        wanted = "elec.energy.import" if found.kind is DeviceKind.ELECTRICITY_METER else "water.volume"
        assert found.metrics[0] == wanted
        assert wanted in found.registers, "the ledger asks for it"


def test_a_meter_that_speaks_once_a_day_is_not_dead_after_a_day() -> None:
    daily = PROFILES["wm-battery"]
    assert daily.sleeping
    assert daily.silent_after_s > 2 * 86_400
    assert daily.registers["water.volume"].digits == 5


def test_a_device_s_own_numbers_stand_in_and_nonsense_does_not() -> None:
    own = profile_of(meter(**{"interval_s": "3600", "modulus.water.volume": "1e6", "max_per_hour.water.volume": "5"}))
    assert (own.interval_s, own.silent_after_s) == (3600, 10_800)
    assert (own.registers["water.volume"].modulus, own.registers["water.volume"].max_per_hour) == (1e6, 5)
    assert profile_of(meter(interval_s="3600", silent_after_s="7200")).silent_after_s == 7200
    assert profile_of(meter(interval_s="1")).silent_after_s == PROFILES["wm-building"].silent_after_s
    assert profile_of(meter(interval_s="often", silent_after_s="-3")) == PROFILES["wm-building"]
    assert profile_of(meter(cabinet="K3")) is PROFILES["wm-building"]
    assert profile_of(meter(retired_at="2026-11-20", silent_after_s="10")).silent_after_s == NEVER_S


def test_own_limits_decide_what_is_implausible() -> None:
    limited = meter(**{"high.water.flow": "4", "low.water.flow": "0"})
    flags = [judge(Track("water.flow", device), 1_763_700_000_000, 5.0, 1_763_700_000_000) for device in (limited, meter(), None)]
    assert flags == [int(Quality.IMPLAUSIBLE), 0, 0]
    fast = Track("water.volume", meter(**{"max_per_hour.water.volume": "1"}))
    begin = 1_763_700_000_000
    assert judge(fast, begin, 10.0, begin) == 0
    assert judge(fast, begin + 3_600_000, 15.0, begin + 3_600_000) == int(Quality.IMPLAUSIBLE)


@pytest.mark.parametrize(
    "attributes",
    [
        {"interval_s": "x"},
        {"silent_after_s": "0"},
        {"modulus.water.flow": "5"},
        {"high.water.flow": "nan"},
        {"max_per_hour.water.volume": "inf"},
    ],
)
def test_what_stands_for_a_number_must_be_one(attributes: dict[str, str]) -> None:
    with pytest.raises(BadInput, match="attributes"):
        check_overrides(attributes)
    check_overrides({"cabinet": "x", "low.water.flow": "-3", "retired_at": "2026-11-20"})


BUILDING = Space(id="b", kind=SpaceKind.BUILDING, name="B", name_zh="B", parent_id="s")
REGISTRY = Registry(
    [Space(id="s", kind=SpaceKind.SITE, name="S", name_zh="S"), BUILDING],
    [meter("main"), replace(meter("sub"), upstream_id="main")],
)


def test_the_heir_takes_role_and_sub_meters_and_the_old_one_stays() -> None:
    changes = editing.replace_device(REGISTRY, "main", replace(meter("new"), space_id="s"), date(2026, 11, 21))
    after = Registry(REGISTRY.spaces.values(), [*REGISTRY.devices.values(), *changes.devices])
    assert after.devices["main"].attributes == {"retired_at": "2026-11-21", "replaced_by": "new"}
    assert (after.devices["new"].space_id, after.devices["new"].attributes) == ("b", {"replaces": "main"})
    assert after.devices["sub"].upstream_id == "new"
    with pytest.raises(Conflict, match="retired"):
        editing.replace_device(after, "main", meter("third"), date(2026, 11, 22))
    back = editing.put_back(after, "main").devices[0]
    assert back.attributes == {}


def test_fresh_ids_are_read_from_names_and_never_taken() -> None:
    assert editing.fresh_id(REGISTRY, "b", "Room 101", SpaceKind.ROOM) == "b-room-101"
    assert editing.fresh_id(REGISTRY, "b", "热水房", SpaceKind.ROOM) == "b-room"
    taken = Registry([*REGISTRY.spaces.values(), replace(BUILDING, id="b-room")], [])
    assert editing.fresh_id(taken, "b", "热水房", SpaceKind.ROOM) == "b-room-2"
