"""`caretaker check-config`: reads the settings exactly as the roles do."""

from pathlib import Path
from typing import Annotated

import typer

from runtime import settings as configuration
from runtime.topics import topic_map


def check_config(
    path: Annotated[Path | None, typer.Argument(help="The settings file; default caretaker.toml")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the effective settings as one JSON object")] = False,
) -> None:
    """Says what is wrong with the settings, with line and remedy. Example: caretaker check-config caretaker.toml"""
    loaded = configuration.load(path)
    topic_map(loaded)
    if as_json:
        typer.echo(loaded.model_dump_json())
        return
    ports = f"HTTP port {loaded.http.port}, MQTT port {loaded.mqtt.port}"
    typer.echo(f"settings are good: site {loaded.site.id!r}, data in {loaded.data_dir}, {ports}")
