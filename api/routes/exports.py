"""Readings and hourly consumption as files: CSV as it is read from the store, or Parquet."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

import pandas as pd
from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field

from api.deps import Caller, Deps, DepsHere, RegistryHere
from api.export_table import csv_lines, parquet_bytes
from api.guard import GuardedRoute
from api.inventory import device_for
from api.permissions import owned_spaces
from api.times import aware_range, to_ms
from devices.errors import BadInput
from devices.metrics import HOURLY_SUFFIX
from devices.registry import Registry
from storage.user import User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["exports"])

_DAY_MS = 86_400_000
_DAYS_MAX = 3 * 366
_PARQUET_DAYS_DEVICES = 40_000
_DEVICES_AT_ONCE = 25
_STEP_MS = 7 * _DAY_MS


class What(StrEnum):
    READINGS = "readings"
    HOURLY = "hourly"


class FileKind(StrEnum):
    CSV = "csv"
    PARQUET = "parquet"


class Export(BaseModel):
    what: What = Field(default=What.READINGS, description="readings as they came, or the ledger's hours")
    device: list[str] = Field(default_factory=list, max_length=500, description="more than once; default: all of `space`")
    space: str | None = Field(default=None, description="its devices and those inside it; default: all you may see")
    metric: list[str] = Field(default_factory=list, max_length=50, description="more than once; default: all")
    start: datetime | None = Field(default=None, description="default: 24 h before `end`")
    end: datetime | None = Field(default=None, description="not included; default: now")
    format: FileKind = FileKind.CSV
    bom: bool = Field(default=True, description="CSV: begin with a byte order mark, so that Excel reads Chinese")


@router.get("/exports/readings", response_class=Response, summary="Readings or hours as CSV or Parquet")
def export(deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[Export, Query()]) -> Response:
    """Columns device_id, metric, unit, time, value, quality. Times without a zone are the site's local time."""
    since, until = aware_range(query.start, query.end, zone=deps.site.zone, now=deps.now(), default=timedelta(hours=24))
    devices = _devices(registry, caller, query)
    span = (to_ms(since), to_ms(until))
    _check_size(query, devices, span)
    frames = _frames(deps, devices, query, span)
    first, last = (moment.astimezone(deps.site.zone) for moment in (since, until))
    name = f"{query.what.value}-{first:%Y%m%d}-{last:%Y%m%d}.{query.format.value}"
    deps.audit.append(deps.now(), caller.username, "export", name, f"{len(devices)} devices")
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if query.format is FileKind.PARQUET:
        return Response(parquet_bytes(frames, deps.site.zone), media_type="application/vnd.apache.parquet", headers=headers)
    lines = csv_lines(frames, deps.site.zone, byte_order_mark=query.bom)
    return StreamingResponse((line.encode() for line in lines), media_type="text/csv; charset=utf-8", headers=headers)


def _devices(registry: Registry, caller: User, query: Export) -> list[str]:
    if query.device:
        return [device_for(caller, registry, device_id).id for device_id in dict.fromkeys(query.device)]
    owned = owned_spaces(caller, registry)
    inside = None if query.space is None else {space.id for space in registry.within(query.space)}
    return [
        device.id
        for device in registry.devices.values()
        if (owned is None or device.space_id in owned) and (inside is None or device.space_id in inside)
    ]


def _check_size(query: Export, devices: Sequence[str], span: tuple[int, int]) -> None:
    """A file is streamed week by week; a Parquet file must fit the memory until its end is known."""
    days = (span[1] - span[0]) / _DAY_MS
    if days > _DAYS_MAX:
        raise BadInput(f"at most {_DAYS_MAX} days at once", place="start")
    if query.format is FileKind.PARQUET and query.what is What.READINGS and days * len(devices) > _PARQUET_DAYS_DEVICES:
        raise BadInput("too much for one Parquet file; choose fewer devices or days, CSV, or `caretaker export`", place="format")


def _frames(deps: Deps, devices: Sequence[str], query: Export, span: tuple[int, int]) -> Iterator[pd.DataFrame]:
    for first in range(0, len(devices), _DEVICES_AT_ONCE):
        chunk = devices[first : first + _DEVICES_AT_ONCE]
        metrics = _metrics(deps, chunk, query)
        for start_ms in range(span[0], span[1], _STEP_MS) if metrics else ():
            yield deps.readings.frame(chunk, metrics, start_ms, min(start_ms + _STEP_MS, span[1]))


def _metrics(deps: Deps, devices: Sequence[str], query: Export) -> list[str]:
    found = sorted({reading.metric for reading in deps.readings.latest(devices)})
    hourly = query.what is What.HOURLY
    wanted = {name + HOURLY_SUFFIX if hourly and not name.endswith(HOURLY_SUFFIX) else name for name in query.metric}
    return [name for name in found if name.endswith(HOURLY_SUFFIX) == hourly and (not wanted or name in wanted)]
