"""What each detector is for, when it fails, and what its parameters mean, in words for people: English msgids."""

from collections.abc import Mapping
from typing import NamedTuple

from dashboards.web.words import N_


class DetectorWords(NamedTuple):
    what_for: str
    when_it_fails: str


DETECTOR_WORDS: Mapping[str, DetectorWords] = {
    "water.drip": DetectorWords(
        N_("Taps, valves and cisterns whose loss is too small for one day's evidence: 15-25 L a day each, but for years."),
        N_(
            "Meters with many people behind are never that quiet; a coarse register counts nothing for hours; a "
            "drip that was there from the first weeks counts as normal."
        ),
    ),
    "water.toilet_leak": DetectorWords(
        N_("Toilets, valves and joints that run day and night."),
        N_(
            "Leaks smaller than the usual scatter of the quietest hour; places that draw water at all hours by "
            "design (cooling towers); leaks from the first day on."
        ),
    ),
    "water.network_leak": DetectorWords(
        N_("Leaks in mains and branches that no sub-meter sees, told from the inlet alone."),
        N_(
            "Leaks of the first two weeks; networks whose use does not repeat by weekday; a plant that is switched on "
            "for good and draws at every hour looks the same."
        ),
    ),
    "water.creeping_leak": DetectorWords(
        N_("A crack or a joint that opens, weeks before it bursts."),
        N_(
            "Leaks that come at once are told under other names; a place that fills with people after a vacation "
            "climbs too, but stops after a day or two."
        ),
    ),
    "water.running_tap": DetectorWords(
        N_("Taps, hoses and urinal valves that stay open for an hour or more."),
        N_(
            "In busy hours a tap hides in ordinary use; less than about 50 minutes are hardly seen; a new night "
            "shift looks like a tap for its first nights."
        ),
    ),
    "water.burst": DetectorWords(
        N_("Breaks of pipes, within a minute or two of the first sample."),
        N_("Flows below the limit are left to the leak rules; a meter that sends rarely is judged hour by hour."),
    ),
    "elec.left_on": DetectorWords(
        N_("What people forgot to switch off, by room circuit, floor, building or site."),
        N_(
            "What is left on every night has become normal; events that the calendar does not know look the "
            "same; dormitories are never closed and are not judged."
        ),
    ),
    "elec.creeping_base": DetectorWords(
        N_("Fans, pumps, servers, heaters and failed timers that now run for ever; a few per cent a week add up to years."),
        N_(
            "A wanted new machine looks the same; a change slower than a month drifts with its own measure; "
            "where nothing measures the outdoor temperature, cooling of a hot week raises the base of air-conditioned places."
        ),
    ),
    "elec.phase_loss": DetectorWords(
        N_("A blown fuse of one phase, an open or swapped current transformer: a third of the bill is lost."),
        N_(
            "A load on one phase only falls by nothing or by all; a wing that is shut for good looks the same; "
            "holidays are not told."
        ),
    ),
    "elec.no_load": DetectorWords(
        N_("A tripped main breaker, a blown fuse, open current transformers, a meter that hangs at noise level."),
        N_("Places whose circuits are switched off as a whole at night are not judged; a planned shut-down looks the same."),
    ),
    "elec.power_quality": DetectorWords(
        N_("Voltage of a phase out of limits, phases that lie apart, a low power factor."),
        N_("A meter that does not send voltages is not judged; short dips between two samples are not seen."),
    ),
    "elec.heating_appliance": DetectorWords(
        N_("Resistive loads above the house limit in dormitory rooms: kettles, heaters, hot plates."),
        N_(
            "Small heat loads (blankets, 300 W pots), several appliances at once, two allowed dryers at once, "
            "samples too far apart."
        ),
    ),
    "meter.frozen": DetectorWords(
        N_("A register that stands while messages arrive, and a gateway that repeats its last value."),
        N_(
            "Places that may rightly use nothing for days are judged by their own longest pause only; a slowed "
            "register is not seen."
        ),
    ),
    "meter.register_reset": DetectorWords(
        N_("Swapped, tampered or restarted meters, whose index must be corrected for billing."),
        N_("A reset near the register's end looks like a rollover."),
    ),
    "meter.register_jump": DetectorWords(
        N_("Another meter under the same address, a mistyped index, a wrong unit or pulse value after a visit."),
        N_("A jump that the meter's connection could have drawn is taken for use."),
    ),
    "meter.reversed": DetectorWords(
        N_("A failed check valve, a meter built in backwards, a transformer turned round, solar power over an import register."),
        N_("A small correction of the index looks the same; a fall within the register's step is not seen."),
    ),
    "meter.spike": DetectorWords(
        N_("Glitches that a register keeps, wrong pulses, a machine that must not start together with others (demand charge)."),
        N_("Places with few large machines spike by themselves; rooms are not judged, since one kettle is a spike there."),
    ),
    "meter.wrong_unit": DetectorWords(
        N_("A changed profile, a replaced meter with another pulse value, a transformer ratio set wrongly."),
        N_(
            "What is wrong from the first day has nothing to compare with; a building taken over by twice the "
            "people looks like a factor of two."
        ),
    ),
    "meter.balance": DetectorWords(
        N_("A leak between main and floors, a branch that nobody meters, a sub-meter with a wrong factor, theft."),
        N_("What was never metered is normal from the first day; a day in which one of the meters has a gap is left out."),
    ),
    "device.dead": DetectorWords(
        N_("Dead batteries, cut cables, gateways that lost a device. Fire equipment has a stricter rule of its own."),
        N_("Where the whole site is silent nothing is said: then the network has failed, not the device."),
    ),
    "device.battery_low": DetectorWords(
        N_("Anything that reports the state of its battery."),
        N_("Lithium cells hold their voltage and then drop within days, so a level derived from it warns late."),
    ),
    "door.forced": DetectorWords(
        N_("Doors with a contact and a reader."),
        N_("A door without an exit button looks forced from inside; somebody who slips in behind another is not seen."),
    ),
    "door.held_open": DetectorWords(
        N_("Doors with a contact and a reader."),
        N_("A contact that chatters slowly can alarm."),
    ),
    "fire.smoke": DetectorWords(
        N_("Smoke detectors."),
        N_("Steam, cooking and dust; a detector that latches keeps the alarm until it is reset by hand."),
    ),
    "fire.heat": DetectorWords(
        N_("Heat detectors."),
        N_("A heater or hot machine beneath the detector."),
    ),
    "fire.co": DetectorWords(
        N_("Carbon monoxide detectors."),
        N_("Exhaust of vehicles or machines nearby."),
    ),
    "fire.gas": DetectorWords(
        N_("Combustible gas detectors."),
        N_("Alcohol and sprays near the detector."),
    ),
    "fire.call_point": DetectorWords(
        N_("Manual call points."),
        N_("A button pressed by mistake."),
    ),
    "fire.device_silent": DetectorWords(
        N_("Fire devices that do not speak for too long."),
        N_("Where many are silent at once the network has failed."),
    ),
    "fire.hydrant_pressure": DetectorWords(
        N_("Too little pressure at a hydrant."),
        N_("A sensor before a closed valve shows the dead leg, not the main."),
    ),
    "door.chattering": DetectorWords(
        N_("Door contacts that flutter: a loose magnet or cable."),
        N_("A class that streams through a door is taken for normal; a slow flutter is not seen."),
    ),
    "door.denied_burst": DetectorWords(
        N_("Somebody who tries cards again and again at one reader."),
        N_("A reader that misreads good cards looks the same."),
    ),
    "door.after_hours": DetectorWords(
        N_("Entries while the place is closed."),
        N_("Cleaning, guards and events that the calendar does not know."),
    ),
    "door.lost_card": DetectorWords(
        N_("Cards that were reported lost or blocked and are used."),
        N_("A card found again by its owner and not yet released."),
    ),
    "door.card_shared": DetectorWords(
        N_("One card used by several people in short time."),
        N_("Somebody who holds the door and lets others in with one card rightly."),
    ),
    "door.impossible_travel": DetectorWords(
        N_("One card at two places faster than anybody can walk."),
        N_("Clocks of controllers that disagree."),
    ),
    "door.pass_back": DetectorWords(
        N_("A card that enters twice without leaving."),
        N_("People who leave through a door without a reader."),
    ),
    "door.tailgating": DetectorWords(
        N_("More people through a door than cards were shown."),
        N_("A hint only: doors that open twice for one person."),
    ),
    "door.reader_dead": DetectorWords(
        N_("A reader that no longer reports although the door moves."),
        N_("Doors that are used from inside only."),
    ),
    "door.not_back": DetectorWords(
        N_("How many residents of a dormitory are not back at 23:30: a count for the warden's round, never a name."),
        N_(
            "People who come in behind others; the first nights after the doors were put up; "
            "doors not marked as way in or way out say nothing."
        ),
    ),
    "fire.confirmed": DetectorWords(
        N_("Two detectors of one zone that agree."),
        N_("Steam that reaches two detectors of a kitchen."),
    ),
    "fire.detector_dusty": DetectorWords(
        N_("Smoke detectors that drift towards their alarm point through dust."),
        N_("Detectors that compensate drift by themselves stay clean until they give up."),
    ),
    "fire.tamper": DetectorWords(
        N_("Detectors that were taken off or covered."),
        N_("Announced maintenance looks the same."),
    ),
    "fire.loop_fault": DetectorWords(
        N_("Faults of the fire panel's loop or supply."),
        N_("Only what the panel itself reports; a loop that falls silent without a word shows as its detectors."),
    ),
    "fire.sensor_stuck": DetectorWords(
        N_("Fire sensors whose value no longer moves: covered, painted over or stuck."),
        N_("Devices whose value stands still for hours anyway; a heat detector under a bag follows the room."),
    ),
    "fire.pressure_loss": DetectorWords(
        N_("Hydrant pressure that sinks day by day."),
        N_("A new duty pump with another set-point looks like a loss."),
    ),
    "fire.tank_level": DetectorWords(
        N_("Fire water tanks below their least level."),
        N_("A float sensor that sticks."),
    ),
    "cold.limit": DetectorWords(
        N_("Cold stores warmer or colder than their limits."),
        N_("A probe in the air warms at each opening long before the food does."),
    ),
    "cold.humidity": DetectorWords(
        N_("Archives and stores out of their limits of humidity."),
        N_("Wet cleaning looks the same for a while."),
    ),
    "cold.failing": DetectorWords(
        N_("Refrigeration that works harder and harder."),
        N_("A hot week or a full load raises the effort too."),
    ),
    "cold.sensor_stuck": DetectorWords(
        N_("Probes that repeat one value."),
        N_("A store that is hardly opened and well regulated."),
    ),
}

