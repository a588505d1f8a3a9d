"""`caretaker evaluate SET`: the shipped detectors, causally and with the shipped configuration, against labelled data."""

import json as encoding
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from analytics.evaluation import Evaluation, Score
from analytics.evaluation import evaluate as score
from analytics.finding import FindingKind
from analytics.parameters import rules_of
from analytics.site import Site
from devices.errors import BadInput
from runtime import datasets, datasets_streams, replay
from runtime.beyond import Apart, as_claimed, set_apart
from runtime.settings import load
from simulators.campus import build_campus
from simulators.faults import schedule
from simulators.history import generate
from simulators.scenarios import scenarios
from simulators.timetable import day_of, day_start_s

WARM_UP = timedelta(weeks=1)
"""Quiet days before the first fault and before counting begins: a meter's normal must be learned."""
_START = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
"""A fixed term with weekends and a holiday week, so that the same seed gives the same figures on any day."""

SHIPPED = tuple(kind for kind in FindingKind if rules_of(kind))
NO_TRUTH = "no ground truth"

_FOLDERS = {"campus": datasets.campus, "dorm": datasets.dorm, "leakdb": datasets_streams.leakdb, "nab": datasets_streams.nab}
_Set = Annotated[
    str, typer.Argument(metavar="SET", help="demo (a simulated campus with every kind of fault), campus, dorm, leakdb or nab")
]


def evaluate(  # noqa: PLR0913 - each is an option of the command line
    set_name: _Set,
    directory: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="Data folder of the set; demo needs none")] = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the result to this file: JSON for demo, else the alarms as CSV, or Parquet by its suffix"),
    ] = None,
    weeks: Annotated[int, typer.Option(min=2, max=52, help="Simulated weeks")] = 4,
    seed: Annotated[int, typer.Option(help="Same seed, same campus, faults and figures")] = 7,
    start: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First local day of demo; 2026-06-15 has the summer vacation in it"),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="tcp://HOST:PORT", help="Dask scheduler whose workers do it; default [analytics] scheduler, or this machine"
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Precision, recall, delay and false alarms of every detector; or, for the other sets, the alarms over a data folder,
    for that folder's score.py. Example: caretaker evaluate demo --weeks 4, or caretaker evaluate dorm DIR --out alarms.csv
    """
    if set_name in _FOLDERS:
        _folder(set_name, directory, out, _scheduler(scheduler))
        return
    if set_name != "demo":
        raise BadInput(f"no set {set_name!r}; known here: demo, {', '.join(_FOLDERS)}", place="caretaker evaluate")
    if directory is not None:
        raise BadInput("demo makes its own data; leave the folder out", place=str(directory))
    begun = time.monotonic()
    span = _span(start, weeks)
    result, apart = _demo(span, seed, quiet=json, scheduler=_scheduler(scheduler))
    report = report_of(result, weeks=weeks, seed=seed, seconds=time.monotonic() - begun)
    report["start"] = span[0].isoformat()
    report["beyond"] = [asdict(one) for one in apart]
    if out is not None:
        out.write_text(encoding.dumps(report, indent=1) + "\n", encoding="utf-8")
    if json:
        typer.echo(encoding.dumps(report))
    else:
        _print(result, report)


def _scheduler(asked: str | None) -> str:
    return load().analytics.scheduler if asked is None else asked


def _folder(set_name: str, directory: Path | None, out: Path | None, scheduler: str) -> None:
    """Writes the alarms as CSV (to standard output where no file is named) or, by the suffix of the file, as Parquet."""
    if directory is None:
        raise BadInput(f"{set_name} needs the data folder; say caretaker evaluate {set_name} DIR", place="caretaker evaluate")
    with Console(stderr=True).status(f"detecting in {directory}"):
        alarms = _FOLDERS[set_name](directory, scheduler)
    if out is None:
        typer.echo(alarms.to_csv(index=False), nl=False)
    elif out.suffix == ".parquet":
        alarms.to_parquet(out, index=False)
    else:
        alarms.to_csv(out, index=False)


def _span(start: datetime | None, weeks: int) -> tuple[datetime, datetime]:
    """From local midnight of that day on, with the week that warms up."""
    first = _START if start is None else datetime.fromtimestamp(day_start_s(day_of(start.replace(tzinfo=UTC))), UTC)
    return first, first + WARM_UP + timedelta(weeks=weeks)


def _demo(span: tuple[datetime, datetime], seed: int, *, quiet: bool, scheduler: str) -> tuple[Evaluation, list[Apart]]:
    """The faults are those of the simulator's schedule for these weeks, after a week in which nothing is wrong."""
    campus, (start, end) = build_campus(seed), span
    faults = schedule(campus, start, end, seed, warm_up=WARM_UP)
    faults += scenarios(campus, start, end, seed, taken=faults, warm_up=WARM_UP)
    with Progress(console=Console(stderr=True, quiet=quiet), transient=True) as progress:
        task = progress.add_task("simulating", total=1.0)
        history = generate(
            campus,
            start=start,
            end=end,
            faults=faults,
            steps=replay.STEPS,
            progress=lambda share: progress.update(task, completed=share),
        )
        progress.update(task, description="detecting", total=None)
        faults = tuple(as_claimed(faults, campus.registry))
        alarms, apart = set_apart(faults, replay.replay(campus, history, Site(), scheduler=scheduler))
    days = (end - start).days
    return score(replay.labels(faults), alarms, devices=len(campus.devices), days=days, shipped=SHIPPED), apart


