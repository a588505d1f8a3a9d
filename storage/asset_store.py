"""The asset ledger and its hash-chained history. Tags are given out here; updates are guarded by `version`."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, insert, or_, select, update

from devices.asset import (
    Asset,
    AssetEvent,
    AssetLogEntry,
    AssetState,
    Condition,
    Correction,
    CountResult,
    Pending,
    PendingKind,
)
from devices.errors import Conflict, NotFound
from storage.columns import values_of
from storage.database import Transactions, upsert
from storage.hash_chain import START, link, unbroken
from storage.schema_assets import ASSET, ASSET_LOG, ASSET_SEQUENCE, STOCKTAKE_LINE

Assets = list[Asset]
AssetLog = list[AssetLogEntry]
NewAssets = Sequence[tuple[Asset, AssetLogEntry]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetFilter:
    """What to list; None: all, an empty collection: none.

    `after` is the last tag of the page before; `q` is part of a tag, a name, a model, a serial number or the custodian.
    """

    states: Collection[AssetState] | None = None
    space_ids: Collection[str] | None = None
    class_prefix: str = ""
    q: str = ""
    custodian: str | None = None
    warranty_before: date | None = None
    condition: Condition | None = None
    waiting: bool = False
    device_id: str | None = None
    after: str = ""
    limit: int | None = None


EVERYTHING = AssetFilter()


class AssetStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def get(self, tag: str) -> Asset:
        """Tags are upper case in the ledger, whatever case they are asked by. Raises NotFound."""
        with self._database.read() as connection:
            row = connection.execute(select(ASSET).where(ASSET.c.tag == tag.upper())).mappings().first()
        if row is None:
            raise NotFound(f"there is no asset {tag!r}")
        return _asset(row)

    def insert(self, asset: Asset, entry: AssetLogEntry) -> Asset:
        """The asset with its id, and with a tag (class-year-number) where it has none. Raises Conflict where the tag is taken."""
        return self.insert_all([(asset, entry)])[0]

    def insert_all(self, assets: NewAssets) -> Assets:
        """All of them, or none. Raises Conflict naming what a tag or a linked device is taken by."""
        with self._database.begin(conflict=_taken(assets)) as connection:
            named = _tagged(connection, [asset for asset, _ in assets])
            stored = [made for start in range(0, len(named), _BATCH) for made in _insert(connection, named[start : start + _BATCH])]
            lines = [{"asset_id": made.id, **values_of(entry)} for made, (_, entry) in zip(stored, assets, strict=True)]
            _begin_logs(connection, lines)
            return stored

    def update(self, asset: Asset, entry: AssetLogEntry) -> Asset:
        """The asset with its next version. Raises Conflict where somebody changed it since it was read."""
        return self.update_all([(asset, entry)])[0]

    def update_all(self, assets: NewAssets) -> Assets:
        with self._database.begin(conflict=_taken(assets)) as connection:
            return [_update(connection, asset, entry) for asset, entry in assets]

    def log(self, asset_id: int) -> AssetLog:
        """Oldest first; empty for an asset that does not exist."""
        columns = [column for column in ASSET_LOG.c if column.name not in {"id", "asset_id", "hash"}]
        query = select(*columns).where(ASSET_LOG.c.asset_id == asset_id).order_by(ASSET_LOG.c.id)
        with self._database.read() as connection:
            return [AssetLogEntry(**row) for row in connection.execute(query).mappings()]

    def verify_chain(self, asset_id: int) -> bool:
        """False where a line of the asset's history was altered, taken out or cut off since it was written."""
        with self._database.read() as connection:
            head = connection.scalar(select(ASSET.c.log_hash).where(ASSET.c.id == asset_id))
            query = select(ASSET_LOG).where(ASSET_LOG.c.asset_id == asset_id).order_by(ASSET_LOG.c.id)
            rows = connection.execute(query).mappings().all()
        return unbroken(rows, str(head))

    def list(self, wanted: AssetFilter = EVERYTHING) -> Assets:
        """By tag."""
        with self._database.read() as connection:
            return [_asset(row) for row in connection.execute(_query(wanted)).mappings()]

    def tags(self) -> frozenset[str]:
        """All there are."""
        with self._database.read() as connection:
            return frozenset(connection.scalars(select(ASSET.c.tag)))


