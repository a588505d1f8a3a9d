"""The vocabulary and the registry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.metrics import METRICS, MetricKind, canonical_name, metric
from devices.model import Device, DeviceKind, Space, SpaceKind
from devices.profiles import PROFILES
from devices.registry import Registry


@pytest.mark.parametrize(
    ("name", "unit", "kind"),
    [
        ("elec.energy.import", "kWh", MetricKind.REGISTER),
        ("elec.energy.import.t2", "kWh", MetricKind.REGISTER),
        ("elec.voltage.l1", "V", MetricKind.GAUGE),
        ("counter.pulses", "1", MetricKind.REGISTER),
        ("x.vendor.thing", "", MetricKind.GAUGE),
    ],
)
def test_metric_of_a_name(name: str, unit: str, kind: MetricKind) -> None:
    assert (metric(name).unit, metric(name).kind) == (unit, kind)


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("elec.voltage.l1", "elec.voltage.l1"),
        ("Odd Name/2", "x.odd_name_2"),
        ("x.Mixed", "x.mixed"),
        ("", "x.unnamed"),
        ("电压", "x.unnamed"),
    ],
)
def test_foreign_names_are_kept_under_x(name: str, stored: str) -> None:
    assert canonical_name(name) == stored


@given(st.text(max_size=200))
def test_any_name_becomes_one_that_stays(name: str) -> None:
    stored = canonical_name(name)
    assert canonical_name(stored) == stored


def test_profiles_speak_the_vocabulary() -> None:
    assert {name for profile in PROFILES.values() for name in profile.metrics} <= set(METRICS)


def space(id_: str, parent: str | None = None, kind: SpaceKind = SpaceKind.ROOM) -> Space:
    return Space(id=id_, kind=kind, name=id_, name_zh=id_, parent_id=parent)


def meter(id_: str, space_id: str, *, whole: bool = True, upstream: str | None = None) -> Device:
    return Device(
        id=id_,
        kind=DeviceKind.WATER_METER,
        profile_id="wm-building",
        space_id=space_id,
        name=id_,
        name_zh=id_,
        measures_space=whole,
        upstream_id=upstream,
    )


def test_consumption_of_a_space_is_never_counted_twice() -> None:
    spaces = [
        space("s", kind=SpaceKind.SITE),
        space("b", "s", SpaceKind.BUILDING),
        space("f1", "b"),
        space("f2", "b"),
        space("c", "s"),
    ]
    registry = Registry(
        spaces, [meter("mb", "b"), meter("m1", "f1", upstream="mb"), meter("mc", "c"), meter("m2", "f2", whole=False)]
    )
    meters = {key: {d.id for d in registry.meters_of(key, DeviceKind.WATER_METER)} for key in ("s", "b", "f1", "f2")}
    assert meters == {"s": {"mb", "mc"}, "b": {"mb"}, "f1": {"m1"}, "f2": set()}
    assert [s.id for s in registry.path("f1")] == ["s", "b", "f1"]
    assert registry.building("f1") == registry.spaces["b"]
    assert [d.id for d in registry.sub_meters("mb")] == ["m1"]


@pytest.mark.parametrize(
    ("spaces", "devices", "message"),
    [
        ([space("a", "nowhere")], [], "parent 'nowhere' does not exist"),
        ([space("a", "b"), space("b", "a")], [], "lies inside itself"),
        ([space("a")], [meter("m", "nowhere")], "space 'nowhere' does not exist"),
        ([space("a")], [meter("m", "a", upstream="nowhere")], "upstream meter 'nowhere'"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named(spaces: list[Space], devices: list[Device], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Registry(spaces, devices)
