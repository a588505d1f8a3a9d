"""`caretaker decode --check`: what was decoded against what each line expects, per family.

An entry counts where every expected metric (name, value, unit, and time where one is given) and every expected event is there;
more than expected is no fault. An entry that expects to be invalid counts where it was rejected.
"""

import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

TARGET = 0.98
TARGETS = {"wmbus": 0.6}
"""By the family's name up to its first dot; wireless M-Bus has hundreds of drivers."""

_RELATIVE, _ABSOLUTE = 1e-4, 1e-6
_SAME_MOMENT_S = 0.5
_NOT_ATTRIBUTES = {"type", "ts"}


@dataclass(slots=True, kw_only=True)
class FamilyScore:
    """`misses`: entry id → what was not as expected; `soft`: event attributes that differ, which is no miss."""

    family: str
    entries: int = 0
    passed: int = 0
    misses: dict[str, list[str]] = field(default_factory=dict)
    soft: dict[str, list[str]] = field(default_factory=dict)

    @property
    def target(self) -> float:
        return TARGETS.get(self.family.partition(".")[0], TARGET)

    @property
    def reached(self) -> bool:
        return self.passed >= self.target * self.entries


def judge(told: Iterable[tuple[bytes, Mapping[str, Any]]]) -> list[FamilyScore]:
    """Lines of the corpus with their meanings; lines without `expected` are passed over."""
    scores: dict[str, FamilyScore] = {}
    for number, (line, meaning) in enumerate(told, start=1):
        try:
            entry = msgspec.json.decode(line)
        except msgspec.DecodeError:
            entry = {"expected": {"valid": True}}
        if not isinstance(entry, dict) or not isinstance(entry.get("expected"), dict):
            continue
        score = scores.setdefault(str(entry.get("family")), FamilyScore(family=str(entry.get("family"))))
        _count(score, str(entry.get("id", f"line {number}")), entry["expected"], meaning)
    return [scores[family] for family in sorted(scores)]


def report(scores: list[FamilyScore], *, as_json: bool) -> None:
    if as_json:
        told = [
            {"family": s.family, "entries": s.entries, "passed": s.passed, "target": s.target, "misses": s.misses} for s in scores
        ]
        document = {"families": told, "reached": all(score.reached for score in scores)}
        sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
        return
    for score in scores:
        mark = "ok  " if score.reached else "MISS"
        sys.stdout.write(f"{mark} {score.family:<24}{score.passed:>4} of {score.entries:<4} target {score.target:.0%}\n")
        for kind, differences in (("", score.misses), ("attributes: ", score.soft)):
            for entry, reasons in differences.items():
                sys.stdout.write(f"       {entry}: {kind}{'; '.join(reasons[:4])}\n")
    reached = sum(score.reached for score in scores)
    sys.stdout.write(f"{reached} of {len(scores)} families reach their target\n")


def _count(score: FamilyScore, entry: str, expected: Mapping[str, Any], meaning: Mapping[str, Any]) -> None:
    misses = differences(expected, meaning)
    score.entries += 1
    if misses:
        score.misses[entry] = misses
    else:
        score.passed += 1
    soft = [] if misses or expected.get("valid") is False else _soft_differences(expected, meaning)
    if soft:
        score.soft[entry] = soft


def differences(expected: Mapping[str, Any], meaning: Mapping[str, Any]) -> list[str]:
    """What is missing, in words; empty: as expected."""
    if expected.get("valid") is False:
        unread = str(meaning.get("rejected", "")).startswith("no decoder")
        return [] if "rejected" in meaning and not unread else ["not read at all" if unread else "accepted, though it is invalid"]
    if "rejected" in meaning:
        return [f"rejected: {meaning['rejected']}"]
    missing = [
        f"no {wanted['name']} = {wanted['value']} {wanted.get('unit')}"
        for wanted in expected.get("metrics", ())
        if not any(_same_metric(wanted, found, meaning.get("ts")) for found in meaning["metrics"])
    ]
    types = {event["type"] for event in meaning["events"]}
    return missing + [f"no event {wanted['type']}" for wanted in expected.get("events", ()) if wanted["type"] not in types]


def _same_metric(wanted: Mapping[str, Any], found: Mapping[str, Any], common_ts: object) -> bool:
    return (
        wanted["name"] == found["name"]
        and (wanted.get("unit") or "") == (found.get("unit") or "")
        and same_value(wanted["value"], found["value"])
        and ("ts" not in wanted or _same_moment(wanted["ts"], found.get("ts", common_ts)))
        and ("device" not in wanted or "device" not in found or wanted["device"] == found["device"])
    )


def same_value(wanted: object, found: object) -> bool:
    """Truths equal 0 and 1; numbers to a ten-thousandth."""
    try:
        return math.isclose(float(wanted), float(found), rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)  # type: ignore[arg-type]  # the point is to try
    except (TypeError, ValueError):
        return wanted == found


def _same_moment(wanted: object, found: object) -> bool:
    return abs(_seconds(wanted) - _seconds(found)) < _SAME_MOMENT_S


def _seconds(moment: object) -> float:
    if isinstance(moment, int | float):
        return float(moment)
    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except ValueError:
        return math.nan


def _soft_differences(expected: Mapping[str, Any], meaning: Mapping[str, Any]) -> list[str]:
    """Identity, time and event attributes: worth a look, not part of the score."""
    told = []
    if expected.get("device_id") and expected["device_id"] != meaning.get("device_id"):
        told.append(f"device {meaning.get('device_id')!r}, expected {expected['device_id']!r}")
    if expected.get("ts") and "ts" in meaning and not _same_moment(expected["ts"], meaning["ts"]):
        told.append(f"time {meaning['ts']}, expected {expected['ts']}")
    for wanted in expected.get("events", ()):
        found = [event for event in meaning["events"] if event["type"] == wanted["type"]]
        keys = wanted.keys() - _NOT_ATTRIBUTES
        if not any(all(same_value(wanted[key], event.get(key)) for key in keys) for event in found):
            shown = {key: found[0].get(key) for key in keys} if found else {}
            told.append(f"{wanted['type']} {shown}, expected { {key: wanted[key] for key in keys} }")
    return told
