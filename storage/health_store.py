"""How well each device talks to us, and which strangers knocked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Table, case, delete, func, select

from devices.health import DeviceHealth, DiscoveredDevice
from storage.database import Transactions, upsert
from storage.pruning import delete_by_and_by
from storage.schema import DEVICE_HEALTH, DISCOVERED_DEVICE
from storage.schema_registry import IGNORED_DEVICE

_COUNTERS = ("received", "stored", "late", "rejected", "duplicate")
_AT_ONCE = 500
_WAY = ("topic", "family", "gateway_id")


class HealthStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def record(self, health: Sequence[DeviceHealth]) -> None:
        """Adds each one's counters to those stored; the younger last_seen_ms stands."""
        if not health:
            return
        with self._database.begin() as connection:
            new = upsert(connection, DEVICE_HEALTH)
            table = DEVICE_HEALTH.c
            merged: dict[str, Any] = {name: table[name] + new.excluded[name] for name in _COUNTERS}
            newer = new.excluded.last_seen_ms > table.last_seen_ms
            merged["last_seen_ms"] = case((newer, new.excluded.last_seen_ms), else_=table.last_seen_ms)
            upserting = new.on_conflict_do_update(index_elements=["device_id"], set_=merged)
            merged |= {name: func.coalesce(new.excluded[name], table[name]) for name in _WAY}
            # In one order everywhere, so that two writers on PostgreSQL wait for each other and never in a circle.
            connection.execute(upserting, [asdict(one) for one in sorted(health, key=lambda one: one.device_id)])

    def get(self, device_id: str) -> DeviceHealth | None:
        """None where the device was never heard."""
        query = select(DEVICE_HEALTH).where(DEVICE_HEALTH.c.device_id == device_id)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else DeviceHealth(**row)

    def all(self) -> dict[str, DeviceHealth]:
        """By device id."""
        with self._database.read() as connection:
            return {row["device_id"]: DeviceHealth(**row) for row in connection.execute(select(DEVICE_HEALTH)).mappings()}

    def ways(self, device_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Topic and family on which each was heard last; those never heard are left out."""
        table = DEVICE_HEALTH.c
        found: dict[str, tuple[str, str]] = {}
        with self._database.read() as connection:
            for start in range(0, len(device_ids), _AT_ONCE):
                query = select(table.device_id, table.topic, table.family).where(
                    table.device_id.in_(device_ids[start : start + _AT_ONCE])
                )
                found |= {row.device_id: (row.topic, row.family) for row in connection.execute(query) if row.topic and row.family}
        return found

    def discover(self, found: Sequence[DiscoveredDevice]) -> None:
        """Adds strangers; of one that is known the first sight, the newest topic and family and all metrics stand."""
        if not found:
            return
        with self._database.begin() as connection:
            for one in sorted(found, key=lambda one: one.device_id):
                _discover(connection, one)

    def discovered(self) -> list[DiscoveredDevice]:
        """Newest sight first."""
        query = select(DISCOVERED_DEVICE).order_by(DISCOVERED_DEVICE.c.last_seen_ms.desc(), DISCOVERED_DEVICE.c.device_id)
        with self._database.read() as connection:
            return [_stranger(row) for row in connection.execute(query).mappings()]

    def forget_silent(self, before_ms: int, known: Collection[str]) -> int:
        """Strangers not heard since, and the counters of devices not among `known`; those that people ignore stay ignored."""
        health, stranger = DEVICE_HEALTH.c, DISCOVERED_DEVICE.c
        silent = health.last_seen_ms < before_ms
        with self._database.read() as connection:
            gone = sorted(set(connection.scalars(select(health.device_id).where(silent))) - set(known))
        removed = 0
        for start in range(0, len(gone), _AT_ONCE):
            doomed = silent & health.device_id.in_(gone[start : start + _AT_ONCE])  # one that spoke meanwhile stays
            with self._database.begin() as connection:
                removed += connection.execute(delete(DEVICE_HEALTH).where(doomed)).rowcount
        return removed + delete_by_and_by(self._database, stranger.last_seen_ms, stranger.last_seen_ms < before_ms)

    def forget(self, device_id: str) -> None:
        """Call it when the stranger is adopted; nothing happens where it is unknown."""
        with self._database.begin() as connection:
            connection.execute(delete(DISCOVERED_DEVICE).where(DISCOVERED_DEVICE.c.device_id == device_id))
            connection.execute(delete(IGNORED_DEVICE).where(IGNORED_DEVICE.c.device_id == device_id))

    def ignore(self, device_ids: Sequence[str], *, by: str, at_ms: int) -> None:
        """Strangers that nobody wants to see among those to adopt; what they send is kept all the same."""
        with self._database.begin() as connection:
            for device_id in sorted(set(device_ids)):
                new = upsert(connection, IGNORED_DEVICE).values(device_id=device_id, ignored_ms=at_ms, ignored_by=by)
                connection.execute(new.on_conflict_do_nothing(index_elements=["device_id"]))

    def notice(self, device_id: str) -> None:
        """Undoes `ignore`."""
        with self._database.begin() as connection:
            connection.execute(delete(IGNORED_DEVICE).where(IGNORED_DEVICE.c.device_id == device_id))

    def ignored(self) -> frozenset[str]:
        with self._database.read() as connection:
            return frozenset(connection.scalars(select(IGNORED_DEVICE.c.device_id)))


def _discover(connection: Connection, found: DiscoveredDevice) -> None:
    query = select(DISCOVERED_DEVICE).where(DISCOVERED_DEVICE.c.device_id == found.device_id).with_for_update()
    row = connection.execute(query).mappings().first()
    merged = asdict(found) if row is None else asdict(found) | _merged(_stranger(row), found)
    _put(connection, DISCOVERED_DEVICE, merged)


def _merged(known: DiscoveredDevice, found: DiscoveredDevice) -> dict[str, Any]:
    return {
        "first_seen_ms": min(known.first_seen_ms, found.first_seen_ms),
        "last_seen_ms": max(known.last_seen_ms, found.last_seen_ms),
        "metrics": sorted({*known.metrics, *found.metrics}),
        "gateway_id": found.gateway_id or known.gateway_id,
        "model": found.model or known.model,
        "told": {**known.told, **found.told},
    }


def _put(connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
    new = upsert(connection, table).values(row)
    others = {name: new.excluded[name] for name in row if name != "device_id"}
    connection.execute(new.on_conflict_do_update(index_elements=["device_id"], set_=others))


def _stranger(row: Mapping[Any, Any]) -> DiscoveredDevice:
    kept = {"metrics": tuple(row["metrics"]), "model": row["model"] or "", "told": row["told"] or {}}
    return DiscoveredDevice(**{**row, **kept})