def _query(wanted: AssetFilter) -> Select[Any]:
    query = select(ASSET).order_by(ASSET.c.tag).limit(wanted.limit)
    chosen = (
        (wanted.states, lambda: ASSET.c.state.in_(wanted.states or ())),
        (wanted.space_ids, lambda: ASSET.c.space_id.in_(wanted.space_ids or ())),
        (wanted.custodian, lambda: ASSET.c.custodian == wanted.custodian),
        (wanted.warranty_before, lambda: ASSET.c.warranty_until < wanted.warranty_before),
        (wanted.condition, lambda: ASSET.c.condition == wanted.condition),
        (wanted.device_id, lambda: ASSET.c.device_id == wanted.device_id),
        (wanted.class_prefix or None, lambda: ASSET.c.class_code.startswith(wanted.class_prefix, autoescape=True)),
        (wanted.after or None, lambda: ASSET.c.tag > wanted.after),
        (wanted.waiting or None, lambda: ASSET.c.pending.is_not(None)),
        (wanted.q or None, lambda: _matches(wanted.q)),
    )
    return query.where(*(condition() for given, condition in chosen if given is not None))


def _matches(q: str) -> Any:  # noqa: ANN401 - an SQL condition
    columns = ("tag", "name", "name_zh", "model", "serial", "custodian")
    return or_(*(func.lower(ASSET.c[name]).contains(q.lower(), autoescape=True) for name in columns))


_BATCH = 500
_SEALED = update(ASSET).where(ASSET.c.id == bindparam("of_id")).values(log_hash=bindparam("newest"))


def _insert(connection: Connection, assets: Sequence[Asset]) -> Assets:
    """In few statements: a table that is brought in must not hold up whoever else writes."""
    if not assets:
        return []
    connection.execute(insert(ASSET), [{**_row(asset), "log_hash": START} for asset in assets])
    found = connection.execute(select(ASSET.c.tag, ASSET.c.id).where(ASSET.c.tag.in_([asset.tag for asset in assets])))
    ids = {row.tag: row.id for row in found}
    return [replace(asset, id=ids[asset.tag]) for asset in assets]


def _begin_logs(connection: Connection, lines: Sequence[dict[str, Any]]) -> None:
    """The first line of each of these assets' histories."""
    if not lines:
        return
    sealed = [{**line, "hash": link(START, line)} for line in lines]
    connection.execute(insert(ASSET_LOG), sealed)
    connection.execute(_SEALED, [{"of_id": line["asset_id"], "newest": line["hash"]} for line in sealed])


def _tagged(connection: Connection, assets: Sequence[Asset]) -> Assets:
    """Each with a tag. In few statements per class and year: two for each asset would hold up other writers for seconds."""
    given = {asset.tag for asset in assets}
    missing = Counter(_prefix(asset) for asset in assets if not asset.tag)
    free = {prefix: iter(_new_tags(connection, prefix, count, given)) for prefix, count in sorted(missing.items())}
    return [asset if asset.tag else replace(asset, tag=next(free[_prefix(asset)])) for asset in assets]


def _prefix(asset: Asset) -> str:
    return f"{asset.class_code}-{(asset.purchased_on or asset.accepted_on or asset.created_at.date()).year}"


