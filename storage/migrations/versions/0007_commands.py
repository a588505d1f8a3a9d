"""Commands to devices: storage.schema_commands."""

import sqlalchemy as sa
from alembic import op

from storage.columns import DOCUMENT, KEY, UtcTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_OPEN = sa.text("state NOT IN ('acknowledged', 'cancelled', 'refused', 'timed_out')")


def upgrade() -> None:
    op.create_table(
        "device_command",
        sa.Column("id", KEY, nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("args", DOCUMENT, nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", UtcTime(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=False),
        sa.Column("answer_within_s", sa.Float(), nullable=False),
        sa.Column("confirmed_by", sa.Text()),
        sa.Column("confirmed_at", UtcTime()),
        sa.Column("sent_at", UtcTime()),
        sa.Column("finished_at", UtcTime()),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_device_command"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_device_command_device_id_id", "device_command", ["device_id", "id"])
    op.create_index(
        "uq_device_command_open", "device_command", ["device_id"], unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
    )
