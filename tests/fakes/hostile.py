"""A campus in which every text that people or devices can send tries to become markup, script, a formula or another line."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from alerts.model import AlertLogEntry
from analytics.budget import Budget, Measure
from analytics.entry import Entry, EntryKind
from analytics.finding import FindingKind
from analytics.label import FindingLabel, Verdict
from analytics.rule import DetectorRule
from analytics.virtual_meter import Term, VirtualMeter
from devices import command as machine
from devices.asset import Asset, AssetEvent, AssetLogEntry, AssetState, CountLine, Pending, PendingKind, Stocktake
from devices.command import CommandName
from devices.health import DeviceHealth, DiscoveredDevice
from devices.link import DeviceLink, LinkScope
from devices.model import Device, DeviceKind, Event, Reading, Space, SpaceKind, UseType
from devices.watching import Commissioning, ConditionCheck
from ingest.dead_letter import DeadLetter
from storage.incoming import ImportState, ManualReading
from storage.user import Role, User
from tests.fixtures_api import NOW, Campus

NOW_MS = int(NOW.timestamp() * 1000)
LONG = "W" * 400


def evil(field: str) -> str:
    """Breaks out of text, of either kind of attribute, of a script's JSON, of a template; and turns the line's direction."""
    tag = f"<xss-{field} onerror=x()>"
    return f"""=1+1|"'></script></textarea></title>{tag}<img src=x onerror=x()>{{{{9973*9967}}}}%(x)s\u202e&lt;"""


def link(field: str) -> str:
    """What must not become the whole of an address."""
    return f"javascript:x('{field}')"


ROOM = '"><xss-space-id a'
SECRET = "s3cret-of-a-link"
METER = "\"'><xss-device-id a"
SENSOR = "//evil.example/'\"><xss-sensor-id>"
COLD = '"><xss-cold-id a'
GATEWAY = '"><xss-gateway-id a'
STRANGER = '"><xss-stranger-id a'
TAG = "TAG-1"


def settle(campus: Campus) -> dict[str, str]:
    """Fills the stores, past the checks of the API, and says which ids there are by the name of the path parameter."""
    _places(campus)
    _people(campus)
    found = _troubles(campus)
    _assets(campus)
    _incoming(campus)
    _accounts(campus)
    return found


