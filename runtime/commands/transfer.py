"""`caretaker import` and `caretaker export`: registry, readings and events from files, readings to files.

Every import may be repeated: what is there already stays as it is or takes the file's value; nothing comes twice.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import typer
from rich.console import Console
from rich.progress import Progress

from api.export_table import csv_lines, parquet_bytes
from devices.errors import BadInput
from devices.model import Device, Event, Space
from ingest.table_import import Plan, guess
from ingest.tables import open_table
from runtime import settings as configuration
from runtime.databases import ready_database
from runtime.reading_import import Loaded, ask_recount, load, store_by_weeks
from runtime.stores import open_reading_store
from storage.embedded_table import checked
from storage.event_store import EventStore
from storage.meter_store import MeterStore
from storage.reading_store import END_MS, ReadingStore
from storage.registry_store import RegistryStore

import_app = typer.Typer(add_completion=False, no_args_is_help=True, help="Registry, readings or events from files.")
export_app = typer.Typer(add_completion=False, no_args_is_help=True, help="Readings to files.")

_EVENTS_AT_ONCE = 5_000
_DEVICES_AT_ONCE = 50
_TYPES = {
    "device_id": pa.string(),
    "metric": pa.string(),
    "ts_ms": pa.int64(),
    "value": pa.float64(),
    "quality": pa.int16(),
    "time": pa.timestamp("ms", tz="UTC"),
}

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object")]
Config = Annotated[Path | None, typer.Option("--config", help="The settings file; default caretaker.toml")]
InFile = Annotated[Path, typer.Argument(metavar="FILE", help="The file to read")]
_Made = TypeVar("_Made")


@import_app.callback()
def _import() -> None:
    """Registry, readings or events from files. Repeating an import does no harm."""


@export_app.callback()
def _export() -> None:
    """Readings to files."""


@import_app.command("readings")
def import_readings(  # noqa: PLR0913 - each is an option of the command line
    file: InFile,
    *,
    device: Annotated[str, typer.Option("--device", help="Of all rows, where no column names it")] = "",
    metric: Annotated[str, typer.Option("--metric", help="Of all rows, where no column names it")] = "",
    unit: Annotated[str, typer.Option("--unit", help="Of the values, where it is not the metric's own: Wh, L, kW ...")] = "",
    any_device: Annotated[bool, typer.Option("--any-device", help="Also devices that are not in the registry")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would come of it")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Columns device_id, metric, value, ts_ms (epoch ms) or time, quality (.parquet, .csv), or any .csv or .xlsx whose columns
    are named as people do (meter, date, reading; 表号, 抄表时间, 读数).

    Meters' hours in that time are counted again, by the analytics process that runs or the next one.

    Example: caretaker import readings march.xlsx --metric water.volume --dry-run
    """
    given = Plan(time="", value="", device=device or None, metric=metric or None, unit=unit or None)
    settings = configuration.load(config)
    with ready_database(settings) as database:
        known = None if any_device else frozenset(RegistryStore(database).load().devices)
        loaded = _loaded(file, replace(given, timezone=settings.site.timezone), known)
        if not dry_run:
            with closing(open_reading_store(settings)) as store, _progress() as progress:
                task = progress.add_task(f"{len(loaded.table):,} readings", total=len(loaded.table))
                for count in store_by_weeks(store, loaded.table):
                    progress.advance(task, count)
            ask_recount(MeterStore(database), loaded.table, datetime.now(UTC))
    for problem in loaded.problems:
        typer.echo(f"{file} row {problem.row} {problem.column}: {problem.message}", err=True)
    done = {"file": str(file), "readings": len(loaded.table), "rejected": loaded.rejected, "dry_run": dry_run}
    refused = f", {loaded.rejected:,} rows refused" if loaded.rejected else ""
    _report(done, f"{file}: {len(loaded.table):,} readings{refused}{' (nothing stored)' if dry_run else ''}", as_json=as_json)


@import_app.command("registry")
def import_registry(file: InFile, *, as_json: AsJson = False, config: Config = None) -> None:
    """{"spaces": [...], "devices": [...]} with the fields of the data model; what is there under the same id is replaced.

    Example: caretaker import registry campus.json
    """
    spaces, devices = read_registry(file)
    with ready_database(configuration.load(config)) as database:
        _placed(file, lambda: RegistryStore(database).save(spaces, devices))
    done = {"file": str(file), "spaces": len(spaces), "devices": len(devices)}
    _report(done, f"{file}: {len(spaces):,} spaces, {len(devices):,} devices", as_json=as_json)


