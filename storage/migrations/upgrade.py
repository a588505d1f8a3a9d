"""Runs the migrations of this package on an open connection, in its transaction."""

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from devices.errors import BadInput


def upgrade(connection: Connection, place: str) -> None:
    """To the newest schema. Raises BadInput, naming `place`, where the database has a schema this program does not know."""
    config = _config()
    if not is_current(connection, place):
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_current(connection: Connection, place: str) -> bool:
    """False where a migration is due. Raises BadInput as `upgrade` does."""
    scripts = ScriptDirectory.from_config(_config())
    found = MigrationContext.configure(connection).get_current_revision()
    newest = scripts.get_current_head()
    if found is not None and found not in {script.revision for script in scripts.walk_revisions()}:
        raise BadInput(
            f"its schema {found!r} is not known here (newest: {newest!r}): a newer Caretaker has used it; "
            "install that version, or restore the backup made before the upgrade",
            place=place,
        )
    return found == newest


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "storage:migrations")  # inside the package, wherever that is installed
    config.set_main_option("path_separator", "os")
    return config
