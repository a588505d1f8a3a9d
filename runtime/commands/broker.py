"""`caretaker broker config`: what our Mosquitto runs with, for those who run their own."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from devices.errors import BadInput
from runtime import broker, certificates, credentials
from runtime import settings as configuration

app = typer.Typer(add_completion=False, help="The broker's configuration.")
people = typer.Typer(add_completion=False, help="Devices and gateways that may speak to our broker, each with its topics.")
app.add_typer(people, name="credentials")


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


@people.command("add")
def add_credential(
    name: Annotated[str, typer.Argument(help="The user name that the device or gateway signs in with")],
    *,
    write: Annotated[list[str], typer.Option("--write", help="A topic filter it may publish to; may be given several times")],
    read: Annotated[list[str] | None, typer.Option("--read", help="A topic filter it may subscribe to")] = None,
) -> None:
    """Lets it in and prints its password, this once.

    Example: caretaker broker credentials add zigbee --write 'zigbee2mqtt/#' --write 'homeassistant/#' --read 'zigbee2mqtt/#'
    """
    settings = _managed()
    password = credentials.add(settings.data_dir, name, write=write, read=read or (), taken=tuple(broker.ROLE_TOPICS))
    is_running = broker.refresh(settings)
    typer.echo(f"broker    {settings.mqtt.host}:{settings.mqtt.port}\nuser      {name}\npassword  {password}")
    _say_when(is_running=is_running)


@people.command("list")
def list_credentials() -> None:
    """Names and topics; passwords are kept nowhere. Example: caretaker broker credentials list"""
    table = Table("name", "may publish to", "may subscribe to", box=None)
    for one in credentials.load(configuration.load().data_dir):
        table.add_row(one.name, "\n".join(one.write), "\n".join(one.read))
    Console().print(table)


@people.command("remove")
def remove_credential(name: Annotated[str, typer.Argument()]) -> None:
    """Lets it in no longer. Example: caretaker broker credentials remove zigbee"""
    settings = _managed()
    credentials.remove(settings.data_dir, name)
    _say_when(is_running=broker.refresh(settings))


def _managed() -> configuration.Settings:
    settings = configuration.load()
    if not settings.mqtt.managed:
        raise BadInput("the broker is not ours ([mqtt] managed = false); add the user and its topics there", place="mqtt.managed")
    return settings


def _say_when(*, is_running: bool) -> None:
    typer.echo("The running broker knows it." if is_running else "The broker will know it when it starts.", err=True)
