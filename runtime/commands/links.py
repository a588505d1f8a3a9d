"""`caretaker links`: how a device, a gateway or a topic is read, with keys that are never shown again."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from devices.errors import BadInput, NotFound
from devices.link import SECRET_KEYS, DeviceLink, LinkScope, parted
from ingest.topic_filter import check_family, check_filter
from runtime import settings as configuration
from runtime.databases import ready_database
from storage.audit_store import AuditStore
from storage.link_store import LinkStore

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="How devices, gateways and topics are read: families, models, codecs, keys.",
)

_ACTOR = "command line"
Scope = Annotated[LinkScope, typer.Argument(help="What KEY names")]
Key = Annotated[str, typer.Argument(help="Device id, gateway id or topic filter")]
Config = Annotated[Path | None, typer.Option("--config", help="The settings file; default caretaker.toml")]


@app.command("set")
def set_(  # noqa: PLR0913 - each is an option of the command line
    scope: Scope,
    key: Key,
    *,
    family: Annotated[str, typer.Option("--family", help="Needed for a topic; else the topic's counts")] = "",
    context: Annotated[str, typer.Option("--context", help='One JSON object, such as \'{"model": "em300-mcs"}\'')] = "{}",
    codec: Annotated[Path | None, typer.Option("--codec", help="A LoRaWAN codec in JavaScript")] = None,
    secret: Annotated[
        list[str] | None, typer.Option("--secret", help="aes_key, password or token, read from standard input")
    ] = None,
    config: Config = None,
) -> None:
    """Adds or replaces it; secrets that are not named stay. Effective within 5 s.

    Example: echo A004EB23... | caretaker links set device 61070071 --secret aes_key
    """
    link = DeviceLink(
        scope=scope,
        key=_checked_key(scope, key, family),
        family=family,
        context=_context(context, codec),
        secret=_secrets(secret or []),
    )
    with ready_database(configuration.load(config)) as database:
        LinkStore(database).save(link)
        AuditStore(database).append(datetime.now(UTC), _ACTOR, "link.set", f"{scope} {key}", f"family: {family or '-'}")
    typer.echo(f"{scope} {key} is linked")


@app.command("list")
def list_links(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False, config: Config = None
) -> None:
    """All of them; of secrets only the names. Example: caretaker links list"""
    with ready_database(configuration.load(config)) as database:
        links = LinkStore(database).list()
    if as_json:
        told = [
            {
                "scope": link.scope,
                "key": link.key,
                "family": link.family,
                "context": dict(link.context),
                "secrets": list(link.secrets),
            }
            for link in links
        ]
        typer.echo(json.dumps({"links": told}, ensure_ascii=False))
        return
    table = Table("scope", "key", "family", "context", "secrets", box=None)
    for link in links:
        shown = json.dumps(dict(link.context), ensure_ascii=False)
        table.add_row(link.scope, link.key, link.family, shown if len(shown) < 200 else shown[:200] + "…", ", ".join(link.secrets))
    Console().print(table)


@app.command()
def remove(scope: Scope, key: Key, *, config: Config = None) -> None:
    """Example: caretaker links remove device 61070071"""
    with ready_database(configuration.load(config)) as database:
        if not LinkStore(database).remove(scope, key):
            raise NotFound(f"there is no link of the {scope} {key!r}; `caretaker links list` shows them")
        AuditStore(database).append(datetime.now(UTC), _ACTOR, "link.remove", f"{scope} {key}")
    typer.echo(f"{scope} {key} is no longer linked")


def _checked_key(scope: LinkScope, key: str, family: str) -> str:
    if family:
        check_family(family)
    if scope is not LinkScope.TOPIC:
        return key
    if not family:
        raise BadInput("a topic needs its family", place="--family")
    return check_filter(key)


def _context(told: str, codec: Path | None) -> dict[str, Any]:
    try:
        context = json.loads(told)
    except ValueError as error:
        raise BadInput(f"not JSON: {error}", place="--context") from None
    if not isinstance(context, dict):
        raise BadInput('it must be one JSON object, such as {"model": "em300-mcs"}', place="--context")
    secret = parted(context)[1]
    if secret:
        raise BadInput(f"{next(iter(secret))} is a secret; give it by --secret, so that nobody sees it", place="--context")
    if codec is not None:
        try:
            context["codec"] = codec.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"cannot read the codec: {error}", place="--codec") from None
    return context


def _secrets(names: list[str]) -> dict[str, str | None]:
    """One line of standard input each, so that none stands on a command line; an empty line forgets it."""
    unknown = [name for name in names if name not in SECRET_KEYS]
    if unknown:
        raise BadInput(f"no secret {unknown[0]!r}; there are {', '.join(sorted(SECRET_KEYS))}", place="--secret")
    return {name: sys.stdin.readline().strip() or None for name in names}
