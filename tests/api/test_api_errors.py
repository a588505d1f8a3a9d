"""Every refusal is a problem document, and nothing internal leaves."""

import json
import logging

import pytest

from alerts.engine import acknowledge
from api.headers import SECURITY_HEADERS
from devices.errors import DependencyFailed
from tests.fixtures_api import PASSWORD, Campus

BIG = b"[" + b"1," * 600_000 + b"1]"


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("GET", "/api/v1/nothing", None, 404),
        ("GET", "/api/", None, 404),
        ("GET", "/api/v1/devices/nope", None, 404),
        ("DELETE", "/api/v1/alerts", None, 405),
        ("POST", "/api/v1/alerts", None, 405),
        ("GET", "/api/v1/alerts?state=oops", None, 422),
        ("GET", "/api/v1/alerts?limit=501", None, 422),
        ("GET", "/api/v1/alerts?cursor=%F0%9F", None, 422),
        ("GET", "/api/v1/alerts/abc", None, 422),
        ("GET", "/api/v1/alerts/99999999999999999999999", None, 422),
        ("GET", "/api/v1/devices/em-lab/readings", None, 422),
        ("GET", "/api/v1/devices/em-lab/readings?metric=x&start=0001-01-01T00:00:00&end=0001-01-02T00:00:00", None, 422),
        ("GET", "/api/v1/devices/em-lab/readings?metric=x&start=2026-02-02&end=2026-02-01", None, 422),
        ("GET", "/api/v1/consumption?space=lab&quantity=water&start=1971-01-01", None, 422),
        ("GET", "/api/v1/events?start=9999-12-31T23:59:59-23:59", None, 422),
        ("POST", "/api/v1/work-orders", b"{broken", 422),
        ("POST", "/api/v1/work-orders", b"\xff\xfe", 422),
        ("POST", "/api/v1/work-orders", b'{"space_id": "nope", "description": "It drips"}', 422),
        ("POST", "/api/v1/work-orders", b'{"space_id": "lab", "description": "It drips", "extra": 1}', 422),
        ("POST", "/api/v1/work-orders", b'{"space_id": "lab", "description": "   a   "}', 422),
        ("POST", "/api/v1/work-orders", BIG, 413),
        ("POST", "/api/v1/work-orders/1/explode", b"{}", 422),
    ],
)
def test_errors_are_problem_documents(campus: Campus, method: str, path: str, content: bytes | None, status: int) -> None:
    answer = campus.as_user("admin").request(method, path, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) >= {"type", "title", "status", "detail", "instance"}
    assert body["status"] == status
    assert "Traceback" not in answer.text


def test_a_wrong_method_is_told_the_right_ones(campus: Campus) -> None:
    assert campus.as_user("admin").delete("/api/v1/alerts").headers["allow"] == "GET"


def test_an_unforeseen_error_is_logged_and_not_shown(
    campus: Campus, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = campus.as_user("admin")

    def explode(*_: object, **__: object) -> None:
        raise RuntimeError("password=hunter2 in /secret/place")

    monkeypatch.setattr("storage.alert_store.AlertStore.page", explode)
    with caplog.at_level(logging.ERROR):
        answer = client.get("/api/v1/alerts")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "hunter2" not in answer.text
    assert "secret" not in answer.text
    assert answer.headers["content-security-policy"]
    assert "unhandled error method=GET path=/api/v1/alerts" in caplog.text


def test_a_store_that_does_not_answer_is_a_503_with_a_time_to_come_back(campus: Campus, monkeypatch: pytest.MonkeyPatch) -> None:
    client = campus.as_user("admin")

    def fail(*_: object, **__: object) -> None:
        raise DependencyFailed("influx at 10.0.0.7 said no", transient=True, retry_after_s=7)

    monkeypatch.setattr("storage.alert_store.AlertStore.page", fail)
    answer = client.get("/api/v1/alerts")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert "10.0.0.7" not in answer.text


def test_a_password_is_never_sent_back(campus: Campus) -> None:
    answer = campus.anonymous().post("/api/v1/auth/token", json={"username": "x" * 200, "password": PASSWORD})
    assert answer.status_code == 422
    assert PASSWORD not in answer.text
    assert answer.json()["errors"][0]["place"] == "body.username"


def test_an_illegal_step_changes_nothing(campus: Campus) -> None:
    alert = campus.raise_alert()
    client = campus.as_user("security")
    assert client.post(f"/api/v1/alerts/{alert.id}/acknowledge").status_code == 200
    again = client.post(f"/api/v1/alerts/{alert.id}/acknowledge")
    assert again.status_code == 409
    assert "acknowledged" in again.json()["detail"]
    with pytest.raises(Exception, match="not possible"):
        acknowledge(campus.deps.alerts, alert.id, "x", campus.clock[0])


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/site", "/api/v1/nothing", "/docs"])
def test_security_headers_are_on_every_answer(campus: Campus, path: str) -> None:
    headers = campus.anonymous().get(path).headers
    assert {name: headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_what_is_under_api_is_not_cached(campus: Campus) -> None:
    assert campus.as_user("admin").get("/api/v1/alerts").headers["cache-control"] == "no-store"


def test_the_reference_is_made_and_names_no_secret(campus: Campus) -> None:
    schema = campus.anonymous().get("/openapi.json")
    assert schema.status_code == 200
    assert schema.json()["paths"]["/api/v1/consumption"]["get"]["summary"] == "Consumption by hour or day"
    assert "/metrics" in schema.json()["paths"]
    crew = schema.json()["paths"]["/api/v1/crew"]["get"]
    assert crew["x-roles"] == ["admin", "dispatcher", "logistics_head"]
    assert crew["security"] == [{"bearer": []}, {"cookie": []}]
    assert set(crew["responses"]) == {"200", "4XX", "5XX"}
    assert "security" not in schema.json()["paths"]["/healthz"]["get"]
    assert "HTTPValidationError" not in schema.text
    assert "sha256" not in json.dumps(schema.json())
    page = campus.anonymous().get("/docs")
    assert "POST /api/v1/work-orders/{order_id}/{event}" in page.text
    assert "<script" not in page.text
    assert campus.anonymous().get("/docs.css").headers["content-type"].startswith("text/css")


def test_a_body_without_a_declared_length_is_counted(campus: Campus) -> None:
    chunks = (b"x" * 65_536 for _ in range(40))
    answer = campus.as_user("admin").post("/api/v1/work-orders", content=chunks, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_form_is_told_to_come_as_json(campus: Campus) -> None:
    """What OAuth clients and curl -d send."""
    answer = campus.anonymous().post("/api/v1/auth/token", data={"username": "admin", "password": "hunter2"})
    assert (answer.status_code, "application/json" in answer.json()["detail"]) == (415, True), answer.text
    assert "hunter2" not in answer.text
