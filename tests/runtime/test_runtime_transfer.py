"""`caretaker import` and `caretaker export`, called as the command line calls them."""

import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from devices.model import Reading
from runtime import cli
from runtime import settings as configuration
from runtime.databases import open_database
from runtime.stores import open_reading_store
from storage.event_store import EventStore
from storage.registry_store import RegistryStore

T = 1_763_683_200_000
SPACE = {"id": "campus", "kind": "site", "name": "Campus", "name_zh": "校园"}
METER = {
    "id": "em-1",
    "kind": "electricity_meter",
    "profile_id": "em-site",
    "space_id": "campus",
    "name": "Main meter",
    "name_zh": "总表",
    "measures_space": True,
}
READINGS = [Reading("em-1", "elec.energy.import", T + hour * 3_600_000, hour + 0.25, hour % 2) for hour in range(400)]


@pytest.fixture(autouse=True)
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CARETAKER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    database = open_database(configuration.load())
    database.migrate()
    database.close()
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.run(arguments[0], list(arguments[1:]))
    out, err = capsys.readouterr()
    return code, out, err


def stored(device: str = "em-1", metric: str = "elec.energy.import") -> list[Reading]:
    store = open_reading_store(configuration.load())
    try:
        return store.range(device, metric, 0, 2 * T)
    finally:
        store.close()


def test_readings_come_from_parquet_and_go_out_and_in_again(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(pa.table({name: [getattr(r, name) for r in READINGS] for name in Reading._fields}), house / "in.parquet")
    for _ in range(2):
        code, out, _ = call(capsys, "import", "readings", "in.parquet", "--json")
        assert (code, json.loads(out)) == (0, {"file": "in.parquet", "readings": 400, "rejected": 0, "dry_run": False})
        assert stored() == READINGS
    (house / "campus.json").write_text(json.dumps({"spaces": [SPACE], "devices": [METER]}))
    assert call(capsys, "import", "registry", "campus.json")[0] == 0
    for kind in ("csv", "parquet"):
        code, out, _ = call(capsys, "export", "readings", f"out.{kind}", "--json")
        assert (code, json.loads(out)["readings"]) == (0, 400)
        assert call(capsys, "import", "readings", f"out.{kind}")[0] == 0
        assert stored() == READINGS
    part = (
        "--device",
        "em-1",
        "--metric",
        "elec.energy.import",
        "--from",
        "2025-11-21T10:00+08:00",
        "--until",
        "2025-11-21T04:00Z",
    )
    assert json.loads(call(capsys, "export", "readings", "part.csv", *part, "--json")[1])["readings"] == 2
    assert sorted(path.name for path in house.glob("*.csv")) == ["out.csv", "part.csv"]


def test_a_csv_may_give_times_as_text(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (house / "in.csv").write_text("time,device_id,metric,value\n2025-11-21T08:00:00+08:00,007,leak,1\n")
    assert call(capsys, "import", "readings", "in.csv")[0] == 0
    assert stored("007", "leak") == [Reading("007", "leak", T, 1.0)]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("in.csv", f"device_id,metric,ts_ms,value\na,leak,{T},1\nb,leak,{T},much\n", "in.csv: cannot be read: .*Row #3.*much"),
        ("in.csv", f"device_id,metric,ts_ms,value\na,leak,{T},1\nb,leak,5,inf\n", "in.csv: row 2: value is not a finite number"),
        ("in.csv", "device_id,metric,ts_ms,value\na,leak,99999999999999,1\n", "in.csv: row 1: ts_ms lies outside"),
        (
            "in.csv",
            "device_id,metric,value\na,leak,1\n",
            "in.csv: it has neither a column ts_ms nor time; expected are the columns device_id",
        ),
        ("in.csv", "device_id,metric,ts_ms,value\na,leak,,1\n", "in.csv: row 1: ts_ms is empty"),
        ("in.parquet", "no parquet", "in.parquet: cannot be read"),
        ("in.xml", "", "ends in .parquet or .csv"),
    ],
)
def test_readings_that_cannot_be_used_are_named(
    house: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, says: str
) -> None:
    (house / name).write_text(text)
    code, _, err = call(capsys, "import", "readings", name)
    assert code == 1
    assert re.search(says, err), err
    assert stored("a", "leak") == []


