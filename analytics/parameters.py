"""Every detector's sheet: what it is for, when it fails, its parameters with units; and the parameters changed for one meter."""

import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import lru_cache
from typing import Any

from analytics.catalog import HEALTH, HOURLY, STREAM
from analytics.detectors import (
    access,
    battery,
    cold_chain,
    dead,
    door,
    door_contact,
    fire,
    fire_still,
    not_back,
    power_quality,
    upkeep,
)
from analytics.finding import FindingKind
from devices.errors import BadInput

AT_MOST_TIMES = 20.0
"""A parameter may be changed to no more than so many times the shipped value, and no less than one such part of it."""

_UPKEEP = ("fire.detector_dusty", "fire.tamper", "fire.loop_fault", "fire.pressure_loss", "fire.tank_level")
_DOORS = ("door.forced", "door.held_open")
_ACCESS = (
    *("door.denied_burst", "door.after_hours", "door.lost_card", "door.card_shared", "door.impossible_travel"),
    *("door.pass_back", "door.tailgating", "door.reader_dead"),
)
_OTHERS: dict[FindingKind, Callable[..., Any]] = {
    HEALTH[0]: dead.check,
    FindingKind.ELEC_POWER_QUALITY: power_quality.step,
    FindingKind.DEVICE_BATTERY_LOW: battery.step,
    FindingKind.DOOR_NOT_BACK: not_back.tick,
    FindingKind.DOOR_CHATTERING: door_contact.step,
    **{kind: fire.step for kind in FindingKind if kind.startswith("fire.")},
    **{FindingKind(word): upkeep.step for word in _UPKEEP},
    FindingKind.FIRE_SENSOR_STUCK: fire_still.step,
    **{FindingKind(word): door.step for word in _DOORS},
    **{FindingKind(word): access.step for word in _ACCESS},
    **{kind: cold_chain.step for kind in FindingKind if kind.startswith("cold.")},
}
"""Judged message by message, most of them in the alarm path."""
HOURLY_RULES: dict[FindingKind, Callable[..., Any]] = {detector.kind: detector.detect for detector in HOURLY}
STREAM_RULES: dict[FindingKind, tuple[Callable[..., Any], ...]] = {
    kind: tuple(detector.step for detector in STREAM if detector.kind is kind) for kind in {detector.kind for detector in STREAM}
}


def rules_of(kind: FindingKind) -> tuple[Callable[..., Any], ...]:
    """The functions that judge: sample by sample, hour by hour, or elsewhere. Empty for what no detector finds."""
    others = tuple(rules[kind] for rules in (HOURLY_RULES, _OTHERS) if kind in rules)
    return (*STREAM_RULES.get(kind, ()), *others)


_CONCERNS: dict[FindingKind, frozenset[str]] = {
    FindingKind.DOOR_FORCED: frozenset({"grant_s", "settle_s", "bounce_s", "chatter_count", "chatter_s", "released_s", "relock_s"}),
    FindingKind.DOOR_HELD_OPEN: frozenset({"held_s"}),
    FindingKind.DOOR_DENIED_BURST: frozenset({"denied", "denied_s"}),
    FindingKind.DOOR_CARD_SHARED: frozenset({"apart_s"}),
    FindingKind.DOOR_IMPOSSIBLE_TRAVEL: frozenset({"travel_s", "metres_per_s"}),
    FindingKind.DOOR_PASS_BACK: frozenset({"twice_s"}),
    FindingKind.DOOR_TAILGATING: frozenset({"grant_s", "follow_s"}),
    FindingKind.DOOR_READER_DEAD: frozenset({"exits", "reader_s", "usual"}),
    FindingKind.COLD_LIMIT: frozenset({"min_c", "max_c", "grace_s"}),
    FindingKind.COLD_FAILING: frozenset({"rise_c", "hours", "before"}),
    FindingKind.COLD_SENSOR_STUCK: frozenset({"stuck_s", "stuck_count"}),
    FindingKind.FIRE_HYDRANT_PRESSURE: frozenset({"low_kpa", "clear_kpa_above", "low_samples"}),
    FindingKind.FIRE_DETECTOR_DUSTY: frozenset({"alarm_percent_m", "dusty_share", "dusty_days", "least_samples"}),
    FindingKind.FIRE_PRESSURE_LOSS: frozenset({"loss_share", "loss_kpa", "noise_kpa", "before_days", "apart_days"}),
    **{FindingKind(f"fire.{alarm}"): frozenset({"confirm_s"}) for alarm in ("smoke", "heat", "co", "gas", "call_point")},
}
"""Where one function judges several kinds: whose parameter each is, so that a change at one kind never moves another."""
_SHARED = (door.step, access.step, cold_chain.step, fire.step, upkeep.step)

