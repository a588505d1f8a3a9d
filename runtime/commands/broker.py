"""`caretaker broker config`: what our Mosquitto runs with, for those who run their own."""

from typing import Annotated

import typer

from runtime import broker
from runtime import settings as configuration

app = typer.Typer(add_completion=False, help="The broker's configuration.")


@app.callback()
def _root() -> None:
    """The broker's configuration."""


@app.command()
def config(
    *,
    write: Annotated[
        bool, typer.Option("--write", help="Write it under the data directory, with passwords and topic lists")
    ] = False,
) -> None:
    """Prints the Mosquitto configuration for this site, or writes it. Example: caretaker broker config --write"""
    settings = configuration.load()
    if write:
        broker.ensure_passwords(settings)
        typer.echo(str(broker.write_configuration(settings)))
        return
    typer.echo(broker.configuration(settings, (settings.data_dir / "broker").absolute(), "mosquitto"))
    typer.echo("# The topic list (acl):\n" + broker.access_list(settings))
