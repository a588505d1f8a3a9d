"""CJ/T 188: water, heat and gas meters of China behind transparent gateways.

Frame: 68 T A0..A6 C L DI0 DI1 SER DATA CS 16; A0-A4 are the number (BCD, low byte first),
A5-A6 the maker's code; no offset on data.
The identifier is met in both byte orders (1F 90 and 90 1F). A volume is 4 bytes BCD and a unit byte.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from ingest.decoded import Decoded, Happening, Outcome, Rejected, Sample
from ingest.families.frames_68 import Frame, bcd, split
from ingest.message import Message

_METERING = {0x901F, 0x1F90}
_READ_ADDRESS = {0x810A, 0x0A81}
_CHINA = timezone(timedelta(hours=8))  # the meters' clocks have no zone
_WATER, _HEAT, _GAS = range(0x10, 0x20), range(0x20, 0x30), range(0x30, 0x40)

_M3_UNITS = {0x29: 1e-5, 0x2A: 1e-4, 0x2B: 1e-3, 0x2C: 1e-2, 0x2D: 1e-1, 0x2E: 1.0}
"""What one count of the BCD is, in m3 (CJ/T 188 table of units: 2C is m3 with two decimals)."""
_KWH_UNITS = {0x02: 1e-5, 0x05: 1e-2, 0x08: 10.0, 0x01: 1e-5 / 3.6, 0x0B: 1.0 / 360, 0x0E: 1000 / 360, 0x11: 1e6 / 360}


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:  # noqa: ARG001 - every decoder takes a context
    frames = split(message.payload, second_start=False, header_length=8)
    if not frames:
        return Rejected("no CJ/T 188 frame: nothing starts with 68")
    return tuple(_decode_frame(frame) for frame in frames)


def _decode_frame(frame: Frame) -> Decoded | Rejected:
    device_id = frame.header[5:0:-1].hex()
    if frame.header[6:8] == b"\x00\x00" and frame.header[5:6] == b"\x00":
        device_id = frame.header[4:0:-1].hex()
    if frame.damage:
        return Rejected(frame.damage, device_id)
    if len(frame.data) < 3:
        return Rejected(f"{len(frame.data)} data bytes are too few for identifier and serial", device_id)
    if not frame.control & 0x80:
        di = int.from_bytes(frame.data[:2], "little")
        return Decoded(device_id, happenings=(Happening("command.read", None, {"di": f"{max(di, _swapped(di)):04X}"}),))
    if frame.control & 0x40:
        return Decoded(device_id, happenings=(Happening("meter.error_reply", None, {"code": frame.data[3:].hex()}),))
    return _reply(device_id, frame)


def _reply(device_id: str, frame: Frame) -> Decoded | Rejected:
    di = int.from_bytes(frame.data[:2], "little")
    if di in _READ_ADDRESS:
        return Decoded(device_id, happenings=(Happening("device.discovered", None, {"address": device_id}),))
    if di in _METERING:
        return _metering(device_id, frame.header[0], frame.data[3:])
    return Decoded(device_id, happenings=(Happening("raw.frame", None, {"di": f"{di:04X}", "data": frame.data[3:].hex()}),))


def _swapped(di: int) -> int:
    return (di & 0xFF) << 8 | di >> 8


def _metering(device_id: str, meter_type: int, data: bytes) -> Decoded | Rejected:
    if meter_type in _WATER or meter_type in _GAS:
        names = ("water.volume", "water.volume.period") if meter_type in _WATER else ("x.gas.volume", "x.gas.volume.settled")
        return _volumes(device_id, names, data)
    if meter_type in _HEAT:
        return _heat(device_id, data)
    return Rejected(f"meter type {meter_type:02X} is neither water (10-1F), heat (20-2F) nor gas (30-3F)", device_id)


def _volumes(device_id: str, names: tuple[str, str], data: bytes) -> Decoded | Rejected:
    """Two volumes (now, and at the settlement day), the meter's clock, two status bytes."""
    values: dict[str, float] = {}
    refused: list[str] = []
    for name, start in zip(names, (0, 5), strict=True):
        amount = _quantity(data[start : start + 5], _M3_UNITS)
        if isinstance(amount, str):
            refused.append(f"{name}: {amount}")
        else:
            values[name] = amount
    if not values:
        return Rejected("; ".join(refused), device_id)
    status = data[17:19]
    happenings = (Happening("fault.battery_low", None, {}),) if len(status) == 2 and status[0] & 0x04 else ()
    return Decoded(device_id, (Sample(_clock_ms(data[10:17]), values),), happenings, refused=refused)


def _heat(device_id: str, data: bytes) -> Decoded | Rejected:
    """Settled heat, heat, power, flow, volume (each BCD + unit), supply and return temperature (3 bytes), hours, clock."""
    values: dict[str, float] = {}
    refused: list[str] = []
    fields = (("x.heat.energy.settled", 0, _KWH_UNITS), ("x.heat.energy", 5, _KWH_UNITS), ("water.volume", 20, _M3_UNITS))
    for name, start, units in fields:
        amount = _quantity(data[start : start + 5], units)
        if isinstance(amount, str):
            refused.append(f"{name}: {amount}")
        else:
            values[name] = amount
    for name, start in (("x.heat.supply.temperature", 25), ("x.heat.return.temperature", 28)):
        digits = bcd(data[start : start + 3])
        if digits is not None and len(data) >= start + 3:
            values[name] = round(digits * 0.01, 2)
    if not values:
        return Rejected("; ".join(refused), device_id)
    return Decoded(device_id, (Sample(_clock_ms(data[34:41]), values),), refused=refused)


def _quantity(part: bytes, units: Mapping[int, float]) -> float | str:
    """The amount in our unit, or what is wrong with it."""
    if len(part) < 5:
        return "the data breaks off"
    scale = units.get(part[4])
    digits = bcd(part[:4])
    if scale is None:
        return f"unit {part[4]:02X} is not in our table"
    return f"{part[:4].hex()} is not BCD" if digits is None else round(digits * scale, 6)


def _clock_ms(part: bytes) -> int | None:
    """ss mm hh dd MM yy yy in BCD, China time; None where it is zero or no date."""
    text = part[::-1].hex()
    try:
        return round(datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=_CHINA).timestamp() * 1000)
    except ValueError:
        return None
