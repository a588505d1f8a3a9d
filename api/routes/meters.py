"""Meters: their ledger hour by hour, what the register did in words, what people enter about it, and the bill explained."""

from datetime import datetime, timedelta
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from analytics.amend import Entry, EntryKind
from analytics.bill import lines
from analytics.notes import UNENTERED_SWAP, LedgerNote, message
from analytics.tariff import Period
from api import present
from api import schemas_meters as shapes
from api.accounts import HOUR_MS, Pricing
from api.consumption import Every, Quantity, Span, Used, hourly, pricing_of, span_of, total, unit_of
from api.deps import Caller, Deps, DepsHere, RegistryHere, ledger_of
from api.filters import IN_SPACE, PageOf
from api.guard import GuardedRoute
from api.meters import Metered, device_of, exchange, metered_all, metered_for, reading_at
from api.paging import LIMIT_MAX, EntityId, page_of
from api.schemas import Amount, Page
from api.text import fill
from api.times import aware, aware_range, to_ms
from devices.errors import BadInput, NotFound
from devices.metrics import QUANTITY_REGISTER
from devices.model import Quality, Reading
from devices.registry import Registry
from storage.user import User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["meters"])
LEDGER_DAYS = 62
_DOUBTFUL = int(Quality.ESTIMATED | Quality.INCOMPLETE | Quality.IMPLAUSIBLE)


class MetersQuery(PageOf):
    limit: int = Field(default=LIMIT_MAX, ge=1, le=LIMIT_MAX)
    quantity: Quantity | None = None
    space: str | None = Field(default=None, description=IN_SPACE)
    virtual: bool | None = None


class SpanQuery(BaseModel):
    start: datetime | None = Field(default=None, description="default: 24 h before `end`")
    end: datetime | None = Field(default=None, description="not included; default: now")


@router.get("/meters", summary="Meters, real and virtual, with today's use")
def list_meters(
    deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[MetersQuery, Query()]
) -> Page[shapes.MeterOut]:
    inside = None if query.space is None else {found.id for found in registry.within(query.space)}
    found = [
        one
        for one in metered_all(deps, registry, caller)
        if (query.quantity is None or one.quantity is query.quantity)
        and (inside is None or one.space_id in inside)
        and (query.virtual is None or (one.device is None) is query.virtual)
    ]
    page, following = page_of(found, lambda one: one.id, query.limit, query.cursor)
    return Page(items=_shown(deps, registry, page), next=following)


@router.get("/meters/{meter_id}/ledger", summary="The hours of a meter, with their quality and what the register did")
def get_ledger(
    meter_id: str, deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[SpanQuery, Query()]
) -> shapes.LedgerOut:
    """[start, end) widened to whole hours, at most 62 days. `notes` say in words what the ledger made of the readings."""
    metered = metered_for(deps, registry, caller, meter_id)
    span = _span(deps, query)
    pricing = _pricing(deps, [metered], span)
    hours, used = pricing.hours(metered.account), _used(deps, metered, span)
    notes = deps.meters.notes(meter_id, span.start_ms, span.start_ms + span.hours * HOUR_MS)
    return shapes.LedgerOut(
        meter=_shown(deps, registry, [metered])[0],
        start=span.start,
        end=span.end,
        items=[
            shapes.HourOut(
                start=item.start,
                value=item.value,
                cost=item.cost,
                kgco2e=item.kgco2e,
                quality=present.flags(item.quality),
                uncertainty=None if item.value is None else float(hours.uncertainty[number]),
            )
            for number, item in enumerate(used)
        ],
        total=_amount(total(used, span.start)),
        notes=[_note(note, unit_of(metered.quantity)) for note in notes],
        entries=_entries(deps, metered, span),
        recounting=bool(deps.meters.recounts(meter_id)),
        currency=deps.site.currency,
    )


