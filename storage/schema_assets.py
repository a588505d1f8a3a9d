"""Tables of the asset ledger and its stocktakes. Spaces and devices are named, not referred to: the ledger outlives them."""

from sqlalchemy import BigInteger, Column, Date, Float, ForeignKey, Index, Integer, Table, Text, text

from devices.asset import (
    Acquisition,
    AssetEvent,
    AssetState,
    Condition,
    Correction,
    CountResult,
    DepreciationMethod,
)
from storage.columns import DOCUMENT, KEY, UtcTime, Word
from storage.schema import METADATA

LINKED = text("device_id IS NOT NULL")

ASSET = Table(
    "asset",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("tag", Text, nullable=False, unique=True),
    Column("class_code", Text, nullable=False, index=True),
    Column("class_name", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("state", Word(AssetState), nullable=False, index=True),
    Column("condition", Word(Condition), nullable=False),
    Column("acquired", Word(Acquisition), nullable=False),
    Column("model", Text, nullable=False),
    Column("serial", Text, nullable=False),
    Column("manufacturer", Text, nullable=False),
    Column("supplier", Text, nullable=False),
    Column("purchased_on", Date),
    Column("price_cents", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Column("accepted_on", Date),
    Column("accepted_by", Text, nullable=False),
    Column("warranty_until", Date, index=True),
    Column("life_months", Integer, nullable=False),
    Column("method", Word(DepreciationMethod), nullable=False),
    Column("residual_rate", Float, nullable=False),
    Column("space_id", Text, index=True),
    Column("custodian", Text, nullable=False),
    Column("due_back", Date),
    Column("device_id", Text),
    Column("remark", Text, nullable=False),
    Column("pending", DOCUMENT),
    Column("back_to", Word(AssetState)),
    Column("written_off_on", Date),
    Column("disposed_on", Date),
    Column("proceeds_cents", BigInteger),
    Column("version", Integer, nullable=False),
    Column("log_hash", Text, nullable=False),
    sqlite_autoincrement=True,
)
Index("uq_asset_device_id", ASSET.c.device_id, unique=True, sqlite_where=LINKED, postgresql_where=LINKED)

ASSET_LOG = Table(
    "asset_log",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("asset_id", ForeignKey("asset.id"), nullable=False, index=True),
    Column("at", UtcTime, nullable=False),
    Column("event", Word(AssetEvent), nullable=False),
    Column("actor", Text, nullable=False),
    Column("from_state", Word(AssetState)),
    Column("to_state", Word(AssetState), nullable=False),
    Column("note", Text, nullable=False),
    Column("hash", Text, nullable=False),
    sqlite_autoincrement=True,
)

ASSET_SEQUENCE = Table(
    "asset_sequence",
    METADATA,
    Column("prefix", Text, primary_key=True),
    Column("last", Integer, nullable=False),
)

STOCKTAKE = Table(
    "stocktake",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("name", Text, nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("space_id", Text),
    Column("class_prefix", Text, nullable=False),
    Column("closed_at", UtcTime),
    Column("closed_by", Text),
    sqlite_autoincrement=True,
)

STOCKTAKE_LINE = Table(
    "stocktake_line",
    METADATA,
    Column("id", KEY, primary_key=True),
    Column("stocktake_id", ForeignKey("stocktake.id", ondelete="CASCADE"), nullable=False),
    Column("tag", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("asset_id", ForeignKey("asset.id"), index=True),
    Column("expected_space_id", Text),
    Column("result", Word(CountResult), nullable=False),
    Column("found_space_id", Text),
    Column("counted_by", Text),
    Column("counted_at", UtcTime),
    Column("note", Text, nullable=False),
    Column("correction", Word(Correction), nullable=False),
    Index("uq_stocktake_line_stocktake_id_tag", "stocktake_id", "tag", unique=True),
    sqlite_autoincrement=True,
)
