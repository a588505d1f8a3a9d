"""Data in and out: readings typed by hand, tables, exports, push tokens; and commands to devices."""

from starlette.responses import Response

from dashboards.web.backend import Json, Refused, gather
from dashboards.web.visit import Visit, whole
from dashboards.web.words import N_

PLAN_FIELDS = ("time", "value", "device_column", "device", "metric_column", "metric", "quality_column", "timezone", "unit")
REGISTERS = ("elec.energy.import", "elec.energy.export", "water.volume", "gas.volume", "heat.energy")
GAUGES = ("elec.power.active", "water.flow", "env.temperature", "env.humidity")
UNITS = ("kWh", "Wh", "MWh", "m3", "L", "W", "kW", "m3/h", "L/h", "Cel", "%RH")
UNDER_WAY = ("requested", "confirmed", "sent")
IMPORT_STATES = {"waiting": N_("Waiting"), "running": N_("Running"), "done": N_("Imported"), "failed": N_("Failed")}
COMMANDS = {
    "valve.close": N_("Close the valve"),
    "valve.open": N_("Open the valve"),
    "breaker.off": N_("Switch off"),
    "breaker.on": N_("Switch on"),
    "door.release": N_("Release the door"),
    "door.lock": N_("Lock the door"),
}
COMMAND_STATES = {
    "requested": N_("Waits for a second person"),
    "confirmed": N_("About to be sent"),
    "sent": N_("Sent, waiting for the answer"),
    "acknowledged": N_("Carried out"),
    "refused": N_("Refused by the device"),
    "timed_out": N_("No answer in time"),
    "cancelled": N_("Cancelled"),
}


async def data(visit: Visit) -> Response:
    """What comes in and goes out besides MQTT, as far as the reader may."""
    imports, typed, spaces = await gather(
        visit.api.items_if_allowed("/reading-imports", limit=8),
        visit.api.items_if_allowed("/manual-readings", limit=8),
        visit.api.items("/spaces", limit=1000),
    )
    buildings = [space for space in spaces if space["kind"] in ("site", "building")]
    return visit.render("data.html", imports=imports, typed=typed, buildings=buildings, states=IMPORT_STATES)


async def plan_import(visit: Visit) -> Response:
    """`?upload=`, `?filename=` and the plan: which column is what; with a whole plan the dry run is shown."""
    upload, filename = visit.query("upload"), visit.query("filename", "table")
    seen = await visit.api.get("/reading-imports/uploads/" + whole(upload), filename=filename)
    plan = {**(seen["plan"] or {}), **{name: value for name in PLAN_FIELDS if (value := visit.query(name))}}
    plan.setdefault("timezone", visit.site.get("timezone", "Asia/Shanghai"))
    if "device" in visit.request.query_params:  # the form was sent: what it leaves empty is meant to be empty
        plan = {name: visit.query(name) for name in PLAN_FIELDS if visit.query(name)}
    preview, wrong = await _preview(visit, plan, upload, filename)
    return visit.render(
        "data_import.html", seen=seen, plan=plan, preview=preview, wrong=wrong, metrics=REGISTERS + GAUGES, units=UNITS
    )


async def _preview(visit: Visit, plan: Json, upload: str, filename: str) -> tuple[Json | None, str]:
    whole = plan.get("time") and plan.get("value") and (plan.get("device_column") or plan.get("device"))
    if not whole or not (plan.get("metric_column") or plan.get("metric")):
        return None, ""
    try:
        return await visit.api.get("/reading-imports/preview", **plan, upload=upload, filename=filename), ""
    except Refused as refused:
        if refused.status != 422:
            raise
        return None, refused.detail


async def show_import(visit: Visit) -> Response:
    found = await visit.api.get(f"/reading-imports/{visit.path('id')}")
    return visit.render("data_import_progress.html", found=found, states=IMPORT_STATES)


async def tokens(visit: Visit) -> Response:
    return visit.render("tokens.html", tokens=await visit.api.items("/tokens"))


async def choose_meter(visit: Visit) -> Response:
    """For somebody without the meter's label at hand: `?q=` narrows the list."""
    electricity, water, typed = await gather(
        visit.api.items("/devices", kind="electricity_meter", q=visit.query("q"), limit=500),
        visit.api.items("/devices", kind="water_meter", q=visit.query("q"), limit=500),
        visit.api.items_if_allowed("/manual-readings", limit=20),
    )
    return visit.render("read_choose.html", meters=[*electricity, *water][:100], wanted=visit.query("q"), typed=typed)


async def read_meter(visit: Visit) -> Response:
    """`?value=` as typed: then how it compares is shown, and it can be saved with a photo."""
    found = await visit.api.get(f"/devices/{visit.path('id')}")
    registers = [metric["name"] for metric in found["metrics"] if metric["kind"] == "register"]
    metric = visit.chosen("metric", tuple(registers), registers[0] if registers else "")
    seen, wrong = await _check(visit, metric) if visit.query("value") else (None, "")
    typed = await visit.api.items_if_allowed("/manual-readings", device=found["id"], limit=10)
    return visit.render(
        "read_meter.html",
        device=found,
        registers=registers,
        metric=metric,
        seen=seen,
        wrong=wrong,
        typed=typed,
        saved=visit.query("saved"),
    )


async def _check(visit: Visit, metric: str) -> tuple[Json | None, str]:
    value = visit.query("value").strip().replace(",", "").replace(" ", "")
    try:
        return await visit.api.get(f"/devices/{visit.path('id')}/manual-readings/check", value=value, metric=metric), ""
    except Refused as refused:
        if refused.status != 422:
            raise
        return None, refused.detail


async def commands(visit: Visit) -> Response:
    found = await visit.api.items("/commands", limit=100)
    return visit.render("commands.html", commands=found, words=COMMANDS, states=COMMAND_STATES, waiting=_waiting(found))


async def command_section(visit: Visit, device_path: str) -> Json:
    """For the page of a device: what it obeys and what it was told, None where it obeys nothing or the reader may not see."""
    told = await visit.api.get_or_none(f"/devices/{device_path}/commands")
    shown = told if told and (told["obeys"] or told["items"]) else None
    return {
        "commands": shown,
        "command_words": COMMANDS,
        "command_states": COMMAND_STATES,
        "waiting": _waiting((shown or {}).get("items", [])),
    }


async def device_commands(visit: Visit) -> Response:
    """The section alone, for its own renewal."""
    found = await visit.api.get(f"/devices/{visit.path('id')}")
    return visit.render("device_commands.html", device=found, **await command_section(visit, visit.path("id")))


def _waiting(commands: list[Json]) -> bool:
    return any(command["state"] in UNDER_WAY for command in commands)
