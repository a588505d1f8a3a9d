"""Data folders of third parties through the shipped detectors, causally, with the shipped configuration; labels are never read."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from analytics.allowed import seen_in
from analytics.arrays import HOUR_MS, Floats, Ints
from analytics.book import known_hours
from analytics.calendar import Calendar
from analytics.detectors import heating
from analytics.episodes import Episode
from analytics.finding import FindingKind
from analytics.hourly import MAX_DAYS, on_grid
from analytics.ledger import LedgerNote, NoteKind
from analytics.meter import Meter
from analytics.scene import Scene
from analytics.site import Site
from analytics.watch import Watch
from devices.errors import BadInput
from devices.model import SpaceKind, UseType
from devices.profiles import Register
from runtime.partitions import map_partitions

CALENDAR = Calendar(timezone="UTC", holidays=(), vacations=())
"""The folders give local times without a zone and no school calendar."""
SILENT_INTERVALS = 3
COMMISSIONING_DAYS = 4
"""The folder's README: the first four days of every room are clean; what is in use in them is allowed (half have a microwave)."""
_HOUR = pd.Timedelta(hours=1)
_UNBOUNDED = Register(modulus=1e12, max_per_hour=1e9)


def dorm(directory: Path, scheduler: str = "") -> pd.DataFrame:
    """Columns room, start (when it was raised), end (when it was over), from dorm.parquet (room, timestamp, power_w)."""
    table = read_table(directory / "dorm.parquet", ["room", "timestamp", "power_w"])
    rooms = [
        (str(room), _ms(part["timestamp"]), part["power_w"].to_numpy(np.float64))
        for room, part in table.groupby("room", observed=True, sort=True)
    ]
    return pd.DataFrame(chain.from_iterable(map_partitions(_room, rooms, scheduler)), columns=["room", "start", "end"])


def _room(part: tuple[str, Ints, Floats]) -> list[dict[str, object]]:
    room, ts_ms, power = part
    taken_over = int(np.searchsorted(ts_ms, ts_ms[0] + COMMISSIONING_DAYS * 24 * HOUR_MS))
    if taken_over == ts_ms.size:  # less than that: everything is judged, by the words alone
        taken_over, allowed = 0, frozenset({"microwave"})
    else:
        allowed = seen_in(ts_ms[:taken_over], power[:taken_over])
    meter = _meter(room, "electricity", SpaceKind.ROOM, UseType.DORMITORY, allowed)
    found = _appliances(meter, ts_ms[taken_over:], power[taken_over:])
    return [{"room": room, "start": raised, "end": ended} for raised, ended in found]


def _appliances(meter: Meter, ts_ms: Ints, power: Floats) -> Iterator[tuple[pd.Timestamp, pd.Timestamp]]:
    state, scene, raised = heating.Heating(), Scene(meter=meter, site=Site(calendar=CALENDAR)), None
    for sample in zip(ts_ms.tolist(), power.tolist(), strict=True):
        state, finding = heating.step(state, sample, scene)
        if finding is not None and finding.active:
            raised = _stamp(finding.seen)
        elif finding is not None and raised is not None:
            yield raised, max(_stamp(finding.seen), raised)
            raised = None
    if raised is not None:
        yield raised, _stamp_ms(int(ts_ms[-1]))


def campus(directory: Path, scheduler: str = "") -> pd.DataFrame:
    """Columns meter, start, end, kind of campus.parquet (meter, kind, timestamp, value per hour in kWh or litres, NaN = gap)."""
    table = read_table(directory / "campus.parquet", ["meter", "kind", "timestamp", "value"])
    meters = [
        (str(name), str(kind), _ms(part["timestamp"]), part["value"].to_numpy(np.float64))
        for (name, kind), part in table.groupby(["meter", "kind"], observed=True, sort=True)
    ]
    found = chain.from_iterable(map_partitions(_campus_meter, meters, scheduler))
    return pd.DataFrame(found, columns=["meter", "start", "end", "kind"])


