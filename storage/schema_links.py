"""Tables of how devices are read, and of what the decoders must remember between two messages."""

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Integer, PrimaryKeyConstraint, Table, Text

from devices.link import LinkScope
from storage.columns import DOCUMENT, Word
from storage.schema import METADATA

DEVICE_LINK = Table(
    "device_link",
    METADATA,
    Column("scope", Word(LinkScope), nullable=False),
    Column("key", Text, nullable=False),
    Column("family", Text, nullable=False),
    Column("context", DOCUMENT, nullable=False),
    PrimaryKeyConstraint("scope", "key"),
)

DEVICE_LINK_SECRET = Table(
    "device_link_secret",
    METADATA,
    Column("scope", Word(LinkScope), nullable=False),
    Column("key", Text, nullable=False),
    Column("context", DOCUMENT, nullable=False),
    PrimaryKeyConstraint("scope", "key"),
    ForeignKeyConstraint(["scope", "key"], ["device_link.scope", "device_link.key"], ondelete="CASCADE"),
)

LINK_REVISION = Table(
    "link_revision",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
)

DECODER_MEMORY = Table(
    "decoder_memory",
    METADATA,
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("value", DOCUMENT, nullable=False),
    PrimaryKeyConstraint("kind", "key"),
)