PARAMETER_WORDS: Mapping[str, str] = {
    "above_high": N_("Above the usual high flow by"),
    "again_share": N_("Share of its peak below which it rests again"),
    "alike": N_("How alike night and day must be"),
    "base_s": N_("Time over which the level before is taken"),
    "before_h": N_("Hours before that are compared"),
    "before_s": N_("Time just before the rise"),
    "beside": N_("Neighbouring hours that count too"),
    "bounce_s": N_("Shorter openings are noise"),
    "chatter_count": N_("Changes that make a bad contact"),
    "chatter_s": N_("within this time"),
    "clear_after": N_("Quiet hours that end it"),
    "clear_kpa_above": N_("Above the limit before it ends"),
    "clear_percent": N_("Well again from this level on"),
    "clear_s": N_("Quiet time that ends it"),
    "clear_share": N_("Over below this share"),
    "cold_drop": N_("Fall of a cold heating wire"),
    "cold_most": N_("Largest share that still falls"),
    "cold_step_s": N_("Longest step that shows the fall"),
    "cold_times_noise": N_("Times the room's own noise"),
    "confirm_s": N_("How often a lasting alarm is repeated"),
    "counting": N_("Times the noise that still counts"),
    "days": N_("Days in a row"),
    "deviations": N_("Times the usual scatter"),
    "digits": N_("Steps of the register"),
    "draw": N_("Flow of one tap"),
    "draw_l": N_("Water of one flush"),
    "draw_share": N_("Share of the chance scatter"),
    "drop": N_("Falls to this share or less"),
    "even": N_("How even the hours must be"),
    "excess": N_("Share more than possible"),
    "curfew_minute": N_("Minute of the day at which is asked"),
    "forget_days": N_("Not seen for so long: moved out"),
    "nights": N_("Days that make a resident"),
    "people": N_("Fewest people told"),
    "forget_s": N_("Not sure after this time: none"),
    "gap_s": N_("Longer gaps prove nothing"),
    "grant_s": N_("Time after a grant in which opening is allowed"),
    "held_s": N_("How long a door may stand open"),
    "hold_s": N_("How long without a break"),
    "hours": N_("Hours in a row"),
    "kept": N_("Samples kept as evidence"),
    "lately": N_("Times the use of late"),
    "leaked_times": N_("Times what a small leak loses"),
    "learn_days": N_("Days before anything is said"),
    "least": N_("Least factor"),
    "least_building": N_("Least flow, building"),
    "least_floor": N_("Least flow, floor or room"),
    "least_site": N_("Least flow, campus"),
    "least_j": N_("Least heat energy"),
    "least_known": N_("Known hours needed"),
    "least_kw": N_("Least power above normal"),
    "least_kwh": N_("Least energy"),
    "least_l_per_h": N_("Least flow above normal"),
    "least_m3": N_("Least amount of water"),
    "least_m3_per_h": N_("Least flow above expected"),
    "least_scatter": N_("Least scatter of like hours"),
    "least_share": N_("Least share of a normal day"),
    "least_w": N_("Least power of an appliance"),
    "long_hours": N_("Hours that are long for any place"),
    "low_kpa": N_("Too low below"),
    "low_percent": N_("Low from this level on"),
    "low_samples": N_("Low readings in a row"),
    "most": N_("One hour counts at most"),
    "most_m3_per_h": N_("More is no tap"),
    "near": N_("How near to a known factor"),
    "off_share": N_("Off below this share of the rise"),
    "pulse_w": N_("Power of a short pulse"),
    "pulses": N_("Short pulses that make a thermostat"),
    "pulses_allowed": N_("the same where appliances are allowed"),
    "pulses_s": N_("within this time"),
    "quiet_m3_per_h": N_("Quiet below this flow"),
    "rest_w": N_("Falls back to within"),
    "rise": N_("Times the first day's excess"),
    "same_hours": N_("Hours with the same value"),
    "samples": N_("Readings in a row"),
    "scatter": N_("Times its own scatter"),
    "settle_s": N_("How long an opening is looked at first"),
    "share": N_("Share of normal"),
    "shown_h": N_("Hours for which it is shown"),
    "slow_share": N_("Share that a slow start may lack"),
    "times_before": N_("Times the hour before"),
    "times_expected": N_("Times the expected"),
    "times_high": N_("Times the usual high"),
    "times_longest": N_("Times the longest pause"),
    "times_same": N_("Times the longest repetition"),
    "times_scatter": N_("Times the usual scatter"),
    "times_top_hourly": N_("Times the most in like hours"),
    "total": N_("Together, times the threshold"),
    "unknown_times": N_("Times the least flow before anything is learned"),
    "released_s": N_("How long a release counts whose end nobody tells"),
    "relock_s": N_("Time to lock again after the last fire signal"),
    "still_share": N_("Share of the usual least movement"),
    "still_blocks": N_("Six-hour blocks in a row without movement"),
    "memory_blocks": N_("Six-hour blocks that are remembered"),
    "learn_blocks": N_("Six-hour blocks before anything is said"),
    "alarm_percent_m": N_("Alarm point of a smoke detector"),
    "apart": N_("Phases further apart than"),
    "apart_days": N_("Days between the two spans"),
    "apart_s": N_("Apart in time by"),
    "before_days": N_("Days before that are compared"),
    "denied": N_("Refusals in a row"),
    "denied_s": N_("within this time"),
    "dusty_days": N_("Days in a row near the alarm point"),
    "dusty_share": N_("Share of the alarm point"),
    "fresh_s": N_("Older values do not count"),
    "high": N_("Highest share of nominal"),
    "low": N_("Lowest share of nominal"),
    "least_factor": N_("Least power factor"),
    "least_samples": N_("Readings needed a day"),
    "loss_kpa": N_("Loss of pressure"),
    "loss_share": N_("Loss as a share"),
    "max_c": N_("Warmest"),
    "min_c": N_("Coldest"),
    "metres_per_s": N_("Fastest way of a person"),
    "nominal_v": N_("Nominal voltage"),
    "noise_kpa": N_("Noise of the sensor"),
    "rise_c": N_("Rise of temperature"),
    "stuck_count": N_("Equal readings in a row"),
    "short_s": N_("Openings shorter than this are no people"),
    "count": N_("So many of them make a loose contact"),
    "within_s": N_("within this time"),
    "travel_s": N_("Least time between two buildings"),
    "twice_s": N_("The same card again within"),
    "follow_s": N_("Opens again without a card within"),
    "exits": N_("Exits in a row without any card"),
    "reader_s": N_("Time without any card"),
    "usual": N_("Cards before, so that their absence means something"),
    "grace_s": N_("Time allowed outside the limits"),
    "before": N_("Hours before that are compared"),
    "stuck_s": N_("for this time"),
    "rounded": N_("Steps of a register that is never still"),
    "keeps": N_("Goes on while so much of it is left"),
    "lesser": N_("A smaller break, share of the least flow"),
    "lesser_times_top": N_("A smaller break, times the most in like hours"),
    "lesser_hours": N_("A smaller break, for so long"),
    "day_from": N_("A smaller break begins from this hour of the day on"),
    "day_to": N_("A smaller break begins before this hour of the day"),
    "of_use": N_("Share of what is normal at that hour"),
    "metered_days": N_("Days of the balance in a row"),
    "below_low": N_("Below the lowest tenth, share"),
    "back": N_("Over from this share of normal on"),
    "normal": N_("Share of normal just before"),
}
"""By name; what a detector calls alike means alike."""

