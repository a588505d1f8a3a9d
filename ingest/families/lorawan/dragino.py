"""Dragino sensors: door and leak (LDS01/02, LWL01/02, DS03A, LWL03A), water flow (SW3L), pressure (PS-LB/NB); big endian.

FPort 10: battery and status bits in two bytes, mode 1 door, 2 leak, 3 both, then counts. FPort 2: models of the second series,
told apart by name or by what the device measures. FPort 5: the device itself.
"""

from collections.abc import Callable

from ingest.families.lorawan.uplink import Meaning, Uplink, unsigned

_FIRST_SERIES_PORT, _PORT, _INFORMATION_PORT = 10, 2, 5
_DOOR, _LEAK, _BOTH = 1, 2, 3
_LOWEST_MV, _HIGHEST_MV = 1_800, 4_200
_EVENT_SIZE, _FLOW_SIZE, _PRESSURE_SIZE = 11, 11, 9
_PULSES_PER_LITRE = {0: 450, 1: 360, 2: 60}
_MODELS = {
    0x0A: "LWL02/LDS02", 0x11: "SW3L", 0x13: "LDS03A", 0x14: "LWL03A", 0x16: "PS-LB", 0x1D: "DS03A-LB", 0x1E: "WL03A-LB",
}  # fmt: skip
_EARLIEST = 1_400_000_000
_LOWEST_MA, _FULL_SPAN_MA, _METRE_OF_WATER_KPA = 4.0, 16.0, 9.80665
_PRESSURE_SPANS_KPA = {
    1: 37.5,
    2: 62.5,
    3: 100.0,
    4: 156.25,
    5: 625.0,
    6: 2500.0,
    7: 3750.0,
    8: -6.25,
    10: 0.3125,
    11: 3.125,
    12: 6.25,
}
"""Probe type → kPa per mA above 4 mA."""
_FREQUENCY_BANDS = 0x10


def decode(uplink: Uplink) -> Meaning | None:
    if uplink.port == _FIRST_SERIES_PORT:
        return _first_series(uplink.payload)
    if uplink.port == _INFORMATION_PORT and (uplink.is_model("dragino") or _is_information(uplink.payload)):
        return _information(uplink.payload)
    if uplink.port not in (_PORT, 3):
        return None
    return _second_series(uplink)


def _second_series(uplink: Uplink) -> Meaning | None:
    data = uplink.payload
    for words, kind, size, read in _SECOND_SERIES:
        named = uplink.is_model(*words)
        guessed = not uplink.model or not uplink.is_model("dragino")
        if (named or (guessed and uplink.kind == kind)) and len(data) >= size and len(data) % size == 0:
            return read(data)
    return None


def _first_series(data: bytes) -> Meaning | None:
    """Status bits 15 (open) and 14 (leak) stand above the battery's 14 bits of mV."""
    if len(data) < 3 or data[2] not in (_DOOR, _LEAK, _BOTH) or not _LOWEST_MV <= unsigned(data[:2]) & 0x3FFF <= _HIGHEST_MV:
        return None
    meaning, mode = Meaning(), data[2]
    meaning.put("battery.voltage", (unsigned(data[:2]) & 0x3FFF) / 1000)
    if mode in (_DOOR, _BOTH):
        meaning.state("door.open", bool(data[0] & 0x80))
    if mode in (_LEAK, _BOTH):
        meaning.state("leak", bool(data[0] & 0x40), "alarm.leak")
    if mode != _BOTH and len(data) >= 9:
        meaning.put("door.open_count" if mode == _DOOR else "counter.leaks", unsigned(data[3:6]))
        meaning.put("x.door.open_duration" if mode == _DOOR else "x.leak.duration", unsigned(data[6:9]))
    if len(data) >= 10 and data[9] & 1:
        meaning.event("alarm.door" if mode == _DOOR else "alarm.leak", detail="alarm flag")
    if len(data) < 9 and mode != _BOTH:
        meaning.refused.append(f"{len(data)} bytes: the counts are cut off")
    return meaning


