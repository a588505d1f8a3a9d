"""What a school's broker carries when it is not all native: eight formats, each message with a new value. Pure."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

Published = tuple[str, bytes]
"""Topic and payload."""

TOPICS: tuple[dict[str, Any], ...] = (
    {"filter": "bench-645/{gateway}/up", "family": "dlt645"},
    {"filter": "bench-188/{gateway}/up", "family": "cjt188"},
    {"filter": "bench-wmbus/{gateway}/up", "family": "wmbus"},
)
"""`[ingest] topics` for the formats that have no topics of their own."""

PUBLISHES = (
    "caretaker/v1/#",
    "zigbee2mqtt/#",
    "tele/#",
    "application/#",
    "+/status/#",
    "bench-645/#",
    "bench-188/#",
    "bench-wmbus/#",
)


def published(number: int, devices: int, ts_ms: int) -> Published:
    """Message `number` of a load of `devices`, whose formats take turns; `ts_ms` where the format carries a time."""
    return _FORMATS[number % len(_FORMATS)](number, number % devices, ts_ms)


def _native(number: int, device: int, ts_ms: int) -> Published:
    readings = {"elec.energy.import": 10_000 + number / 1000, "elec.power.active": 500.0 + number % 900}
    return f"caretaker/v1/campus/bench-{device:04d}/telemetry", _json({"ts": ts_ms / 1000, "readings": readings})


def _zigbee2mqtt(number: int, device: int, ts_ms: int) -> Published:
    told = {"energy": number / 100, "power": number % 900, "voltage": 230 + number % 7, "linkquality": 61, "last_seen": _iso(ts_ms)}
    return f"zigbee2mqtt/plug-{device:04d}", _json(told)


def _tasmota(number: int, device: int, ts_ms: int) -> Published:
    energy = {"Total": number / 1000, "Power": number % 900, "Voltage": 230 + number % 7, "Current": 1.25}
    return f"tele/plug-{device:04d}/SENSOR", _json({"Time": _iso(ts_ms), "ENERGY": energy})


def _shelly(number: int, device: int, ts_ms: int) -> Published:  # noqa: ARG001 - it tells no time
    told = {"id": 0, "current": 2.598, "voltage": 230 + number % 7, "act_power": number % 900, "pf": 0.84, "freq": 50}
    return f"shellyproem50-{device:04d}/status/em1:0", _json(told)


def _chirpstack(number: int, device: int, ts_ms: int) -> Published:
    told = {
        "time": _iso(ts_ms),
        "deviceInfo": {"deviceName": f"room-{device}", "devEui": f"{device:016x}", "deviceProfileName": "sensor"},
        "fPort": 85,
        "fCnt": number,
        "data": "",
        "object": {"temperature": 20 + number % 100 / 10, "humidity": number % 100, "battery": 95},
        "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -36, "snr": 10.5}],
    }
    return f"application/1/device/{device:016x}/event/up", _json(told)


def _dlt645(number: int, device: int, ts_ms: int) -> Published:  # noqa: ARG001 - it tells no time
    """A DL/T 645-2007 answer: forward active energy, 0.01 kWh."""
    data = bytes((byte + 0x33) & 255 for byte in b"\x00\x00\x01\x00" + _bcd(number % 10**8, 4))
    frame = b"\x68" + _bcd(device + 1, 6) + b"\x68\x91" + bytes((len(data),)) + data
    return f"bench-645/gateway-{device % 50}/up", b"\xfe\xfe" + frame + bytes((sum(frame) & 255, 0x16))


def _cjt188(number: int, device: int, ts_ms: int) -> Published:  # noqa: ARG001 - it tells no time
    """A CJ/T 188 cold water answer: total in 0.01 m3."""
    body = b"\x1f\x90\x00" + _bcd(number % 10**8, 4) + b"\x2c" + _bcd(0, 4) + b"\x2c" + _bcd(0, 7) + b"\x00\x00"
    frame = b"\x68\x10" + _bcd(device + 1, 5) + b"\x00\x10\x81" + bytes((len(body),)) + body
    return f"bench-188/gateway-{device % 50}/up", frame + bytes((sum(frame) & 255, 0x16))


def _wmbus(number: int, device: int, ts_ms: int) -> Published:  # noqa: ARG001 - it tells no time
    """An open wireless M-Bus water telegram: volume in 0.001 m3."""
    records = b"\x04\x13" + (number % 10**8).to_bytes(4, "little")
    body = b"\x44\xae\x4c" + _bcd(device + 1, 4) + b"\x68\x07\x7a\x55\x00\x00\x00" + records
    return f"bench-wmbus/gateway-{device % 50}/up", bytes((len(body),)) + body


_FORMATS: Sequence[Callable[[int, int, int], Published]] = (
    _native,
    _zigbee2mqtt,
    _tasmota,
    _shelly,
    _native,
    _chirpstack,
    _dlt645,
    _cjt188,
    _native,
    _wmbus,
)


def _json(told: dict[str, Any]) -> bytes:
    return json.dumps(told, separators=(",", ":")).encode()


def _iso(ts_ms: int) -> str:
    return datetime.fromtimestamp(ts_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _bcd(number: int, size: int) -> bytes:
    """Least significant byte first."""
    return bytes.fromhex(f"{number:0{2 * size}d}")[::-1]
