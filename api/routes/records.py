"""Records of cold stores and laboratories: values by interval, excursions, gaps, and who has signed for having looked."""

from datetime import date
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from analytics.condition_record import Excursion, Interval, Limits, limits_of
from api import condition_records as records
from api import present, record_sheet
from api import schemas_records as shapes
from api.deps import Caller, Deps, DepsHere, RegistryHere
from api.guard import GuardedRoute
from api.idempotency import IdempotencyKey, once, request_key
from api.inventory import device_for, latest_by_device
from api.permissions import owned_spaces
from api.record_pdf import record_pdf
from api.routes.spaces import space_filter
from api.schemas import Page
from api.sheets import Format, download
from devices.errors import BadInput
from devices.metrics import metric as metric_of
from devices.registry import Registry
from devices.watching import ConditionCheck
from storage.user import User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["records"])

_TOLD = 500


class FileForm(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"
    PDF = "pdf"


class Span(BaseModel):
    metric: str | None = Field(default=None, max_length=200, description="default: the device's first, mostly temperature")
    first: date | None = Field(default=None, description="the site's calendar; default: six days before the last")
    last: date | None = Field(default=None, description="included; default: today")
    every: records.Every | None = Field(default=None, description="default: hour for up to eight days, else day")


class File(Span):
    format: FileForm = FileForm.CSV
    what: record_sheet.What = Field(default=record_sheet.What.INTERVALS, description="of CSV and Excel; a PDF shows all of it")
    lang: str | None = Field(default=None, max_length=20, description="zh-CN or en; default: the caller's")


@router.get("/records", summary="Devices that keep a record of conditions")
def list_records(
    deps: DepsHere, registry: RegistryHere, caller: Caller, space: Annotated[str | None, Query(max_length=128)] = None
) -> Page[shapes.WatchedOut]:
    """Cold stores first, those outside their limits before the others."""
    owned, inside = owned_spaces(caller, registry), space_filter(caller, registry, space)
    devices = [
        device
        for device in registry.devices.values()
        if records.keeps_record(device)
        and (owned is None or device.space_id in owned)
        and (inside is None or device.space_id in inside)
    ]
    latest, checks, names = latest_by_device(deps, devices), deps.checks.last([one.id for one in devices]), _names(deps)
    found = []
    for device in devices:
        metric = records.metrics_of(device, registry.profile(device))[0]
        now, limits = latest[device.id].get(metric), limits_of(device, metric)
        found.append(
            shapes.WatchedOut(
                id=device.id,
                kind=device.kind,
                name=device.name,
                name_zh=device.name_zh,
                space_path=present.place_path(registry, device.space_id),
                metric=metric,
                latest=now,
                limits=_limits(limits),
                outside=records.is_outside(limits, now.value) if now else None,
                last_check=_check(checks[device.id], names) if device.id in checks else None,
            )
        )
    return Page(items=sorted(found, key=lambda one: (one.kind != "cold_store", not one.outside, one.kind, one.id)), next=None)


@router.get("/devices/{device_id}/record", summary="Record of a cold store or laboratory")
def get_record(
    device_id: str, deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[Span, Query()]
) -> shapes.RecordOut:
    """By hour or day, up to three years; limits are those that hold now."""
    shown = _shown(deps, registry, caller, device_id, query)
    asked, found, values = shown.asked, shown.record, shown.values
    names = _names(deps)
    return shapes.RecordOut(
        device_id=device_id,
        metric=asked.metric,
        unit=metric_of(asked.metric).unit,
        limits=_limits(shown.limits),
        start=present.moment(shown.span.edges_ms[0]),
        end=present.moment(shown.span.edges_ms[-1]),
        every=asked.every,
        count=values.size,
        low=float(values.min()) if values.size else None,
        high=float(values.max()) if values.size else None,
        mean=float(values.mean()) if values.size else None,
        outside_s=sum(one.outside_s for one in found.intervals),
        unknown_s=sum(one.unknown_s for one in found.intervals),
        intervals=[_interval(one) for one in found.intervals],
        excursions=[_excursion(one, shown.limits) for one in found.excursions[-_TOLD:]],
        excursion_count=len(found.excursions),
        gaps=[shapes.GapOut(start=present.moment(start), end=present.moment(end)) for start, end in found.gaps[-_TOLD:]],
        gap_count=len(found.gaps),
        checks=[_check(one, names) for one in shown.checks],
        unchecked=list(shown.unchecked),
    )


@router.get("/devices/{device_id}/record/file", response_class=Response, summary="The record as CSV, Excel or PDF")
def get_file(device_id: str, deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[File, Query()]) -> Response:
    """The PDF holds intervals, excursions, gaps and signatures, with a line to sign on."""
    shown = _shown(deps, registry, caller, device_id, query)
    asked = shown.asked
    sheet = record_sheet.Sheet(
        shown=shown,
        zone=deps.site.zone,
        chinese=(query.lang or caller.language).startswith("zh"),
        names=_names(deps),
        place=present.place_path(registry, asked.device.space_id),
        site=(deps.site.name, deps.site.name_zh),
        printed_at=deps.now(),
    )
    name = f"record-{asked.metric.rpartition('.')[2]}-{asked.first:%Y%m%d}-{asked.last:%Y%m%d}"
    if query.format is FileForm.PDF:
        body = record_pdf(deps.label_font, sheet)
        answer = Response(body, media_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{name}.pdf"'})
    else:
        answer = download(Format(query.format.value), name, *sheet.table(query.what))
    deps.audit.append(deps.now(), caller.username, "export", f"{name}.{query.format}", device_id)
    return answer


@router.post("/devices/{device_id}/record/checks", status_code=201, summary="Sign for having looked at a day's record")
def sign(
    device_id: str,
    body: shapes.CheckIn,
    deps: DepsHere,
    registry: RegistryHere,
    caller: Caller,
    idempotency_key: IdempotencyKey = None,
) -> shapes.CheckOut:
    """What is signed stays; who finds an error signs once more and says so."""
    device = device_for(caller, registry, device_id)
    records.metrics_of(device, registry.profile(device))
    now = deps.now()
    if body.day > now.astimezone(deps.site.zone).date():
        raise BadInput("that day has not come yet", place="day")

    def create() -> shapes.CheckOut:
        check = ConditionCheck(
            device_id=device_id,
            day=body.day.isoformat(),
            checked_by=caller.username,
            checked_at=now,
            note=body.note,
            value=body.value,
        )
        added = deps.checks.add(check)
        deps.audit.append(now, caller.username, "record.sign", device_id, f"{check.day} {check.note}".strip())
        return _check(added, {caller.username: caller.display_name})

    request = request_key(idempotency_key, who=caller.username, route=f"record.sign {device_id}", body=body)
    return once(deps, request, create, shapes.CheckOut)


def _shown(deps: Deps, registry: Registry, caller: User, device_id: str, query: Span) -> records.Shown:
    device = device_for(caller, registry, device_id)
    wanted = records.Wanted(metric=query.metric, first=query.first, last=query.last, every=query.every)
    return records.show(deps, registry, records.ask(deps, registry, device, wanted))


def _names(deps: Deps) -> dict[str, str]:
    return {user.username: user.display_name for user in deps.users.list()}


def _limits(limits: Limits) -> shapes.LimitsOut:
    return shapes.LimitsOut(low=records.finite(limits.low), high=records.finite(limits.high), grace_s=limits.grace_s)


def _interval(one: Interval) -> shapes.IntervalOut:
    return shapes.IntervalOut(
        start=present.moment(one.start_ms),
        end=present.moment(one.end_ms),
        count=one.count,
        low=one.low,
        high=one.high,
        mean=one.mean,
        outside_s=one.outside_s,
        unknown_s=one.unknown_s,
    )


def _excursion(one: Excursion, limits: Limits) -> shapes.ExcursionOut:
    return shapes.ExcursionOut(
        start=present.moment(one.start_ms),
        end=present.moment(one.end_ms),
        seconds=one.seconds,
        worst=one.worst,
        lost=one.lost,
        going_on=one.going_on,
        alarming=one.seconds >= limits.grace_s,
    )


def _check(one: ConditionCheck, names: dict[str, str]) -> shapes.CheckOut:
    return shapes.CheckOut(
        id=one.id,
        day=date.fromisoformat(one.day),
        checked_by=one.checked_by,
        checked_by_name=names.get(one.checked_by, one.checked_by),
        checked_at=one.checked_at,
        note=one.note,
        value=one.value,
    )
