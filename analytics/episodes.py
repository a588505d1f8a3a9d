"""Runs of suspicious hours into episodes: when one began, when it was sure, when it was over."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from analytics.arrays import Bools
from analytics.finding import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A finding with the moment it was first sure (`raised_ms`); an ended one has `finding.active` False."""

    finding: Finding
    raised_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Indices into the hours: suspicious from `first` to `last`; sure at the end of `sure`. `open`: not over yet."""

    first: int
    last: int
    sure: int
    open: bool


def runs(suspicious: Bools, *, at_least: int, clear_after: int = 1, known: Bools | None = None) -> list[Run]:
    """Runs with `at_least` suspicious hours in a row; over after `clear_after` known hours in a row without suspicion.

    Causal: what is said of an hour depends on no later one. Hours that are not `known` neither feed nor end a run.
    """
    known = np.ones(suspicious.size, np.bool_) if known is None else known
    found: list[Run] = []
    first, last, row, quiet, sure = -1, -1, 0, 0, -1
    for index in np.flatnonzero(known & _near(suspicious & known, clear_after, known)):
        at = int(index)
        if suspicious[at]:
            if row == 0 and sure < 0:
                first = at
            row, quiet, last = row + 1, 0, at
            if sure < 0 and row >= at_least:
                sure = at
            continue
        quiet += 1
        row = 0
        if sure >= 0 and quiet >= clear_after:
            found.append(Run(first=first, last=last, sure=sure, open=False))
            sure = -1
    if sure >= 0:
        found.append(Run(first=first, last=last, sure=sure, open=True))
    return found


def _near(suspicious: Bools, after: int, known: Bools) -> Bools:
    """Suspicious hours and the `after` known ones behind each: all others change nothing, so they are not walked."""
    if not suspicious.any():
        return suspicious
    position = np.cumsum(known)
    last_seen = np.maximum.accumulate(np.where(suspicious, position, -after - 1))
    near: Bools = np.less_equal(position - last_seen, after)
    return near


def moment(ts_ms: int) -> datetime:
    return datetime.fromtimestamp(ts_ms / 1000, UTC)
