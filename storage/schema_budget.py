"""Tables of plans and of what came of repairs: budgets, quotas of rooms, and the saving measured after each order."""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, Table, Text

from analytics.budget import Measure
from analytics.quota import Per
from storage.columns import KEY, UtcTime, Word
from storage.schema import METADATA

BUDGET = Table(
    "budget",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("space_id", Text, nullable=False),  # one of the two is empty
    Column("meter_id", Text, nullable=False),
    Column("quantity", Text, nullable=False),
    Column("measure", Word(Measure), nullable=False),
    Column("year", Integer, nullable=False),
    Column("month", Integer, nullable=False),
    Column("amount", Float, nullable=False),
    Column("note", Text, nullable=False),
    Column("entered_by", Text, nullable=False),
    Column("entered_at", UtcTime, nullable=False),
    Index("uq_budget_period", "space_id", "meter_id", "quantity", "measure", "year", "month", unique=True),
    sqlite_autoincrement=True,
)

QUOTA = Table(
    "quota",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("space_id", Text, nullable=False),
    Column("quantity", Text, nullable=False),
    Column("per", Word(Per), nullable=False),
    Column("amount", Float, nullable=False),
    Column("month", Integer, nullable=False),
    Column("note", Text, nullable=False),
    Column("entered_by", Text, nullable=False),
    Column("entered_at", UtcTime, nullable=False),
    Index("uq_quota_month", "space_id", "quantity", "month", unique=True),
    sqlite_autoincrement=True,
)

SAVING = Table(
    "saving",
    METADATA,
    Column("order_id", KEY, ForeignKey("work_order.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("finding_id", BigInteger, nullable=False, index=True),
    Column("device_id", Text, nullable=False),
    Column("space_id", Text, nullable=False),
    Column("quantity", Text, nullable=False),
    Column("repaired_at", UtcTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("days", Integer, nullable=False),
    Column("per_day", Float),  # NULL while nothing can be compared
    Column("low", Float),
    Column("high", Float),
    Column("during", Float),
    Column("after", Float),
    Column("money_per_day", Float),
    Column("kgco2e_per_day", Float),
    Column("estimate_per_day", Float, nullable=False),
    Column("estimate_money_per_day", Float, nullable=False),
    Column("weather", Integer, nullable=False),  # 1: degree-days were taken out
    Column("updated_at", UtcTime, nullable=False),
    Index(None, "repaired_at"),
)
