"""Tables of meters: storage.schema_meters."""

import sqlalchemy as sa
from alembic import op

from analytics.entry import EntryKind
from analytics.notes import NoteKind
from analytics.prices import Period
from devices.model import UseType
from storage.columns import DOCUMENT, KEY, UtcTime, Word

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _entries()
    _notes()
    _virtual_meters()
    _prices()


def _entries() -> None:
    op.create_table(
        "meter_entry",
        sa.Column("id", KEY, nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("kind", Word(EntryKind), nullable=False),
        sa.Column("ts_ms", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.Float()),
        sa.Column("after", sa.Float()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", UtcTime(), nullable=False),
        sa.Column("undone_by", sa.Text()),
        sa.Column("undone_at", UtcTime()),
        sa.PrimaryKeyConstraint("id", name="pk_meter_entry"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_meter_entry_device_id_ts_ms", "meter_entry", ["device_id", "ts_ms"])
    op.create_table(
        "meter_recount",
        sa.Column("id", KEY, nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_meter_recount"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_meter_recount_device_id", "meter_recount", ["device_id"])


def _notes() -> None:
    op.create_table(
        "meter_note",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("kind", Word(NoteKind), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.Float(), nullable=False),
        sa.Column("after", sa.Float(), nullable=False),
        sa.Column("counted", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "kind", "from_ms", "to_ms", name="pk_meter_note"),
    )
    op.create_index("ix_meter_note_device_id_to_ms", "meter_note", ["device_id", "to_ms"])


def _virtual_meters() -> None:
    op.create_table(
        "virtual_meter",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("rest_of", sa.Text()),
        sa.Column("terms", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_virtual_meter"),
    )


def _prices() -> None:
    op.create_table(
        "price",
        sa.Column("id", KEY, nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("price", sa.Float(), nullable=False),
        sa.Column("hours", DOCUMENT, nullable=False),
        sa.Column("use", Word(UseType)),
        sa.Column("above", sa.Float(), nullable=False),
        sa.Column("period", Word(Period)),
        sa.PrimaryKeyConstraint("id", name="pk_price"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "carbon_factor",
        sa.Column("id", KEY, nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("kgco2e", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_carbon_factor"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "tariff_state",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("stored", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tariff_state"),
    )
