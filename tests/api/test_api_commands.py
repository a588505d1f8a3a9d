"""Commands over the API: who may, what waits for a second person, what is on record."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from devices import command as machine
from devices.command import CommandState
from storage.user import Role, User
from tests.fixtures_api import DEVICES, NOW, Campus

OBEYS = {"wm-lab": "valve.close valve.open", "em-lab": "breaker.off breaker.on", "door-lab": "door.release door.lock"}


@pytest.fixture
def commanded(campus: Campus) -> Campus:
    changed = [replace(device, attributes={"commands": OBEYS[device.id]}) for device in DEVICES if device.id in OBEYS]
    campus.deps.registry.save((), changed)
    campus.deps.users.create(User(username="second", display_name="Second", roles=frozenset({Role.ADMIN})), "x")
    return campus


def give(campus: Campus, user: str, device: str, name: str, **headers: str) -> Any:
    body = {"name": name, "reason": "burst in the cellar"}
    return campus.as_user(user).post(f"/api/v1/devices/{device}/commands", json=body, headers=headers)


@pytest.mark.parametrize(
    ("user", "device", "name", "status"),
    [
        ("dispatcher", "wm-lab", "valve.close", 201),
        ("energy", "em-lab", "breaker.off", 201),
        ("security", "door-lab", "door.release", 201),
        ("labguard", "door-lab", "door.lock", 201),
        ("admin", "door-lab", "door.lock", 201),
        ("security", "wm-lab", "valve.close", 403),
        ("dispatcher", "door-lab", "door.release", 403),
        ("crew", "wm-lab", "valve.close", 403),
        ("head", "wm-lab", "valve.close", 403),
        ("admin", "wm-lab", "door.lock", 422),
        ("admin", "em-101", "breaker.off", 422),
        ("labguard", "smoke-101", "door.lock", 404),
        ("admin", "nope", "door.lock", 404),
        ("admin", "wm-lab", "explode", 422),
    ],
)
def test_who_may_command_what(commanded: Campus, user: str, device: str, name: str, status: int) -> None:
    assert give(commanded, user, device, name).status_code == status


def test_a_dangerous_one_waits_for_another_person(commanded: Campus) -> None:
    made = give(commanded, "dispatcher", "wm-lab", "valve.open").json()
    assert (made["state"], made["allowed"]) == ("requested", ["cancel"])
    address = f"/api/v1/commands/{made['id']}/confirm"
    assert commanded.as_user("dispatcher").post(address).status_code == 409
    assert commanded.as_user("security").post(address).status_code == 403
    seen = commanded.as_user("energy").get("/api/v1/devices/wm-lab/commands").json()
    assert seen["items"][0]["allowed"] == ["confirm", "cancel"]
    assert (seen["obeys"], seen["confirmed_by_two"]) == (["valve.close", "valve.open"], ["valve.open"])
    confirmed = commanded.as_user("energy").post(address).json()
    assert (confirmed["state"], confirmed["confirmed_by"]) == ("confirmed", "energy")
    assert commanded.as_user("admin").post(address).status_code == 409
    assert [entry.action for entry in commanded.deps.audit.list(limit=2)] == ["command.confirm", "command.request"]


def test_a_confirmation_comes_too_late_after_ten_minutes(commanded: Campus) -> None:
    made = give(commanded, "dispatcher", "wm-lab", "valve.open").json()
    commanded.later(machine.CONFIRM_WITHIN)
    answer = commanded.as_user("energy").post(f"/api/v1/commands/{made['id']}/confirm")
    assert (answer.status_code, "waited too long" in answer.json()["detail"]) == (409, True)


def test_the_same_request_twice_is_one_command_and_a_device_has_one_at_a_time(commanded: Campus) -> None:
    first = give(commanded, "dispatcher", "wm-lab", "valve.close", **{"Idempotency-Key": "k1"}).json()
    assert give(commanded, "dispatcher", "wm-lab", "valve.close", **{"Idempotency-Key": "k1"}).json()["id"] == first["id"]
    assert give(commanded, "energy", "wm-lab", "valve.open").status_code == 409
    assert commanded.as_user("energy").post(f"/api/v1/commands/{first['id']}/cancel").json()["state"] == "cancelled"
    assert give(commanded, "energy", "wm-lab", "valve.open").status_code == 201


def test_what_was_sent_cannot_be_called_back(commanded: Campus) -> None:
    made = give(commanded, "dispatcher", "wm-lab", "valve.close").json()
    store = commanded.deps.incoming.commands
    store.update(machine.send(store.get(made["id"]), now=NOW + timedelta(seconds=1)))
    assert commanded.as_user("dispatcher").post(f"/api/v1/commands/{made['id']}/cancel").status_code == 409
    assert store.get(made["id"]).state is CommandState.SENT


def test_commands_of_another_building_are_hidden(commanded: Campus) -> None:
    made = give(commanded, "energy", "em-lab", "breaker.off").json()
    assert [one["id"] for one in commanded.as_user("labguard").get("/api/v1/commands").json()["items"]] == [made["id"]]
    dorm = replace(next(device for device in DEVICES if device.id == "em-dorm"), attributes={"commands": "breaker.off"})
    commanded.deps.registry.save((), [dorm])
    other = give(commanded, "energy", "em-dorm", "breaker.off").json()
    assert other["id"] not in [one["id"] for one in commanded.as_user("labguard").get("/api/v1/commands").json()["items"]]
    assert commanded.as_user("labguard").post(f"/api/v1/commands/{other['id']}/cancel").status_code == 404
