"""Quotas of rooms: storage.schema_budget."""

import sqlalchemy as sa
from alembic import op

from storage.columns import KEY, UtcTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "quota",
        sa.Column("id", KEY, nullable=False),
        sa.Column("space_id", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("per", sa.String(40), nullable=False),
        sa.Column("amount", sa.Float(), nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quota"),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_quota_month", "quota", ["space_id", "quantity", "month"], unique=True)
