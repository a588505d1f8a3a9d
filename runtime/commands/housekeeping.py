"""`caretaker housekeeping`: one round; `up` and `demo` run it each hour, server mode from a timer."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from runtime import settings as configuration
from runtime.housekeeping import tidy


def housekeeping(*, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False) -> None:
    """Seals finished days and removes what has expired (docs/operations.md). Example: caretaker housekeeping"""
    done = asdict(tidy(configuration.load(), datetime.now(UTC)))
    typer.echo(json.dumps(done) if as_json else ", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in done.items()))
