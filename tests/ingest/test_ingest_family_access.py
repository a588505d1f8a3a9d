"""Access control: ESP-RFID, Dahua, Hikvision, Aqara."""

import json
from typing import Any

import pytest

from ingest.decoded import Decoded, Rejected
from ingest.decoders import DECODERS
from ingest.message import Message


def decoded(family: str, payload: Any, topic: str = "") -> Decoded:
    data = payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
    outcome = DECODERS[family](Message(0, topic, data), {})
    part = outcome if isinstance(outcome, Decoded | Rejected) else outcome[0]
    assert isinstance(part, Decoded), part
    return part


def access(**more: Any) -> dict[str, Any]:
    return {
        "type": "access",
        "time": 1605991375,
        "isKnown": "true",
        "access": "Always",
        "username": "Ann",
        "uid": "f9",
        "hostname": "door1",
        **more,
    }


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (access(), "access.granted"),
        (access(access="Admin"), "access.granted"),
        (access(access="Denied"), "access.denied"),
        (access(access="Expired"), "access.denied"),
        (access(isKnown="false", access="Always"), "access.denied"),
        (access(access=["Denied", "Always"], doorName=["a", "b"]), "access.granted"),
    ],
)
def test_esprfid_access(payload: dict[str, Any], kind: str) -> None:
    part = decoded("access.esprfid", payload)
    assert part.device_id == "door1"
    assert (part.happenings[0].type, part.happenings[0].ts_ms) == (kind, 1605991375000)
    assert part.happenings[0].attributes["card"] == "f9"


@pytest.mark.parametrize(
    ("told", "kind", "is_open"),
    [
        ({"type": "INFO", "src": "door", "desc": "Door Open"}, "door.opened", 1.0),
        ({"type": "INFO", "src": "door", "desc": "Door Closed"}, "door.closed", 0.0),
        ({"type": "WARN", "src": "tamper", "desc": "Door was tampered!"}, "door.forced", None),
        ({"type": "WARN", "src": "rfid", "desc": "Unknown rfid tag is scanned"}, "access.unknown_card", None),
        ({"type": "INFO", "src": "doorbell", "desc": "Doorbell ringing"}, "doorbell.rung", None),
        ({"type": "ERRO", "src": "rfid", "desc": "reader lost"}, "fault.device", None),
        ({"type": "boot", "uptime": 0, "ip": "10.0.0.1"}, "device.boot", None),
        ({"type": "heartbeat", "uptime": 5}, "device.heartbeat", None),
    ],
)
def test_esprfid_events(told: dict[str, Any], kind: str, is_open: float | None) -> None:
    part = decoded("access.esprfid", {"time": 1605991375, **told}, "/rfid/send")
    assert (part.device_id, part.happenings[0].type) == ("rfid", kind)
    assert [sample.values for sample in part.samples] == ([{"door.open": is_open}] if is_open is not None else [])


@pytest.mark.parametrize(
    ("code", "data", "kind"),
    [
        ("DoorCard", {"Number": "7a"}, "access.card_read"),
        ("AccessControl", {"Status": 1, "CardNo": "7a", "Method": 1}, "access.granted"),
        ("AccessControl", {"Status": 0, "ErrorCode": 16}, "access.unknown_card"),
        ("AccessControl", {"Status": 0, "ErrorCode": 1}, "access.denied"),
        ("DoorStatus", {"Status": "Open"}, "door.opened"),
        ("DoorStatus", {"Status": "Break"}, "door.forced"),
        ("DoorNotClosed", {}, "door.held_open"),
        ("BreakIn", {}, "door.forced"),
        ("SomethingNew", {}, "device.event"),
    ],
)
def test_dahua_trusts_utc(code: str, data: dict[str, Any], kind: str) -> None:
    event = {"Action": "Pulse", "Code": code, "Data": {"UTC": 1585587525, "LocaleTime": "2020-03-30 17:58:45", **data}, "Index": 0}
    part = decoded("access.dahua", {"method": "client.notifyEventStream", "params": {"SID": 1, "eventList": [event]}})
    assert (part.happenings[0].type, part.happenings[0].ts_ms) == (kind, 1585587525000)


