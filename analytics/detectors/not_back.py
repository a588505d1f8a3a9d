"""Who of a dormitory is not back at night: a count for the warden's round. Names and pseudonyms are never told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from analytics.calendar import Calendar, DayClass
from analytics.episodes import moment
from analytics.finding import Finding, FindingKind
from analytics.sighting import Sighting, Sightings, Story, over, see
from devices.model import Device


@dataclass(frozen=True, slots=True, kw_only=True)
class NotBackParams:
    """Asked at `curfew_minute` of the local day. Who came in on `nights` different days lives there; who was not seen for
    `forget_days` has moved out. `people` missing are the fewest that are told."""

    curfew_minute: int = 1410
    nights: int = 3
    forget_days: int = 7
    people: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """A grant in a dormitory's building. `inwards`: at a door into it, or at any door within."""

    building: str
    person: str
    ts_ms: int
    inwards: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """The last grant of somebody, and the last local days on which he came in, at most `nights` of them."""

    last_ms: int
    inwards: bool
    days: tuple[date, ...] = ()


People = Mapping[str, Mapping[str, Resident]]
"""By building, by pseudonym."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotBackState:
    """`asked`: the last local day that was asked about."""

    people: People = field(default_factory=dict)
    asked: date | None = None
    sightings: Sightings = field(default_factory=dict)


STORY = Story(
    kind=FindingKind.DOOR_NOT_BACK,
    message="%(count)s residents of this building are not back at %(clock)s",
    cause="Late, away with leave, or came in behind somebody without a card",
    score=0.3,
    quiet_s=6.5 * 3600,
)
DEFAULTS = NotBackParams()
_AWAY = frozenset({DayClass.HOLIDAY, DayClass.VACATION})
_AT_MOST = 20_000


def step(state: NotBackState, passed: Passed, zone: ZoneInfo, params: NotBackParams = DEFAULTS) -> NotBackState:
    """One grant more. What is older than the last one of that person only adds its day."""
    inside = state.people.get(passed.building, {})
    known = inside.get(passed.person)
    if known is None and len(inside) >= _AT_MOST:
        return state
    now = _after(known, passed, zone, params)
    return replace(state, people={**state.people, passed.building: {**inside, passed.person: now}})


def recalled(past: Iterable[Passed], zone: ZoneInfo, params: NotBackParams = DEFAULTS) -> People:
    """What stored grants, in any order, say of everybody: for a start that is to lose no night."""
    people: dict[str, dict[str, Resident]] = {}
    for passed in past:
        inside = people.setdefault(passed.building, {})
        if passed.person in inside or len(inside) < _AT_MOST:
            inside[passed.person] = _after(inside.get(passed.person), passed, zone, params)
    return people


def joined(state: NotBackState, past: People, params: NotBackParams = DEFAULTS) -> NotBackState:
    """With what was recalled: of each person the later word stands, and the days of both count."""
    people = {building: dict(inside) for building, inside in state.people.items()}
    for building, inside in past.items():
        mine = people.setdefault(building, {})
        for person, before in inside.items():
            known = mine.get(person)
            last = before if known is None or known.last_ms < before.last_ms else known
            days = sorted({*before.days, *(known.days if known else ())})[-params.nights :]
            mine[person] = replace(last, days=tuple(days))
    return replace(state, people=people)


def _after(known: Resident | None, passed: Passed, zone: ZoneInfo, params: NotBackParams) -> Resident:
    day = moment(passed.ts_ms).astimezone(zone).date()
    days = known.days if known is not None else ()
    if passed.inwards and day not in days:
        days = tuple(sorted((*days, day)))[-params.nights :]
    if known is not None and passed.ts_ms < known.last_ms:
        return replace(known, days=days)
    return Resident(last_ms=passed.ts_ms, inwards=passed.inwards, days=days)


def tick(
    state: NotBackState, now_ms: int, doors: Mapping[str, Device], calendar: Calendar, params: NotBackParams = DEFAULTS
) -> tuple[NotBackState, list[Finding]]:
    """Once a night, from the curfew to midnight: how many residents of each building went out last, or were not seen for a day.

    `doors`: one door of each building that is asked about. For: dormitories whose doors tell the way in from the way out.
    Fails: people who come in behind others; the first nights after the doors were put up, before residents are known (after a
    restart they are recalled from the stored grants). Holidays, vacations and their eves, on which people leave, are left out.
    Reference: none public; the figures are assumptions.
    """
    sightings, found = over(state.sightings, now_ms)
    state = replace(state, sightings=sightings) if found else state
    local = moment(now_ms).astimezone(ZoneInfo(calendar.timezone))
    if local.hour * 60 + local.minute < params.curfew_minute or state.asked == local.date():
        return state, found
    state = replace(_forgotten(state, now_ms, params), asked=local.date())
    if {calendar.day_class(local.date()), calendar.day_class(local.date() + timedelta(days=1))} & _AWAY:
        return state, found
    clock = f"{params.curfew_minute // 60:02d}:{params.curfew_minute % 60:02d}"
    for building, door in sorted(doors.items()):
        count = missing(state, building, _eve_ms(local, params), params)
        if count >= params.people:
            facts: dict[str, str | float] = {"count": count, "clock": clock}
            one = Sighting(story=STORY, device=door, started_ms=now_ms, seen_ms=now_ms, facts=facts)
            sightings, said = see(state.sightings, one)
            state, found = replace(state, sightings=sightings), [*found, *([said] if said is not None else [])]
    return state, found


def missing(state: NotBackState, building: str, since_ms: int, params: NotBackParams = DEFAULTS) -> int:
    """How many residents went out last, or have used no card since `since_ms`."""
    residents = (one for one in state.people.get(building, {}).values() if len(one.days) >= params.nights)
    return sum(1 for one in residents if not one.inwards or one.last_ms < since_ms)


def resume(state: NotBackState, finding: Finding, device: Device) -> NotBackState:
    """So that its end is said after a restart too."""
    started_ms, seen_ms = (round(at.timestamp() * 1000) for at in (finding.started, finding.seen))
    one = Sighting(story=STORY, device=device, started_ms=started_ms, seen_ms=seen_ms, facts=finding.facts)
    return replace(state, sightings={**state.sightings, (finding.kind, device.id): one})


def _eve_ms(local: datetime, params: NotBackParams) -> int:
    """The curfew of the evening before, epoch ms."""
    eve = time(params.curfew_minute // 60, params.curfew_minute % 60)
    return round(datetime.combine(local.date() - timedelta(days=1), eve, local.tzinfo).timestamp() * 1000)


def _forgotten(state: NotBackState, now_ms: int, params: NotBackParams) -> NotBackState:
    """Without those who were not seen for long, or whose reader's clock is far ahead."""
    far_ms = params.forget_days * 86_400_000
    people = {
        building: {person: one for person, one in inside.items() if abs(now_ms - one.last_ms) <= far_ms}
        for building, inside in state.people.items()
    }
    return replace(state, people=people)
