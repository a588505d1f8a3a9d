"""Quality: each doubt by a table of what came before and what comes now."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.model import Device, DeviceKind, Quality
from ingest.quality import LATE_AFTER_MS, Track, clock_is_suspect, judge

NOW = 1_790_000_000_000
HOUR = 3_600_000
METER = Device(id="m", kind=DeviceKind.ELECTRICITY_METER, profile_id="em-room", space_id="r", name="m", name_zh="m")  # 25 kWh/h


def flags(name: str, *seen: tuple[int, float], device: Device | None = METER) -> list[int | None]:
    """Flags of each (seconds from now, value), received at its own time or now, whichever is younger."""
    track = Track(name, device)
    return [judge(track, NOW + at_s * 1000, value, max(NOW, NOW + at_s * 1000)) for at_s, value in seen]


@pytest.mark.parametrize(
    ("name", "seen", "expected"),
    [
        pytest.param("elec.voltage", [(0, 230), (10, 231)], [0, 0], id="good is the absence of doubt"),
        pytest.param("elec.voltage", [(0, -5), (1, 40_001)], [Quality.IMPLAUSIBLE] * 2, id="outside the metric's range"),
        pytest.param("elec.voltage.l2", [(0, 50_000)], [Quality.IMPLAUSIBLE], id="a phase has its total's range"),
        pytest.param("my own", [(0, 1e300)], [0], id="an unknown metric has no range"),
        pytest.param("elec.voltage", [(10, 230), (0, 229)], [0, Quality.LATE], id="late after a younger one"),
        pytest.param("elec.voltage", [(-7200, 230)], [Quality.LATE], id="late by its own time"),
        pytest.param("elec.voltage", [(0, 230), (0, 230)], [0, None], id="the same again is nothing new"),
        pytest.param("elec.voltage", [(0, 230), (10, 231), (0, 230)], [0, 0, None], id="redelivered out of order is nothing new"),
        pytest.param("elec.voltage", [(0, 230), (0, 231)], [0, Quality.DUPLICATE], id="same key, another value"),
        pytest.param("elec.energy.import", [(0, 100), (3600, 124)], [0, 0], id="a register within its rate"),
        pytest.param("elec.energy.import", [(0, 100), (3600, 126)], [0, Quality.IMPLAUSIBLE], id="faster than the profile allows"),
        pytest.param("elec.energy.import", [(0, 100), (1, 100.2)], [0, 0], id="a coarse register steps at once"),
        pytest.param("elec.energy.import", [(0, 99_999), (10, 0.1)], [0, 0], id="rollover is the ledger's business"),
        pytest.param("elec.energy.import", [(0, 500), (10, 0)], [0, 0], id="reset is the ledger's business"),
        pytest.param(
            "elec.energy.import",
            [(0, 100), (10, 9_000), (20, 100.01)],
            [0, Quality.IMPLAUSIBLE, 0],
            id="one leap does not spoil what follows",
        ),
        pytest.param(
            "elec.energy.import",
            [(0, 100), (10, 9_000), (20, 9_000.01), (30, 9_000.02), (40, 9_000.03), (50, 9_000.04)],
            [0, *[Quality.IMPLAUSIBLE] * 3, 0, 0],
            id="leaps that agree are a new truth",
        ),
        pytest.param(
            "elec.energy.import",
            [(10 * i, value) for i, value in enumerate([100, 9_000, 50_000, 20_000, 70_000])],
            [0, *[Quality.IMPLAUSIBLE] * 4],
            id="leaps that disagree are not",
        ),
    ],
)
def test_flags(name: str, seen: list[tuple[int, float]], expected: list[int | None]) -> None:
    assert flags(name, *seen) == expected


def test_a_register_of_an_unknown_device_has_no_rate() -> None:
    assert flags("elec.energy.import", (0, 1), (1, 1e8), device=None) == [0, 0]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_never_plausible(value: float) -> None:
    assert flags("my own", (0, value)) == [Quality.IMPLAUSIBLE]


@pytest.mark.parametrize(
    ("ts_ms", "suspect"),
    [
        pytest.param(NOW, False, id="now"),
        pytest.param(NOW + 299_000, False, id="a clock a little ahead"),
        pytest.param(NOW + 301_000, True, id="more than five minutes ahead"),
        pytest.param(1_577_836_800_000, False, id="2020"),
        pytest.param(1_577_836_799_999, True, id="before 2020: never set"),
        pytest.param(0, True, id="1970"),
    ],
)
def test_clock(ts_ms: int, suspect: bool) -> None:
    assert clock_is_suspect(ts_ms, NOW) is suspect


@given(st.lists(st.tuples(st.integers(0, 50), st.sampled_from([1.0, 2.0])), max_size=7))
def test_repeating_the_newest_few_changes_nothing(seen: list[tuple[int, float]]) -> None:
    track = Track("elec.voltage", None)
    unique = dict(seen)
    for at, value in unique.items():
        judge(track, NOW + at, value, NOW + LATE_AFTER_MS)
    assert [judge(track, NOW + at, value, NOW + LATE_AFTER_MS) for at, value in unique.items()] == [None] * len(unique)
