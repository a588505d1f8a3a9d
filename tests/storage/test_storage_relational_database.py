"""Database: transactions, migration and what its errors say, on SQLite and PostgreSQL."""

import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text

import storage.idempotency_store
import storage.schema_assets
import storage.schema_budget
import storage.schema_commands
import storage.schema_incoming
import storage.schema_labels
import storage.schema_links
import storage.schema_meters
import storage.schema_registry
import storage.schema_watching  # noqa: F401 - so do these
from devices.errors import BadInput, DependencyFailed
from runtime.databases import open_database
from runtime.settings import DatabaseSettings, Settings
from storage.database import Database
from storage.schema import METADATA, REGISTRY_REVISION

ROW = REGISTRY_REVISION.insert().values(id=1, revision=5)


@pytest.mark.filterwarnings("ignore:.*expression-based index.*uq_work_order_open")
@pytest.mark.filterwarnings("ignore:.*can't reflect these indexes")
def test_migration_builds_exactly_the_schema(any_database: Database) -> None:
    with any_database.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = {index["name"] for table in METADATA.tables for index in inspect(connection).get_indexes(table)}
        differences = [
            difference
            for difference in compare_metadata(context, METADATA)
            # SQLite's reflection leaves out the index over coalesce(device_id, '')
            if not (difference[0] == "add_index" and difference[1].name == "uq_work_order_open")
        ]
    assert differences == []
    assert {"uq_alert_open", "uq_finding_active"} <= found


def test_migrating_again_changes_nothing(any_database: Database) -> None:
    with any_database.begin() as connection:
        connection.execute(ROW)
    any_database.migrate()
    any_database.check()
    with any_database.read() as connection:
        assert connection.scalar(select(REGISTRY_REVISION.c.revision)) == 5


@pytest.mark.parametrize("version", ["9999", "0001"])
def test_another_version_of_the_schema_is_named(any_database: Database, version: str) -> None:
    with any_database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
    message = "a newer Caretaker has used it" if version == "9999" else "run `caretaker migrate`"
    with pytest.raises(BadInput, match=message):
        any_database.check()


def test_a_newer_database_is_left_alone(any_database: Database) -> None:
    with any_database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(BadInput, match="install that version, or restore the backup"):
        any_database.migrate()


def test_what_an_error_says_holds_no_values(any_database: Database) -> None:
    """Its text ends up in logs; the values may be keys, or passwords' hashes."""
    any_database.migrate()
    with pytest.raises(Exception, match="nothing") as told, any_database.begin() as connection:
        connection.execute(text("INSERT INTO registry_revision (nothing) VALUES (:secret)"), {"secret": "hush"})
    assert "INSERT" in str(told.value.__cause__ or told.value)
    assert "hush" not in str(told.value.__cause__ or told.value)


