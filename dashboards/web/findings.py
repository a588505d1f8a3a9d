"""Findings: what is odd, with what was measured, what was expected and what it wastes; what needs somebody first."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from babel.dates import format_timedelta
from starlette.responses import Response

from dashboards.web import detectors, plans
from dashboards.web.backend import Json, gather
from dashboards.web.desk import POINTS_OF_A_LINE, evidence_picture
from dashboards.web.text import instant, moment
from dashboards.web.visit import Visit
from dashboards.web.words import LABELS
from dashboards.web.words_findings import EVENT_KINDS, EXPECTED_WORDS, no_waste

SHOWN = 400
SMALL_COST = 1.0
"""Money a day; what wastes less, is over and lasted shorter than SHORT is folded away."""
SHORT = timedelta(hours=6)
LATELY = timedelta(days=7)
TOGETHER = timedelta(hours=3)
MANY = 3
CROWD = 5
AROUND = timedelta(minutes=10)
EVENTS_SHOWN = 40
POWER_FACTOR_MOST = 1.5
SILENT = "device.dead"
"""Its picture shows what came before, and the silence since."""
POINTS_SHOWN = 5000
_ALONE = ("fire.", "door.", "cold.", "platform.")
_ALWAYS_SHOWN = ("fire.", "door.", "cold.", "energy.", "platform.")


class Group(NamedTuple):
    """Findings of one kind that began together, at several devices: mostly one cause, such as the weather. Newest first."""

    kind: str
    items: list[Json]

    @property
    def cost(self) -> float:
        return sum(_cost(item) for item in self.items)


async def listing(visit: Visit) -> Response:
    """`?kind=`, `?active=true|false`, `?space=` filter; `?all=1` folds nothing away."""
    filters: dict[str, Any] = {
        "kind": visit.chosen("kind", LABELS["finding"]),
        "active": visit.chosen("active", ("true", "false")),
        "space": visit.query("space"),
    }
    found = await visit.api.items("/findings", **filters, limit=SHOWN)
    going_on = sorted((item for item in found if item["active"]), key=_worst_first)
    over = sorted((item for item in found if not item["active"]), key=lambda item: item["seen"], reverse=True)
    folds = visit.query("all") != "1" and not filters["kind"]
    small = [item for item in over if folds and _is_small(item)]
    rest = [item for item in over if not folds or not _is_small(item)]
    lately = [item for item in rest if not folds or visit.t.now - moment(item["seen"]) <= LATELY]
    older = rest[len(lately) :] if folds else []
    return visit.render(
        "findings.html",
        count=len(found),
        capped=len(found) >= SHOWN,
        going_on=by_kind(going_on) if folds else [Group(item["kind"], [item]) for item in going_on],
        active_count=len(going_on),
        folds=(
            ("lately", grouped(lately), len(lately)),
            ("older", grouped(older), len(older)),
            ("small", grouped(small), len(small)),
        ),
        wasted=sum(_cost(item) for item in going_on),
        filters=filters,
    )


def _worst_first(item: Json) -> tuple[bool, float, float]:
    """Life first, then by money, then by certainty."""
    return (not item["kind"].startswith(("fire.", "door.forced")), -_cost(item), -float(item["score"]))


def grouped(items: Iterable[Json]) -> list[Group]:
    """One group for those of a kind that began within TOGETHER of each other at MANY devices or more; all others alone."""
    ordered = sorted(items, key=lambda item: item["started"], reverse=True)
    runs: dict[str, list[list[Json]]] = defaultdict(list)
    for item in ordered:
        mine = runs[item["kind"]]
        if mine and moment(mine[-1][0]["started"]) - moment(item["started"]) <= TOGETHER:
            mine[-1].append(item)
        else:
            mine.append([item])
    groups = [run for some in runs.values() for run in some]
    split = [part for run in groups for part in ([run] if _is_crowd(run) else [[item] for item in run])]
    return [Group(run[0]["kind"], run) for run in sorted(split, key=lambda run: run[0]["started"], reverse=True)]


def by_kind(items: Sequence[Json]) -> list[Group]:
    """In the order given; a kind that goes on at CROWD devices or more is one group, where the worst of it stands."""
    kinds = Counter(item["kind"] for item in items)
    groups: dict[str, list[Json]] = {}
    for item in items:
        many = kinds[item["kind"]] >= CROWD and not item["kind"].startswith(_ALONE)
        groups.setdefault(item["kind"] if many else str(item["id"]), []).append(item)
    return [Group(some[0]["kind"], some) for some in groups.values()]


def _is_crowd(run: list[Json]) -> bool:
    """Doors, fires and plans are each looked at alone."""
    return len({item["device_id"] for item in run}) >= MANY and not run[0]["kind"].startswith(_ALWAYS_SHOWN)


def _cost(item: Json) -> float:
    return float((item.get("waste") or {}).get("cost_per_day") or 0)


def _is_small(item: Json) -> bool:
    """Over, short, nearly free, and nobody's safety."""
    short = moment(item["seen"]) - moment(item["started"]) < SHORT
    return short and _cost(item) < SMALL_COST and not item["kind"].startswith(_ALWAYS_SHOWN)