@router.get("/meters/{meter_id}/bill", summary="What a meter's use costs, explained line by line")
def get_bill(
    meter_id: str, deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[SpanQuery, Query()]
) -> shapes.BillOut:
    """[start, end) widened to whole days of the site. The lines sum to the hours' cost and carbon."""
    metered = metered_for(deps, registry, caller, meter_id)
    span = _span(deps, query, every=Every.DAY, at_most=400)
    pricing = _pricing(deps, [metered], span)
    hours = pricing.hours(metered.account)
    before, tariff = pricing.before(metered.account), pricing.tariff(metered.account.use)
    found = lines(tariff, hours.value, before)
    used = {Period.MONTH: before.month, Period.YEAR: before.year}
    return shapes.BillOut(
        meter=_shown(deps, registry, [metered])[0],
        start=span.start,
        end=span.end,
        lines=[shapes.BillLine(**{name: getattr(line, name) for name in shapes.BillLine.model_fields}) for line in found],
        total=_amount(total(_used(deps, metered, span), span.start)),
        used_before={period: used[period] for period in sorted(tariff.stepped)},
        quality=present.flags(int(np.bitwise_or.reduce(hours.quality)) if hours.quality.size else 0),
        currency=deps.site.currency,
    )


@router.post("/meters/{meter_id}/exchanges", status_code=201, summary="Enter that the meter was exchanged")
def enter_exchange(
    meter_id: str, body: shapes.ExchangeIn, deps: DepsHere, registry: RegistryHere, caller: Caller
) -> shapes.EntryOut:
    """Consumption goes on without a step: to the old meter's last index, from the new one's first."""
    device = device_of(metered_for(deps, registry, caller, meter_id))
    profile, metric = registry.profile(device), QUANTITY_REGISTER[metered_for(deps, registry, caller, meter_id).quantity]
    entry = Entry(
        device_id=device.id,
        kind=EntryKind.EXCHANGE,
        ts_ms=_past_ms(deps, body.at),
        before=body.end_index,
        after=body.start_index,
        reason=body.reason,
        entered_by=caller.username,
        entered_at=deps.now(),
    )
    return _entered(deps, caller, exchange(deps, device, entry, profile.registers[metric].modulus))


@router.post("/meters/{meter_id}/corrections", status_code=201, summary="Correct a reading, or say that it does not count")
def correct(meter_id: str, body: shapes.CorrectionIn, deps: DepsHere, registry: RegistryHere, caller: Caller) -> shapes.EntryOut:
    """What the device sent is kept; the hours it touches, and their cost and carbon, are counted again within seconds."""
    metered = metered_for(deps, registry, caller, meter_id)
    device, at_ms = device_of(metered), _past_ms(deps, body.at)
    sent = reading_at(deps, device, at_ms)
    if sent is None and body.value is None:
        raise BadInput("there is no reading within 30 seconds of that time", place="at")
    modulus = registry.profile(device).registers[QUANTITY_REGISTER[metered.quantity]].modulus
    if body.value is not None and body.value > modulus:
        raise BadInput(f"this meter's register ends at {modulus:g}", place="value")
    entry = Entry(
        device_id=device.id,
        kind=EntryKind.VOID if body.value is None else EntryKind.CORRECTION,
        ts_ms=sent.ts_ms if sent else at_ms,
        before=sent.value if sent else None,
        after=body.value,
        reason=body.reason,
        entered_by=caller.username,
        entered_at=deps.now(),
    )
    return _entered(deps, caller, deps.meters.enter(entry, (entry.ts_ms, entry.ts_ms)))


@router.delete("/meters/{meter_id}/entries/{entry_id}", summary="Undo an exchange or a correction")
def undo(meter_id: str, entry_id: EntityId, deps: DepsHere, registry: RegistryHere, caller: Caller) -> shapes.EntryOut:
    """It stays on record; the hours are counted again as if it had never been entered."""
    device = device_of(metered_for(deps, registry, caller, meter_id))
    entry = deps.meters.entry(entry_id)
    if entry.device_id != device.id:
        raise NotFound(f"there is no entry {entry_id} of {meter_id!r}")
    undone = deps.meters.undo(entry_id, by=caller.username, at=deps.now(), span=(entry.ts_ms, entry.ts_ms))
    deps.audit.append(deps.now(), caller.username, "meter.undo", device.id, f"entry {entry_id}")
    deps.bus("meter", entry_id)
    return _entry(undone)


def _entered(deps: Deps, caller: User, entry: Entry) -> shapes.EntryOut:
    detail = f"entry {entry.id} at {present.moment(entry.ts_ms).isoformat()}: {entry.before} -> {entry.after}; {entry.reason}"
    deps.audit.append(deps.now(), caller.username, f"meter.{entry.kind}", entry.device_id, detail)
    deps.bus("meter", entry.id)
    return _entry(entry)


def _past_ms(deps: Deps, at: datetime) -> int:
    given = aware(at, deps.site.zone)
    if given > deps.now() or given.year < 2000:
        raise BadInput("use a time between the year 2000 and now", place="at")
    return to_ms(given)


