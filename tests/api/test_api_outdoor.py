"""The outdoor temperature by hours, from the site's own sensor."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from analytics.arrays import HOUR_MS
from api.outdoor import METRIC, hourly_weather, outdoor_sensor
from devices.model import Device, DeviceKind, Reading, Space, SpaceKind
from devices.registry import Registry
from runtime.roles.analytics_weather import OutdoorTemperature
from storage.embedded import EmbeddedReadingStore

START_MS = 1_788_192_000_000
SITE = Space(id="campus", kind=SpaceKind.SITE, name="Campus", name_zh="校园")
ROOF = Space(id="roof", kind=SpaceKind.BUILDING, name="Roof", name_zh="屋顶", parent_id="campus")


def sensor(device_id: str, space_id: str = "campus", outdoor: str = "true") -> Device:
    return Device(
        id=device_id, kind=DeviceKind.ENVIRONMENT_SENSOR, profile_id="climate", space_id=space_id, name=device_id,
        name_zh=device_id, attributes={"outdoor": outdoor},
    )  # fmt: skip


def registry(*devices: Device) -> Registry:
    return Registry((SITE, ROOF), devices)


@pytest.fixture
def readings(tmp_path: Path) -> Iterator[EmbeddedReadingStore]:
    store = EmbeddedReadingStore(tmp_path)
    yield store
    store.close()


def told(hour: float, celsius: float) -> Reading:
    return Reading("t", METRIC, START_MS + round(hour * HOUR_MS), celsius)


def test_the_sensor_hangs_on_the_site_and_says_that_it_is_outdoors() -> None:
    assert outdoor_sensor(registry(sensor("b"), sensor("a"), sensor("0", outdoor="no"))) == "a"
    assert outdoor_sensor(registry(sensor("a", outdoor=""))) is None


def test_hours_are_means_and_gaps_stay_gaps(readings: EmbeddedReadingStore) -> None:
    readings.write([told(2.25, 10.0), told(2.75, 12.0), told(4.5, 8.0)])
    weather = hourly_weather(readings, "t", START_MS, START_MS + 6 * HOUR_MS)
    assert weather is not None
    assert weather.start_ms == START_MS + 2 * HOUR_MS
    np.testing.assert_array_equal(weather.celsius, [11.0, np.nan, 8.0, np.nan])


@pytest.mark.parametrize("which", [None, "silent"])
def test_without_a_sensor_or_before_it_speaks_nothing_is_known(readings: EmbeddedReadingStore, which: str | None) -> None:
    assert hourly_weather(readings, which, START_MS, START_MS + 6 * HOUR_MS) is None
    assert hourly_weather(readings, "t", START_MS, START_MS) is None


def test_the_running_system_reads_on_from_where_it_was(readings: EmbeddedReadingStore) -> None:
    outdoor = OutdoorTemperature(readings)
    outdoor.sensor_of(registry(sensor("t")))
    assert outdoor.until(START_MS) is None
    readings.write([told(0.5, 10.0)])
    first = outdoor.until(START_MS + HOUR_MS)
    readings.write([told(2.5, 14.0), told(1.5, 12.0)])
    later = outdoor.until(START_MS + 4 * HOUR_MS)
    assert first is not None
    assert later is not None
    assert later.start_ms == START_MS
    np.testing.assert_array_equal(first.celsius, [10.0])
    np.testing.assert_array_equal(later.celsius, [10.0, 12.0, 14.0, np.nan])
    outdoor.sensor_of(registry())
    assert outdoor.until(START_MS + 4 * HOUR_MS) is None
