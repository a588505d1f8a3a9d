"""What each meter counts in each minute: physics of a day plus what faults add, in the unit of its register."""

from collections.abc import Iterable

import numpy as np

from devices.model import DeviceKind
from simulators.campus import Campus
from simulators.electricity import LOSS_SHARE, own_power_w
from simulators.labels import ELECTRIC_KINDS, WATER_KINDS, LabelledFault, load_until
from simulators.meters import MeterTree
from simulators.timetable import Floats
from simulators.water import own_draws_l

_J_PER_KWH = 3.6e6
_L_PER_M3 = 1000.0


def day_amounts(campus: Campus, tree: MeterTree, day: int) -> Floats:
    """kWh or m3 counted in each minute of a local day, (meters, 1440), without faults. Sub-meters never exceed their main."""
    if tree.kind is DeviceKind.WATER_METER:
        return tree.total(own_draws_l(campus, tree, day)) / _L_PER_M3
    total = tree.total(own_power_w(campus, tree, day)) * 60 / _J_PER_KWH
    for index, parent in enumerate(tree.parents):
        if parent < 0:
            total[index] *= 1 + LOSS_SHARE
    return total


def add_faults(amounts: Floats, tree: MeterTree, faults: Iterable[LabelledFault], edges_s: Floats) -> None:
    """Adds in place what the faults draw between the edges, (n + 1 epoch seconds), to their meter and all that feed it."""
    for fault in faults:
        if not _concerns(fault, tree) or fault.end_s <= edges_s[0] or fault.start_s >= edges_s[-1]:
            continue
        first = max(int(np.searchsorted(edges_s, fault.start_s, side="right")) - 1, 0)
        last = min(int(np.searchsorted(edges_s, fault.end_s, side="left")), len(edges_s) - 1)
        drawn = np.diff(load_until(fault, edges_s[first : last + 1])) / _per_unit(tree)
        for index in tree.chain(fault.device_id):
            amounts[index, first:last] += drawn


def _concerns(fault: LabelledFault, tree: MeterTree) -> bool:
    if tree.kind is DeviceKind.WATER_METER:
        return fault.kind in WATER_KINDS
    return fault.kind in ELECTRIC_KINDS or "appliance" in fault.parameters


def _per_unit(tree: MeterTree) -> float:
    return _L_PER_M3 if tree.kind is DeviceKind.WATER_METER else _J_PER_KWH


def per_hour(tree: MeterTree) -> float:
    """From the register's unit per second to the gauge's: kWh/s to W, m3/s to m3/h."""
    return 3600.0 if tree.kind is DeviceKind.WATER_METER else _J_PER_KWH
