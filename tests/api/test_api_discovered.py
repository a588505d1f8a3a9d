"""Strangers and dead letters by API: seen, adopted, ignored; inspected, replayed, deleted."""

from datetime import timedelta
from typing import Any

import pytest

from devices.health import DiscoveredDevice
from devices.model import Reading
from ingest.dead_letter import DeadLetter
from tests.fixtures_api import NOW, Campus

NOW_MS = int(NOW.timestamp() * 1000)


def stranger(
    device_id: str, family: str = "dlt645", metrics: tuple[str, ...] = ("elec.energy.import",), **more: Any
) -> DiscoveredDevice:
    return DiscoveredDevice(
        device_id=device_id,
        first_seen_ms=NOW_MS - 60_000,
        last_seen_ms=NOW_MS,
        topic=f"dtu/{device_id}",
        family=family,
        metrics=metrics,
        **more,
    )


@pytest.fixture
def visited(campus: Campus) -> Campus:
    campus.deps.health.discover(
        [
            stranger("210900042", gateway_id="gw-1", model="DDS-1"),
            stranger("210900043"),
            stranger("a1", family="chirpstack.v4", metrics=("water.volume", "battery.level")),
            stranger("odd", family="json", metrics=()),
            stranger("em-lab"),
        ]
    )
    return campus


def test_strangers_are_listed_with_what_they_seem_to_be(visited: Campus) -> None:
    listed = {one["id"]: one for one in visited.as_user("admin").get("/api/v1/discovered").json()["items"]}
    assert set(listed) == {"210900042", "210900043", "a1", "odd"}, "what is in the registry is no stranger"
    assert (listed["210900042"]["gateway"], listed["210900042"]["model"]) == ("gw-1", "DDS-1")
    assert listed["a1"]["suggestion"]["kind"] == "water_meter"
    assert listed["odd"]["suggestion"] is None
    for query in ("gateway=gw-1", "id=210900042", "q=dds"):
        assert [one["id"] for one in visited.as_user("admin").get(f"/api/v1/discovered?{query}").json()["items"]] == ["210900042"]
    assert visited.as_user("energy").get("/api/v1/discovered").status_code == 403


def test_an_adopted_stranger_is_a_device_whose_readings_count_at_once(visited: Campus) -> None:
    admin = visited.as_user("admin")
    visited.deps.readings.write([Reading("210900042", "elec.energy.import", NOW_MS - 1000, 12.5)])
    body = {"id": "210900042", "space_id": "dorm-101", "name": "Heater", "name_zh": "热水器", "measures_space": True}
    made = admin.post("/api/v1/discovered/adopt", json=body)
    assert made.status_code == 201, made.text
    assert (made.json()["kind"], made.json()["latest"]["elec.energy.import"]["value"]) == ("electricity_meter", 12.5)
    assert admin.get("/api/v1/devices/210900042").json()["attributes"]["gateway_id"] == "gw-1"
    assert "210900042" not in {one["id"] for one in admin.get("/api/v1/discovered").json()["items"]}
    again = admin.post("/api/v1/discovered/adopt", json=body)
    assert (again.status_code, "adopted already" in again.json()["detail"]) == (404, True)
    assert visited.deps.audit.list(1)[0].action == "device.adopt"


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"space_id": "nowhere"}, 422, "there is no space 'nowhere'"),
        ({"profile_id": "toaster"}, 422, "no profile 'toaster'"),
        ({"id": "odd"}, 422, "choose a profile"),
        ({"id": "unseen"}, 404, "not among"),
        ({"upstream_id": "wm-lab"}, 422, "does not feed"),
        ({"attributes": {"interval_s": "-1"}}, 422, "above 0"),
        ({"asset": "ZC-1"}, 404, "ZC-1"),
    ],
)
def test_what_cannot_be_adopted_stays_a_stranger(visited: Campus, changes: dict[str, Any], status: int, words: str) -> None:
    body = {"id": "210900043", "space_id": "dorm-101", "name": "x", "name_zh": "x"} | changes
    answer = visited.as_user("admin").post("/api/v1/discovered/adopt", json=body)
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text
    assert len(visited.as_user("admin").get("/api/v1/discovered").json()["items"]) == 4


