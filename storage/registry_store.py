"""The campus in the database: spaces and devices, and a number that changes when they do."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, select

from devices.errors import BadInput
from devices.model import Device, Space
from devices.registry import Registry
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
            before = _load(connection)
            changed_spaces = [space for space in _last_of_each(spaces) if before.spaces.get(space.id) != space]
            changed_devices = [device for device in _last_of_each(devices) if before.devices.get(device.id) != device]
            if not changed_spaces and not changed_devices:
                return
            _check(before, changed_spaces, changed_devices)
            _replace(connection, SPACE, [asdict(space) for space in changed_spaces])
            _replace(connection, DEVICE, [asdict(device) for device in changed_devices])
            _count_revision(connection)

    def revision(self) -> int:
        """0 for an empty registry."""
        with self._database.read() as connection:
            return connection.scalar(select(REGISTRY_REVISION.c.revision)) or 0


def _load(connection: Connection) -> Registry:
    spaces = [Space(**row) for row in connection.execute(select(SPACE)).mappings()]
    devices = [Device(**row) for row in connection.execute(select(DEVICE)).mappings()]
    return Registry(sorted(spaces, key=_natural), sorted(devices, key=_natural))


def _natural(thing: Space | Device) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", thing.id)]


def _last_of_each(things: Iterable[Thing]) -> Iterable[Thing]:
    return {thing.id: thing for thing in things}.values()


def _check(before: Registry, spaces: list[Space], devices: list[Device]) -> None:
    try:
        Registry([*before.spaces.values(), *spaces], [*before.devices.values(), *devices])
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
