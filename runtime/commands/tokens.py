"""`caretaker tokens`: who may push readings over HTTP. A token is printed once and kept as a hash only."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from runtime import settings as configuration
from runtime.databases import ready_database
from storage.audit_store import AuditStore
from storage.incoming import PushToken
from storage.token_store import TokenStore

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True, help="Who may push over HTTP.")

_ACTOR = "command line"
Config = Annotated[Path | None, typer.Option("--config", help="The settings file; default caretaker.toml")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object")]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What pushes, for people: 'gateway in the boiler house'")],
    *,
    device: Annotated[
        list[str] | None, typer.Option("--device", help="Device id, or the beginning of ids with *; more than once; default all")
    ] = None,
    days: Annotated[int, typer.Option("--days", min=0, max=3650, help="Until it expires; 0: never")] = 365,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Makes a token and prints it, this once. Example: caretaker tokens add "TTS webhook" --device '24e1*' --days 730"""
    now = datetime.now(UTC)
    with ready_database(configuration.load(config)) as database:
        expires_at = now + timedelta(days=days) if days else None
        made, secret = TokenStore(database).create(name, devices=device or None, by=_ACTOR, now=now, expires_at=expires_at)
        AuditStore(database).append(now, _ACTOR, "token.create", f"{made.id} {made.name}", made.scope)
    if as_json:
        typer.echo(json.dumps(_plain(made) | {"secret": secret}, ensure_ascii=False))
    else:
        typer.echo(f"token {made.id} for {made.scope}, told this once:\n{secret}")


@app.command("list")
def list_tokens(*, as_json: AsJson = False, config: Config = None) -> None:
    """Newest first, revoked ones too. Example: caretaker tokens list"""
    with ready_database(configuration.load(config)) as database:
        tokens = TokenStore(database).list()
    if as_json:
        typer.echo(json.dumps({"tokens": [_plain(token) for token in tokens]}, ensure_ascii=False))
        return
    now, table = datetime.now(UTC), Table("number", "name", "devices", "expires", "last used", "")
    for token in tokens:
        state = "revoked" if token.revoked_at else "" if token.usable(now) else "expired"
        table.add_row(str(token.id), token.name, token.scope, _day(token.expires_at), _day(token.last_used_at), state)
    Console().print(table)


@app.command()
def revoke(number: Annotated[int, typer.Argument(help="As `tokens list` prints it")], *, config: Config = None) -> None:
    """It opens nothing from now on. Example: caretaker tokens revoke 3"""
    now = datetime.now(UTC)
    with ready_database(configuration.load(config)) as database:
        revoked = TokenStore(database).revoke(number, now)
        AuditStore(database).append(now, _ACTOR, "token.revoke", f"{revoked.id} {revoked.name}")
    typer.echo(f"token {number} ({revoked.name}) is revoked")


def _day(moment: datetime | None) -> str:
    return moment.date().isoformat() if moment else "never"


def _plain(token: PushToken) -> dict[str, Any]:
    names = ("created_at", "expires_at", "revoked_at", "last_used_at")
    times = {name: moment.isoformat() if (moment := getattr(token, name)) else None for name in names}
    devices = None if token.devices is None else list(token.devices)
    return {"id": token.id, "name": token.name, "devices": devices, "created_by": token.created_by, **times}
