"""What the readers of handed-in tables share: headings in any language, places by name, errors by row and column."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from api.sheets import plain
from devices.errors import BadInput
from devices.registry import Registry
from ingest.tables import Row

SAMPLES = 20
Things = TypeVar("Things")
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T ].*)?")


class Problem(Exception):
    """What is wrong with one row: (column, message) of each."""

    def __init__(self, found: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{column}: {message}" for column, message in found))
        self.found = tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowError:
    """`row` as the spreadsheet counts."""

    row: int
    column: str
    message: str


@dataclass(slots=True, kw_only=True)
class Said(Generic[Things]):
    """What a table says, row by row: the things to store, the errors, the first rows as they were understood."""

    things: Things
    rows: int = 0
    skipped: int = 0
    errors: list[RowError] = field(default_factory=list)
    samples: list[dict[str, str]] = field(default_factory=list)

    def show(self, row: Row, keys: Mapping[str, str]) -> None:
        if len(self.samples) < SAMPLES:
            self.samples.append({"#": str(row.number), **{name: cell for name, cell in row.cells.items() if name in keys and cell}})


def headings(columns: Sequence[str], known: Mapping[str, str]) -> dict[str, str]:
    """Column of the table → key. Raises BadInput where no column is known, or two mean the same."""
    by_name = {name.casefold().replace(" ", ""): key for name, key in known.items()}
    found = {column: by_name[name] for column in columns if (name := plain(column).casefold().replace(" ", "")) in by_name}
    if not found:
        raise BadInput(f"no column is known; name them {', '.join(dict.fromkeys(known.values()))}", place="row 1")
    keys = list(found.values())
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise BadInput(f"two columns mean {twice}; keep one", place="row 1")
    return found


def cells_of(row: Row, keys: Mapping[str, str]) -> dict[str, str]:
    """The known cells that are not empty."""
    return {keys[name]: plain(cell) for name, cell in row.cells.items() if name in keys and cell}


def times_off(text: str) -> str:
    """2026/3/2, 2026年3月2日 and Excel's 2026-03-02T00:00:00 as 2026-03-02; anything else as it is, to be refused by name."""
    found = _DATE.fullmatch(text)
    return f"{found[1]}-{int(found[2]):02d}-{int(found[3]):02d}" if found else text


def resolve_place(registry: Registry, text: str) -> str:
    """The id of a place told by its id, its name, or the names from the building down (实验楼/一层). Raises Problem."""
    if text in registry.spaces:
        return text
    *above, last = [part.strip() for part in re.split(r"[/›>]", text) if part.strip()] or [text]
    named = [space for space in registry.spaces.values() if last in {space.name, space.name_zh}]
    fits = [
        space.id
        for space in named
        if all(any(name in {step.name, step.name_zh} for step in registry.path(space.id)) for name in above)
    ]
    if len(fits) != 1:
        why = "there is no such place" if not fits else f"{len(fits)} places are called so; give the id or the building too"
        raise Problem([("space_id", f"{text!r}: {why}")])
    return fits[0]


def checked(number: int, problem: Problem | BadInput, keys: Mapping[str, str]) -> list[RowError]:
    """The errors of a row, their columns named as the table names them."""
    told = {key: column for column, key in keys.items()}
    if isinstance(problem, Problem):
        return [RowError(row=number, column=told.get(key, key), message=message) for key, message in problem.found]
    message, key = str(problem).removeprefix(f"{problem.place}: "), problem.place or ""
    return [RowError(row=number, column=told.get(key, key), message=message)]
