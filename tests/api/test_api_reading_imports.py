"""Tables of readings by API: upload, plan, dry run, import in the background, exactly once."""

import io
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from devices.errors import DependencyFailed
from devices.model import Reading
from runtime.roles.importer import Importer
from storage.database import Database
from storage.import_store import STALE_AFTER
from storage.incoming import ImportState
from storage.meter_store import MeterStore
from tests.fixtures_api import Campus

MARCH_MS = 1_772_325_000_000
CSV = (
    "表号,抄表时间,读数（m3）\nwm-lab,2026-03-01 08:30,12.5\nwm-lab,2026-03-09 08:30,\n"
    "wm-99,2026-03-09 08:30,1\nwm-lab,2026/3/9 8:30,20\n"
)
PLAN = {"metric": "water.volume"}


def upload(campus: Campus, data: bytes = CSV.encode("gb18030"), name: str = "march.csv") -> dict[str, Any]:
    answer = campus.as_user("energy").post("/api/v1/reading-imports/uploads", files={"file": (name, data)})
    assert answer.status_code == 201, answer.text
    return answer.json()


def planned(sent: dict[str, Any], **more: Any) -> dict[str, Any]:
    plan = {name: value for name, value in sent["plan"].items() if value is not None}
    return {**plan, **PLAN, "upload": sent["id"], "filename": sent["filename"], **more}


@pytest.fixture
def importer(campus: Campus, tmp_path: Path) -> Any:
    with closing(Database(f"sqlite:///{tmp_path / 'caretaker.sqlite'}")) as database:
        yield Importer(database, campus.deps.readings, campus.deps.incoming.directory, now=campus.deps.now)


def test_from_upload_to_stored(campus: Campus, importer: Importer, tmp_path: Path) -> None:
    sent = upload(campus)
    assert sent["columns"] == ["表号", "抄表时间", "读数（m3）"]
    assert sent["first_rows"][0]["读数（m3）"] == "12.5"
    user = campus.as_user("energy")
    seen = user.get("/api/v1/reading-imports/preview", params=planned(sent)).json()
    assert (seen["rows"], seen["readings"], seen["rejected"], seen["devices"]) == (4, 2, 2, ["wm-lab"])
    assert [(one["row"], one["column"]) for one in seen["problems"]] == [(3, "读数（m3）"), (4, "表号")]
    assert campus.deps.readings.latest(["wm-lab"]) == []
    made = user.post("/api/v1/reading-imports", json=planned(sent)).json()
    assert made["state"] == "waiting"
    assert importer.step()
    assert not importer.step()
    ended = user.get(f"/api/v1/reading-imports/{made['id']}").json()
    assert (ended["state"], ended["rows_total"], ended["rows_done"], ended["rows_rejected"], ended["readings"]) == (
        "done",
        4,
        4,
        2,
        2,
    )
    assert [one["row"] for one in ended["problems"]] == [3, 4]
    stored = campus.deps.readings.range("wm-lab", "water.volume", 0, 2 * MARCH_MS)
    assert stored == [
        Reading("wm-lab", "water.volume", MARCH_MS, 12.5),
        Reading("wm-lab", "water.volume", MARCH_MS + 8 * 86_400_000, 20.0),
    ]
    with closing(Database(f"sqlite:///{tmp_path / 'caretaker.sqlite'}")) as database:
        asked = MeterStore(database).recounts("wm-lab")
    assert [(one.from_ms, one.to_ms) for one in asked] == [(MARCH_MS, MARCH_MS + 8 * 86_400_000)]


def test_excel_and_another_unit(campus: Campus, importer: Importer) -> None:
    book, out = Workbook(), io.BytesIO()
    for row in (("device", "time", "value"), ("wm-lab", "2026-03-01 08:30", 12500)):
        book.worksheets[0].append(row)
    book.save(out)
    sent = upload(campus, out.getvalue(), "march.xlsx")
    campus.as_user("energy").post("/api/v1/reading-imports", json=planned(sent, unit="L"))
    importer.step()
    assert campus.deps.readings.latest(["wm-lab"])[0].value == 12.5


