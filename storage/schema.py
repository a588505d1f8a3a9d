"""The relational tables, one MetaData. Migrations build them; tests hold the two equal. Column names are the fields' names."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
    text,
)

from alerts.model import AlertState, Severity
from analytics.finding import FindingKind
from devices.model import DeviceKind, SpaceKind, UseType
from maintenance.model import FINAL_STATES, OrderState, Priority, Trade
from storage.change import ChangeKind
from storage.columns import DOCUMENT, KEY, UtcTime, Word

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

# As text and not as parameters: a query uses a partial index only where it repeats the index's own words.
ACTIVE = text("active")
UNRESOLVED = text(f"state != '{AlertState.RESOLVED}'")
UNFINISHED = text(f"state NOT IN ({', '.join(repr(str(state)) for state in sorted(FINAL_STATES))})")

SPACE = Table(
    "space",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Word(SpaceKind), nullable=False),
    Column("name", Text, nullable=False),
    Column("name_zh", Text, nullable=False),
    # Deferred: a whole campus arrives in one transaction, in any order.
    Column("parent_id", ForeignKey("space.id", deferrable=True, initially="DEFERRED")),
    Column("use", Word(UseType), nullable=False),
    Column("area_m2", Float),
    Column("people", Integer),
)

DEVICE = Table(
    "device",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Word(DeviceKind), nullable=False),
    Column("profile_id", Text, nullable=False),
    Column("space_id", ForeignKey("space.id", deferrable=True, initially="DEFERRED"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("upstream_id", ForeignKey("device.id", deferrable=True, initially="DEFERRED"), index=True),
    Column("measures_space", Boolean, nullable=False),
    Column("attributes", DOCUMENT, nullable=False),
)

REGISTRY_REVISION = Table(
    "registry_revision",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
)

EVENT = Table(
    "event",
    METADATA,
    Column("device_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("ts_ms", BigInteger, nullable=False),
    Column("attributes", DOCUMENT, nullable=False),
    PrimaryKeyConstraint("device_id", "type", "ts_ms"),
    Index(None, "device_id", "ts_ms"),
    Index(None, "type", "ts_ms"),
    Index(None, "ts_ms"),
)

FINDING = Table(
    "finding",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("kind", Word(FindingKind), nullable=False),
    Column("device_id", Text, nullable=False),
    Column("space_id", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("score", Float, nullable=False),
    Column("started", UtcTime, nullable=False),
    Column("seen", UtcTime, nullable=False),
    Column("message", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("facts", DOCUMENT, nullable=False),
    Column("evidence", DOCUMENT),
    Column("kwh_per_day", Float, nullable=False),
    Column("m3_per_day", Float, nullable=False),
    Column("cost_per_day", Float, nullable=False),
    Column("kgco2e_per_day", Float, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("verdict", Text),  # what people said of it afterwards: a label for the detectors
    sqlite_autoincrement=True,
)
Index(
    "uq_finding_active",
    FINDING.c.kind,
    FINDING.c.device_id,
    unique=True,
    sqlite_where=ACTIVE,
    postgresql_where=ACTIVE,
)
Index("ix_finding_device_id_id", FINDING.c.device_id, FINDING.c.id)
Index("ix_finding_kind_id", FINDING.c.kind, FINDING.c.id)

ALERT = Table(
    "alert",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("device_id", Text, nullable=False),
    Column("space_id", Text, nullable=False, index=True),
    Column("severity", Word(Severity), nullable=False),
    Column("severity_rank", Integer, nullable=False),  # Severity.rank, so that an index can put the worst first
    Column("state", Word(AlertState), nullable=False),
    Column("message", Text, nullable=False),
    Column("raised_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("cause", Text, nullable=False),
    Column("facts", DOCUMENT, nullable=False),
    Column("finding_id", ForeignKey("finding.id", ondelete="SET NULL"), index=True),
    Column("acknowledged_at", UtcTime),
    Column("acknowledged_by", Text),
    Column("resolved_at", UtcTime),
    Column("resolution", Text),
    Column("reopened", Integer, nullable=False),
    Column("drill", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    sqlite_autoincrement=True,
)
Index(
    "uq_alert_open",
    ALERT.c.kind,
    ALERT.c.device_id,
    unique=True,
    sqlite_where=UNRESOLVED,
    postgresql_where=UNRESOLVED,
)
Index("ix_alert_kind_device_id_id", ALERT.c.kind, ALERT.c.device_id, ALERT.c.id)
Index("ix_alert_worst", ALERT.c.severity_rank, ALERT.c.raised_at.desc(), ALERT.c.id.desc())
Index("ix_alert_state_worst", ALERT.c.state, ALERT.c.severity_rank, ALERT.c.raised_at.desc(), ALERT.c.id.desc())

ALERT_LOG = Table(
    "alert_log",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("alert_id", ForeignKey("alert.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", UtcTime, nullable=False),
    Column("event", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("from_state", Word(AlertState)),
    Column("to_state", Word(AlertState), nullable=False),
    Column("note", Text, nullable=False),
)

WORK_ORDER = Table(
    "work_order",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("problem", Text, nullable=False),
    Column("space_id", Text, nullable=False, index=True),
    Column("trade", Word(Trade), nullable=False),
    Column("priority", Word(Priority), nullable=False),
    Column("state", Word(OrderState), nullable=False),
    Column("message", Text, nullable=False),
    Column("raised_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("respond_due", UtcTime, nullable=False),
    Column("resolve_due", UtcTime, nullable=False),
    Column("device_id", Text),
    Column("alert_id", ForeignKey("alert.id", ondelete="SET NULL"), index=True),
    Column("cause", Text, nullable=False),
    Column("facts", DOCUMENT, nullable=False),
    Column("reporter", Text),
    Column("assignee", Text),
    Column("hold_reason", Text),
    Column("accepted_at", UtcTime),
    Column("done_at", UtcTime),
    Column("closed_at", UtcTime),
    Column("verdict", Text),
    Column("rating", Integer),
    Column("rework", Integer, nullable=False),
    Column("duplicate_of", ForeignKey("work_order.id")),
    Column("version", Integer, nullable=False),
    Column("log_hash", Text, nullable=False),  # hash of the newest log line, so that a line cut off the end is missed
    sqlite_autoincrement=True,
)
Index(
    "uq_work_order_open",
    WORK_ORDER.c.problem,
    func.coalesce(WORK_ORDER.c.device_id, ""),
    WORK_ORDER.c.space_id,
    unique=True,
    sqlite_where=UNFINISHED,
    postgresql_where=UNFINISHED,
)
Index("ix_work_order_load", WORK_ORDER.c.assignee, sqlite_where=UNFINISHED, postgresql_where=UNFINISHED)
Index("ix_work_order_newest", WORK_ORDER.c.raised_at.desc(), WORK_ORDER.c.id.desc())
Index("ix_work_order_state_newest", WORK_ORDER.c.state, WORK_ORDER.c.raised_at.desc())
Index("ix_work_order_assignee_newest", WORK_ORDER.c.assignee, WORK_ORDER.c.raised_at.desc())
Index("ix_work_order_reporter_newest", WORK_ORDER.c.reporter, WORK_ORDER.c.raised_at.desc())

ORDER_LOG = Table(
    "order_log",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("order_id", ForeignKey("work_order.id"), nullable=False, index=True),
    Column("at", UtcTime, nullable=False),
    Column("event", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("from_state", Word(OrderState)),
    Column("to_state", Word(OrderState), nullable=False),
    Column("note", Text, nullable=False),
    Column("hash", Text, nullable=False),
    sqlite_autoincrement=True,
)

USER_ACCOUNT = Table(
    "user_account",
    METADATA,
    Column("username", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("roles", DOCUMENT, nullable=False),
    Column("trades", DOCUMENT, nullable=False),
    Column("buildings", DOCUMENT),  # NULL: all
    Column("language", Text, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("password_hash", Text, nullable=False),
)

USER_SESSION = Table(
    "user_session",
    METADATA,
    Column("token_sha256", Text, primary_key=True),
    Column("username", ForeignKey("user_account.username", ondelete="CASCADE"), nullable=False, index=True),
    Column("expires_at", UtcTime, nullable=False, index=True),
)

AUDIT = Table(
    "audit",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("hash", Text, nullable=False),
    sqlite_autoincrement=True,
)

CHANGE = Table(
    "change",
    METADATA,
    Column("seq", KEY, primary_key=True),
    Column("kind", Word(ChangeKind), nullable=False),
    Column("entity_id", BigInteger, nullable=False),
    Column("at", UtcTime, nullable=False),
    sqlite_autoincrement=True,
)

DEVICE_HEALTH = Table(
    "device_health",
    METADATA,
    Column("device_id", Text, primary_key=True),
    Column("last_seen_ms", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("stored", BigInteger, nullable=False),
    Column("late", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("duplicate", BigInteger, nullable=False),
    Column("gateway_id", Text),
    Column("topic", Text),
    Column("family", Text),
)

DISCOVERED_DEVICE = Table(
    "discovered_device",
    METADATA,
    Column("device_id", Text, primary_key=True),
    Column("first_seen_ms", BigInteger, nullable=False),
    Column("last_seen_ms", BigInteger, nullable=False),
    Column("topic", Text, nullable=False),
    Column("family", Text, nullable=False),
    Column("metrics", DOCUMENT, nullable=False),
    Column("gateway_id", Text),
    Column("model", Text),
    Column("told", DOCUMENT),
)

DEAD_LETTER = Table(
    "dead_letter",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("received_ms", BigInteger, nullable=False),
    Column("topic", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("device_id", Text),
    Index("ix_dead_letter_device_id_id", "device_id", "id"),
    Index(None, "received_ms"),
    sqlite_autoincrement=True,
)
