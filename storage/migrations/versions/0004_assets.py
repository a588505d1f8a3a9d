"""Tables of assets: storage.schema_assets."""

import sqlalchemy as sa
from alembic import op

from storage.columns import DOCUMENT, KEY, UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WORD = sa.String(40)


def upgrade() -> None:
    _assets()
    _stocktakes()
    _history_is_append_only()


def _assets() -> None:
    op.create_table(
        "asset",
        sa.Column("id", KEY, primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("tag", "class_code", "class_name", "name", "name_zh")),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        *(sa.Column(name, WORD, nullable=False) for name in ("state", "condition", "acquired")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("model", "serial", "manufacturer", "supplier")),
        sa.Column("purchased_on", sa.Date()),
        sa.Column("price_cents", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("accepted_on", sa.Date()),
        sa.Column("accepted_by", sa.Text(), nullable=False),
        sa.Column("warranty_until", sa.Date()),
        sa.Column("life_months", sa.Integer(), nullable=False),
        sa.Column("method", WORD, nullable=False),
        sa.Column("residual_rate", sa.Float(), nullable=False),
        sa.Column("space_id", sa.Text()),
        sa.Column("custodian", sa.Text(), nullable=False),
        sa.Column("due_back", sa.Date()),
        sa.Column("device_id", sa.Text()),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("pending", DOCUMENT),
        sa.Column("back_to", WORD),
        sa.Column("written_off_on", sa.Date()),
        sa.Column("disposed_on", sa.Date()),
        sa.Column("proceeds_cents", sa.BigInteger()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("log_hash", sa.Text(), nullable=False),
        sa.UniqueConstraint("tag", name="uq_asset_tag"),
        sqlite_autoincrement=True,
    )
    for column in ("class_code", "state", "warranty_until", "space_id"):
        op.create_index(f"ix_asset_{column}", "asset", [column])
    linked = sa.text("device_id IS NOT NULL")
    op.create_index("uq_asset_device_id", "asset", ["device_id"], unique=True, sqlite_where=linked, postgresql_where=linked)
    op.create_table(
        "asset_log",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("asset_id", KEY, sa.ForeignKey("asset.id", name="fk_asset_log_asset_id"), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("event", WORD, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("from_state", WORD),
        sa.Column("to_state", WORD, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_asset_log_asset_id", "asset_log", ["asset_id"])
    op.create_table(
        "asset_sequence",
        sa.Column("prefix", sa.Text(), primary_key=True),
        sa.Column("last", sa.Integer(), nullable=False),
    )


def _stocktakes() -> None:
    op.create_table(
        "stocktake",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("opened_at", UtcTime(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Text()),
        sa.Column("class_prefix", sa.Text(), nullable=False),
        sa.Column("closed_at", UtcTime()),
        sa.Column("closed_by", sa.Text()),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "stocktake_line",
        sa.Column("id", KEY, primary_key=True),
        sa.Column(
            "stocktake_id",
            KEY,
            sa.ForeignKey("stocktake.id", name="fk_stocktake_line_stocktake_id", ondelete="CASCADE"),
            nullable=False,
        ),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("tag", "name", "name_zh")),
        sa.Column("asset_id", KEY, sa.ForeignKey("asset.id", name="fk_stocktake_line_asset_id")),
        sa.Column("expected_space_id", sa.Text()),
        sa.Column("result", WORD, nullable=False),
        sa.Column("found_space_id", sa.Text()),
        sa.Column("counted_by", sa.Text()),
        sa.Column("counted_at", UtcTime()),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("correction", WORD, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_stocktake_line_asset_id", "stocktake_line", ["asset_id"])
    op.create_index("uq_stocktake_line_stocktake_id_tag", "stocktake_line", ["stocktake_id", "tag"], unique=True)


def _history_is_append_only() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER asset_log_no_{verb} BEFORE {verb.upper()} ON asset_log "
                "BEGIN SELECT RAISE(ABORT, 'asset_log is append-only'); END"
            )
    else:
        op.execute(
            "CREATE TRIGGER asset_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON asset_log "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