def _campus_meter(part: tuple[str, str, Ints, Floats]) -> list[dict[str, object]]:
    name, kind, ts_ms, value = part
    water = kind.startswith("water")
    meter = _meter(name, "water" if water else "electricity", SpaceKind.FLOOR, UseType.DORMITORY if water else UseType.TEACHING)
    value = value / (1000.0 if water else 1.0)
    episodes = _hourly(meter, ts_ms, value)
    rows: list[dict[str, object]] = [{"meter": name, **_hours_of(one), "kind": one.finding.kind} for one in episodes]
    dead = FindingKind.DEVICE_DEAD
    return rows + [{"meter": name, "start": start, "end": end, "kind": dead} for start, end in _silences(ts_ms, value)]


def _hours_of(episode: Episode) -> dict[str, pd.Timestamp]:
    """From the hour in which it was told to the last hour it speaks of: the folder names each hour by its start."""
    start = _stamp_ms(episode.raised_ms)
    return {"start": start, "end": max(start, _stamp(episode.finding.seen) - _HOUR)}


def _silences(ts_ms: Ints, value: Floats) -> Iterator[tuple[pd.Timestamp, pd.Timestamp]]:
    """Hours without a value, by the rule for dead devices: told when three intervals have passed in silence."""
    heard = np.append(ts_ms[np.isfinite(value)], ts_ms[-1:])
    for index in np.flatnonzero(np.diff(heard) > SILENT_INTERVALS * HOUR_MS):
        yield _stamp_ms(int(heard[index]) + SILENT_INTERVALS * HOUR_MS), _stamp_ms(int(heard[index + 1])) - _HOUR


def _hourly(meter: Meter, ts_ms: Ints, value: Floats) -> list[Episode]:
    """Year by year, since the detectors look back no further than MAX_DAYS; what two years both see is told once."""
    found: dict[tuple[str, int], Episode] = {}
    hours, end = ts_ms // HOUR_MS * HOUR_MS, int(ts_ms[-1])
    step_ms = MAX_DAYS // 2 * 24 * HOUR_MS
    notes = _falls(ts_ms, value)
    for last in range(end, int(ts_ms[0]), -step_ms):
        watch = Watch({meter.device_id: meter}, Site(calendar=CALENDAR))
        past = hours <= last
        hourly = on_grid(hours[past], np.maximum(value[past], 0.0), np.zeros(int(past.sum()), np.uint8))
        book = known_hours(watch.books[meter.device_id], hourly)
        watch.books[meter.device_id] = replace(book, notes=tuple(note for note in notes if note.to_ms <= last + HOUR_MS))
        for episode in watch.episodes(last + HOUR_MS):
            if last == end or episode.raised_ms <= last:
                found.setdefault((episode.finding.kind, episode.raised_ms), episode)
    return sorted(found.values(), key=lambda episode: episode.raised_ms)


def _falls(ts_ms: Ints, value: Floats) -> tuple[LedgerNote, ...]:
    """Hours in which the register went back: what the ledger would have noted of it."""
    with np.errstate(invalid="ignore"):
        back = np.flatnonzero(value < 0)
    return tuple(
        LedgerNote(
            kind=NoteKind.REVERSED, from_ms=int(ts_ms[at]), to_ms=int(ts_ms[at]) + HOUR_MS, before=-float(value[at]), after=0.0
        )
        for at in back
    )


def _meter(device_id: str, quantity: str, level: SpaceKind, use: UseType, allowed: frozenset[str] = frozenset()) -> Meter:
    return Meter(
        device_id=device_id,
        space_id=device_id,
        quantity=quantity,
        level=level,
        use=use,
        register=_UNBOUNDED,
        interval_s=10.0,
        allowed=allowed,
    )


def read_table(file: Path, columns: list[str]) -> pd.DataFrame:
    """Raises BadInput naming the file where it is missing, no Parquet, or lacks a column."""
    try:
        return pd.read_parquet(file, columns=columns)
    except FileNotFoundError:
        raise BadInput("there is no such file; give the folder of the data set", place=str(file)) from None
    except (ValueError, OSError) as error:
        raise BadInput(f"cannot be read: {error}; its columns must include {', '.join(columns)}", place=str(file)) from None


def _ms(stamps: pd.Series) -> Ints:
    return np.asarray(stamps.to_numpy().astype("datetime64[ms]").astype(np.int64))


def _stamp(at: object) -> pd.Timestamp:
    return pd.Timestamp(at).tz_convert(UTC).tz_localize(None)  # type: ignore[arg-type]


def _stamp_ms(ts_ms: int) -> pd.Timestamp:
    return pd.Timestamp(ts_ms, unit="ms")
