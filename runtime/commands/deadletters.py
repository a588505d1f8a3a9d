"""`caretaker deadletters`: messages that could not be used. List them, look at one, replay them after a fix, delete them."""

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from devices.errors import DependencyFailed, NotFound
from runtime import settings as configuration
from runtime.databases import open_database
from runtime.settings import Settings
from storage.dead_letter_store import EVERYTHING, DeadLetterStore, StoredDeadLetter

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help="Messages that could not be used, and why."
)

Config = Annotated[Path | None, typer.Option("--config", help="The settings file; default caretaker.toml")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per line")]
Ids = Annotated[list[int], typer.Argument(help="Numbers as `deadletters list` prints them")]
_SHOWN_CHARACTERS = 60
_AT_ONCE = 1000
_LOOK_EVERY_S = 0.2
_INGEST_SILENT_S = 30.0


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
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for ingest while it answers none")] = 30.0,
    config: Config = None,
) -> None:
    """Has ingest put messages through the line again; those it now takes are removed. Exit code 1 where some are still refused.

    Readings are flagged late, events raise no alarm. Example: caretaker deadletters replay --all
    """
    if bool(numbers) == everything:
        raise typer.BadParameter("name the numbers, or give --all")
    with _stores(config) as stores:
        letters = stores.letters
        ids = (
            letters.ids(EVERYTHING, limit=max(letters.count(), 1)) if everything else [one.id for one in letters.get(numbers or [])]
        )
        for some in _portions(ids):
            letters.request_replay(some, by="command line", at_ms=_now_ms())
        waiting = _wait(stores, len(ids), wait)
        refused = sum(sum(letters.replays(some).values()) for some in _portions(ids))
    typer.echo(f"{len(ids) - refused - waiting} taken, {refused} still refused")
    if waiting:
        raise DependencyFailed(_why_waiting(stores.settings, waiting), transient=True)
    if refused:
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
    settings: Settings


@contextmanager
def _stores(config: Path | None) -> Iterator[_Stores]:
    settings = configuration.load(config)
    with closing(open_database(settings)) as database:
        yield _Stores(letters=DeadLetterStore(database), settings=settings)


def _wait(stores: _Stores, asked: int, patience_s: float) -> int:
    """How many still wait when ingest has settled all, or none for `patience_s`."""
    left = min(asked, stores.letters.waiting())
    deadline = time.monotonic() + patience_s
    with typer.progressbar(length=asked, label="replaying", file=typer.get_text_stream("stderr")) as bar:
        bar.update(asked - left)
        while left and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_S)
            before, left = left, min(left, stores.letters.waiting())
            if left < before:
                bar.update(before - left)
                deadline = time.monotonic() + patience_s
    return left


def _why_waiting(settings: Settings, count: int) -> str:
    """By the age of what ingest writes about itself every few seconds."""
    told = settings.data_dir / "metrics" / "ingest.json"
    runs = told.is_file() and time.time() - told.stat().st_mtime < _INGEST_SILENT_S
    if runs:
        return f"{count} still wait: ingest is busy or cannot reach its store; see its log, and `caretaker deadletters list` later"
    return f"{count} wait for ingest, which does not run here; start it (caretaker up): it replays them by itself"


def _portions(ids: list[int]) -> Iterator[list[int]]:
    yield from (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


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
