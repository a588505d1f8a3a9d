"""`caretaker backtest FILE`: the shipped detectors over a user's own meter history, with evidence and cost."""

import json
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from analytics.episodes import Episode, moment
from analytics.site import Site
from devices.errors import BadInput
from devices.model import SpaceKind, UseType
from ingest.tables import open_table
from runtime import settings as configuration
from runtime.backtest import UNITS, Question, Tested, Values, wasted_money
from runtime.backtest import backtest as run
from runtime.meter_table import columns_of, unit_of
from runtime.settings import Settings
from runtime.site import site_of

_File = Annotated[
    Path, typer.Argument(metavar="FILE", help="CSV or .xlsx with columns for time and value, and meter where there are several")
]
_Config = Annotated[
    Path | None, typer.Option("--config", help="The settings file with prices and time zone; default caretaker.toml")
]


_Scheduler = Annotated[
    str | None, typer.Option(metavar="tcp://HOST:PORT", help="Dask scheduler whose workers do it; default [analytics] scheduler")
]


def backtest(  # noqa: PLR0913 - each is an option of the command line
    file: _File,
    *,
    quantity: Annotated[str, typer.Option(help="electricity or water")] = "electricity",
    values: Annotated[
        Values | None,
        typer.Option(help="A register's readings, or what was used since the row before; default: by the column's name and course"),
    ] = None,
    unit: Annotated[str, typer.Option(help="kWh, MWh, Wh, m3 or L; default: by the column's name, else kWh or m3")] = "",
    level: Annotated[SpaceKind, typer.Option(help="What the meter measures")] = SpaceKind.BUILDING,
    use: Annotated[UseType, typer.Option(help="What that place is used for")] = UseType.TEACHING,
    time_column: Annotated[str | None, typer.Option(help="Default: time, timestamp, 时间 and their like")] = None,
    value_column: Annotated[str | None, typer.Option(help="Default: value, reading, 读数 and their like")] = None,
    meter_column: Annotated[str | None, typer.Option(help="Default: meter, device_id, 表号 and their like")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, with the evidence of each finding")] = False,
    scheduler: _Scheduler = None,
    config: _Config = None,
) -> None:
    """What Caretaker would have told of a meter's past, when, why, and what it wasted.

    Example: caretaker backtest library-2025.csv --quantity water --level building --use library
    """
    if quantity not in UNITS:
        raise BadInput(f"no quantity {quantity!r}; say electricity or water", place="--quantity")
    if unit and unit not in UNITS[quantity]:
        raise BadInput(f"{unit!r} is no unit of {quantity} here; say {' or '.join(UNITS[quantity])}", place="--unit")
    settings = configuration.load(config)
    try:
        table = open_table(file.read_bytes(), file.name)
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", place=str(file)) from None
    wanted = {"time": time_column, "value": value_column, "meter": meter_column}
    rows = list(table.rows)
    columns = columns_of(table.columns, wanted, file.name, rows)
    told = unit_of(columns["value"])
    question = Question(
        quantity=quantity,
        values=values,
        unit=unit or (told if told in UNITS[quantity] else UNITS[quantity][0]),
        zone=ZoneInfo(settings.site.timezone),
        level=level,
        use=use,
        columns=columns,
    )
    site = site_of(settings)
    with Console(stderr=True).status(f"detecting in {file.name}"):
        tested = run(rows, question, site, file.name, scheduler=settings.analytics.scheduler if scheduler is None else scheduler)
    if as_json:
        typer.echo(json.dumps(report_of(tested, question, site)))
    else:
        _print(tested, question, settings)


def report_of(tested: list[Tested], question: Question, site: Site) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "quantity": question.quantity,
        "timezone": site.calendar.timezone,
        "meters": [
            {
                "meter": one.meter,
                "values": one.values,
                "hours": one.hours,
                "consumption": round(one.consumption, 3),
                "unit": UNITS[question.quantity][0],
                "findings": [_finding(episode) for episode in one.episodes],
            }
            for one in tested
        ],
    }


def _finding(episode: Episode) -> dict[str, Any]:
    finding, evidence = episode.finding, episode.finding.evidence
    told: dict[str, Any] = {
        "kind": finding.kind,
        "started": finding.started.isoformat(),
        "raised": moment(episode.raised_ms).isoformat(),
        "ended": None if finding.active else finding.seen.isoformat(),
        "score": round(finding.score, 3),
        "message": finding.message % finding.facts,
        "cause": finding.cause % finding.facts,
        "wasted": {name: round(amount, 3) for name, amount in _wasted(episode).items()},
        "evidence": None,
    }
    if evidence is not None:
        told["evidence"] = {"unit": evidence.unit, "observed": evidence.observed, "expected": evidence.expected}
    return told


def _wasted(episode: Episode) -> dict[str, float]:
    """Over the whole episode: the waste of a day times its days."""
    finding = episode.finding
    days = max((finding.seen - finding.started).total_seconds(), 3600.0) / 86_400
    waste = finding.waste
    return {
        "kwh": waste.kwh_per_day * days,
        "m3": waste.m3_per_day * days,
        "money": waste.cost_per_day * days,
        "kgco2e": waste.kgco2e_per_day * days,
    }


def _print(tested: list[Tested], question: Question, settings: Settings) -> None:
    console = Console(soft_wrap=True, highlight=False)
    zone, unit = question.zone, UNITS[question.quantity][0]
    for one in tested:
        money = wasted_money(one.episodes)
        console.print(
            f"{one.meter} ({one.values}): {one.hours:,} hours, {one.consumption:,.1f} {unit}, {len(one.episodes)} findings, "
            f"{money:,.2f} {settings.site.currency} wasted",
            markup=False,
        )
        for episode in one.episodes:
            finding, wasted = episode.finding, _wasted(episode)
            end = "still on" if finding.active else f"{finding.seen.astimezone(zone):%Y-%m-%d %H:%M}"
            amount = wasted["kwh"] if unit == "kWh" else wasted["m3"]
            console.print(
                f"  {finding.started.astimezone(zone):%Y-%m-%d %H:%M} to {end}  {finding.kind}: {finding.message % finding.facts}\n"
                f"    told {moment(episode.raised_ms).astimezone(zone):%Y-%m-%d %H:%M}; {finding.cause % finding.facts}; "
                f"{amount:,.1f} {unit}, {wasted['money']:,.2f} {settings.site.currency}, {wasted['kgco2e']:,.1f} kgCO2e",
                markup=False,
            )
