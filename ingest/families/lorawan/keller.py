"""Keller ADT1 and ARC1 (pressure, level) on FPort 1: function, connection type, channel mask, a float per channel set; big endian.

Pressures come in bar, temperatures in °C. Function 12 tells the device itself.
"""

from ingest.families.lorawan.uplink import Meaning, Uplink, float32, unsigned

_PORTS = (1, 2, 3, 4)
_MEASURED, _INFORMATION = 1, 12
_BAR_TO_KPA = 100.0
_PD, _P1, _P2, _T, _TOB1, _TOB2, _PBARO, _TBARO = "pd", "p1", "p2", "t", "tob1", "tob2", "pbaro", "tbaro"
_V1, _V2, _COUNTER = "v1", "v2", "counter"
_CHANNELS: dict[int, tuple[str, ...]] = {
    0: (_PD, _P1, _P2, _T, _TOB1, _TOB2),
    1: (_PD, _P1, _P2, _T, _TOB1, _TOB2),
    **dict.fromkeys((2, 3), (_PD, _P1, _P2, _T, _TOB1, _TOB2, _PBARO, _TBARO)),
    **dict.fromkeys((4, 5), (_PD, _P1, _P2, _T, _TOB1, _TOB2, _PBARO, _TBARO, _V1, _V2)),
    6: (_PD, _P1, _P2, _T, _TOB1, _TOB2, _PBARO, _TBARO, _V1, _V2, "p1_2", "p1_3", "p1_4", "p1_5", _COUNTER),
    8: (_P1, _TOB1, "p1_2", "tob1_2", "p1_3", "tob1_3", "p1_4", "tob1_4", "p1_5", "tob1_5", _V1, _V2, _PBARO, _TBARO, _COUNTER),
    9: (_PD, _P1, _P2, "t_cond", _TOB1, _TOB2, _PBARO, _TBARO, _V1, _V2, "cond_tc", "cond"),
    10: (_PD, _P1, _P2, "t_cond", _TOB1, _TOB2, _PBARO, _TBARO, _V1, _V2, "cond_tc", "cond"),
    13: (_P1, _P2, _TOB1, _TOB2, "p1_2", "p2_2", "tob1_2", "tob2_2", _PBARO, _TBARO, _V1, _V2, _COUNTER),
}
_METRICS = {
    _PBARO: ("env.pressure", _BAR_TO_KPA),
    _TBARO: ("env.temperature", 1.0),
    _TOB1: ("water.temperature", 1.0),
    _PD: ("water.pressure", _BAR_TO_KPA),
    _COUNTER: ("counter.pulses", 1.0),
}


def decode(uplink: Uplink) -> Meaning | None:
    data = uplink.payload
    if uplink.port not in _PORTS or len(data) < 8:
        return None
    if data[0] == _INFORMATION and len(data) >= 20:
        return _information(data)
    names = _CHANNELS.get(data[1])
    mask = unsigned(data[2:4])
    if data[0] != _MEASURED or names is None or mask >> len(names):
        return None
    measured = [name for place, name in enumerate(names) if mask >> place & 1]
    if not measured or len(data) not in (4 + 4 * len(measured), 3 + 4 * len(measured)):
        return None
    return _measured(measured, data[4:].ljust(4 * len(measured), b"\0"))


def _measured(names: list[str], data: bytes) -> Meaning:
    meaning = Meaning()
    for place, name in enumerate(names):
        metric, factor = _METRICS.get(name, (f"x.keller.{name}", 1.0))
        meaning.put(metric, float32(data[4 * place : 4 * place + 4]) * factor)
    if _PD not in names and _P1 in names:
        meaning.put("water.pressure", meaning.values.get("x.keller.p1", 0.0) * _BAR_TO_KPA)
    return meaning


def _information(data: bytes) -> Meaning:
    meaning = Meaning()
    meaning.put("battery.voltage", float32(data[14:18]))
    meaning.put("battery.level", data[18])
    meaning.put("env.humidity", data[19])
    meaning.event(
        "device.info",
        serial=str(unsigned(data[6:10])),
        firmware=f"{data[4]:02}.{data[5]:02}",
        device_class=f"{data[2]:02}.{data[3]:02}",
    )
    return meaning
