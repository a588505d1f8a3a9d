"""One command in every dialect."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from devices import command as machine
from devices.command import CommandName
from devices.errors import BadInput
from devices.model import Device, DeviceKind
from ingest.families.sparkplug_schema import Payload
from ingest.outgoing import answers, outgoing, shown_by

NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
DEVICE = Device(id="v1", kind=DeviceKind.WATER_METER, profile_id="wm-floor", space_id="s", name="v", name_zh="v")
EVERYTHING = " ".join(CommandName)


def message(name: CommandName, **attributes: str) -> tuple[str, bytes, int]:
    told = {key.replace("_", "."): value for key, value in attributes.items()} | {"commands": EVERYTHING}
    device = replace(DEVICE, attributes=told)
    asked = replace(machine.request(device, name, by="li", reason="r", now=NOW), id=7)
    return tuple(outgoing(asked, device, "campus"))  # type: ignore[return-value]


@pytest.mark.parametrize("topic", ["gate/+", "#", "a\0b", "x" * 65_536])
def test_a_topic_that_no_broker_takes_is_refused_before_anything_counts_as_sent(topic: str) -> None:
    with pytest.raises(BadInput, match="without"):
        message(CommandName.VALVE_CLOSE, command_via="tasmota", command_topic=topic)


@pytest.mark.parametrize(
    ("name", "attributes", "topic", "payload"),
    [
        (CommandName.VALVE_CLOSE, {"command_via": "zigbee2mqtt"}, "zigbee2mqtt/v1/set", {"state": "OFF"}),
        (CommandName.DOOR_RELEASE, {"command_via": "zigbee2mqtt", "command_topic": "z/lock"}, "z/lock/set", {"state": "UNLOCK"}),
        (
            CommandName.BREAKER_ON,
            {"command_via": "shelly", "command_topic": "shellypro1-aa"},
            "shellypro1-aa/rpc",
            {"id": 7, "src": "caretaker-campus", "method": "Switch.Set", "params": {"id": 0, "on": True}},
        ),
        (
            CommandName.VALVE_CLOSE,
            {},
            "caretaker/v1/campus/v1/command",
            {"id": 7, "name": "valve.close", "args": {}, "expires": NOW.timestamp() + 30},
        ),
    ],
)
def test_json_dialects(name: CommandName, attributes: dict[str, str], topic: str, payload: object) -> None:
    told, body, qos = message(name, **attributes)
    assert (told, json.loads(body), qos) == (topic, payload, int(not attributes))


def test_tasmota() -> None:
    assert message(CommandName.BREAKER_OFF, command_via="tasmota", command_topic="plug7") == ("cmnd/plug7/POWER", b"OFF", 0)


@pytest.mark.parametrize(("place", "topic"), [("g/e", "spBv1.0/g/NCMD/e"), ("g/e/d", "spBv1.0/g/DCMD/e/d")], ids=["node", "device"])
def test_sparkplug_by_name_and_by_alias(place: str, topic: str) -> None:
    told, body, _ = message(CommandName.VALVE_CLOSE, command_via="sparkplug", command_topic=place, command_metric="Valve/Open")
    by_name = Payload.FromString(body).metrics[0]
    assert (told, by_name.name, by_name.boolean_value, by_name.datatype) == (topic, "Valve/Open", False, 11)
    _, body, _ = message(CommandName.VALVE_OPEN, command_via="sparkplug", command_topic=place, command_alias="12")
    by_alias = Payload.FromString(body).metrics[0]
    assert (by_alias.alias, by_alias.boolean_value, by_alias.HasField("name")) == (12, True, False)


@pytest.mark.parametrize(
    ("attributes", "place"),
    [
        ({"command_via": "smoke signals"}, "command.via"),
        ({"command_via": "sparkplug", "command_topic": "only"}, "command.topic"),
        ({"command_via": "sparkplug", "command_topic": "g/e"}, "command.metric"),
    ],
)
def test_attributes_that_do_not_suffice_are_named(attributes: dict[str, str], place: str) -> None:
    with pytest.raises(BadInput, match=f"attribute {place} of v1"):
        message(CommandName.VALVE_CLOSE, **attributes)


def test_who_answers_and_what_shows_it() -> None:
    foreign = replace(
        DEVICE, attributes={"command.via": "tasmota", "commands": EVERYTHING, "command.metric_shown": "switch.on.ch2"}
    )
    assert (answers(DEVICE), answers(foreign)) == (True, False)
    asked = machine.request(foreign, CommandName.BREAKER_OFF, by="li", reason="r", now=NOW)
    assert shown_by(asked, foreign) == ("switch.on.ch2", 0.0)
