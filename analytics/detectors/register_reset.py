"""A register that fell to about zero though it had not reached its end."""

from dataclasses import dataclass

from analytics.arrays import HOUR_MS
from analytics.episodes import Episode, Run
from analytics.finding import FindingKind
from analytics.ledger import LedgerNote, NoteKind
from analytics.view import Story, View, tell


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetParams:
    """The finding stays active for `shown_h` hours: nothing at the meter itself tells that somebody has looked after it."""

    shown_h: int = 24


PARAMS = ResetParams()


def detect(view: View, params: ResetParams = PARAMS) -> list[Episode]:
    """One finding per reset that the ledger noted; consumption went on from zero by itself.

    What for: swapped, tampered or restarted meters, whose index must be corrected for billing.
    When it fails: a reset near the register's end looks like a rollover. Reference: analytics.ledger.
    """
    return [_tell(view, note, params) for note in view.notes if note.kind is NoteKind.RESET and view.within(note)]


def shown(view: View, note: LedgerNote, params: ResetParams) -> Run:
    """The hours for which a finding about one moment of the register is shown."""
    at = min(int((note.to_ms - 1 - view.hourly.start_ms) // HOUR_MS), view.hourly.size - 1)
    over = at + params.shown_h
    return Run(first=at, last=min(over, view.hourly.size - 1), sure=at, open=over >= view.hourly.size)


def _tell(view: View, note: LedgerNote, params: ResetParams) -> Episode:
    return tell(
        view,
        shown(view, note, params),
        Story(
            kind=FindingKind.METER_REGISTER_RESET,
            message="The register fell from %(before)s to %(after)s %(unit)s",
            cause="The meter was swapped, restarted or tampered with",
            score=0.5,
            facts={"before": round(note.before, 3), "after": round(note.after, 3), "unit": view.meter.unit},
        ),
    )