def test_many_are_adopted_by_rule_after_a_look(visited: Campus) -> None:
    admin = visited.as_user("admin")
    rule = {"space_id": "dorm", "family": "dlt*", "name": "Meter {id}", "dry_run": True}
    dry = admin.post("/api/v1/discovered/adopt-all", json=rule).json()
    assert (sorted(dry["adopted"]), dry["dry_run"]) == (["210900042", "210900043"], True)
    assert admin.get("/api/v1/devices/210900042").status_code == 404
    admin.post("/api/v1/discovered/adopt-all", json=rule | {"dry_run": False})
    assert admin.get("/api/v1/devices/210900043").json()["name"] == "Meter 210900043"
    chosen = admin.post("/api/v1/discovered/adopt-all", json={"space_id": "dorm", "ids": ["odd", "a1"]}).json()
    assert (chosen["adopted"], chosen["left"]) == (["a1"], ["odd"])
    assert admin.post("/api/v1/discovered/adopt-all", json={"space_id": "dorm"}).status_code == 422
    assert admin.post("/api/v1/discovered/adopt-all", json={"space_id": "none", "id": "*"}).status_code == 422


def test_ignored_strangers_stay_away_until_noticed(visited: Campus) -> None:
    admin = visited.as_user("admin")
    assert admin.post("/api/v1/discovered/ignore", json={"ids": ["odd"]}).status_code == 204
    assert [one["id"] for one in admin.get("/api/v1/discovered?ignored=true").json()["items"]] == ["odd"]
    assert "odd" not in {one["id"] for one in admin.get("/api/v1/discovered").json()["items"]}
    assert admin.post("/api/v1/discovered/notice", json={"ids": ["odd"]}).status_code == 204
    assert "odd" in {one["id"] for one in admin.get("/api/v1/discovered").json()["items"]}


@pytest.fixture
def refused(campus: Campus) -> Campus:
    letters = [
        DeadLetter(received_ms=NOW_MS - 3_600_000, topic="dtu/1", payload=b"\x68\x00\xff", reason="checksum", device_id="em-lab"),
        DeadLetter(received_ms=NOW_MS - 1000, topic="a/b", payload=b'{"x": 1}\n', reason="no family"),
        DeadLetter(received_ms=NOW_MS, topic="a/c", payload=b"x" * 70_000, reason="no family"),
    ]
    campus.deps.dead_letters.append(letters)
    return campus


def test_dead_letters_are_found_and_looked_into(refused: Campus) -> None:
    admin = refused.as_user("admin")

    def found(query: str) -> list[str]:
        return [one["topic"] for one in admin.get(f"/api/v1/dead-letters?{query}").json()["items"]]

    assert found("") == ["a/c", "a/b", "dtu/1"]
    assert found("device=em-lab") == found("reason=check") == found("topic=dtu") == ["dtu/1"]
    assert found(f"start={(NOW - timedelta(minutes=5)).isoformat().replace('+00:00', 'Z')}") == ["a/c", "a/b"]
    first = admin.get("/api/v1/dead-letters?limit=2").json()
    assert found(f"limit=2&cursor={first['next']}") == ["dtu/1"]
    counts = admin.get("/api/v1/dead-letters/counts").json()
    assert counts == {
        "total": 3,
        "waiting": 0,
        "reasons": [{"reason": "no family", "count": 2}, {"reason": "checksum", "count": 1}],
    }
    long, text, frame = (
        admin.get(f"/api/v1/dead-letters/{one['id']}").json() for one in admin.get("/api/v1/dead-letters").json()["items"]
    )
    assert (frame["hex"], frame["text"], frame["size"], frame["start"][0]) == ("68 00 ff", None, 3, "h")
    assert (text["text"], text["truncated"]) == ('{"x": 1}\n', False)
    assert (len(long["text"]), long["truncated"], long["size"]) == (65_536, True, 70_000)
    assert admin.get("/api/v1/dead-letters/999").status_code == 404
    assert refused.as_user("energy").get("/api/v1/dead-letters").status_code == 403


