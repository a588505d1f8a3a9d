"""What a finding's page says besides its own sentence: what was expected, and why there may be no waste. English msgids."""

from collections.abc import Mapping

from dashboards.web.words import N_

EXPECTED_WORDS: Mapping[str, str] = {
    "water.drip": N_("An hour without any water in every few days, as in the weeks before."),
    "water.toilet_leak": N_("A quiet hour each day in which nothing runs, as in the weeks before."),
    "water.creeping_leak": N_("A quietest hour that stays where it was from day to day."),
    "water.running_tap": N_("No more water at this hour than in like hours before; hardly any in quiet ones."),
    "water.burst": N_("No more than the most that ran in like hours before."),
    "water.network_leak": N_("Days like those of the same weekday before, and an inlet that follows its sub-meters."),
    "elec.left_on": N_("What a closed place needs at this hour: the median of like hours."),
    "elec.creeping_base": N_("The base load of the weeks before."),
    "elec.phase_loss": N_("All three phases: the usual course of the day."),
    "elec.no_load": N_("The load that such an hour never falls below."),
    "elec.power_quality": N_("Phase voltage within +7 % and −10 % of nominal, phases together, power factor of at least 0.85."),
    "elec.heating_appliance": N_("The room's own load just before, and only appliances that the house allows."),
    "meter.frozen": N_("A register that counts on; its longest rightful pause is known from the weeks before."),
    "meter.register_reset": N_("A register that only rises, or starts again at its known end."),
    "meter.register_jump": N_("No more than the meter's connection can draw in that time."),
    "meter.reversed": N_("A register that does not run back."),
    "meter.spike": N_("No more than in like hours before, in this hour and those beside it."),
    "meter.wrong_unit": N_("Day and night as large as in the weeks before."),
    "meter.balance": N_("A main that counts what its sub-meters count, with their usual difference."),
    "energy.budget": N_("Use along the plan, so that the budget lasts to its end."),
    "energy.over_quota": N_("Use within the quota of the month."),
    "device.dead": N_("A message within the time that its kind of device allows."),
    "device.battery_low": N_("A charge above the limit."),
    "door.forced": N_("A grant, an exit button or a release before the door opens."),
    "door.held_open": N_("A door that shuts within its time."),
    "door.chattering": N_("Openings that last as long as a person needs to walk through."),
    "door.denied_burst": N_("A refusal now and then, not several in a row."),
    "door.after_hours": N_("Nobody enters while the calendar says that the place is closed."),
    "door.lost_card": N_("Lost cards are not used."),
    "door.card_shared": N_("One card is at one door at a time."),
    "door.impossible_travel": N_("Enough time between two buildings to walk there."),
    "door.pass_back": N_("A card that came in goes out before it comes in again."),
    "door.tailgating": N_("One card for each opening."),
    "door.reader_dead": N_("Cards at this reader as on other days."),
    "door.not_back": N_("Residents are back before the doors are locked for the night."),
    "fire.smoke": N_("Clean air: a density far below the alarm point."),
    "fire.heat": N_("Room temperature, below the detector's class."),
    "fire.co": N_("Hardly any carbon monoxide."),
    "fire.gas": N_("Hardly any combustible gas."),
    "fire.call_point": N_("A button that nobody presses without need."),
    "fire.device_silent": N_("A message within the time that the standard allows."),
    "fire.hydrant_pressure": N_("At least the pressure that the standard asks for."),
    "fire.confirmed": N_("No detector in alarm, or one alone."),
    "fire.detector_dusty": N_("Clean air reads far below the alarm point."),
    "fire.tamper": N_("The device stays closed and on its base."),
    "fire.loop_fault": N_("A closed loop with its supply."),
    "fire.sensor_stuck": N_("Values that move a little, as air does."),
    "fire.pressure_loss": N_("Pressure that stays where it was from day to day."),
    "fire.tank_level": N_("At least the level that the tank must hold."),
    "cold.limit": N_("A temperature within the store's limits; short openings are allowed for."),
    "cold.humidity": N_("A humidity within the store's limits."),
    "cold.failing": N_("A temperature as on the days before."),
    "cold.sensor_stuck": N_("Values that move a little with each opening and defrosting."),
    "platform.spool_refuses": N_("Every message is taken in at once."),
    "platform.readings_wait": N_("Measurements are stored within minutes."),
    "platform.ingest_silent": N_("A sign of life every few seconds."),
}

NO_WASTE_WORDS: Mapping[str, str] = {
    "water": N_("How much it wastes cannot be told yet."),
    "elec": N_("How much it wastes cannot be told yet."),
    "fire": N_("Not a matter of waste: people's lives depend on it."),
    "door": N_("Nothing that a meter counts is lost; what matters is who can get in."),
    "cold": N_("Not energy but what is stored here is at risk."),
    "device": N_("Nothing is wasted by it, but until it speaks again nobody sees what happens here."),
    "device.battery_low": N_("Nothing is wasted by it; when the battery is empty nobody sees what happens here."),
    "meter": N_("Nothing is wasted by it, but what is used here is counted wrongly or not at all."),
    "meter.spike": N_("A short peak: its energy is small; it matters where the price is by demand, or where it repeats."),
    "elec.heating_appliance": N_("Its energy is small; the danger is fire."),
    "elec.power_quality": N_(
        "What it costs cannot be measured: motors and lamps live shorter, and a poor power factor is charged."
    ),
    "elec.no_load": N_("Nothing is wasted; either the place is without power, or what it uses is not counted."),
    "elec.phase_loss": N_("Nothing is wasted; a part of what is used is not counted, or a part of the place is without power."),
    "energy": N_("Not waste by itself: more is used than was planned."),
    "platform": N_("Nothing is wasted; until it is mended, what is shown may be out of date."),
}
"""By kind, else by its family: shown where a finding wastes nothing."""

EVENT_KINDS = ("door.", "fire.call_point", "fire.tamper", "fire.loop_fault")
"""Kinds that rest on what a device reported, not on a line of values."""


def no_waste(kind: str) -> str:
    """The msgid; empty where there is no sensible word."""
    return NO_WASTE_WORDS.get(kind) or NO_WASTE_WORDS.get(kind.split(".", maxsplit=1)[0], "")