def _events(metric: str, count: str, duration: str, alarm: str) -> Callable[[bytes], Meaning]:
    """Records of status, count, duration in minutes, time; the first is the newest."""

    def read(data: bytes) -> Meaning:
        meaning = Meaning()
        for start in range(0, len(data), _EVENT_SIZE):
            record = data[start : start + _EVENT_SIZE]
            values = {metric: float(record[0] & 1), count: float(unsigned(record[1:4])), duration: float(unsigned(record[4:7]))}
            if start == 0:
                meaning.values |= values
                meaning.ts_ms = _time_ms(record)
                if record[0] & 1 and alarm:
                    meaning.event(alarm)
            elif _time_ms(record) is not None:
                meaning.at(unsigned(record[7:11]), values)
        return meaning

    return read


def _time_ms(record: bytes) -> int | None:
    seconds = unsigned(record[7:11])
    return seconds * 1000 if seconds >= _EARLIEST else None


def _flow(data: bytes) -> Meaning:
    """Byte 0: flow meter's type and alarm; mode 1 tells pulses since the last report, mode 0 all."""
    meaning = Meaning(ts_ms=_time_ms(data))
    pulses = unsigned(data[1:5])
    litres = pulses / _PULSES_PER_LITRE.get(data[0] >> 2, 450)
    if data[5] == 1:
        meaning.put("water.volume.period", round(litres, 1) / 1000)
        meaning.put("x.pulses.period", pulses)
    else:
        meaning.put("water.volume", round(litres, 1) / 1000)
        meaning.put("counter.pulses", pulses)
    if data[0] & 0x02:
        meaning.event("alarm.flow")
    return meaning


def _pressure(data: bytes) -> Meaning:
    """Probe mode 0: water column of `range` metres; 1: pressure by type of probe; both from 4-20 mA."""
    meaning = Meaning()
    milliamperes = unsigned(data[4:6]) / 1000
    above = max(0.0, milliamperes - _LOWEST_MA)
    meaning.put("battery.voltage", unsigned(data[0:2]) / 1000)
    meaning.put("x.input.current", milliamperes)
    meaning.put("x.input.voltage", unsigned(data[6:8]) / 1000)
    if data[2] == 0:
        meaning.put("level.height", above * data[3] / _FULL_SPAN_MA)
    elif data[2] == 1 and data[3] in _PRESSURE_SPANS_KPA:
        meaning.put("water.pressure", round(above * _PRESSURE_SPANS_KPA[data[3]], 3))
    return meaning


def _is_information(data: bytes) -> bool:
    return len(data) == 7 and data[0] in _MODELS and data[3] < _FREQUENCY_BANDS and _LOWEST_MV <= unsigned(data[5:7]) <= _HIGHEST_MV


def _information(data: bytes) -> Meaning | None:
    if len(data) < 7:
        return None
    meaning = Meaning()
    firmware = f"{data[1] & 0x0F}.{data[2] >> 4}.{data[2] & 0x0F}"
    meaning.put("battery.voltage", unsigned(data[5:7]) / 1000)
    meaning.event("device.info", model=_MODELS.get(data[0], f"type {data[0]}"), firmware=firmware)
    return meaning


_SECOND_SERIES: tuple[tuple[tuple[str, ...], str, int, Callable[[bytes], Meaning]], ...] = (
    (("sw3l",), "water", _FLOW_SIZE, _flow),
    (("lwl03", "wl03"), "leak", _EVENT_SIZE, _events("leak", "counter.leaks", "x.leak.duration", "alarm.leak")),
    (("lds03", "ds03"), "door", _EVENT_SIZE, _events("door.open", "door.open_count", "x.door.open_duration", "")),
    (("ps-lb", "ps-nb"), "pressure", _PRESSURE_SIZE, _pressure),
)