def test_a_replay_is_asked_for_and_the_answer_of_ingest_is_shown(refused: Campus) -> None:
    admin = refused.as_user("admin")
    ids = [one["id"] for one in admin.get("/api/v1/dead-letters").json()["items"]]
    asked = admin.post("/api/v1/dead-letters/replay", json={"ids": ids[:2]})
    assert (asked.status_code, asked.json()) == (202, {"count": 2})
    assert admin.get("/api/v1/dead-letters/counts").json()["waiting"] == 2
    refused.deps.dead_letters.settle([ids[1]], {ids[0]: "still too long"}, NOW_MS)
    left = admin.get("/api/v1/dead-letters").json()["items"]
    assert [(one["id"], one["replay"], one["reason"]) for one in left] == [
        (ids[0], "refused", "still too long"),
        (ids[2], None, "checksum"),
    ]
    assert admin.post("/api/v1/dead-letters/replay", json={"all_matching": True, "reason": "check"}).json() == {"count": 1}
    assert refused.deps.audit.list(1)[0].subject == "all reason=check"
    assert admin.post("/api/v1/dead-letters/replay", json={}).status_code == 422
    assert admin.post("/api/v1/dead-letters/replay", json={"ids": [999]}).status_code == 404


def test_dead_letters_are_removed_for_good(refused: Campus) -> None:
    admin = refused.as_user("admin")
    assert admin.post("/api/v1/dead-letters/delete", json={"all_matching": True, "reason": "no family"}).json() == {"count": 2}
    left = admin.get("/api/v1/dead-letters").json()["items"]
    assert admin.post("/api/v1/dead-letters/delete", json={"ids": [left[0]["id"]]}).json() == {"count": 1}
    assert admin.get("/api/v1/dead-letters/counts").json()["total"] == 0


def test_a_key_goes_in_and_never_comes_out(campus: Campus) -> None:
    admin = campus.as_user("admin")
    key = "00112233445566778899AABBCCDDEEFF"
    link = {"scope": "device", "key": "wm-lab", "family": "wmbus", "context": {"model": "iPERL"}, "secret": {"aes_key": key}}
    family = next(name for name in admin.get("/api/v1/families").json()["items"] if "mbus" in name)
    saved = admin.put("/api/v1/links", json=link | {"family": family})
    assert saved.json() == {
        "scope": "device",
        "key": "wm-lab",
        "family": family,
        "context": {"model": "iPERL"},
        "secrets": ["aes_key"],
    }
    kept = admin.put("/api/v1/links", json=link | {"family": family, "secret": {}})
    assert kept.json()["secrets"] == ["aes_key"]
    assert campus.deps.links.load()[0].secret == {"aes_key": key}
    told = "".join(entry.detail for entry in campus.deps.audit.list(9)) + admin.get("/api/v1/links").text
    assert key not in told
    for wrong in ({"family": "toaster"}, {"secret": {"aes_key": "12"}}, {"context": {"aes_key": key}}, {"secret": {"pin": "1"}}):
        answer = admin.put("/api/v1/links", json=link | {"family": family} | wrong)
        assert answer.status_code == 422
        assert key not in answer.text
    assert admin.post("/api/v1/links/remove", json={"scope": "device", "key": "wm-lab"}).status_code == 204
    assert admin.post("/api/v1/links/remove", json={"scope": "device", "key": "wm-lab"}).status_code == 404
