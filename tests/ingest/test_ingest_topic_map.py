"""Which family a topic speaks: order, names in levels, families switched off; and what people may write."""

import pytest

from devices.errors import BadInput
from ingest.decoders import DECODERS
from ingest.topic_filter import FAMILY_NAMES, check_family, check_filter, mqtt_filter
from ingest.topic_map import TopicLink, TopicMap


def test_the_names_are_those_of_the_decoders() -> None:
    assert set(FAMILY_NAMES) == DECODERS.keys()


def test_the_settings_stand_before_the_usual_filters() -> None:
    topics = TopicMap([TopicLink(filter="tele/boiler/#", family="json", context={"mapping": {}})])
    assert topics.route("tele/boiler/SENSOR").family == "json"
    assert topics.route("tele/plug/SENSOR").family == "tasmota"
    assert topics.route("elsewhere").family is None


def test_levels_with_names_tell_gateway_and_device() -> None:
    topics = TopicMap([TopicLink(filter="school/{gateway}/{device}/up", family="dlt645", context={"model": "x"})])
    route = topics.route("school/dtu-1/m2/up")
    assert (route.gateway_id, route.context) == ("dtu-1", {"gateway_id": "dtu-1", "device_id": "m2", "model": "x"})
    assert "school/+/+/up" in topics.filters()


def test_families_are_switched_off_and_native_never() -> None:
    none, some = TopicMap(families=()), TopicMap(families=("zigbee2mqtt",))
    assert none.filters() == ()
    assert some.filters() == ("zigbee2mqtt/#",)
    assert some.route("tele/plug/SENSOR").family is None
    assert none.route("caretaker/v1/campus/m1/telemetry").family == "native"


def test_fire_and_door_families_are_fast() -> None:
    topics = TopicMap(
        [
            TopicLink(filter="fire/#", family="gb26875.3"),
            TopicLink(filter="doors/#", family="json", fast=True),
            TopicLink(filter="meters/#", family="dlt645"),
        ],
        families=(),
    )
    assert topics.fast_filters() == ("fire/#", "doors/#")


@pytest.mark.parametrize("pattern", ["a/#/b", "a+/b", "", "a/b#", "{gate}/x", "x{gateway}", "a\0b"])
def test_filters_that_cannot_be(pattern: str) -> None:
    with pytest.raises(BadInput):
        check_filter(pattern)


@pytest.mark.parametrize(("pattern", "said"), [("a/{device}/#", "a/+/#"), ("+/status/+", "+/status/+"), ("#", "#")])
def test_filters_as_mqtt_writes_them(pattern: str, said: str) -> None:
    assert mqtt_filter(check_filter(pattern)) == said


def test_a_family_that_does_not_exist_is_told_the_nearest() -> None:
    assert check_family("dlt645") == "dlt645"
    with pytest.raises(BadInput, match="did you mean 'zigbee2mqtt'"):
        check_family("zigbee")
