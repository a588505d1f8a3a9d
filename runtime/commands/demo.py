"""`caretaker demo`: the whole platform around a simulated campus, from nothing, in under a minute."""

import json
import secrets
import shlex
import shutil
import subprocess
import threading
import time
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.error import URLError

import typer

from devices.errors import BadInput, DependencyFailed
from maintenance.model import Trade
from runtime import broker, supervisor
from runtime import settings as configuration
from runtime.commands.demo_ledger import seed_books
from runtime.databases import ready_database
from runtime.settings import Settings, Site
from simulators.campus import build_campus
from storage.database import Database
from storage.passwords import hash_password
from storage.token_store import TokenStore
from storage.user import Role, User
from storage.user_store import UserStore

MARKER = ".caretaker-demo"
DEMO_USERS_FILE = "demo-users.json"
DEFAULT_DATA_DIR = Path("caretaker-demo")
SITE = Site(name="Riverside School", name_zh="河滨学校")
_READY_WITHIN_S = 90.0
_TOKEN_TTL = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoUser:
    username: str
    display_name: str
    role: Role
    trades: frozenset[Trade] = frozenset()


DEMO_USERS = (
    DemoUser(username="admin", display_name="Administrator 管理员", role=Role.ADMIN),
    DemoUser(username="energy", display_name="Energy manager 林能", role=Role.ENERGY_MANAGER),
    DemoUser(username="security", display_name="Security desk 安值班", role=Role.SECURITY),
    DemoUser(username="dispatcher", display_name="Dispatcher 何调度", role=Role.DISPATCHER),
    DemoUser(username="plumber", display_name="Wang Shui 王水", role=Role.CREW, trades=frozenset({Trade.PLUMBING})),
    DemoUser(
        username="electrician", display_name="Li Dian 李电", role=Role.CREW, trades=frozenset({Trade.ELECTRICAL, Trade.GENERAL})
    ),
    DemoUser(username="doors", display_name="Zhao Men 赵门", role=Role.CREW, trades=frozenset({Trade.DOORS, Trade.GENERAL})),
    DemoUser(username="fire", display_name="Sun Xiao 孙消", role=Role.CREW, trades=frozenset({Trade.FIRE_SYSTEMS})),
    DemoUser(username="metering", display_name="Zhou Biao 周表", role=Role.CREW, trades=frozenset({Trade.METERING})),
    DemoUser(username="student", display_name="Chen Student 陈同学", role=Role.REPORTER),
    DemoUser(username="head", display_name="Logistics head 郑主任", role=Role.LOGISTICS_HEAD),
)


def demo(
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Go on with the data of the last demo instead of starting afresh")] = False,
    weeks: Annotated[int, typer.Option(min=1, max=52, help="Weeks of history to simulate")] = 8,
    seed: Annotated[int, typer.Option(help="Seed of the simulated campus")] = 7,
) -> None:
    """A simulated campus with history, live devices and a tour of faults. Example: caretaker demo"""
    stop = supervisor.stop_on_signals()
    settings = _demo_settings()
    supervisor.prepare_data_dir(settings.data_dir)
    with supervisor.only_instance(settings.data_dir):
        settings = _with_free_ports(settings)
        fresh = _prepare(settings.data_dir, keep=keep)
        password = _set_up(settings, weeks=weeks, seed=seed) if fresh else None
        if not stop.is_set():
            _serve(settings, password, stop)


def _demo_settings() -> Settings:
    loaded = configuration.load()
    chosen = loaded.model_fields_set
    defaults = {"data_dir": DEFAULT_DATA_DIR, "site": SITE}
    return loaded.model_copy(update={key: value for key, value in defaults.items() if key not in chosen})


def _with_free_ports(settings: Settings) -> Settings:
    http, mqtt = settings.http, settings.mqtt
    if not supervisor.port_is_free(http.host, http.port):
        _say(f"HTTP port {http.port} is taken; using another one")
        http = http.model_copy(update={"port": supervisor.free_port(http.host)})
    if mqtt.managed and not supervisor.port_is_free(mqtt.host, mqtt.port):
        _say(f"MQTT port {mqtt.port} is taken; using another one")
        mqtt = mqtt.model_copy(update={"port": supervisor.free_port(mqtt.host)})
    return settings.model_copy(update={"http": http, "mqtt": mqtt})


def _prepare(data_dir: Path, *, keep: bool) -> bool:
    """True where the directory is now an empty demo's. A directory that no demo made is never touched."""
    marker = data_dir / MARKER
    entries = [path for path in data_dir.iterdir() if path.name not in {MARKER, "caretaker.lock"}]
    if entries and not marker.exists():
        raise BadInput(
            "this directory holds data that is not a demo's; choose an empty one with CARETAKER_DATA_DIR", place=str(data_dir)
        )
    if keep and (data_dir / DEMO_USERS_FILE).exists():
        return False
    for path in entries:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    marker.touch()
    return True


