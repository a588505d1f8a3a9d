"""The registry by page: places and devices as people change them, strangers to adopt, dead letters, gateways, quality of data."""

from datetime import timedelta
from typing import Any

from starlette.responses import Response

from dashboards.web.assets import place_options
from dashboards.web.backend import Json, gather
from dashboards.web.visit import Visit, whole
from dashboards.web.words import LABELS

ADMIN = frozenset({"admin"})
CHILD_KINDS = {
    "site": ("building",),
    "building": ("floor", "room", "point"),
    "floor": ("room", "point"),
    "room": ("point",),
    "point": (),
}
OVERRIDES = ("interval_s", "silent_after_s")
OWN_NUMBERS = ("modulus.", "max_per_hour.", "low.", "high.")
LETTERS_SHOWN = 100
QUALITY_SHOWN = 100


async def spaces(visit: Visit) -> Response:
    """The whole tree, foldable."""
    found = await visit.api.items("/spaces", limit=5000)
    children: dict[str | None, list[Json]] = {}
    for space in found:
        children.setdefault(space["parent_id"], []).append(space)
    known = {space["id"] for space in found}
    roots = [space for space in found if space["parent_id"] not in known]
    return visit.render(
        "spaces.html", roots=roots, children=children, count=len(found), child_kinds=CHILD_KINDS, **await news(visit)
    )


async def edit_space(visit: Visit) -> Response:
    place, found = await gather(visit.api.get(f"/spaces/{visit.path('id')}"), visit.api.items("/spaces", limit=5000))
    inside = {place["id"]}
    for space in found:  # parents stand before their children
        if space["parent_id"] in inside:
            inside.add(space["id"])
    outside = [space for space in found if space["id"] not in inside]
    return visit.render("space_edit.html", place=place, places=place_options(visit, outside), kinds=LABELS["space_kind"])


async def new_space(visit: Visit) -> Response:
    """`?parent=` is the place above; without it a site."""
    parent_id = visit.query("parent")
    parent = await visit.api.get("/spaces/" + whole(parent_id)) if parent_id else None
    kinds = CHILD_KINDS[parent["kind"]] if parent else ("site",)
    return visit.render("space_new.html", parent=parent, kinds=kinds)


async def edit_device(visit: Visit) -> Response:
    device, found, profiles, devices, links, families = await gather(
        visit.api.get(f"/devices/{visit.path('id')}"),
        visit.api.items("/spaces", limit=5000),
        visit.api.items("/profiles"),
        visit.api.items("/devices", limit=5000),
        visit.api.items("/links", scope="device", key=visit.param("id")),
        visit.api.items("/families"),
    )
    profile = next(one for one in profiles if one["id"] == device["profile_id"])
    return visit.render(
        "device_edit.html",
        device=device,
        places=place_options(visit, found),
        profiles=profiles,
        profile=profile,
        upstream=[one for one in devices if one["kind"] == device["kind"] and one["id"] != device["id"]],
        numbers=[*OVERRIDES, *_numbers_of(profile)],
        link=links[0] if links else {"family": "", "context": {}, "secrets": []},
        families=families,
        others={name: value for name, value in device["attributes"].items() if not _is_number(name) and name not in _OWN},
    )


_OWN = ("retired_at", "replaced_by", "replaces")


def _numbers_of(profile: Json) -> list[str]:
    names = [f"{word}{register['metric']}" for register in profile["registers"] for word in ("modulus.", "max_per_hour.")]
    limited = [limit["metric"] for limit in profile["limits"] if not limit["metric"].startswith(("battery.", "switch."))]
    return names + [f"{word}{name}" for name in limited for word in ("low.", "high.")]


def _is_number(name: str) -> bool:
    return name in OVERRIDES or name.startswith(OWN_NUMBERS)


async def discovered(visit: Visit) -> Response:
    """`?q=`, `?family=`, `?gateway=`, `?ignored=1` filter; `?asset=` is the asset that one of them is."""
    filters = {
        "q": visit.query("q"),
        "family": visit.query("family"),
        "gateway": visit.query("gateway"),
        "ignored": visit.chosen("ignored", ("1",)),
    }
    asset_tag = visit.query("asset")
    asked = {**filters, "ignored": "true" if filters["ignored"] else ""}
    found, everybody, spaces, profiles = await gather(
        visit.api.items("/discovered", **asked, limit=500),
        visit.api.items("/discovered", limit=500),
        visit.api.items("/spaces", limit=5000),
        visit.api.items("/profiles"),
    )
    return visit.render(
        "discovered.html",
        found=found,
        filters=filters,
        families=sorted({one["family"] for one in everybody}),
        places=place_options(visit, spaces),
        profiles=profiles,
        thing=await visit.api.get_or_none("/assets/" + whole(asset_tag)) if asset_tag else None,
        **await news(visit),
    )


