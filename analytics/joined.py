"""Several meters as one: the hours of a place, measured where those that are not are too few to matter."""

from collections.abc import Sequence

import numpy as np

from analytics.arrays import Flags, Floats
from analytics.hourly import Hourly
from devices.model import Quality

DOUBT_AT_MOST = 0.1
"""An hour of a sum counts as measured while the meters that were not measured in it make up no more than this of its use."""
_UNMEASURED = int(Quality.ESTIMATED | Quality.INCOMPLETE | Quality.IMPLAUSIBLE)


def joined(start_ms: int, parts: Sequence[tuple[Floats, Flags]]) -> Hourly:
    """`parts`: consumption (NaN: not known) and flags of each meter, all from `start_ms` on and of one length.

    What the missing ones may have used is added by their share of all; hours with more doubt than that are flagged INCOMPLETE.
    """
    values = np.array([value for value, _ in parts])
    doubtful = np.array([~np.isfinite(value) | ((flags & _UNMEASURED) != 0) for value, flags in parts])
    weight = np.abs(np.nansum(values, axis=1))
    weight = weight / weight.sum() if weight.sum() > 0 else np.full(len(parts), 1 / len(parts))
    missing = (~np.isfinite(values) * weight[:, None]).sum(axis=0)
    doubt = (doubtful * weight[:, None]).sum(axis=0)
    scale = np.where(missing <= DOUBT_AT_MOST, 1 / np.maximum(1 - missing, 1 - DOUBT_AT_MOST), 1.0)
    total = np.where(np.isfinite(values).any(axis=0), np.nansum(values, axis=0) * scale, np.nan)
    good = (doubt <= DOUBT_AT_MOST) & np.isfinite(total)
    quality = np.where(good, 0, int(Quality.INCOMPLETE)).astype(np.uint8)
    return Hourly(start_ms=start_ms, consumption=total, quality=quality, least=np.full(total.size, np.nan))
