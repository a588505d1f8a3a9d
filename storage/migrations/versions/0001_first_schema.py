"""The first schema."""

import sqlalchemy as sa
from alembic import op

from storage.columns import DOCUMENT, KEY, UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_APPEND_ONLY = ("order_log", "audit")


def upgrade() -> None:
    _tables()
    op.create_index(
        "uq_work_order_open",
        "work_order",
        ["problem", sa.text("coalesce(device_id, '')"), "space_id"],
        unique=True,
        sqlite_where=sa.text("state NOT IN ('cancelled', 'closed', 'duplicate')"),
        postgresql_where=sa.text("state NOT IN ('cancelled', 'closed', 'duplicate')"),
    )
    if op.get_bind().dialect.name == "sqlite":
        _refuse_changes_on_sqlite()
    else:
        _refuse_changes_on_postgresql()


def _refuse_changes_on_sqlite() -> None:
    for table in _APPEND_ONLY:
        for verb in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )


def _refuse_changes_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _tables() -> None:
    op.create_table(
        "audit",
        sa.Column("id", KEY, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "change",
        sa.Column("seq", KEY, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("entity_id", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_change"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "dead_letter",
        sa.Column("id", KEY, nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_dead_letter"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_dead_letter_device_id_id", "dead_letter", ["device_id", "id"], unique=False)
    op.create_index("ix_dead_letter_received_ms", "dead_letter", ["received_ms"], unique=False)
    op.create_table(
        "device_health",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("last_seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("stored", sa.BigInteger(), nullable=False),
        sa.Column("late", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("duplicate", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", name="pk_device_health"),
    )
    op.create_table(
        "discovered_device",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("first_seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("metrics", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("device_id", name="pk_discovered_device"),
    )
    op.create_table(
        "event",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("ts_ms", sa.BigInteger(), nullable=False),
        sa.Column("attributes", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("device_id", "type", "ts_ms", name="pk_event"),
    )
    op.create_index("ix_event_device_id_ts_ms", "event", ["device_id", "ts_ms"], unique=False)
    op.create_index("ix_event_ts_ms", "event", ["ts_ms"], unique=False)
    op.create_index("ix_event_type_ts_ms", "event", ["type", "ts_ms"], unique=False)
    op.create_table(
        "finding",
        sa.Column("id", KEY, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("started", UtcTime(), nullable=False),
        sa.Column("seen", UtcTime(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("facts", DOCUMENT, nullable=False),
        sa.Column("evidence", DOCUMENT, nullable=True),
        sa.Column("kwh_per_day", sa.Float(), nullable=False),
        sa.Column("m3_per_day", sa.Float(), nullable=False),
        sa.Column("cost_per_day", sa.Float(), nullable=False),
        sa.Column("kgco2e_per_day", sa.Float(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_finding"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_finding_device_id_id", "finding", ["device_id", "id"], unique=False)
    op.create_index("ix_finding_kind_id", "finding", ["kind", "id"], unique=False)
    op.create_index(
        "uq_finding_active",
        "finding",
        ["kind", "device_id"],
        unique=True,
        sqlite_where=sa.text("active"),
        postgresql_where=sa.text("active"),
    )
    op.create_table(
        "registry_revision",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_registry_revision"),
    )
    op.create_table(
        "space",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text(), nullable=True),
        sa.Column("use", sa.String(40), nullable=False),
        sa.Column("area_m2", sa.Float(), nullable=True),
        sa.Column("people", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["parent_id"], ["space.id"], name="fk_space_parent_id", initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("id", name="pk_space"),
    )
    op.create_table(
        "user_account",
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("roles", DOCUMENT, nullable=False),
        sa.Column("trades", DOCUMENT, nullable=False),
        sa.Column("buildings", DOCUMENT, nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("username", name="pk_user_account"),
    )
    op.create_table(
        "alert",
        sa.Column("id", KEY, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(40), nullable=False),
        sa.Column("severity_rank", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("raised_at", UtcTime(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("facts", DOCUMENT, nullable=False),
        sa.Column("finding_id", KEY, nullable=True),
        sa.Column("acknowledged_at", UtcTime(), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("resolved_at", UtcTime(), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["finding_id"], ["finding.id"], name="fk_alert_finding_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_alert"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alert_finding_id", "alert", ["finding_id"], unique=False)
    op.create_index("ix_alert_kind_device_id_id", "alert", ["kind", "device_id", "id"], unique=False)
    op.create_index("ix_alert_space_id", "alert", ["space_id"], unique=False)
    op.create_index(
        "ix_alert_state_worst",
        "alert",
        ["state", "severity_rank", sa.literal_column("raised_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_alert_worst",
        "alert",
        ["severity_rank", sa.literal_column("raised_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "uq_alert_open",
        "alert",
        ["kind", "device_id"],
        unique=True,
        sqlite_where=sa.text("state != 'resolved'"),
        postgresql_where=sa.text("state != 'resolved'"),
    )
    op.create_table(
        "device",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("profile_id", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("upstream_id", sa.Text(), nullable=True),
        sa.Column("measures_space", sa.Boolean(), nullable=False),
        sa.Column("attributes", DOCUMENT, nullable=False),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name="fk_device_space_id", initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(
            ["upstream_id"], ["device.id"], name="fk_device_upstream_id", initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("id", name="pk_device"),
    )
    op.create_index("ix_device_space_id", "device", ["space_id"], unique=False)
    op.create_index("ix_device_upstream_id", "device", ["upstream_id"], unique=False)
    op.create_table(
        "user_session",
        sa.Column("token_sha256", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["username"], ["user_account.username"], name="fk_user_session_username", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_sha256", name="pk_user_session"),
    )
    op.create_index("ix_user_session_expires_at", "user_session", ["expires_at"], unique=False)
    op.create_index("ix_user_session_username", "user_session", ["username"], unique=False)
    op.create_table(
        "alert_log",
        sa.Column("id", KEY, nullable=False),
        sa.Column("alert_id", KEY, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("from_state", sa.String(40), nullable=True),
        sa.Column("to_state", sa.String(40), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_alert_log_alert_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_alert_log"),
    )
    op.create_index("ix_alert_log_alert_id", "alert_log", ["alert_id"], unique=False)
    op.create_table(
        "work_order",
        sa.Column("id", KEY, nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Text(), nullable=False),
        sa.Column("trade", sa.String(40), nullable=False),
        sa.Column("priority", sa.String(40), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("raised_at", UtcTime(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.Column("respond_due", UtcTime(), nullable=False),
        sa.Column("resolve_due", UtcTime(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=True),
        sa.Column("alert_id", KEY, nullable=True),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("facts", DOCUMENT, nullable=False),
        sa.Column("reporter", sa.Text(), nullable=True),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("hold_reason", sa.Text(), nullable=True),
        sa.Column("accepted_at", UtcTime(), nullable=True),
        sa.Column("done_at", UtcTime(), nullable=True),
        sa.Column("closed_at", UtcTime(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("rating", sa.Integer(), nullable=True),
        sa.Column("rework", sa.Integer(), nullable=False),
        sa.Column("duplicate_of", KEY, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("log_hash", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_work_order_alert_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["duplicate_of"], ["work_order.id"], name="fk_work_order_duplicate_of"),
        sa.PrimaryKeyConstraint("id", name="pk_work_order"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_work_order_alert_id", "work_order", ["alert_id"], unique=False)
    op.create_index("ix_work_order_assignee_newest", "work_order", ["assignee", sa.literal_column("raised_at DESC")], unique=False)
    op.create_index(
        "ix_work_order_load",
        "work_order",
        ["assignee"],
        unique=False,
        sqlite_where=sa.text("state NOT IN ('cancelled', 'closed', 'duplicate')"),
        postgresql_where=sa.text("state NOT IN ('cancelled', 'closed', 'duplicate')"),
    )
    op.create_index(
        "ix_work_order_newest", "work_order", [sa.literal_column("raised_at DESC"), sa.literal_column("id DESC")], unique=False
    )
    op.create_index("ix_work_order_reporter_newest", "work_order", ["reporter", sa.literal_column("raised_at DESC")], unique=False)
    op.create_index("ix_work_order_space_id", "work_order", ["space_id"], unique=False)
    op.create_index("ix_work_order_state_newest", "work_order", ["state", sa.literal_column("raised_at DESC")], unique=False)
    op.create_table(
        "order_log",
        sa.Column("id", KEY, nullable=False),
        sa.Column("order_id", KEY, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("from_state", sa.String(40), nullable=True),
        sa.Column("to_state", sa.String(40), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["work_order.id"], name="fk_order_log_order_id"),
        sa.PrimaryKeyConstraint("id", name="pk_order_log"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_order_log_order_id", "order_log", ["order_id"], unique=False)
