"""The same API on PostgreSQL: one fault through all its stores, and what PostgreSQL alone refuses."""

from tests.fixtures_api import PASSWORD, Campus

REPORT = {"space_id": "dorm-101", "description": "The tap drips", "trade": "plumbing"}


def test_the_main_story_on_postgresql(postgres_campus: Campus) -> None:
    campus = postgres_campus
    signed_in = campus.anonymous().post("/api/v1/auth/token", json={"username": "security", "password": PASSWORD})
    assert signed_in.status_code == 200
    alert = campus.raise_alert()
    assert campus.as_user("security").post(f"/api/v1/alerts/{alert.id}/acknowledge").status_code == 200
    key = {"Idempotency-Key": "one"}
    first, again = (campus.as_user("reporter").post("/api/v1/work-orders", json=REPORT, headers=key) for _ in range(2))
    assert first.status_code == 201
    assert first.json() == again.json()
    assert campus.as_user("crew").post(f"/api/v1/work-orders/{first.json()['id']}/accept").json()["state"] == "accepted"
    assert campus.as_user("admin").get(f"/api/v1/work-orders/{first.json()['id']}").json()["chain_ok"] is True
    assert campus.as_user("admin").get("/api/v1/summary").json()["alerts"]["life_safety"] == 1
    assert campus.anonymous().get("/readyz").status_code == 200


def test_text_that_postgresql_cannot_keep_is_the_caller_s_mistake(postgres_campus: Campus) -> None:
    admin = postgres_campus.as_user("admin")
    assert admin.post("/api/v1/work-orders", json=REPORT | {"description": "nul \0 here"}).status_code == 422
    assert admin.get("/api/v1/alerts", params={"device": "\0"}).status_code in {200, 422}
    assert admin.get("/api/v1/work-orders", params={"assignee": "\0"}).status_code in {200, 422}
    sign_in = {"username": "a\0b", "password": "x"}
    assert postgres_campus.anonymous().post("/api/v1/auth/token", json=sign_in).status_code in {401, 422}
