"""One message of each device family as its makers send it, with what must be read from it.

Payloads: DL/T 645 hwhale.com 138066; CJ/T 188 shuzhiduo.com rV577rya5P; Modbus Eastron SDM manual; GB/T 26875.3 shootingfans codec
tests; GST9000 bingoex.cn; Meokon protocol V3.0; M-Bus libmbus; wM-Bus wmbusmeters; DLMS amshan; LoRaWAN
TheThingsNetwork/lorawan-devices (Milesight, Netvox); the others by the examples of the vendors' own documentation.
"""

import json

from ingest.families.sparkplug_schema import Payload
from runtime.settings_topics import Topic

TOPICS = (
    Topic(filter="dtu/{gateway}/dlt645", family="dlt645"),
    Topic(filter="dtu/{gateway}/cjt188", family="cjt188"),
    Topic(filter="dtu/{gateway}/modbus", family="modbus.rtu"),
    Topic(filter="dtu/{gateway}/mbus", family="mbus.wired"),
    Topic(filter="dtu/{gateway}/fire", family="gb26875.3"),
    Topic(filter="printer/{device}", family="fire.gst9000"),
    Topic(filter="radio/{gateway}", family="wmbus"),
    Topic(filter="han/{device}", family="dlms.push"),
    Topic(filter="lora/{device}/door", family="lorawan.door", context={"fport": 85}),
    Topic(filter="lora/{device}/fire", family="lorawan.fire", context={"fport": 6}),
    Topic(filter="senml/json", family="senml.json"),
    Topic(filter="senml/cbor", family="senml.cbor"),
    Topic(filter="v1/devices/me/+", family="thingsboard", context={"device_id": "tb-1"}),
    Topic(filter="old/application/+/device/#", family="chirpstack.v3"),
    Topic(filter="access/{device}/hikvision", family="access.hikvision"),
    Topic(filter="access/{device}/dahua", family="access.dahua"),
    Topic(filter="access/{device}/aqara", family="access.aqara"),
    Topic(
        filter="own/{device}/data",
        family="json",
        context={"mapping": {"topic_level": 1, "metrics": {"电量": "elec.energy.import"}}},
    ),
)
DLT645 = "6861010000000068910833333433593333338A16"
CJT188 = "fefefe6810120000000000008116901f00100010002c100010002c0000000000000000ff6716"
FIRE = (
    "404000000101180d11160a140000000000000605040302013000020201010300d90006000200"
    "a3c1c7f8a3b1b2e3dfc8b2b8d7dfc0c8000000000000000000000000000000301213010814682323"
)
PRINTED = (
    "1B3630382F31322F3032202031373A32310A20203030362D3030370A"
    "1B39BBF0BEAFBAF3D0F80AD6D0D1CCC1F9B2E3BCC6BBAEB2BF0AB8D0D1CCCCBDB2E2C6F70A0A"
)
MBUS = (
    "68909068080A727865342124400102550000000BFD475634120BFD475634120BFD475634120BFD475634120BFD475634120BFD475634120BFD595634120BFD5956"
    "34120BFD595634120BFD595634120B2A5634120B2A5634120B2A5634120B2A5634120BFD3A5634120BFD3A5634120BFD3A5634120BFD3A5634120AFD3A00050AFD"
    "3A05000AFD3A05000AFD3A05000AFD3A50004D16"
)
HYDRANT = "a55a00003b53484d4b313930363030313334c8003c000a0102006401f4021a5d1966b60219021a0216021802180213021e021c021d021d7e0355aa"
ENCRYPTED = (
    "76442104710007612507727100076121042507B5006005E2E95A3C2A1279A541"
    "5E6732679B43369FD5FDDDD783EEEBB48236D34E7C94AF0A18A5FDA5F7D64111EB4"
    "2D4D891622139F2952F9D12A20088DFA4CF8123871123EE1F6C1DCEA414879DDB4E05E508F1826D7EFBA6964DF804C9261EA23BBF03"
)
CBOR = "81a321781b75726e3a6465763a6f773a3130653230373361303130383030363a006763757272656e7402fb3ff4cccccccccccd"
CHIRPSTACK = {
    "deviceInfo": {"devEui": "0101010101010101", "deviceProfileName": "Milesight EM300-MCS"},
    "fPort": 85,
    "data": "AXVcA2c0AQRoZQYAAQ==",
    "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -36, "snr": 10.5}],
}
TTS = {
    "end_device_ids": {"device_id": "dev1", "dev_eui": "0004A30B001C0530"},
    "uplink_message": {
        "f_port": 1,
        "decoded_payload": {"temperature": 1.5},
        "rx_metadata": [{"gateway_ids": {"gateway_id": "gtw1"}, "rssi": -35, "snr": 5}],
    },
}


def _sparkplug() -> bytes:
    birth = Payload(timestamp=1_700_000_000_000, seq=0)
    birth.metrics.add(name="Supply Voltage", datatype=9, alias=3, float_value=12.5)
    return bytes(birth.SerializeToString())