LIFE_SAFETY = "fire."
"""No rule reaches these kinds: many false alarms are a reason to clean or move a detector, never to make it deaf."""
RERUN = frozenset(kind for kind in _OTHERS if kind not in (*HEALTH, FindingKind.FIRE_DEVICE_SILENT))
"""Judged message by message, and stored in full, so that the stored messages can be judged again (analytics.rerun)."""
SILENCE = frozenset({*HEALTH, FindingKind.FIRE_DEVICE_SILENT})
"""Judged by when devices were heard (analytics.silence)."""
TRIED = frozenset(HOURLY_RULES) | frozenset(STREAM_RULES) | RERUN | SILENCE
"""Kinds that can be tried on history."""
_GUARDS = frozenset(
    {
        *("door.forced", "door.lost_card", "door.denied_burst", "door.impossible_travel", "door.not_back"),
        *("cold.limit", "cold.failing", "cold.sensor_stuck"),
    }
)

_SUFFIXES = (
    ("_m3_per_h", "m3/h"),
    ("_l_per_h", "L/h"),
    ("_kwh", "kWh"),
    ("_kw", "kW"),
    ("_kpa", "kPa"),
    ("_percent", "%"),
    ("_m3", "m3"),
    ("_hours", "h"),
    ("_days", "d"),
    ("_after", "h"),
    ("_above", "kPa"),
    ("_h", "h"),
    ("_s", "s"),
    ("_w", "W"),
    ("_j", "J"),
    ("_l", "L"),
    ("_v", "V"),
    ("_c", "Cel"),
    ("_minute", "min"),
)
_WORDS = {
    "hours": "h",
    "days": "d",
    "above_high": "m3/h",
    "least_known": "h",
    "draw": "m3/h",
    "beside": "h",
    "before": "h",
    "day_from": "h",
    "day_to": "h",
    "pulses": "1",
    "metres_per_s": "m/s",
    "alarm_percent_m": "%/m",
}
_BY_PLACE = frozenset({"least_floor", "least_building", "least_site"})
"""Least flows of the burst rule, m3/h."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """`unit` "1": a count, a share or a multiple. `whole`: counts only in whole numbers."""

    name: str
    value: float
    unit: str
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """English prose of the detector's docstring; empty where it says nothing of that."""

    kind: FindingKind
    rule: str
    what_for: str
    when_it_fails: str
    reference: str
    meaning: str
    parameters: tuple[Parameter, ...]


def sheet(kind: FindingKind) -> Sheet | None:
    """None for what no detector finds (the platform's own troubles)."""
    rules = rules_of(kind)
    if not rules:
        return None
    proses = [inspect.getdoc(rule) or "" for rule in rules]
    prose = next((prose for prose in proses if _part(prose, "What for|For")), proses[0])
    meanings = {_flat(inspect.getdoc(type(defaults)) or "") for defaults in map(shipped, rules) if defaults is not None}
    return Sheet(
        kind=kind,
        rule=_flat(prose.split("\n\n", maxsplit=1)[0]),
        what_for=_part(prose, "What for|For"),
        when_it_fails=_part(prose, "When it fails|Fails"),
        reference=_part(prose, "Reference"),
        meaning=" ".join(sorted(meanings)) or _part(prose, "Parameters"),
        parameters=tuple(parameters_of(kind).values()),
    )


