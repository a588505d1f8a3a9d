"""Budgets and measured savings: storage.schema_budget."""

import sqlalchemy as sa
from alembic import op

from storage.columns import KEY, UtcTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_PERIOD = ["space_id", "meter_id", "quantity", "measure", "year", "month"]


def upgrade() -> None:
    _budget()
    _saving()


def _budget() -> None:
    op.create_table(
        "budget",
        sa.Column("id", KEY, nullable=False),
        sa.Column("space_id", sa.Text(), nullable=False),
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("measure", sa.String(40), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Float(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_budget"),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_budget_period", "budget", _PERIOD, unique=True)


def _saving() -> None:
    op.create_table(
        "saving",
        sa.Column(
            "order_id",
            KEY,
            sa.ForeignKey("work_order.id", name="fk_saving_order_id", ondelete="CASCADE"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("finding_id", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("repaired_at", UtcTime(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Float()) for name in ("per_day", "low", "high", "during", "after", "money_per_day", "kgco2e_per_day")),
        sa.Column("estimate_per_day", sa.Float(), nullable=False),
        sa.Column("estimate_money_per_day", sa.Float(), nullable=False),
        sa.Column("weather", sa.Integer(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name="pk_saving"),
    )
    op.create_index("ix_saving_finding_id", "saving", ["finding_id"])
    op.create_index("ix_saving_repaired_at", "saving", ["repaired_at"])
