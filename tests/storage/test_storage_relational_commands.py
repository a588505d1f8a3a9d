"""`caretaker users` and `caretaker migrate`, as they are called."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime import cli
from runtime.databases import open_database
from runtime.settings import Settings
from storage.audit_store import AuditStore
from storage.passwords import verify_password
from storage.user import Role, User
from storage.user_store import UserStore

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs `caretaker ...` in an empty data directory; (exit code, output, errors)."""
    monkeypatch.setenv("CARETAKER_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.run(arguments[0], list(arguments[1:]))
        output = capsys.readouterr()
        return code, output.out, output.err

    return run


def test_people_can_be_added_before_anything_else_was_done(call: Call) -> None:
    code, _, errors = call("users", "add", "first", "--role", "admin")
    assert code == 0, errors
    assert "first" in call("users", "list")[1]


def test_a_user_from_first_to_last(call: Call, tmp_path: Path) -> None:
    assert call("migrate")[0] == 0
    code, output, errors = call(
        "users", "add", "li.wei", "--role", "crew", "--trade", "plumbing", "--building", "dorm-1", "--name", "李伟"
    )
    assert code == 0, errors
    assert _signs_in(tmp_path, "li.wei", output.rsplit(" ", 1)[1].strip())

    listed = json.loads(call("users", "list", "--json")[1])["users"]
    assert listed == [
        {
            "username": "li.wei",
            "display_name": "李伟",
            "roles": ["crew"],
            "trades": ["plumbing"],
            "buildings": ["dorm-1"],
            "language": "zh-CN",
            "disabled": False,
        }
    ]
    assert re.search(r"li\.wei.*李伟.*crew.*plumbing", call("users", "list")[1])

    changed = call("users", "password", "li.wei")[1].rsplit(" ", 1)[1].strip()
    assert _signs_in(tmp_path, "li.wei", changed)
    assert call("users", "disable", "li.wei")[0] == 0
    assert not _signs_in(tmp_path, "li.wei", changed)
    assert call("users", "disable", "li.wei", "--undo")[0] == 0
    assert _signs_in(tmp_path, "li.wei", changed)
    assert _audited(tmp_path) == ["user.enable", "user.disable", "user.password", "user.add"]


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (("add", "admin", "--role", "admin"), "user 'admin' already", 1),
        (("add", "x", "--role", "king"), "king", 2),
        (("add", "x"), "--role", 2),
        (("add", " x", "--role", "crew"), "cannot be a user name", 1),
        (("add", "x", "--role", "crew", "--language", "xx"), "use en or zh-CN", 1),
        (("password", "nobody"), "no user 'nobody'", 1),
        (("disable", "nobody"), "no user 'nobody'", 1),
        (("disable", "admin"), "last administrator", 1),
    ],
)
def test_a_wrong_call_says_why(call: Call, tmp_path: Path, arguments: tuple[str, ...], message: str, code: int) -> None:
    database = open_database(Settings(data_dir=tmp_path))
    database.migrate()
    UserStore(database).create(User(username="admin", display_name="Admin", roles=frozenset({Role.ADMIN})), "hash")
    database.close()
    found, _, errors = call("users", *arguments)
    assert found == code
    assert message in errors


def _signs_in(data_dir: Path, username: str, password: str) -> bool:
    database = open_database(Settings(data_dir=data_dir))
    try:
        return verify_password(UserStore(database).password_hash(username), password)
    finally:
        database.close()


def _audited(data_dir: Path) -> list[str]:
    database = open_database(Settings(data_dir=data_dir))
    try:
        audit = AuditStore(database)
        assert audit.verify()
        return [entry.action for entry in audit.list()]
    finally:
        database.close()
