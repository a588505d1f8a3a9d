"""What a faulty meter makes of what flows: wrong factors, jumps, readings that are nonsense or carry another time."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from simulators.labels import LabelledFault
from simulators.timetable import Floats

MISCOUNTED = frozenset({"elec.phase_loss", "meter.wrong_unit", "elec.no_load", "meter.spike", "meter.balance"})
"""Kinds whose `factor` says how much of what flows is counted; at the meter `sub` where one is named, else at the fault's own."""
CLOCK_SHIFT_S = 3600
GLITCH_UP = 60_000.0
_Ints = npt.NDArray[np.int64]


def faulty_meter(fault: LabelledFault) -> str:
    """The meter that is wrong: not always the one that shows it."""
    return str(fault.parameters.get("sub", fault.device_id))


def minute(at_s: float, first_s: int, minutes: int) -> int:
    return min(max(int((at_s - first_s) // 60), 0), minutes)


def miscounted(amounts: Floats, faults: Iterable[LabelledFault], first_s: int) -> Floats:
    """A lost phase, a wrong ratio, a worn meter: it counts only so much of what flows."""
    counted = amounts
    for fault in faults:
        if fault.kind in MISCOUNTED:
            low, high = (minute(edge, first_s, len(amounts)) for edge in (fault.start_s, fault.end_s))
            counted = counted.copy()
            counted[low:high] *= fault.number("factor", 1)
    return counted


def factors(ids: Sequence[str], faults: Iterable[LabelledFault], at_s: float) -> Floats:
    """The same at one moment, for each meter of `ids`."""
    found = np.ones(len(ids))
    for fault in faults:
        if fault.kind in MISCOUNTED and fault.active(at_s) and faulty_meter(fault) in ids:
            found[ids.index(faulty_meter(fault))] *= fault.number("factor", 1)
    return found


def jumped(register: Floats, faults: Iterable[LabelledFault], first_s: int) -> Floats:
    """Resets to zero, and jumps by what the fault says."""
    for fault in faults:
        low = minute(fault.start_s, first_s, len(register))
        if fault.kind == "meter.register_reset" and 0 < low < len(register):
            register = np.concatenate([register[:low], register[low:] - register[low - 1]])
        if fault.kind == "meter.register_jump" and 0 < low < len(register):
            register = np.concatenate([register[:low], register[low:] + fault.number("jump")])
    return register


def garbled(at_s: _Ints, values: Floats, faults: Iterable[LabelledFault], *, register: bool) -> tuple[_Ints, Floats]:
    """What arrives: readings twice, or nonsense among them. (A clock that is wrong, or a backlog, only shows live: what is stored
    has the time of arrival, or the readings where they belong.)"""
    for fault in faults:
        inside = (at_s >= fault.start_s) & (at_s < fault.end_s)
        if fault.kind == "normal.duplicates":
            times = np.where(inside, 2, 1)
            at_s, values = np.repeat(at_s, times), np.repeat(values, times)
        if fault.kind == "normal.glitch" and register:
            values = values.copy()
            values[np.flatnonzero(inside)[:1]] = 0.0
            values[np.flatnonzero(inside)[2:3]] += GLITCH_UP
    return at_s, values
