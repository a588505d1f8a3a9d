"""A register that rose faster, or fell further, than it can count, and stayed there."""

from analytics.detectors.register_reset import PARAMS, ResetParams, shown
from analytics.episodes import Episode
from analytics.finding import FindingKind
from analytics.notes import LedgerNote, NoteKind
from analytics.view import Story, View, tell


def detect(view: View, params: ResetParams = PARAMS) -> list[Episode]:
    """One finding per jump or drop that the ledger noted; it counted nothing for the step.

    What for: another meter under the same address, a mistyped index, a wrong unit or pulse value after a visit.
    When it fails: a jump that the meter's connection could have drawn is taken for use. Reference: analytics.ledger.
    """
    return [_tell(view, note, params) for note in view.notes if note.kind in (NoteKind.JUMP, NoteKind.DROP) and view.within(note)]


def _tell(view: View, note: LedgerNote, params: ResetParams) -> Episode:
    return tell(
        view,
        shown(view, note, params),
        Story(
            kind=FindingKind.METER_REGISTER_JUMP,
            message="The register jumped from %(before)s to %(after)s %(unit)s",
            cause="The meter was swapped or set anew, or its unit or pulse value was changed",
            score=0.5,
            facts={"before": round(note.before, 3), "after": round(note.after, 3), "unit": view.meter.unit},
        ),
    )
