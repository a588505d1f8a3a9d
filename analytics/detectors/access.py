"""Cards at doors: what the events of all doors of a site, looked at together, say about how they are used."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from analytics.finding import Finding, FindingKind
from analytics.sighting import Sighting, Sightings, Story, end, over, resumed, see
from devices.model import Device, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessParams:
    """Counts and seconds. `denied` refusals at one door within `denied_s`: a burst. A card twice at one door within `twice_s`
    with no exit between: passed back. A card at two doors of one building within `apart_s`: shared, nobody is that fast.
    Between buildings: `travel_s` at least, or the way between the doors' attributes `x_m`, `y_m` at `metres_per_s`.
    `follow_s`: a door that opens again so soon after it shut, without another card (vedantgu1997/tailgating: 3 s).
    `exits` in a row without a card in `reader_s`, where `usual` cards came before: the reader is dead.
    """

    denied: int = 5
    denied_s: float = 120.0
    twice_s: float = 60.0
    apart_s: float = 8.0
    travel_s: float = 30.0
    metres_per_s: float = 7.0
    follow_s: float = 3.0
    grant_s: float = 15.0
    exits: int = 30
    reader_s: float = 43_200.0
    usual: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorPlace:
    """Where the door is. `open_now`: whether its space is in use at this hour (analytics.calendar); True where nobody minds."""

    building: str
    open_now: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CardUse:
    """The last use of a card: never shown, only compared."""

    device: Device
    building: str
    ts_ms: int
    inwards: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorUse:
    """One door's: times of refusals; the last grant, whether it was used up, when it shut; cards and exits counted."""

    denied_ms: tuple[int, ...] = ()
    grant_ms: int | None = None
    used: bool = False
    shut_ms: int | None = None
    cards: int = 0
    exits: int = 0
    card_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessState:
    """All doors and cards of a site. `cards` by pseudonym; only those of the last minutes matter, the oldest are forgotten."""

    doors: Mapping[str, DoorUse] = field(default_factory=dict)
    cards: Mapping[str, CardUse] = field(default_factory=dict)
    sightings: Sightings = field(default_factory=dict)


DENIED = Story(
    kind=FindingKind.DOOR_DENIED_BURST,
    message="%(count)s refusals within %(seconds)s s at this door",
    cause="Somebody tries cards or codes; or the permissions of a group have just ended",
    score=0.6,
    quiet_s=300,
)
AFTER_HOURS = Story(
    kind=FindingKind.DOOR_AFTER_HOURS,
    message="Entry with a card while the place is closed",
    cause="Overtime or cleaning that nobody announced; or somebody who should not be there",
    score=0.4,
    quiet_s=1800,
)
LOST = Story(
    kind=FindingKind.DOOR_LOST_CARD,
    message="A card reported as lost was used",
    cause="The finder tries it; or the owner has found it and not said so",
    score=0.8,
    quiet_s=600,
)
SHARED = Story(
    kind=FindingKind.DOOR_CARD_SHARED,
    message="One card at two doors of the building within %(seconds)s s",
    cause="A copied or lent card; or the clocks of two controllers differ",
    score=0.5,
    quiet_s=600,
)
TRAVEL = Story(
    kind=FindingKind.DOOR_IMPOSSIBLE_TRAVEL,
    message="One card in two buildings within %(seconds)s s, the way takes at least %(least_s)s s",
    cause="A copied card; or the clocks of two controllers differ",
    score=0.7,
    quiet_s=600,
)
PASS_BACK = Story(
    kind=FindingKind.DOOR_PASS_BACK,
    message="The same card let somebody in twice within %(seconds)s s",
    cause="The card was handed back to a second person",
    score=0.4,
    quiet_s=600,
)
TAILGATE = Story(
    kind=FindingKind.DOOR_TAILGATING,
    message="The door opened twice on one card",
    cause="Somebody followed; only a hint, a door that swings back looks the same",
    score=0.2,
    quiet_s=600,
)
READER = Story(
    kind=FindingKind.DOOR_READER_DEAD,
    message="People go out, but no card was read for %(hours)s hours",
    cause="The reader is dead or its cable is off; people may be using another door",
    score=0.6,
)
STORIES = {one.kind: one for one in (DENIED, AFTER_HOURS, LOST, SHARED, TRAVEL, PASS_BACK, TAILGATE, READER)}

