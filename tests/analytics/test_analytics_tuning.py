"""Rules of people reach the detectors of the meters they are for, and only those; parameters change within bounds."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from analytics.arrays import HOUR_MS
from analytics.book import empty, known_hours
from analytics.finding import FindingKind
from analytics.hourly import on_grid
from analytics.parameters import changed, check, parameters_of, rules_of, sheet, shipped
from analytics.rule import DetectorRule
from analytics.site import Site
from analytics.tuning import switched_off, tuned
from analytics.watch import Watch
from devices.errors import BadInput
from devices.model import Device, DeviceKind, Space, SpaceKind, UseType
from devices.registry import Registry

AT = datetime(2026, 3, 2, tzinfo=UTC)
LEFT_ON = FindingKind.ELEC_LEFT_ON


def _device(device_id: str, space_id: str) -> Device:
    kind = DeviceKind.ELECTRICITY_METER
    return Device(id=device_id, kind=kind, profile_id="em-floor", space_id=space_id, name="E", name_zh="电表", measures_space=True)


REGISTRY = Registry(
    [
        Space(id="t", kind=SpaceKind.BUILDING, name="T", name_zh="楼", use=UseType.TEACHING),
        Space(id="t-1", kind=SpaceKind.FLOOR, name="T1", name_zh="层", parent_id="t", use=UseType.TEACHING),
        Space(id="t-2", kind=SpaceKind.FLOOR, name="T2", name_zh="层", parent_id="t", use=UseType.TEACHING),
    ],
    [_device("e-1", "t-1"), _device("e-2", "t-2")],
)


def _rule(**changes: object) -> DetectorRule:
    plain = DetectorRule(kind=LEFT_ON, reason="known", entered_by="energy", entered_at=AT)
    return replace(plain, **changes)  # type: ignore[arg-type]


def _found(rules: list[DetectorRule]) -> set[str]:
    """The meters at which something was found to be left on: both have the same night of 9 kW."""
    watch = Watch(tuned(REGISTRY, rules), Site())
    hours = int(AT.timestamp() * 1000) + HOUR_MS * np.arange(40 * 24, dtype=np.int64)
    local = (hours // HOUR_MS + 8) % 24
    value = np.where((local >= 8) & (local < 18), 20.0, 4.0) + 0.02 * np.sin(np.arange(hours.size))
    value[(local < 3) & (np.arange(hours.size) // 24 == 35)] += 9.0
    for device_id in watch.meters:
        watch.books[device_id] = known_hours(empty(), on_grid(hours, value, np.zeros(hours.size, np.uint8)))
    return {e.finding.device_id for e in watch.episodes(int(hours[-1]) + HOUR_MS) if e.finding.kind is LEFT_ON}


@pytest.mark.parametrize(
    ("rules", "expect"),
    [
        ([], {"e-1", "e-2"}),
        ([_rule(device_id="e-1", off=True)], {"e-2"}),
        ([_rule(space_id="t-2", off=True)], {"e-1"}),
        ([_rule(space_id="t", off=True)], set()),
        ([_rule(space_id="t", off=True, undone_at=AT, undone_by="x")], {"e-1", "e-2"}),
        ([_rule(device_id="e-1", parameters={"least_kw": 10.0})], {"e-2"}),
        ([_rule(id=2, space_id="t", parameters={"least_kw": 10.0}), _rule(id=1, device_id="e-1", parameters={"least_kw": 0.5})],
         {"e-1"}),
        ([_rule(id=1, device_id="e-1", parameters={"least_kw": 10.0}), _rule(id=2, device_id="e-1", parameters={"least_kw": 0.5})],
         {"e-1", "e-2"}),
        ([_rule(kind=FindingKind.METER_SPIKE, space_id="t", off=True)], {"e-1", "e-2"}),
    ],
)  # fmt: skip
def test_a_rule_holds_where_it_was_made_for(rules: list[DetectorRule], expect: set[str]) -> None:
    assert _found(rules) == expect


def test_a_silent_device_that_is_no_meter_is_switched_off_by_its_place() -> None:
    rule = _rule(kind=FindingKind.DEVICE_DEAD, space_id="t-1", off=True)
    assert switched_off(REGISTRY, [rule]) == {(FindingKind.DEVICE_DEAD, "e-1")}


@pytest.mark.parametrize("kind", [kind for kind in FindingKind if rules_of(kind)])
def test_each_parameter_can_be_changed_by_its_name(kind: FindingKind) -> None:
    for name, parameter in parameters_of(kind).items():
        after = parameter.value * 2 or 1.0
        check(kind, {name: after})
        values = [getattr(changed(rule, {name: after}), name, None) for rule in rules_of(kind) if shipped(rule) is not None]
        assert after in values


@pytest.mark.parametrize("kind", [kind for kind in FindingKind if rules_of(kind)])
def test_a_sheet_says_what_for_and_when_it_fails(kind: FindingKind) -> None:
    found = sheet(kind)
    assert found is not None
    assert found.what_for
    assert found.when_it_fails


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"colour": 1.0}, "no parameter 'colour'"),
        ({"least_kw": -1.0}, "from 0 on"),
        ({"least_kw": float("nan")}, "from 0 on"),
        ({"least_kw": 0.001}, "too far from the shipped"),
        ({"least_kw": 1e6}, "too far from the shipped"),
        ({"hours": 2.5}, "whole number"),
    ],
)
def test_what_no_detector_should_be_set_to_is_refused(changes: dict[str, float], complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        check(LEFT_ON, changes)
