"""Readings as Arrow tables: one schema, one order, one rule for equal keys. Pure."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from devices.errors import BadInput
from devices.model import Reading
from storage.reading_store import END_MS

_NAME = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        pa.field("device_id", _NAME, nullable=False),
        pa.field("metric", _NAME, nullable=False),
        pa.field("ts_ms", pa.int64(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("quality", pa.int16(), nullable=False),
    ]
)
_TS_BITS = 42  # epoch milliseconds until 2109


def empty() -> pa.Table:
    return SCHEMA.empty_table()


def from_rows(rows: npt.NDArray[np.void], names: Mapping[int, tuple[str, str]]) -> pa.Table:
    """`rows` has the fields series, ts_ms, value, quality; `names` gives (device_id, metric) of each series."""
    if not len(rows):
        return empty()
    series, codes = np.unique(rows["series"], return_inverse=True)
    columns = [
        pa.DictionaryArray.from_arrays(codes.astype(np.int32), [names[number][part] for number in series.tolist()])
        for part in (0, 1)
    ]
    columns += [pa.array(rows["ts_ms"]), pa.array(rows["value"]), pa.array(rows["quality"].astype(np.int16))]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def from_readings(readings: Sequence[Reading]) -> pa.Table:
    if not readings:
        return empty()
    return encoded(pa.Table.from_arrays([pa.array(column) for column in zip(*readings, strict=True)], names=SCHEMA.names))


def encoded(table: pa.Table) -> pa.Table:
    """A table with our columns in our types."""
    columns = [
        column.dictionary_encode() if pa.types.is_dictionary(field.type) and not pa.types.is_dictionary(column.type) else column
        for field, column in zip(SCHEMA, table.columns, strict=True)
    ]
    return pa.Table.from_arrays(columns, names=SCHEMA.names).cast(SCHEMA)


def checked(table: pa.Table) -> pa.Table:
    """A stranger's table in our schema. Raises BadInput naming the column, and the row where there is one."""
    missing = [name for name in SCHEMA.names[:4] if name not in table.column_names]
    if missing:
        raise BadInput(f"no column {', '.join(missing)}; the table needs device_id, metric, ts_ms, value and may have quality")
    if "quality" not in table.column_names:
        table = table.append_column("quality", pa.array(np.zeros(len(table), np.int16)))
    columns = [_cast(table[field.name], field) for field in SCHEMA]
    ours = pa.Table.from_arrays(columns, schema=SCHEMA)
    _refuse(pc.invert(pc.is_finite(ours["value"])), "value", "is not a finite number")
    outside = pc.or_(pc.less(ours["ts_ms"], 0), pc.greater_equal(ours["ts_ms"], END_MS))
    _refuse(outside, "ts_ms", "lies outside 1970-2099 (epoch milliseconds UTC)")
    return ours


def merged(tables: Sequence[pa.Table]) -> pa.Table:
    """Sorted by device, metric, time; where keys are equal the row of the last table (and its last row) stands."""
    table = pa.concat_tables([table for table in tables if len(table)] or [empty()]).unify_dictionaries()
    if not len(table):
        return empty()
    key = (_ranks(table) << _TS_BITS) | table["ts_ms"].to_numpy()
    if len(key) > 1 and not (np.diff(key) > 0).all():
        order = np.argsort(key, kind="stable")
        ordered = key[order]
        keep = np.append(ordered[1:] != ordered[:-1], [True])
        table = table.take(pa.array(order[keep]))
    return table.combine_chunks()


def series(table: pa.Table) -> set[tuple[str, str]]:
    """The (device_id, metric) that occur."""
    pairs = table.select(["device_id", "metric"]).group_by(["device_id", "metric"]).aggregate([])
    return set(zip(pairs["device_id"].to_pylist(), pairs["metric"].to_pylist(), strict=True))


def only(table: pa.Table, metric: str, device_ids: Sequence[str]) -> pa.Table:
    wanted = pc.and_(pc.equal(table["metric"], metric), pc.is_in(table["device_id"], value_set=pa.array(device_ids)))
    return table.filter(wanted)


def to_frame(table: pa.Table) -> pd.DataFrame:
    """Names as text (not categories), numbers as int64 and float64."""
    text = table.set_column(0, "device_id", table["device_id"].cast(pa.string()))
    text = text.set_column(1, "metric", table["metric"].cast(pa.string()))
    frame: pd.DataFrame = text.set_column(4, "quality", table["quality"].cast(pa.int64())).to_pandas()
    return frame


def youngest(table: pa.Table) -> dict[tuple[str, str], tuple[int, float, int]]:
    """(device_id, metric) → (ts_ms, value, quality) of the last row of each; `table` is sorted."""
    if not len(table):
        return {}
    rank = _ranks(table)
    last = table.take(pa.array(np.flatnonzero(np.append(rank[1:] != rank[:-1], [True]))))
    columns = [last[name].to_pylist() for name in SCHEMA.names]
    return {(device, metric): (ts, value, quality) for device, metric, ts, value, quality in zip(*columns, strict=True)}


def _ranks(table: pa.Table) -> npt.NDArray[np.int64]:
    """A number per row that sorts as (device_id, metric) does, by code point."""
    device, devices = _name_ranks(table["device_id"])
    metric, metrics = _name_ranks(table["metric"])
    ranks: npt.NDArray[np.int64] = device * metrics + metric
    if devices * metrics >= 1 << (63 - _TS_BITS):  # too many pairs for the key: number only those that occur
        ranks = np.unique(ranks, return_inverse=True)[1].astype(np.int64)
    return ranks


def _name_ranks(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], int]:
    encoded = column.combine_chunks()
    names = np.array(encoded.dictionary.to_pylist(), dtype=object)
    _, rank = np.unique(names, return_inverse=True)
    ranks: npt.NDArray[np.int64] = rank.astype(np.int64)[encoded.indices.to_numpy()]
    return ranks, len(names)


def _cast(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    if column.null_count:
        row = pc.index(pc.is_null(column), value=True).as_py()
        raise BadInput(f"{field.name} is empty; fill it in or drop the row", place=f"row {row + 1}")
    try:
        if pa.types.is_dictionary(field.type) and not pa.types.is_dictionary(column.type):
            return column.cast(pa.string()).dictionary_encode()
        return column.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadInput(f"{field.name} cannot be read as {field.type}: {error}") from None


def _refuse(wrong: pa.ChunkedArray, column: str, why: str) -> None:
    row = pc.index(wrong, value=True).as_py()
    if row >= 0:
        raise BadInput(f"{column} {why}; correct it or drop the row", place=f"row {row + 1}")
