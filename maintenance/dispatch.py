"""Who is sent: skill and shift are required, then the shortest list of jobs wins, a little helped by knowing the place."""

from collections.abc import Iterable
from dataclasses import dataclass

from maintenance.model import CrewMember, Trade

ZONE_WORTH_JOBS = 1.5
"""Being at home in the zone outweighs one open job more, not two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """`username` is None where nobody suits; `reason` says why this one, or why none."""

    username: str | None
    reason: str


def choose(trade: Trade, zone: str | None, crew: Iterable[CrewMember]) -> Assignment:
    """The best crew member for a trade in a zone. Equal scores go by name, so that the same question has one answer."""
    crew = tuple(crew)
    skilled = [member for member in crew if trade in member.trades]
    if not skilled:
        return Assignment(username=None, reason=f"nobody of {len(crew)} in the crew has the trade {trade}")
    present = [member for member in skilled if member.on_shift]
    if not present:
        return Assignment(username=None, reason=f"nobody with the trade {trade} is on shift: {_names(skilled)}")
    best = min(present, key=lambda member: (_score(member, zone), member.username))
    near = ", knows the zone" if zone is not None and best.zone == zone else ""
    return Assignment(username=best.username, reason=f"{trade}, {best.load} open jobs{near}, best of {len(present)}")


def _score(member: CrewMember, zone: str | None) -> float:
    return member.load - (ZONE_WORTH_JOBS if zone is not None and member.zone == zone else 0.0)


def _names(members: Iterable[CrewMember]) -> str:
    return ", ".join(sorted(member.username for member in members))
