"""Signed checks of conditions, meters in commissioning: storage.schema_watching."""

import sqlalchemy as sa
from alembic import op

from storage.columns import KEY, UtcTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "condition_check",
        sa.Column("id", KEY, nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("value", sa.Float()),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("checked_by", sa.Text(), nullable=False),
        sa.Column("checked_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_condition_check"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_condition_check_device_id_day", "condition_check", ["device_id", "day"])
    op.create_table(
        "commissioning",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("measured_hours", sa.Integer(), nullable=False),
        sa.Column("needed_hours", sa.Integer(), nullable=False),
        sa.Column("finished_at", UtcTime()),
        sa.Column("finished_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", name="pk_commissioning"),
    )
