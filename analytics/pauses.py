"""How long a meter has stood still, or repeated itself, and how long it ever did in the weeks before."""

from dataclasses import dataclass

import numpy as np

from analytics.arrays import Bools, Floats, Ints
from analytics.calendar import DayClass, HourTable

MEMORY_DAYS = 56


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pauses:
    """Per hour, in known hours: `still` how long nothing has been counted, `same` for how many hours the very same amount (not
    nothing) again; `longest_still`, `longest_same`: the longest that ended in the weeks before this day, 0 where there was none.
    """

    still: Floats
    same: Floats
    longest_still: Floats
    longest_same: Floats

    def since(self, first: int) -> "Pauses":
        """From hour `first` on."""
        return Pauses(
            still=self.still[first:],
            same=self.same[first:],
            longest_still=self.longest_still[first:],
            longest_same=self.longest_same[first:],
        )


def pauses_of(counted: Floats, table: HourTable) -> Pauses:
    """`counted` aligns with the table, NaN where nothing was measured: those hours neither feed nor end a pause, and neither do
    holidays, in which a place may rightly stand still."""
    known = np.flatnonzero(np.isfinite(counted) & (table.day_class < DayClass.HOLIDAY))
    zero = counted[known] <= 1e-9
    repeated = np.concatenate(([False], np.diff(counted[known]) == 0))[: known.size] & ~zero
    (still, longest_still), (same, longest_same) = (_lengths(flags, known, table) for flags in (zero, repeated))
    return Pauses(still=still, same=same, longest_still=longest_still, longest_same=longest_same)


def since_move(still: Bools, amount: Floats) -> Floats:
    """The sum of `amount` since the present stand-still began; 0 where the register moves."""
    total = np.cumsum(amount * still)
    at_move = np.maximum.accumulate(np.where(still, 0.0, total))
    return np.asarray(total - at_move, np.float64)


def _lengths(flags: Bools, known: Ints, table: HourTable) -> tuple[Floats, Floats]:
    """The length of the row that each hour stands in, and the longest row that ended in the weeks before its day."""
    length = np.zeros(table.day.size)
    length[known] = since_move(flags, np.ones(flags.size))
    ends = known[:-1][flags[:-1] & ~flags[1:]]
    daily = np.zeros(table.class_of_day.size + MEMORY_DAYS)
    np.maximum.at(daily, table.day[ends] + MEMORY_DAYS, length[ends])
    longest = np.max(np.lib.stride_tricks.sliding_window_view(daily[:-1], MEMORY_DAYS), axis=1) if length.size else length
    return length, longest[table.day]
