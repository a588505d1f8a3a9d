"""Verdicts about findings, rules of detectors: storage.schema_labels."""

import sqlalchemy as sa
from alembic import op

from storage.columns import DOCUMENT, KEY, UtcTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "finding_label",
        sa.Column("id", KEY, nullable=False),
        sa.Column(
            "finding_id",
            KEY,
            sa.ForeignKey("finding.id", name="fk_finding_label_finding_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Text(), nullable=False),
        sa.Column("verdict", sa.String(40), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("order_id", KEY, sa.ForeignKey("work_order.id", name="fk_finding_label_order_id", ondelete="SET NULL")),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.Column("given_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_finding_label"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_finding_label_finding_id_id", "finding_label", ["finding_id", "id"])
    op.create_index("ix_finding_label_kind_device_id", "finding_label", ["kind", "device_id"])
    op.create_table(
        "detector_rule",
        sa.Column("id", KEY, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("device_id", sa.Text()),
        sa.Column("space_id", sa.Text()),
        sa.Column("off", sa.Boolean(), nullable=False),
        sa.Column("parameters", DOCUMENT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("basis", DOCUMENT, nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", UtcTime(), nullable=False),
        sa.Column("undone_by", sa.Text()),
        sa.Column("undone_at", UtcTime()),
        sa.PrimaryKeyConstraint("id", name="pk_detector_rule"),
        sqlite_autoincrement=True,
    )
