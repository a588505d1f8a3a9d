"""Tables of how devices are watched over: checks of cold stores and laboratories that people sign, and meters in commissioning."""

from sqlalchemy import Column, Float, Index, Integer, Table, Text

from storage.columns import KEY, UtcTime
from storage.schema import METADATA

CONDITION_CHECK = Table(
    "condition_check",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("device_id", Text, nullable=False),
    Column("day", Text, nullable=False),  # the site's calendar day that was looked at
    Column("value", Float),  # measured by hand; NULL where nobody did
    Column("note", Text, nullable=False),
    Column("checked_by", Text, nullable=False),
    Column("checked_at", UtcTime, nullable=False),
    Index(None, "device_id", "day"),
    sqlite_autoincrement=True,
)

COMMISSIONING = Table(
    "commissioning",
    METADATA,
    Column("device_id", Text, primary_key=True),
    Column("since", UtcTime, nullable=False),
    Column("measured_hours", Integer, nullable=False),
    Column("needed_hours", Integer, nullable=False),
    Column("finished_at", UtcTime),  # NULL: it goes on
    Column("finished_by", Text, nullable=False),
    Column("note", Text, nullable=False),
)
