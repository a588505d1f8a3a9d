"""Payloads of every family, changed at random, and what must hold for each: stored or refused with a reason, in time, storable."""

import json
import math
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devices.link import DeviceLink, LinkScope
from devices.registry import Registry
from ingest.families.sparkplug_schema import Payload
from ingest.live import LiveDecoder
from ingest.message import Message
from ingest.pipeline import Batch, Pipeline
from tests.ingest.test_ingest_family_fuzz import BINARY_FAMILIES, SEEDS

NOW_MS = 1_790_000_000_000
LONGEST_S = 1.0
_NATIVE = "caretaker/v1/campus/m1"
_KEY = "000102030405060708090A0B0C0D0E0F"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    family: str
    topic: str
    payload: bytes
    context: Mapping[str, Any] = field(default_factory=dict)


def _birth() -> bytes:
    birth = Payload(timestamp=NOW_MS, seq=0)
    birth.metrics.add(name="Outputs/A", alias=7, datatype=3, int_value=5)
    birth.metrics.add(name="Power", alias=8, datatype=9, float_value=3.5)
    return bytes(birth.SerializeToString())


def _data() -> bytes:
    data = Payload(timestamp=NOW_MS, seq=1)
    data.metrics.add(alias=7, int_value=6)
    data.metrics.add(alias=8, float_value=1.5)
    return bytes(data.SerializeToString())


def _uplink(**more: Any) -> bytes:
    return json.dumps({"deviceInfo": {"devEui": "0202020202020202"}, "time": "2026-03-01T08:00:00.5Z", **more}).encode()


_TTS = {
    "end_device_ids": {"dev_eui": "0202020202020202"},
    "received_at": "2026-03-01T08:00:00Z",
    "uplink_message": {"f_port": 85, "frm_payload": "AXVcBQAB", "decoded_payload": {"temperature": 1}},
}
_WMBUS = (
    "2E4401069897969501167A4B0320052F2F0413320C000003FD1700000044132109000004933C000000002F2F2F2F2F",
    "2D442D2C5768663230028D20E4E2C81C20878C7804041A03000004843C00000000042B0300000004AB3C00000000",
)
_ENERGY = {"mapping": {"device_id": "x", "metrics": {"Power": "elec.power.active"}}}
_EUI_TOPIC = "application/a/device/0202020202020202/event/up"
_WIRED = (
    "681111680801720002000000000000000000000C13010000008216",
    "68383868081972076200232E192302920000008C1004682817008C11046828170002FDC9FF01E60002FDDBFF01060002ACFF0109008240ACFF01FDFF5B16",
)
_LORAWAN = (
    ("01755c050001", 85, "Milesight EM300-ZLD"),
    ("0367f600046871", 85, "Milesight EM300-TH"),
    ("CBF60B0D0376010ADD7FFF", 2, "Dragino LHT65"),
    ("0100e202290400270506060308070d62", 5, "Elsys ERS"),
    ("0b0d00", 6, "Netvox RB11E"),
    ("000bca", 102, "Browan TBHH100"),
    ("0ea0355d302935000054c0345de7290000b800b900b800b800b800b900b800b800b800b800b800b800b900b900b900", 100, "Axioma W1"),
)


def _seed(family: str, topic: str, payload: bytes | str, **context: Any) -> Seed:
    return Seed(family=family, topic=topic, payload=payload.encode() if isinstance(payload, str) else payload, context=context)


