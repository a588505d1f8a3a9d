"""`caretaker broker config`: what our Mosquitto runs with, for those who run their own."""

from typing import Annotated

import typer

from runtime import broker, certificates
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


@app.command("certificates")
def certificates_(
    *,
    client: Annotated[list[str] | None, typer.Option("--client", help="A device or gateway; may be given several times")] = None,
) -> None:
    """Makes what is missing of our own authority: the broker's certificate, and one for each device that is named.

    Example: caretaker broker certificates --client gateway-1
    """
    settings = configuration.load()
    pair = certificates.broker_pair(settings)
    typer.echo(f"authority  {pair.ca_file}   (devices trust this one)")
    typer.echo(f"broker     {pair.cert_file}   {pair.key_file}")
    for name in client or ():
        made = certificates.client_pair(settings, name)
        typer.echo(f"device     {made.cert_file}   {made.key_file}")
    if not settings.mqtt.tls_listener.port:
        typer.echo("The broker's TLS door is closed; to open it set port = 8883 in [mqtt.tls_listener].")
