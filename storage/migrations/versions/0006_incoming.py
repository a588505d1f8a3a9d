"""What comes in by hand or by HTTP: storage.schema_incoming."""

import sqlalchemy as sa
from alembic import op

from storage.columns import DOCUMENT, KEY, UtcTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "push_token",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("devices", DOCUMENT),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expires_at", UtcTime()),
        sa.Column("revoked_at", UtcTime()),
        sa.Column("last_used_at", UtcTime()),
        sa.PrimaryKeyConstraint("id", name="pk_push_token"),
        sa.UniqueConstraint("token_sha256", name="uq_push_token_token_sha256"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "reading_import",
        sa.Column("id", KEY, nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("plan", DOCUMENT, nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("rows_total", sa.Integer(), nullable=False),
        sa.Column("rows_done", sa.Integer(), nullable=False),
        sa.Column("rows_rejected", sa.Integer(), nullable=False),
        sa.Column("readings", sa.BigInteger(), nullable=False),
        sa.Column("errors", DOCUMENT, nullable=False),
        sa.Column("heartbeat_at", UtcTime(), nullable=False),
        sa.Column("finished_at", UtcTime()),
        sa.PrimaryKeyConstraint("id", name="pk_reading_import"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_reading_import_state", "reading_import", ["state"])
    op.create_table(
        "manual_reading",
        sa.Column("id", KEY, nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("ts_ms", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", UtcTime(), nullable=False),
        sa.Column("photo", sa.String(64)),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("unusual", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_manual_reading"),
        sa.UniqueConstraint("device_id", "metric", "ts_ms", name="uq_manual_reading_device_id_metric_ts_ms"),
        sqlite_autoincrement=True,
    )
