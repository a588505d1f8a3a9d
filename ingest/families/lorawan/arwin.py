"""Arwin LRS sensors: FPort 10 with the sensor's type first; the four-channel meter sends its phases on FPort 50 to 61; big endian.

Types: 1 climate, 4 contact, 10 meter, 11 distance. FPort 8 and 9: version, battery and number of uplinks.
"""

from ingest.families.lorawan.uplink import Meaning, Uplink, signed, unsigned

_PORT, _VERSION_PORTS, _PHASE_PORTS = 10, (8, 9), range(50, 62)
_CLIMATE, _CONTACT, _METER, _DISTANCE = 1, 4, 10, 11
_SIZES = {_CLIMATE: 7, _CONTACT: 6, _METER: 11, _DISTANCE: 6}
_FULL = 100
_METER_EVENTS = ("", "fault.power", *("alarm.voltage_low", "alarm.voltage_high") * 3, "fault.meter_not_found", "fault.battery_low")
_SIGN_22 = 1 << 21


def decode(uplink: Uplink) -> Meaning | None:
    data = uplink.payload
    if uplink.port in _VERSION_PORTS and uplink.is_model("arwin") and len(data) >= 4:
        return _version(data)
    if uplink.port in _PHASE_PORTS and len(data) == _SIZES[_METER] and data[0] == _METER:
        return _phase(data, (uplink.port or 0) - _PHASE_PORTS[0])
    if uplink.port != _PORT or not data or len(data) != _SIZES.get(data[0]):
        return None
    if data[0] == _METER:
        return _meter(data)
    return _sensor(data) if data[2] <= _FULL else None


def _sensor(data: bytes) -> Meaning:
    meaning = Meaning()
    meaning.put("battery.level", data[2])
    if data[0] == _CONTACT:
        meaning.state("contact.active", data[3] != 0)
        meaning.put("counter.events", unsigned(data[4:6]))
    elif data[0] == _CLIMATE:
        meaning.put("env.temperature", signed(data[3:5]) / 10)
        meaning.put("env.humidity", signed(data[5:7]) / 10)
    else:
        meaning.put("x.distance", unsigned(data[3:5]) / 10)
        meaning.put("x.state", data[5])
    return meaning


def _meter(data: bytes) -> Meaning:
    meaning = Meaning()
    for phase in (1, 2, 3):
        meaning.put(f"elec.voltage.l{phase}", unsigned(data[2 * phase - 1 : 2 * phase + 1]) / 10)
    told = unsigned(data[7:10])
    meaning.put("elec.frequency", (told >> 10) / 100)
    meaning.put("battery.level", min(data[10], _FULL))
    for bit, name in enumerate(_METER_EVENTS):
        if name and told >> bit & 1:
            meaning.event(name)
    return meaning


def _phase(data: bytes, place: int) -> Meaning:
    """Channel 1's phases are the phases; those of further channels are numbered on, from ch4 to ch12."""
    meaning = Meaning()
    suffix = f"l{place + 1}" if place < 3 else f"ch{place + 1}"
    current, power_and_factor = unsigned(data[1:3]), unsigned(data[3:7])
    power = power_and_factor >> 10
    meaning.put(f"elec.current.{suffix}", (current & 0x3FFF) / 10)
    meaning.put(f"elec.power.active.{suffix}", (power - 2 * _SIGN_22 if power & _SIGN_22 else power) / 10)
    meaning.put(f"elec.power_factor.{suffix}", (power_and_factor & 0x3FF) / 1000)
    meaning.put(f"elec.energy.import.{suffix}", unsigned(data[7:11]) / 10)
    if current >> 14 & 1:
        meaning.event("alarm.overcurrent", channel=suffix)
    return meaning


def _version(data: bytes) -> Meaning:
    meaning = Meaning()
    meaning.event("device.info", firmware=f"{data[0]}.{data[1]:02}.{unsigned(data[2:4]):03}")
    if len(data) >= 7:
        meaning.put("battery.level", min(data[6], _FULL))
    return meaning