async def detail(visit: Visit) -> Response:
    found = await visit.api.get(f"/findings/{visit.path('id')}")
    taught, savings = await gather(
        detectors.learning(visit, found),
        plans.savings_of(visit, finding_id=str(found["id"])) if _cost(found) else _nothing(),
    )
    facts = {**{one["name"]: one["value"] for one in (taught["sheet"] or {}).get("parameters", ())}, **found["facts"]}
    measured = await _measured(visit, found, facts)
    return visit.render(
        "finding.html",
        finding=found,
        savings=savings,
        expected=visit.t.fill(EXPECTED_WORDS.get(found["kind"], ""), facts),
        no_waste=no_waste(found["kind"]),
        lasted=format_timedelta(_lasted(visit, found), threshold=1.2, locale=visit.t.locale),
        lasted_days=_lasted(visit, found) / timedelta(days=1),
        **measured,
        **taught,
    )


async def _nothing() -> None:
    return None


def _lasted(visit: Visit, finding: Json) -> timedelta:
    until = visit.t.now if finding["active"] else moment(finding["seen"])
    return max(until - moment(finding["started"]), timedelta())


async def _measured(visit: Visit, finding: Json, facts: Json) -> dict[str, Any]:
    """The picture of the window, the figures that compare it, and for what a device reported, the reports around it."""
    evidence = _with_limit(finding.get("evidence"), facts, finding["kind"])
    picture = evidence_picture(visit, evidence)
    events: list[Json] = []
    if finding["kind"].startswith(EVENT_KINDS):
        events = await _reports(visit, finding)
        if picture and picture["times"][-1] - picture["times"][0] < 1:
            picture = None
    elif picture is None and not finding["kind"].startswith("platform."):
        evidence = _with_limit(await _readings(visit, finding), facts, finding["kind"])
        picture = evidence_picture(visit, evidence)
    if picture is not None and finding["kind"] == SILENT:
        evidence = None
        picture["times"].append(moment(finding["seen"]).timestamp())
        for line in picture["lines"]:
            line["values"].append(None)
    if picture is not None:
        picture["window"] = [moment(finding["started"]).timestamp(), moment(finding["seen"]).timestamp()]
    return {"picture_data": picture, "events": events, "compared": compared(evidence, finding) if picture else None}


def _with_limit(evidence: Json | None, facts: Json, kind: str) -> Json | None:
    """Where the detector compares with a limit, not with a course, that limit is the expected line."""
    limit = limit_of(kind, facts)
    if not evidence or evidence.get("expected") or limit is None:
        return evidence
    return {**evidence, "expected": [[at_ms, limit] for at_ms, _ in evidence["observed"]]}


