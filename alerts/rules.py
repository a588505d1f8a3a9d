"""Which finding becomes which alert: one flat row per kind."""

from dataclasses import dataclass

from alerts.model import Severity
from analytics.finding import FindingKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`hold_s`: how long the cause must last before the alert opens. `reopen_s`: how soon after its end the same alert comes back.

    `latches`: the alert outlives its cause until a person has acknowledged it. `advice`: what to do first (gettext msgid).
    """

    severity: Severity
    hold_s: float
    reopen_s: float
    latches: bool
    advice: str


def _life_safety(advice: str) -> Rule:
    return Rule(severity=Severity.LIFE_SAFETY, hold_s=0, reopen_s=600, latches=True, advice=advice)


def _rule(severity: Severity, hold_s: float, reopen_s: float, advice: str, *, latches: bool = False) -> Rule:
    return Rule(severity=severity, hold_s=hold_s, reopen_s=reopen_s, latches=latches, advice=advice)


_CRITICAL, _MAJOR, _MINOR, _INFO = Severity.CRITICAL, Severity.MAJOR, Severity.MINOR, Severity.INFO
_HOUR, _DAY = 3600, 86_400

RULES: dict[FindingKind, Rule] = {
    FindingKind.FIRE_SMOKE: _life_safety(
        "Go and look now. If there is fire: evacuate, call 119, use the nearest extinguisher only if safe."
    ),
    FindingKind.FIRE_HEAT: _life_safety(
        "Go and look now. If there is fire: evacuate, call 119, use the nearest extinguisher only if safe."
    ),
    FindingKind.FIRE_CO: _life_safety("Open windows, bring people into fresh air, call 120 for anyone unwell. Do not enter alone."),
    FindingKind.FIRE_GAS: _life_safety(
        "Shut the gas valve, open windows, touch no switch and no phone inside, evacuate, call the gas company."
    ),
    FindingKind.FIRE_CALL_POINT: _life_safety(
        "Somebody pressed the button: evacuate this zone, send someone to the call point, call 119."
    ),
    FindingKind.FIRE_DEVICE_SILENT: _rule(
        _CRITICAL, 0, _HOUR, "The room is not watched. Send someone to look every 30 minutes until the detector answers again."
    ),
    FindingKind.FIRE_HYDRANT_PRESSURE: _rule(
        _CRITICAL, 0, _HOUR, "Check the pump room: pump, valves, tank level. Tell the fire service if it cannot be restored."
    ),
    FindingKind.DOOR_FORCED: _rule(_CRITICAL, 0, 300, "Look at the camera, send a guard to the door.", latches=True),
    FindingKind.DOOR_HELD_OPEN: _rule(_MINOR, 0, 300, "Close the door. If it does not close by itself, report the door closer."),
    FindingKind.DOOR_CHATTERING: _rule(_INFO, 0, _DAY, "Check the door contact, its magnet and its cable on the next round."),
    FindingKind.DOOR_DENIED_BURST: _rule(_MINOR, 0, 600, "Look at the camera of this door; check whether permissions have ended."),
    FindingKind.DOOR_AFTER_HOURS: _rule(_INFO, 0, 3600, "Ask whether somebody is expected there; else send a guard."),
    FindingKind.DOOR_LOST_CARD: _rule(_MAJOR, 0, 600, "Send a guard to the door; call the owner of the card; block it."),
    FindingKind.DOOR_CARD_SHARED: _rule(_MINOR, 0, _HOUR, "Compare the clocks of both controllers, then the camera pictures."),
    FindingKind.DOOR_IMPOSSIBLE_TRAVEL: _rule(
        _MAJOR, 0, _HOUR, "Compare the clocks of both controllers; if they agree, block the card and ask its owner."
    ),
    FindingKind.DOOR_PASS_BACK: _rule(_INFO, 0, _HOUR, "Have the door's guard remind people that a card is for one person."),
    FindingKind.DOOR_TAILGATING: _rule(_INFO, 0, _HOUR, "A hint only: look at the camera if it keeps happening at this door."),
    FindingKind.DOOR_READER_DEAD: _rule(_MINOR, 0, _DAY, "Try a card at the reader; check its cable and supply."),
    FindingKind.DOOR_NOT_BACK: _rule(_INFO, 0, 12 * _HOUR, "The dormitory's warden makes the round and calls who is missing."),
    FindingKind.FIRE_CONFIRMED: _life_safety(
        "Two detectors agree: evacuate this zone now, call 119, open the doors, meet the fire service at the gate."
    ),
    FindingKind.FIRE_DETECTOR_DUSTY: _rule(_MINOR, 0, 7 * _DAY, "Clean or change the detector before it raises a false alarm."),
    FindingKind.FIRE_TAMPER: _rule(
        _CRITICAL, 0, _HOUR, "The room is not watched. Send someone to put the detector back or take the cover off."
    ),
    FindingKind.FIRE_LOOP_FAULT: _rule(
        _CRITICAL, 0, _HOUR, "Look at the fire panel; send rounds every 30 minutes through what the loop watched."
    ),
    FindingKind.FIRE_SENSOR_STUCK: _rule(
        _MAJOR, 0, _DAY, "Look at the detector: take off what covers it, test it with smoke or heat; change it if it stays still."
    ),
    FindingKind.FIRE_PRESSURE_LOSS: _rule(
        _MINOR, 0, 7 * _DAY, "Look for wet ground along the fire main; check valves and the jockey pump's run times."
    ),
    FindingKind.FIRE_TANK_LEVEL: _rule(_CRITICAL, 0, _HOUR, "Check float valve and supply of the tank; tell the fire service."),
    FindingKind.COLD_LIMIT: _rule(
        _MAJOR, 0, _HOUR, "Shut the door, move what spoils to another store, measure the food's core before it is used."
    ),
    FindingKind.COLD_HUMIDITY: _rule(_MINOR, 0, _DAY, "Check ventilation, doors and windows of the room."),
    FindingKind.COLD_FAILING: _rule(_MAJOR, 0, _DAY, "Call the refrigeration service now, while all is still cold."),
    FindingKind.COLD_SENSOR_STUCK: _rule(
        _MINOR, 0, _DAY, "Measure by hand and write it down every four hours until the sensor is changed."
    ),
    FindingKind.WATER_BURST: _rule(_CRITICAL, 0, _HOUR, "Shut the valve before the meter, then look for the water."),
    FindingKind.WATER_RUNNING_TAP: _rule(_MINOR, 0, 12 * _HOUR, "Look for a tap or hose left running on this supply."),
    FindingKind.WATER_TOILET_LEAK: _rule(
        _MINOR, 0, _DAY, "Listen for running cisterns at night; a dye tablet shows the leaking one."
    ),
    FindingKind.WATER_CREEPING_LEAK: _rule(
        _MAJOR, 0, 2 * _DAY, "Look for wet ground and damp walls along this supply; close valves one by one to find the part."
    ),
    FindingKind.WATER_DRIP: _rule(_INFO, 0, 7 * _DAY, "Look for a dripping tap or a wet joint on the next round."),
    FindingKind.WATER_NETWORK_LEAK: _rule(
        _MAJOR, 0, 2 * _DAY, "Close the valves of the branches one by one at night and watch the inlet; then listen along the pipe."
    ),
    FindingKind.ELEC_CREEPING_BASE: _rule(
        _INFO, 0, 7 * _DAY, "Walk through at night: what runs that did not run a month ago? Check timers and setpoints."
    ),
    FindingKind.ELEC_PHASE_LOSS: _rule(
        _MAJOR, 0, 2 * _DAY, "Check the fuses and the current transformers of all three phases at the meter."
    ),
    FindingKind.ELEC_NO_LOAD: _rule(_MAJOR, 0, _DAY, "Is the power off there? Check breaker, fuses and the meter's terminals."),
    FindingKind.ELEC_POWER_QUALITY: _rule(
        _MINOR, 0, _DAY, "Measure voltage and current of each phase; ask the grid operator if the supply itself is out of limits."
    ),
    FindingKind.ELEC_LEFT_ON: _rule(
        _INFO, 0, 12 * _HOUR, "Switch off lights and air conditioning, or have the timetable corrected."
    ),
    FindingKind.ELEC_HEATING_APPLIANCE: _rule(
        _MAJOR, 0, _DAY, "Visit the room, take the appliance out of use, record the notice.", latches=True
    ),
    FindingKind.METER_FROZEN: _rule(_MINOR, 0, _DAY, "Read the meter by hand twice, then have it checked."),
    FindingKind.METER_REGISTER_RESET: _rule(
        _MINOR, 0, _DAY, "Find out whether the meter was changed; enter the new start reading."
    ),
    FindingKind.METER_REGISTER_JUMP: _rule(_MINOR, 0, _DAY, "Find out whether the meter was changed; enter the new start reading."),
    FindingKind.METER_REVERSED: _rule(_MINOR, 0, _DAY, "Check the direction of the meter, the check valve or the transformers."),
    FindingKind.METER_SPIKE: _rule(_INFO, 0, _DAY, "Compare with the display of the meter; ask what was switched on."),
    FindingKind.METER_WRONG_UNIT: _rule(
        _MINOR, 0, 7 * _DAY, "Check unit, pulse value and transformer ratio in the meter's profile against its plate."
    ),
    FindingKind.METER_BALANCE: _rule(
        _MINOR, 0, 7 * _DAY, "Compare the main with the sum of its sub-meters by hand; look for a loss or an unmetered branch."
    ),
    FindingKind.ENERGY_BUDGET: _rule(
        _MINOR, 0, 7 * _DAY, "Look at the plan's page: who uses more than planned? Save there, or have the budget changed."
    ),
    FindingKind.ENERGY_OVER_QUOTA: _rule(
        _INFO, 0, 7 * _DAY, "Tell the residents what they have used; look for something that runs all day, or correct the quota."
    ),
    FindingKind.DEVICE_DEAD: _rule(_MINOR, 60, _DAY, "Check power and network of the device and of its gateway."),
    FindingKind.DEVICE_BATTERY_LOW: _rule(_INFO, 0, 7 * _DAY, "Change the battery on the next round."),
    FindingKind.PLATFORM_SPOOL_REFUSES: _rule(
        _CRITICAL,
        0,
        _HOUR,
        "Free space on the disk of the data directory and see whether the reading store answers. The broker keeps what comes "
        "meanwhile; all goes on by itself afterwards. Fire and door alarms do not depend on it.",
    ),
    FindingKind.PLATFORM_READINGS_WAIT: _rule(
        _MAJOR,
        0,
        _HOUR,
        "See whether the reading store runs and can be reached (caretaker doctor). Nothing is lost: the measurements follow by "
        "themselves once it answers. Charts and consumption stand still until then.",
    ),
    FindingKind.PLATFORM_INGEST_SILENT: _rule(
        _CRITICAL, 0, _HOUR, "Look into logs/ingest.log in the data directory, then restart Caretaker. The broker keeps what comes."
    ),
}

LIFE_SAFETY = frozenset(kind for kind, rule in RULES.items() if rule.severity is Severity.LIFE_SAFETY)


def rule_for(kind: str) -> Rule:
    """The row of that kind. A kind that nobody has rated is shown as major rather than hidden."""
    return RULES.get(FindingKind(kind), _UNRATED) if kind in FindingKind._value2member_map_ else _UNRATED


_UNRATED = _rule(_MAJOR, 0, _HOUR, "No advice is written for this kind of alert yet.")
