"""The table of commands to devices."""

from sqlalchemy import Column, Float, Index, Integer, Table, Text, text

from devices.command import FINAL, CommandName, CommandState
from storage.columns import DOCUMENT, KEY, UtcTime, Word
from storage.schema import METADATA

OPEN = text(f"state NOT IN ({', '.join(repr(str(state)) for state in sorted(FINAL))})")

DEVICE_COMMAND = Table(
    "device_command",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("device_id", Text, nullable=False),
    Column("name", Word(CommandName), nullable=False),
    Column("args", DOCUMENT, nullable=False),
    Column("state", Word(CommandState), nullable=False),
    Column("reason", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("answer_within_s", Float, nullable=False),
    Column("confirmed_by", Text),
    Column("confirmed_at", UtcTime),
    Column("sent_at", UtcTime),
    Column("finished_at", UtcTime),
    Column("outcome", Text, nullable=False),
    Column("version", Integer, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_device_command_device_id_id", DEVICE_COMMAND.c.device_id, DEVICE_COMMAND.c.id)
Index(
    "uq_device_command_open",
    DEVICE_COMMAND.c.device_id,
    unique=True,
    sqlite_where=OPEN,
    postgresql_where=OPEN,
)
