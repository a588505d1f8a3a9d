"""Tokens of programs that push readings: only their SHA-256 is kept, so the database gives none away."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from devices.errors import NotFound
from storage.database import Transactions
from storage.incoming import PushToken
from storage.passwords import new_token, token_sha256
from storage.schema_incoming import PUSH_TOKEN

PREFIX = "ctk_"
"""So that people, and programs that look for leaked secrets, know one when they see it."""

_USE_NOTED_EVERY = timedelta(minutes=1)
_COLUMNS = [column for column in PUSH_TOKEN.c if column.name != "token_sha256"]
PushTokens = list[PushToken]


class TokenStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def create(
        self, name: str, *, devices: Sequence[str] | None, by: str, now: datetime, expires_at: datetime | None
    ) -> tuple[PushToken, str]:
        """The token and its secret (256 bits), which is told this once."""
        secret = PREFIX + new_token()
        row = {
            "name": name,
            "devices": None if devices is None else list(devices),
            "created_at": now,
            "created_by": by,
            "expires_at": expires_at,
        }
        new = insert(PUSH_TOKEN).values(**row, token_sha256=token_sha256(secret)).returning(PUSH_TOKEN.c.id)
        with self._database.begin() as connection:
            number = connection.execute(new).scalar_one()
        return self.get(number), secret

    def get(self, number: int) -> PushToken:
        with self._database.read() as connection:
            row = connection.execute(select(*_COLUMNS).where(PUSH_TOKEN.c.id == number)).mappings().first()
        if row is None:
            raise NotFound(f"there is no token {number}; `caretaker tokens list` shows them")
        return _token(row)

    def list(self) -> PushTokens:
        """Newest first, revoked ones too."""
        with self._database.read() as connection:
            return [_token(row) for row in connection.execute(select(*_COLUMNS).order_by(PUSH_TOKEN.c.id.desc())).mappings()]

    def use(self, secret: str, now: datetime) -> PushToken | None:
        """The token of that secret, its use noted (to the minute); None where it is unknown, expired or revoked."""
        query = select(*_COLUMNS).where(PUSH_TOKEN.c.token_sha256 == token_sha256(secret))
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        found = None if row is None else _token(row)
        if found is None or not found.usable(now):
            return None
        if found.last_used_at is None or now - found.last_used_at >= _USE_NOTED_EVERY:
            with self._database.begin() as connection:
                connection.execute(update(PUSH_TOKEN).where(PUSH_TOKEN.c.id == found.id).values(last_used_at=now))
        return found

    def revoke(self, number: int, now: datetime) -> PushToken:
        """From now on it opens nothing; revoking again changes nothing. Raises NotFound."""
        unrevoked = (PUSH_TOKEN.c.id == number) & PUSH_TOKEN.c.revoked_at.is_(None)
        with self._database.begin() as connection:
            connection.execute(update(PUSH_TOKEN).where(unrevoked).values(revoked_at=now))
        return self.get(number)


def _token(row: Mapping[Any, Any]) -> PushToken:
    return PushToken(**{**row, "devices": None if row["devices"] is None else tuple(row["devices"])})
