"""Readings typed by people in front of the meter: looked at before they are saved, with a photo, and by whom."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
from fastapi import APIRouter, Form, Query, UploadFile
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from api import photos
from api.deps import Caller, Deps, DepsHere, RegistryHere
from api.filters import PageOf
from api.guard import GuardedRoute
from api.idempotency import IdempotencyKey, once, request_key
from api.inventory import device_for
from api.known import check_device
from api.paging import SCAN_LIMIT, page_of
from api.permissions import may_see_space
from api.present import moment
from api.schemas import Page
from api.schemas_incoming import DoubtOut, ManualOut, Plausibility
from api.text import fill
from api.times import aware, to_ms
from devices.errors import BadInput, Conflict
from devices.hand_reading import Believed, believe
from devices.metrics import HOURLY_SUFFIX, METRICS, MetricKind
from devices.model import Device, Reading
from devices.registry import Registry
from ingest.push import native_items
from storage.incoming import ManualReading
from storage.reading_store import Aggregate
from storage.user import User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["manual readings"])

_USUAL_DAYS = 28
_LATEST = timedelta(minutes=5)
_OLDEST = timedelta(days=400)


class Typed(BaseModel):
    """What somebody read off a meter. `metric`: default the first register of the device's profile."""

    value: float = Field(ge=0, le=1e12, allow_inf_nan=False)
    ts: datetime | None = Field(default=None, description="default: now")
    metric: str | None = Field(default=None, max_length=200)


class TypedForm(Typed):
    note: str = Field(default="", max_length=500)
    sure: bool = Field(default=False, description="save although it looks unusual")
    photo: UploadFile | None = None


@router.get("/devices/{device_id}/manual-readings/check", summary="Would this reading be believed?")
def check(device_id: str, deps: DepsHere, registry: RegistryHere, caller: Caller, typed: Annotated[Typed, Query()]) -> Plausibility:
    """Compares with the last reading and the usual use; saves nothing."""
    device = device_for(caller, registry, device_id)
    metric, ts = _metric(registry, device, typed.metric), _moment(deps, typed.ts)
    return _plausibility(deps, registry, device, Reading(device.id, metric, to_ms(ts), typed.value))


@router.post("/devices/{device_id}/manual-readings", status_code=201, summary="Save a reading typed by hand")
def save(
    device_id: str,
    form: Annotated[TypedForm, Form()],
    deps: DepsHere,
    registry: RegistryHere,
    caller: Caller,
    idempotency_key: IdempotencyKey = None,
) -> ManualOut:
    """The way of a push: durable once answered, and a repeat changes nothing. Unusual ones need `sure`."""
    device = device_for(caller, registry, device_id)
    typed = Typed(value=form.value, ts=form.ts, metric=form.metric)
    photo = form.photo
    picture = photos.cleaned(photo.file.read(photos.PHOTO_BYTES_MAX + 1)) if photo is not None and photo.size else None

    def create() -> ManualOut:
        at = _moment(deps, typed.ts)
        reading = Reading(device.id, _metric(registry, device, typed.metric), to_ms(at), typed.value)
        doubts = _plausibility(deps, registry, device, reading).asks
        if doubts and not form.sure:
            raise BadInput("; ".join(doubt.text for doubt in doubts) + ": send it again with sure=true", place="value")
        name = None if picture is None else photos.keep(_photos(deps), picture)
        made = ManualReading(
            id=0,
            device_id=device.id,
            metric=reading.metric,
            ts_ms=reading.ts_ms,
            value=reading.value,
            entered_by=caller.username,
            entered_at=deps.now(),
            photo=name,
            note=form.note.strip(),
            unusual=bool(doubts),
        )
        return _shown(_store(deps, made))

    key = request_key(idempotency_key, who=caller.username, route=f"manual {device_id}"[:200], body=typed)
    return once(deps, key, create, ManualOut)


@router.get("/manual-readings", summary="Readings typed by hand, newest first")
def list_manual(
    deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[PageOf, Query()], device: str | None = None
) -> Page[ManualOut]:
    known = deps.incoming.manual.list(device_ids=None if device is None else [device], limit=SCAN_LIMIT)
    visible = [one for one in known if _may_see(registry, caller, one)]
    if not visible:
        check_device(deps, registry, caller, device)
    page, following = page_of(visible, lambda one: str(one.id), query.limit, query.cursor)
    return Page(items=[_shown(one) for one in page], next=following)


@router.get("/manual-readings/photos/{photo}", summary="The photo of a reading", response_class=FileResponse)
def get_photo(photo: str, deps: DepsHere, registry: RegistryHere, caller: Caller) -> FileResponse:
    path = photos.path_of(_photos(deps), photo)
    owners = [one for one in deps.incoming.manual.with_photo(photo) if _may_see(registry, caller, one)]
    return FileResponse(path if owners else photos.path_of(_photos(deps), ""), media_type="image/jpeg")


