"""The campus in the database: spaces and devices, and a number that changes when they do."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, delete, select

from devices.editing import Changes
from devices.errors import BadInput
from devices.model import Device, Space
from devices.registry import Registry
from storage.columns import values_of
from storage.database import Lock, Transactions, queue_for, upsert
from storage.schema import DEVICE, REGISTRY_REVISION, SPACE

Thing = TypeVar("Thing", Space, Device)


class RegistryStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def load(self) -> Registry:
        """Spaces and devices in the order of their ids, where floor-2 stands before floor-10."""
        with self._database.read() as connection:
            return _load(connection)

    def save(self, spaces: Iterable[Space], devices: Iterable[Device]) -> None:
        """Adds or replaces them by id. Raises BadInput where the whole would not hang together; then nothing is saved."""
        with self._database.begin() as connection:
            queue_for(connection, Lock.REGISTRY)
            _write(connection, _load(connection), Changes(spaces=tuple(spaces), devices=tuple(devices)))

    def change(self, edit: Callable[[Registry], Changes]) -> Changes:
        """Writes what `edit` makes of the registry as it is at that moment; nobody else changes it in between.

        `edit` refuses by raising (devices.editing); then, and where the whole would not hang together, nothing is written.
        """
        with self._database.begin() as connection:
            queue_for(connection, Lock.REGISTRY)
            before = _load(connection)
            changes = edit(before)
            _write(connection, before, changes)
            return changes

    def revision(self) -> int:
        """0 for an empty registry."""
        with self._database.read() as connection:
            return connection.scalar(select(REGISTRY_REVISION.c.revision)) or 0


def _write(connection: Connection, before: Registry, changes: Changes) -> None:
    spaces = [space for space in _last_of_each(changes.spaces) if before.spaces.get(space.id) != space]
    devices = [device for device in _last_of_each(changes.devices) if before.devices.get(device.id) != device]
    if not spaces and not devices and not changes.removed_spaces:
        return
    _check(before, spaces, devices, changes.removed_spaces)
    _replace(connection, SPACE, [values_of(space) for space in spaces])
    _replace(connection, DEVICE, [values_of(device) for device in devices])
    if changes.removed_spaces:
        connection.execute(delete(SPACE).where(SPACE.c.id.in_(changes.removed_spaces)))
    _count_revision(connection)


def _load(connection: Connection) -> Registry:
    spaces = [Space(**row) for row in connection.execute(select(SPACE)).mappings()]
    devices = [Device(**row) for row in connection.execute(select(DEVICE)).mappings()]
    return Registry(sorted(spaces, key=_natural), sorted(devices, key=_natural))


def _natural(thing: Space | Device) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", thing.id)]


def _last_of_each(things: Iterable[Thing]) -> Iterable[Thing]:
    return {thing.id: thing for thing in things}.values()


def _check(before: Registry, spaces: list[Space], devices: list[Device], removed: Collection[str]) -> None:
    after = {**before.spaces, **{space.id: space for space in spaces}}
    try:
        Registry([space for space in after.values() if space.id not in removed], [*before.devices.values(), *devices])
    except ValueError as error:
        raise BadInput(str(error)) from error


def _replace(connection: Connection, table: Table, rows: list[Mapping[str, Any]]) -> None:
    if not rows:
        return
    new = upsert(connection, table)
    others = {column.name: new.excluded[column.name] for column in table.c if not column.primary_key}
    connection.execute(new.on_conflict_do_update(index_elements=["id"], set_=others), rows)


def _count_revision(connection: Connection) -> None:
    first = upsert(connection, REGISTRY_REVISION).values(id=1, revision=1)
    again = {"revision": REGISTRY_REVISION.c.revision + 1}
    connection.execute(first.on_conflict_do_update(index_elements=["id"], set_=again))
