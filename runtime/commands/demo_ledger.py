"""The demo's books: assets with their history, stocktakes, a virtual meter, quotas; stored as people's clicks would store them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from analytics.quota import Per, Quota
from analytics.virtual_meter import Term, VirtualMeter
from devices.asset import Asset, Stocktake
from devices.model import SpaceKind, UseType
from maintenance.asset_machine import AssetRequest, advance, register
from maintenance.stocktake import Count, closed, counted, expected
from simulators.belongings import HEAD, KEEPER, Move, belongings
from simulators.campus import Campus
from storage.asset_store import AssetFilter, AssetStore
from storage.database import Database
from storage.meter_store import MeterStore
from storage.plan_store import quota_store
from storage.stocktake_store import StocktakeStore

_ROLES = {KEEPER: ("dispatcher",), HEAD: ("logistics_head",), "electrician": ("crew",)}
FREE_KWH = 12.0
_COUNTED_FINISHED, _COUNTED_RUNNING = "library", "lab"


def seed_books(database: Database, campus: Campus, now: datetime, timezone: str) -> int:
    """How many assets; `now` is aware UTC. The same seed on the same day gives the same books."""
    zone = ZoneInfo(timezone)
    store, today = AssetStore(database), now.astimezone(zone).date()
    owned = belongings(campus, today)
    made = store.insert_all([register(one.asset, one.asset.created_at) for one in owned])
    for asset, one in zip(made, owned, strict=True):
        for move in one.moves:
            asset = _moved(store, asset, move, today)  # noqa: PLW2901 - one life, event by event
    _finished(database, campus, store, today)
    _running(database, campus, store, today)
    MeterStore(database).save_virtual(_without_canteen(campus), new=True)
    for quota in _quotas(campus, now):
        quota_store(database).add(quota)
    return len(made)


def _moved(store: AssetStore, asset: Asset, move: Move, today: date) -> Asset:
    day = today - timedelta(days=move.days_ago)
    request = AssetRequest(
        event=move.event,
        actor=move.actor,
        roles=_ROLES[move.actor],
        note=move.note,
        space_id=move.space_id,
        custodian=move.custodian,
        due_back=None if move.due_in_days is None else today + timedelta(days=move.due_in_days),
    )
    return store.update(*advance(asset, request, _at(day), day))


def _finished(database: Database, campus: Campus, assets: AssetStore, today: date) -> None:
    """The library's furniture, three weeks ago: one cabinet stood elsewhere, one nobody found."""
    campaign, store = _opened(
        database, campus, assets, "图书馆家具 Library furniture 2026", today - timedelta(days=24), _COUNTED_FINISHED
    )
    at = campaign.opened_at + timedelta(hours=2)
    lines = store.lines(campaign.id)
    for line in lines[2:]:
        store.put(counted(campaign, line, Count(tag=line.tag, by=KEEPER, at=at)))
    elsewhere = Count(tag=lines[1].tag, by=KEEPER, at=at, space_id=f"{_COUNTED_FINISHED}-f1")
    store.put(counted(campaign, lines[1], elsewhere))
    store.close(*closed(campaign, store.lines(campaign.id), HEAD, at + timedelta(hours=3)))


def _running(database: Database, campus: Campus, assets: AssetStore, today: date) -> None:
    """The laboratories since yesterday, half of it counted."""
    campaign, store = _opened(
        database, campus, assets, "实验室盘点 Laboratory stocktake", today - timedelta(days=1), _COUNTED_RUNNING
    )
    lines = store.lines(campaign.id)
    for line in lines[: len(lines) // 2]:
        store.put(counted(campaign, line, Count(tag=line.tag, by=KEEPER, at=campaign.opened_at + timedelta(hours=1))))


def _opened(
    database: Database, campus: Campus, assets: AssetStore, name: str, day: date, space_id: str
) -> tuple[Stocktake, StocktakeStore]:
    store = StocktakeStore(database)
    campaign = Stocktake(name=name, opened_at=_at(day), opened_by=HEAD, space_id=space_id, class_prefix="A05")
    inside: Sequence[str] = [space.id for space in campus.registry.within(space_id)]
    found = assets.list(AssetFilter(space_ids=inside, class_prefix="A05"))
    return store.open(campaign, expected(campaign, found)), store


def _without_canteen(campus: Campus) -> VirtualMeter:
    return VirtualMeter(
        id="em-without-canteen",
        quantity="electricity",
        space_id=campus.site_id,
        name="Campus without canteen",
        name_zh="校区用电（不含食堂）",
        terms=(Term(meter_id=f"em-{campus.site_id}"), Term(meter_id="em-canteen", factor=-1.0)),
    )


def _quotas(campus: Campus, now: datetime) -> list[Quota]:
    """What is free of charge for each resident of a dormitory in a month."""
    houses = [space.id for space in campus.spaces if space.kind is SpaceKind.BUILDING and space.use is UseType.DORMITORY]
    return [
        Quota(space_id=house, quantity="electricity", per=Per.HEAD, amount=FREE_KWH, entered_by=HEAD, entered_at=now)
        for house in houses
    ]


def _at(day: date) -> datetime:
    return datetime.combine(day, time(3), tzinfo=UTC)  # in the forenoon of a Chinese working day
