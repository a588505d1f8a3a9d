"""Readings as VictoriaMetrics keeps them, and back. Pure.

The line is the one of InfluxDB (storage/line_protocol.py): series `<metric>_value` and `<metric>_quality` with the label `device`.
Three things the server cannot do are done by what we write:

- It keeps every sample of one moment and forgets their order. So another value for a key goes to a series of its own, labelled
  `rev` 1, 2, ...; the highest revision stands. Samples that are equal in one series and moment are one.
- It keeps decimal numbers with one exponent for thousands of samples, so that a number with many digits is rounded and one huge
  number rounds all its neighbours. What such a series cannot carry exactly goes, as the two halves of its bits, to the series
  `<metric>_high` and `<metric>_low`; what would harm the others goes nowhere else.
- Its series know nothing of each other: a reading counts once its quality and its number are both there.
"""

import struct
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from devices.model import Reading
from storage import embedded_table
from storage.line_protocol import escape, plain, stored

FIELDS = ("value", "quality", "high", "low")
Key = tuple[str, str, int]
"""(device_id, metric, ts_ms)"""

_DECIMALS = 6
_EXACT, _LONGEST_TEXT = 1e9, 15
"""With six decimals at most, a number of that size is a whole number below 2^53 in whatever exponent its neighbours need."""

_HARMLESS = 1e11
"""A larger number would cost its neighbours their decimals."""

_DOUBLE, _HALVES = struct.Struct(">d"), struct.Struct(">II")
_META = str.maketrans({character: "\\" + character for character in r"\.+*?()|[]{}^$"})
_Floats = npt.NDArray[np.float64]
_Times = npt.NDArray[np.int64]


class Block(msgspec.Struct):
    """One line of an export: some samples of one series."""

    metric: dict[str, str]
    values: list[float]
    timestamps: list[int]


_BLOCKS = msgspec.json.Decoder(Block)


def encode(rows: Iterable[tuple[Reading, int]]) -> bytes:
    """One line for each (reading, revision)."""
    return "\n".join([_line(reading, revision) for reading, revision in rows]).encode()


def _line(reading: Reading, revision: int) -> str:
    device, metric, ts_ms, value, quality = reading
    tag = f",rev={revision}" if revision else ""
    return f"{escape(metric)},device={escape(device)}{tag} {_fields(float(value))},quality={int(quality)}i {ts_ms}"


def _fields(value: float) -> str:
    text = repr(value)
    if -_EXACT < value < _EXACT and len(text) - text.find(".") - 1 <= _DECIMALS and len(text) <= _LONGEST_TEXT and "e" not in text:
        return f"value={text}"
    high, low = _HALVES.unpack(_DOUBLE.pack(value))
    bits = f"high={high}i,low={low}i"
    return f"value={round(value, _DECIMALS)!r},{bits}" if abs(value) <= _HARMLESS else bits


def selector(device_ids: Sequence[str], metrics: Sequence[str] | None) -> str:
    """The series of these devices; of all metrics where `metrics` is None. Names travel quoted, never as part of the query."""
    devices = _one_of("device", [stored(device) for device in device_ids])
    if metrics is None:
        return "{" + devices + "}"
    names = [f"{stored(metric)}_{field}" for metric in metrics for field in FIELDS]
    return "{" + _one_of("__name__", names) + "," + devices + "}"


def _one_of(label: str, texts: Sequence[str]) -> str:
    pattern = "|".join(text.translate(_META) for text in texts)
    return f"{label}=~{_quoted(pattern)}"


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


def name_of(metric: dict[str, str]) -> tuple[str, str, int, str] | None:
    """(device_id, metric, revision, field) of a series' labels; None where it is not one of ours."""
    name, _, field = metric.get("__name__", "").rpartition("_")
    device, revision = metric.get("device"), metric.get("rev", "0")
    if not name or field not in FIELDS or device is None or not revision.isdecimal():
        return None
    return plain(device), plain(name), int(revision), field