async def adopt(visit: Visit) -> Response:
    """`?id=` is the stranger, `?asset=` the asset that it is, `?space=` the place."""
    device_id, asset_tag = visit.query("id"), visit.query("asset")
    known, found, profiles, devices = await gather(
        visit.api.items("/discovered", id=device_id),
        visit.api.items("/spaces", limit=5000),
        visit.api.items("/profiles"),
        visit.api.items("/devices", limit=5000),
    )
    known = known or await visit.api.items("/discovered", id=device_id, ignored="true")
    asset = await visit.api.get_or_none("/assets/" + whole(asset_tag)) if asset_tag else None
    stranger = known[0] if known else None
    return visit.render(
        "adopt.html",
        status=200 if stranger else 404,
        stranger=stranger,
        device_id=device_id,
        thing=asset,
        names=_names(stranger, asset),
        space=visit.query("space") or (asset or {}).get("space_id") or "",
        places=place_options(visit, found),
        profiles=profiles,
        meters=[one for one in devices if one["kind"] in ("electricity_meter", "water_meter")],
    )


def _names(stranger: Json | None, asset: Json | None) -> dict[str, str]:
    if asset:
        return {"name": asset["name"] or asset["name_zh"], "name_zh": asset["name_zh"] or asset["name"]}
    told = ((stranger or {}).get("told") or {}).get("name", "")
    if told:
        return {"name": told, "name_zh": told}
    seems = (stranger or {}).get("suggestion") or {}
    device_id = (stranger or {}).get("id", "")
    return {"name": f"{seems.get('name', '')} {device_id}".strip(), "name_zh": f"{seems.get('name_zh', '')} {device_id}".strip()}


async def dead_letters(visit: Visit) -> Response:
    """`?device=`, `?topic=`, `?reason=`, `?start=`, `?end=` (site time) filter; `?cursor=` goes on."""
    filters = {name: visit.query(name) for name in ("device", "topic", "reason", "start", "end")}
    page, counts = await gather(
        visit.api.get("/dead-letters", **filters, limit=LETTERS_SHOWN, cursor=visit.query("cursor") or None),
        visit.api.get("/dead-letters/counts"),
    )
    return visit.render(
        "dead_letters.html", letters=page["items"], following=page["next"], filters=filters, counts=counts, **await news(visit)
    )


async def dead_letter(visit: Visit) -> Response:
    found = await visit.api.get(f"/dead-letters/{visit.path('id')}")
    return visit.render("dead_letter.html", letter=found, lines=_dump(found["hex"]))


def _dump(spaced: str) -> list[tuple[str, str, str]]:
    """(offset, hex, text) of sixteen bytes each, at most 4 KiB."""
    pairs = spaced.split()[:4096]
    rows = [pairs[at : at + 16] for at in range(0, len(pairs), 16)]
    return [
        (f"{16 * number:04x}", " ".join(row), "".join(_printable(int(pair, 16)) for pair in row)) for number, row in enumerate(rows)
    ]


def _printable(byte: int) -> str:
    return chr(byte) if 32 <= byte < 127 else "·"


async def profiles(visit: Visit) -> Response:
    found = await visit.api.items("/profiles")
    return visit.render("profiles.html", profiles=found, **await news(visit))


async def gateways(visit: Visit) -> Response:
    found = await visit.api.items("/gateways", limit=1000)
    return visit.render("gateways.html", gateways=found, **await news(visit))


async def gateway(visit: Visit) -> Response:
    found = await visit.api.get(f"/gateways/{visit.path('id')}")
    return visit.render("gateway.html", gateway=found, main_value=_main_value)


def _main_value(device: Json) -> tuple[str, Json] | None:
    name = next(iter(sorted(device["latest"])), None)
    return (name, device["latest"][name]) if name else None


async def data_quality(visit: Visit) -> Response:
    """`?day=`, `?kind=`, `?space=` filter; default yesterday."""
    today = visit.t.today()
    day = visit.day("day", today - timedelta(days=1))
    filters = {"day": day.isoformat(), "kind": visit.chosen("kind", LABELS["device_kind"]), "space": visit.query("space")}
    page, spaces = await gather(
        visit.api.get("/data-quality", **filters, limit=QUALITY_SHOWN), visit.api.items("/spaces", limit=5000)
    )
    return visit.render(
        "data_quality.html",
        page=page,
        filters=filters,
        today=today.isoformat(),
        buildings=[space for space in spaces if space["kind"] == "building"],
        **await news(visit),
    )


async def news(visit: Visit) -> dict[str, Any]:
    """What waits for the administrator, for the bar that these pages share."""
    if not visit.roles & ADMIN:
        return {"news": {}}
    strangers, letters = await gather(
        visit.api.items_if_allowed("/discovered", limit=500), visit.api.get_or_none("/dead-letters/counts")
    )
    return {"news": {"discovered": len(strangers), "letters": (letters or {}).get("total", 0)}}


async def device_health(visit: Visit, device: Json) -> dict[str, Any]:
    """What the device page shows of how well it speaks: days of quality, gateway and who else speaks through it, dead letters."""
    path = f"/devices/{visit.path('id')}/data-quality"
    gateway = device.get("gateway")
    days, neighbours, letters = await gather(
        visit.api.items_if_allowed(path, days=14),
        visit.api.get_or_none("/gateways/" + whole(gateway)) if gateway else _nothing(),
        visit.api.items_if_allowed("/dead-letters", device=device["id"], limit=5),
    )
    doubtful = any("clock_suspect" in value["quality"] for value in device["latest"].values())
    return {"days": days, "gateway": neighbours, "letters": letters, "clock_doubtful": doubtful}


async def _nothing() -> None:
    return None