def _store(deps: Deps, made: ManualReading) -> ManualReading:
    """The value first, durable and idempotent; then who typed it, so that no name stands for a value that was lost."""
    known = deps.incoming.manual.find(made.device_id, made.metric, made.ts_ms)
    if known is not None:
        if known.value != made.value:
            raise Conflict(f"{known.entered_by} typed {known.value:g} for the same moment; look at the meter again")
        return known
    body = {"ts": made.ts_ms / 1000, "readings": {made.metric: made.value}}
    item = native_items(msgspec.json.encode(body), site=deps.site.id, received_ms=to_ms(made.entered_at), device_id=made.device_id)[
        0
    ]
    if item.message is None:
        raise BadInput("; ".join(item.reasons), place="value")
    deps.incoming.mailbox.put([item.message])
    deps.incoming.recent.add(list(item.keys))
    stored = deps.incoming.manual.add(made)
    detail = f"{made.metric} {made.value:g}" + (" (unusual)" if made.unusual else "")
    deps.audit.append(made.entered_at, made.entered_by, "reading.manual", made.device_id, detail)
    return stored


def _plausibility(deps: Deps, registry: Registry, device: Device, reading: Reading) -> Plausibility:
    last, usual = _last_before(deps, reading), _usual_per_day(deps, reading)
    register = registry.profile(device).registers.get(reading.metric)
    seen: Believed = believe(reading.value, reading.ts_ms, last=last, register=register, usual_per_day=usual)
    return Plausibility(
        metric=reading.metric,
        unit=METRICS[reading.metric].unit,
        value=reading.value,
        ts=moment(reading.ts_ms),
        last_value=last.value if last else None,
        last_ts=moment(last.ts_ms) if last else None,
        used=seen.used,
        per_day=seen.per_day,
        usual_per_day=usual,
        asks=[DoubtOut(message=one.message, facts=dict(one.facts), text=fill(one.message, one.facts)) for one in seen.doubts],
    )


def _last_before(deps: Deps, reading: Reading) -> Reading | None:
    """The youngest stored before that moment, or typed and still on its way."""
    stored = [one for one in deps.readings.latest([reading.device_id], [reading.metric]) if one.ts_ms < reading.ts_ms]
    if not stored:
        since_ms = reading.ts_ms - _USUAL_DAYS * 86_400_000
        stored = deps.readings.range(reading.device_id, reading.metric, since_ms, reading.ts_ms)[-1:]
    typed = [
        Reading(one.device_id, one.metric, one.ts_ms, one.value)
        for one in deps.incoming.manual.list(device_ids=[reading.device_id], limit=20)
        if one.metric == reading.metric and one.ts_ms < reading.ts_ms
    ]
    return max([*stored, *typed], key=lambda one: one.ts_ms, default=None)


def _usual_per_day(deps: Deps, reading: Reading) -> float | None:
    """Mean of the last four weeks by the ledger; None where it has counted less than a week."""
    start_ms = reading.ts_ms - _USUAL_DAYS * 86_400_000
    edges = [start_ms, reading.ts_ms]
    hours = deps.readings.windows([reading.device_id], reading.metric + HOURLY_SUFFIX, edges, Aggregate.SUM)[0]
    return None if hours.value is None or hours.count < 7 * 24 else hours.value / hours.count * 24


def _metric(registry: Registry, device: Device, wanted: str | None) -> str:
    """Registers only: people read displays, not flows. Raises BadInput naming those that the device has."""
    known = [name for name in registry.profile(device).metrics if METRICS[name].kind is MetricKind.REGISTER]
    if wanted is None and known:
        return known[0]
    if wanted not in known or wanted is None:
        raise BadInput(f"this device has no register {wanted or ''!r}; it has: {', '.join(known) or 'none'}", place="metric")
    return wanted


def _moment(deps: Deps, given: datetime | None) -> datetime:
    now = deps.now()
    at = now if given is None else aware(given, deps.site.zone)
    if not now - _OLDEST <= at <= now + _LATEST:
        raise BadInput("must lie in the last 400 days and not in the future", place="ts")
    return at


def _may_see(registry: Registry, caller: User, one: ManualReading) -> bool:
    device = registry.devices.get(one.device_id)
    return device is not None and may_see_space(caller, registry, device.space_id)


def _photos(deps: Deps) -> Path:
    return deps.incoming.directory / "photos"


def _shown(one: ManualReading) -> ManualOut:
    return ManualOut(
        id=one.id,
        device_id=one.device_id,
        metric=one.metric,
        unit=METRICS[one.metric].unit if one.metric in METRICS else "",
        ts=moment(one.ts_ms),
        value=one.value,
        entered_by=one.entered_by,
        entered_at=one.entered_at,
        photo=f"/api/v1/manual-readings/photos/{one.photo}" if one.photo else None,
        note=one.note,
        unusual=one.unusual,
    )
