"""Register maps of meters met on Modbus: function code → register → metric.

Sources: Eastron SDM protocol documents (SDM120/220/230/320/630: one numbering), Chint DDSU666 and DTSU666, Peacefair PZEM-016.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Register(NamedTuple):
    """`kind`: f32, u16, s16, u32, s32, u64, s64, f64; with `_lo` the low word comes first. `factor` leads to the metric's unit."""

    metric: str
    kind: str = "f32"
    factor: float = 1.0


Registers = Mapping[int, Register]
_HOLDING, _INPUT = 3, 4


def _phases(start: int, metric: str, factor: float = 1.0, kind: str = "f32", step: int = 2) -> dict[int, Register]:
    return {start + step * place: Register(f"{metric}.l{place + 1}", kind, factor) for place in range(3)}


_EASTRON_INPUT: dict[int, Register] = {
    **_phases(0x0000, "elec.voltage"),
    **_phases(0x0006, "elec.current"),
    **_phases(0x000C, "elec.power.active"),
    **_phases(0x0012, "elec.power.apparent"),
    **_phases(0x0018, "elec.power.reactive"),
    **_phases(0x001E, "elec.power_factor"),
    0x002A: Register("x.elec.voltage.avg"),
    0x002E: Register("x.elec.current.avg"),
    0x0030: Register("elec.current"),
    0x0034: Register("elec.power.active"),
    0x0038: Register("elec.power.apparent"),
    0x003C: Register("elec.power.reactive"),
    0x003E: Register("elec.power_factor"),
    0x0046: Register("elec.frequency"),
    0x0048: Register("elec.energy.import"),
    0x004A: Register("elec.energy.export"),
    0x004C: Register("elec.energy.reactive.import"),
    0x004E: Register("elec.energy.reactive.export"),
    0x0050: Register("x.elec.energy.apparent"),
    0x0052: Register("x.elec.charge"),
    0x0054: Register("x.elec.power.demand"),
    0x0056: Register("x.elec.power.demand_max"),
    0x00C8: Register("elec.voltage.l12"),
    0x00CA: Register("elec.voltage.l23"),
    0x00CC: Register("elec.voltage.l31"),
    0x00E0: Register("elec.current.n"),
    0x0156: Register("x.elec.energy.total"),
    0x0158: Register("x.elec.energy.reactive.total"),
    **_phases(0x015A, "elec.energy.import"),
    **_phases(0x0160, "elec.energy.export"),
    **_phases(0x016C, "elec.energy.reactive.import"),
    **_phases(0x0172, "elec.energy.reactive.export"),
}
_EASTRON_HOLDING: dict[int, Register] = {
    0x0002: Register("x.config.demand_period"),
    0x000C: Register("config.pulse_width"),
    0x0012: Register("x.config.parity"),
    0x0014: Register("x.config.address"),
    0x001C: Register("x.config.baud"),
    0xFC00: Register("x.config.serial", "u32"),
}
_DDSU666: dict[int, Register] = {
    0x2000: Register("elec.voltage"),
    0x2002: Register("elec.current"),
    0x2004: Register("elec.power.active", "f32", 1000.0),
    0x2006: Register("elec.power.reactive", "f32", 1000.0),
    0x200A: Register("elec.power_factor"),
    0x200E: Register("elec.frequency"),
    0x4000: Register("elec.energy.import"),
    0x400A: Register("elec.energy.export"),
}
_DTSU666: dict[int, Register] = {
    0x2000: Register("elec.voltage.l12", "f32", 0.1),
    0x2002: Register("elec.voltage.l23", "f32", 0.1),
    0x2004: Register("elec.voltage.l31", "f32", 0.1),
    **_phases(0x2006, "elec.voltage", 0.1),
    **_phases(0x200C, "elec.current", 0.001),
    0x2012: Register("elec.power.active", "f32", 0.1),
    **_phases(0x2014, "elec.power.active", 0.1),
    0x201A: Register("elec.power.reactive", "f32", 0.1),
    **_phases(0x201C, "elec.power.reactive", 0.1),
    0x202A: Register("elec.power_factor", "f32", 0.001),
    **_phases(0x202C, "elec.power_factor", 0.001),
    0x2044: Register("elec.frequency", "f32", 0.01),
    0x101E: Register("elec.energy.import"),
    0x1028: Register("elec.energy.export"),
}
_PZEM016: dict[int, Register] = {
    0x0000: Register("elec.voltage", "u16", 0.1),
    0x0001: Register("elec.current", "u32_lo", 0.001),
    0x0003: Register("elec.power.active", "u32_lo", 0.1),
    0x0005: Register("elec.energy.import", "u32_lo", 0.001),
    0x0007: Register("elec.frequency", "u16", 0.1),
    0x0008: Register("elec.power_factor", "u16", 0.01),
}

_EASTRON: Mapping[int, Registers] = {_INPUT: _EASTRON_INPUT, _HOLDING: _EASTRON_HOLDING}
DEFAULT_MODEL = "eastron.sdm"
MODELS: dict[str, Mapping[int, Registers]] = {
    DEFAULT_MODEL: _EASTRON,
    **dict.fromkeys(("sdm120", "sdm220", "sdm230", "sdm320", "sdm630", "sdm72"), _EASTRON),
    "chint.ddsu666": {_HOLDING: _DDSU666, _INPUT: _DDSU666},
    "chint.dtsu666": {_HOLDING: _DTSU666, _INPUT: _DTSU666},
    "peacefair.pzem016": {_INPUT: _PZEM016},
}
"""Names as a device's settings give them, lower case."""
