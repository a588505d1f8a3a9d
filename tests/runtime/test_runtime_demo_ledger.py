"""The demo's books on a real database: states, requests that wait, one stocktake finished and one running."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from devices.asset import AssetState, CountResult, PendingKind
from maintenance.stocktake import LOOKED_FOR
from runtime.commands.demo_ledger import seed_books
from runtime.databases import ready_database
from runtime.settings import Settings
from simulators.campus import build_campus
from storage.asset_store import AssetStore
from storage.meter_store import MeterStore
from storage.plan_store import quota_store
from storage.registry_store import RegistryStore
from storage.stocktake_store import StocktakeStore

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)


def test_the_books_tell_a_story(tmp_path: Path) -> None:
    campus = build_campus(7)
    with ready_database(Settings(data_dir=tmp_path)) as database:
        RegistryStore(database).save(campus.spaces, campus.devices)
        count = seed_books(database, campus, NOW, "Asia/Shanghai")
        assets, counting = AssetStore(database), StocktakeStore(database)
        known = assets.list()
        states = Counter(asset.state for asset in known)
        assert sum(states.values()) == count
        assert {AssetState.PURCHASED, AssetState.UNDER_REPAIR, AssetState.ON_LOAN, AssetState.DISPOSED} <= set(states)
        assert {asset.pending.kind for asset in known if asset.pending} == {PendingKind.TRANSFER, PendingKind.SCRAPPING}
        assert all(assets.verify_chain(asset.id) for asset in known if asset.state not in LOOKED_FOR or asset.pending)
        running, finished = counting.list()
        assert (running.closed_at, finished.closed_by) == (None, "head")
        assert {line.result for line in counting.lines(running.id)} == {CountResult.FOUND, CountResult.NOT_COUNTED}
        missing = {CountResult.FOUND, CountResult.ELSEWHERE, CountResult.MISSING}
        assert {line.result for line in counting.lines(finished.id)} == missing
        assert {quota.space_id for quota in quota_store(database).list()} == {"dorm-a", "dorm-b", "dorm-c"}
        (virtual,) = MeterStore(database).virtual().values()
        assert {term.meter_id for term in virtual.terms} <= set(campus.registry.devices)