SET_WORDS: Mapping[str, str] = {
    "demo": N_("a simulated campus with faults of every kind"),
    "campus": N_("hourly meters of real campuses with known faults"),
    "dorm": N_("dormitory rooms at ten seconds with known appliances"),
    "leakdb": N_("water networks with known leaks"),
    "nab": N_("the Numenta benchmark"),
}

FAMILY_WORDS: Mapping[str, str] = {
    "water": N_("Water"),
    "elec": N_("Electricity"),
    "meter": N_("Meters"),
    "energy": N_("Plans"),
    "device": N_("Devices"),
    "door": N_("Doors"),
    "fire": N_("Fire protection"),
    "cold": N_("Cold stores"),
}

FIGURE_WORDS: Mapping[str, tuple[str, str]] = {
    "F1": (N_("F1"), "share"),
    "recall": (N_("Found"), "share"),
    "event_recall": (N_("Found"), "share"),
    "precision": (N_("Right"), "share"),
    "alarm_precision": (N_("Right"), "share"),
    "false_orders_per_meter_month": (N_("False orders per meter and month"), "1"),
    "false_alarms_per_room_month": (N_("False alarms per room and month"), "1"),
    "false_episodes_per_month": (N_("False alarms per month"), "1"),
    "false_rows_per_series_month": (N_("False alarms per series and month"), "1"),
    "median_delay_h": (N_("Delay"), "h"),
    "median_delay_s": (N_("Delay"), "s"),
    "median_first_alarm_days": (N_("Delay"), "d"),
    "TPR": (N_("Hours of leaks found"), "%"),
    "TNR": (N_("Hours without leak left in peace"), "%"),
    "SED": (N_("Early detection score"), "1"),
    "leaks": (N_("Leaks"), "1"),
    "clean_rooms_accused": (N_("Clean rooms accused"), "1"),
    "standard": (N_("Score, standard profile"), "1"),
    "reward_low_FP_rate": (N_("Score, few false alarms"), "1"),
    "reward_low_FN_rate": (N_("Score, few misses"), "1"),
}
"""What the scoring of a data set calls its figures, and how they are written; others stand as they are."""