@pytest.mark.parametrize(
    ("major", "minor", "kind"),
    [
        (5, 1, "access.granted"),
        (5, 75, "access.granted"),
        (5, 76, "access.denied"),
        (5, 6, "access.denied"),
        (5, 9, "access.unknown_card"),
        (5, 0x15, "door.unlocked"),
        (5, 0x19, "door.opened"),
        (5, 0x1B, "door.forced"),
        (5, 0x1C, "door.held_open"),
        (1, 0x404, "alarm.tamper"),
        (2, 0x27, "fault.device"),
        (9, 1, "device.event"),
    ],
)
def test_hikvision_json_in_a_multipart_body(major: int, minor: int, kind: str) -> None:
    event = {"majorEventType": major, "subEventType": minor, "cardNo": "123", "serialNo": 12}
    told = {
        "macAddress": "aa:bb",
        "dateTime": "2021-01-01T10:00:00+08:00",
        "eventType": "AccessControllerEvent",
        "AccessControllerEvent": event,
    }
    part = decoded(
        "access.hikvision", f"--MIME_boundary\r\nContent-Type: application/json\r\n\r\n{json.dumps(told)}\r\n--MIME_boundary--"
    )
    assert (part.device_id, part.happenings[0].type, part.happenings[0].ts_ms) == ("aa:bb", kind, 1609466400000)
    assert part.happenings[0].attributes["serial"] == "12"


def test_hikvision_xml_and_its_heartbeat() -> None:
    xml = "<EventNotificationAlert><macAddress>aa</macAddress><eventType>{}</eventType>"
    xml += "<eventState>inactive</eventState>{}</EventNotificationAlert>"
    assert decoded("access.hikvision", xml.format("videoloss", "")).happenings[0].type == "device.heartbeat"
    event = "<AccessControllerEvent><majorEventType>5</majorEventType><subEventType>1</subEventType></AccessControllerEvent>"
    assert decoded("access.hikvision", xml.format("AccessControllerEvent", event)).happenings[0].type == "access.granted"


@pytest.mark.parametrize(
    "payload",
    [
        {
            "did": "lumi.1",
            "time": 1636027552806,
            "params": [{"res_name": "13.1.85", "value": 9}, {"res_name": "13.15.85", "value": 2}],
        },
        {"cmd": "report", "model": "lock.aq1", "sid": "lumi.1", "time": 1636027552806, "data": '{"psw_verified":"9"}'},
        {
            "msgType": "resource_report",
            "data": [{"subjectId": "lumi.1", "resourceId": "13.43.85", "value": "9", "time": "1636027552806"}],
        },
    ],
)
def test_aqara_unlocked_by_password(payload: dict[str, Any]) -> None:
    part = decoded("access.aqara", payload)
    assert part.device_id == "lumi.1"
    assert [told.type for told in part.happenings] == ["access.granted", "lock.unlocked"]
    assert all(told.attributes == {"user": "9", "method": "password"} for told in part.happenings)
    assert part.happenings[0].ts_ms == 1636027552806


def test_aqara_states_and_refusals() -> None:
    told = [
        {"res_name": "13.28.85", "value": 3},
        {"res_name": "13.26.85", "value": 1},
        {"res_name": "8.0.2001", "value": 77},
        {"res_name": "13.4.85", "value": 2},
    ]
    part = decoded("access.aqara", {"did": "lumi.1", "params": told})
    assert part.samples[0].values == {"lock.locked": 1, "door.open": 0, "battery.level": 77}
    assert [told.type for told in part.happenings] == ["access.denied", "door.closed"]


@pytest.mark.parametrize(
    ("family", "payload"),
    [
        ("access.esprfid", {"type": "?"}),
        ("access.dahua", {}),
        ("access.hikvision", {}),
        ("access.aqara", {}),
        ("access.dahua", "<x"),
        ("access.hikvision", "-"),
    ],
)
def test_refused_with_a_reason(family: str, payload: Any) -> None:
    data = payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
    outcome = DECODERS[family](Message(0, "", data), {})
    assert isinstance(outcome, Rejected)
    assert outcome.reason
