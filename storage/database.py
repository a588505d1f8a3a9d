"""One database, SQLite or PostgreSQL: connections, write and read transactions, migration to the newest schema."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import StrEnum
from numbers import Integral, Real
from sqlite3 import Connection as SqliteConnection
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection, Engine, Table, create_engine, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from devices.errors import BadInput
from storage.failures import explained
from storage.migrations.upgrade import is_current, upgrade

_WRITES = "caretaker_writes"
_BUSY_TIMEOUT_S = 10
_ON_CONNECT = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    # The alerts role moves the log into the file aside (`checkpoint`); only if it is away a commit has to, and waits for it.
    "PRAGMA wal_autocheckpoint=8000",
)


class Lock(StrEnum):
    """What PostgreSQL transactions queue for, until they end. SQLite has one writer at a time and needs none of them."""

    CHANGE = "caretaker.change"  # before any row lock, or two transactions could wait for each other in a circle
    AUDIT = "caretaker.audit"
    REGISTRY = "caretaker.registry"
    MIGRATION = "caretaker.migration"


class Transactions(Protocol):
    """What a store needs: a Database, or the one transaction of it that several stores share."""

    def begin(self, *, conflict: str = ...) -> AbstractContextManager[Connection]: ...

    def read(self) -> AbstractContextManager[Connection]: ...


class Database:
    """One engine with its pool; share it between threads, open one in each process. `url` is SQLAlchemy's form.

    Raises BadInput for a url of neither kind. Every use raises DependencyFailed where the database does not answer.
    """

    def __init__(self, url: str, password: str | None = None) -> None:
        place = _checked(url, password)
        self.place = place.render_as_string(hide_password=True)
        engine = _sqlite_engine(place) if place.get_backend_name() == "sqlite" else _postgresql_engine(place)
        self._writer = engine.execution_options(**{_WRITES: True})
        self._reader = engine if engine.dialect.name == "sqlite" else _read_only(engine)

    @contextmanager
    def begin(self, *, conflict: str = "it exists already") -> Iterator[Connection]:
        """A write transaction: committed at the end, rolled back on any exception.

        Raises Conflict with that text where a row would stand twice, NotFound where a row refers to one that is not there.
        """
        with explained(self.place, conflict), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction: everything read in it is of one moment; writing in it is an error."""
        with explained(self.place), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def together(self, *, savepoints: bool = True) -> Iterator[Transactions]:
        """One write transaction for several stores that are made of it: all that they write stays, or nothing.

        A Conflict undoes the one call that raised it; whoever catches it inside may go on. Without `savepoints` each call is
        a third cheaper, but after a Conflict nothing may go on. Inside, write by nothing but stores made of it: any other
        would wait for this transaction to end.
        """
        with self.begin() as connection:
            queue_for(connection, Lock.CHANGE)
            yield _Together(connection, self.place, savepoints=savepoints)

    def migrate(self) -> None:
        """Brings the schema to the newest version; safe when several processes do it at once. Raises BadInput where it is newer."""
        with self.begin() as connection:
            queue_for(connection, Lock.MIGRATION)
            upgrade(connection, self.place)

    def check(self) -> None:
        """Returns where the database answers and has this program's schema. Raises DependencyFailed or BadInput with the remedy."""
        with self.read() as connection:
            if not is_current(connection, self.place):
                raise BadInput("it is new, or its schema is older than this program; run `caretaker migrate`", place=self.place)

    def checkpoint(self) -> None:
        """SQLite: moves what is committed from the log into the file, so that no commit has to stop for it. Blocks nobody."""
        if self._writer.dialect.name == "sqlite":
            with explained(self.place), self._reader.connect() as connection:
                raw: Any = connection.connection.driver_connection
                raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        self._writer.dispose()


class _Together:
    def __init__(self, connection: Connection, place: str, *, savepoints: bool) -> None:
        self._connection = connection
        self._place = place
        self._savepoints = savepoints

    @contextmanager
    def begin(self, *, conflict: str = "it exists already") -> Iterator[Connection]:
        with explained(self._place, conflict), self._connection.begin_nested() if self._savepoints else nullcontext():
            yield self._connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with explained(self._place):
            yield self._connection


def upsert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, in the dialect of the connection."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def queue_for(connection: Connection, lock: Lock) -> None:
    """Waits until no other transaction holds the lock; it is ours until this one ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(lock.value, 0))))


def _checked(url: str, password: str | None) -> URL:
    try:
        place = make_url(url)
    except ArgumentError:
        raise BadInput("not a database address; use sqlite:///FILE or postgresql+psycopg://user@host/name", place=url) from None
    if place.drivername == "postgresql":
        place = place.set(drivername="postgresql+psycopg")
    if place.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
        raise BadInput(
            f"no support for {place.drivername!r}; use sqlite:///FILE or postgresql+psycopg://user@host/name", place=str(place)
        )
    if place.get_backend_name() == "sqlite" and place.database in {None, "", ":memory:"}:
        raise BadInput("a database in memory cannot be shared between processes; name a file", place=str(place))
    if place.get_backend_name() == "sqlite" and password is not None:
        raise BadInput("a SQLite file takes no password; remove password_file or name a PostgreSQL server", place=str(place))
    return place if password is None else place.set(password=password)


def _sqlite_engine(place: URL) -> Engine:
    engine = _engine(place, {"timeout": _BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql_engine(place: URL) -> Engine:
    return _engine(place, {"connect_timeout": 10, "application_name": "caretaker"})


def _engine(place: URL, connect_args: dict[str, Any]) -> Engine:
    return create_engine(
        place,
        json_serializer=lambda value: msgspec.json.encode(value, enc_hook=_plain).decode(),
        json_deserializer=msgspec.json.decode,
        pool_size=8,
        max_overflow=8,
        connect_args=connect_args,
        hide_parameters=True,  # an error's text ends up in logs, and the values may be keys or passwords' hashes
        pool_pre_ping=place.get_backend_name() == "postgresql",  # a server may have restarted since
    )


def _plain(value: object) -> str | int | float:
    """numpy's numbers, which detectors compute with, and subclasses of str. NaN and infinity become null in JSON."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    raise NotImplementedError(f"{type(value).__name__} {value!r} cannot be stored; use text or numbers")


def _read_only(engine: Engine) -> Engine:
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _prepare_sqlite(connection: SqliteConnection, _record: object) -> None:
    # The driver's own transactions begin late and as readers; None leaves them to _begin_sqlite.
    connection.isolation_level = None
    for pragma in _ON_CONNECT:
        connection.execute(pragma)


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the write lock at once: a reader that becomes a writer later cannot wait, it fails as busy.
    writes = connection.get_execution_options().get(_WRITES, False)
    raw: Any = connection.connection.driver_connection
    raw.execute(f"PRAGMA query_only={'OFF' if writes else 'ON'}")
    try:
        raw.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
    except connection.dialect.loaded_dbapi.OperationalError as error:
        raise OperationalError("BEGIN", None, error) from error