_LOST_REASONS = frozenset({"lost_card", "card_lost", "reported_lost", "lost", "stolen"})
_REFUSALS = frozenset({"access.denied", "access.unknown_card"})
_EXITS = frozenset({"door.exit_request"})
_REMEMBERED = 5000
DEFAULTS = AccessParams()
_Step = tuple[AccessState, list[Finding]]


def step(state: AccessState, event: Event, device: Device, place: DoorPlace, params: AccessParams = DEFAULTS) -> _Step:
    """One event of any door, by time; what it shows. Bursts of people at the class bell are cards, not refusals: normal.

    For: card readers that report `access.granted`, `access.denied` with a person's pseudonym. Fails: cards used in a queue by
    one person for others look passed back, and are; controllers whose clocks differ make travel look impossible;
    readers that name nobody only show refusals and closed hours. Reference: none public (datasets.md: advice only); the
    figures are assumptions, the tailgate gap is vedantgu1997/tailgating's.
    """
    door = state.doors.get(device.id, DoorUse())
    found: list[Sighting] = []
    if event.type in _REFUSALS:
        door, found = _denied(door, event, device, params)
    elif event.type == "access.granted" or event.type in _EXITS:
        found = [*_card(state, event, device, place, params), *_closed(event, device, place), *_lost(event, device)]
        door, dead = _counted(door, event, device, params)
        found += dead
        state = _remember(state, event, device, place)
    elif event.type in {"door.opened", "door.closed", "access.tailgating"}:
        door, found = _moved(door, event, device, params)
    state = replace(state, doors={**state.doors, device.id: door})
    state, said = _see(state, found)
    return _revived(state, event, device, said)


def tick(state: AccessState, now_ms: int) -> _Step:
    """Ends what has been quiet for long enough."""
    sightings, ended = over(state.sightings, now_ms)
    return (replace(state, sightings=sightings) if ended else state), ended


def resume(state: AccessState, finding: Finding, device: Device) -> AccessState:
    """The state in which `finding` is going on, so that its end is said after a restart too."""
    return replace(state, sightings=resumed(state.sightings, finding, device, STORIES))


def _at(story: Story, event: Event, device: Device, **facts: str | float) -> Sighting:
    return Sighting(story=story, device=device, started_ms=event.ts_ms, seen_ms=event.ts_ms, facts=facts)


def _see(state: AccessState, found: list[Sighting]) -> _Step:
    sightings, said = state.sightings, list[Finding]()
    for one in found:
        sightings, finding = see(sightings, one)
        said += [finding] if finding is not None else []
    return replace(state, sightings=sightings), said


def _denied(door: DoorUse, event: Event, device: Device, params: AccessParams) -> tuple[DoorUse, list[Sighting]]:
    recent = (*(ms for ms in door.denied_ms if 0 <= event.ts_ms - ms <= params.denied_s * 1000), event.ts_ms)
    found = _lost(event, device)
    if len(recent) >= params.denied:
        seconds = round((event.ts_ms - recent[0]) / 1000)
        begun = _at(DENIED, event, device, count=len(recent), seconds=seconds)
        found.append(replace(begun, started_ms=recent[0]))
    return replace(door, denied_ms=recent[-4 * params.denied :]), found


def _lost(event: Event, device: Device) -> list[Sighting]:
    return [_at(LOST, event, device)] if event.attributes.get("reason") in _LOST_REASONS else []


def _inwards(event: Event) -> bool:
    return event.attributes.get("direction", "in") != "out" and event.type not in _EXITS


def _closed(event: Event, device: Device, place: DoorPlace) -> list[Sighting]:
    """By card or code only: who leaves late, or is let in by a button, is not asked."""
    return [_at(AFTER_HOURS, event, device)] if _inwards(event) and person_of(event) and not place.open_now else []


