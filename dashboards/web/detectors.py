"""Detectors: their record, their parameters in words, rules for a meter or place, trials on history; and what a finding teaches."""

import math
from datetime import date, datetime, time, timedelta
from typing import Any

from starlette.responses import Response

from dashboards.web.backend import Json, Refused, gather
from dashboards.web.desk import evidence_picture
from dashboards.web.visit import Visit
from dashboards.web.words_detectors import DETECTOR_WORDS, FAMILY_WORDS, FIGURE_WORDS, PARAMETER_WORDS, SET_WORDS

PICTURES = 12
DAYS = 28
DEVICES_OF = {
    "water": ("water_meter",),
    "elec": ("electricity_meter",),
    "meter": ("electricity_meter", "water_meter"),
    "door": ("door_controller",),
    "cold": ("cold_store",),
    "fire": (
        "smoke_detector",
        "heat_detector",
        "co_detector",
        "gas_detector",
        "call_point",
        "hydrant_pressure",
        "fire_tank",
        "fire_panel",
    ),
}
"""By family of the kind: devices to choose from; elsewhere a place is enough."""
TUNERS = frozenset({"admin", "energy_manager"})
TRIERS = TUNERS | {"logistics_head", "dispatcher"}


async def listing(visit: Visit) -> Response:
    found = await visit.api.items("/detectors")
    return visit.render("detectors.html", detectors=found, words=DETECTOR_WORDS, set_words=SET_WORDS)


async def evaluation(visit: Visit) -> Response:
    """What all detectors reached on labelled data and here, by family; which of them nobody has labelled faults for."""
    found, sets = await gather(visit.api.items("/detectors"), visit.api.items("/detector-records"))
    families = [(word, [one for one in found if one["kind"].startswith(f"{name}.")]) for name, word in FAMILY_WORDS.items()]
    records = [record for one in found for record in one["records"] if record["faults"]]
    return visit.render(
        "evaluation.html",
        families=[(word, members) for word, members in families if members],
        data_sets=[one for one in sets if one["figures"]],
        simulated=next((one for one in sets if not one["figures"]), None),
        faults=sum(record["faults"] for record in records),
        found_faults=sum(record["found"] for record in records),
        alarms=sum(record["alarms"] for record in records),
        false_alarms=sum(record["false_alarms"] for record in records),
        judged=sum(one["here"]["judged"] for one in found),
        real=sum(one["here"]["real"] for one in found),
        figures=lambda one: [(*FIGURE_WORDS.get(name, (name, "1")), value) for name, value in one["figures"].items()],
        set_words=SET_WORDS,
    )


async def detector(visit: Visit) -> Response:
    """`?at=device:ID` or `space:ID` with `from`, `to` (days of the site) and `p.NAME` tries the detector on history.

    `?learn=1`: with what the false alarms teach, which takes some seconds and is fetched after the page.
    """
    kind = visit.path("kind")
    sheet = await visit.api.get(f"/detectors/{kind}")
    places = await _places(visit, sheet["kind"]) if sheet["tried"] or sheet["switched"] else {"spaces": [], "devices": []}
    learns = sheet["tuned"] and bool(visit.roles & TUNERS)
    asks = learns and visit.query("learn") == "1"
    suggestions = await visit.api.items_if_allowed(f"/detectors/{kind}/suggestions") if asks else None
    trial, refused = await _trial(visit, kind) if visit.query("at") else (None, "")
    return visit.render(
        "detector.html",
        sheet=sheet,
        words=DETECTOR_WORDS.get(sheet["kind"]),
        parameter_words=PARAMETER_WORDS,
        set_words=SET_WORDS,
        places=places,
        learns=learns,
        suggestions=suggestions,
        trial=trial,
        refused=refused,
        asked=_asked(visit),
        pictures=[evidence_picture(visit, item["evidence"]) for item in (trial or {"items": []})["items"][:PICTURES]],
        shown_at_most=PICTURES,
        may_tune=bool(visit.roles & TUNERS),
        may_try=bool(visit.roles & TRIERS),
    )


async def learning(visit: Visit, finding: Json) -> dict[str, Any]:
    """What the finding's page says of its detector's record, and what people said of the finding."""
    sheet, verdicts = await gather(
        visit.api.get_or_none(f"/detectors/{finding['kind']}"), visit.api.items_if_allowed(f"/findings/{finding['id']}/verdicts")
    )
    return {"sheet": sheet, "verdicts": verdicts, "words": DETECTOR_WORDS.get(finding["kind"]), "set_words": SET_WORDS}


async def _places(visit: Visit, kind: str) -> dict[str, list[Json]]:
    """Places, and the devices that the kind is told of."""
    wanted = DEVICES_OF.get(kind.split(".", maxsplit=1)[0], ())
    spaces, *found = await gather(
        visit.api.items("/spaces", limit=2000),
        *(visit.api.items_if_allowed("/devices", kind=one, limit=500) for one in wanted),
    )
    devices = sorted((device for some in found for device in some), key=lambda device: str(device["name"]))
    return {"spaces": [space for space in spaces if space["kind"] in ("site", "building", "floor")], "devices": devices}


async def _trial(visit: Visit, kind: str) -> tuple[Json | None, str]:
    """What the trial raised, or why it was refused."""
    asked = _asked(visit)
    what, _, where = asked["at"].partition(":")
    values = {name: _number(value) for name, value in asked["parameters"].items()}
    if not all(math.isfinite(value) for value in values.values()):
        return None, visit.t.gettext("A parameter is no number")
    body: Json = {"device_id" if what == "device" else "space_id": where, "parameters": values}
    body |= {"start": _midnight(visit, asked["from"]), "end": _midnight(visit, asked["to"], timedelta(days=1))}
    try:
        return await visit.api.post(f"/detectors/{kind}/trial", body, csrf=visit.me["csrf_token"]), ""
    except Refused as refused:
        if refused.status >= 500 or refused.status == 403:
            raise
        return None, refused.detail


def _asked(visit: Visit) -> dict[str, Any]:
    today, query = visit.t.today(), visit.request.query_params
    return {
        "at": visit.query("at"),
        "from": visit.day("from", today - timedelta(days=DAYS)),
        "to": visit.day("to"),
        "parameters": {name.removeprefix("p."): value for name, value in query.items() if name.startswith("p.") and value},
    }


def _number(text: str) -> float:
    """NaN where it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _midnight(visit: Visit, day: date, after: timedelta = timedelta()) -> str:
    return datetime.combine(day + after, time(), tzinfo=visit.t.zone).isoformat()
