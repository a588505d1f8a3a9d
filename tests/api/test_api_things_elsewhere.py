"""Whoever looks after one building names real things of another one at every route: nothing is told, nothing changes."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alerts.model import Alert
from analytics.budget import Budget, Measure
from analytics.entry import Entry, EntryKind
from analytics.finding import FindingKind
from analytics.rule import DetectorRule
from analytics.virtual_meter import Term, VirtualMeter
from api.app import api_routes
from api.permissions import EVERYBODY, WHOLE_SITE, rule_for
from devices import command as machine
from devices.asset import CountLine, CountResult
from devices.command import CommandName
from devices.editing import Changes
from devices.health import DeviceHealth
from devices.model import DeviceKind, Reading
from devices.watching import Commissioning
from storage.incoming import ManualReading
from storage.user import Role, User
from tests.fixtures_api import NOW, Campus, TestClient

NOW_MS = int(NOW.timestamp() * 1000)
SECRETS = ("Device em-101", "设备 em-101", "DORM-101", "dorm-101 中", "Device em-dorm", "hush")
"""What only who may see the dormitory reads; every note and reason below is "hush"."""

ASSET = {"class_code": "A02100000", "name": "hush", "name_zh": "hush", "space_id": "dorm-101", "price": "10.00"}
BODIES: dict[str, Any] = {
    "PATCH /api/v1/spaces/{space_id}": {"people": 9},
    "PATCH /api/v1/devices/{device_id}": {"name": "X"},
    "POST /api/v1/devices/{device_id}/retire": {},
    "POST /api/v1/devices/{device_id}/replace": {"by": "em-new"},
    "POST /api/v1/meters/{meter_id}/exchanges": {"at": NOW.isoformat(), "end_index": 200, "start_index": 0, "reason": "rrr"},
    "POST /api/v1/meters/{meter_id}/corrections": {"at": NOW.isoformat(), "value": 1, "reason": "rrr"},
    "PUT /api/v1/virtual-meters/{meter_id}": {
        "id": "v-dorm",
        "quantity": "electricity",
        "space_id": "lab",
        "name": "N",
        "name_zh": "N",
        "terms": [{"meter_id": "em-lab"}],
    },
    "PUT /api/v1/budgets/{budget_id}": {
        "space_id": "lab",
        "quantity": "electricity",
        "measure": "amount",
        "year": 2026,
        "amount": 1,
    },
    "POST /api/v1/detectors/{kind}/trial": {"device_id": "em-101"},
    "POST /api/v1/detectors/{kind}/rules": {"device_id": "em-101", "off": True, "reason": "rrr"},
    "POST /api/v1/findings/{finding_id}/verdicts": {"verdict": "real"},
    "POST /api/v1/alerts/{alert_id}/resolve": {"reason": "rrr"},
    "PATCH /api/v1/assets/{tag}": {"remark": "X"},
    "POST /api/v1/stocktakes/{stocktake_id}/count": {"tag": "A02100000-2026-0001"},
    "POST /api/v1/stocktakes/{stocktake_id}/lines/{line_id}/enter": {"class_code": "A02100000"},
    "POST /api/v1/devices/{device_id}/manual-readings": {"value": 105},
    "POST /api/v1/devices/{device_id}/commands": {"name": "breaker.off", "reason": "rrr"},
    "POST /api/v1/devices/{device_id}/record/checks": {"day": "2026-11-01", "note": "X"},
    "POST /api/v1/devices/{device_id}/commissioning/release": {"note": "XXX"},
    "POST /api/v1/spaces": {"kind": "room", "name": "N", "name_zh": "N", "parent_id": "dorm-1"},
    "POST /api/v1/devices": {"id": "new", "profile_id": "em-room", "space_id": "dorm-101", "name": "N", "name_zh": "N"},
    "POST /api/v1/virtual-meters": {
        "id": "v-new",
        "quantity": "electricity",
        "space_id": "lab",
        "name": "N",
        "name_zh": "N",
        "terms": [{"meter_id": "em-101"}],
    },
    "POST /api/v1/budgets": {"space_id": "dorm", "quantity": "electricity", "measure": "amount", "year": 2026, "amount": 1},
    "POST /api/v1/quotas": {"space_id": "dorm", "quantity": "electricity", "per": "room", "amount": 1},
    "PUT /api/v1/quotas/{quota_id}": {"space_id": "dorm", "quantity": "electricity", "per": "room", "amount": 1},
    "POST /api/v1/assets": ASSET,
    "POST /api/v1/stocktakes": {"name": "N", "space_id": "dorm"},
    "POST /api/v1/work-orders": {"space_id": "dorm-101", "description": "XXX"},
    "POST /api/v1/tariffs/prices": {"quantity": "water", "valid_from": "2026-01-01", "price": 9},
    "PUT /api/v1/tariffs/prices/{price_id}": {"quantity": "water", "valid_from": "2026-01-01", "price": 9},
    "POST /api/v1/tariffs/factors": {"quantity": "water", "valid_from": "2026-01-01", "kgco2e": 9},
}
EVENTS = {
    "/api/v1/work-orders/{order_id}/{event}": ("log", "cancel", "close"),
    "/api/v1/assets/{tag}/{event}": ("accept", "issue", "loss"),
}
NOT_OF_A_BUILDING = {"/api/v1/detectors/{kind}", "/api/v1/detectors/{kind}/suggestions", "/api/v1/assets/{tag}/place"}
"""Told to everybody of the role, or to whoever has a label before him; see test_api_other_building."""

WHOLE_SITE_ONLY = ("/api/v1/tariffs", *WHOLE_SITE)
"""Nothing there is of a building; refused for another reason."""


@dataclass
class Elsewhere:
    """Ids of things in the dormitory, and somebody with every role who looks after the laboratory alone."""

    client: TestClient
    ids: dict[str, str]
    file: Path


@pytest.fixture
def elsewhere(campus: Campus, tmp_path: Path) -> Elsewhere:
    campus.deps.users.save(User(username="labguard", display_name="Lab", roles=frozenset(Role), buildings=frozenset({"lab"})))
    ids = {
        "space_id": "dorm-101",
        "device_id": "em-101",
        "meter_id": "em-101",
        "event": "log",
        "quantity": "water",
        **_fill(campus),
    }
    return Elsewhere(campus.as_user("labguard"), ids, tmp_path / "caretaker.sqlite")


def _fill(campus: Campus) -> dict[str, str]:
    deps = campus.deps
    registry = deps.registry.load()
    fields = {name: getattr(registry.devices["em-101"], name) for name in registry.devices["em-101"].__slots__}
    meter = type(registry.devices["em-101"])(
        **{**fields, "attributes": {"commands": "breaker.off", "note": "hush", "gateway": "gw-dorm"}}
    )
    cold = type(meter)(
        id="cold-101", kind=DeviceKind.COLD_STORE, profile_id="cold-store", space_id="dorm-101", name="hush", name_zh="hush"
    )
    deps.registry.change(lambda _: Changes(devices=(meter, cold)))
    deps.readings.write([Reading("em-101", "elec.energy.import", NOW_MS - hour * 3_600_000, 100.0 - hour) for hour in range(30)])
    deps.health.record([DeviceHealth(device_id="em-101", last_seen_ms=NOW_MS, received=1, gateway_id="gw-dorm", topic="hush")])
    alert: Alert = campus.raise_alert(FindingKind.ELEC_LEFT_ON, "em-101", "dorm-101")
    deps.incoming.commands.insert(machine.request(meter, CommandName.BREAKER_OFF, by="li", reason="hush", now=NOW))
    order = campus.as_user("reporter").post("/api/v1/work-orders", json={"space_id": "dorm-101", "description": "hush"}).json()
    asset = campus.as_user("admin").post("/api/v1/assets", json=ASSET).json()
    stocktake = campus.as_user("admin").post("/api/v1/stocktakes", json={"name": "hush", "space_id": "dorm"}).json()
    surplus = CountLine(
        stocktake_id=stocktake["id"], tag="SURPLUS-1", name="hush", name_zh="hush", result=CountResult.SURPLUS,
        found_space_id="dorm-101",
    )  # fmt: skip
    deps.commissioning.progress([Commissioning(device_id="em-101", since=NOW, measured_hours=1, needed_hours=99)])
    entry = Entry(
        device_id="em-101",
        kind=EntryKind.CORRECTION,
        ts_ms=NOW_MS - 7_200_000,
        before=None,
        after=98.5,
        reason="hush",
        entered_by="li",
        entered_at=NOW,
    )
    budget = Budget(
        quantity="electricity", measure=Measure("amount"), year=2026, month=11, amount=9.0, entered_by="li", entered_at=NOW,
        space_id="dorm", note="hush",
    )  # fmt: skip
    rule = DetectorRule(kind=FindingKind.ELEC_LEFT_ON, device_id="em-101", off=True, reason="hush", entered_by="li", entered_at=NOW)
    virtual = VirtualMeter(
        id="v-dorm", quantity="electricity", space_id="dorm", name="hush", name_zh="hush", terms=(Term(meter_id="em-101"),)
    )
    deps.meters.save_virtual(virtual, new=True)
    typed = ManualReading(
        id=0, device_id="em-101", metric="elec.energy.import", ts_ms=NOW_MS, value=100.5, entered_by="li", entered_at=NOW,
        note="hush", photo="a" * 64,
    )  # fmt: skip
    deps.incoming.manual.add(typed)
    photos = deps.incoming.directory / "photos"
    photos.mkdir(parents=True)
    (photos / f"{'a' * 64}.jpg").write_bytes(b"hush")
    quota = {"space_id": "dorm", "quantity": "electricity", "per": "room", "amount": 5, "note": "hush"}
    return {
        "alert_id": str(alert.id),
        "finding_id": str(alert.finding_id),
        "order_id": str(order["id"]),
        "tag": str(asset["tag"]),
        "stocktake_id": str(stocktake["id"]),
        "line_id": str(deps.stocktakes.put(surplus).id),
        "command_id": "1",
        "entry_id": str(deps.meters.enter(entry, (NOW_MS - 7_200_000, NOW_MS)).id),
        "budget_id": str(deps.budgets.add(budget).id),
        "quota_id": str(campus.as_user("admin").post("/api/v1/quotas", json=quota).json()["id"]),
        "rule_id": str(deps.rules.enter(rule).id),
        "kind": "elec.left_on",
        "gateway_id": "gw-dorm",
        "photo": "a" * 64,
        "price_id": "-1",
        "factor_id": "-1",
        "letter_id": "1",
        "token_id": "1",
        "upload_id": "a" * 64,
        "import_id": "1",
    }


def stored(file: Path) -> dict[str, list[Any]]:
    """Every row of every table but sessions and what is only a trace of being asked."""
    with closing(sqlite3.connect(file)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        kept = [name for name in names if name not in {"user_session", "audit_entry", "audit", "idempotency"}]
        return {name: sorted(map(repr, connection.execute(f"SELECT * FROM {name}"))) for name in kept}


def asked(path: str) -> list[str]:
    """What to ask for; places for ids still open."""
    named = path.replace("virtual-meters/{meter_id}", "virtual-meters/v-dorm").replace("{device_id}/record", "cold-101/record")
    return [named.replace("{event}", event) for event in EVENTS.get(path, ())] or [named]


def ask(client: TestClient, method: str, path: str, address: str) -> Any:
    body, params = BODIES.get(f"{method} {path}"), {} if "/record" in path else {"metric": "elec.energy.import", "value": 105}
    if method == "POST" and path.endswith("/manual-readings"):
        return client.request(method, address, data=body)
    return client.request(method, address, params=params, json=body)


def routes() -> list[tuple[str, str]]:
    """Those that name a thing, in the path or in the body; what is only looked at first, what removes last."""
    found = [(min(route.methods), route.path) for route in api_routes() if rule_for(route.methods, route.path) is not EVERYBODY]
    named = [(method, path) for method, path in found if "{" in path or f"{method} {path}" in BODIES]
    return sorted((one for one in named if one[1] not in NOT_OF_A_BUILDING), key=lambda one: (one[0] != "GET", one[0] == "DELETE"))


def test_nothing_of_another_building_is_told_or_changed(elsewhere: Elsewhere) -> None:
    before, wrong = stored(elsewhere.file), []
    for method, path in routes():
        for address in asked(path):
            filled = address.format(**elsewhere.ids)
            answer = ask(elsewhere.client, method, path, filled)
            told = [secret for secret in SECRETS if secret in answer.text]
            if not 400 <= answer.status_code < 500 or told:
                wrong.append(f"{method} {filled}: {answer.status_code} {told} {answer.text[:160]}")
            after = stored(elsewhere.file)
            if after != before:
                wrong.append(f"{method} {filled} changed {[name for name in after if after[name] != before.get(name)]}")
                before = after
    assert not wrong, "\n".join(wrong)


def test_who_sees_the_whole_site_passes_there(campus: Campus, elsewhere: Elsewhere) -> None:
    """So that the walk above is not refused for a wrong body, or for an id that leads nowhere."""
    campus.deps.users.save(User(username="admin", display_name="Admin", roles=frozenset(Role)))
    lame = []
    for method, path in routes():
        answer = ask(campus.as_user("admin"), method, path, asked(path)[0].format(**elsewhere.ids))
        if answer.status_code in (404, 422) and not path.startswith(WHOLE_SITE_ONLY):
            lame.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
    assert not lame, "\n".join(lame)