def test_several_processes_migrate_one_empty_database(any_database_url: str) -> None:
    code = "import sys; from storage.database import Database; Database(sys.argv[1]).migrate()"
    command = [sys.executable, "-c", code, any_database_url]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, cwd=Path(__file__).parents[2]) for _ in range(3)]
    errors = [process.communicate(timeout=60)[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], errors
    database = Database(any_database_url)
    database.check()
    database.close()


def test_an_exception_undoes_the_transaction(any_database: Database) -> None:
    with pytest.raises(ZeroDivisionError), any_database.begin() as connection:
        connection.execute(ROW).rowcount / 0
    with any_database.read() as connection:
        assert connection.execute(select(REGISTRY_REVISION)).all() == []


def test_reading_transactions_cannot_write(any_database: Database) -> None:
    with pytest.raises(Exception, match=r"(?i)read.?only"), any_database.read() as connection:
        connection.execute(ROW)
    with any_database.begin() as connection:  # and the connection is fit to write again
        connection.execute(ROW)


def test_a_reading_transaction_sees_one_moment_and_holds_nobody_up(any_database: Database) -> None:
    with any_database.read() as reader:
        assert reader.execute(select(REGISTRY_REVISION)).all() == []
        with any_database.begin() as writer:
            writer.execute(ROW)
        assert reader.execute(select(REGISTRY_REVISION)).all() == []
    with any_database.read() as reader:
        assert len(reader.execute(select(REGISTRY_REVISION)).all()) == 1


def test_many_threads_count_without_losing_one(any_database: Database) -> None:
    with any_database.begin() as connection:
        connection.execute(REGISTRY_REVISION.insert().values(id=1, revision=0))
    threads = [threading.Thread(target=_count, args=(any_database, 10)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with any_database.read() as connection:
        assert connection.scalar(select(REGISTRY_REVISION.c.revision)) == 80


def _count(database: Database, times: int) -> None:
    for _ in range(times):
        with database.begin() as connection:
            stored = connection.scalar(select(REGISTRY_REVISION.c.revision).with_for_update())
            assert stored is not None
            connection.execute(REGISTRY_REVISION.update().values(revision=stored + 1))


def test_without_tables_the_remedy_is_named(any_database_url: str) -> None:
    database = Database(any_database_url)
    with pytest.raises(DependencyFailed, match="run `caretaker migrate`") as raised, database.read() as connection:
        connection.execute(select(REGISTRY_REVISION))
    assert not raised.value.transient
    database.close()


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("nonsense", "use sqlite:///FILE or postgresql"),
        ("mysql://u@h/d", "use sqlite:///FILE or postgresql"),
        ("sqlite://", "name a file"),
        ("sqlite:///:memory:", "name a file"),
        ("sqlite:///file", "takes no password"),
    ],
)
def test_an_unusable_address_is_refused(url: str, remedy: str) -> None:
    with pytest.raises(BadInput, match=remedy):
        Database(url, "password")


@pytest.mark.parametrize("url", ["postgresql://caretaker@127.0.0.1:1/x", "sqlite:////nowhere/at/all/caretaker.sqlite"])
def test_no_answer_may_be_tried_again(url: str) -> None:
    database = Database(url, password="secret-word" if url.startswith("postgresql") else None)
    with pytest.raises(DependencyFailed, match="did not answer") as raised:
        database.check()
    assert raised.value.transient
    assert "secret-word" not in str(raised.value) + database.place


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "caretaker.sqlite"
    file.write_bytes(b"not a database at all" * 100)
    database = Database(f"sqlite:///{file}")
    with pytest.raises(DependencyFailed, match="restore the backup") as raised:
        database.check()
    assert not raised.value.transient


def test_sqlite_is_durable_and_checks_references(tmp_path: Path) -> None:
    database = open_database(Settings(data_dir=tmp_path / "data"))
    database.migrate()
    with database.read() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    database.close()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}
    assert stat.S_IMODE((tmp_path / "data" / "caretaker.sqlite").stat().st_mode) == 0o600


def test_a_busy_sqlite_file_is_waited_for(tmp_path: Path) -> None:
    database = open_database(Settings(data_dir=tmp_path))
    database.migrate()
    other = sqlite3.connect(tmp_path / "caretaker.sqlite", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, other.rollback)
    release.start()
    with database.begin() as connection:
        connection.execute(ROW)
    release.join()
    other.close()
    database.close()


def test_the_password_comes_from_its_file(postgres_url: str, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("open sesame\n")
    database = open_database(Settings(data_dir=tmp_path, database=DatabaseSettings(url=postgres_url, password_file=file)))
    database.migrate()
    database.check()
    database.close()
    with pytest.raises(BadInput, match="cannot read the secret"):
        open_database(Settings(data_dir=tmp_path, database=DatabaseSettings(url=postgres_url, password_file=tmp_path / "no")))


def test_an_unwritable_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="choose another data_dir"):
        open_database(Settings(data_dir=tmp_path / "file"))


def test_what_lies_in_a_new_data_directory_is_its_owners(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    open_database(Settings(data_dir=folder)).close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
