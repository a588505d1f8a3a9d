"""Tables of what people teach the detectors: verdicts about findings, and rules for a meter or a place."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Table, Text

from analytics.finding import FindingKind
from analytics.label import Verdict
from storage.columns import DOCUMENT, KEY, UtcTime, Word
from storage.schema import METADATA

FINDING_LABEL = Table(
    "finding_label",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("finding_id", ForeignKey("finding.id", ondelete="CASCADE"), nullable=False),
    Column("kind", Word(FindingKind), nullable=False),
    Column("device_id", Text, nullable=False),
    Column("space_id", Text, nullable=False),
    Column("verdict", Word(Verdict), nullable=False),
    Column("what", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("order_id", ForeignKey("work_order.id", ondelete="SET NULL")),
    Column("given_by", Text, nullable=False),
    Column("given_at", UtcTime, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_finding_label_finding_id_id", FINDING_LABEL.c.finding_id, FINDING_LABEL.c.id)
Index("ix_finding_label_kind_device_id", FINDING_LABEL.c.kind, FINDING_LABEL.c.device_id)

DETECTOR_RULE = Table(
    "detector_rule",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("kind", Word(FindingKind), nullable=False),
    Column("device_id", Text),
    Column("space_id", Text),
    Column("off", Boolean, nullable=False),
    Column("parameters", DOCUMENT, nullable=False),
    Column("reason", Text, nullable=False),
    Column("basis", DOCUMENT, nullable=False),
    Column("entered_by", Text, nullable=False),
    Column("entered_at", UtcTime, nullable=False),
    Column("undone_by", Text),
    Column("undone_at", UtcTime),
    sqlite_autoincrement=True,
)
