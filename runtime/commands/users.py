"""`caretaker users`: people, their roles and their passwords."""

import json
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from devices.errors import BadInput, NotFound
from maintenance.model import Trade
from runtime import settings as configuration
from runtime.databases import ready_database
from storage.audit_store import AuditStore
from storage.database import Database
from storage.passwords import MIN_PASSWORD_LENGTH, hash_password, new_password
from storage.user import Role, User
from storage.user_store import UserStore

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True, help="People and their roles.")

_ACTOR = "command line"
Username = Annotated[str, typer.Argument(help="The name to sign in with")]
Config = Annotated[Path | None, typer.Option("--config", help="The settings file; default caretaker.toml")]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object")]


@app.command()
def add(  # noqa: PLR0913 - each is an option of the command line
    username: Username,
    *,
    role: Annotated[list[Role], typer.Option("--role", help="May be given more than once")],
    name: Annotated[str, typer.Option("--name", help="As shown on screens; default the user name")] = "",
    trade: Annotated[list[Trade] | None, typer.Option("--trade", help="What a crew member can mend; more than once")] = None,
    building: Annotated[list[str] | None, typer.Option("--building", help="Space id; more than once; default all")] = None,
    language: Annotated[str, typer.Option("--language", help="en or zh-CN")] = "zh-CN",
    password_stdin: PasswordStdin = False,
    config: Config = None,
) -> None:
    """Adds a user; without --password-stdin a random password is printed once.

    Example: caretaker users add li.wei --role crew --trade plumbing
    """
    user = User(
        username=_checked_name(username),
        display_name=name or username,
        roles=frozenset(role),
        trades=frozenset(trade or ()),
        buildings=frozenset(building) if building else None,
        language=_checked_language(language),
    )
    password = _password(from_stdin=password_stdin)
    with ready_database(configuration.load(config)) as database:
        UserStore(database).create(user, hash_password(password))
        _audit(database, "user.add", username, f"roles: {', '.join(sorted(user.roles))}")
    typer.echo(f"added {username}" if password_stdin else f"added {username}, password: {password}")


@app.command("list")
def list_users(*, as_json: AsJson = False, config: Config = None) -> None:
    """Everybody, disabled ones too. Example: caretaker users list --json"""
    with ready_database(configuration.load(config)) as database:
        users = UserStore(database).list()
    if as_json:
        typer.echo(json.dumps({"users": [_plain(user) for user in users]}, ensure_ascii=False))
        return
    table = Table("user name", "name", "roles", "trades", "buildings", "language", "")
    for user in users:
        buildings = "all" if user.buildings is None else ", ".join(sorted(user.buildings))
        roles, trades = ", ".join(sorted(user.roles)), ", ".join(sorted(user.trades))
        table.add_row(
            user.username, user.display_name, roles, trades, buildings, user.language, "disabled" if user.disabled else ""
        )
    Console().print(table)


@app.command()
def password(username: Username, *, password_stdin: PasswordStdin = False, config: Config = None) -> None:
    """Sets a new password and ends the user's sessions; without --password-stdin a random one is printed once.

    Example: caretaker users password admin
    """
    chosen = _password(from_stdin=password_stdin)
    with ready_database(configuration.load(config)) as database:
        UserStore(database).set_password_hash(username, hash_password(chosen))
        _audit(database, "user.password", username)
    typer.echo(f"new password of {username} is set" if password_stdin else f"new password of {username}: {chosen}")


@app.command()
def disable(
    username: Username,
    *,
    undo: Annotated[bool, typer.Option("--undo", help="Let the user sign in again")] = False,
    config: Config = None,
) -> None:
    """Ends the user's sessions and refuses new ones; the name stays in every history. Example: caretaker users disable li.wei"""
    with ready_database(configuration.load(config)) as database:
        store = UserStore(database)
        user = store.get(username)
        if user is None:
            raise NotFound(f"there is no user {username!r}; `caretaker users list` shows them")
        if not undo:
            _check_admin_remains(store.list(), user)
        store.save(replace(user, disabled=not undo))
        _audit(database, "user.enable" if undo else "user.disable", username)
    typer.echo(f"{username} can sign in again" if undo else f"{username} is disabled")


def _audit(database: Database, action: str, subject: str, detail: str = "") -> None:
    AuditStore(database).append(datetime.now(UTC), _ACTOR, action, subject, detail)


def _password(*, from_stdin: bool) -> str:
    if not from_stdin:
        return new_password()
    given = sys.stdin.readline().rstrip("\r\n")
    if len(given) < MIN_PASSWORD_LENGTH:
        raise BadInput(f"it has {len(given)} characters; use {MIN_PASSWORD_LENGTH} or more", place="password")
    return given


def _checked_name(username: str) -> str:
    if not username or username != username.strip() or not username.isprintable() or len(username) > 100:
        raise BadInput(f"{username!r} cannot be a user name; use 1 to 100 letters, digits, dots or dashes", place="user name")
    return username


def _checked_language(language: str) -> str:
    if language not in {"en", "zh-CN"}:
        raise BadInput(f"no language {language!r}; use en or zh-CN", place="--language")
    return language


def _check_admin_remains(users: list[User], leaving: User) -> None:
    others = [user for user in users if Role.ADMIN in user.roles and not user.disabled and user.username != leaving.username]
    if Role.ADMIN in leaving.roles and not others:
        raise BadInput("is the last administrator; add another one first", place=leaving.username)


def _plain(user: User) -> dict[str, Any]:
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in asdict(user).items()}
