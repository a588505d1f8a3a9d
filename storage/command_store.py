"""Commands to devices: at most one open for each device, updates guarded by `version`, so that only one sender wins."""

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import insert, select, update

from devices.command import Command
from devices.errors import Conflict, NotFound
from storage.columns import values_of
from storage.database import Transactions
from storage.schema_commands import DEVICE_COMMAND, OPEN

Commands = list[Command]


class CommandStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def insert(self, command: Command) -> Command:
        """The command with its id. Raises Conflict where another one to that device is still open."""
        row = {name: value for name, value in values_of(command).items() if name != "id"}
        new = insert(DEVICE_COMMAND).values(row | {"args": dict(command.args)}).returning(DEVICE_COMMAND.c.id)
        taken = f"a command to {command.device_id!r} is still under way; wait for its end or cancel it"
        with self._database.begin(conflict=taken) as connection:
            return replace(command, id=connection.execute(new).scalar_one())

    def update(self, command: Command) -> Command:
        """The command with its next version. Raises Conflict where somebody else moved it first."""
        stored = replace(command, version=command.version + 1)
        mine = (DEVICE_COMMAND.c.id == command.id) & (DEVICE_COMMAND.c.version == command.version)
        with self._database.begin() as connection:
            row = values_of(stored) | {"args": dict(stored.args)}
            if not connection.execute(update(DEVICE_COMMAND).where(mine).values(row)).rowcount:
                raise Conflict(f"command {command.id} was changed by somebody else; look again")
        return stored

    def get(self, command_id: int) -> Command:
        with self._database.read() as connection:
            row = connection.execute(select(DEVICE_COMMAND).where(DEVICE_COMMAND.c.id == command_id)).mappings().first()
        if row is None:
            raise NotFound(f"there is no command {command_id}")
        return Command(**row)

    def open(self) -> Commands:
        """All that are under way, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(DEVICE_COMMAND).where(OPEN).order_by(DEVICE_COMMAND.c.id)).mappings()
            return [Command(**row) for row in rows]

    def list(self, *, device_ids: Collection[str] | None = None, limit: int = 200) -> Commands:
        """Newest first. None: of all devices."""
        query = select(DEVICE_COMMAND).order_by(DEVICE_COMMAND.c.id.desc()).limit(limit)
        if device_ids is not None:
            query = query.where(DEVICE_COMMAND.c.device_id.in_(device_ids))
        with self._database.read() as connection:
            return [Command(**row) for row in connection.execute(query).mappings()]
