"""Where the embedded store keeps which day: file names, listings and the lock of each day.

`<root>/hot/2026-11-21.3f9a01c2.sqlite`: being written; the random part is never used twice, so a removed file's name stays dead
`<root>/sealed/2026-11-20.000004.parquet`: finished; the highest number is the valid one, lower ones are about to be removed
`<root>/locks/07`, `07.gate`: one of 32 locks (day modulo 32), shared while writing, exclusive while files are exchanged
"""

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_LOCKS = 32


def day_of(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - _EPOCH_ORDINAL


class Days:
    """The files of one store directory. Safe for many processes; holds no state but remembered names."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._hot, self._sealed, self._locks = root / "hot", root / "sealed", root / "locks"
        self._parsed: dict[str, tuple[int, str] | None] = {}
        for folder in (self._hot, self._sealed, self._locks):
            folder.mkdir(parents=True, exist_ok=True)

    def hot(self) -> dict[int, Path]:
        """Day → its hot file. List these before `sealed()`: a day may turn from hot to sealed in between, never back."""
        return {day: self._hot / name for day, name in self._named(self._hot)}

    def sealed(self) -> dict[int, Path]:
        newest: dict[int, str] = {}
        for day, name in self._named(self._sealed):
            if name > newest.get(day, ""):
                newest[day] = name
        return {day: self._sealed / name for day, name in sorted(newest.items())}

    def new_hot(self, day: int) -> Path:
        return self._hot / f"{_text(day)}.{secrets.token_hex(4)}.sqlite"

    def next_sealed(self, day: int) -> Path:
        current = self.sealed().get(day)
        number = int(current.name.split(".")[1]) + 1 if current else 1
        return self._sealed / f"{_text(day)}.{number:06d}.parquet"

    @contextmanager
    def lock(self, day: int, *, exclusive: bool) -> Iterator[None]:
        """Waits as long as it takes. The kernel drops the lock when its process dies.

        Everybody passes a gate first, and who wants the day alone stands in it while waiting: else steady writers would never
        let a sealer in.
        """
        name = f"{day % _LOCKS:02d}"
        kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        with _flock(self._locks / f"{name}.gate", fcntl.LOCK_EX) as leave_gate, _flock(self._locks / name, kind):
            leave_gate()
            yield

    def unfinished(self) -> set[int]:
        """Days with a file that somebody is making, or died over."""
        names = [path.name for folder in (self._hot, self._sealed) for path in folder.glob("*.draft")]
        return {day_of(date.fromisoformat(name.partition(".")[0])) for name in names}

    def sweep(self, day: int) -> None:
        """Removes what an earlier crash left of that day. Only under its exclusive lock."""
        valid = self.sealed().get(day)
        for path in self._sealed.glob(f"{_text(day)}.*"):
            if path != valid:
                path.unlink(missing_ok=True)
        hot = self.hot().get(day)
        for path in self._hot.glob(f"{_text(day)}.*"):
            if hot is None or not path.name.startswith(hot.name):
                path.unlink(missing_ok=True)

    def _named(self, folder: Path) -> Iterator[tuple[int, str]]:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
        for name in names:
            if name not in self._parsed:
                self._parsed[name] = _parse(name)
            found = self._parsed[name]
            if found is not None:
                yield found


@contextmanager
def _flock(path: Path, kind: int) -> Iterator[Callable[[], None]]:
    """Yields a function that unlocks before the end."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, kind)
        yield lambda: fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def remove_hot(path: Path) -> None:
    """The file first: what stays of a crash then belongs to nothing and is swept."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    fsync_folder(path.parent)


def fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _text(day: int) -> str:
    return date.fromordinal(day + _EPOCH_ORDINAL).isoformat()


def _parse(name: str) -> tuple[int, str] | None:
    day, _, rest = name.partition(".")
    with suppress(ValueError):
        if rest.endswith((".sqlite", ".parquet")):
            return day_of(date.fromisoformat(day)), name
    return None
