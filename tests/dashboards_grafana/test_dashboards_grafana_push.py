"""`caretaker grafana`, against a small server that speaks the few endpoints of Grafana that it uses."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from devices.model import Device, DeviceKind, Space, SpaceKind
from devices.registry import Registry
from runtime import cli
from runtime import settings as configuration
from runtime.commands.grafana import site_meters
from runtime.databases import open_database
from storage.registry_store import RegistryStore

SPACES = [
    Space(id="campus", kind=SpaceKind.SITE, name="Campus", name_zh="校园"),
    Space(id="d1", kind=SpaceKind.BUILDING, name="Dormitory 1", name_zh="一号楼", parent_id="campus"),
    Space(id="d1-1", kind=SpaceKind.FLOOR, name="Floor 1", name_zh="一层", parent_id="d1"),
    Space(id="d1-2", kind=SpaceKind.FLOOR, name="Floor 2", name_zh="二层", parent_id="d1"),
]
DEVICES = [
    Device(
        id=f"em-{space}",
        kind=DeviceKind.ELECTRICITY_METER,
        profile_id="em-floor",
        space_id=space,
        name="Meter",
        name_zh="表",
        measures_space=True,
    )
    for space in ("campus", "d1-1", "d1-2")
]


class Grafana:
    """Folders, data sources and dashboards in memory."""

    def __init__(self) -> None:
        self.folders: list[dict[str, Any]] = []
        self.datasources: list[dict[str, Any]] = []
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.writes: list[str] = []
        self.fail_with: int | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(*outer.get(self.path, self.headers))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._answer(*outer.post(self.path, self.headers, body))

            def _answer(self, status: int, document: object) -> None:
                text = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def get(self, path: str, headers: Any) -> tuple[int, object]:
        refused = self._refused(headers)
        if refused:
            return refused
        if path.startswith("/api/folders"):
            return 200, self.folders
        if path == "/api/datasources":
            return 200, self.datasources
        found = self.dashboards.get(path.removeprefix("/api/dashboards/uid/"))
        return (200, found) if found else (404, {"message": "Dashboard not found"})

    def post(self, path: str, headers: Any, body: dict[str, Any]) -> tuple[int, object]:
        refused = self._refused(headers)
        if refused:
            return refused
        self.writes.append(path)
        if path == "/api/folders":
            self.folders.append(body | {"uid": f"f{len(self.folders)}"})
            return 200, self.folders[-1]
        if path == "/api/datasources":
            self.datasources.append(body)
            return 200, {"id": 1}
        assert path == "/api/dashboards/db"
        board = body["dashboard"]
        before = self.dashboards.get(board["uid"])
        version = before["dashboard"]["version"] + 1 if before else 1
        if before and not body["overwrite"]:
            return 412, {"message": "The dashboard has been changed by someone else"}
        meta = {"folderUid": body["folderUid"], "url": f"/d/{board['uid']}/x"}
        self.dashboards[board["uid"]] = {"dashboard": board | {"id": 7, "version": version}, "meta": meta}
        return 200, {"status": "success", "uid": board["uid"], "url": meta["url"], "version": version}

    def _refused(self, headers: Any) -> tuple[int, object] | None:
        if self.fail_with:
            return self.fail_with, {"message": "not today"}
        return None if headers["Authorization"] == "Bearer graf-token" else (401, {"message": "Invalid API key"})


@pytest.fixture
def grafana() -> Iterator[Grafana]:
    made = Grafana()
    thread = threading.Thread(target=made.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.http.shutdown()
    thread.join()
    made.http.server_close()


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grafana: Grafana) -> Path:
    monkeypatch.setenv("CARETAKER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "grafana.token").write_text("graf-token\n")
    (tmp_path / "influx.token").write_text("influx-token\n")
    (tmp_path / "caretaker.toml").write_text(
        f'[grafana]\nurl = "{grafana.url}"\ntoken_file = "grafana.token"\nfolder = "School"\n'
        '[store]\nkind = "influxdb2"\nurl = "http://influx:8086"\norg = "school"\ntoken_file = "influx.token"\n'
    )
    database = open_database(configuration.load())
    database.migrate()
    RegistryStore(database).save(SPACES, DEVICES)
    database.close()
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.run(arguments[0], list(arguments[1:]))
    out, err = capsys.readouterr()
    return code, out, err


def test_a_building_without_a_meter_of_its_own_is_the_sum_of_its_floors() -> None:
    site = site_meters(Registry(SPACES, DEVICES))[0]
    assert site.electricity == ("em-campus",)
    assert [(building.name, building.electricity) for building in site.buildings] == [("Dormitory 1", ("em-d1-1", "em-d1-2"))]


def test_push_makes_folder_data_source_and_dashboard_once(
    house: Path, grafana: Grafana, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(capsys, "grafana", "push", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"dashboard": "created", "folder": "created", "path": "/d/caretaker-energy-overview/x"}
    assert grafana.writes == ["/api/datasources", "/api/folders", "/api/dashboards/db"]
    assert grafana.datasources[0]["jsonData"]["organization"] == "school"
    assert grafana.datasources[0]["secureJsonData"] == {"token": "influx-token"}
    stored = grafana.dashboards["caretaker-energy-overview"]
    assert stored["meta"]["folderUid"] == "f0"
    assert "campus/em-d1-2" in json.dumps(stored["dashboard"])

    grafana.writes.clear()
    assert json.loads(call(capsys, "grafana", "push", "--json")[1])["dashboard"] == "unchanged"
    assert grafana.writes == []

    stored["dashboard"]["title"] = "changed by hand"
    assert json.loads(call(capsys, "grafana", "push", "--json")[1])["dashboard"] == "updated"
    assert grafana.writes == ["/api/dashboards/db"]
    assert grafana.dashboards["caretaker-energy-overview"]["dashboard"]["title"] == "Energy overview"
    assert "token" not in out


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "answered 401: Unauthorized; the token is not valid"),
        (403, "answered 403: .*role Editor"),
        (500, "answered 500: .*not today"),
    ],
)
def test_what_grafana_refuses_is_one_clear_line(
    house: Path, grafana: Grafana, capsys: pytest.CaptureFixture[str], status: int, says: str
) -> None:
    grafana.fail_with = status
    code, out, err = call(capsys, "grafana", "push")
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert re.search(says, err), err
    assert "graf-token" not in err


def test_a_grafana_that_is_not_there_is_one_clear_line(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = house / "caretaker.toml"
    settings.write_text('[grafana]\nurl = "http://127.0.0.1:9"\ntoken_file = "grafana.token"\n')
    code, _, err = call(capsys, "grafana", "push")
    assert code == 1
    assert len(err.splitlines()) == 1
    assert "Grafana at http://127.0.0.1:9 does not answer" in err


def test_without_address_or_readable_data_it_says_what_to_set(
    house: Path, grafana: Grafana, capsys: pytest.CaptureFixture[str]
) -> None:
    (house / "caretaker.toml").write_text(f'[grafana]\nurl = "{grafana.url}"\ntoken_file = "grafana.token"\n')
    assert 'set kind = "influxdb2"' in call(capsys, "grafana", "push")[2]
    (house / "caretaker.toml").write_text("")
    assert "add url and token_file to [grafana]" in call(capsys, "grafana", "push")[2]


def test_export_writes_dashboard_and_provisioning(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        code, out, _ = call(capsys, "grafana", "export", "out", "--path", "/var/lib/grafana/caretaker", "--json")
        assert code == 0
    assert json.loads(out)["files"] == [
        "out/dashboards/energy-overview.json",
        "out/provisioning/datasources/caretaker.yaml",
        "out/provisioning/dashboards/caretaker.yaml",
    ]
    board = json.loads((house / "out" / "dashboards" / "energy-overview.json").read_text())
    assert board["title"] == "Energy overview"
    datasource = (house / "out" / "provisioning" / "datasources" / "caretaker.yaml").read_text()
    assert 'url: "http://influx:8086"' in datasource
    assert "token: $CARETAKER_INFLUX_TOKEN" in datasource
    assert "influx-token" not in datasource
    provider = (house / "out" / "provisioning" / "dashboards" / "caretaker.yaml").read_text()
    assert 'folder: "School"' in provider
    assert 'path: "/var/lib/grafana/caretaker"' in provider
