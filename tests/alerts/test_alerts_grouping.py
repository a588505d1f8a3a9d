"""Fire devices that fall silent together: when one line stands over them, and over which."""

from datetime import UTC, datetime, timedelta

import pytest

from alerts.grouping import headlines
from alerts.model import Alert, AlertState, Severity

START = datetime(2026, 3, 10, tzinfo=UTC)
PATHS = {"site": ("site",)} | {
    f"{building}-f{floor}": ("site", building, f"{building}-f{floor}") for building in "abcd" for floor in (1, 2)
}


def silent(number: int, space_id: str, at_s: float, *, kind: str = "fire.device_silent", resolved: bool = False) -> Alert:
    at = START + timedelta(seconds=at_s)
    state = AlertState.RESOLVED if resolved else AlertState.OPEN
    return Alert(
        id=number,
        kind=kind,
        device_id=f"d-{number}",
        space_id=space_id,
        severity=Severity.CRITICAL,
        state=state,
        message="",
        raised_at=at,
        updated_at=at,
    )


def many(space_ids: list[str], *, apart_s: float = 5) -> list[Alert]:
    return [silent(number, space_id, number * apart_s) for number, space_id in enumerate(space_ids)]


SITE = ["site", *(name for name in PATHS if name != "site")]


@pytest.mark.parametrize(
    ("alerts", "expected"),
    [
        pytest.param(many(["a-f1"] * 4), [], id="four are told one by one"),
        pytest.param(many(["a-f1"] * 5), [("a-f1", False, 5)], id="a floor's loop"),
        pytest.param(many(["a-f1", "a-f2"] * 3), [("a", False, 6)], id="a building's gateway"),
        pytest.param(many([*["a-f1", "a-f2"] * 3, "b-f1"]), [("a", False, 6)], id="one elsewhere is by itself"),
        pytest.param(many(SITE), [("site", True, 9)], id="the network"),
        pytest.param(many(SITE, apart_s=400), [], id="over an hour: not one cause"),
        pytest.param(
            [*many(["a-f1"] * 5), *(silent(10 + n, "b-f1", 4000 + n) for n in range(6))],
            [("a-f1", False, 5), ("b-f1", False, 6)],
            id="two outages are two lines",
        ),
        pytest.param([*many(["a-f1"] * 4), silent(9, "a-f1", 9, resolved=True)], [], id="who speaks again does not count"),
        pytest.param([silent(n, "a-f1", n, kind="fire.smoke") for n in range(9)], [], id="alarms are never grouped"),
    ],
)
def test_headlines(alerts: list[Alert], expected: list[tuple[str, bool, int]]) -> None:
    found = headlines(reversed(alerts), PATHS.__getitem__)
    assert [(one.space_id, one.site_wide, len(one.alert_ids)) for one in found] == expected


def test_every_alert_is_under_one_headline_at_most_and_stays_itself() -> None:
    alerts = [*many(SITE), *(silent(100 + n, "a-f1", 2000 + n) for n in range(7))]
    ids = [alert_id for one in headlines(alerts, PATHS.__getitem__) for alert_id in one.alert_ids]
    assert len(ids) == len(set(ids)) == len(alerts)
    assert [one.alert_ids[0] for one in headlines(alerts, PATHS.__getitem__)] == [0, 100]
