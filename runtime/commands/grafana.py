"""`caretaker grafana push | export`: the dashboards as code, into a running Grafana or into files for its provisioning."""

import json
import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaException

from dashboards.grafana import energy_overview, provisioning
from dashboards.grafana.energy_overview import BuildingMeters, SiteMeters
from dashboards.grafana.provisioning import InfluxPlace
from devices.errors import BadInput, DependencyFailed
from devices.model import DeviceKind, Space, SpaceKind
from devices.registry import Registry
from runtime import settings as configuration
from runtime.databases import open_database
from runtime.settings import Settings, read_secret
from storage.registry_store import RegistryStore

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Dashboards as code: push or export.")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object")]
Config = Annotated[Path | None, typer.Option("--config", help="The settings file; default caretaker.toml")]

_TIMEOUT_S = 10.0
_REMEDY = {
    401: "the token is not valid; put one of a Grafana service account into token_file of [grafana]",
    403: "the token may not do this; give its service account the role Editor, or Admin where the data source is missing",
    412: "somebody changed it at the same moment; call again",
}


@app.callback()
def _root() -> None:
    """Dashboards as code: push or export."""


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write")],
    *,
    path: Annotated[str | None, typer.Option(help="DIR/dashboards as Grafana sees it; default as this machine sees it")] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Dashboard JSON and provisioning YAML; copy provisioning/ over Grafana's. Example: caretaker grafana export grafana-files"""
    settings = configuration.load(config)
    seen = path or str((folder / "dashboards").resolve())
    files = {
        folder / "dashboards" / "energy-overview.json": _overview(settings),
        folder / "provisioning" / "datasources" / "caretaker.yaml": provisioning.datasource_yaml(_place(settings)),
        folder / "provisioning" / "dashboards" / "caretaker.yaml": provisioning.dashboards_yaml(settings.grafana.folder, seen),
    }
    for file, text in files.items():
        _write(file, text)
    written = [str(file) for file in files]
    typer.echo(json.dumps({"files": written}) if as_json else "\n".join(written))


@app.command()
def push(*, as_json: AsJson = False, config: Config = None) -> None:
    """Folder, data source and dashboard into the Grafana of [grafana]; may be repeated. Example: caretaker grafana push"""
    settings = configuration.load(config)
    url, token = settings.grafana.url, settings.grafana.token_file
    if not url or token is None:
        raise BadInput("say where Grafana is: add url and token_file to [grafana] in caretaker.toml", place="grafana")
    document = json.loads(_overview(settings))
    logging.getLogger("grafana_client").setLevel(logging.CRITICAL + 1)  # it logs what we report ourselves
    with _explained(url):
        api = GrafanaApi.from_url(url, credential=read_secret(token).get_secret_value(), timeout=_TIMEOUT_S)
        with closing(api.client.s):
            done = _push(api, settings, document)
    typer.echo(json.dumps(done) if as_json else f"{url}{done['path']}: dashboard {done['dashboard']}, folder {done['folder']}")


def site_meters(registry: Registry) -> list[SiteMeters]:
    """Every site with its buildings in the order of the registry."""
    sites = [space for space in registry.spaces.values() if space.kind is SpaceKind.SITE]
    return [
        SiteMeters(
            id=site.id,
            name=site.name,
            electricity=_meters(registry, site, DeviceKind.ELECTRICITY_METER),
            water=_meters(registry, site, DeviceKind.WATER_METER),
            buildings=tuple(
                BuildingMeters(
                    name=space.name,
                    electricity=_meters(registry, space, DeviceKind.ELECTRICITY_METER),
                    water=_meters(registry, space, DeviceKind.WATER_METER),
                )
                for space in registry.within(site.id)
                if space.kind is SpaceKind.BUILDING
            ),
        )
        for site in sites
    ]


@dataclass(frozen=True, slots=True)
class _Folder:
    uid: str
    outcome: str


def _push(api: Any, settings: Settings, document: dict[str, Any]) -> dict[str, str]:  # noqa: ANN401 - grafana-client has no types
    _check_datasource(api, settings)
    folder = _folder(api, settings.grafana.folder)
    before = _existing(api, document["uid"])
    if before is not None and _is_same(before, document, folder.uid):
        return {"dashboard": "unchanged", "folder": folder.outcome, "path": before["meta"].get("url", "")}
    said = api.dashboard.update_dashboard(
        {"dashboard": document, "folderUid": folder.uid, "overwrite": True, "message": "caretaker grafana push"}
    )
    return {"dashboard": "created" if before is None else "updated", "folder": folder.outcome, "path": said.get("url", "")}


def _check_datasource(api: Any, settings: Settings) -> None:  # noqa: ANN401
    """There must be an InfluxDB that speaks Flux; where Caretaker knows one, it is added."""
    known = [source for source in api.datasource.list_datasources() if source["type"] == "influxdb"]
    if any(source.get("jsonData", {}).get("version") == "Flux" for source in known):
        return
    store = settings.store
    if store.kind != "influxdb2" or store.token_file is None:
        raise BadInput(
            "Grafana has no InfluxDB data source that speaks Flux, and the readings are in the embedded store, which Grafana "
            'cannot read; set kind = "influxdb2" in [store]',
            place="store.kind",
        )
    api.datasource.create_datasource(provisioning.datasource(_place(settings), read_secret(store.token_file).get_secret_value()))


def _folder(api: Any, title: str) -> _Folder:  # noqa: ANN401
    for folder in api.folder.get_all_folders():
        if folder["title"] == title:
            return _Folder(folder["uid"], "there")
    return _Folder(api.folder.create_folder(title)["uid"], "created")


def _existing(api: Any, uid: str) -> dict[str, Any] | None:  # noqa: ANN401
    try:
        found: dict[str, Any] = api.dashboard.get_dashboard(uid)
    except GrafanaException as error:
        if error.status_code == 404:
            return None
        raise
    return found


def _is_same(before: dict[str, Any], document: dict[str, Any], folder_uid: str) -> bool:
    """Grafana adds id and version of its own, and may fill in defaults; what we say must be what it has."""
    there = before["dashboard"]
    return before["meta"].get("folderUid") == folder_uid and all(there.get(key) == value for key, value in document.items())


def _overview(settings: Settings) -> str:
    with closing(open_database(settings)) as database:
        database.check()
        sites = site_meters(RegistryStore(database).load())
    if not sites:
        raise BadInput("the registry has no site yet; caretaker import registry FILE.json", place="registry")
    return energy_overview.energy_overview(sites, timezone=settings.site.timezone)


def _meters(registry: Registry, space: Space, kind: DeviceKind) -> tuple[str, ...]:
    return tuple(meter.id for meter in registry.meters_of(space.id, kind))


def _place(settings: Settings) -> InfluxPlace:
    store = settings.store
    return InfluxPlace(url=store.url or "http://127.0.0.1:8086", org=store.org or "caretaker", bucket=store.bucket)


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot be written: {error.strerror}", place=str(file)) from None


@contextmanager
def _explained(url: str) -> Iterator[None]:
    """One clear line for whatever Grafana or the network says."""
    try:
        yield
    except GrafanaException as error:
        status = error.status_code
        if not status:
            raise DependencyFailed(f"Grafana at {url} does not answer: {error.message}", transient=True) from error
        remedy = f"; {_REMEDY[status]}" if status in _REMEDY else ""
        raise DependencyFailed(f"Grafana at {url} answered {status}: {error.message}{remedy}", transient=status >= 500) from error
    except OSError as error:
        raise DependencyFailed(f"Grafana at {url} does not answer: {error}", transient=True) from error
