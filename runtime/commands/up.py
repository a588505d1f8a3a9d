"""`caretaker up`: the whole platform from caretaker.toml, in one process tree."""

from pathlib import Path
from typing import Annotated

import typer

from runtime import settings as configuration
from runtime import supervisor
from runtime.databases import ready_database


def up(
    config: Annotated[Path | None, typer.Option(help="The settings file; default caretaker.toml")] = None,
) -> None:
    """Starts broker, ingest, analytics, alerts and api, and keeps them running. Example: caretaker up --config caretaker.toml"""
    stop = supervisor.stop_on_signals()
    settings = configuration.load(config)
    supervisor.prepare_data_dir(settings.data_dir)
    with supervisor.only_instance(settings.data_dir):
        supervisor.check_ports(settings)
        with ready_database(settings):
            pass  # the roles find the schema in place and need not wait for one another
        _say(f"Caretaker at http://{settings.http.host}:{settings.http.port}")
        roles = supervisor.Supervisor(supervisor.children(settings, _say, config=config), _say)
        roles.start()
        roles.run(stop)


def _say(line: str) -> None:
    typer.echo(line, err=True)
