"""`caretaker backup`: a copy of the running installation."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from runtime import settings as configuration
from runtime.backup import back_up


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the copy goes, on another disk")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Copies database, readings, photos and secrets into a new folder of DIR, while everything runs; whole, or not at all.

    To restore: stop Caretaker, put the folder in place of the data directory, start. Example: caretaker backup /mnt/backup
    """
    made = back_up(configuration.load(), folder, datetime.now(UTC))
    if as_json:
        typer.echo(json.dumps({"path": str(made.path), "files": made.files, "bytes": made.bytes, "outside": made.outside}))
        return
    typer.echo(f"{made.path}: {made.files} files, {made.bytes / 1e6:.1f} MB")
    for name in made.outside:
        typer.echo(f"not in it, since a server keeps it: {name}", err=True)