MORE: tuple[Seed, ...] = (
    _seed("native", f"{_NATIVE}/telemetry", '{"ts":1790000000.5,"readings":{"elec.power.active":1.5,"a":null}}'),
    _seed("native", f"{_NATIVE}/telemetry", '[{"readings":{"leak":true}},{"ts":1,"readings":{}}]'),
    _seed("native", f"{_NATIVE}/event", '{"event":"door.denied","attributes":{"card":"7","n":1}}'),
    _seed("native", f"{_NATIVE}/status", "online"),
    _seed("chirpstack.v4", _EUI_TOPIC, _uplink(fPort=85, data="AXVcBQAB")),
    _seed("chirpstack.v4", _EUI_TOPIC, _uplink(object={"temperature": 1})),
    _seed("tts.v3", "v3/app/devices/d/up", json.dumps(_TTS)),
    _seed("sparkplug.b", "spBv1.0/g/DBIRTH/n/d", _birth()),
    _seed("sparkplug.b", "spBv1.0/g/DDATA/n/d", _data()),
    _seed("wmbusmeters", "wmbusmeters/x", '{"id":"1","media":"water","total_m3":3.5,"timestamp":"2026-03-01T08:00:00Z"}'),
    _seed("dlms.push", "", "/ADN9 6534\r\n\r\n1-0:1.8.0(00006136.759*kWh)\r\n1-0:1.7.0(0001.727*kW)\r\n!7945\r\n"),
    _seed("dlms.push", "", "e6e7000f40000000000101020309060100010700ff060000011802020f00161b"),
    *(_seed("mbus.wired", "", bytes.fromhex(text)) for text in _WIRED),
    *(_seed("wmbus", "", bytes.fromhex(text), aes_key=_KEY) for text in _WMBUS),
    *(_seed("lorawan", "", bytes.fromhex(text), fport=port, device=device) for text, port, device in _LORAWAN),
    _seed("json", "a/b", '{"Power":1.5,"t":"on","id":"x"}', **_ENERGY),
)


def seeds(corpus: Path | None = None) -> list[Seed]:
    """Ours, and those of a file as `caretaker decode` reads."""
    found = [
        Seed(family=family, topic=topic, payload=bytes.fromhex(text) if family in BINARY_FAMILIES else text.encode())
        for family, told in SEEDS.items()
        for topic, text in told
    ]
    return [*found, *MORE, *(_of_corpus(corpus) if corpus else ())]


def _of_corpus(path: Path) -> Iterator[Seed]:
    for line in path.read_text().splitlines():
        told = json.loads(line)
        text = told["payload"]
        payload = bytes.fromhex(text) if told.get("payload_encoding") == "hex" else str(text).encode()
        context = {**(told.get("context") or {}), "device": told.get("device") or ""}
        yield Seed(family=told["family"], topic=told.get("topic") or "", payload=payload, context=context)


HOSTILE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 2**70, 1e308, -1e308, 1e-320, 0.1),
    *(
        "",
        "0",
        "nan",
        "inf",
        "-Infinity",
        "1e999",
        "9" * 400,
        "ON",
        "off",
        "\0",
        "\ud7ff",
        "火警",
        "a" * 5000,
        "{",
        "[",
        "0x" + "f" * 40,
    ),
    *(
        "2099-01-01T00:00:00Z",
        "1970-01-01",
        "0000-00-00 00:00:00",
        "2026-02-30T25:61:61+99:99",
        "%(x)s",
        "../../etc/passwd",
        "\r\n",
    ),
    *([], {}, [[]], {"a": {"b": {"c": []}}}, [None] * 50, {"": ""}, {"value": None}, ["1", 2, {}]),
)


class Mutator:
    """The same random source gives the same messages."""

    def __init__(self, source: random.Random, told: list[Seed]) -> None:
        self._random = source
        self._seeds = told

    def message(self, received_ms: int) -> tuple[Message, int]:
        """And the number of the seed it was made from."""
        number = self._random.randrange(len(self._seeds))
        seed = self._seeds[number]
        payload = self._payload(seed.payload)
        topic = seed.topic if seed.topic and self._random.random() < 0.7 else f"fuzz/{number}/x"
        if self._random.random() < 0.1:
            topic = self._topic(topic)
        return Message(received_ms, topic, payload, retained=self._random.random() < 0.1), number

    def _payload(self, payload: bytes) -> bytes:
        chance = self._random.random()
        if chance < 0.03:
            return payload
        if chance < 0.55:
            try:
                return json.dumps(self._json(json.loads(payload), 0), ensure_ascii=self._random.random() < 0.8).encode(
                    "utf-8", "surrogatepass"
                )
            except ValueError:
                pass
        changed = bytearray(payload)
        for _ in range(self._random.choice((1, 1, 2, 3, 8))):
            self._change(changed)
        return _checked_anew(changed) if self._random.random() < 0.5 else bytes(changed)

    def _json(self, value: Any, depth: int) -> Any:
        draw = self._random.random()
        if draw < 0.08 + 0.02 * depth:
            return self._random.choice(HOSTILE)
        if isinstance(value, dict):
            kept = {self._key(key): self._json(inner, depth + 1) for key, inner in value.items() if self._random.random() > 0.05}
            return kept if draw < 0.97 else {**kept, "value": self._random.choice(HOSTILE)}
        if isinstance(value, list):
            return [self._json(inner, depth + 1) for inner in value] * self._random.choice((1, 1, 1, 2, 0))
        if isinstance(value, int | float) and draw < 0.3:
            return self._random.choice((-value, value * 1000, value + 0.5, str(value), 2**40 * value, bool(value)))
        return value

    def _key(self, key: str) -> str:
        return (
            key if self._random.random() > 0.02 else self._random.choice(("", key.upper(), key + "\0", key * 40, "火", "id", "ts"))
        )

    def _change(self, data: bytearray) -> None:
        at = self._random.randrange(len(data) + 1)
        match self._random.randrange(7):
            case 0 if data:
                data[at % len(data)] ^= 1 << self._random.randrange(8)
            case 1 if data:
                data[at % len(data)] = self._random.choice((0, 1, 0x7F, 0x80, 0xFF, self._random.randrange(256)))
            case 2:
                del data[at : at + self._random.randrange(1, 9)]
            case 3:
                data[at:at] = self._random.randbytes(self._random.randrange(1, 9))
            case 4:
                data[at:at] = data[: self._random.randrange(64)]
            case 5:
                del data[at:]
            case _:
                other = self._random.choice(self._seeds).payload
                data[at:] = other[self._random.randrange(len(other) + 1) :]

    def _topic(self, topic: str) -> str:
        levels = topic.split("/")
        at = self._random.randrange(len(levels))
        levels[at] = self._random.choice(
            ("", "+", "x" * 300, "火", "a\0b", "..", levels[at] * 2, self._random.choice(self._seeds).topic)
        )
        return "/".join(levels)[:2000]