READINGS: tuple[tuple[str, str, bytes, str, str, float], ...] = (
    ("dlt645", "dtu/g1/dlt645", bytes.fromhex(DLT645), "000000000161", "elec.energy.import", 0.26),
    ("cjt188", "dtu/g1/cjt188", bytes.fromhex(CJT188), "00000012", "water.volume", 1000.1),
    ("modbus", "dtu/g1/modbus", bytes.fromhex("01040000000271CB" + "010404436633341B38"), "g1/1", "elec.voltage.l1", 230.2),
    ("mbus.wired", "dtu/g1/mbus", bytes.fromhex(MBUS), "21346578", "elec.power.active", 12345.6),
    ("wmbus", "radio/g2", bytes.fromhex(ENCRYPTED), "61070071", "water.volume", 466.472),
    (
        "dlms",
        "han/h1",
        bytes.fromhex("e6e7000f40000000000101020309060100010700ff060000011802020f00161b"),
        "h1",
        "elec.power.active",
        280,
    ),
    ("lorawan", "lora/24E124000000000A/door", bytes.fromhex("01755c03673401046865060001"), "24E124000000000A", "door.open", 1),
    ("lorawan fire", "lora/00137A000000000B/fire", bytes.fromhex("010a011e010104b0000000"), "00137A000000000B", "smoke", 1),
    ("meokon", "GIOT-GW/UL/SHMK19060013", HYDRANT.encode(), "SHMK19060013", "water.pressure", 541),
    (
        "chirpstack.v4",
        "application/a/device/0101010101010101/event/up",
        json.dumps(CHIRPSTACK).encode(),
        "0101010101010101",
        "door.open",
        1,
    ),
    (
        "chirpstack.v3",
        "old/application/1/device/0202020202020202/event/status",
        b'{"devEUI":"AgICAgICAgI=","margin":6,"batteryLevel":75.5}',
        "0202020202020202",
        "battery.level",
        75.5,
    ),
    ("tts", "v3/app1@tenant1/devices/dev1/up", json.dumps(TTS).encode(), "0004A30B001C0530", "env.temperature", 1.5),
    ("zigbee2mqtt", "zigbee2mqtt/0x00158d0001a2b3c4", b'{"smoke":true,"battery":97}', "0x00158d0001a2b3c4", "smoke", 1),
    (
        "tasmota",
        "tele/plug1/SENSOR",
        b'{"Time":"2021-10-26T17:28:45","ENERGY":{"Total":9.5,"Power":170}}',
        "plug1",
        "elec.energy.import",
        9.5,
    ),
    (
        "shelly.gen1",
        "shellies/shellyem-123456789012/emeter/0/power",
        b"611.53",
        "shellyem-123456789012",
        "elec.power.active.ch1",
        611.53,
    ),
    (
        "shelly.gen2",
        "shellyplus1pm-a8032ab12345/status/switch:0",
        b'{"id":0,"output":true,"apower":8.9}',
        "shellyplus1pm-a8032ab12345",
        "elec.power.active",
        8.9,
    ),
    ("thingsboard device", "v1/devices/me/telemetry", b'{"temperature": 22.5}', "tb-1", "env.temperature", 22.5),
    (
        "thingsboard gateway",
        "v1/gateway/telemetry",
        b'{"Device A":[{"ts":1790000000000,"values":{"temperature":42}}]}',
        "Device A",
        "env.temperature",
        42,
    ),
    ("sparkplug", "spBv1.0/g/NBIRTH/n", _sparkplug(), "g/n", "x.sp.supply_voltage", 12.5),
    (
        "senml.json",
        "senml/json",
        b'[{"bn":"urn:dev:ow:10e2073a01080063:","n":"voltage","u":"V","v":120.1}]',
        "urn:dev:ow:10e2073a01080063",
        "",
        120.1,
    ),
    ("senml.cbor", "senml/cbor", bytes.fromhex(CBOR), "urn:dev:ow:10e2073a0108006", "", 1.3),
    (
        "wmbusmeters",
        "wmbusmeters/w",
        b'{"_":"telegram","id":"12345678","media":"water","timestamp":"2026-03-01T08:00:00Z","total_m3":6.408}',
        "12345678",
        "water.volume",
        6.408,
    ),
    (
        "cloud.cn aliyun",
        "/sys/a1/dev1/thing/event/property/post",
        b'{"id":"1","method":"thing.event.property.post","params":{"temperature":23.5}}',
        "dev1",
        "",
        23.5,
    ),
    ("json", "own/m7/data", '{"电量": 12.5}'.encode(), "m7", "elec.energy.import", 12.5),
)
EVENTS: tuple[tuple[str, str, bytes, str, str], ...] = (
    ("gb26875.3", "dtu/g1/fire", bytes.fromhex(FIRE), "010203040506", "alarm.fire"),
    ("gst9000", "printer/panel-1", bytes.fromhex(PRINTED), "panel-1", "alarm.fire"),
    (
        "esprfid",
        "/rfid/send",
        b'{"type":"access","time":1790000000,"isKnown":"true","access":"Always","uid":"f9c2f720","hostname":"door1"}',
        "door1",
        "access.granted",
    ),
    (
        "hikvision",
        "access/d1/hikvision",
        b'{"macAddress":"aa:bb","AccessControllerEvent":{"majorEventType":5,"subEventType":27,"serialNo":12}}',
        "aa:bb",
        "door.forced",
    ),
    (
        "dahua",
        "access/d2/dahua",
        b'{"params":{"eventList":[{"Action":"Pulse","Code":"DoorCard","Data":{"Number":"7a087d0f","UTC":1790000000}}]}}',
        "d2",
        "access.card_read",
    ),
    (
        "aqara",
        "access/d3/aqara",
        b'{"did":"lumi.1","params":[{"res_name":"13.1.85","value":9},{"res_name":"13.15.85","value":2}]}',
        "lumi.1",
        "lock.unlocked",
    ),
)