@import_app.command("events")
def import_events(file: InFile, *, as_json: AsJson = False, config: Config = None) -> None:
    """JSON Lines of {"device_id", "type", "ts_ms", "attributes"}. Example: caretaker import events doors.jsonl"""
    events = read_events(file)
    parts = [events[start : start + _EVENTS_AT_ONCE] for start in range(0, len(events), _EVENTS_AT_ONCE)]
    with ready_database(configuration.load(config)) as database, _progress() as progress:
        store = EventStore(database)
        new = sum(store.append(part) for part in progress.track(parts, description=f"{len(events):,} events"))
    done = {"file": str(file), "events": len(events), "new": new}
    _report(done, f"{file}: {len(events):,} events, {new:,} of them new", as_json=as_json)


@export_app.command("readings")
def export_readings(  # noqa: PLR0913 - each is an option of the command line
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, .parquet or .csv")],
    *,
    device: Annotated[list[str] | None, typer.Option("--device", help="Device id; more than once; default all")] = None,
    metric: Annotated[list[str] | None, typer.Option("--metric", help="More than once; default all")] = None,
    start: Annotated[str | None, typer.Option("--from", help="ISO 8601 with an offset; default the first reading")] = None,
    end: Annotated[str | None, typer.Option("--until", help="ISO 8601 with an offset, not included; default the last")] = None,
    readable: Annotated[bool, typer.Option("--readable", help="With units, local times and words of quality, for people")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Readings in the form that `caretaker import readings` takes, or with --readable as people read them.

    Example: caretaker export readings march.csv --metric elec.energy.import --from 2026-03-01T00:00+08:00
    """
    span = (0 if start is None else _moment(start, "--from"), END_MS if end is None else _moment(end, "--until"))
    _format(file)
    settings = configuration.load(config)
    devices = device or _all_devices(config)
    with closing(open_reading_store(settings)) as store, _progress() as progress:
        chunks = [devices[first : first + _DEVICES_AT_ONCE] for first in range(0, len(devices), _DEVICES_AT_ONCE)]
        frames = (_frame(store, chunk, metric, span) for chunk in progress.track(chunks, description=str(file)))
        rows = write_readable(file, frames, ZoneInfo(settings.site.timezone)) if readable else write_frames(file, frames)
    _report({"file": str(file), "readings": rows}, f"{file}: {rows:,} readings", as_json=as_json)


# ---- files


def _loaded(file: Path, given: Plan, known: frozenset[str] | None) -> Loaded:
    """Our own columns at the speed of Arrow, as ever of any device; other tables row by row, by a guessed plan."""
    if file.suffix == ".parquet" or (file.suffix == ".csv" and _has_own_columns(file)):
        table = _placed(file, lambda: checked(read_table(file)))
        return Loaded(table=table, rows=len(table), rejected=0, problems=())
    if file.suffix not in {".csv", ".xlsx"}:
        _format(file)
    data = _read(file)
    columns = open_table(data, file.name).columns
    plan = guess(columns, timezone=given.timezone, metric=given.metric, device=given.device)
    if plan is None:
        raise BadInput(f"no column is named like a time and a value; found {', '.join(columns[:20])}", place=str(file))
    return _placed(file, lambda: load(data, file.name, replace(plan, unit=given.unit), known))


def _has_own_columns(file: Path) -> bool:
    first = _read(file).split(b"\n", 1)[0].strip().removeprefix(b"\xef\xbb\xbf").replace(b'"', b"")
    return bool({b"device_id", b"metric", b"ts_ms"} & set(first.split(b",")))


_COLUMNS_EXPECTED = "expected are the columns device_id, metric, ts_ms (or time with an offset), value and, if you like, quality"


def read_table(file: Path) -> pa.Table:
    """The readings of a .parquet or .csv file, with ts_ms. Raises BadInput naming the file and, for CSV, the row."""
    reader = {".parquet": pq.read_table, ".csv": _read_csv}[_format(file)]
    try:
        table = reader(file)
    except (OSError, pa.ArrowException) as error:
        wrong = str(error).replace(str(file), "the file")
        raise BadInput(f"cannot be read: {wrong}; {_COLUMNS_EXPECTED}", place=str(file)) from None
    if not {"ts_ms", "time"} & set(table.column_names):
        raise BadInput(f"it has neither a column ts_ms nor time; {_COLUMNS_EXPECTED}", place=str(file))
    if "ts_ms" not in table.column_names and "time" in table.column_names:
        times = table["time"].cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64())
        table = table.append_column("ts_ms", times)
    return table


def read_registry(file: Path) -> tuple[list[Space], list[Device]]:
    document = _json(file, _read(file))
    if not isinstance(document, dict) or not document.keys() <= {"spaces", "devices"}:
        raise BadInput('the file must be {"spaces": [...], "devices": [...]}', place=str(file))
    spaces = [_made(Space, entry, f"{file}: spaces[{n}]") for n, entry in enumerate(document.get("spaces", []))]
    devices = [_made(Device, entry, f"{file}: devices[{n}]") for n, entry in enumerate(document.get("devices", []))]
    return spaces, devices


def read_events(file: Path) -> list[Event]:
    lines = _read(file).splitlines()
    events = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            event = _made(Event, _json(f"{file}:{number}", line), f"{file}:{number}")
            if not 0 <= event.ts_ms < END_MS:
                raise BadInput("ts_ms lies outside 1970-2099 (epoch milliseconds UTC)", place=f"{file}:{number}")
            events.append(event)
    return events


def write_frames(file: Path, frames: Iterator[pd.DataFrame]) -> int:
    """One file of all frames, in place only when it is complete; returns the rows."""
    draft = file.with_name(f".{file.name}.draft")
    rows = 0
    try:
        with _writer(draft, _format(file)) as write:
            for frame in frames:
                write(pa.Table.from_pandas(frame, schema=_OUT, preserve_index=False))
                rows += len(frame)
        draft.replace(file)
    except OSError as error:
        raise BadInput(f"cannot be written: {error.strerror or error}", place=str(file)) from None
    finally:
        draft.unlink(missing_ok=True)
    return rows


def write_readable(file: Path, frames: Iterator[pd.DataFrame], zone: ZoneInfo) -> int:
    """As `write_frames`, with unit, time in `zone` and words of quality."""
    draft, counted = file.with_name(f".{file.name}.draft"), _Counted(frames)
    try:
        if _format(file) == ".parquet":
            draft.write_bytes(parquet_bytes(iter(counted), zone))
        else:
            with draft.open("w", encoding="utf-8", newline="") as out:
                out.writelines(csv_lines(iter(counted), zone, byte_order_mark=True))
        draft.replace(file)
    except OSError as error:
        raise BadInput(f"cannot be written: {error.strerror or error}", place=str(file)) from None
    finally:
        draft.unlink(missing_ok=True)
    return counted.rows


class _Counted:
    """Frames as they pass, and how many rows they had."""

    def __init__(self, frames: Iterator[pd.DataFrame]) -> None:
        self._frames = frames
        self.rows = 0

    def __iter__(self) -> Iterator[pd.DataFrame]:
        for frame in self._frames:
            self.rows += len(frame)
            yield frame


_OUT = pa.schema([(name, _TYPES[name]) for name in ("device_id", "metric", "ts_ms", "value", "quality")])


@contextmanager
def _writer(path: Path, suffix: str) -> Iterator[Callable[[pa.Table], None]]:
    if suffix == ".parquet":
        with pq.ParquetWriter(path, _OUT, compression="zstd") as parquet:
            yield parquet.write_table
    else:
        with pacsv.CSVWriter(path, _OUT) as csv:
            yield csv.write_table


def _read_csv(file: Path) -> pa.Table:
    convert = pacsv.ConvertOptions(column_types=_TYPES)
    return pacsv.read_csv(file, read_options=pacsv.ReadOptions(use_threads=False), convert_options=convert)


def _format(file: Path) -> str:
    if file.suffix not in {".parquet", ".csv"}:
        raise BadInput(
            f"the kind {file.suffix or 'of file'!r} is not known; use a name that ends in .parquet or .csv", place=str(file)
        )
    return file.suffix


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", place=str(file)) from None


def _json(place: object, text: bytes) -> Any:  # noqa: ANN401 - whatever the file holds
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise BadInput(f"not valid JSON: {error}", place=str(place)) from None


def _made(kind: type[_Made], entry: object, place: str) -> _Made:
    """The dataclass `kind` from a JSON object; fields it does not have are refused."""
    if isinstance(entry, Mapping):
        place = f"{place} ({entry['id']})" if entry.get("id") else place
        known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
        unknown = sorted(entry.keys() - set(known))
        if unknown:
            raise BadInput(f"unknown field {unknown[0]!r}; the fields are {', '.join(known)}", place=place)
    try:
        return msgspec.convert(entry, kind)
    except msgspec.ValidationError as error:
        raise BadInput(str(error), place=place) from None


# ---- small things


def _frame(store: ReadingStore, devices: Sequence[str], metrics: Sequence[str] | None, span: tuple[int, int]) -> pd.DataFrame:
    names = metrics or sorted({reading.metric for reading in store.latest(devices)})
    return store.frame(devices, names, *span)


def _all_devices(config: Path | None) -> list[str]:
    with ready_database(configuration.load(config)) as database:
        return list(RegistryStore(database).load().devices)


def _moment(text: str, place: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadInput(f"{text!r} is no moment; write ISO 8601 with an offset, 2026-11-21T08:00:00+08:00", place=place)
    return int(moment.astimezone(UTC).timestamp() * 1000)


def _placed(file: Path, act: Callable[[], _Made]) -> _Made:
    """Names the file in what the store has to say about its rows."""
    try:
        return act()
    except BadInput as error:
        raise BadInput(str(error), place=str(file)) from None


def _progress() -> Progress:
    return Progress(console=Console(stderr=True), transient=True)


def _report(done: Mapping[str, object], line: str, *, as_json: bool) -> None:
    typer.echo(json.dumps(done, ensure_ascii=False) if as_json else line)
