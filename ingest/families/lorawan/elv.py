"""Energy sensor interfaces of ELV (ELV-LW-ESI) and dnt (dnt-LW-ESI) on FPort 10: what they read off a meter by infrared.

ELV: header length 03, reason, supply in mV; then 01, direction, counter unit, counter of 5 bytes in 1/10000, power unit and
sign, power of 4 bytes in 1/100. dnt: reason, supply, frame type, error, power of 3 bytes, then counters: unit, channel, 5 bytes.
Values are little endian.
"""

from ingest.families.lorawan.uplink import Meaning, Uplink, signed_le, unsigned, unsigned_le

_PORT = 10
_ELV_ENTRY, _DNT_COUNTER = 13, 7
_DELIVERY = 2
_DNT_POWER, _DNT_FLOW = 1, 2
_DNT_SENSOR_DATA = 1
_DNT_CHANNELS = {2: "elec.energy.import.t1", 3: "elec.energy.import.t2", 4: "elec.energy.export"}
_DNT_ENERGY, _DNT_VOLUME = 0x10, 0x20
_DNT_POWER_FAULTS, _DNT_HIGHEST = {0x800000, 0x800001, 0x800002}, 0xFFFFFFFFEF
_ERRORS = {1: "no sensor connected", 2: "sensor communication error"}


def elv(uplink: Uplink) -> Meaning | None:
    data = uplink.payload
    if (
        uplink.port != _PORT
        or len(data) < 4
        or data[0] != 3
        or (len(data) - 4) % _ELV_ENTRY
        or not 1500 <= unsigned(data[2:4]) <= 6000
    ):
        return None
    meaning = Meaning()
    meaning.put("battery.voltage", unsigned(data[2:4]) / 1000)
    for start in range(4, len(data), _ELV_ENTRY):
        if data[start] != 1:
            return None
        _elv_entry(meaning, data[start + 1 : start + _ELV_ENTRY])
    return meaning


def _elv_entry(meaning: Meaning, entry: bytes) -> None:
    unit, counter = entry[1] & 3, unsigned_le(entry[2:7]) / 10_000
    power, sign = unsigned_le(entry[8:12]) / 100, -1 if entry[7] >> 2 & 1 else 1
    if unit == 2:
        meaning.put("gas.volume", counter)
        meaning.put("gas.flow", power * sign)
        return
    metric = "elec.energy.export" if entry[0] & 0x3F == _DELIVERY else "elec.energy.import"
    meaning.put(metric, counter if unit == 1 else counter / 1000)
    if entry[7] & 3 == 0:
        meaning.put("elec.power.active", power * sign)
    else:
        meaning.put("x.power.labelled_kw", power * sign)


def dnt(uplink: Uplink) -> Meaning | None:
    data = uplink.payload
    if uplink.port != _PORT or len(data) not in (9, 16, 23, 30) or not data[0] <= 4 or data[2] != _DNT_SENSOR_DATA:
        return None
    meaning = Meaning()
    meaning.put("battery.voltage", 1 + (data[1] >> 6) + (data[1] & 0x3F) * 0.02)
    if data[3]:
        meaning.event("fault.sensor", detail=_ERRORS.get(data[3], str(data[3])))
    if unsigned_le(data[6:9]) not in _DNT_POWER_FAULTS and data[4] in (_DNT_POWER, _DNT_FLOW):
        meaning.put("elec.power.active" if data[4] == _DNT_POWER else "gas.flow", signed_le(data[6:9]) / 100)
    for start in range(9, len(data), _DNT_COUNTER):
        _dnt_counter(meaning, data[start : start + _DNT_COUNTER])
    if "elec.energy.import.t1" in meaning.values and "elec.energy.import.t2" not in meaning.values:
        meaning.put("elec.energy.import", meaning.values["elec.energy.import.t1"])
    return meaning


def _dnt_counter(meaning: Meaning, entry: bytes) -> None:
    value = unsigned_le(entry[2:7])
    if value > _DNT_HIGHEST:
        meaning.refused.append(f"counter of channel {entry[1]}: unknown or overflown")
    elif entry[0] == _DNT_VOLUME:
        meaning.put("gas.volume", value / 10_000)
    elif entry[0] == _DNT_ENERGY and entry[1] in _DNT_CHANNELS:
        meaning.put(_DNT_CHANNELS[entry[1]], value / 10_000)
