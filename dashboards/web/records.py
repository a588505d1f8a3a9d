"""Records of cold stores and laboratories: which there are, and one of them with limits, excursions, gaps and signatures."""

from collections.abc import Sequence
from datetime import date, timedelta

from starlette.responses import Response

from dashboards.web.backend import Json, gather
from dashboards.web.desk import chart_words
from dashboards.web.energy import day_of
from dashboards.web.text import Text, moment
from dashboards.web.visit import Visit
from dashboards.web.words import N_

KINDS = frozenset({"cold_store", "environment_sensor", "gas_detector", "co_detector"})
"""Devices whose page links to a record."""
METRICS = ("env.temperature", "env.humidity", "gas.lel", "co.concentration")
SPANS = ("1", "7", "30", "365")


async def listing(visit: Visit) -> Response:
    """`?space=` filters."""
    space = visit.query("space")
    found, spaces = await gather(visit.api.get("/records", space=space), visit.api.items("/spaces", limit=1000))
    buildings = [one for one in spaces if one["kind"] == "building"]
    return visit.render("records.html", records=found["items"], buildings=buildings, space=space, news={})


async def record(visit: Visit) -> Response:
    """`?metric=`, `?first=`, `?last=` (site time; default the last seven days), `?every=hour|day`."""
    today = visit.t.today()
    last = min(_day(visit.query("last"), today), today)
    first = min(_day(visit.query("first"), last - timedelta(days=6)), last)
    asked = {"metric": visit.query("metric"), "first": first.isoformat(), "last": last.isoformat(), "every": visit.query("every")}
    device, found = await gather(
        visit.api.get(f"/devices/{visit.path('id')}"), visit.api.get(f"/devices/{visit.path('id')}/record", **asked)
    )
    known = [metric["name"] for metric in device["metrics"] if metric["name"] in METRICS]
    return visit.render(
        "record.html",
        device=device,
        record=found,
        metrics=known,
        first=first,
        last=last,
        today=today,
        spans=[(days, (last - timedelta(days=int(days) - 1)).isoformat()) for days in SPANS],
        chosen_days=str((last - first).days + 1),
        picture=_picture(visit, found),
        signed=_by_day(found["checks"]),
        day_of=lambda start: day_of(start, visit.t.zone),
        lasted=lambda seconds: lasted(visit.t, seconds),
        to_sign=[today.isoformat(), *found["unchecked"]],
        past=[one for one in found["intervals"] if moment(one["start"]) <= visit.t.now],
    )


def lasted(t: Text, seconds: float) -> str:
    """`40 min`, `2 h 5 min`, `3 d 4 h`."""
    minutes = round(seconds / 60)
    if minutes < 60:
        return t.fill(N_("%(minutes)s min"), {"minutes": minutes})
    if minutes < 48 * 60 and minutes % 60 == 0:
        return t.fill(N_("%(hours)s h"), {"hours": minutes // 60})
    if minutes < 48 * 60:
        return t.fill(N_("%(hours)s h %(minutes)s min"), {"hours": minutes // 60, "minutes": minutes % 60})
    return t.fill(N_("%(days)s d %(hours)s h"), {"days": minutes // 1440, "hours": minutes % 1440 // 60})


def _day(text: str, default: date) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return default


def _by_day(checks: Sequence[Json]) -> dict[str, str]:
    """Who signed for each day."""
    return {
        day: ", ".join(dict.fromkeys(one["checked_by_name"] for one in checks if one["day"] == day))
        for day in {one["day"] for one in checks}
    }


def _picture(visit: Visit, found: Json) -> Json | None:
    """Highest, mean and lowest of each interval, with a break where nothing was measured, and the limits."""
    items = [one for one in found["intervals"] if moment(one["start"]) <= visit.t.now]
    if not any(one["count"] for one in items):
        return None
    words = {"high": visit.t.gettext("Highest"), "mean": visit.t.gettext("Mean"), "low": visit.t.gettext("Lowest")}
    tones = {"high": "chart-2", "mean": "chart-1", "low": "chart-2"}
    lines = [{"label": words[name], "values": [one[name] for one in items], "tone": tones[name]} for name in words]
    for name, word in (("high", visit.t.gettext("Upper limit")), ("low", visit.t.gettext("Lower limit"))):
        if found["limits"][name] is not None:
            lines.append({"label": word, "values": [found["limits"][name]] * len(items), "tone": "bad", "dash": [4, 4]})
    return {
        "metric": found["metric"],
        "unit": visit.t.unit(found["unit"]),
        "times": [moment(one["start"]).timestamp() for one in items],
        "lines": lines,
        "broken": True,
        **chart_words(visit, found["metric"]),
    }