def parameters_of(kind: FindingKind) -> dict[str, Parameter]:
    """Those that this kind depends on, by name."""
    return {
        parameter.name: parameter
        for rule in rules_of(kind)
        for parameter in _parameters(shipped(rule))
        if rule not in _SHARED or parameter.name in _CONCERNS.get(kind, ())
    }


def _tuned(kind: FindingKind) -> bool:
    return not kind.startswith(LIFE_SAFETY) and kind is not FindingKind.DOOR_NOT_BACK and bool(parameters_of(kind))


def shipped(rule: Callable[..., Any]) -> Any:  # noqa: ANN401 - each rule has parameters of its own type
    """The parameters that hold everywhere; None where the rule has none of its own."""
    given = inspect.signature(rule).parameters.get("params")
    return None if given is None else given.default


def check(kind: FindingKind, changes: Mapping[str, float]) -> None:
    """Raises BadInput naming what cannot be changed, or not so far."""
    known = parameters_of(kind)
    for name, value in changes.items():
        if name not in known:
            raise BadInput(f"no parameter {name!r}; there are {', '.join(known) or 'none'}", place=f"parameters.{name}")
        _check(known[name], value)


def changed(rule: Callable[..., Any], changes: Mapping[str, float]) -> Any:  # noqa: ANN401
    """The rule's parameters with some replaced; names that it does not know belong to another rule of the kind."""
    return _changed(rule, tuple(sorted(changes.items())))


@lru_cache(maxsize=1024)
def _changed(rule: Callable[..., Any], changes: tuple[tuple[str, float], ...]) -> Any:  # noqa: ANN401
    """Kept, since it is asked for with each sample."""
    defaults = shipped(rule)
    known = {parameter.name: parameter for parameter in _parameters(defaults)}
    values = {name: round(value) if known[name].whole else value for name, value in changes if name in known}
    if is_dataclass(defaults) and not isinstance(defaults, type):
        return replace(defaults, **values)
    return defaults._replace(**values)


def _check(parameter: Parameter, value: float) -> None:
    place = f"parameters.{parameter.name}"
    if not math.isfinite(value) or value < 0:
        raise BadInput("must be a number from 0 on", place=place)
    if parameter.whole and value != round(value):
        raise BadInput("must be a whole number", place=place)
    low, high = parameter.value / AT_MOST_TIMES, parameter.value * AT_MOST_TIMES
    if parameter.value > 0 and not low <= value <= high:
        raise BadInput(f"{value:g} is too far from the shipped {parameter.value:g}; use {low:g} to {high:g}", place=place)


def _parameters(defaults: Any) -> list[Parameter]:  # noqa: ANN401
    if defaults is None:
        return []
    names = [field.name for field in fields(defaults)] if is_dataclass(defaults) else list(defaults._fields)
    values = [(name, getattr(defaults, name)) for name in names]
    return [
        Parameter(name=name, value=float(value), unit=unit_of(name), whole=isinstance(value, int))
        for name, value in values
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]


def unit_of(name: str) -> str:
    """UCUM, by the house rule that a name ends in its unit; "1" where it has none."""
    if name in _BY_PLACE:
        return "m3/h"
    return _WORDS.get(name) or next((unit for suffix, unit in _SUFFIXES if name.endswith(suffix)), "1")


def _part(prose: str, heading: str) -> str:
    """The sentences from that heading to the next."""
    found = re.search(rf"(?:^|\s)(?:{heading}): (.*?)(?=\s(?:When it fails|Fails|Reference|Parameters): |\Z)", prose, re.DOTALL)
    return _flat(found.group(1)) if found else ""


def _flat(text: str) -> str:
    return " ".join(text.split())


TUNED = frozenset(kind for kind in TRIED if _tuned(kind))
"""Kinds whose parameters people may change for a device or a place."""
SWITCHED = frozenset(kind for kind in TRIED | frozenset(HEALTH) if not kind.startswith(LIFE_SAFETY) and kind not in _GUARDS)
"""Kinds that can be switched off for a device or a place. Never what guards life, the building or food."""
