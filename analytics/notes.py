"""What a register did besides counting, each told apart, and how it is said to people."""

from dataclasses import dataclass
from enum import StrEnum


class NoteKind(StrEnum):
    ROLLOVER = "rollover"
    RESET = "reset"  # fell to about zero: consumption goes on from zero
    DROP = "drop"  # fell, but not to zero, and by more than can flow back: corrected or swapped; nothing is counted for the step
    REVERSED = "reversed"  # ran backwards as fast as it may run forwards: back-feed; nothing is counted for it
    GAP = "gap"  # no readings for a while: spread evenly
    ZERO_GLITCH = "zero_glitch"  # fell to zero and returned to its course: ignored
    SPIKE = "spike"  # leapt up and returned to its course: ignored
    GLITCH = "glitch"  # fell, not to zero, and returned to its course: ignored
    CATCH_UP = "catch_up"  # stood still, then jumped by what it had missed: spread over the stand-still
    JUMP = "jump"  # rose faster than it can count and stayed: swapped; nothing is counted for the step
    EXCHANGE = "exchange"  # a person entered that the meter was exchanged: counted to the old end, from the new start
    LATE = "late"  # arrived after younger readings; entered where they belong
    CLOCK = "clock"  # the device's clock was wrong; the time of arrival stands in its place


IGNORED = frozenset({NoteKind.ZERO_GLITCH, NoteKind.SPIKE, NoteKind.GLITCH})
UNENTERED_SWAP = frozenset({NoteKind.RESET, NoteKind.DROP, NoteKind.JUMP})
"""What an exchange of the meter looks like while nobody has entered it."""
RUNS = frozenset({NoteKind.REVERSED, NoteKind.LATE, NoteKind.CLOCK})
"""Notes that go on from reading to reading, so that two which touch are one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerNote:
    """What the register did between two readings; `before`, `after` and what was `counted` for it in the register's unit,
    times in epoch ms UTC."""

    kind: NoteKind
    from_ms: int
    to_ms: int
    before: float
    after: float
    counted: float = 0.0


@dataclass(frozen=True, slots=True)
class _Words:
    message: str


_SAID: dict[NoteKind, _Words] = {
    NoteKind.ROLLOVER: _Words(
        message="The register passed its last number and began again at zero: from %(before)s to %(after)s %(unit)s. "
        "%(counted)s %(unit)s were counted, nothing is lost."
    ),
    NoteKind.RESET: _Words(
        message="The register fell from %(before)s to %(after)s %(unit)s and counts on from there. "
        "%(counted)s %(unit)s were counted. If the meter was exchanged, enter it with both indices."
    ),
    NoteKind.DROP: _Words(
        message="The register fell from %(before)s to %(after)s %(unit)s and stayed there. Nothing was counted for the step. "
        "If the meter was exchanged, enter it with both indices."
    ),
    NoteKind.JUMP: _Words(
        message="The register rose from %(before)s to %(after)s %(unit)s, faster than this meter can count, and stayed there. "
        "Nothing was counted for the step. If the meter was exchanged, enter it with both indices."
    ),
    NoteKind.REVERSED: _Words(
        message="The register ran backwards from %(before)s to %(after)s %(unit)s: energy or water flowed back, or the meter is "
        "wired the wrong way round. Nothing was counted for it."
    ),
    NoteKind.GAP: _Words(
        message="No readings came while the register went from %(before)s to %(after)s %(unit)s. %(counted)s %(unit)s were spread "
        "evenly over this time and are marked as estimated."
    ),
    NoteKind.ZERO_GLITCH: _Words(
        message="For a moment the meter sent %(after)s instead of about %(before)s %(unit)s, then went on as before. "
        "These readings are ignored, nothing is lost."
    ),
    NoteKind.SPIKE: _Words(
        message="For a moment the meter leapt from %(before)s to %(after)s %(unit)s, then went on as before. "
        "These readings are ignored, nothing was counted for them."
    ),
    NoteKind.GLITCH: _Words(
        message="For a moment the meter fell from %(before)s to %(after)s %(unit)s, then went on as before. "
        "These readings are ignored, nothing is lost."
    ),
    NoteKind.CATCH_UP: _Words(
        message="The register stood still at %(before)s and then jumped to %(after)s %(unit)s. The %(counted)s %(unit)s that it "
        "had missed were spread evenly over the stand-still and are marked as estimated."
    ),
    NoteKind.EXCHANGE: _Words(
        message="The meter was exchanged: the old one ended at %(before)s, the new one began at %(after)s %(unit)s. "
        "Consumption goes on without a step."
    ),
    NoteKind.LATE: _Words(
        message="Readings from %(before)s to %(after)s %(unit)s arrived late and were entered in the hours to which they belong."
    ),
    NoteKind.CLOCK: _Words(
        message="The clock of the device was wrong while the register went from %(before)s to %(after)s %(unit)s. "
        "The time of arrival stands in its place, so the hours may be somewhat off."
    ),
}


def message(note: LedgerNote, unit: str) -> tuple[str, dict[str, str | float]]:
    """The sentence (a msgid) and what goes into its places."""
    figures = {"before": round(note.before, 3), "after": round(note.after, 3), "counted": round(note.counted, 3)}
    return _SAID[note.kind].message, {**figures, "unit": unit}