def limit_of(kind: str, facts: Json) -> float | None:
    """The limit that was left, of the finding's facts and its detector's parameters; None where there is none."""
    value = facts.get("value")
    if kind in ("cold.limit", "cold.humidity"):
        bounds = [bound for bound in (facts.get("low"), facts.get("high")) if isinstance(bound, int | float)]
        return min(bounds, key=lambda bound: abs(bound - value)) if bounds and isinstance(value, int | float) else None
    if kind == "elec.power_quality" and isinstance(value, int | float):
        nominal = facts.get("nominal_v", 220.0)
        limits = (facts.get("least_factor", 0.85), nominal * facts.get("low", 0.9), nominal * facts.get("high", 1.07))
        return float(limits[0] if value < POWER_FACTOR_MOST else limits[1] if value < nominal else limits[2])
    named = {"device.battery_low": "low_percent", "fire.tank_level": "low_m"}.get(kind)
    return facts.get(named) if named else None


async def _reports(visit: Visit, finding: Json) -> list[Json]:
    """What the device said around the beginning, oldest first."""
    began = moment(finding["started"])
    until = min(max(moment(finding["seen"]), began) + AROUND, began + 6 * AROUND)
    found = await visit.api.items_if_allowed(
        "/events", device=finding["device_id"], start=instant(began - AROUND), end=instant(until), limit=EVENTS_SHOWN
    )
    return found[::-1]


async def _readings(visit: Visit, finding: Json) -> Json | None:
    """Where the finding keeps no line itself: what the device measured around it."""
    metric = (finding.get("evidence") or {}).get("metric") or await _main_metric(visit, finding["device_id"])
    if not metric:
        return None
    began, seen = moment(finding["started"]), moment(finding["seen"])
    before = max((seen - began) / 2, timedelta(hours=24) if metric.startswith("battery.") else timedelta(hours=6))
    answer = await visit.api.get_or_none(
        f"/devices/{finding['device_id']}/readings",
        metric=metric,
        start=instant(began - before),
        end=instant(seen + timedelta(minutes=1)),
        limit=POINTS_SHOWN,
    )
    items = (answer or {}).get("items", ())
    observed = [[moment(item["ts"]).timestamp() * 1000, item["value"]] for item in items]
    return {"metric": metric, "unit": str((answer or {}).get("unit", "")), "observed": sorted(observed), "expected": []}


async def _main_metric(visit: Visit, device_id: str) -> str | None:
    """What the device is there for: its rate, else its register, else whatever it told last."""
    device = await visit.api.get_or_none(f"/devices/{device_id}")
    known: list[str] = list((device or {}).get("latest", ()))
    wanted = ("water.flow", "elec.power.active", "env.temperature", "smoke.density", "water.pressure", "door.open")
    return next((metric for metric in wanted if metric in known), next((metric for metric in known if metric != "online"), None))


def compared(evidence: Json | None, finding: Json) -> Json | None:
    """Mean, least and most of the line within the finding's window (all of it where the window holds no point)."""
    if not evidence or len(evidence.get("observed") or ()) < POINTS_OF_A_LINE or evidence["unit"] in ("", "1"):
        return None
    start_ms, end_ms = moment(finding["started"]).timestamp() * 1000, moment(finding["seen"]).timestamp() * 1000
    measured = _within(evidence["observed"], start_ms, end_ms) or [value for _, value in evidence["observed"]]
    expected = _within(evidence.get("expected") or (), start_ms, end_ms) or [value for _, value in evidence.get("expected") or ()]
    return {
        "unit": evidence["unit"],
        "measured": _spread(measured),
        "expected": _spread(expected) if expected else None,
        "points": len(measured),
    }


def _within(points: Sequence[Sequence[float]], start_ms: float, end_ms: float) -> list[float]:
    return [value for at_ms, value in points if start_ms <= at_ms <= end_ms and value is not None]


def _spread(values: Sequence[float]) -> Json:
    return {"mean": sum(values) / len(values), "least": min(values), "most": max(values)}
