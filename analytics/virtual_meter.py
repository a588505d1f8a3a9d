"""What a virtual meter is made of. Values only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """`factor` times what the meter (real or virtual) counts; -1 takes it away."""

    meter_id: str
    factor: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualMeter:
    """`quantity`: electricity or water. `rest_of`: a main meter of which all direct sub-meters are taken away, as they are known
    today; `terms` then is empty."""

    id: str
    quantity: str
    space_id: str
    name: str
    name_zh: str
    terms: tuple[Term, ...] = ()
    rest_of: str | None = None
