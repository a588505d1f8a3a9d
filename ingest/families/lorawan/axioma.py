"""Axioma Qalcosonic W1 (water) and E3 frames on FPort 100 and 103: little endian, litres, epoch seconds.

Enhanced: 01, time, status, log volume at the start of the history, 23 hourly differences of 14 bits. Classic: time, status,
volume, time and volume of the log, hourly differences of 16 bits. Short: time, status, volume.
"""

from ingest.families.lorawan.uplink import Meaning, Unusable, Uplink, unsigned_le

_PORTS = (100, 103)
_ENHANCED, _DELTAS, _DELTA_BITS = 51, 23, 14
_CLASSIC_HEAD = 17
_EARLIEST, _LATEST = 1_262_304_000, 4_102_444_800  # 2010 to 2100: what a meter's clock may say


def decode(uplink: Uplink) -> Meaning | None:
    data = uplink.payload
    if uplink.port not in _PORTS:
        return None
    if len(data) == _ENHANCED and data[0] == 1:
        return _enhanced(data)
    if len(data) >= 9 and _EARLIEST <= unsigned_le(data[:4]) < _LATEST:
        return _classic(data)
    if uplink.is_model("axioma", "qalcosonic"):
        raise Unusable(f"Axioma: {len(data)} bytes are none of the known frames")
    return None


def _enhanced(data: bytes) -> Meaning:
    meaning = Meaning(ts_ms=unsigned_le(data[1:5]) * 1000)
    log = unsigned_le(data[6:10])
    packed = unsigned_le(data[10:])
    deltas = [(packed >> (_DELTA_BITS * n)) & ((1 << _DELTA_BITS) - 1) for n in range(_DELTAS)]
    meaning.put("water.volume", (log + sum(deltas)) / 1000)
    meaning.put("water.volume.log", log / 1000)
    if packed >> (_DELTA_BITS * _DELTAS):
        meaning.refused.append("the history has a multiplier, which is not documented: total may be low")
    _status(meaning, data[5])
    return meaning


def _classic(data: bytes) -> Meaning:
    meaning = Meaning(ts_ms=unsigned_le(data[:4]) * 1000)
    meaning.put("water.volume", unsigned_le(data[5:9]) / 1000)
    _status(meaning, data[4])
    if len(data) < _CLASSIC_HEAD or not _EARLIEST <= unsigned_le(data[9:13]) < _LATEST:
        return meaning
    moment, litres = unsigned_le(data[9:13]), unsigned_le(data[13:17])
    meaning.put("water.volume.log", litres / 1000)
    meaning.at(moment, {"water.volume": litres / 1000})
    for start in range(_CLASSIC_HEAD, len(data) - 1, 2):
        moment, litres = moment + 3600, litres + unsigned_le(data[start : start + 2])
        meaning.at(moment, {"water.volume": litres / 1000})
    return meaning


def _status(meaning: Meaning, status: int) -> None:
    backflow, burst = status & 0x60 == 0x60, status & 0xA0 == 0xA0
    meaning.state("battery.low", bool(status & 0x04), "fault.battery_low")
    meaning.state("leak", bool(status & 0x20) and not backflow and not burst, "alarm.leak")
    meaning.state("burst", burst, "alarm.burst")
    meaning.state("backflow", backflow, "alarm.backflow")
    if status & 0x08:
        meaning.event("fault.device", detail="permanent error")
    elif status == 0x10:
        meaning.event("fault.empty_pipe")
    elif status & 0x10:
        meaning.event("fault.device", detail="temporary error")
    if status & 0x80 and not burst:
        meaning.event("alarm.temperature_low")
