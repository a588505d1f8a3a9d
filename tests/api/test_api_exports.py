"""Readings as files: units, zone and words in CSV, the same in Parquet, nothing that a spreadsheet would run."""

import csv
import io

import pyarrow.parquet as pq
import pytest

from devices.model import Quality, Reading
from tests.fixtures_api import NOW, Campus

NOW_MS = round(NOW.timestamp() * 1000)


@pytest.fixture
def full(campus: Campus) -> Campus:
    flags = int(Quality.LATE | Quality.IMPLAUSIBLE)
    campus.deps.readings.write(
        [
            Reading("wm-lab", "water.volume", NOW_MS - 7_200_000, 12.5),
            Reading("wm-lab", "water.volume", NOW_MS - 3_600_000, 13.25, flags),
            Reading("em-101", "elec.energy.import", NOW_MS - 3_600_000, 1.0),
            Reading("wm-lab", "water.volume.hourly", NOW_MS - 5_400_000, 0.75),
            Reading("wm-lab", "water.volume", NOW_MS - 30 * 86_400_000, 1.0),
        ]
    )
    return campus


def rows(campus: Campus, query: str = "", user: str = "energy") -> list[dict[str, str]]:
    answer = campus.as_user(user).get(f"/api/v1/exports/readings?bom=0&{query}")
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_csv_has_units_local_times_and_words(full: Campus) -> None:
    assert rows(full, "device=wm-lab") == [
        {
            "device_id": "wm-lab",
            "metric": "water.volume",
            "unit": "m3",
            "time": "2026-11-18T10:30:00.000+08:00",
            "value": "12.5",
            "quality": "",
        },
        {
            "device_id": "wm-lab",
            "metric": "water.volume",
            "unit": "m3",
            "time": "2026-11-18T11:30:00.000+08:00",
            "value": "13.25",
            "quality": "late implausible",
        },
    ]


def test_excel_sees_utf_8_and_the_browser_a_file(full: Campus) -> None:
    answer = full.as_user("energy").get("/api/v1/exports/readings")
    assert answer.content.startswith(b"\xef\xbb\xbfdevice_id")
    assert answer.headers["content-disposition"] == 'attachment; filename="readings-20261117-20261118.csv"'


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("what=hourly", ["0.75"]),
        ("what=hourly&metric=water.volume", ["0.75"]),
        ("metric=elec.energy.import", ["1.0"]),
        ("space=lab", ["12.5", "13.25"]),
        ("device=wm-lab&start=2026-10-01T00:00&end=2026-11-01T00:00", ["1.0"]),
        ("metric=nothing", []),
    ],
)
def test_what_is_chosen(full: Campus, query: str, values: list[str]) -> None:
    assert [row["value"] for row in rows(full, query)] == values


def test_parquet(full: Campus) -> None:
    answer = full.as_user("energy").get("/api/v1/exports/readings?format=parquet&device=wm-lab")
    table = pq.read_table(io.BytesIO(answer.content))
    assert table.schema.metadata[b"timezone"] == b"Asia/Shanghai"
    assert table.to_pylist()[1]["quality"] == "late implausible"
    assert [row["value"] for row in table.to_pylist()] == [12.5, 13.25]


def test_text_that_a_spreadsheet_would_run_is_defused(full: Campus) -> None:
    device = next(iter(full.deps.registry.load().devices.values()))
    evil = type(device)(
        id="=cmd|'/C calc'!A0", kind=device.kind, profile_id=device.profile_id, space_id="lab", name="x", name_zh="x"
    )
    full.deps.registry.save((), [evil])
    full.deps.readings.write([Reading(evil.id, "water.volume", NOW_MS - 1000, 1.0)])
    assert [row["device_id"] for row in rows(full, "space=lab") if "cmd" in row["device_id"]] == ["'=cmd|'/C calc'!A0"]


@pytest.mark.parametrize(
    ("query", "user", "status"),
    [
        ("device=nope", "energy", 404),
        ("start=2000-01-01T00:00", "energy", 422),
        ("format=xml", "energy", 422),
        ("", "crew", 403),
    ],
)
def test_what_is_refused(full: Campus, query: str, user: str, status: int) -> None:
    assert full.as_user(user).get(f"/api/v1/exports/readings?{query}").status_code == status
