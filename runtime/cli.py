"""The `caretaker` command. A table of commands; each is imported only when called, so that a role starts with what it needs."""

import difflib
import importlib
import sys
from dataclasses import dataclass
from importlib.metadata import version

import typer
from rich.console import Console
from rich.table import Table

from devices.errors import CaretakerError


@dataclass(frozen=True, slots=True)
class Entry:
    """`target`: module:attribute, a Typer app or a plain function with Typer annotations."""

    target: str
    help: str


COMMANDS: dict[str, Entry] = {
    "demo": Entry("runtime.commands.demo:demo", "Simulated campus, broker and everything else; prints the address and a password"),
    "up": Entry("runtime.commands.up:up", "All roles in one process tree, from caretaker.toml"),
    "ingest": Entry("runtime.commands.role:ingest", "One role: MQTT to the reading store"),
    "analytics": Entry("runtime.commands.role:analytics", "One role: meter ledger and detectors"),
    "alerts": Entry("runtime.commands.role:alerts", "One role: fast lane, alerts and work orders"),
    "api": Entry("runtime.commands.role:api", "One role: HTTP API, live stream and pages"),
    "fallback-broker": Entry("runtime.commands.role:fallback_broker", "amqtt, where Mosquitto is not installed"),
    "simulate": Entry("runtime.commands.simulate:app", "The simulated campus: history files or live messages"),
    "decode": Entry("runtime.commands.decode:decode", "Device messages (JSON Lines) to readings and events"),
    "evaluate": Entry(
        "runtime.commands.evaluate:evaluate", "Detectors against labelled data: precision, recall, delay, false alarms"
    ),
    "backtest": Entry("runtime.commands.backtest:backtest", "The detectors over your own meter history: findings, evidence, cost"),
    "bench": Entry("runtime.commands.bench:app", "Measurements as ratios against what one would use instead"),
    "import": Entry("runtime.commands.transfer:import_app", "Registry, readings or events from files"),
    "export": Entry("runtime.commands.transfer:export_app", "Readings to files"),
    "deadletters": Entry("runtime.commands.deadletters:app", "Rejected messages: list, inspect, replay, delete"),
    "housekeeping": Entry("runtime.commands.housekeeping:housekeeping", "Seals finished days, removes what has expired"),
    "backup": Entry("runtime.commands.backup:backup", "Copies the running installation; whole, or not at all"),
    "grafana": Entry("runtime.commands.grafana:app", "Dashboards as code: push or export"),
    "tokens": Entry("runtime.commands.tokens:app", "Who may push readings over HTTP"),
    "links": Entry("runtime.commands.links:app", "How devices, gateways and topics are read: families, codecs, keys"),
    "users": Entry("runtime.commands.users:app", "People and their roles"),
    "migrate": Entry("runtime.commands.database:migrate", "Brings the database to this version's schema"),
    "broker": Entry("runtime.commands.broker:app", "The broker's configuration"),
    "check-config": Entry(
        "runtime.commands.check_config:check_config", "Reads the settings and says what is wrong, with line and remedy"
    ),
    "doctor": Entry("runtime.commands.doctor:doctor", "Checks this machine and this installation"),
}


def main() -> None:
    """Exit codes: 0 done, 1 could not, 2 wrong call."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in {"--help", "-h", "help"}:
        _print_help()
        return
    if arguments[0] == "--version":
        Console().print(f"caretaker {version('caretaker')}", highlight=False)
        return
    sys.exit(run(arguments[0], arguments[1:]))


def run(name: str, arguments: list[str]) -> int:
    entry = COMMANDS.get(name)
    if entry is None:
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "see caretaker --help"
        _complain(f"no command {name!r}; {hint}")
        return 2
    command = typer.main.get_command(_app(entry))
    try:
        command(arguments, prog_name=f"caretaker {name}")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1 if ended.code else 0
    except CaretakerError as error:
        _complain(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _app(entry: Entry) -> typer.Typer:
    module, attribute = entry.target.split(":")
    target = getattr(importlib.import_module(module), attribute)
    if isinstance(target, typer.Typer):
        return target
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(target)
    return app


def _complain(message: str) -> None:
    Console(stderr=True, soft_wrap=True).print(f"caretaker: {message}", markup=False, highlight=False)


def _print_help() -> None:
    table = Table(box=None, show_header=False, padding=(0, 2))
    for name, entry in COMMANDS.items():
        table.add_row(name, entry.help)
    console = Console()
    console.print(
        "Usage: caretaker COMMAND [OPTIONS]    (caretaker COMMAND --help shows options and an example)\n", highlight=False
    )
    console.print(table)
