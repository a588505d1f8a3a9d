"""Measured levels that are alarms of their own: UL 2034 for CO, 57 °C for heat, a share of the explosive limit for gas."""

import pytest

from analytics.detectors import fire
from analytics.finding import FindingKind
from devices.model import Device, DeviceKind, Reading

T0 = 1_772_600_000_000
CO = Device(id="co", kind=DeviceKind.CO_DETECTOR, profile_id="co", space_id="s", name="", name_zh="")
HEAT = Device(id="h", kind=DeviceKind.HEAT_DETECTOR, profile_id="heat", space_id="s", name="", name_zh="")
KITCHEN = Device(
    id="k",
    kind=DeviceKind.HEAT_DETECTOR,
    profile_id="heat",
    space_id="s",
    name="",
    name_zh="",
    attributes={"alarm.env.temperature": "93"},
)
GAS = Device(id="g", kind=DeviceKind.GAS_DETECTOR, profile_id="gas", space_id="s", name="", name_zh="")


def first_alarm_min(device: Device, metric: str, value: float, minutes: int = 300) -> float | None:
    """Minutes until the first alarm at a constant level, a reading each half minute."""
    state = fire.FireState()
    for half in range(2 * minutes):
        state, finding = fire.step(state, Reading(device.id, metric, T0 + 30_000 * half, value), device)
        if finding is not None:
            assert finding.active
            assert finding.message % dict(finding.facts)
            return half / 2
    return None


@pytest.mark.parametrize(
    ("device", "metric", "value", "low_min", "high_min"),
    [
        (CO, "co.concentration", 70, 60, 240),
        (CO, "co.concentration", 150, 10, 50),
        (CO, "co.concentration", 400, 4, 15),
        (HEAT, "env.temperature", 58, 0, 0),
        (KITCHEN, "env.temperature", 94, 0, 0),
        (GAS, "gas.lel", 22, 0, 0),
    ],
)
def test_an_alarm_comes_within_the_times_of_the_standard(
    device: Device, metric: str, value: float, low_min: float, high_min: float
) -> None:
    minutes = first_alarm_min(device, metric, value)
    assert minutes is not None
    assert low_min <= minutes <= high_min


@pytest.mark.parametrize(
    ("device", "metric", "value"),
    [(CO, "co.concentration", 30), (HEAT, "env.temperature", 45), (KITCHEN, "env.temperature", 70), (GAS, "gas.lel", 5),
     (CO, "co.concentration", float("nan"))],
)  # fmt: skip
def test_and_no_alarm_below(device: Device, metric: str, value: float) -> None:
    assert first_alarm_min(device, metric, value) is None


def test_a_signal_of_all_well_does_not_end_what_the_gauge_says() -> None:
    state, found = fire.FireState(), []
    rows = [("env.temperature", 60.0), ("heat_alarm", 0.0), ("env.temperature", 61.0), ("heat_alarm", 0.0)]
    rows += [("env.temperature", 30.0), ("heat_alarm", 0.0)]
    for number, (metric, value) in enumerate(rows):
        state, finding = fire.step(state, Reading("h", metric, T0 + 1000 * (number // 2), value), HEAT)
        found += [(finding.kind, finding.active)] if finding else []
    assert found == [(FindingKind.FIRE_HEAT, True), (FindingKind.FIRE_HEAT, False)]