def test_one_that_died_is_begun_again_and_nothing_comes_twice(campus: Campus, importer: Importer) -> None:
    campus.as_user("energy").post("/api/v1/reading-imports", json=planned(upload(campus)))
    imports = campus.deps.incoming.imports
    dead = imports.claim(campus.deps.now())
    assert dead is not None
    assert not importer.step()
    campus.later(STALE_AFTER + timedelta(seconds=1))
    assert importer.step()
    assert imports.get(dead.id).state is ImportState.DONE
    assert len(campus.deps.readings.range("wm-lab", "water.volume", 0, 2 * MARCH_MS)) == 2


def test_a_store_that_fails_leaves_it_to_the_next_try(campus: Campus, importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    made = campus.as_user("energy").post("/api/v1/reading-imports", json=planned(upload(campus))).json()

    class Broken:
        def import_table(self, _table: object) -> int:
            raise DependencyFailed("away", transient=True)

    importer._readings, whole = Broken(), importer._readings  # type: ignore[assignment]
    with pytest.raises(DependencyFailed):
        importer.step()
    importer._readings = whole
    campus.later(STALE_AFTER + timedelta(seconds=1))
    assert importer.step()
    assert campus.deps.incoming.imports.get(made["id"]).readings == 2


def test_a_file_that_is_gone_fails_in_words(campus: Campus, importer: Importer) -> None:
    made = campus.as_user("energy").post("/api/v1/reading-imports", json=planned(upload(campus))).json()
    for path in (campus.deps.incoming.directory / "uploads").iterdir():
        path.unlink()
    importer.step()
    ended = campus.as_user("energy").get(f"/api/v1/reading-imports/{made['id']}").json()
    assert (ended["state"], "upload it again" in ended["problems"][0]["message"]) == ("failed", True)


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"time": "nope"}, 422, "no column 'nope'"),
        ({"unit": "kWh"}, 422, "cannot be turned into m3"),
        ({"upload": "0" * 64}, 404, "upload the file again"),
        ({"upload": "../../secrets"}, 422, "upload"),
        ({"timezone": "Mars"}, 422, "no time zone"),
    ],
)
def test_what_does_not_fit_is_told(campus: Campus, change: dict[str, str], status: int, words: str) -> None:
    answer = campus.as_user("energy").get("/api/v1/reading-imports/preview", params=planned(upload(campus), **change))
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True)


def test_no_table_and_too_large(campus: Campus) -> None:
    user = campus.as_user("energy")
    for data, status in ((b"", 422), (b"\x00\x01", 422), (b"a" * (66 << 20), 413)):
        assert user.post("/api/v1/reading-imports/uploads", files={"file": ("x.csv", data)}).status_code == status
    assert campus.as_user("crew").post("/api/v1/reading-imports/uploads", files={"file": ("x.csv", b"a")}).status_code == 403


def test_old_uploads_go(campus: Campus) -> None:
    upload(campus)
    campus.later(timedelta(days=20_000))
    campus.clients.clear()
    upload(campus, CSV.encode())
    assert len(list((campus.deps.incoming.directory / "uploads").iterdir())) == 1


def test_an_import_that_breaks_unexpectedly_fails_after_three_times_and_says_why(
    campus: Campus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("cell 7 is odd")

    monkeypatch.setattr("runtime.roles.importer.load", broken)
    sent = upload(campus)
    user = campus.as_user("energy")
    made = user.post("/api/v1/reading-imports", json=planned(sent)).json()
    path = f"/api/v1/reading-imports/{made['id']}"
    with closing(Database(f"sqlite:///{tmp_path / 'caretaker.sqlite'}")) as database:
        for number in range(3):  # each time as a process newly started
            assert user.get(path).json()["state"] == ("waiting" if number == 0 else "running")
            importer = Importer(database, campus.deps.readings, campus.deps.incoming.directory, now=campus.deps.now)
            assert importer.step()
            assert not importer.step()
            campus.clock[0] += STALE_AFTER + timedelta(seconds=1)
    ended = user.get(path).json()
    assert (ended["state"], [one["row"] for one in ended["problems"]]) == ("failed", [0])
    assert "3 times (RuntimeError: cell 7 is odd)" in ended["problems"][0]["message"]
    assert caplog.text.count("RuntimeError: cell 7 is odd") == 3
