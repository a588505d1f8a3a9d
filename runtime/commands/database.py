"""`caretaker migrate`: the database gets this version's schema."""

from pathlib import Path
from typing import Annotated

import typer

from runtime import settings as configuration
from runtime.databases import ready_database


def migrate(
    config: Annotated[Path | None, typer.Option("--config", help="The settings file; default caretaker.toml")] = None,
) -> None:
    """Brings the database to this version's schema; does nothing where it has it. Example: caretaker migrate"""
    with ready_database(configuration.load(config)) as database:
        typer.echo(f"the schema of {database.place} is up to date")
