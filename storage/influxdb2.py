"""The reading store on InfluxDB 2. All Flux that Caretaker speaks stands in this file; values travel as bind parameters only.

Writes are synchronous: the client's background batcher acknowledges nothing. Windows are aggregated by the server; those that
hold an implausible reading (few) are counted again here without it, since Flux cannot test bits where the data lie.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from operator import itemgetter
from statistics import fmean
from typing import Any

import pandas as pd
import pyarrow as pa
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from pydantic import SecretStr
from urllib3.exceptions import HTTPError

from devices.errors import DependencyFailed
from devices.model import Quality, Reading
from storage import embedded_table
from storage.line_protocol import encode, plain, stored
from storage.reading_store import END_MS, Aggregate, Window, all_windows, check_edges, check_readings

_LINES = 5_000
_DEVICES = 100
"""Devices in one query: longer conditions slow the server's parser more than another request costs."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})

_REMEDY = {
    401: "the token is not valid; put a valid one into token_file",
    403: "the token may not do this; give it read and write access to the bucket",
    404: "no such bucket or organisation; correct bucket and org in [store]",
}


class InfluxReadingStore:
    """ReadingStore in one bucket. Any thread."""

    def __init__(self, *, url: str, org: str, bucket: str, token: SecretStr, timeout_s: float = 10.0) -> None:
        self._what = f"InfluxDB at {url}"
        self._bucket = bucket
        self._client: Any = InfluxDBClient(
            url=url, org=org, token=token.get_secret_value(), timeout=int(timeout_s * 1000), enable_gzip=True
        )
        self._writes: Any = self._client.write_api(write_options=SYNCHRONOUS)
        self._queries = self._client.query_api()

    def close(self) -> None:
        self._client.close()

    def create_bucket(self) -> None:
        with self._explained():
            self._client.buckets_api().create_bucket(bucket_name=self._bucket)

    def drop_bucket(self) -> None:
        with self._explained():
            api = self._client.buckets_api()
            api.delete_bucket(api.find_bucket_by_name(self._bucket))

    def write(self, readings: Sequence[Reading]) -> None:
        if not readings:
            return
        check_readings(readings)
        with self._explained():
            for start in range(0, len(readings), _LINES):
                lines = encode(readings[start : start + _LINES])
                self._writes.write(bucket=self._bucket, record=lines, write_precision="ms")

    def import_table(self, table: pa.Table) -> int:
        ours = embedded_table.merged([embedded_table.checked(table)])
        for start in range(0, len(ours), _LINES):
            chunk = ours.slice(start, _LINES)
            self.write(list(map(Reading, *(chunk[name].to_pylist() for name in chunk.column_names))))
        return len(table)

    def delete_before(self, ts_ms: int) -> int:
        """-1: the server does not tell how many."""
        stop = _time(ts_ms) - timedelta(microseconds=1)  # right whether the server takes the end in or not
        if stop > _EPOCH:
            with self._explained():
                self._client.delete_api().delete(start=_EPOCH, stop=stop, predicate="", bucket=self._bucket)
        return -1

    def latest(self, device_ids: Sequence[str], metrics: Sequence[str] | None = None) -> list[Reading]:
        found: list[Reading] = []
        if metrics is not None and not metrics:
            return found
        for devices in _chunks(device_ids):
            found += self._readings(latest_flux(len(devices), None if metrics is None else len(metrics)), devices, metrics)
        return sorted(found)

    def range(self, device_id: str, metric: str, start_ms: int, end_ms: int, *, limit: int | None = None) -> list[Reading]:
        if start_ms >= end_ms:
            return []
        params = _span(start_ms, end_ms) | ({} if limit is None else {"p_limit": limit})
        return sorted(self._readings(rows_flux(1, 1, limited=limit is not None), [device_id], [metric], params))

    def frame(self, device_ids: Sequence[str], metrics: Sequence[str], start_ms: int, end_ms: int) -> pd.DataFrame:
        found: list[Reading] = []
        if start_ms < end_ms and metrics:
            for devices in _chunks(device_ids):
                found += self._readings(rows_flux(len(devices), len(metrics)), devices, metrics, _span(start_ms, end_ms))
        return embedded_table.to_frame(embedded_table.from_readings(sorted(found)))

    def windows(self, device_ids: Sequence[str], metric: str, edges_ms: Sequence[int], aggregate: Aggregate) -> list[Window]:
        check_edges(edges_ms)
        found: dict[tuple[str, int], tuple[float | None, int, int]] = {}
        for devices in _chunks(device_ids):
            for first, start_ms, width_ms, number in equal_runs(edges_ms):
                span = (start_ms, start_ms + number * width_ms)
                for device, ts, value, count, quality in self._windows(devices, metric, span, width_ms, aggregate):
                    found[device, first + (ts - start_ms) // width_ms] = (value, count, quality)
        return all_windows(device_ids, edges_ms, aggregate, found) if len(edges_ms) > 1 else []

    def _windows(
        self, devices: Sequence[str], metric: str, span: tuple[int, int], width_ms: int, aggregate: Aggregate
    ) -> Iterator[tuple[str, int, float | None, int, int]]:
        """(device, start, value, count, quality) of the windows of one width that hold any reading."""
        params = _names(devices, [metric]) | _span(*span)
        values = self._by_window(windows_flux(len(devices), span[0], width_ms, aggregate), params)
        counts = values
        if aggregate is not Aggregate.COUNT:
            counts = self._by_window(windows_flux(len(devices), span[0], width_ms, Aggregate.COUNT), params)
        flags: dict[tuple[str, int], int] = {}
        for record in self._query(flagged_flux(len(devices)), params):
            key = (plain(record["device"]), span[0] + (_ms(record["_time"]) - span[0]) // width_ms * width_ms)
            flags[key] = flags.get(key, 0) | int(record["_value"])
        for (device, start), value in values.items():
            quality = flags.get((device, start), 0)
            if quality & Quality.IMPLAUSIBLE:
                yield device, start, *over_good(self.range(device, metric, start, start + width_ms), aggregate), quality
            else:
                yield device, start, float(value), int(counts[device, start]), quality

    def _by_window(self, flux: str, params: dict[str, Any]) -> dict[tuple[str, int], float]:
        return {(plain(record["device"]), _ms(record["_time"])): record["_value"] for record in self._query(flux, params)}

    def _readings(
        self, flux: str, devices: Sequence[str], metrics: Sequence[str] | None, more: dict[str, Any] | None = None
    ) -> Iterator[Reading]:
        for record in self._query(flux, _names(devices, metrics or ()) | (more or {})):
            name, metric = plain(record["device"]), plain(record["_measurement"])
            yield Reading(name, metric, _ms(record["_time"]), float(record["value"]), int(record["quality"]))

    def _query(self, flux: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        with self._explained():
            return [record.values for record in self._queries.query_stream(flux, params=params | {"p_bucket": self._bucket})]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns errors of the client and the network into DependencyFailed."""
        try:
            yield
        except (ApiException, InfluxDBError) as error:
            raise self._failed(error) from error
        except (HTTPError, OSError) as error:
            raise DependencyFailed(f"{self._what} does not answer: {error}", transient=True) from error

    def _failed(self, error: ApiException | InfluxDBError) -> DependencyFailed:
        status = int(getattr(error, "status", None) or getattr(error.response, "status", 0) or 0)
        said = getattr(error, "message", None) or getattr(error, "reason", None) or "no reason given"
        remedy = f"; {_REMEDY[status]}" if status in _REMEDY else ""
        wait = dict(getattr(error, "headers", None) or {}).get("Retry-After", "")
        seconds = float(wait) if str(wait).isdigit() else 1.0
        message = f"{self._what} answered {status}: {said}{remedy}"
        return DependencyFailed(message, transient=status in _TRANSIENT, retry_after_s=seconds)


def rows_flux(devices: int, metrics: int, *, limited: bool = False) -> str:
    return "\n  |> ".join(
        [
            "from(bucket: p_bucket)",
            "range(start: p_start, stop: p_stop)",
            f"filter(fn: (r) => ({_any('_measurement', 'metric', metrics)}) and ({_any('device', 'device', devices)}))",
            *_PIVOT,
            *(['sort(columns: ["_time"])', "limit(n: p_limit)"] if limited else []),
        ]
    )


def latest_flux(devices: int, metrics: int | None) -> str:
    """`metrics` is None for all of them."""
    of_metrics = "" if metrics is None else f"({_any('_measurement', 'metric', metrics)}) and "
    return "\n  |> ".join(
        [
            "from(bucket: p_bucket)",
            "range(start: 1970-01-01T00:00:00Z, stop: 2100-01-01T00:00:00Z)",
            f"filter(fn: (r) => {of_metrics}({_any('device', 'device', devices)}))",
            "last()",
            *_PIVOT,
        ]
    )


def windows_flux(devices: int, start_ms: int, width_ms: int, aggregate: Aggregate) -> str:
    window = f"every: {width_ms}ms, offset: {start_ms % width_ms}ms, fn: {aggregate}"
    return "\n  |> ".join(
        [
            "from(bucket: p_bucket)",
            "range(start: p_start, stop: p_stop)",
            f'filter(fn: (r) => r._measurement == p_metric_0 and r._field == "value" and ({_any("device", "device", devices)}))',
            f'aggregateWindow({window}, createEmpty: false, timeSrc: "_start")',
        ]
    )


def flagged_flux(devices: int) -> str:
    """Readings about which anything is doubtful; the condition is tested where the data lie."""
    return "\n  |> ".join(
        [
            "from(bucket: p_bucket)",
            "range(start: p_start, stop: p_stop)",
            f'filter(fn: (r) => r._measurement == p_metric_0 and r._field == "quality" and ({_any("device", "device", devices)}))',
            "filter(fn: (r) => r._value != 0)",
        ]
    )


_PIVOT = (
    'pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")',
    'keep(columns: ["_measurement", "device", "_time", "value", "quality"])',
)


def equal_runs(edges_ms: Sequence[int]) -> list[tuple[int, int, int, int]]:
    """(index of the first window, its start, width, how many) of each run of windows equally wide."""
    runs: list[tuple[int, int, int, int]] = []
    for index, (start, end) in enumerate(pairwise(edges_ms)):
        if runs and runs[-1][2] == end - start:
            first, begin, width, number = runs[-1]
            runs[-1] = (first, begin, width, number + 1)
        else:
            runs.append((index, start, end - start, 1))
    return runs


def over_good(readings: Sequence[Reading], aggregate: Aggregate) -> tuple[float | None, int]:
    """The aggregate of what is not implausible, and how many those are; `readings` in time order."""
    values = [reading.value for reading in readings if not reading.quality & Quality.IMPLAUSIBLE]
    if aggregate is Aggregate.COUNT:
        return float(len(values)), len(values)
    return (_OF[aggregate](values), len(values)) if values else (None, 0)


_OF: dict[Aggregate, Callable[[list[float]], float]] = {
    Aggregate.SUM: sum,
    Aggregate.MEAN: fmean,
    Aggregate.MIN: min,
    Aggregate.MAX: max,
    Aggregate.FIRST: itemgetter(0),
    Aggregate.LAST: itemgetter(-1),
}


def _any(column: str, name: str, number: int) -> str:
    return " or ".join(f"r.{column} == p_{name}_{index}" for index in range(number))


def _names(devices: Sequence[str], metrics: Sequence[str]) -> dict[str, Any]:
    params = {f"p_device_{index}": stored(device) for index, device in enumerate(devices)}
    return params | {f"p_metric_{index}": stored(metric) for index, metric in enumerate(metrics)}


def _span(start_ms: int, end_ms: int) -> dict[str, Any]:
    return {"p_start": _time(start_ms), "p_stop": _time(end_ms)}


def _time(ts_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=min(max(ts_ms, 0), END_MS))


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _chunks(device_ids: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(dict.fromkeys(device_ids))
    while chunk := list(islice(remaining, _DEVICES)):
        yield chunk
