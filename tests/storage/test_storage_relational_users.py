"""The contracts of UserStore and AuditStore, on SQLite and PostgreSQL; passwords."""

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from devices.errors import BadInput, Conflict, NotFound
from maintenance.model import CrewMember, Trade
from storage.audit_store import AuditStore
from storage.database import Database
from storage.passwords import hash_password, needs_rehash, new_password, new_token, token_sha256, verify_password
from storage.user import Role, User
from storage.user_store import UserStore
from tests.storage.relational_values import MINUTE, T0

LI = User(
    username="li.wei",
    display_name="李伟",
    roles=frozenset({Role.CREW, Role.REPORTER}),
    trades=frozenset({Trade.PLUMBING}),
    buildings=frozenset({"dorm-1"}),
    language="zh-CN",
)
ADMIN = User(username="admin", display_name="Admin", roles=frozenset({Role.ADMIN}))


@pytest.fixture
def store(any_database: Database) -> UserStore:
    store = UserStore(any_database)
    store.create(LI, "hash-1")
    store.create(ADMIN, "hash-2")
    return store


def test_users_come_back_whole(store: UserStore) -> None:
    assert store.get("li.wei") == LI
    assert store.get("nobody") is None
    assert store.list() == [ADMIN, LI]
    assert store.password_hash("li.wei") == "hash-1"
    assert store.password_hash("nobody") is None
    with pytest.raises(Conflict, match=r"user 'li\.wei' already"):
        store.create(replace(LI, display_name="other"), "x")


def test_no_building_is_not_all_buildings(store: UserStore) -> None:
    store.save(replace(LI, buildings=frozenset()))
    stored = store.get("li.wei")
    assert stored is not None
    assert stored.buildings == frozenset()


def test_only_the_crew_can_be_sent(store: UserStore) -> None:
    assert store.crew() == [CrewMember(username="li.wei", trades=frozenset({Trade.PLUMBING}))]
    store.save(replace(LI, disabled=True))
    assert store.crew() == []


def test_a_session_lasts_until_it_expires_or_is_dropped(store: UserStore) -> None:
    store.add_session("t1", "li.wei", T0 + MINUTE)
    store.add_session("t2", "admin", T0 + 2 * MINUTE)

    assert store.session("t1", T0) == LI
    assert store.session("t1", T0 + MINUTE) is None
    assert store.session("t3", T0) is None
    assert store.purge_sessions(T0 + MINUTE) == 1
    assert store.session("t1", T0) is None
    store.drop_session("t2")
    assert store.session("t2", T0) is None
    with pytest.raises(NotFound):
        store.add_session("t4", "nobody", T0)


def test_a_new_password_ends_every_session(store: UserStore) -> None:
    store.add_session("t1", "li.wei", T0 + MINUTE)
    store.set_password_hash("li.wei", "hash-3")
    assert store.password_hash("li.wei") == "hash-3"
    assert store.session("t1", T0) is None
    with pytest.raises(NotFound, match="no user 'nobody'"):
        store.set_password_hash("nobody", "x")


def test_a_disabled_user_is_known_but_cannot_sign_in(store: UserStore) -> None:
    store.add_session("t1", "li.wei", T0 + MINUTE)
    store.save(replace(LI, disabled=True))
    assert store.get("li.wei") == replace(LI, disabled=True)
    assert store.password_hash("li.wei") is None
    assert store.session("t1", T0) is None
    store.save(LI)
    assert store.password_hash("li.wei") == "hash-1"
    assert store.session("t1", T0) is None
    with pytest.raises(NotFound, match="no user 'nobody'"):
        store.save(replace(LI, username="nobody"))


def test_the_audit_tells_who_did_what_newest_first(any_database: Database) -> None:
    audit = AuditStore(any_database)
    audit.append(T0, "admin", "user.add", "li.wei", "roles: crew")
    audit.append(T0 + MINUTE, "li.wei", "sign_in", "127.0.0.1")

    newest, first = audit.list()
    assert (newest.at, newest.actor, newest.action, newest.subject, newest.detail) == (
        T0 + MINUTE,
        "li.wei",
        "sign_in",
        "127.0.0.1",
        "",
    )
    assert first.detail == "roles: crew"
    assert audit.list(1) == [newest]
    assert audit.verify()


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE audit SET detail = 'B' WHERE id = 2",
        "UPDATE audit SET actor = 'nobody' WHERE id = 1",
        "UPDATE audit SET subject = detail, detail = subject WHERE id = 3",
        "DELETE FROM audit WHERE id = 1",
        "DELETE FROM audit WHERE id = 2",
    ],
)
def test_an_altered_audit_is_noticed(any_database: Database, forgery: str) -> None:
    audit = AuditStore(any_database)
    for number in range(3):
        audit.append(T0, "a", "b", f"subject {number}", "b")
    assert audit.verify()
    with pytest.raises(DBAPIError, match="audit is append-only"), any_database.begin() as connection:
        connection.execute(text(forgery))

    with any_database.begin() as connection:
        sqlite = connection.dialect.name == "sqlite"
        drops = (
            ["DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"]
            if sqlite
            else ["DROP TRIGGER audit_append_only ON audit"]
        )
        for drop in drops:
            connection.execute(text(drop))
        connection.execute(text(forgery))
    assert not audit.verify()


def test_passwords_are_argon2id_and_salted() -> None:
    stored = hash_password("correct horse")
    assert stored.startswith("$argon2id$")
    assert stored != hash_password("correct horse")
    assert verify_password(stored, "correct horse")
    assert not verify_password(stored, "correct horsf")
    assert not needs_rehash(stored)


@pytest.mark.parametrize("stored", [None, "", "not a hash", "$argon2id$v=19$m=65536"])
def test_no_password_fits_where_there_is_none(stored: str | None) -> None:
    assert not verify_password(stored, "anything")


def test_absurd_passwords_are_refused() -> None:
    assert not verify_password(None, "x" * 1_000_000)
    with pytest.raises(BadInput, match="1 to 1000 characters"):
        hash_password("")


def test_tokens_are_long_random_and_stored_hashed() -> None:
    token = new_token()
    assert len(token) >= 43
    assert token != new_token()
    assert len(token_sha256(token)) == 64
    assert token not in token_sha256(token)
    assert new_password() != new_password()
