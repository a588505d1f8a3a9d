"""Tables around the registry: strangers that nobody wants to see, and dead letters that somebody wants tried again."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text

from storage.columns import KEY
from storage.schema import METADATA

IGNORED_DEVICE = Table(
    "ignored_device",
    METADATA,
    Column("device_id", Text, primary_key=True),
    Column("ignored_ms", BigInteger, nullable=False),
    Column("ignored_by", Text, nullable=False),
)

REPLAY_REQUEST = Table(
    "replay_request",
    METADATA,
    Column("letter_id", KEY, ForeignKey("dead_letter.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("requested_ms", BigInteger, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("refused_ms", BigInteger),  # NULL: it waits for ingest
    Index(None, "refused_ms", "letter_id"),
)
