"""`caretaker deadletters`: messages that could not be used. List them, look at one, replay them after a fix, delete them."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from devices.errors import NotFound
from ingest.message import Message
from ingest.pipeline import Batch, Pipeline
from runtime import settings as configuration
from runtime.databases import open_database
from runtime.settings import Settings
from runtime.stores import open_reading_store
from storage.database import Database
from storage.dead_letter_store import DeadLetterStore, StoredDeadLetter
from storage.event_store import EventStore
from storage.reading_store import ReadingStore
from storage.registry_store import RegistryStore

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help="Messages that could not be used, and why."
)

Config = Annotated[Path | None, typer.Option("--config", help="The settings file; default caretaker.toml")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per line")]
Ids = Annotated[list[int], typer.Argument(help="Numbers as `deadletters list` prints them")]
_SHOWN_CHARACTERS = 60


@app.command("list")
def list_letters(
    *,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first")] = 50,
    device: Annotated[str | None, typer.Option(help="Only of this device")] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Newest first, with the reason. Example: caretaker deadletters list --limit 20"""
    with _stores(config) as stores:
        letters = stores.letters.list(limit, device)
        count = stores.letters.count()
    for letter in letters:
        typer.echo(json.dumps(_as_json(letter), ensure_ascii=False) if as_json else _as_line(letter))
    if not as_json:
        typer.echo(f"{len(letters)} of {count} shown" if count else "no dead letters")


@app.command()
def show(number: Annotated[int, typer.Argument(help="As `deadletters list` prints it")], *, config: Config = None) -> None:
    """One message whole, as JSON with its payload as text or hex. Example: caretaker deadletters show 12"""
    with _stores(config) as stores:
        typer.echo(json.dumps(_as_json(stores.letters.get([number])[0]), ensure_ascii=False, indent=2))


@app.command()
def replay(
    numbers: Annotated[list[int] | None, typer.Argument(help="Numbers as `deadletters list` prints them")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All there are")] = False,
    config: Config = None,
) -> None:
    """Puts messages through the line again; those it now takes are removed. Exit code 1 where some are still refused.

    Example: caretaker deadletters replay --all
    """
    if bool(numbers) == everything:
        raise typer.BadParameter("name the numbers, or give --all")
    with _stores(config) as stores:
        letters = stores.letters.list(max(stores.letters.count(), 1)) if everything else stores.letters.get(numbers or [])
        taken = _replay(stores, letters)
    typer.echo(f"{taken} taken, {len(letters) - taken} still refused")
    if taken < len(letters):
        raise typer.Exit(1)


@app.command()
def delete(numbers: Ids, *, config: Config = None) -> None:
    """Removes messages for good. Example: caretaker deadletters delete 12 13"""
    with _stores(config) as stores:
        removed = stores.letters.remove(numbers)
    typer.echo(f"{removed} removed")
    if removed < len(numbers):
        raise NotFound(f"{len(numbers) - removed} of these numbers are no dead letters")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stores:
    letters: DeadLetterStore
    events: EventStore
    registry: RegistryStore
    settings: Settings


@contextmanager
def _stores(config: Path | None) -> Iterator[_Stores]:
    settings = configuration.load(config)
    database: Database = open_database(settings)
    with closing(database):
        yield _Stores(
            letters=DeadLetterStore(database), events=EventStore(database), registry=RegistryStore(database), settings=settings
        )


def _replay(stores: _Stores, letters: Sequence[StoredDeadLetter]) -> int:
    """How many were taken. Oldest first, as they once came, so that none looks late only because of the replay."""
    pipeline = Pipeline(stores.registry.load())
    taken = 0
    with closing(open_reading_store(stores.settings)) as readings, _progress(letters) as steps:
        for stored in steps:
            batch = pipeline.process([Message(stored.letter.received_ms, stored.letter.topic, stored.letter.payload)])
            if not batch.dead_letters:
                _store(stores, readings, batch)
                stores.letters.remove([stored.id])
                taken += 1
    return taken


def _store(stores: _Stores, readings: ReadingStore, batch: Batch) -> None:
    if batch.readings:
        readings.write(batch.readings)
    if batch.events:
        stores.events.append(batch.events)


@contextmanager
def _progress(letters: Sequence[StoredDeadLetter]) -> Iterator[Iterator[StoredDeadLetter]]:
    oldest_first = sorted(letters, key=lambda stored: stored.id)
    with typer.progressbar(oldest_first, label="replaying", file=typer.get_text_stream("stderr")) as bar:
        yield iter(bar)


def _as_json(stored: StoredDeadLetter) -> dict[str, Any]:
    letter = stored.letter
    try:
        payload, encoding = letter.payload.decode(), "utf8"
    except UnicodeDecodeError:
        payload, encoding = letter.payload.hex(), "hex"
    return {
        "id": stored.id,
        "received": _moment(letter.received_ms),
        "device_id": letter.device_id,
        "topic": letter.topic,
        "reason": letter.reason,
        "payload": payload,
        "payload_encoding": encoding,
    }


def _as_line(stored: StoredDeadLetter) -> str:
    letter = stored.letter
    start = letter.payload[:_SHOWN_CHARACTERS].decode("utf-8", "backslashreplace")
    shown = "".join(character if character.isprintable() else "?" for character in start)
    return f"{stored.id}  {_moment(letter.received_ms)}  {letter.topic}\n    {letter.reason}\n    {shown}"


def _moment(epoch_ms: int) -> str:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
