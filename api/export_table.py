"""Readings, hours and ledger as CSV lines, and Parquet: units, local times and words of quality beside the numbers."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from devices.metrics import metric
from devices.model import Quality
from ingest.tables import formula_safe

COLUMNS = ("device_id", "metric", "unit", "time", "value", "quality")
BYTE_ORDER_MARK = "\ufeff"
"""Excel takes a CSV for UTF-8 only where it begins with this."""

_SCHEMA = pa.schema(
    [
        ("device_id", pa.string()),
        ("metric", pa.string()),
        ("unit", pa.string()),
        ("time", pa.timestamp("ms", tz="UTC")),
        ("value", pa.float64()),
        ("quality", pa.string()),
    ]
)


def quality_words(flags: int) -> str:
    """`late implausible`; empty where nothing is doubtful."""
    return " ".join(str(flag.name).lower() for flag in Quality if flag and flags & flag)


def csv_lines(frames: Iterator[pd.DataFrame], zone: ZoneInfo, *, byte_order_mark: bool = False) -> Iterator[str]:
    """Header, then a piece of text for each frame; times in `zone` with their offset, text that no spreadsheet runs."""
    yield (BYTE_ORDER_MARK if byte_order_mark else "") + ",".join(COLUMNS) + "\r\n"
    for frame in frames:
        out = io.StringIO()
        writer = csv.writer(out)
        words = {flags: quality_words(flags) for flags in frame["quality"].unique().tolist()}
        units = {name: metric(name).unit for name in frame["metric"].unique().tolist()}
        for device_id, name, ts_ms, value, flags in frame[["device_id", "metric", "ts_ms", "value", "quality"]].itertuples(
            index=False, name=None
        ):
            local = datetime.fromtimestamp(ts_ms / 1000, UTC).astimezone(zone).isoformat(timespec="milliseconds")
            writer.writerow((formula_safe(device_id), formula_safe(name), units[name], local, repr(value), words[flags]))
        if out.tell():
            yield out.getvalue()


def parquet_bytes(frames: Iterator[pd.DataFrame], zone: ZoneInfo) -> bytes:
    """The same columns; times are UTC by type, and the file's metadata names the site's zone."""
    schema = _SCHEMA.with_metadata({"timezone": str(zone), "made_by": "caretaker"})
    out = io.BytesIO()
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for frame in frames:
            writer.write_table(_table(frame, schema))
    return out.getvalue()


def _table(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    words = [quality_words(flags) for flags in frame["quality"].tolist()]
    units = [metric(name).unit for name in frame["metric"].tolist()]
    columns: Sequence[pa.Array] = [
        pa.array(frame["device_id"].tolist(), pa.string()),
        pa.array(frame["metric"].tolist(), pa.string()),
        pa.array(units, pa.string()),
        pa.array(frame["ts_ms"].to_numpy(), pa.int64()).cast(pa.timestamp("ms", tz="UTC")),
        pa.array(frame["value"].to_numpy(), pa.float64()),
        pa.array(words, pa.string()),
    ]
    return pa.Table.from_arrays(columns, schema=schema)
