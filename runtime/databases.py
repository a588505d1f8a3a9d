"""Opens the database that the settings name."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from devices.errors import BadInput
from runtime.settings import Settings, read_secret
from storage.database import Database


def open_database(settings: Settings) -> Database:
    """Ready to use where its schema is up to date: see Database.migrate and Database.check. Raises BadInput."""
    if settings.database.url:
        return Database(settings.database.url, _password(settings))
    file = settings.data_dir / "caretaker.sqlite"
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)  # people's movements lie in it
        file.touch(mode=0o600)  # it holds names and sessions; SQLite gives its other files the same mode
    except OSError as error:
        raise BadInput(
            f"cannot make the database there: {error.strerror}; choose another data_dir or its owner", place=str(file)
        ) from error
    return Database(settings.database_url)


@contextmanager
def ready_database(settings: Settings) -> Iterator[Database]:
    """Open, with this version's schema, until the end of the block: what a role or a command that writes begins with."""
    with closing(open_database(settings)) as database:
        database.migrate()
        yield database


def _password(settings: Settings) -> str | None:
    if settings.database.password_file is None:
        return None
    return read_secret(settings.database.password_file).get_secret_value()