def _checked_anew(data: bytearray) -> bytes:
    """With sums that agree again, so that what lies behind the check is reached."""
    start = data.find(0x68)
    if start >= 0 and len(data) > start + 4 and data[-1] == 0x16:
        first = start + 4 if data[start + 3 : start + 4] == b"\x68" else start
        data[-2] = sum(data[first:-2]) & 0xFF
    elif 4 < len(data) < 260 and data[0] < 248 and data[1] in (1, 2, 3, 4):
        data[-2:] = _crc16(data[:-2]).to_bytes(2, "little")
    return bytes(data)


def _crc16(data: bytes | bytearray) -> int:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


class Judge:
    """A pipeline that has met all messages before; `check` raises AssertionError where one was not dealt with."""

    def __init__(self, told: list[Seed]) -> None:
        links = [
            DeviceLink(
                scope=LinkScope.TOPIC, key=f"fuzz/{number}/#", family=seed.family, context={"device_id": "d", **seed.context}
            )
            for number, seed in enumerate(told)
        ]
        self.pipeline = Pipeline(Registry([], []), live=LiveDecoder(links=links))
        self.counts: Counter[str] = Counter()
        self.slowest_s = 0.0

    def check(self, message: Message) -> Batch:
        begun_s = time.thread_time()
        batch = self.pipeline.process([message])
        took_s = time.thread_time() - begun_s
        self.slowest_s = max(self.slowest_s, took_s)
        assert took_s < LONGEST_S, f"took {took_s:.1f} s: {message}"
        for letter in batch.dead_letters:
            assert letter.reason.strip(), message
            assert not (letter.reason.startswith("the decoder ") and " failed: " in letter.reason), (letter.reason, message)
            _kept(letter.reason, letter.topic)
        for reading in batch.readings:
            assert math.isfinite(reading.value), (reading, message)
            assert abs(reading.ts_ms - message.received_ms) < 10**14, (reading, message)
            _kept(reading.device_id, reading.metric)
        for event in batch.events:
            assert 0 < len(event.type) <= 100, (event, message)
            json.dumps(dict(event.attributes), allow_nan=False).encode()
            _kept(event.device_id, event.type, *(value for value in event.attributes.values() if isinstance(value, str)))
        self._count(batch)
        return batch

    def _count(self, batch: Batch) -> None:
        if batch.readings or batch.events:
            self.counts["stored in part" if batch.dead_letters else "stored"] += 1
        else:
            self.counts["rejected" if batch.dead_letters else "nothing to store"] += 1


def _kept(*texts: str) -> None:
    """Every store can keep it: PostgreSQL takes no NUL, UTF-8 no lone surrogate."""
    for text in texts:
        assert "\0" not in text, repr(text)
        text.encode()
