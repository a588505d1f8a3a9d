"""Tables of what comes in by hand or by HTTP: tokens of pushing programs, imports of readings, readings typed by people."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text, UniqueConstraint

from storage.columns import DOCUMENT, KEY, UtcTime, Word
from storage.incoming import ImportState
from storage.schema import METADATA

PUSH_TOKEN = Table(
    "push_token",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("name", Text, nullable=False),
    Column("token_sha256", String(64), nullable=False),
    Column("devices", DOCUMENT),  # NULL: all
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", UtcTime),
    Column("revoked_at", UtcTime),
    Column("last_used_at", UtcTime),
    UniqueConstraint("token_sha256"),
    sqlite_autoincrement=True,
)

READING_IMPORT = Table(
    "reading_import",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("filename", Text, nullable=False),
    Column("plan", DOCUMENT, nullable=False),
    Column("state", Word(ImportState), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("rows_total", Integer, nullable=False),
    Column("rows_done", Integer, nullable=False),
    Column("rows_rejected", Integer, nullable=False),
    Column("readings", BigInteger, nullable=False),
    Column("errors", DOCUMENT, nullable=False),
    Column("heartbeat_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    sqlite_autoincrement=True,
)
Index("ix_reading_import_state", READING_IMPORT.c.state)

MANUAL_READING = Table(
    "manual_reading",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("device_id", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("ts_ms", BigInteger, nullable=False),
    Column("value", Float, nullable=False),
    Column("entered_by", Text, nullable=False),
    Column("entered_at", UtcTime, nullable=False),
    Column("photo", String(64)),  # SHA-256 of the stored picture
    Column("note", Text, nullable=False),
    Column("unusual", Boolean, nullable=False),
    UniqueConstraint("device_id", "metric", "ts_ms"),
    sqlite_autoincrement=True,
)