def test_a_registry_is_replaced_by_id(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("Main meter", "New name"):
        (house / "campus.json").write_text(json.dumps({"spaces": [SPACE], "devices": [METER | {"name": name}]}))
        code, out, _ = call(capsys, "import", "registry", "campus.json", "--json")
        assert (code, json.loads(out)) == (0, {"file": "campus.json", "spaces": 1, "devices": 1})
    database = open_database(configuration.load())
    registry = RegistryStore(database).load()
    database.close()
    assert registry.devices["em-1"].name == "New name"
    assert registry.devices["em-1"].measures_space


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (
            {"spaces": [SPACE], "devices": [METER | {"kind": "toaster"}]},
            "campus.json: devices[0] (em-1): Invalid enum value 'toaster'",
        ),
        ({"spaces": [SPACE, {"id": "b1"}]}, "campus.json: spaces[1] (b1): Object missing required field"),
        ({"spaces": [SPACE | {"colour": "red"}]}, "campus.json: spaces[0] (campus): unknown field 'colour'"),
        (
            {"spaces": [SPACE], "devices": [METER | {"space_id": "moon"}]},
            "campus.json: device 'em-1': its space 'moon' does not exist",
        ),
        ({"spaces": ["campus"]}, "campus.json: spaces[0]: Expected `object`, got `str`"),
        (["campus"], 'campus.json: the file must be {"spaces": [...], "devices": [...]}'),
    ],
)
def test_a_registry_that_cannot_be_used_names_the_entry(
    house: Path, capsys: pytest.CaptureFixture[str], document: object, says: str
) -> None:
    (house / "campus.json").write_text(json.dumps(document))
    code, _, err = call(capsys, "import", "registry", "campus.json")
    assert code == 1
    assert says in err


def test_events_come_once_however_often_they_are_imported(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    event = {"device_id": "door-1", "type": "door.denied", "ts_ms": T, "attributes": {"card": "x", "count": 2, "why": None}}
    (house / "in.jsonl").write_text("\n".join(json.dumps(event | {"ts_ms": T + n}) for n in range(3)) + "\n\n")
    for new in (3, 0):
        code, out, _ = call(capsys, "import", "events", "in.jsonl", "--json")
        assert (code, json.loads(out)) == (0, {"file": "in.jsonl", "events": 3, "new": new})
    database = open_database(configuration.load())
    found = EventStore(database).list(start_ms=0, end_ms=2 * T)
    database.close()
    assert [event.ts_ms - T for event in found] == [2, 1, 0]
    assert found[0].attributes == {"card": "x", "count": 2, "why": None}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "in.jsonl:2: not valid JSON"),
        ('{"device_id": "a", "type": "x"}', "in.jsonl:2: Object missing required field `ts_ms`"),
        ('{"device_id": "a", "type": "x", "ts_ms": -1}', "in.jsonl:2: ts_ms lies outside"),
        ('{"device_id": "a", "type": "x", "ts_ms": 1, "at": 2}', "in.jsonl:2: unknown field 'at'"),
    ],
)
def test_an_event_that_cannot_be_used_names_its_line(house: Path, capsys: pytest.CaptureFixture[str], line: str, says: str) -> None:
    (house / "in.jsonl").write_text(f'{{"device_id": "a", "type": "x", "ts_ms": {T}}}\n{line}\n')
    code, _, err = call(capsys, "import", "events", "in.jsonl")
    assert code == 1
    assert says in err


def test_a_file_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ("readings", "registry", "events"):
        code, _, err = call(capsys, "import", kind, "nowhere.csv")
        assert code == 1
        assert "nowhere.csv: cannot be read" in err
        assert "Traceback" not in err


def test_a_table_as_offices_write_it_with_dry_run(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "import", "registry", _registry(house))
    (house / "march.csv").write_bytes(
        "表号,抄表时间,读数\nem-1,2025-11-21 08:00,12500\nem-9,2025-11-21 08:00,1\n".encode("gb18030")
    )
    asked = ("import", "readings", "march.csv", "--metric", "elec.energy.import", "--unit", "Wh", "--json")
    code, out, err = call(capsys, *asked, "--dry-run")
    assert (code, json.loads(out)) == (0, {"file": "march.csv", "readings": 1, "rejected": 1, "dry_run": True})
    assert "march.csv row 3 表号: there is no device 'em-9'" in err
    assert stored() == []
    assert call(capsys, *asked)[0] == 0
    assert stored() == [Reading("em-1", "elec.energy.import", T, 12.5)]


def test_an_export_for_people(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(pa.table({name: [getattr(r, name) for r in READINGS] for name in Reading._fields}), house / "in.parquet")
    call(capsys, "import", "readings", "in.parquet")
    code, out, _ = call(capsys, "export", "readings", "out.csv", "--device", "em-1", "--readable", "--json")
    assert (code, json.loads(out)["readings"]) == (0, 400)
    lines = (house / "out.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "device_id,metric,unit,time,value,quality"
    assert lines[2] == "em-1,elec.energy.import,kWh,2025-11-21T09:00:00.000+08:00,1.25,late"
    assert call(capsys, "export", "readings", "out.parquet", "--device", "em-1", "--readable")[0] == 0
    assert pq.read_table(house / "out.parquet")["unit"][0].as_py() == "kWh"


def test_a_table_whose_columns_say_nothing_is_refused(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (house / "in.csv").write_text("a,b\n1,2\n")
    code, _, err = call(capsys, "import", "readings", "in.csv")
    assert (code, "no column is named like a time and a value; found a, b" in err) == (1, True)


def _registry(house: Path) -> str:
    (house / "campus.json").write_text(json.dumps({"spaces": [SPACE], "devices": [METER]}))
    return "campus.json"
