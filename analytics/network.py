"""What the inlet of a network tells of leaks behind it, hour by hour: whole local days are judged one after the other."""

from dataclasses import dataclass

import numpy as np

from analytics.arrays import Bools, Floats
from analytics.calendar import DayClass, HourTable
from analytics.detectors.network_leak import NetworkState, normal_of, step

ROWS = 24


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """Per hour, in the order of the view: whether a leak was on, its `share` of the day's mean flow without it, and the flow
    `expected` without it (m3/h; NaN while nothing is learned and on days that are not known). `known`: days that were judged."""

    leaking: Bools
    share: Floats
    expected: Floats
    known: Bools

    def since(self, first: int) -> "Network":
        """From hour `first` on."""
        return Network(
            leaking=self.leaking[first:], share=self.share[first:], expected=self.expected[first:], known=self.known[first:]
        )


def network_of(measured: Floats, table: HourTable) -> Network:
    """`measured` in m3 an hour. A day with a gap, without its 24 hours (clocks changed, not over yet) or on a
    holiday is not known."""
    days = _days(measured, table)
    leaking, share = np.zeros(days.shape, np.bool_), np.zeros(days.shape)
    expected, known = np.full(days.shape, np.nan), np.zeros(days.shape, np.bool_)
    state = NetworkState()
    for number, flow in enumerate(days):
        expected[number] = normal_of(state, flow)
        known[number] = np.isfinite(flow).all() and state.profile.size
        state, day = step(state, flow)
        leaking[number], share[number] = day.leaking, day.share
    at = table.day, table.hour
    return Network(leaking=leaking[at], share=share[at], expected=expected[at], known=known[at])


def _days(measured: Floats, table: HourTable) -> Floats:
    count = table.class_of_day.size
    days = np.full((count, ROWS), np.nan)
    days[table.day, table.hour] = measured
    days[(np.bincount(table.day, minlength=count) != ROWS) | (table.class_of_day == DayClass.HOLIDAY)] = np.nan
    return days
