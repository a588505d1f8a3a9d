"""A register that counts backwards."""

from analytics.detectors.register_reset import PARAMS, ResetParams, shown
from analytics.episodes import Episode
from analytics.finding import FindingKind
from analytics.notes import LedgerNote, NoteKind
from analytics.view import Story, View, tell


def detect(view: View, params: ResetParams = PARAMS) -> list[Episode]:
    """One finding per stretch in which the ledger saw the register run backwards; it is shown for a day.

    What for: a failed check valve, a meter built in backwards, a transformer turned round, solar power fed back over an import
    register. When it fails: a small correction of the index looks the same; a fall within the register's step is not seen.
    Reference: backflow alarms of water meters (OMS / EN 13757 status), analytics.ledger.
    """
    return [_tell(view, note, params) for note in view.notes if note.kind is NoteKind.REVERSED and view.within(note)]


def _tell(view: View, note: LedgerNote, params: ResetParams) -> Episode:
    water = view.meter.quantity == "water"
    return tell(
        view,
        shown(view, note, params),
        Story(
            kind=FindingKind.METER_REVERSED,
            message="The register went back by %(amount)s %(unit)s",
            cause="Water flows backwards through a failed check valve, or the index was corrected"
            if water
            else "Power is fed back, a current transformer is turned round, or the index was corrected",
            score=0.6,
            facts={"amount": round(note.before - note.after, 3), "unit": view.meter.unit},
        ),
    )