def _span(deps: Deps, query: SpanQuery, *, every: Every = Every.HOUR, at_most: int = LEDGER_DAYS) -> Span:
    default = timedelta(days=30) if every is Every.DAY else timedelta(hours=24)
    since, until = aware_range(query.start, query.end, zone=deps.site.zone, now=deps.now(), default=default)
    span = span_of(since, until, every, deps.site.zone)
    if span.hours > at_most * 24 + 25:
        raise BadInput(f"at most {at_most} days at a time; ask in parts", place="start, end")
    return span


def _pricing(deps: Deps, meters: list[Metered], span: Span) -> Pricing:
    return pricing_of(ledger_of(deps), [one.account for one in meters], meters[0].quantity, span)


def _shown(deps: Deps, registry: Registry, meters: list[Metered]) -> list[shapes.MeterOut]:
    now = deps.now()
    midnight = now.astimezone(deps.site.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    registers = _registers(deps, meters)
    found: dict[str, shapes.MeterOut] = {}
    for quantity in Quantity:
        mine = [one for one in meters if one.quantity is quantity]
        if not mine:
            continue
        today = span_of(midnight, now + timedelta(seconds=1), Every.HOUR, deps.site.zone)
        week = Span(start=today.start - timedelta(days=7), end=today.start, zone=deps.site.zone)
        last_week, ledger = _pricing(deps, mine, week), ledger_of(deps)
        for one in mine:
            quality = last_week.hours(one.account)
            measured = np.isfinite(quality.value) & ((quality.quality & _DOUBTFUL) == 0)
            used = hourly(ledger, [one.account], quantity, today, now)
            found[one.id] = shapes.MeterOut(
                id=one.id,
                virtual=one.device is None,
                quantity=quantity,
                unit=unit_of(quantity),
                name=one.name,
                name_zh=one.name_zh,
                space_id=one.space_id,
                space_path=present.place_path(registry, one.space_id),
                register_=registers.get(one.id),
                today=_amount(total(used, today.start)),
                measured_share=float(measured.mean()) if np.isfinite(quality.value).any() else None,
            )
    return [found[one.id] for one in meters]


def _registers(deps: Deps, meters: list[Metered]) -> dict[str, shapes.RegisterOut]:
    wanted = {one.device.id for one in meters if one.device is not None}
    metrics = {QUANTITY_REGISTER[one.quantity] for one in meters}
    latest: list[Reading] = deps.readings.latest(sorted(wanted), sorted(metrics)) if wanted else []
    return {
        reading.device_id: shapes.RegisterOut(
            value=reading.value, ts=present.moment(reading.ts_ms), quality=present.flags(reading.quality)
        )
        for reading in latest
    }


def _used(deps: Deps, metered: Metered, span: Span) -> list[Used]:
    return hourly(ledger_of(deps), [metered.account], metered.quantity, span, deps.now())


def _amount(used: Used) -> Amount:
    return Amount(value=used.value, cost=used.cost, kgco2e=used.kgco2e)


def _note(note: LedgerNote, unit: str) -> shapes.NoteOut:
    text, facts = message(note, unit)
    return shapes.NoteOut(
        kind=note.kind,
        start=present.moment(note.from_ms),
        end=present.moment(note.to_ms),
        before=note.before,
        after=note.after,
        counted=note.counted,
        message=text,
        facts=facts,
        text=fill(text, facts),
        exchange_likely=note.kind in UNENTERED_SWAP,
    )


def _entries(deps: Deps, metered: Metered, span: Span) -> list[shapes.EntryOut]:
    """Those about the span or entered in it, newest first."""
    end_ms = span.start_ms + span.hours * HOUR_MS
    found = [
        entry
        for entry in deps.meters.entries(metered.id)
        if span.start_ms <= entry.ts_ms < end_ms or span.start <= entry.entered_at < span.end
    ]
    return [_entry(entry) for entry in reversed(found)]


def _entry(entry: Entry) -> shapes.EntryOut:
    return shapes.EntryOut(
        id=entry.id,
        kind=entry.kind,
        at=present.moment(entry.ts_ms),
        before=entry.before,
        after=entry.after,
        reason=entry.reason,
        entered_by=entry.entered_by,
        entered_at=entry.entered_at,
        undone_by=entry.undone_by,
        undone_at=entry.undone_at,
    )
