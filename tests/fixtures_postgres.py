"""A private PostgreSQL for the tests: real server, free loopback port, own directory, gone afterwards."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from storage.database import Database

_START_TIMEOUT_S = 30


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of its maintenance database. Skipped where PostgreSQL is not installed."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed here (apt install postgresql)")
    directory = Path(tempfile.mkdtemp(prefix="caretaker-postgres-"))
    if os.geteuid() == 0:
        shutil.chown(directory, "postgres")
    server: subprocess.Popen[bytes] | None = None
    try:
        _run(
            [
                str(binaries / "initdb"),
                "--pgdata",
                str(directory / "data"),
                "--auth=trust",
                "--username=caretaker",
                "--no-sync",
                "-E",
                "UTF8",
            ]
        )
        port = _free_port()
        server = _serve(binaries, directory, port)
        yield _wait_until_ready(f"postgresql://caretaker@127.0.0.1:{port}/postgres", server, directory)
    finally:
        if server is not None:
            _run([str(binaries / "pg_ctl"), "stop", "--pgdata", str(directory / "data"), "--mode=immediate"], check=False)
            server.wait(timeout=_START_TIMEOUT_S)
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty database of its own for each test, in SQLAlchemy's form."""
    with _new_database(postgres_server) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def any_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind in turn."""
    return _sqlite_url(tmp_path) if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture(params=["migrated_sqlite_url", "migrated_postgres_url"], ids=["sqlite", "postgresql"])
def any_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A migrated database of each kind in turn, of its own for each test."""
    database = Database(request.getfixturevalue(request.param))
    yield database
    database.close()


@pytest.fixture
def migrated_sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    shutil.copy(sqlite_template, tmp_path / "caretaker.sqlite")
    return _sqlite_url(tmp_path)


@pytest.fixture
def migrated_postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    with _new_database(postgres_server, f"TEMPLATE {postgres_template}") as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrated once and copied for each test."""
    directory = tmp_path_factory.mktemp("sqlite")
    _migrate(_sqlite_url(directory))
    return directory / "caretaker.sqlite"


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """Migrated once and copied for each test: the name of the database."""
    with _new_database(postgres_server) as url:
        _migrate(url)
        yield url.rsplit("/", 1)[1]


@contextmanager
def _new_database(server: str, options: str = "") -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} {options}")
    yield server.replace("postgresql://", "postgresql+psycopg://").removesuffix("postgres") + name
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _migrate(url: str) -> None:
    database = Database(url)
    database.migrate()
    database.close()


def _sqlite_url(directory: Path) -> str:
    return f"sqlite:///{directory / 'caretaker.sqlite'}"


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("postgres")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


def _serve(binaries: Path, directory: Path, port: int) -> subprocess.Popen[bytes]:
    options = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "off", "max_connections": 60}
    command = [str(binaries / "postgres"), "-D", str(directory / "data")]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    with (directory / "log").open("wb") as log:
        return subprocess.Popen(_as_postgres(command), stdout=log, stderr=log, cwd="/")


def _run(command: list[str], *, check: bool = True) -> None:
    done = subprocess.run(_as_postgres(command), capture_output=True, text=True, check=False, cwd="/")
    if check and done.returncode:
        pytest.fail(f"{command[0]} failed: {done.stderr}")


def _as_postgres(command: list[str]) -> list[str]:
    """The server refuses to run as root."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(address: str, server: subprocess.Popen[bytes], directory: Path) -> str:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return address
    pytest.fail(f"PostgreSQL did not start: {(directory / 'log').read_text()}")