def by_revision(export: bytes, start_ms: int, end_ms: int) -> list[tuple[int, pa.Table]]:
    """The complete readings of [start_ms, end_ms) in an export, revisions ascending; in each table a key stands once."""
    found: dict[tuple[int, str, str], dict[str, list[Block]]] = defaultdict(lambda: defaultdict(list))
    for block in _BLOCKS.decode_lines(export):
        named = name_of(block.metric)
        if named is not None and block.timestamps:
            device, metric, revision, field = named
            found[revision, device, metric][field].append(block)
    columns: dict[int, list[tuple[str, str, _Times, _Floats, _Floats]]] = defaultdict(list)
    for (revision, device, metric), fields in found.items():
        ts_ms, value, quality = _joined({name: _sorted(blocks, start_ms, end_ms) for name, blocks in fields.items()})
        if len(ts_ms):
            columns[revision].append((device, metric, ts_ms, value, quality))
    return [(revision, _table(columns[revision])) for revision in sorted(columns)]


def resolved(export: bytes, start_ms: int, end_ms: int) -> pa.Table:
    """As `by_revision`, only the revision that stands; sorted by device, metric, time."""
    return embedded_table.merged([table for _, table in by_revision(export, start_ms, end_ms)])


def _sorted(blocks: Sequence[Block], start_ms: int, end_ms: int) -> tuple[_Times, _Floats]:
    times = np.array([ts for block in blocks for ts in block.timestamps], np.int64)
    values = np.array([value for block in blocks for value in block.values], np.float64)
    ordered, first = np.unique(times, return_index=True)
    low, high = np.searchsorted(ordered, (start_ms, end_ms))
    return ordered[low:high], values[first[low:high]]


def _joined(fields: dict[str, tuple[_Times, _Floats]]) -> tuple[_Times, _Floats, _Floats]:
    """(times, values, qualities) of the moments that have both."""
    nothing: tuple[_Times, _Floats] = (np.empty(0, np.int64), np.empty(0))
    times, quality = fields.get("quality", nothing)
    value, there = _at(times, fields.get("value", nothing))
    if "high" in fields and "low" in fields:
        high, has_high = _at(times, fields["high"])
        low, has_low = _at(times, fields["low"])
        bits = (high.astype(np.uint64) << np.uint64(32)) | low.astype(np.uint64)
        exact = has_high & has_low
        value, there = np.where(exact, bits.view(np.float64), value), there | exact
    return times[there], value[there], quality[there]


def _at(times: _Times, samples: tuple[_Times, _Floats]) -> tuple[_Floats, npt.NDArray[np.bool_]]:
    """The samples at these times (0 where there is none), and where there is one."""
    own_times, values = samples
    if np.array_equal(times, own_times):
        return values, np.ones(len(times), bool)
    if not len(own_times):
        return np.zeros(len(times)), np.zeros(len(times), bool)
    place = np.minimum(np.searchsorted(own_times, times), len(own_times) - 1)
    there = own_times[place] == times
    return np.where(there, values[place], 0.0), there


def _table(series: Sequence[tuple[str, str, _Times, _Floats, _Floats]]) -> pa.Table:
    devices, metrics, times, values, qualities = zip(*series, strict=True)
    lengths = [len(own) for own in times]
    columns: list[Any] = [_names(devices, lengths), _names(metrics, lengths)]
    columns += [pa.array(np.concatenate(times)), pa.array(np.concatenate(values))]
    columns.append(pa.array(np.concatenate(qualities).astype(np.int16)))
    return pa.Table.from_arrays(columns, schema=embedded_table.SCHEMA)


def _names(names: Sequence[str], lengths: Sequence[int]) -> pa.DictionaryArray:
    codes = {name: code for code, name in enumerate(dict.fromkeys(names))}
    return pa.DictionaryArray.from_arrays(np.repeat(np.array([codes[name] for name in names], np.int32), lengths), list(codes))


def exact(values: dict[str, float]) -> tuple[float, int] | None:
    """(value, quality) of the samples of one moment and revision, by field; None where they are not complete."""
    if "quality" not in values:
        return None
    if "high" in values and "low" in values:
        number = _DOUBLE.unpack(_HALVES.pack(int(values["high"]), int(values["low"])))[0]
        return float(number), int(values["quality"])
    return (values["value"], int(values["quality"])) if "value" in values else None
