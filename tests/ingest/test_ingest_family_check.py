"""`caretaker decode --check`: what counts as decoded, and how it is told."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from ingest.decoders import DECODERS, DEFAULT_FILTERS, FamilyMap
from runtime.commands.decode import decode
from runtime.commands.decode_check import differences, same_value

decoding = typer.Typer()
decoding.command()(decode)
TEMPERATURE = {"name": "env.temperature", "value": 21.5, "unit": "Cel"}
DECODED = {"device_id": "d", "metrics": [TEMPERATURE], "events": [{"type": "alarm.smoke"}], "ts": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("expected", "meaning", "missing"),
    [
        pytest.param({"metrics": [TEMPERATURE]}, DECODED, 0, id="as expected, and more"),
        pytest.param({"metrics": [{**TEMPERATURE, "value": 21.6}]}, DECODED, 1, id="another value"),
        pytest.param({"metrics": [{**TEMPERATURE, "unit": "K"}]}, DECODED, 1, id="another unit"),
        pytest.param({"metrics": [{**TEMPERATURE, "ts": 1767225600}]}, DECODED, 0, id="the common time"),
        pytest.param({"metrics": [{**TEMPERATURE, "ts": 1767225601}]}, DECODED, 1, id="another time"),
        pytest.param({"events": [{"type": "alarm.smoke"}, {"type": "alarm.fire"}]}, DECODED, 1, id="an event short"),
        pytest.param({"valid": False}, DECODED, 1, id="accepted, though invalid"),
        pytest.param({"valid": False}, {"rejected": "checksum is 00"}, 0, id="refused, as it should"),
        pytest.param({"valid": False}, {"rejected": "no decoder for family 'x'"}, 1, id="not read at all"),
        pytest.param({"metrics": [TEMPERATURE]}, {"rejected": "no"}, 1, id="refused, though valid"),
    ],
)
def test_what_counts(expected: dict[str, Any], meaning: dict[str, Any], missing: int) -> None:
    assert len(differences(expected, meaning)) == missing


@pytest.mark.parametrize(
    ("wanted", "found", "same"),
    [(True, 1.0, True), (False, 0, True), (230.2, 230.19999, True), ("7", 7.0, True), ("a", "b", False), (None, 0, False)],
)
def test_values_compare(wanted: object, found: object, same: bool) -> None:
    assert same_value(wanted, found) is same


def lines(*entries: dict[str, Any]) -> str:
    return "".join(
        json.dumps({"family": "zigbee2mqtt", "topic": "zigbee2mqtt/a", "payload": "{}", **entry}) + "\n" for entry in entries
    )


GOOD = {"id": "good", "payload": '{"temperature":21.5}', "expected": {"valid": True, "metrics": [TEMPERATURE]}}
BAD = {"id": "bad", "payload": '{"temperature":20}', "expected": {"valid": True, "metrics": [TEMPERATURE]}}


def test_exit_code_and_report(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(lines(GOOD, {"id": "unjudged"}))
    reached = CliRunner().invoke(decoding, [str(corpus), "--check"])
    assert reached.exit_code == 0, reached.output
    assert "1 of 1 " in reached.output
    corpus.write_text(lines(GOOD, BAD))
    missed = CliRunner().invoke(decoding, [str(corpus), "--check", "--json"])
    assert missed.exit_code == 1
    told = json.loads(missed.output)
    assert told["reached"] is False
    assert (told["families"][0]["passed"], list(told["families"][0]["misses"])) == (1, ["bad"])


def test_one_message_of_several_devices_is_one_line(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    payload = '{"A":[{"ts":1483228800000,"values":{"temperature":1}}],"B":[{"ts":1483228800000,"values":{"temperature":2}}]}'
    corpus.write_text(json.dumps({"family": "thingsboard", "topic": "v1/gateway/telemetry", "payload": payload}) + "\n")
    told = json.loads(CliRunner().invoke(decoding, [str(corpus)]).output)
    assert told["device_id"] is None
    assert [(metric["device"], metric["value"]) for metric in told["metrics"]] == [("A", 1), ("B", 2)]


def test_the_devices_own_names_are_shown_beside_ours(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(
        json.dumps({"family": "senml.json", "payload": '[{"n":"d:u","u":"V","v":1},{"n":"d:label","vs":"x"}]'}) + "\n"
    )
    told = json.loads(CliRunner().invoke(decoding, [str(corpus)]).output)
    assert [(metric["name"], metric.get("stored_as")) for metric in told["metrics"]] == [
        ("elec.voltage", None),
        ("senml:d:u", "elec.voltage"),
        ("senml:d:label", "event"),
    ]


@pytest.mark.parametrize(
    ("topic", "family"),
    [
        ("caretaker/v1/site/d/status", "native"),
        ("zigbee2mqtt/0x00158d0001d64498", "zigbee2mqtt"),
        ("homeassistant/sensor/a/config", "ha.discovery"),
        ("shellies/shelly1-1/relay/0", "shelly.gen1"),
        ("shellyplus1pm-a8032abe54dc/status/switch:0", "shelly.gen2"),
        ("shellyplus1pm-a8032abe54dc/online", "shelly.gen2"),
        ("tele/plug/SENSOR", "tasmota"),
        ("plug/tele/SENSOR", "tasmota"),
        ("v1/devices/me/telemetry", "thingsboard"),
        ("$oc/devices/d/sys/properties/report", "cloud.cn"),
        ("/sys/p/d/thing/event/property/post", "cloud.cn"),
        ("GIOT-GW/UL/SHMK19060013", "meokon.fire"),
        ("/rfid/send", "access.esprfid"),
        ("someone/elses/topic/altogether", None),
    ],
)
def test_topics_find_their_family(topic: str, family: str | None) -> None:
    assert FamilyMap().family(topic) == family


def test_every_filter_names_a_decoder() -> None:
    assert {family for _, family in DEFAULT_FILTERS} <= DECODERS.keys()
