"""Filters by names that mean nothing: 422 with the nearest name or the rule; nobody hears of what they may not see."""

import pytest

from tests.fixtures_api import Campus


@pytest.mark.parametrize(
    ("user", "path", "told"),
    [
        ("admin", "findings?device=em-lap", "did you mean 'em-lab'?"),
        ("admin", "alerts?device=em-lap", "did you mean 'em-lab'?"),
        ("admin", "assets?device=em-lap", "did you mean 'em-lab'?"),
        ("admin", "manual-readings?device=zzzzzz", "nothing here has a name like it"),
        ("labguard", "alerts?device=smoke-101", "there is no device"),
        ("admin", "events?type=door%0Aforced", "no event type"),
        ("admin", "events?type=", "no event type"),
        ("admin", "work-orders?assignee=crow", "did you mean 'crew'?"),
        ("admin", "work-orders?reporter=nobody-here", "there is no user"),
    ],
)
def test_unknown_names_are_refused(campus: Campus, user: str, path: str, told: str) -> None:
    answer = campus.as_user(user).get(f"/api/v1/{path}")
    assert answer.status_code == 422
    assert told in answer.json()["detail"]
    assert "smoke-101'?" not in answer.json()["detail"]


@pytest.mark.parametrize(
    ("user", "path"),
    [
        ("admin", "findings?device=em-lab"),
        ("labguard", "alerts?device=door-lab"),
        ("admin", "events?type=door.forced,alarm.smoke"),
        ("admin", "work-orders?assignee=crew&reporter=me"),
        ("reporter", "work-orders?assignee=crew"),
        ("reporter", "work-orders?assignee=nobody-here"),
    ],
)
def test_known_ones_may_have_nothing(campus: Campus, user: str, path: str) -> None:
    answer = campus.as_user(user).get(f"/api/v1/{path}")
    assert (answer.status_code, answer.json()["items"]) == (200, [])
