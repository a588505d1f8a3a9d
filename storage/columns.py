"""Column types: aware UTC time, words of our enumerations, 64-bit keys and JSON, the same on SQLite and PostgreSQL."""

from dataclasses import fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, String, TypeDecorator
from sqlalchemy.types import TypeEngine

KEY = BigInteger().with_variant(Integer(), "sqlite")
"""A primary key that counts up; SQLite counts only in a column declared INTEGER."""

DOCUMENT = JSON(none_as_null=True)
"""Facts and evidence: written and read whole, never searched, so plain JSON and not JSONB."""


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime, stored in UTC; on SQLite as text of one width, so that text order is time order. Refuses naive ones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return String(27) if dialect.name == "sqlite" else DateTime(timezone=True)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | datetime | None:
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError(f"{value!r} has no time zone; the database takes aware datetimes only")
        utc = value.astimezone(UTC)
        return utc.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if dialect.name == "sqlite" else utc

    def process_result_value(self, value: str | datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return datetime.fromisoformat(value) if isinstance(value, str) else value.astimezone(UTC)


class Word(TypeDecorator[StrEnum]):
    """A member of one of our enumerations, stored as its word."""

    impl = String(40)
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else self.words(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:  # noqa: ARG002
        return None if value is None else self.words(value)


def values_of(record: Any) -> dict[str, Any]:  # noqa: ANN401 - any of our dataclasses
    """Its fields by name, nothing copied: dataclasses.asdict copies every value of every list on the way to the database."""
    return {field.name: getattr(record, field.name) for field in fields(record)}
