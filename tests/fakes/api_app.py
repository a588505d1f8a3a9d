"""A small API with the shapes of the real one, a campus of three spaces and a memory of what was posted."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fakes import api_detectors as detectors
from tests.fakes import api_plans, api_records
from tests.fakes import api_registry as registry
from tests.fakes.api_meters import answer_meters

NOW = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
Json = dict[str, Any]

ROLES = {
    "admin": ["admin"],
    "security": ["security"],
    "energy": ["energy_manager"],
    "dispatcher": ["dispatcher"],
    "plumber": ["crew"],
    "student": ["reporter"],
    "head": ["logistics_head"],
}
SITE = {"id": "campus", "name": "Hill School", "name_zh": "山丘学校", "timezone": "Asia/Shanghai", "currency": "CNY"}
SPACES = [
    {"id": "campus", "kind": "site", "name": "Hill School", "name_zh": "山丘学校", "parent_id": None, "use": "campus"},
    {"id": "dorm-a", "kind": "building", "name": "Dormitory A", "name_zh": "A 宿舍", "parent_id": "campus", "use": "dormitory"},
    {"id": "dorm-a-2", "kind": "floor", "name": "Floor 2", "name_zh": "二层", "parent_id": "dorm-a", "use": "dormitory"},
]
for _space in SPACES:
    _space.update(area_m2=1200.0, people=96)


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def path_of(space_id: str) -> list[Json]:
    by_id = {space["id"]: space for space in SPACES}
    path: list[Json] = []
    current: str | None = space_id
    while current:
        path.insert(0, by_id[current])
        current = by_id[current]["parent_id"]
    return path


def device(**changes: Any) -> Json:
    return {
        "id": "wm-1",
        "kind": "water_meter",
        "profile_id": "wm-floor",
        "name": "Water meter floor 2",
        "name_zh": "二层水表",
        "space_id": "dorm-a-2",
        "space_path": path_of("dorm-a-2"),
        "upstream_id": "wm-main",
        "interval_s": 30,
        "last_seen": iso(NOW - timedelta(seconds=20)),
        "status": "online",
        "latest": {
            "water.flow": {"value": 1.25, "unit": "m3/h", "ts": iso(NOW - timedelta(seconds=20)), "quality": []},
            "water.volume": {"value": 1234.5, "unit": "m3", "ts": iso(NOW - timedelta(hours=3)), "quality": ["late"]},
            "leak": {"value": 1.0, "unit": "1", "ts": iso(NOW), "quality": []},
        },
        **changes,
    }


WASTE = {"kwh_per_day": 0.0, "m3_per_day": 30.0, "cost_per_day": 123.0, "kgco2e_per_day": 5.04}
EVIDENCE = {
    "metric": "water.flow",
    "unit": "m3/h",
    "observed": [[int((NOW - timedelta(minutes=m)).timestamp() * 1000), 1.2 + math.sin(m / 9) / 4] for m in range(120, -1, -1)],
    "expected": [[int((NOW - timedelta(minutes=m)).timestamp() * 1000), 0.2] for m in range(120, -1, -5)],
}
SUBJECT = {
    "device_id": "wm-1",
    "device_name": "Water meter floor 2",
    "device_name_zh": "二层水表",
    "space_id": "dorm-a-2",
    "space_path": path_of("dorm-a-2"),
}
BURST = {
    "message": "Water runs at %(flow)s m³/h, %(times)s times the most that is normal at this hour",
    "cause": "A burst pipe or an open hydrant below this meter",
    "facts": {"flow": 1.25, "times": 6.0},
    "text": "Water runs at 1.25 m³/h, 6 times the most that is normal at this hour",
}


def alert(**changes: Any) -> Json:
    return {
        "id": 1,
        "kind": "water.burst",
        "device_kind": "water_meter",
        "severity": "critical",
        "state": "open",
        **SUBJECT,
        **BURST,
        "raised_at": iso(NOW - timedelta(minutes=4)),
        "updated_at": iso(NOW - timedelta(minutes=1)),
        "acknowledged_at": None,
        "acknowledged_by": None,
        "resolved_at": None,
        "resolution": None,
        "reopened": 0,
        "drill": False,
        "finding_id": 7,
        "order_id": 12,
        **changes,
    }


def finding(**changes: Any) -> Json:
    return {
        "id": 7,
        "kind": "water.burst",
        **SUBJECT,
        **BURST,
        "active": True,
        "score": 0.93,
        "started": iso(NOW - timedelta(hours=2)),
        "seen": iso(NOW),
        "evidence": EVIDENCE,
        "waste": WASTE,
        "alert_id": 1,
        **changes,
    }


def order(**changes: Any) -> Json:
    return {
        "id": 12,
        "number": "WO-000012",
        "problem": "water.burst",
        **SUBJECT,
        **BURST,
        "alert_id": 1,
        "trade": "plumbing",
        "priority": "p1",
        "state": "assigned",
        "reporter": None,
        "reporter_name": None,
        "assignee": "plumber",
        "assignee_name": "Li Wei",
        "hold_reason": None,
        "raised_at": iso(NOW - timedelta(minutes=3)),
        "updated_at": iso(NOW),
        "respond_due": iso(NOW + timedelta(hours=1)),
        "resolve_due": iso(NOW + timedelta(hours=8)),
        "overdue": False,
        "accepted_at": None,
        "done_at": None,
        "closed_at": None,
        "verdict": None,
        "rating": None,
        "rework": 0,
        "duplicate_of": None,
        "allowed": ["accept", "decline", "log", "finish", "assign", "send_back", "accept_repair", "mark_duplicate"],
        **changes,
    }


REPORT = order(
    id=13,
    number="WO-000013",
    problem="report",
    message="Tap drips 100% of the time <b>",
    facts={},
    cause="",
    reporter="student",
    reporter_name="Student",
    state="done",
    priority="p3",
    device_id=None,
    alert_id=None,
    overdue=True,
)
LOG = [
    {
        "at": iso(NOW - timedelta(minutes=3)),
        "event": "raise",
        "actor": "policy",
        "from_state": None,
        "to_state": "raised",
        "note": "",
    },
    {
        "at": iso(NOW),
        "event": "log",
        "actor": "plumber",
        "from_state": "in_progress",
        "to_state": "in_progress",
        "note": "New seal",
    },
]


def create_fake_api() -> Starlette:
    """`app.state.posted` lists (path, body, csrf header) of what was posted; `app.state.alerts` are the alerts it shows."""
    app = Starlette(routes=_routes())
    app.state.posted = []
    app.state.headlines = []
    app.state.alerts = [
        alert(id=2, kind="fire.smoke", severity="life_safety", message="Smoke alarm", cause="", facts={}, order_id=None),
        alert(),
        alert(id=3, state="acknowledged", severity="minor", kind="device.battery_low", drill=True),
    ]
    app.state.broken = set()
    app.state.findings = {}
    app.state.listed = []
    return app


def _user(request: Request) -> str:
    return request.cookies.get("caretaker_session", "").removeprefix("session-")


def _refused(status: int, detail: str) -> JSONResponse:
    return JSONResponse({"title": "no", "status": status, "detail": detail}, status, media_type="application/problem+json")


def _items(items: list[Json]) -> Json:
    return {"items": items, "next": None}


def _answer(request: Request) -> Json | Response:  # noqa: C901, PLR0911, PLR0912  one line for each address
    path, query = request.url.path.removeprefix("/api/v1"), request.query_params
    known = {item["id"]: item for item in request.app.state.alerts}
    match path.strip("/").split("/"):
        case ["summary"]:
            return {
                "alerts": {"life_safety": 1, "critical": 1, "major": 0, "minor": 1, "info": 0},
                "unacknowledged": 2,
                "orders": {"assigned": 1},
                "overdue": 1,
                "devices": {"total": 300, "online": 298, "silent": 2},
                "waste_today": {"kwh": 3.5, "m3": 2.0, "cost": 41.5, "kgco2e": 3, "electricity_cost": 33.3, "water_cost": 8.2},
                "at": iso(NOW),
                "seq": 5,
            }
        case ["spaces"]:
            return _items(SPACES)
        case ["spaces", space_id] if space_id in {space["id"] for space in SPACES}:
            here = next(space for space in SPACES if space["id"] == space_id)
            children = [space for space in SPACES if space["parent_id"] == space_id]
            return {**here, "path": path_of(space_id), "children": children, "devices": [device()]}
        case ["devices"]:
            return _items([device(), device(id="sd-1", kind="smoke_detector", status="never", latest={}, last_seen=None)])
        case ["devices", "wm-1"]:
            metrics = [{"name": "water.flow", "unit": "m3/h", "kind": "gauge"}, {"name": "leak", "unit": "1", "kind": "state"}]
            health = {"received": 1000, "stored": 999, "late": 1, "rejected": 0, "duplicate": 2}
            return {**device(), "metrics": metrics, "sub_meters": ["wm-2"], "health": health, **registry.DEVICE_MORE}
        case ["devices", "wm-1", "readings"]:
            points = [{"ts": iso(NOW - timedelta(minutes=m)), "value": 1 + m % 7 / 10, "quality": []} for m in range(60, -1, -1)]
            return {"device_id": "wm-1", "metric": query["metric"], "unit": "m3/h", **_items(points)}
        case ["consumption"]:
            return _consumption(query)
        case ["consumption", "breakdown"]:
            amount = {"value": 120.5, "cost": 80.0, "kgco2e": 60.0}
            items = [{"space": SPACES[1], "share": 0.6, **amount}]
            return {
                "space": SPACES[0],
                "quantity": query["quantity"],
                "unit": "kWh",
                "items": items,
                "total": amount,
                "currency": "CNY",
            }
        case ["findings"]:
            return _items(request.app.state.listed or [finding(), finding(id=8, active=False, kind="elec.left_on", evidence=None)])
        case ["findings", "7"]:
            return finding()
        case ["findings", kind] if "." in kind:
            return finding(kind=kind, **request.app.state.findings.get(kind, {}))
        case ["findings", kind, "verdicts"] if "." in kind:
            return _items([])
        case ["findings", "7", "verdicts"]:
            return _items([detectors.LABEL])
        case ["detectors" | "detector-records", *_]:
            return detectors.answer_detectors(path.strip("/").split("/")) or _refused(404, "there is no such thing")
        case ["alerts"]:
            wanted = query.get("severity")
            return _items([item for item in known.values() if not wanted or item["severity"] == wanted])
        case ["alerts", "headlines"]:
            return {"items": request.app.state.headlines, "next": None}
        case ["alerts", alert_id] if alert_id.isdigit() and int(alert_id) in known:
            steps = ["Smoke alarm", "Look at the camera, send a guard to the door."]
            return {**known[int(alert_id)], "evidence": EVIDENCE, "waste": WASTE, "log": LOG, "first_steps": steps}
        case ["work-orders"]:
            return _items([REPORT] if query.get("reporter") else [order(), REPORT, order(id=14, state="closed")])
        case ["work-orders", "12" | "13" as order_id]:
            return {**(order() if order_id == "12" else REPORT), "log": LOG, "chain_ok": order_id == "12"}
        case ["profiles" | "families" | "links" | "gateways" | "discovered" | "dead-letters" | "data-quality", *_]:
            return registry.answer(path.strip("/").split("/"), query) or _refused(404, "there is no such thing")
        case ["devices", "wm-1", "data-quality"]:
            return _items(registry.QUALITY)
        case ["meters" | "virtual-meters" | "tariffs" as noun, *rest]:
            return answer_meters(
                noun, rest, _consumption({**query, "every": "hour", "quantity": "water"}) if "start" in query else {}
            )
        case ["commissioning"]:
            return _items([api_records.COMMISSIONING])
        case ["devices", "wm-1", "commissioning"]:
            return api_records.COMMISSIONING
        case ["records"]:
            return _items(api_records.RECORDS)
        case ["devices", "cold-1", *rest]:
            return api_records.answer(rest, dict(query), device()) or _refused(404, "there is no such thing")
        case ["forecast"]:
            return api_plans.forecast(query)
        case ["budgets"]:
            return _items(api_plans.BUDGETS)
        case ["quotas"]:
            return _items(api_plans.QUOTAS)
        case ["quotas", "rooms"]:
            return api_plans.quota_rooms(query)
        case ["savings"]:
            return api_plans.savings(query)
        case ["benchmarks"]:
            return api_plans.benchmarks(query)
        case ["benchmarks", "rooms"]:
            return api_plans.rooms(query)
        case ["crew"]:
            return _items([{"username": "plumber", "display_name": "Li Wei", "trades": ["plumbing"], "load": 2, "on_shift": True}])
        case ["events"]:
            return _items([{"device_id": "wm-1", "type": "leak.reported", "ts": iso(NOW), "attributes": {}}])
        case _:
            return _refused(404, "there is no such thing")


def _consumption(query: Any) -> Json:
    start, end = datetime.fromisoformat(query["start"]), datetime.fromisoformat(query["end"])
    step = timedelta(hours=1 if query["every"] == "hour" else 24)
    count = int((end - start) / step)
    items = [
        {
            "start": iso(start + i * step),
            "value": 10.0 + i if start + i * step <= NOW else None,
            "cost": 6.5,
            "kgco2e": 5.0,
            "quality": ["estimated"] if i == 3 else [],
        }
        for i in range(count)
    ]
    total = {"value": 1234.5, "cost": 802.4, "kgco2e": 662.4}
    return {
        "space": SPACES[0],
        "quantity": query["quantity"],
        "unit": "kWh",
        "every": query["every"],
        "items": items,
        "total": total,
        "currency": "CNY",
    }


async def _get(request: Request) -> Response:
    user = _user(request)
    if user not in ROLES:
        return _refused(401, "sign in first")
    if request.url.path in request.app.state.broken:
        return _refused(503, "the store does not answer")
    if "reporter" in ROLES[user] and not request.url.path.startswith(("/api/v1/work-orders", "/api/v1/spaces")):
        return _refused(403, "your role may not do this")
    answer = _answer(request)
    return answer if isinstance(answer, Response) else JSONResponse(answer)


async def _me(request: Request) -> Response:
    user = _user(request)
    if user not in ROLES:
        return _refused(401, "sign in first")
    me = {"username": user, "display_name": user.title(), "roles": ROLES[user], "trades": [], "buildings": None, "language": "en"}
    return JSONResponse({**me, "csrf_token": "csrf-of-" + user})


async def _site(_: Request) -> Response:
    return JSONResponse(SITE)


async def _demo_users(_: Request) -> Response:
    users = [
        {"username": name, "password": "pw-" + name, "display_name": name.title(), "roles": roles} for name, roles in ROLES.items()
    ]
    return JSONResponse(_items(users))


async def _token(request: Request) -> Response:
    body = await request.json()
    if body["password"] != "pw-" + body["username"]:
        return _refused(401, "wrong user name or password")
    response = JSONResponse({"access_token": "x", "token_type": "bearer", "expires_in": 60, "csrf_token": "c"})
    response.set_cookie("caretaker_session", "session-" + body["username"], httponly=True, samesite="lax")
    return response


async def _logout(request: Request) -> Response:
    request.app.state.posted.append((request.url.path, {}, request.headers.get("x-csrf-token")))
    response = Response(status_code=204)
    response.delete_cookie("caretaker_session")
    return response


async def _qr(_: Request) -> Response:
    return Response(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h4v4H0z"/></svg>', media_type="image/svg+xml"
    )


async def _post(request: Request) -> Response:
    request.app.state.posted.append((request.url.path, await request.json(), request.headers.get("x-csrf-token")))
    return JSONResponse(detectors.trial(finding()) if request.url.path.endswith("/trial") else {"id": 13}, 201)


def _routes() -> list[Route]:
    return [
        Route("/api/v1/auth/token", _token, methods=["POST"]),
        Route("/api/v1/auth/logout", _logout, methods=["POST"]),
        Route("/api/v1/auth/demo-users", _demo_users),
        Route("/api/v1/me", _me),
        Route("/api/v1/site", _site),
        Route("/api/v1/spaces/{id}/qr.svg", _qr),
        Route("/api/{rest:path}", _post, methods=["POST"]),
        Route("/api/{rest:path}", _get),
    ]
