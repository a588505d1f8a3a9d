"""Ignored strangers and replays of dead letters: storage.schema_registry."""

import sqlalchemy as sa
from alembic import op

from storage.columns import KEY

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ignored_device",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("ignored_ms", sa.BigInteger(), nullable=False),
        sa.Column("ignored_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", name="pk_ignored_device"),
    )
    op.create_table(
        "replay_request",
        sa.Column(
            "letter_id",
            KEY,
            sa.ForeignKey("dead_letter.id", name="fk_replay_request_letter_id", ondelete="CASCADE"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("requested_ms", sa.BigInteger(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("refused_ms", sa.BigInteger()),
        sa.PrimaryKeyConstraint("letter_id", name="pk_replay_request"),
    )
    op.create_index("ix_replay_request_refused_ms_letter_id", "replay_request", ["refused_ms", "letter_id"])
