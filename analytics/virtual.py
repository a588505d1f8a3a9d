"""Virtual meters: sums and differences of meters, and what no sub-meter of a main accounts for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analytics.arrays import Flags, Floats, Ints
from analytics.virtual_meter import Term, VirtualMeter
from devices.errors import BadInput
from devices.model import Quality

__all__ = ["Combined", "Term", "VirtualMeter", "combine", "factors_of", "terms_of"]

DEPTH_AT_MOST = 10
TERMS_AT_MOST = 500

SubMeters = Callable[[str], Sequence[str]]


def factors_of(meter_id: str, virtual: Mapping[str, VirtualMeter], sub_meters: SubMeters) -> dict[str, float]:
    """Real meter → factor. Raises BadInput naming the way round where a meter is made of itself."""
    found: dict[str, float] = {}
    _add(found, (meter_id, 1.0), (), (virtual, sub_meters))
    return {meter: factor for meter, factor in found.items() if factor != 0}


def _add(
    found: dict[str, float], term: tuple[str, float], way: tuple[str, ...], known: tuple[Mapping[str, VirtualMeter], SubMeters]
) -> None:
    meter_id, factor = term
    virtual, sub_meters = known
    if meter_id in way:
        raise BadInput(f"{' → '.join((*way[way.index(meter_id) :], meter_id))}: it is made of itself; take one out", place="terms")
    if len(way) > DEPTH_AT_MOST or len(found) > TERMS_AT_MOST:
        raise BadInput("made of too many meters; build it from fewer", place="terms")
    meter = virtual.get(meter_id)
    if meter is None:
        found[meter_id] = found.get(meter_id, 0.0) + factor
        return
    for part in terms_of(meter, sub_meters):
        _add(found, (part.meter_id, factor * part.factor), (*way, meter_id), known)


def terms_of(meter: VirtualMeter, sub_meters: SubMeters) -> tuple[Term, ...]:
    if meter.rest_of is None:
        return meter.terms
    return (Term(meter_id=meter.rest_of), *(Term(meter_id=sub, factor=-1.0) for sub in sub_meters(meter.rest_of)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Combined:
    """Hours of a combination. NaN where too little is known; `uncertainty` is of each hour (one class of accuracy)."""

    value: Floats
    quality: Flags
    uncertainty: Floats


def combine(values: Floats, flags: Ints, factors: Floats, accuracy: Floats) -> Combined:
    """Of (meters, hours) arrays. Flags are joined; an hour that lacks a meter is INCOMPLETE, and unknown where nothing is left or
    a difference lacks what it is taken from. `accuracy`: each meter's share, e.g. 0.01; errors are taken as independent."""
    known = np.isfinite(values)
    present = known.any(axis=0)
    if (factors < 0).any():
        present &= known[factors > 0].all(axis=0)
    parts = np.nan_to_num(values) * factors[:, None]
    joined = np.bitwise_or.reduce(np.where(known, flags, 0), axis=0) if len(factors) else np.zeros(0, np.int64)
    quality = np.where(known.all(axis=0), joined, joined | int(Quality.INCOMPLETE))
    return Combined(
        value=np.where(present, parts.sum(axis=0), np.nan),
        quality=np.where(present, quality, 0).astype(np.uint8),
        uncertainty=np.where(present, np.sqrt(((parts * accuracy[:, None]) ** 2).sum(axis=0)), np.nan),
    )
