"""Prices and carbon factors that people edit. Until the first change of a table the settings' rows hold; then these do."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, delete, func, insert, select

from analytics.prices import Factor, Price, Rates
from devices.errors import NotFound
from storage.columns import values_of
from storage.database import Lock, Transactions, queue_for, upsert
from storage.schema_meters import CARBON_FACTOR, PRICE, TARIFF_STATE

QuantityName = Literal["electricity", "water"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPrice:
    id: int
    quantity: str
    price: Price


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFactor:
    id: int
    quantity: str
    factor: Factor


class PriceStore:
    """`beginning`: what the settings say."""

    def __init__(self, database: Transactions, beginning: Rates) -> None:
        self._database = database
        self.beginning = beginning

    def revision(self) -> int:
        """Grows with every change."""
        with self._database.read() as connection:
            return connection.scalar(select(func.sum(TARIFF_STATE.c.revision))) or 0

    def rates(self) -> Rates:
        """What holds: of each table the stored rows, or those of the settings."""
        with self._database.read() as connection:
            stored = _stored_tables(connection)
            prices, factors = _prices(connection), _factors(connection)
        begun = self.beginning

        def prices_of(quantity: QuantityName) -> tuple[Price, ...]:
            mine = tuple(one.price for one in prices if one.quantity == quantity)
            return mine if f"{quantity}.prices" in stored else begun.prices(quantity)

        def factors_of(quantity: QuantityName) -> tuple[Factor, ...]:
            mine = tuple(one.factor for one in factors if one.quantity == quantity)
            return mine if f"{quantity}.factors" in stored else begun.factors(quantity)

        return Rates(
            electricity=prices_of("electricity"),
            water=prices_of("water"),
            carbon_electricity=factors_of("electricity"),
            carbon_water=factors_of("water"),
        )

    def prices(self, quantity: QuantityName) -> list[StoredPrice]:
        """By date, hours and step. Rows of the settings have the ids -1, -2, ...: editing one stores them all."""
        with self._database.read() as connection:
            if f"{quantity}.prices" in _stored_tables(connection):
                return [one for one in _prices(connection) if one.quantity == quantity]
        begun = enumerate(self.beginning.prices(quantity), start=1)
        return [StoredPrice(id=-number, quantity=quantity, price=price) for number, price in begun]

    def factors(self, quantity: QuantityName) -> list[StoredFactor]:
        with self._database.read() as connection:
            if f"{quantity}.factors" in _stored_tables(connection):
                return [one for one in _factors(connection) if one.quantity == quantity]
        begun = enumerate(self.beginning.factors(quantity), start=1)
        return [StoredFactor(id=-number, quantity=quantity, factor=factor) for number, factor in begun]

    def add_price(self, quantity: QuantityName, price: Price) -> StoredPrice:
        with self._database.begin() as connection:
            self._begin_prices(connection, quantity)
            added = connection.execute(insert(PRICE).returning(PRICE.c.id), _price_row(quantity, price)).scalar_one()
            return StoredPrice(id=added, quantity=quantity, price=price)

    def replace_price(self, price_id: int, quantity: QuantityName, price: Price | None) -> StoredPrice:
        """Puts it in the old one's place, or takes that out (None). The old one comes back. Raises NotFound."""
        with self._database.begin() as connection:
            old = self._found(connection, price_id, quantity)
            connection.execute(delete(PRICE).where(PRICE.c.id == old.id))
            if price is not None:
                connection.execute(insert(PRICE), {"id": old.id, **_price_row(quantity, price)})
            return old

    def add_factor(self, quantity: QuantityName, factor: Factor) -> StoredFactor:
        with self._database.begin() as connection:
            self._begin_factors(connection, quantity)
            row = {"quantity": quantity, **values_of(factor)}
            added = connection.execute(insert(CARBON_FACTOR).returning(CARBON_FACTOR.c.id), row).scalar_one()
            return StoredFactor(id=added, quantity=quantity, factor=factor)

    def remove_factor(self, factor_id: int, quantity: QuantityName) -> StoredFactor:
        """The one that was taken out. Raises NotFound."""
        with self._database.begin() as connection:
            kept = self._begin_factors(connection, quantity)
            found = [one for one in _factors(connection) if one.quantity == quantity]
            wanted = kept[-factor_id - 1] if 0 <= -factor_id - 1 < len(kept) else factor_id
            old = next((one for one in found if one.id == wanted), None)
            if old is None:
                raise NotFound(f"there is no carbon factor {factor_id} of {quantity}")
            connection.execute(delete(CARBON_FACTOR).where(CARBON_FACTOR.c.id == old.id))
            return old

    def _found(self, connection: Connection, price_id: int, quantity: QuantityName) -> StoredPrice:
        kept = self._begin_prices(connection, quantity)
        wanted = kept[-price_id - 1] if 0 <= -price_id - 1 < len(kept) else price_id
        old = next((one for one in _prices(connection) if one.id == wanted and one.quantity == quantity), None)
        if old is None:
            raise NotFound(f"there is no price {price_id} of {quantity}")
        return old

    def _begin_prices(self, connection: Connection, quantity: QuantityName) -> list[int]:
        """Counts the revision; the first time, copies the settings' rows and returns the ids they got, in their order."""
        if _counted(connection, f"{quantity}.prices"):
            return []
        rows = [_price_row(quantity, price) for price in self.beginning.prices(quantity)]
        return [connection.execute(insert(PRICE).returning(PRICE.c.id), row).scalar_one() for row in rows]

    def _begin_factors(self, connection: Connection, quantity: QuantityName) -> list[int]:
        if _counted(connection, f"{quantity}.factors"):
            return []
        rows = [{"quantity": quantity, **values_of(factor)} for factor in self.beginning.factors(quantity)]
        return [connection.execute(insert(CARBON_FACTOR).returning(CARBON_FACTOR.c.id), row).scalar_one() for row in rows]


def _counted(connection: Connection, table: str) -> bool:
    """Whether the table was stored before; from now on it is, one revision later."""
    queue_for(connection, Lock.REGISTRY)
    known = table in _stored_tables(connection)
    first = upsert(connection, TARIFF_STATE).values(id=table, stored=True, revision=1)
    again: dict[str, Any] = {"stored": True, "revision": TARIFF_STATE.c.revision + 1}
    connection.execute(first.on_conflict_do_update(index_elements=["id"], set_=again))
    return known


def _stored_tables(connection: Connection) -> frozenset[str]:
    return frozenset(connection.scalars(select(TARIFF_STATE.c.id).where(TARIFF_STATE.c.stored)))


def _prices(connection: Connection) -> list[StoredPrice]:
    rows = connection.execute(select(PRICE).order_by(PRICE.c.valid_from, PRICE.c.use, PRICE.c.id)).mappings()
    found = []
    for row in rows:
        values = {name: row[name] for name in Price.__dataclass_fields__}
        price = Price(**{**values, "hours": tuple(row["hours"])})
        found.append(StoredPrice(id=row["id"], quantity=row["quantity"], price=price))
    return found


def _factors(connection: Connection) -> list[StoredFactor]:
    rows = connection.execute(select(CARBON_FACTOR).order_by(CARBON_FACTOR.c.valid_from, CARBON_FACTOR.c.id)).mappings()
    return [
        StoredFactor(id=row["id"], quantity=row["quantity"], factor=Factor(valid_from=row["valid_from"], kgco2e=row["kgco2e"]))
        for row in rows
    ]


def _price_row(quantity: str, price: Price) -> dict[str, Any]:
    return {"quantity": quantity, **values_of(price), "hours": list(price.hours)}
