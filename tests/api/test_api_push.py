"""Pushes by HTTP: tokens, what is counted, what is durable, and that ingest stores it once."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from ingest.drain import Drainer, Sinks
from ingest.pipeline import Pipeline
from tests.fixtures_api import NOW, Campus

TS = "2026-11-18T12:00:00+08:00"
TS_MS = 1_794_974_400_000


def made_token(campus: Campus, **more: Any) -> dict[str, Any]:
    answer = campus.as_user("admin").post("/api/v1/tokens", json={"name": "gateway", **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


@contextmanager
def pushing(campus: Campus, **more: Any) -> Iterator[Any]:
    client = campus.anonymous()
    client.headers["Authorization"] = f"Bearer {made_token(campus, **more)['secret']}"
    yield client


class _Letters:
    def __init__(self) -> None:
        self.kept: list[Any] = []

    def append(self, letters: Any) -> None:
        self.kept += letters


def drain(campus: Campus) -> _Letters:
    """As the ingest role does."""
    letters, deps = _Letters(), campus.deps
    sinks = Sinks(readings=deps.readings, events=deps.events, dead_letters=letters, health=deps.health)
    drainer = Drainer(deps.incoming.mailbox, Pipeline(deps.registry.load()), sinks)
    while drainer.step():
        pass
    return letters


def counts(answer: httpx.Response) -> tuple[int, int, int]:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return body["accepted"], body["duplicate"], body["rejected"]


def item(device: str = "wm-lab", value: float = 12.5, ts: str | None = TS) -> dict[str, Any]:
    return {"device": device, "ts": ts, "readings": {"water.volume": value}}


@pytest.mark.parametrize("form", [lambda i: i, lambda i: [i], lambda i: {"items": [i]}], ids=["one", "list", "items"])
def test_a_push_is_stored_once(campus: Campus, form: Any) -> None:
    with pushing(campus) as client:
        assert counts(client.post("/api/v1/push", json=form(item()))) == (1, 0, 0)
        assert counts(client.post("/api/v1/push", json=form(item()))) == (0, 1, 0)
        drain(campus)
        campus.deps.incoming.recent.__init__()  # another process: only the store knows
        assert counts(client.post("/api/v1/push", json=form(item()))) == (0, 1, 0)
    drain(campus)
    assert [(r.ts_ms, r.value) for r in campus.deps.readings.range("wm-lab", "water.volume", 0, 2 * TS_MS)] == [(TS_MS, 12.5)]


def test_another_value_at_the_same_moment_is_no_duplicate(campus: Campus) -> None:
    with pushing(campus) as client:
        client.post("/api/v1/push", json=item(value=1))
        assert counts(client.post("/api/v1/push", json=item(value=2))) == (1, 0, 0)
    drain(campus)
    assert campus.deps.readings.latest(["wm-lab"])[0].value == 2


def test_without_a_time_the_servers_stands_and_the_path_may_name_the_device(campus: Campus) -> None:
    with pushing(campus) as client:
        assert counts(client.post("/api/v1/push/devices/wm-lab", json={"readings": {"water.flow": 1}})) == (1, 0, 0)
    drain(campus)
    assert campus.deps.readings.latest(["wm-lab"])[0].ts_ms == round(NOW.timestamp() * 1000)


def test_each_bad_item_is_told_and_the_rest_counts(campus: Campus) -> None:
    body = [item(), item("a\nb"), {"device": "wm-lab", "readings": {"x": "text"}}, 7, item("em-lab") | {"color": "red"}]
    with pushing(campus) as client:
        answer = client.post("/api/v1/push", json=body)
    assert counts(answer) == (1, 0, 4)
    assert [(one["item"], one["device_id"]) for one in answer.json()["rejections"]] == [
        (1, None),
        (2, "wm-lab"),
        (3, None),
        (4, "em-lab"),
    ]


def test_events_and_fire_reach_the_alarm_lane_at_once(campus: Campus) -> None:
    event = {"device": "smoke-101", "event": "alarm.smoke", "ts": TS}
    with pushing(campus) as client:
        assert counts(client.post("/api/v1/push", json=event)) == (1, 0, 0)
    assert [topic for topic, _ in campus.announced] == ["caretaker/v1/campus/smoke-101/event"]
    drain(campus)
    assert [found.type for found in campus.deps.events.list(device_id="smoke-101", start_ms=0, end_ms=2 * TS_MS)] == ["alarm.smoke"]


@pytest.mark.parametrize(
    ("body", "expect"),
    [(b"", "not JSON"), (b"[]", "0 items"), (b"{", "not JSON"), (b'{"device":"wm-lab"}', "readings"), (b"\xff", "not JSON")],
)
def test_a_body_without_anything_usable_is_422(campus: Campus, body: bytes, expect: str) -> None:
    with pushing(campus) as client:
        answer = client.post("/api/v1/push", content=body)
    assert answer.status_code == 422
    assert expect in answer.json()["detail"]


def test_the_scope_of_a_token(campus: Campus) -> None:
    with pushing(campus, devices=["wm-*", "em-101"]) as client:
        assert counts(client.post("/api/v1/push", json=[item(), item("em-101"), item("em-lab")])) == (2, 0, 1)


def test_a_token_is_told_once_hashed_expires_and_can_be_revoked(campus: Campus) -> None:
    made = made_token(campus, days=1)
    assert made["secret"].startswith("ctk_")
    assert len(made["secret"]) > 40
    admin, client = campus.as_user("admin"), campus.anonymous()
    headers = {"X-Caretaker-Token": made["secret"]}
    assert client.post("/api/v1/push", json=item(), headers=headers).status_code == 200
    listed = admin.get("/api/v1/tokens").json()["items"][0]
    assert listed["usable"]
    assert listed["last_used_at"] is not None
    assert made["secret"] not in admin.get("/api/v1/tokens").text
    campus.later(timedelta(days=2))
    campus.clients.clear()
    assert client.post("/api/v1/push", json=item(), headers=headers).status_code == 401
    other = made_token(campus, days=None)
    assert campus.as_user("admin").post(f"/api/v1/tokens/{other['id']}/revoke").json()["usable"] is False
    assert client.post("/api/v1/push", json=item(), headers={"X-Caretaker-Token": other["secret"]}).status_code == 401
    assert [entry.action for entry in campus.deps.audit.list(limit=3)] == ["token.revoke", "token.create", "token.create"]


@pytest.mark.parametrize("secret", ["", "nonsense", "ctk_" + "x" * 43])
def test_no_push_without_a_token(campus: Campus, secret: str) -> None:
    answer = campus.anonymous().post("/api/v1/push", json=item(), headers={"X-Caretaker-Token": secret})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_session_is_no_push_token_and_only_admins_make_tokens(campus: Campus) -> None:
    assert campus.as_user("admin").post("/api/v1/push", json=item()).status_code == 401
    assert campus.as_user("energy").post("/api/v1/tokens", json={"name": "x"}).status_code == 403


def test_limits(campus: Campus) -> None:
    with pushing(campus) as client:
        assert client.post("/api/v1/push", content=b"x" * (1024 * 1024 + 1)).status_code == 413
        campus.deps.incoming.limiter.__init__()
        answers = [client.post("/api/v1/push", json=item()).status_code for _ in range(601)]
        assert (set(answers[:600]), answers[600]) == ({200}, 429)


CHIRPSTACK = {
    "deviceInfo": {"devEui": "24e124136c221234", "deviceName": "meter"},
    "time": "2026-11-18T04:00:00Z",
    "fPort": 85,
    "object": {"temperature": 21.5},
}


def test_a_webhook_of_another_maker(campus: Campus) -> None:
    with pushing(campus) as client:
        assert (
            counts(client.post("/api/v1/push/chirpstack.v4?topic=application/1/device/24e124136c221234/event/up", json=CHIRPSTACK))[
                0
            ]
            == 1
        )
    assert not drain(campus).kept
    assert [(r.metric, r.value) for r in campus.deps.readings.latest(["24e124136c221234"])] == [("env.temperature", 21.5)]


def test_a_door_controller_that_pushes_by_http_reaches_the_alarm_lane(campus: Campus) -> None:
    event = {"AccessControllerEvent": {"majorEventType": 5, "subEventType": 76, "cardNo": "7"}, "dateTime": TS}
    with pushing(campus) as client:
        client.post("/api/v1/push/access.hikvision?topic=door-lab", json=event)
    assert {topic for topic, _ in campus.announced} == {"caretaker/v1/campus/door-lab/event"}
    drain(campus)
    kept = campus.deps.events.list(device_id="door-lab", start_ms=0, end_ms=2 * TS_MS)
    assert [found.type for found in kept] == [json.loads(payload)["event"] for _, payload in campus.announced]


def test_a_token_in_the_address_for_devices_that_send_no_header(campus: Campus) -> None:
    secret = made_token(campus, devices=["24e1*"])["secret"]
    answer = campus.anonymous().post(f"/api/v1/push/by-token/{secret}/chirpstack.v4", json=CHIRPSTACK)
    assert counts(answer)[0] == 1
    refused = campus.anonymous().post(f"/api/v1/push/by-token/{secret}/no.such", json={})
    assert refused.status_code == 422
    assert secret not in refused.text


def test_a_foreign_message_of_a_device_outside_the_scope_is_refused_whole(campus: Campus) -> None:
    with pushing(campus, devices=["wm-*"]) as client:
        assert client.post("/api/v1/push/chirpstack.v4", json=CHIRPSTACK).status_code == 403
    assert campus.deps.incoming.mailbox.size_bytes == 0
