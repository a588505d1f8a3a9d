"""What the simulated school owns: complete, plausible, the same for the same seed."""

from datetime import date

from devices.asset import AssetEvent
from devices.asset_classes import asset_class
from devices.model import FIRE_KINDS, DeviceKind
from simulators.belongings import belongings
from simulators.campus import build_campus

TODAY = date(2026, 11, 21)


def test_the_same_seed_owns_the_same_and_another_one_other_things() -> None:
    assert belongings(build_campus(7), TODAY) == belongings(build_campus(7), TODAY)
    assert belongings(build_campus(7), TODAY) != belongings(build_campus(8), TODAY)


def test_every_meter_door_and_fire_device_is_an_asset_once() -> None:
    campus = build_campus(7)
    linked = [owned.asset.device_id for owned in belongings(campus, TODAY) if owned.asset.device_id]
    kinds = FIRE_KINDS | {DeviceKind.ELECTRICITY_METER, DeviceKind.WATER_METER, DeviceKind.DOOR_CONTROLLER}
    assert sorted(linked) == sorted(device.id for device in campus.devices if device.kind in kinds)


def test_facts_are_those_of_a_ledger() -> None:
    campus = build_campus(7)
    owned = [one.asset for one in belongings(campus, TODAY)]
    assert len({asset.tag for asset in owned}) == len(owned) == len({asset.serial for asset in owned})
    for asset in owned:
        assert asset_class(asset.class_code) is not None
        assert asset.space_id in campus.registry.spaces
        assert asset.price_cents > 0
        assert asset.purchased_on is not None
        assert asset.purchased_on < TODAY
        assert (asset.accepted_on is None) is (asset.custodian == "")


def test_a_few_have_a_story() -> None:
    moves = {move.event for owned in belongings(build_campus(7), TODAY) for move in owned.moves}
    assert {AssetEvent.REQUEST_TRANSFER, AssetEvent.SEND_TO_REPAIR, AssetEvent.REQUEST_SCRAPPING, AssetEvent.DISPOSE} <= moves
