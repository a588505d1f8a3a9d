"""Samples in, findings out: bursts from flow, heating appliances from power."""

from typing import Any

import pytest

from analytics.detectors import burst, heating
from analytics.finding import Finding
from analytics.scene import Scene
from devices.model import SpaceKind, UseType
from tests.fakes.meters import SITE, START_MS, meter

WATER = meter("water")
ROOM = meter(level=SpaceKind.ROOM, use=UseType.DORMITORY)
DRYER_ROOM = meter(level=SpaceKind.ROOM, use=UseType.DORMITORY, allowed=frozenset({"hair_dryer"}))

MICROWAVE_ROOM = meter(level=SpaceKind.ROOM, use=UseType.DORMITORY, allowed=frozenset({"microwave"}))


def run(module: Any, start: Any, levels: list[tuple[float, float]], scene: Scene, every_s: int) -> list[tuple[int, Finding]]:
    """(second, finding) for a series of (value, seconds) levels, sampled every so many seconds."""
    state, told, second = start, [], 0
    for value, seconds in levels:
        for _ in range(int(seconds // every_s)):
            second += every_s
            state, finding = module.step(state, (START_MS + second * 1000, value), scene)
            if finding is not None:
                told.append((second, finding))
    return told


class TestBurst:
    @pytest.mark.parametrize("every_s", [10, 30, 60])
    def test_a_break_is_told_within_two_minutes_and_its_end(self, every_s: int) -> None:
        scene = Scene(meter=WATER, site=SITE, top=0.2)
        began, ended = run(burst, burst.Burst(), [(0.1, 600), (5.0, 1800), (0.1, 600)], scene, every_s)
        assert began[0] - 600 <= 60 + every_s
        assert began[1].active
        assert began[1].facts["flow"] == 5.0
        assert began[1].waste.cost_per_day > 0
        assert not ended[1].active
        assert ended[0] - 2400 <= 120 + every_s

    @pytest.mark.parametrize(
        "levels",
        [
            pytest.param([(0.1, 600), (5.0, 50), (0.1, 600)], id="too short"),
            pytest.param([(0.1, 600), (1.4, 3600)], id="too little"),
            pytest.param([(float("nan"), 600), (0.1, 600)], id="not a number"),
        ],
    )
    def test_ordinary_flow_is_none(self, levels: list[tuple[float, float]]) -> None:
        assert run(burst, burst.Burst(), levels, Scene(meter=WATER, site=SITE, top=0.2), 10) == []

    def test_the_limit_grows_with_what_is_normal(self) -> None:
        assert burst.limit(WATER, 1.0) > 3.5
        assert burst.limit(WATER, float("nan")) == 6.0
        assert burst.limit(WATER, 0.0) == 1.5

    def test_one_that_was_active_before_a_restart_ends(self) -> None:
        scene = Scene(meter=WATER, site=SITE, top=0.2)
        [(_, began)] = run(burst, burst.Burst(), [(0.1, 600), (5.0, 300)], scene, 10)
        [(_, ended)] = run(burst, burst.resume(began), [(0.1, 300)], scene, 10)
        assert ended.started == began.started
        assert not ended.active


class TestHeating:
    @pytest.mark.parametrize(
        ("meter_", "levels", "every_s", "told"),
        [
            pytest.param(ROOM, [(200, 600), (2000, 180), (200, 900)], 10, 2, id="kettle"),
            pytest.param(ROOM, [(200, 600), (2000, 120), (200, 900)], 60, 2, id="kettle at one minute"),
            pytest.param(ROOM, [(60, 600), (740, 120), (60, 900)], 10, 2, id="toaster"),
            pytest.param(ROOM, [(200, 600), (1500, 3600), (200, 900)], 10, 2, id="heater"),
            pytest.param(ROOM, [(200, 600), (1500, 20), (200, 900)], 10, 0, id="starting current"),
            pytest.param(ROOM, [(200, 600), (500, 3600), (200, 900)], 10, 0, id="laptops and lights"),
            pytest.param(ROOM, [(100 + 10 * n, 60) for n in range(60)], 60, 0, id="air conditioner ramps up"),
            pytest.param(DRYER_ROOM, [(200, 600), (1200, 240), (200, 900)], 10, 0, id="allowed dryer"),
            pytest.param(DRYER_ROOM, [(200, 600), (2200, 120), (200, 900)], 10, 2, id="kettle where a dryer is allowed"),
            pytest.param(DRYER_ROOM, [(200, 600), (1200, 900), (200, 900)], 10, 2, id="too long for a dryer"),
            pytest.param(MICROWAVE_ROOM, [(50, 600), (1400, 120), (50, 900)], 10, 0, id="allowed microwave"),
            pytest.param(MICROWAVE_ROOM, [(50, 600), *[(1400, 20), (50, 40)] * 6, (50, 900)], 10, 2, id="iron beside a microwave"),
            pytest.param(MICROWAVE_ROOM, [(50, 600), *[(1400, 20), (90, 40)] * 6, (50, 900)], 10, 0, id="microwave at half power"),
            pytest.param(ROOM, [(200, 600), *[(1500, 420), (200, 240)] * 5, (200, 600)], 10, 2, id="thermostat cycles are one"),
        ],
    )
    def test_appliances(self, meter_: Any, levels: list[tuple[float, float]], every_s: int, told: int) -> None:
        found = run(heating, heating.Heating(), levels, Scene(meter=meter_, site=SITE), every_s)
        assert [finding.active for _, finding in found] == [True, False][:told]

    def test_says_what_it_saw(self) -> None:
        (second, finding), _ = run(
            heating, heating.Heating(), [(200, 600), (2000, 180), (200, 900)], Scene(meter=ROOM, site=SITE), 10
        )
        assert second - 600 <= 40
        assert finding.facts["watts"] == 1800
        assert "kettle" in finding.cause
        assert finding.evidence is not None
        assert finding.evidence.expected[-1][1] == 200

    def test_only_dormitory_rooms_are_watched(self) -> None:
        assert heating.suits(ROOM)
        assert not heating.suits(meter())
        assert not heating.suits(WATER)
