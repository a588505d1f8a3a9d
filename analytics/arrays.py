"""The array types that the package speaks in. Times are epoch milliseconds UTC."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.uint8]
Bools = NDArray[np.bool_]

HOUR_MS = 3_600_000
EARLIEST_MS = 946_684_800_000
LATEST_MS = 4_102_444_800_000
"""2000-01-01 and 2100-01-01 UTC: times outside are a broken clock's, not a reading's."""


def placed(values: Floats, start_ms: int, onto: tuple[int, int]) -> Floats:
    """Hours from `start_ms` on, on the grid of so many hours from another start on (`onto`); NaN where there are none."""
    out = np.full(onto[1], np.nan)
    offset = int((start_ms - onto[0]) // HOUR_MS)
    first, last = max(offset, 0), min(offset + values.size, onto[1])
    if first < last:
        out[first:last] = values[first - offset : last - offset]
    return out


def median_of(values: Floats) -> float:
    """Of what is known; 0 where nothing is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else 0.0
