"""The platform's own troubles: judged from ingest's numbers, stored as findings, alerts that end by themselves."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from alerts import self_watch
from alerts.model import AlertState, Severity
from analytics.finding import FindingKind
from devices.model import Space, SpaceKind
from runtime.databases import open_database
from runtime.roles.alerts_desk import Desk
from runtime.roles.alerts_self import SelfWatch
from runtime.settings import Settings
from storage.database import Database
from storage.registry_store import RegistryStore

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
REFUSES, WAIT = FindingKind.PLATFORM_SPOOL_REFUSES, FindingKind.PLATFORM_READINGS_WAIT
SILENT = FindingKind.PLATFORM_INGEST_SILENT
WELL: dict[str, float] = {
    "caretaker_ingest_updated_ms": NOW.timestamp() * 1000,
    "caretaker_ingest_refusing": 0,
    "caretaker_ingest_spool_age_seconds": 1,
    "caretaker_ingest_waiting_alarm_seconds": 120,
    "caretaker_ingest_spool_bytes": 5 << 20,
    "caretaker_ingest_spool_limit_bytes": 2048 << 20,
    "caretaker_ingest_disk_free_bytes": 9000 << 20,
}


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        pytest.param({}, None, id="ingest has never said anything"),
        pytest.param(WELL, {SILENT: False, REFUSES: False, WAIT: False}, id="all is well"),
        pytest.param(
            WELL | {"caretaker_ingest_refusing": 1}, {SILENT: False, REFUSES: True, WAIT: False}, id="the spool takes nothing"
        ),
        pytest.param(
            WELL | {"caretaker_ingest_spool_age_seconds": 121},
            {SILENT: False, REFUSES: False, WAIT: True},
            id="the store has been away for more than two minutes",
        ),
        pytest.param(
            WELL | {"caretaker_ingest_updated_ms": (NOW.timestamp() - 61) * 1000, "caretaker_ingest_refusing": 1},
            {SILENT: True},
            id="silent: nothing else can be told",
        ),
    ],
)
def test_judgement(numbers: dict[str, float], expected: dict[FindingKind, bool] | None) -> None:
    judged = self_watch.judge(numbers, NOW)
    assert {kind: trouble is not None for kind, trouble in judged.items()} == (expected or {})


def test_what_an_earlier_run_left_behind_is_no_alarm() -> None:
    old = WELL | {"caretaker_ingest_updated_ms": (NOW.timestamp() - 9000) * 1000}
    assert self_watch.judge(old, NOW, since=NOW - timedelta(seconds=5))[SILENT] is None
    assert self_watch.judge(old, NOW, since=NOW - timedelta(seconds=61))[SILENT] is not None


def test_the_words_carry_the_sizes() -> None:
    trouble = self_watch.judge(WELL | {"caretaker_ingest_refusing": 1}, NOW)[REFUSES]
    assert trouble is not None
    assert trouble.message % trouble.facts == "Spool 5 of 2048 MB, 9000 MB of the disk free"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(Settings(data_dir=tmp_path))) as made:
        made.migrate()
        RegistryStore(made).save([Space(id="site", kind=SpaceKind.SITE, name="Site", name_zh="校园")], [])
        yield made


def write(directory: Path, **changes: float) -> None:
    directory.mkdir(exist_ok=True)
    numbers = WELL | {f"caretaker_ingest_{name}": value for name, value in changes.items()}
    (directory / "ingest.json").write_text(json.dumps(numbers))


def test_a_refusing_spool_opens_an_alert_that_ends_by_itself(database: Database, tmp_path: Path) -> None:
    directory = tmp_path / "metrics"
    desk = Desk(database, ZoneInfo("Asia/Shanghai"), lambda *_: None)
    watch = SelfWatch(directory, desk.findings, lambda: desk.registry, since=NOW)

    def turn(now: datetime) -> None:
        watch.look(now)
        desk.follow(now, own_kinds=lambda _: False)

    turn(NOW)
    write(directory)
    turn(NOW)
    assert desk.alerts.list() == []
    write(directory, refusing=1)
    turn(NOW)
    turn(NOW + timedelta(seconds=2))
    (alert,) = desk.alerts.list()
    assert (alert.kind, alert.device_id, alert.space_id) == (REFUSES, "caretaker-ingest", "site")
    assert (alert.state, alert.severity, alert.facts["limit_mb"]) == (AlertState.OPEN, Severity.CRITICAL, 2048)
    again = SelfWatch(directory, desk.findings, lambda: desk.registry, since=NOW)  # a restart of the alerts role knows it
    write(directory)
    again.look(NOW + timedelta(seconds=4))
    desk.follow(NOW + timedelta(seconds=4), own_kinds=lambda _: False)
    assert [one.state for one in desk.alerts.list()] == [AlertState.RESOLVED]
