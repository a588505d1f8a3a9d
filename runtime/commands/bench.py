"""`caretaker bench ingest | alarm | store | analytics`: measurements of this machine, as ratios in one run."""

import importlib
import json
from typing import Annotated, Any

import typer

app = typer.Typer(add_completion=False, help="Measurements as ratios against what one would use instead.")

_JSON = Annotated[bool, typer.Option("--json", help="Print one JSON object")]

_NODE_RED = Annotated[bool, typer.Option("--with-node-red", help="Also Node-RED, installed by npm into the user's cache")]


@app.callback()
def _root() -> None:
    """Measurements as ratios against what one would use instead."""


@app.command()
def ingest(*, with_node_red: _NODE_RED = False, as_json: _JSON = False) -> None:
    """The full ingest path beside mosquitto_sub and others on the same load. Example: caretaker bench ingest --with-node-red"""
    _print(_run("ingest", with_node_red=with_node_red), as_json=as_json)


@app.command()
def alarm(*, as_json: _JSON = False) -> None:
    """Fire message to raised alert, with 5,000 messages a second beside it. Example: caretaker bench alarm"""
    _print(_run("alarm"), as_json=as_json)


@app.command()
def store(*, as_json: _JSON = False) -> None:
    """Thirty million readings: queries, size, while rows arrive. Example: caretaker bench store"""
    _print(_run("store"), as_json=as_json)


@app.command()
def analytics(*, as_json: _JSON = False) -> None:
    """A day of 1,000 meters and eight weeks of 10,000 through ledger and detectors. Example: caretaker bench analytics"""
    _print(_run("analytics"), as_json=as_json)


def _run(name: str, **options: bool) -> dict[str, Any]:
    """Only the asked benchmark is imported: each needs other programs and libraries."""
    module = importlib.import_module(f"runtime.bench.{name}")
    result: dict[str, Any] = getattr(module, f"bench_{name}")(**options)
    return result


def _print(result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(result))
        return
    for row in result["rows"]:
        mark = {True: "ok  ", False: "MISS", None: "-   "}[row["met"]]
        typer.echo(f"{mark} {row['what']}: {row['reached']} (target {row['target']})")
