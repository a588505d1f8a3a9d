"""Doors, fire devices and cold stores of a site looked at together: what one device alone cannot know. Values only, no clock."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from analytics import residents
from analytics.calendar import Calendar
from analytics.detectors import access, cold_chain, door_contact, fire_still, not_back, upkeep
from analytics.episodes import moment
from analytics.finding import Finding, FindingKind
from analytics.residents import Ways, ways_of
from analytics.tuning import Tuning
from devices.model import FIRE_KINDS, Device, DeviceKind, Event, Reading, SpaceKind, UseType
from devices.registry import Registry

FIRE_ALARMS = frozenset(
    {
        FindingKind.FIRE_SMOKE,
        FindingKind.FIRE_HEAT,
        FindingKind.FIRE_CO,
        FindingKind.FIRE_GAS,
        FindingKind.FIRE_CALL_POINT,
    }
)
RELEASES = {"fire.release": True, "doors.released": True, "door.released": False}
RELOCKS = {"fire.release.cleared": True, "doors.locked": True, "door.locked": False}
"""Events that release doors or lock them again: True where all of the building, False where this one."""
TEST_BEGINS, TEST_ENDS = frozenset({"test.begin", "drill.begin"}), frozenset({"test.end", "drill.end"})
METRICS = upkeep.METRICS | cold_chain.METRICS | fire_still.GAUGES
TEST_CAUSE = "An announced test or drill is on: see that it is only that"
KITCHEN_CAUSE = "Fire; or cooking steam and heat of the kitchen"
ORDINARY = Calendar()
AS_SHIPPED = Tuning()
_OPEN_ALWAYS = frozenset({UseType.DORMITORY, UseType.CAMPUS})


@dataclass(slots=True)
class _Known:
    """One device's memories. `building`: id of its building (or of the site), `zone`: of its floor or room's floor."""

    device: Device
    building: str
    zone: str
    use: UseType
    inside: bool = False
    contact: door_contact.ContactState = field(default_factory=door_contact.ContactState)
    health: upkeep.UpkeepState = field(default_factory=upkeep.UpkeepState)
    still: fire_still.StillState = field(default_factory=fire_still.StillState)
    cold: cold_chain.ColdState = field(default_factory=cold_chain.ColdState)
    access_params: access.AccessParams = access.DEFAULTS
    contact_params: door_contact.ContactParams = door_contact.DEFAULTS
    cold_params: cold_chain.ColdParams = cold_chain.DEFAULTS


class Lookout:
    """Mutable; owned by one loop, which hands it every sample of these devices in the order of arrival."""

    def __init__(self, registry: Registry, calendar: Calendar = ORDINARY, tuning: Tuning = AS_SHIPPED) -> None:
        self._calendar = calendar
        self._tuning = tuning
        self._zone_info = ZoneInfo(calendar.timezone)
        self._known: dict[str, _Known] = {}
        self._access = access.AccessState()
        self._not_back = not_back.NotBackState()
        self._ways = Ways()
        self._waits_for_past = False
        self._burning: dict[str, dict[str, int]] = defaultdict(dict)
        self._alarms: dict[str, set[tuple[FindingKind, str]]] = defaultdict(set)
        self._confirmed: dict[str, Finding] = {}
        self._tests: set[str] = set()
        self._site = ""
        self.set_registry(registry)

    def set_registry(self, registry: Registry) -> None:
        before, self._known = self._known, {}
        self._site = next((space.id for space in registry.spaces.values() if space.kind is SpaceKind.SITE), "")
        for device in registry.devices.values():
            if device.kind in FIRE_KINDS or device.kind in (DeviceKind.DOOR_CONTROLLER, DeviceKind.COLD_STORE):
                known = before.get(device.id) or _Known(device=device, building="", zone="", use=UseType.CAMPUS)
                building = registry.building(device.space_id)
                known.device, known.building = device, building.id if building else registry.path(device.space_id)[0].id
                known.inside = building is not None
                known.zone, known.use = _zone(registry, device), registry.spaces[device.space_id].use
                self._known[device.id] = known
        self._ways = ways_of(registry)
        self.set_tuning(self._tuning)

    def set_tuning(self, tuning: Tuning) -> None:
        """The rules of people, from the next sample on. Those of fire devices have none."""
        self._tuning = tuning
        for device_id, known in self._known.items():
            known.access_params = tuning.parameters(access.step, device_id)
            known.contact_params = tuning.parameters(door_contact.step, device_id)
            known.cold_params = tuning.parameters(cold_chain.step, device_id)

    def resume(self, finding: Finding) -> None:
        """Takes up what was active when we stopped."""
        known = self._known.get(finding.device_id)
        if known is None:
            return
        if finding.kind in access.STORIES:
            self._access = access.resume(self._access, finding, known.device)
        elif finding.kind is FindingKind.DOOR_NOT_BACK:
            self._not_back = not_back.resume(self._not_back, finding, known.device)
        elif finding.kind is FindingKind.DOOR_CHATTERING:
            known.contact = door_contact.resume(known.contact, finding, known.device)
        elif finding.kind is FindingKind.FIRE_SENSOR_STUCK:
            known.still = fire_still.resume(known.still, finding, known.device)
        elif finding.kind in upkeep.STORIES:
            known.health = upkeep.resume(known.health, finding, known.device)
        elif finding.kind in cold_chain.STORIES:
            known.cold = cold_chain.resume(known.cold, finding, known.device)
        elif finding.kind in FIRE_ALARMS:
            self._burning[known.zone][finding.device_id] = round(finding.seen.timestamp() * 1000)
            self._alarms[known.building].add((finding.kind, finding.device_id))
        elif finding.kind is FindingKind.FIRE_CONFIRMED:
            self._confirmed[known.zone] = finding

    def take(self, sample: Reading | Event) -> list[Finding]:
        """What this sample adds to what the device's own detectors say."""
        known = self._known.get(sample.device_id)
        if known is None:
            return []
        if isinstance(sample, Event) and sample.type in TEST_BEGINS | TEST_ENDS:
            (self._tests.add if sample.type in TEST_BEGINS else self._tests.discard)(known.building)
            return []
        if known.device.kind is DeviceKind.DOOR_CONTROLLER:
            return self._door(known, sample)
        if known.device.kind is DeviceKind.COLD_STORE:
            if isinstance(sample, Event):
                return []
            known.cold, found = cold_chain.step(known.cold, sample, known.device, known.cold_params)
            return found
        known.health, finding = upkeep.step(known.health, sample, known.device)
        found = [] if finding is None else [finding]
        if isinstance(sample, Reading):
            known.still, finding = fire_still.step(known.still, sample, known.device)
            found += [] if finding is None else [finding]
        return [self.worded(one) for one in found]

    def tick(self, now_ms: int) -> list[Finding]:
        """What has been quiet for long enough. `now_ms`: epoch ms UTC."""
        self._access, found = access.tick(self._access, now_ms)
        if 0 <= now_ms < _LATEST_MS:
            asked = {} if self._waits_for_past else self._ways.buildings
            before = self._not_back
            self._not_back, missing = not_back.tick(before, now_ms, asked, self._calendar)
            if self._waits_for_past:  # the night is asked about once the past is known
                self._not_back = replace(self._not_back, asked=before.asked)
            found = [*found, *missing]
        for known in self._known.values():
            if known.contact.sightings:
                known.contact, finding = door_contact.tick(known.contact, now_ms)
                found = [*found, finding] if finding is not None else found
        return found

    def confirm(self, finding: Finding) -> list[Finding]:
        """Of a fire alarm that has just begun or ended: whether two detectors of its zone agree now. Nothing waits for it."""
        known = self._known.get(finding.device_id)
        if known is None or finding.kind not in FIRE_ALARMS:
            return []
        burning = self._burning[known.zone]
        if finding.active:
            burning[finding.device_id] = round(finding.started.timestamp() * 1000)
        else:
            burning.pop(finding.device_id, None)
        confirmed = self._confirmed.get(known.zone)
        if len(burning) >= 2 and confirmed is None:
            return [self._begin_confirmed(known, finding, len(burning))]
        if len(burning) < 2 and confirmed is not None:
            del self._confirmed[known.zone]
            return [replace(confirmed, active=False, seen=max(finding.seen, confirmed.started))]
        return []

    def released(self, sample: Reading | Event, findings: Iterable[Finding]) -> frozenset[str]:
        """The doors whose opening is rightful from now on: those of a building in which a fire alarm or a release is on."""
        known = self._known.get(sample.device_id)
        if known is None or not known.inside:  # which doors does a detector in the yard open?
            return frozenset()
        if isinstance(sample, Event) and sample.type in RELEASES:
            return self._doors(known, all_of_them=RELEASES[sample.type])
        begun = [one for one in findings if one.active and one.kind in FIRE_ALARMS]
        self._alarms[known.building] |= {(one.kind, one.device_id) for one in begun}
        return self._doors(known, all_of_them=True) if begun else frozenset()

    def relocked(self, sample: Reading | Event, findings: Iterable[Finding]) -> frozenset[str]:
        """The doors that are locked again: where the last fire alarm of the building is cleared, or somebody has locked them."""
        known = self._known.get(sample.device_id)
        if known is None or not known.inside:
            return frozenset()
        if isinstance(sample, Event) and sample.type in RELOCKS:
            return self._doors(known, all_of_them=RELOCKS[sample.type])
        over = {(one.kind, one.device_id) for one in findings if not one.active and one.kind in FIRE_ALARMS}
        burning = self._alarms[known.building]
        burning -= over
        return self._doors(known, all_of_them=True) if over and not burning else frozenset()

    def _doors(self, known: _Known, *, all_of_them: bool) -> frozenset[str]:
        if not all_of_them:
            return frozenset({known.device.id})
        others = ((device_id, other) for device_id, other in self._known.items() if other.building == known.building)
        return frozenset(device_id for device_id, other in others if other.device.kind is DeviceKind.DOOR_CONTROLLER)

    def worded(self, finding: Finding) -> Finding:
        """With the cause that the place suggests. A test marks an alarm; it never hides or delays it."""
        known = self._known.get(finding.device_id)
        if known is None or not finding.kind.startswith("fire."):
            return finding
        if known.building in self._tests or self._site in self._tests:
            return replace(finding, cause=TEST_CAUSE, facts={**finding.facts, "test": "yes"})
        if known.use is UseType.CANTEEN and finding.kind in (FindingKind.FIRE_SMOKE, FindingKind.FIRE_HEAT):
            return replace(finding, cause=KITCHEN_CAUSE)
        return finding

    def _begin_confirmed(self, known: _Known, finding: Finding, count: int) -> Finding:
        begun = Finding(
            kind=FindingKind.FIRE_CONFIRMED,
            device_id=known.device.id,
            space_id=known.device.space_id,
            active=True,
            score=1.0,
            started=finding.started,
            seen=finding.seen,
            message="Fire confirmed: %(count)s detectors of this zone agree",
            cause="Two detectors do not err together",
            facts={"count": count},
        )
        self._confirmed[known.zone] = begun
        return self.worded(begun)

    def _door(self, known: _Known, sample: Reading | Event) -> list[Finding]:
        known.contact, finding = door_contact.step(known.contact, sample, known.device, known.contact_params)
        found = [] if finding is None else [finding]
        if isinstance(sample, Event):
            place = access.DoorPlace(building=known.building, open_now=self._open(known, sample.ts_ms))
            self._access, more = access.step(self._access, sample, known.device, place, known.access_params)
            found += more
            self.passed(sample)
        return found

    def await_past(self) -> None:
        """Nobody is missed before `recall` has told who lives where."""
        self._waits_for_past = True

    def recall(self, people: not_back.People) -> None:
        """What the stored grants of the last days say of residents; whatever was heard meanwhile stands."""
        self._not_back = not_back.joined(self._not_back, people)
        self._waits_for_past = False

    def passed(self, event: Event) -> None:
        """A grant in a dormitory that tells who goes in or out; also one that comes late."""
        one = residents.passed(event, self._ways)
        if one is not None:
            self._not_back = not_back.step(self._not_back, one, self._zone_info)

    def _open(self, known: _Known, ts_ms: int) -> bool:
        if known.use in _OPEN_ALWAYS or known.device.attributes.get("after_hours") == "allowed":
            return True
        if not 0 <= ts_ms < _LATEST_MS:
            return True
        local = moment(ts_ms).astimezone(self._zone_info)
        return local.hour in self._calendar.open_hours[known.use].of(self._calendar.day_class(local.date()))


_LATEST_MS = round(datetime(2200, 1, 1, tzinfo=UTC).timestamp() * 1000)


def _zone(registry: Registry, device: Device) -> str:
    """The floor it is on; its own space where there is none."""
    floor = next((space for space in registry.path(device.space_id) if space.kind is SpaceKind.FLOOR), None)
    return floor.id if floor else device.space_id