def person_of(event: Event) -> str | None:
    """Of whoever it was, the first word that tells him apart: only compared, never shown."""
    words = (event.attributes.get(name) for name in ("person", "user", "card"))
    return next((word for word in words if isinstance(word, str) and word), None)


def _card(state: AccessState, event: Event, device: Device, place: DoorPlace, params: AccessParams) -> list[Sighting]:
    """What two uses of one card say."""
    last = state.cards.get(person_of(event) or "")
    if last is None or event.ts_ms < last.ts_ms:
        return []
    seconds = (event.ts_ms - last.ts_ms) / 1000
    if place.building != last.building:
        least_s = _way_s(device, last.device, params)
        facts = {"seconds": round(seconds), "least_s": round(least_s)}
        return [_at(TRAVEL, event, device, **facts)] if seconds < least_s else []
    if device.id != last.device.id:
        return [_at(SHARED, event, device, seconds=round(seconds))] if seconds < params.apart_s else []
    twice = last.inwards and _inwards(event) and 2 <= seconds < params.twice_s  # within 2 s it is one card read twice
    return [_at(PASS_BACK, event, device, seconds=round(seconds))] if twice else []


def _way_s(one: Device, other: Device, params: AccessParams) -> float:
    try:
        dx, dy = (float(one.attributes[name]) - float(other.attributes[name]) for name in ("x_m", "y_m"))
    except (KeyError, ValueError):
        return params.travel_s
    return float((dx * dx + dy * dy) ** 0.5 / params.metres_per_s)


def _remember(state: AccessState, event: Event, device: Device, place: DoorPlace) -> AccessState:
    person = person_of(event)
    if person is None:
        return state
    others = {name: use for name, use in state.cards.items() if name != person}
    while len(others) >= _REMEMBERED:
        del others[next(iter(others))]
    use = CardUse(device=device, building=place.building, ts_ms=event.ts_ms, inwards=_inwards(event))
    return replace(state, cards={**others, person: use})


def _counted(door: DoorUse, event: Event, device: Device, params: AccessParams) -> tuple[DoorUse, list[Sighting]]:
    """Cards and exits; many exits and no card for half a day, at a door where cards are usual: the reader."""
    if person_of(event):
        return replace(door, grant_ms=event.ts_ms, used=False, cards=door.cards + 1, exits=0, card_ms=event.ts_ms), []
    door = replace(door, grant_ms=event.ts_ms, used=False, exits=door.exits + 1)
    if door.card_ms is None or door.cards < params.usual or door.exits < params.exits:
        return door, []
    quiet_ms = event.ts_ms - door.card_ms
    if quiet_ms < params.reader_s * 1000:
        return door, []
    begun = _at(READER, event, device, hours=round(quiet_ms / 3_600_000, 1))
    return door, [replace(begun, started_ms=door.card_ms)]


def _moved(door: DoorUse, event: Event, device: Device, params: AccessParams) -> tuple[DoorUse, list[Sighting]]:
    if event.type == "access.tailgating":
        return door, [_at(TAILGATE, event, device)]
    if event.type == "door.closed":
        return replace(door, shut_ms=event.ts_ms), []
    granted = door.grant_ms is not None and 0 <= event.ts_ms - door.grant_ms <= params.grant_s * 1000
    again = door.used and door.shut_ms is not None and 1000 <= event.ts_ms - door.shut_ms <= params.follow_s * 1000
    return replace(door, used=True), [_at(TAILGATE, event, device)] if granted and again else []


def _revived(state: AccessState, event: Event, device: Device, said: list[Finding]) -> _Step:
    """A card that is read again ends the dead reader."""
    if event.type not in {"access.granted", "access.denied"} or not person_of(event):
        return state, said
    key = (FindingKind.DOOR_READER_DEAD, device.id)
    sightings, ended = end(state.sightings, key, event.ts_ms)
    return replace(state, sightings=sightings), [*said, *([ended] if ended is not None else [])]
