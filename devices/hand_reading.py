"""Is a register that a person typed believable? Compared with the last reading and with what is usual. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from devices.model import Reading
from devices.profiles import Register

_DAY_MS = 86_400_000
_MANY_TIMES = 3.0
_FEW_TIMES = 0.2
_LEAST_DAYS = 0.5
"""Of a shorter time nobody can say what is usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """An English sentence with `%(name)s` places and the facts for them; screens translate it."""

    message: str
    facts: Mapping[str, str | float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """`used` since the last reading and `per_day`, in the register's unit; None where there is nothing to compare with."""

    used: float | None
    per_day: float | None
    doubts: tuple[Doubt, ...]


def believe(value: float, ts_ms: int, *, last: Reading | None, register: Register | None, usual_per_day: float | None) -> Believed:
    """`last`: the youngest reading before `ts_ms`. A register may have rolled over, which is no doubt where it is likely."""
    doubts = [
        Doubt(message="The meter shows %(modulus)s at most; is there a digit too many?", facts={"modulus": register.modulus})
        for register in (register,)
        if register is not None and value >= register.modulus
    ]
    if last is None:
        return Believed(used=None, per_day=None, doubts=tuple(doubts))
    days = (ts_ms - last.ts_ms) / _DAY_MS
    used = _used(value, last.value, register, days)
    if used < 0:
        facts: dict[str, str | float] = {"last": last.value}
        doubts.append(Doubt(message="Less than the last reading of %(last)s: misread, or was the meter exchanged?", facts=facts))
        return Believed(used=used, per_day=None, doubts=tuple(doubts))
    per_day = used / days if days > 0 else None
    doubts += _rate_doubts(used, days, register, usual_per_day)
    return Believed(used=used, per_day=per_day, doubts=tuple(doubts))


def _used(value: float, last: float, register: Register | None, days: float) -> float:
    if value >= last or register is None:
        return value - last
    over = value + register.modulus - last
    return over if over <= register.max_per_hour * 24 * max(days, 0.0) and over < register.modulus / 2 else value - last


def _rate_doubts(used: float, days: float, register: Register | None, usual: float | None) -> list[Doubt]:
    if register is not None and used > register.max_per_hour * 24 * days + register.max_per_hour:
        return [Doubt(message="More than this meter can count in the time: %(used)s", facts={"used": used})]
    if usual is None or usual <= 0 or days < _LEAST_DAYS:
        return []
    times = used / days / usual
    if times > _MANY_TIMES:
        return [Doubt(message="Used %(times)s times as much as usual", facts={"times": round(times, 1)})]
    if times < _FEW_TIMES:
        return [Doubt(message="Only %(percent)s %% of the usual use", facts={"percent": round(100 * times)})]
    return []