def report_of(result: Evaluation, *, weeks: int, seed: int, seconds: float) -> dict[str, Any]:
    """What `--json` prints: one object, figures by kind, and each miss and false alarm by name."""
    return {
        "set": "demo",
        "weeks": weeks,
        "seed": seed,
        "seconds": round(seconds, 1),
        "overall": _row(result.overall),
        "detectors": [_row(one) for one in result.by_kind],
        "missed": [{"kind": m.kind, "device_id": m.device_id, "start": m.start.isoformat()} for m in result.missed],
        "false_alarms": [
            {"kind": a.kind, "device_id": a.device_id, "started": a.started.isoformat(), "ended": a.ended.isoformat()}
            for a in result.false_alarms
        ],
    }


def _row(one: Score) -> dict[str, Any]:
    return {
        "kind": one.kind or "all",
        "faults": one.faults,
        "ground_truth": one.faults > 0,
        "found": one.found,
        "recall": _rounded(one.recall),
        "alarms": one.alarms,
        "false_alarms": one.false_alarms,
        "precision": _rounded(one.precision),
        "median_delay_s": _rounded(one.delay_s),
        "false_alarms_per_device_month": round(one.false_per_device_month, 4),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _print(result: Evaluation, report: dict[str, Any]) -> None:
    title = (
        f"{report['weeks']} simulated weeks, seed {report['seed']}, in {report['seconds']} s; rate: false alarms per device-month"
    )
    table = Table(box=None, padding=(0, 1, 0, 0), collapse_padding=True)
    for name in ("detector", "faults", "found", "recall", "alarms", "false", "precision", "delay", "rate"):
        table.add_column(name, justify="left" if name == "detector" else "right", no_wrap=True)
    for one in (*result.by_kind, result.overall):
        table.add_row(*_cells(one))
    console = Console(soft_wrap=True)
    console.print(title, highlight=False)
    Console().print(table)
    for one_apart in report["beyond"]:
        console.print(f"not claimed: {one_apart['kind']} {one_apart['found']} of {one_apart['faults']} found", highlight=False)
    for miss in report["missed"]:
        console.print(f"missed {miss['kind']} at {miss['device_id']} from {miss['start']}", highlight=False)
    for wrong in report["false_alarms"]:
        console.print(f"false alarm {wrong['kind']} at {wrong['device_id']} from {wrong['started']}", highlight=False)


def _cells(one: Score) -> tuple[str, ...]:
    """What nobody has labelled is not measured, whatever was told of it: its alarms are symptoms of other faults, or false."""
    told = str(one.alarms), str(one.false_alarms)
    rate = f"{one.false_per_device_month:.3f}"
    if not one.faults:
        return (one.kind or "all", NO_TRUTH, "", "", *told, "", "", rate)
    measured = (one.kind or "all", str(one.faults), str(one.found), _percent(one.recall))
    return (*measured, *told, _percent(one.precision), _delay(one.delay_s), rate)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _delay(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds:.0f} s" if seconds < 300 else f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