def _places(campus: Campus) -> None:
    deps = campus.deps
    room = Space(
        id=ROOM,
        kind=SpaceKind.ROOM,
        name=evil("space-name"),
        name_zh=evil("space-name-zh"),
        parent_id="dorm-1",
        use=UseType.DORMITORY,
    )
    house = Space(
        id="evil", kind=SpaceKind.BUILDING, name=evil("building-name"), name_zh=evil("building-name-zh"), parent_id="site"
    )
    told = {
        "note": evil("attribute"),
        "commands": "valve.close breaker.off",
        "link": link("attribute"),
        evil("attribute-name"): "1",
    }
    meter = Device(
        id=METER, kind=DeviceKind.ELECTRICITY_METER, profile_id="em-room", space_id=ROOM, name=evil("device-name"),
        name_zh=evil("device-name-zh"), attributes=told, measures_space=True, upstream_id="em-101",
    )  # fmt: skip
    sensor = Device(
        id=SENSOR, kind=DeviceKind.SMOKE_DETECTOR, profile_id="smoke", space_id=ROOM, name=link("sensor-name"), name_zh=link("s"),
        attributes={"replaces": evil("replaces"), "replaced_by": evil("replaced-by"), "retired_at": evil("retired-at")},
    )  # fmt: skip
    cold = Device(
        id=COLD, kind=DeviceKind.COLD_STORE, profile_id="cold-store", space_id=ROOM, name=evil("cold-name"), name_zh=evil("cold-zh")
    )
    deps.registry.save((room, house), (meter, sensor, cold))
    checked = {"checked_by": evil("checked-by"), "checked_at": NOW, "note": evil("check-note"), "value": 4.0}
    deps.checks.add(ConditionCheck(device_id=COLD, day="2026-11-17", **checked))
    deps.commissioning.progress([Commissioning(device_id=METER, since=NOW, measured_hours=1, needed_hours=99)])
    deps.readings.write([Reading(COLD, "env.temperature", NOW_MS - i * 600_000, 4.0 + i % 9) for i in range(300)])
    at = NOW_MS - 60_000
    register, metric = "elec.energy.import", evil("metric")[:80]
    rows = [Reading(METER, register, at - i * 900_000, 100.0 - i, i % 3) for i in range(20)]
    rows += [Reading(METER, register + ".hourly", (at // 3_600_000 - i) * 3_600_000, 1.0, 2) for i in range(60)]
    deps.readings.write([*rows, Reading(METER, metric, at, 1.0), Reading(METER, "elec.power.active", at, 5.0)])
    deps.events.append([Event(device_id=METER, type=evil("event-type"), ts_ms=at, attributes={evil("key"): evil("event-value")})])
    way = {"topic": evil("topic"), "family": evil("family"), "gateway_id": GATEWAY}
    deps.health.record([DeviceHealth(device_id=METER, last_seen_ms=at, received=1, stored=1, **way)])
    told = {"name": evil("told"), evil("told-key"): link("told")}
    stranger = DiscoveredDevice(
        device_id=STRANGER, first_seen_ms=at, last_seen_ms=at, topic=evil("stranger-topic"), family=evil("stranger-family"),
        metrics=(evil("stranger-metric"), "water.volume"), gateway_id=GATEWAY, model=evil("model"), told=told,
    )  # fmt: skip
    deps.health.discover([stranger])
    context = {"note": evil("context")}
    deps.links.save(
        DeviceLink(scope=LinkScope.DEVICE, key=METER, family=evil("link-family"), context=context, secret={"token": SECRET})
    )
    payload = evil("payload").encode()
    letters = [DeadLetter(received_ms=at, topic=evil("letter-topic"), payload=payload, reason=evil("reason"), device_id=METER)]
    deps.dead_letters.append(
        [*letters, DeadLetter(received_ms=at, topic="t", payload=b"\0\xff<xss-raw>", reason="r", device_id=None)]
    )


def _people(campus: Campus) -> None:
    name = evil("display-name")
    evil_admin = User(username="evil", display_name=name, roles=frozenset({Role.ADMIN, Role.CREW}), language="en")
    campus.deps.users.create(evil_admin, "!")


def _troubles(campus: Campus) -> dict[str, str]:
    deps = campus.deps
    alert = campus.raise_alert(FindingKind.ELEC_LEFT_ON, METER, ROOM)
    finding = deps.findings.get(alert.finding_id or 0)
    facts = {"place": evil("fact"), "density": 1.0}
    cause = evil("cause")
    deps.findings.record(replace(finding, facts=facts, cause=cause, message="%(place)s " + evil("message")), now=NOW)
    worse = replace(
        alert, facts=facts, cause=cause, message="%(place)s " + evil("message"), acknowledged_by=evil("acknowledged-by")
    )
    entry = AlertLogEntry(
        at=NOW, event="acknowledge", actor=evil("actor"), from_state=alert.state, to_state=alert.state, note=evil("alert-note")
    )
    deps.alerts.update(worse, entry)
    label = FindingLabel(
        finding_id=finding.id, kind=finding.kind, device_id=METER, space_id=ROOM, verdict=Verdict.FALSE_ALARM, what=evil("what"),
        note=evil("label-note"), given_by=evil("given-by"), given_at=NOW,
    )  # fmt: skip
    deps.labels.give(label)
    rule = DetectorRule(kind=finding.kind, device_id=METER, off=True, reason=evil("rule-reason"), entered_by="evil", entered_at=NOW)
    deps.rules.enter(rule)
    deps.rules.enter(replace(rule, device_id=None, space_id=ROOM, off=False, parameters={"x": 1.0}))
    report = {"space_id": ROOM, "description": evil("description") + LONG, "device_id": METER, "trade": "plumbing"}
    order = _call(campus, "reporter", "work-orders", **report)
    number = order["id"]
    _call(campus, "dispatcher", f"work-orders/{number}/triage", trade="plumbing", priority="p2", note=evil("triage-note"))
    _call(campus, "dispatcher", f"work-orders/{number}/assign", assignee="crew", note=evil("assign-note"))
    _call(campus, "crew", f"work-orders/{number}/accept")
    _call(campus, "crew", f"work-orders/{number}/start")
    _call(campus, "crew", f"work-orders/{number}/log", note=evil("log-note"))
    _call(campus, "crew", f"work-orders/{number}/defer", note=evil("hold-reason"))
    return {"alert": str(alert.id), "finding": str(finding.id), "order": str(number), "kind": finding.kind.value}


def _call(campus: Campus, user: str, path: str, **body: Any) -> Any:
    answer = campus.as_user(user).post(f"/api/v1/{path}", json=body)
    assert answer.status_code < 300, f"{path}: {answer.text}"
    return answer.json()


def _assets(campus: Campus) -> None:
    deps = campus.deps
    words = ("class_name", "name", "name_zh", "model", "serial", "manufacturer", "supplier", "document", "accepted_by", "custodian")
    pending = Pending(
        kind=next(iter(PendingKind)), by=evil("pending-by"), at=NOW, reason=evil("pending-reason"), from_state=AssetState.IN_USE
    )
    made: Any = {name: evil("asset-" + name.replace("_", "-")) for name in (*words, "remark", "created_by")}
    asset = Asset(
        tag=TAG, class_code="A02100000", created_at=NOW, updated_at=NOW, state=AssetState.SCRAPPING_REQUESTED, space_id=ROOM,
        device_id=METER, pending=pending, warranty_until=date(2027, 1, 1), purchased_on=date(2025, 1, 1), price_cents=100, **made,
    )  # fmt: skip
    entry = AssetLogEntry(
        at=NOW, event=AssetEvent.REGISTER, actor=evil("asset-actor"), from_state=None, to_state=asset.state, note=evil("asset-note")
    )
    deps.assets.insert(asset, entry)
    deps.assets.insert(replace(asset, tag='"><XSS-TAG A', pending=None, state=AssetState.IN_USE, device_id=None), entry)
    campaign = deps.stocktakes.open(
        Stocktake(name=evil("stocktake"), opened_at=NOW, opened_by=evil("opened-by"), space_id=ROOM), []
    )
    line = CountLine(
        stocktake_id=campaign.id, tag='"><XSS-LINE A', name=evil("line-name"), name_zh=evil("line-name-zh"), note=evil("line-note"),
        expected_space_id=ROOM, found_space_id=ROOM, counted_by=evil("counted-by"), counted_at=NOW,
    )  # fmt: skip
    deps.stocktakes.put(line)


def _incoming(campus: Campus) -> None:
    incoming = campus.deps.incoming
    incoming.tokens.create(evil("token-name"), devices=[evil("token-device")], by=evil("token-by"), now=NOW, expires_at=None)
    plan = {"time": "t", "value": "v", "upload": "0" * 64}
    made = incoming.imports.create(evil("filename"), plan, by=evil("import-by"), now=NOW)
    claimed = incoming.imports.claim(NOW)
    assert claimed is not None
    assert made.id == claimed.id
    wrong = ((3, evil("column"), evil("row-message")),)
    incoming.imports.save(replace(claimed, state=ImportState.DONE, errors=wrong, rows_total=1, rows_rejected=1, finished_at=NOW))
    typed = ManualReading(
        id=0, device_id=METER, metric="elec.energy.import", ts_ms=NOW_MS, value=1.0, entered_by=evil("entered-by"), entered_at=NOW,
        note=evil("typed-note"), photo=evil("photo"), unusual=True,
    )  # fmt: skip
    incoming.manual.add(typed)
    meter = campus.deps.registry.load().devices[METER]
    asked = machine.request(meter, CommandName.VALVE_CLOSE, by=evil("asked-by"), reason=evil("command-reason"), now=NOW)
    incoming.commands.insert(replace(asked, outcome=evil("outcome")))


def _accounts(campus: Campus) -> None:
    deps = campus.deps
    entry = Entry(
        device_id=METER, kind=EntryKind.CORRECTION, ts_ms=NOW_MS - 7_200_000, before=1.0, after=2.0, reason=evil("entry-reason"),
        entered_by=evil("entry-by"), entered_at=NOW,
    )  # fmt: skip
    deps.meters.enter(entry, (NOW_MS - 7_200_000, NOW_MS))
    made = VirtualMeter(
        id='"><xss-virtual a', quantity="electricity", space_id=ROOM, name=evil("virtual-name"), name_zh=evil("virtual-zh"),
        terms=(Term(meter_id=METER, factor=1.0),),
    )  # fmt: skip
    deps.meters.save_virtual(made, new=True)
    budget = Budget(
        quantity="electricity", measure=next(iter(Measure)), year=2026, month=11, amount=10.0, entered_by=evil("budget-by"),
        entered_at=NOW - timedelta(days=1), space_id=ROOM, note=evil("budget-note"),
    )  # fmt: skip
    deps.budgets.add(budget)