def _set_up(settings: Settings, *, weeks: int, seed: int) -> str:
    """Database, people and history through the public import path. Returns the administrator's password."""
    started_s = time.monotonic()
    broker.ensure_passwords(settings)
    with ready_database(settings) as database:
        password = _create_users(settings.data_dir, database)
    _say(f"Simulating {weeks} weeks of campus life and importing them ...")
    history = settings.data_dir / "simulation"
    _command(
        settings,
        "simulate",
        "--history",
        str(history),
        "--weeks",
        str(weeks),
        "--seed",
        str(seed),
        "--truth",
        str(history / "truth.json"),
    )
    _command(settings, "import", "registry", str(history / "registry.json"))
    _open_books(settings, seed)
    _command(settings, "import", "readings", str(history / "readings.parquet"))
    _command(settings, "import", "events", str(history / "events.jsonl"))
    _say(f"... done in {time.monotonic() - started_s:.0f} s")
    return password


def _open_books(settings: Settings, seed: int) -> None:
    """Assets, stocktakes, a virtual meter, and a token for whoever wants to push a reading."""
    now = datetime.now(UTC)
    with ready_database(settings) as database:
        count = seed_books(database, build_campus(seed, settings.site.id), now, settings.site.timezone)
        _, secret = TokenStore(database).create(
            "试用 HTTP 推送 Try HTTP push", devices=None, by="admin", now=now, expires_at=now + _TOKEN_TTL
        )
    broker.write_private(settings.data_dir / "demo-push-token", secret + "\n")
    _say(f"{count} assets are in the ledger; a token for HTTP push lies in {settings.data_dir / 'demo-push-token'}")


def _create_users(data_dir: Path, database: Database) -> str:
    users = UserStore(database)
    listed: list[dict[str, Any]] = []
    for demo_user in DEMO_USERS:
        password = secrets.token_urlsafe(9)
        person = User(
            username=demo_user.username,
            display_name=demo_user.display_name,
            roles=frozenset({demo_user.role}),
            trades=demo_user.trades,
        )
        users.create(person, hash_password(password))
        listed.append(
            {
                "username": person.username,
                "password": password,
                "display_name": person.display_name,
                "roles": [demo_user.role.value],
            }
        )
    # The administrator is not on the sign-in page: that password is printed once, here.
    broker.write_private(data_dir / DEMO_USERS_FILE, json.dumps(listed[1:], ensure_ascii=False, indent=1))
    return str(listed[0]["password"])


def _command(settings: Settings, *arguments: str) -> None:
    done = subprocess.run(  # noqa: S603 - our own command
        supervisor.role_command(arguments[0], *arguments[1:]),
        env=supervisor.child_environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise DependencyFailed(
            f"`caretaker {' '.join(arguments)}` failed:\n{done.stderr.strip() or done.stdout.strip()}", transient=False
        )


def _serve(settings: Settings, password: str | None, stop: threading.Event) -> None:
    state = settings.data_dir / "simulation"
    campus = supervisor.role_command(
        "simulate", "--live", "--state", str(state / "state.json"), "--tour", "--truth", str(state / "truth-live.json")
    )
    roles = supervisor.Supervisor(supervisor.children(settings, _say, extra=[("simulator", campus)]), _say)
    roles.start()
    threading.Thread(target=_announce, args=(settings, password, stop), daemon=True).start()
    roles.run(stop)


def _announce(settings: Settings, password: str | None, stop: threading.Event) -> None:
    address = f"http://{settings.http.host}:{settings.http.port}"
    if not _wait_until_ready(address, stop):
        _say(f"the pages at {address} do not answer yet; see {settings.data_dir / 'logs' / 'api.log'}")
    _say(f"Caretaker is at {address}")
    if password is not None:
        _say(f"admin password: {password}")
    _say("Demo users for every role are listed on the sign-in page. Ctrl-C stops everything.")
    _say(f"Other commands reach this demo, and no other campus, after: {reach(settings)}")


def reach(settings: Settings) -> str:
    """One line of shell: what lets `caretaker links`, `tokens`, `broker credentials` ... work on the running demo."""
    told = {
        "CARETAKER_DATA_DIR": settings.data_dir.resolve(),
        "CARETAKER_HTTP_PORT": settings.http.port,
        "CARETAKER_MQTT_PORT": settings.mqtt.port,
    }
    return "export " + " ".join(f"{name}={shlex.quote(str(value))}" for name, value in told.items())


def _wait_until_ready(address: str, stop: threading.Event) -> bool:
    deadline_s = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < deadline_s and not stop.is_set():
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=2):  # noqa: S310 - our own address
                return True
        except (URLError, OSError):
            stop.wait(0.3)
    return False


def _say(line: str) -> None:
    typer.echo(line)
