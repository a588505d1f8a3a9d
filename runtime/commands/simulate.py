"""`caretaker simulate`: the simulated campus as history files, or live by MQTT."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import pyarrow.parquet as pq
import typer
from rich.console import Console
from rich.progress import Progress

from devices.errors import BadInput
from devices.model import Event
from runtime import settings as configuration
from runtime.log_lines import log_to_stderr
from runtime.roles import simulator
from runtime.supervisor import stop_on_signals
from simulators.campus import Campus, build_campus
from simulators.faults import demo_schedule
from simulators.history import History, generate
from simulators.labels import truth_json
from simulators.state import save_state

EVENT_DAYS = 14
"""Ordinary door traffic is written for the last days only; labelled events always."""

_HistoryOption = Annotated[Path | None, typer.Option("--history", help="Write weeks of history into this folder")]
_LiveOption = Annotated[bool, typer.Option("--live", help="Publish by MQTT until Ctrl-C, going on from --state")]
_EndOption = Annotated[str | None, typer.Option(help="Last moment of the history, ISO 8601 with an offset; default now")]


def app(  # noqa: PLR0913 - one parameter per option
    *,
    history: _HistoryOption = None,
    live: _LiveOption = False,
    weeks: Annotated[int, typer.Option(min=1, max=104, help="Weeks of history")] = 8,
    seed: Annotated[int, typer.Option(help="Same seed, same campus, same history")] = 7,
    end: _EndOption = None,
    state: Annotated[Path | None, typer.Option(help="state.json of a history; kept up to date while live")] = None,
    tour: Annotated[bool, typer.Option("--tour", help="Live: play faults by script, the first within a minute")] = False,
    truth: Annotated[Path | None, typer.Option(help="Write the labelled faults here; live appends")] = None,
) -> None:
    """A seeded campus of about 280 devices. Example: caretaker simulate --history sim --weeks 8 --truth sim/truth.json"""
    if (history is None) == (not live):
        raise BadInput("say either --history DIR or --live --state FILE", place="caretaker simulate")
    if history is not None:
        _history(history, weeks=weeks, seed=seed, end=_moment(end), truth=truth)
        return
    if state is None:
        raise BadInput("--live needs --state FILE, the state.json of a history", place="caretaker simulate")
    log_to_stderr()
    simulator.run(configuration.load(), stop_on_signals(), state=state, tour=tour, truth=truth)


def _history(folder: Path, *, weeks: int, seed: int, end: datetime, truth: Path | None) -> None:
    campus = build_campus(seed, configuration.load().site.id)
    start = end - timedelta(weeks=weeks)
    faults = demo_schedule(campus, start, end, seed)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"{weeks} weeks of campus life", total=1.0)
        made = generate(
            campus,
            start=start,
            end=end,
            faults=faults,
            events_from=end - timedelta(days=EVENT_DAYS),
            progress=lambda share: progress.update(task, completed=share),
        )
        _write(folder, campus, made, truth)
    typer.echo(
        f"{folder}: {len(campus.devices)} devices, {made.readings.num_rows:,} readings, "
        f"{len(made.events):,} events, {len(made.faults)} labelled faults"
    )


def _write(folder: Path, campus: Campus, made: History, truth: Path | None) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "registry.json").write_text(registry_json(campus), encoding="utf-8")
        pq.write_table(made.readings, folder / "readings.parquet")
        with (folder / "events.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(_event_lines(made.events))
        save_state(made.state, folder / "state.json")
        if truth:
            truth.write_text(truth_json(made.faults), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot write the history: {error.strerror}", place=str(error.filename or folder)) from None


def registry_json(campus: Campus) -> str:
    """{"spaces": [...], "devices": [...]} with the field names of devices.model."""
    document = {
        "spaces": [asdict(space) for space in campus.spaces],
        "devices": [asdict(device) for device in campus.devices],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _event_lines(events: Iterable[Event]) -> Iterable[str]:
    for event in events:
        row = {"device_id": event.device_id, "type": event.type, "ts_ms": event.ts_ms, "attributes": dict(event.attributes)}
        yield json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadInput(f"{text!r} is no moment; write ISO 8601 with an offset, 2026-11-21T08:00:00+08:00", place="--end")
    return moment.astimezone(UTC)
