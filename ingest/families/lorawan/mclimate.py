"""MClimate on FPort 2: keep-alive (first byte 01) of a fixed length per product; the flood sensor has its own two or three bytes.

16 A plug with meter 12 bytes, 16 A switch 3 bytes, open/close sensor 8 bytes.
"""

from ingest.families.lorawan.uplink import Meaning, Uplink, signed, unsigned

_PORT = 2
_KEEP_ALIVE = 1
_PLUG, _SWITCH, _OPEN_CLOSE, _FLOOD = 12, 3, 8, (2, 3)
_REASONS = {1: "test", 2: "flood", 3: "tamper"}


def decode(uplink: Uplink) -> Meaning | None:
    data = uplink.payload
    if uplink.port != _PORT and not uplink.is_model("mclimate"):
        return None
    if len(data) in _FLOOD and (uplink.kind == "leak" or uplink.is_model("flood")):
        return _flood(data)
    reader = _READERS.get(len(data)) if data and data[0] == _KEEP_ALIVE else None
    return reader(data) if reader else None


def _switch(data: bytes) -> Meaning:
    meaning = Meaning()
    meaning.put("env.temperature", signed(data[1:2]))
    meaning.state("switch.on", data[2] != 0)
    return meaning


def _plug(data: bytes) -> Meaning:
    meaning = Meaning()
    meaning.put("env.temperature", signed(data[1:2]))
    meaning.put("elec.energy.import", unsigned(data[2:6]) / 1000)
    meaning.put("elec.power.active", unsigned(data[6:8]))
    meaning.put("elec.voltage", data[8])
    meaning.put("elec.current", unsigned(data[9:11]) / 1000)
    meaning.state("switch.on", data[11] != 0)
    return meaning


def _open_close(data: bytes) -> Meaning:
    """What status 0 and 1 mean is not documented, so no state of a door is made of it."""
    meaning = Meaning()
    meaning.put("battery.voltage", round((data[1] * 8 + 1600) / 1000, 2))
    if not data[2] & 0x04:
        meaning.put("env.temperature", ((data[2] & 0x03) << 8 | data[3]) / 10)
    meaning.put("door.open_count", unsigned(data[4:7]))
    meaning.put("x.status", data[7])
    return meaning


_READERS = {_PLUG: _plug, _OPEN_CLOSE: _open_close, _SWITCH: _switch}


def _flood(data: bytes) -> Meaning:
    meaning = Meaning()
    meaning.state("tamper", bool(data[0] & 0x08), "alarm.tamper")
    meaning.state("leak", bool(data[0] & 0x02), "alarm.leak")
    meaning.put("battery.voltage", data[1] * 16 / 1000)
    if len(data) > 2:
        meaning.put("env.temperature", data[2])
    reason = _REASONS.get(data[0] >> 5)
    if reason == "test":
        meaning.event("device.test", detail="button")
    return meaning


def flood(uplink: Uplink) -> Meaning | None:
    """The flood sensor where nothing but its port and length are known."""
    data = uplink.payload
    if uplink.port != _PORT or len(data) not in _FLOOD or data[0] & 0x15 or not 100 <= data[1] <= 250:
        return None
    return _flood(data)
