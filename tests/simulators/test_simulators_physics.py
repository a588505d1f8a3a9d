"""A day of loads: rooms, floors and draws as people cause them."""

from datetime import date

import numpy as np
import pytest

from devices.model import DeviceKind, SpaceKind
from simulators.campus import HAIR_DRYER, build_campus
from simulators.dormitory import AC_MAX_W, room_power_w
from simulators.electricity import own_power_w
from simulators.loads import day_amounts
from simulators.meters import meter_tree, shown
from simulators.timetable import day_kind
from simulators.water import own_draws_l

CAMPUS = build_campus()
POWER = meter_tree(CAMPUS, DeviceKind.ELECTRICITY_METER)
WATER = meter_tree(CAMPUS, DeviceKind.WATER_METER)


def day(year: int, month: int, number: int) -> int:
    return (date(year, month, number) - date(1970, 1, 1)).days


FRIDAY, SUNDAY, HOLIDAY = day(2026, 11, 20), day(2026, 11, 22), day(2026, 10, 2)
MILD, JULY = day(2026, 10, 15), day(2026, 7, 3)


def test_no_room_breaks_the_limit_without_a_hair_dryer() -> None:
    """The only steps above 500 W in a minute are allowed hair dryers: what else rises so fast is a fault."""
    for when in (FRIDAY, SUNDAY, JULY, day(2026, 1, 8)):
        rooms = room_power_w(7, when, day_kind(when), np.full(1440, 34.0 if when == JULY else 1.0), [False] * 64)
        assert np.diff(rooms, axis=1).max() < 500
        assert rooms.max() < AC_MAX_W + 4 * 110 + 200
        assert rooms.min() > 5


def test_some_rooms_may_use_a_hair_dryer_and_their_meter_says_so() -> None:
    allowed = [device for device in POWER.devices if device.attributes.get("allowed") == HAIR_DRYER]
    assert 5 <= len(allowed) <= 25
    with_dryers = room_power_w(7, FRIDAY, day_kind(FRIDAY), np.full(1440, 15.0), [True] * 64)
    assert 700 < np.diff(with_dryers, axis=1).max() < 1250


def test_closed_buildings_are_flat_at_night() -> None:
    own = own_power_w(CAMPUS, POWER, FRIDAY)
    for index, space in enumerate(POWER.spaces):
        if space.kind is SpaceKind.FLOOR and not space.id.startswith("dorm"):
            night = own[index, 60:290]
            assert night.std() < 0.06 * night.mean()
            assert night.mean() < 0.5 * own[index, 480:1080].mean()


def test_a_holiday_uses_less_than_a_school_day_and_summer_cools() -> None:
    site = POWER.index("em-campus")
    term, holiday, july = (day_amounts(CAMPUS, POWER, when)[site].sum() for when in (MILD, HOLIDAY, JULY))
    assert holiday < 0.6 * term
    assert july > 1.2 * term


@pytest.mark.parametrize("tree", [POWER, WATER], ids=["electricity", "water"])
def test_a_main_counts_at_least_its_sub_meters_in_every_minute(tree) -> None:  # noqa: ANN001
    amounts = day_amounts(CAMPUS, tree, FRIDAY)
    for main in tree.ids:
        subs = [tree.index(sub.id) for sub in CAMPUS.registry.sub_meters(main)]
        assert (amounts[subs].sum(axis=0) <= amounts[tree.index(main)] + 1e-9).all()
    assert amounts.min() >= 0


def test_a_dormitory_floor_draws_little_at_night_and_nothing_for_whole_quarters() -> None:
    """0.1-0.6 L/h for each of 32 sleepers, and minutes without any flow: a leak stands out."""
    floor = WATER.index("wm-dorm-a-f2")
    nights = np.array([own_draws_l(CAMPUS, WATER, FRIDAY - back)[floor, 120:300] for back in range(10)])
    per_person_hour = nights.sum(axis=1).mean() / 3 / 32
    assert 0.1 < per_person_hour < 0.6
    quarters = nights.reshape(10, 12, 15).sum(axis=2)
    assert (quarters == 0).mean() > 0.3


def test_displays_cut_their_last_digit_and_roll_over() -> None:
    floor = POWER.profiles[POWER.index("em-dorm-a-f1")]
    assert shown(99_999.999, floor) == pytest.approx(99_999.99)
    assert shown(100_000.017, floor) == pytest.approx(0.01)
    site = WATER.profiles[WATER.index("wm-campus")]
    assert shown(12.3456, site) == pytest.approx(12.34)
