"""Outdoor temperature of a river town at 31° N: season, hour of the day and spells of some days."""

import numpy as np

from simulators.campus import stream
from simulators.timetable import MINUTES, Floats, date_of, day_start_s, local_day


def outdoor_temperature_c(seed: int, day: int) -> Floats:
    """Degrees Celsius for each minute of a local day; joins the next day without a jump."""
    minutes = np.arange(MINUTES)
    day_of_year = date_of(day).timetuple().tm_yday + minutes / MINUTES
    season = 17.0 - 12.5 * np.cos(2 * np.pi * (day_of_year - 20) / 365.25)
    hour = 3.8 * np.cos(2 * np.pi * (minutes / 60 - 15) / 24)
    spell = np.interp(minutes, (0, MINUTES), (_spell(seed, day), _spell(seed, day + 1)))
    result: Floats = season + hour + spell
    return result


def outdoor_at_c(seed: int, at_s: Floats) -> Floats:
    """The same at these epoch seconds, in any order."""
    found = np.zeros(len(at_s))
    days = np.array([local_day(second) for second in at_s.tolist()], np.int64)
    for day in np.unique(days).tolist():
        mine = days == day
        minute = ((at_s[mine] - day_start_s(day)) // 60).astype(np.int64)
        found[mine] = outdoor_temperature_c(seed, day)[minute]
    return found


def _spell(seed: int, day: int) -> float:
    """How much warmer or colder than usual the day begins, smoothed over five days."""
    return float(np.mean([stream(seed, "spell", day - back).normal(0, 4.5) for back in range(5)]))
