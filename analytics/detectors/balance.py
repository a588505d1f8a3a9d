"""A main meter that counts more, or less, than the meters beneath it together."""

from dataclasses import dataclass

import numpy as np

from analytics.arrays import Bools, Ints, median_of
from analytics.balance import Balance
from analytics.episodes import Episode, Run
from analytics.finding import Finding, FindingKind
from analytics.view import Story, View, tell

ACCURACY = {"electricity": 0.01, "water": 0.02}
"""Largest permissible error of an active-energy meter of class 1 (IEC 62053-21) and of a water meter of class 2 (ISO 4064)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceParams:
    """For `days` whole days in a row the unmetered rest stands `share` of the main, `deviations` of what the meters' accuracy
    allows and `scatter` of its own scatter from what it usually was; `least_*` a day is too little to say.

    Before anything is learned only more below than above is told, from `excess` of the main on: nothing comes from nowhere.
    """

    days: int = 4
    share: float = 0.1
    deviations: float = 3.0
    scatter: float = 5.0
    least_kwh: float = 20.0
    least_m3: float = 1.0
    excess: float = 0.15


PARAMS = BalanceParams()


def detect(view: View, params: BalanceParams = PARAMS) -> list[Episode]:
    """The main against the sum of its direct sub-meters, day by day, with the uncertainty of both.

    What for: a leak between main and floors, a branch that nobody meters, a sub-meter with a wrong factor or a lost phase, theft.
    When it fails: what was never metered is normal from the first day; a day in which one of the meters has a gap is left out.
    Reference: water balance of the IWA (Lambert and Hirner 2000); accuracy classes of ISO 4064 and IEC 62053.
    """
    if view.balance is None:
        return []
    balance = view.balance
    off = _off(balance, view.meter.quantity, params)
    known = np.isfinite(balance.unmetered)
    return [_tell(view, balance, run) for run in by_days(view.table.day, off, known, at_least=params.days)]


def persists(view: View, finding: Finding) -> bool:
    """The rest of the last known day still lies half of the difference beyond what it was."""
    if view.balance is None:
        return False
    rest = view.balance.unmetered[np.isfinite(view.balance.unmetered)]
    usual, changed = float(finding.facts.get("usual", 0.0)), float(finding.facts.get("changed", 0.0))
    return bool(rest.size and (rest[-1] - usual) * np.sign(changed) >= abs(changed) / 2 > 0)


def _off(balance: Balance, quantity: str, params: BalanceParams) -> Bools:
    least = params.least_kwh if quantity == "electricity" else params.least_m3
    with np.errstate(invalid="ignore"):
        limit = np.fmax(params.share * balance.main, params.deviations * ACCURACY[quantity] * balance.squares)
        limit = np.fmax(limit, np.fmax(least, params.scatter * balance.scatter))
        changed = np.abs(balance.unmetered - balance.usual) >= limit
        impossible = -balance.unmetered >= np.fmax(limit, params.excess * balance.main)
    return np.where(np.isfinite(balance.usual), changed, impossible)


def by_days(day_of_hour: Ints, off: Bools, known: Bools, *, at_least: int) -> list[Run]:
    """Runs of days as runs of hours; sure at the end of the `at_least`-th day. Days that are not known are passed over."""
    ends: Ints = np.searchsorted(day_of_hour, np.arange(off.size), side="right") - 1
    found: list[Run] = []
    row: list[int] = []
    for day in [*np.flatnonzero(known).tolist(), -1]:
        if day >= 0 and off[day]:
            row.append(day)
            continue
        if len(row) >= at_least:
            first = int(ends[row[0] - 1]) + 1 if row[0] else 0
            found.append(Run(first=first, last=int(ends[row[-1]]), sure=int(ends[row[at_least - 1]]), open=day < 0))
        row = []
    return found


def _tell(view: View, balance: Balance, run: Run) -> Episode:
    span = slice(int(view.table.day[run.first]), int(view.table.day[run.last]) + 1)
    rest, usual, main = (median_of(series[span]) for series in (balance.unmetered, balance.usual, balance.main))
    changed = rest - usual
    more = changed > 0
    return tell(
        view,
        run,
        Story(
            kind=FindingKind.METER_BALANCE,
            message="The main counts %(rest)s %(unit)s a day that no sub-meter counts; usual are %(usual)s"
            if more
            else "The sub-meters count %(less)s %(unit)s a day more than they should against their main",
            cause="A loss or an unmetered branch behind the main, or a sub-meter that counts too little"
            if more
            else "A sub-meter with a wrong factor, or a main that counts too little",
            score=min(0.4 + abs(changed) / max(main, 0.1), 1.0),
            facts={
                "rest": round(rest, 1),
                "usual": round(usual, 1),
                "changed": round(changed, 1),
                "less": round(-changed, 1),
                "unit": view.meter.unit,
            },
            wasted_per_hour=max(changed, 0.0) / 24 if view.meter.quantity == "water" else 0.0,
        ),
    )