def _new_tags(connection: Connection, prefix: str, count: int, given: Collection[str]) -> list[str]:
    """`A02100000-2026-0001` and on; numbers that people gave by hand are skipped."""
    found: list[str] = []
    while len(found) < count:
        wanted = min(count - len(found), _BATCH)
        first = upsert(connection, ASSET_SEQUENCE).values(prefix=prefix, last=wanted)
        on = first.on_conflict_do_update(index_elements=["prefix"], set_={"last": ASSET_SEQUENCE.c.last + wanted})
        last = connection.execute(on.returning(ASSET_SEQUENCE.c.last)).scalar_one()
        tags = [f"{prefix}-{number:04d}" for number in range(last - wanted + 1, last + 1)]
        taken = set(connection.scalars(select(ASSET.c.tag).where(ASSET.c.tag.in_(tags))))
        found += [tag for tag in tags if tag not in taken and tag not in given]
    return found


def _update(connection: Connection, asset: Asset, entry: AssetLogEntry) -> Asset:
    query = select(ASSET.c.version, ASSET.c.log_hash, ASSET.c.pending).where(ASSET.c.id == asset.id).with_for_update()
    found = connection.execute(query).first()
    if found is None:
        raise NotFound(f"there is no asset {asset.tag!r}")
    if found.version != asset.version:
        raise Conflict(f"asset {asset.tag} was changed meanwhile (version {found.version}, not {asset.version}); read it again")
    stored = replace(asset, version=asset.version + 1)
    connection.execute(update(ASSET).where(ASSET.c.id == asset.id).values(_row(stored)))
    _log(connection, stored, entry, previous=str(found.log_hash))
    _tell_stocktake(connection, asset.id, found.pending, entry)
    return stored


_DECIDED = {
    AssetEvent.APPROVE: Correction.APPROVED,
    AssetEvent.REFUSE: Correction.REFUSED,
    AssetEvent.WITHDRAW: Correction.NONE,
}


_TAKEN_IN = {AssetEvent.ACCEPT: Correction.APPROVED, AssetEvent.VOID: Correction.REFUSED}


def _tell_stocktake(connection: Connection, asset_id: int, before: Mapping[str, Any] | None, entry: AssetLogEntry) -> None:
    """The line of the stocktake that asked for it, or found it as a surplus, learns what became of it."""
    if entry.event in _TAKEN_IN:
        surplus = update(STOCKTAKE_LINE).where(
            STOCKTAKE_LINE.c.asset_id == asset_id, STOCKTAKE_LINE.c.result == CountResult.SURPLUS
        )
        connection.execute(surplus.values(correction=_TAKEN_IN[entry.event]))
    line_id = before.get("line_id") if before else None
    if line_id is not None and entry.event in _DECIDED:
        decided = update(STOCKTAKE_LINE).where(STOCKTAKE_LINE.c.id == line_id).values(correction=_DECIDED[entry.event])
        connection.execute(decided)


def _log(connection: Connection, asset: Asset, entry: AssetLogEntry, *, previous: str) -> None:
    line = {"asset_id": asset.id, **values_of(entry)}
    newest = link(previous, line)
    connection.execute(insert(ASSET_LOG).values(**line, hash=newest))
    connection.execute(update(ASSET).where(ASSET.c.id == asset.id).values(log_hash=newest))


def _taken(assets: Iterable[tuple[Asset, AssetLogEntry]]) -> str:
    first = next((asset for asset, _ in assets), None)
    if first is None:
        return "it exists already"
    linked = f", or {first.device_id} is linked to another asset" if first.device_id else ""
    return f"the asset number {first.tag or 'of one of them'} is taken{linked}; choose another"


def _row(asset: Asset) -> dict[str, Any]:
    row = values_of(asset)
    del row["id"]
    if asset.pending is not None:
        row["pending"] = {**values_of(asset.pending), "at": asset.pending.at.isoformat()}
    return row


def _asset(row: Mapping[Any, Any]) -> Asset:
    values = dict(row)
    del values["log_hash"]
    if values["pending"] is not None:
        values["pending"] = _pending(values["pending"])
    return Asset(**values)


def _pending(told: Mapping[str, Any]) -> Pending:
    return Pending(
        **{
            **told,
            "kind": PendingKind(told["kind"]),
            "at": datetime.fromisoformat(told["at"]),
            "from_state": AssetState(told["from_state"]),
        }
    )
