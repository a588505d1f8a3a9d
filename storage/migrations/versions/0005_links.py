"""How devices are read, what decoders remember, and what strangers told of themselves: storage.schema_links."""

import sqlalchemy as sa
from alembic import op

from devices.link import LinkScope
from storage.columns import DOCUMENT, Word

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "device_link",
        sa.Column("scope", Word(LinkScope), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("context", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name="pk_device_link"),
    )
    op.create_table(
        "device_link_secret",
        sa.Column("scope", Word(LinkScope), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("context", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name="pk_device_link_secret"),
        sa.ForeignKeyConstraint(
            ["scope", "key"], ["device_link.scope", "device_link.key"], name="fk_device_link_secret_scope", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "link_revision",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_link_revision"),
    )
    op.create_table(
        "decoder_memory",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", name="pk_decoder_memory"),
    )
    for name in ("gateway_id", "topic", "family"):
        op.add_column("device_health", sa.Column(name, sa.Text()))
    op.add_column("discovered_device", sa.Column("gateway_id", sa.Text()))
    op.add_column("discovered_device", sa.Column("model", sa.Text()))
    op.add_column("discovered_device", sa.Column("told", DOCUMENT))
