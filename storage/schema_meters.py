"""Tables of meters: what people entered, what the ledger noted, what must be counted again, virtual meters, prices and factors."""

from sqlalchemy import BigInteger, Boolean, Column, Date, Float, Index, Integer, PrimaryKeyConstraint, Table, Text

from analytics.entry import EntryKind
from analytics.notes import NoteKind
from analytics.prices import Period
from devices.model import UseType
from storage.columns import DOCUMENT, KEY, UtcTime, Word
from storage.schema import METADATA

METER_ENTRY = Table(
    "meter_entry",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("device_id", Text, nullable=False),
    Column("kind", Word(EntryKind), nullable=False),
    Column("ts_ms", BigInteger, nullable=False),
    Column("before", Float),
    Column("after", Float),
    Column("reason", Text, nullable=False),
    Column("entered_by", Text, nullable=False),
    Column("entered_at", UtcTime, nullable=False),
    Column("undone_by", Text),
    Column("undone_at", UtcTime),
    Index(None, "device_id", "ts_ms"),
    sqlite_autoincrement=True,
)

METER_RECOUNT = Table(
    "meter_recount",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("device_id", Text, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("to_ms", BigInteger, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index(None, "device_id"),
    sqlite_autoincrement=True,
)

METER_NOTE = Table(
    "meter_note",
    METADATA,
    Column("device_id", Text, nullable=False),
    Column("kind", Word(NoteKind), nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("to_ms", BigInteger, nullable=False),
    Column("before", Float, nullable=False),
    Column("after", Float, nullable=False),
    Column("counted", Float, nullable=False),
    PrimaryKeyConstraint("device_id", "kind", "from_ms", "to_ms"),
    Index(None, "device_id", "to_ms"),
)

VIRTUAL_METER = Table(
    "virtual_meter",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("quantity", Text, nullable=False),
    Column("space_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("rest_of", Text),
    Column("terms", DOCUMENT, nullable=False),
)

PRICE = Table(
    "price",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("quantity", Text, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("price", Float, nullable=False),
    Column("hours", DOCUMENT, nullable=False),
    Column("use", Word(UseType)),
    Column("above", Float, nullable=False),
    Column("period", Word(Period)),
    sqlite_autoincrement=True,
)

CARBON_FACTOR = Table(
    "carbon_factor",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("quantity", Text, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("kgco2e", Float, nullable=False),
    sqlite_autoincrement=True,
)

TARIFF_STATE = Table(
    "tariff_state",
    METADATA,
    Column("id", Text, primary_key=True),  # "electricity.prices", "water.factors": the table stands in place of the settings
    Column("stored", Boolean, nullable=False),
    Column("revision", Integer, nullable=False),
)
