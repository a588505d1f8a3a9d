"""The campus: what stands where, and that its meters form one tree without counting anything twice."""

from collections import Counter

from devices.model import FAST_LANE_KINDS, DeviceKind, SpaceKind, UseType
from devices.profiles import PROFILES
from simulators.campus import build_campus
from simulators.meters import meter_tree

CAMPUS = build_campus()


def test_seven_buildings_a_house_and_about_three_hundred_devices() -> None:
    buildings = Counter(space.use for space in CAMPUS.spaces if space.kind is SpaceKind.BUILDING)
    assert buildings == {
        UseType.DORMITORY: 3,
        UseType.TEACHING: 2,
        UseType.LABORATORY: 1,
        UseType.CANTEEN: 1,
        UseType.LIBRARY: 1,
    }
    assert 270 <= len(CAMPUS.devices) <= 330
    others = {DeviceKind.ELECTRICITY_METER, DeviceKind.WATER_METER, DeviceKind.ENVIRONMENT_SENSOR}
    assert {device.kind for device in CAMPUS.devices} == FAST_LANE_KINDS | others


def test_every_space_has_both_names_an_area_and_people() -> None:
    assert all(space.name and space.name_zh and space.area_m2 and space.people for space in CAMPUS.spaces)
    assert all(device.name and device.name_zh for device in CAMPUS.devices)
    assert len({device.name for device in CAMPUS.devices}) == len(CAMPUS.devices)


def test_devices_have_the_profile_of_their_kind() -> None:
    assert all(PROFILES[device.profile_id].kind is device.kind for device in CAMPUS.devices)


def test_meters_chain_from_the_room_to_the_site() -> None:
    tree = meter_tree(CAMPUS, DeviceKind.ELECTRICITY_METER)
    chain = [tree.ids[index] for index in tree.chain("em-dorm-a-305")]
    assert chain == ["em-dorm-a-305", "em-dorm-a-f3", "em-dorm-a", "em-campus"]


def test_a_space_is_measured_by_its_own_meter_or_by_none() -> None:
    for kind in (DeviceKind.ELECTRICITY_METER, DeviceKind.WATER_METER):
        assert [meter.id for meter in CAMPUS.registry.meters_of("campus", kind)] in (["em-campus"], ["wm-campus"])
        per_space = Counter(device.space_id for device in CAMPUS.devices if device.kind is kind and device.measures_space)
        assert set(per_space.values()) == {1}


def test_same_seed_same_campus_and_the_site_id_is_a_parameter() -> None:
    again = build_campus()
    assert (again.spaces, again.devices) == (CAMPUS.spaces, CAMPUS.devices)
    assert build_campus(8).spaces != CAMPUS.spaces
    assert build_campus(site_id="north").registry.meters_of("north", DeviceKind.WATER_METER)[0].id == "wm-north"
