"""Users, their password hashes and their sessions. Neither passwords nor tokens are ever stored."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update

from devices.errors import NotFound
from maintenance.model import CrewMember, Trade
from storage.database import Transactions
from storage.schema import USER_ACCOUNT, USER_SESSION
from storage.user import Role, User

Users = list[User]
Crew = list[CrewMember]


class UserStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def create(self, user: User, password_hash: str) -> None:
        """Raises Conflict where the name is taken."""
        taken = f"there is a user {user.username!r} already; choose another name"
        with self._database.begin(conflict=taken) as connection:
            connection.execute(insert(USER_ACCOUNT).values(**_row(user), password_hash=password_hash))

    def save(self, user: User) -> None:
        """Replaces everything but the password; a disabled user's sessions end. Raises NotFound."""
        with self._database.begin() as connection:
            changed = connection.execute(update(USER_ACCOUNT).where(USER_ACCOUNT.c.username == user.username).values(_row(user)))
            if not changed.rowcount:
                raise _unknown(user.username)
            if user.disabled:
                connection.execute(delete(USER_SESSION).where(USER_SESSION.c.username == user.username))

    def get(self, username: str) -> User | None:
        """Disabled ones too: their names stand in histories."""
        with self._database.read() as connection:
            row = connection.execute(select(USER_ACCOUNT).where(USER_ACCOUNT.c.username == username)).mappings().first()
        return None if row is None else _user(row)

    def password_hash(self, username: str) -> str | None:
        """None for unknown and disabled users, so that neither can sign in."""
        query = select(USER_ACCOUNT.c.password_hash).where(USER_ACCOUNT.c.username == username, ~USER_ACCOUNT.c.disabled)
        with self._database.read() as connection:
            return connection.scalar(query)

    def set_password_hash(self, username: str, password_hash: str) -> None:
        """Ends every session of the user. Raises NotFound."""
        with self._database.begin() as connection:
            change = update(USER_ACCOUNT).where(USER_ACCOUNT.c.username == username).values(password_hash=password_hash)
            if not connection.execute(change).rowcount:
                raise _unknown(username)
            connection.execute(delete(USER_SESSION).where(USER_SESSION.c.username == username))

    def crew(self) -> Crew:
        """Everyone who can be sent, by name. `load` is 0: see OrderStore.load_by_assignee."""
        return [
            CrewMember(username=user.username, trades=user.trades)
            for user in self.list()
            if Role.CREW in user.roles and not user.disabled
        ]

    def add_session(self, token_sha256: str, username: str, expires_at: datetime) -> None:
        """Raises NotFound for an unknown user."""
        with self._database.begin() as connection:
            connection.execute(insert(USER_SESSION).values(token_sha256=token_sha256, username=username, expires_at=expires_at))

    def session(self, token_sha256: str, now: datetime) -> User | None:
        """Whose session it is; None where it is unknown, expired or its user disabled."""
        query = (
            select(USER_ACCOUNT)
            .join(USER_SESSION, USER_SESSION.c.username == USER_ACCOUNT.c.username)
            .where(USER_SESSION.c.token_sha256 == token_sha256, USER_SESSION.c.expires_at > now, ~USER_ACCOUNT.c.disabled)
        )
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else _user(row)

    def drop_session(self, token_sha256: str) -> None:
        with self._database.begin() as connection:
            connection.execute(delete(USER_SESSION).where(USER_SESSION.c.token_sha256 == token_sha256))

    def purge_sessions(self, now: datetime) -> int:
        """How many expired ones were removed."""
        with self._database.begin() as connection:
            return connection.execute(delete(USER_SESSION).where(USER_SESSION.c.expires_at <= now)).rowcount

    def list(self) -> Users:
        """By name, disabled ones too."""
        with self._database.read() as connection:
            return [_user(row) for row in connection.execute(select(USER_ACCOUNT).order_by(USER_ACCOUNT.c.username)).mappings()]


def _unknown(username: str) -> NotFound:
    return NotFound(f"there is no user {username!r}; `caretaker users list` shows them")


def _row(user: User) -> dict[str, Any]:
    return {
        "username": user.username,
        "display_name": user.display_name,
        "roles": sorted(user.roles),
        "trades": sorted(user.trades),
        "buildings": None if user.buildings is None else sorted(user.buildings),
        "language": user.language,
        "disabled": user.disabled,
    }


def _user(row: Mapping[Any, Any]) -> User:
    return User(
        username=row["username"],
        display_name=row["display_name"],
        roles=frozenset(Role(role) for role in row["roles"]),
        trades=frozenset(Trade(trade) for trade in row["trades"]),
        buildings=None if row["buildings"] is None else frozenset(row["buildings"]),
        language=row["language"],
        disabled=row["disabled"],
    )
