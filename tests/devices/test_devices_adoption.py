"""Strangers: what they seem to be, and how one becomes a device."""

from dataclasses import replace

import pytest

from devices.adoption import AdoptRule, adopt, adopted, suggest
from devices.errors import BadInput
from devices.health import DiscoveredDevice
from devices.model import DeviceKind


def _stranger(*metrics: str, family: str = "zigbee2mqtt", **more: str) -> DiscoveredDevice:
    return DiscoveredDevice(
        device_id=more.pop("device_id", "0x01"),
        first_seen_ms=1,
        last_seen_ms=2,
        topic=more.pop("topic", "zigbee2mqtt/a"),
        family=family,
        metrics=metrics,
        **more,
    )


@pytest.mark.parametrize(
    ("metrics", "family", "profile_id"),
    [
        (("elec.energy.import", "elec.voltage.l1"), "dlt645", "em-polled"),
        (("elec.energy.combined",), "dlt645", "em-polled"),
        (("elec.energy.import.t1", "elec.energy.export"), "dlms.push", "em-two-way"),
        (("elec.power.active", "switch.on", "link.rssi"), "tasmota", "smart-plug"),
        (("water.volume", "battery.voltage"), "cjt188", "wm-battery-hourly"),
        (("water.volume",), "cjt188", "wm-building"),
        (("water.volume", "env.temperature"), "chirpstack.v4", "wm-battery-hourly"),
        (("smoke", "battery.level", "env.temperature"), "zigbee2mqtt", "smoke"),
        (("door.open", "battery.level"), "zigbee2mqtt", "door-contact"),
        (("lock.locked", "battery.level"), "access.aqara", "door"),
        (("water.pressure",), "meokon.fire", "hydrant"),
        (("heat.energy", "water.volume"), "cjt188", "heat-meter"),
        (("online",), "zigbee2mqtt", "gateway"),
        (("x.sp.line/speed",), "sparkplug.b", "sensor"),
        ((), "access.hikvision", "door"),
    ],
)
def test_the_metrics_tell_what_it_is(metrics: tuple[str, ...], family: str, profile_id: str) -> None:
    found = suggest(_stranger(*metrics, family=family))
    assert found is not None
    assert found.profile_id == profile_id
    assert found.because


def test_nothing_told_nothing_suggested() -> None:
    assert suggest(_stranger()) is None


def test_a_radio_smoke_detector_is_not_expected_every_30_seconds() -> None:
    found = suggest(_stranger("smoke"))
    assert found is not None
    assert float(found.attributes["silent_after_s"]) > 3600


def test_a_person_adopts() -> None:
    stranger = _stranger("elec.energy.import", family="modbus.rtu", gateway_id="dtu-7", model="acrel")
    device = adopt(
        stranger, space_id="room-1", name=" Meter ", name_zh="", kind=DeviceKind.ELECTRICITY_METER, profile_id="em-polled"
    )
    assert (device.id, device.name, device.name_zh) == ("0x01", "Meter", "Meter")
    assert device.attributes == {"gateway_id": "dtu-7", "family": "modbus.rtu", "model": "acrel"}


def test_without_a_name_it_keeps_the_one_its_system_gave_it() -> None:
    stranger = replace(_stranger("elec.energy.import"), told={"name": "Kettle plug"})
    device = adopt(stranger, space_id="s", name="", name_zh=" ", kind=DeviceKind.ELECTRICITY_METER, profile_id="smart-plug")
    assert (device.name, device.name_zh) == ("Kettle plug", "Kettle plug")


@pytest.mark.parametrize(("kind", "profile_id"), [(DeviceKind.WATER_METER, "em-polled"), (DeviceKind.WATER_METER, "nonsense")])
def test_kind_and_profile_must_agree(kind: DeviceKind, profile_id: str) -> None:
    with pytest.raises(BadInput, match="choose"):
        adopt(_stranger(), space_id="s", name="", name_zh="", kind=kind, profile_id=profile_id)


def test_a_rule_adopts_what_matches_and_nothing_else() -> None:
    rule = AdoptRule(space_id="dorm-1", family="zigbee2mqtt", model="*plug*", name="Plug {id}", name_zh="插座 {id}")
    plug = adopted(_stranger("elec.power.active", "switch.on", model="TS011F_plug_1"), rule)
    assert plug is not None
    assert (plug.kind, plug.space_id, plug.name_zh) == (DeviceKind.ELECTRICITY_METER, "dorm-1", "插座 0x01")
    assert adopted(_stranger("elec.power.active", model="SNZB-03"), rule) is None
    assert adopted(_stranger(model="plug"), rule) is None
    assert adopted(_stranger(model="plug"), AdoptRule(space_id="s", profile_id="smart-plug")) is not None
