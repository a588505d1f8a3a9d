"""The shipped record of each detector: what it reached on labelled data that nobody of this site made (records.json).

`tools/renew_records.py` measures the figures anew and writes the file; nothing in it is written by hand.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from analytics.finding import FindingKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """On one data set. `recall`, `precision`: 0..1, None where there was nothing to find, or nothing was told.

    `found` of `faults` were told, `false_alarms` of `alarms` were none. `delay_s`: median from the fault's start to the alarm.
    """

    data_set: str
    kind: str
    faults: int
    found: int
    recall: float | None
    alarms: int
    false_alarms: int
    precision: float | None
    delay_s: float | None
    false_per_device_month: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """`about`: what it is and how long; `figures`: what its own scoring says, as printed."""

    name: str
    about: str
    command: str
    figures: Mapping[str, float]


@cache
def data_sets() -> tuple[DataSet, ...]:
    return tuple(
        DataSet(name=one["set"], about=one["about"], command=one["command"], figures=MappingProxyType(one.get("figures", {})))
        for one in _file()
    )


@cache
def shipped_records() -> Mapping[str, tuple[Record, ...]]:
    """By kind; `all` for all kinds together."""
    found: dict[str, tuple[Record, ...]] = {}
    for one in _file():
        for row in one.get("detectors", ()):
            found[row["kind"]] = (*found.get(row["kind"], ()), _record(one["set"], row))
    return MappingProxyType(found)


def records_of(kind: FindingKind) -> tuple[Record, ...]:
    return shipped_records().get(kind, ())


def _record(data_set: str, row: Mapping[str, Any]) -> Record:
    return Record(
        data_set=data_set,
        kind=row["kind"],
        faults=row["faults"],
        found=row["found"],
        recall=row["recall"],
        alarms=row["alarms"],
        false_alarms=row["false_alarms"],
        precision=row["precision"],
        delay_s=row["median_delay_s"],
        false_per_device_month=row["false_alarms_per_device_month"],
    )


def _file() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(files("analytics").joinpath("records.json").read_text(encoding="utf-8"))
    return found
