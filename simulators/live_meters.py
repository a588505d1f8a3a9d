"""Meters between two moments: the day's physics read at any second, registers that count on, displays that freeze or reset."""

from collections.abc import Mapping, Sequence

import numpy as np

from devices.errors import BadInput
from devices.model import DeviceKind
from simulators.campus import Campus, stream
from simulators.labels import LabelledFault
from simulators.loads import add_faults, day_amounts, per_hour
from simulators.meters import gauge_of, gauge_shown, meter_tree, register_of, shown
from simulators.register_faults import factors
from simulators.state import SimulatorState
from simulators.timetable import DAY_S, Floats, day_start_s, local_day

_FIRST_GAUGE_S = 10.0


class LiveMeters:
    """All meters of one quantity. A gauge is the mean since the meter's last message, with the flicker of a real load."""

    def __init__(self, campus: Campus, kind: DeviceKind, state: SimulatorState) -> None:
        self._campus, self._kind, self._tree = campus, kind, meter_tree(campus, kind)
        missing = [device_id for device_id in self._tree.ids if device_id not in state.registers]
        if missing:
            raise BadInput(
                f"the simulator's state knows no meter {missing[0]!r}; make a new one with `caretaker simulate --history`"
            )
        self._at_s: float = state.at_ms / 1000
        self._registers: Floats = np.array([state.registers[device_id] for device_id in self._tree.ids])
        self._counted: Floats = np.zeros(len(self._tree.ids))
        self._sent: dict[str, tuple[float, float]] = {}
        self._days: dict[int, Floats] = {}
        self.closed: set[str] = {device_id for device_id in state.closed if device_id in self._tree.ids}
        self.frozen: dict[str, Mapping[str, float]] = {
            device_id: values for device_id, values in state.frozen.items() if device_id in self._tree.ids
        }

    def registers(self) -> dict[str, float]:
        return dict(zip(self._tree.ids, (float(value) for value in self._registers), strict=True))

    def advance(self, now_s: float, faults: Sequence[LabelledFault]) -> None:
        """Counts on from the last moment to `now_s`; a clock that went back changes nothing."""
        if now_s <= self._at_s:
            return
        counts = factors(self._tree.ids, faults, now_s)
        amounts = counts * self._flowing(self._between(self._at_s, now_s, faults))
        if not self._sent:
            recent = counts * self._flowing(self._between(now_s - _FIRST_GAUGE_S, now_s, faults))
            before = self._counted + amounts - recent
            self._sent = {device_id: (now_s - _FIRST_GAUGE_S, float(before[i])) for i, device_id in enumerate(self._tree.ids)}
        self._counted += amounts
        counted = amounts * self._counting(faults, now_s)
        self._registers += np.maximum(counted, 0) if self._kind is DeviceKind.ELECTRICITY_METER else counted  # import only
        for fault in faults:
            if self._at_s < fault.start_s <= now_s and fault.device_id in self._tree.ids:
                self._leap(fault)
        self._at_s = now_s

    def _leap(self, fault: LabelledFault) -> None:
        at = self._tree.index(fault.device_id)
        if fault.kind == "meter.register_reset":
            self._registers[at] = 0.0
        elif fault.kind == "meter.register_jump":
            self._registers[at] += fault.number("jump")

    def readings(self, device_id: str, now_s: float) -> dict[str, float]:
        if device_id in self.frozen:
            return dict(self.frozen[device_id])
        index = self._tree.index(device_id)
        since_s, counted = self._sent[device_id]
        flicker = 1 + 0.003 * float(stream(self._campus.seed, device_id, int(now_s)).standard_normal())
        rate = flicker * (self._counted[index] - counted) / max(now_s - since_s, 0.001) * per_hour(self._tree)
        if now_s - since_s >= 1:
            self._sent[device_id] = (now_s, float(self._counted[index]))
        return {
            register_of(self._kind): float(shown(self._registers[index], self._tree.profiles[index])),
            gauge_of(self._kind): float(gauge_shown(rate, self._kind)),
        }

    def _counting(self, faults: Sequence[LabelledFault], now_s: float) -> Floats:
        """1 where the register counts, 0 where it is frozen for good. Keeps which displays stand still."""
        factor = np.ones(len(self._tree.ids))
        stuck = {f.device_id: f for f in faults if f.kind == "meter.frozen" and f.active(now_s) and f.device_id in self._tree.ids}
        for device_id, fault in stuck.items():
            if device_id not in self.frozen:
                self.frozen[device_id] = self.readings(device_id, now_s)
            factor[self._tree.index(device_id)] *= fault.number("catch_up", 1)
        self.frozen = {device_id: values for device_id, values in self.frozen.items() if device_id in stuck}
        return factor

    def _between(self, start_s: float, end_s: float, faults: Sequence[LabelledFault]) -> Floats:
        """What each meter counts from one second to another: physics and faults."""
        drawn = np.zeros((len(self._tree.ids), 1))
        add_faults(drawn, self._tree, faults, np.array([start_s, end_s]))
        total: Floats = drawn[:, 0]
        for day in range(local_day(start_s), local_day(end_s) + 1):
            begin_s = day_start_s(day)
            low, high = max(start_s, begin_s) - begin_s, min(end_s, begin_s + DAY_S) - begin_s
            total = total + self._until(day, high) - self._until(day, low)
        return total

    def stopped(self, device_id: str) -> bool:
        """Whether its valve or breaker, or one of those that feed it, is closed."""
        return any(self._tree.ids[feeder] in self.closed for feeder in self._tree.chain(device_id))

    def _flowing(self, amounts: Floats) -> Floats:
        """What still runs where valves are closed or breakers off: nothing there and below, so much less in all that feed them."""
        if not self.closed:
            return amounts
        own = amounts.copy()
        for index, parent in enumerate(self._tree.parents):
            if parent >= 0:
                own[parent] -= amounts[index]
        for index, device_id in enumerate(self._tree.ids):
            if self.stopped(device_id):
                own[index] = 0.0
        return self._tree.total(own)

    def _until(self, day: int, second: float) -> Floats:
        """What each meter counts from local midnight to that second of the day, without faults."""
        if day not in self._days:
            self._days = {known: sums for known, sums in self._days.items() if known >= day - 1}
            amounts = day_amounts(self._campus, self._tree, day)
            self._days[day] = np.concatenate([np.zeros((len(amounts), 1)), np.cumsum(amounts, axis=1)], axis=1)
        sums = self._days[day]
        minute = min(int(second // 60), sums.shape[1] - 2)
        result: Floats = sums[:, minute] + (sums[:, minute + 1] - sums[:, minute]) * (second / 60 - minute)
        return result
