"""What every electricity meter's own load draws: lights, plugs, climate and what never sleeps. Sub-meters are not counted here."""

import numpy as np

from devices.model import Device, Space, SpaceKind, UseType
from simulators.annex import in_house
from simulators.campus import HAIR_DRYER, Campus, stream
from simulators.dormitory import room_power_w
from simulators.meters import MeterTree
from simulators.noise import drift, smoothed_row
from simulators.timetable import MINUTES, Floats, day_kind, occupancy
from simulators.weather import outdoor_temperature_c

LOSS_SHARE = 0.012
"""Cables and the transformer: what the main counts beyond its sub-meters."""

# W per m2: what never sleeps, lights, plugs at full occupancy, climate at 8 K from comfort
_INTENSITY: dict[UseType, tuple[float, float, float, float]] = {
    UseType.DORMITORY: (0.5, 1.2, 0.2, 0.0),
    UseType.TEACHING: (0.55, 5.5, 4.5, 16.0),
    UseType.LABORATORY: (3.2, 6.5, 14.0, 18.0),
    UseType.CANTEEN: (3.0, 5.0, 34.0, 14.0),
    UseType.LIBRARY: (0.9, 7.0, 4.0, 18.0),
}


def own_power_w(campus: Campus, tree: MeterTree, day: int) -> Floats:
    """Mean power of each minute of a local day in W, (meters, 1440), without what flows on to sub-meters."""
    kind, outdoor = day_kind(day), outdoor_temperature_c(campus.seed, day)
    rng = stream(campus.seed, "electricity", day)
    house = [index for index, device in enumerate(tree.devices) if in_house(device)]
    rooms = [index for index, space in enumerate(tree.spaces) if space.kind is SpaceKind.ROOM and index not in house]
    power = np.zeros((len(tree.ids), MINUTES))
    drawn = len(tree.ids) - len(house)  # the house comes last, and draws from a stream of its own
    wobble, hum = drift(rng, drawn, 0.035), 1 + rng.normal(0, 0.006, (drawn, MINUTES))
    busy = rng.normal(1, 0.06, drawn).clip(0.8, 1.2)
    for index, space in enumerate(tree.spaces):
        if space.kind is SpaceKind.FLOOR:
            share = np.minimum(occupancy(space.use, kind) * busy[index], 1)
            power[index] = _floor_w(space, share, outdoor, day_light()) * wobble[index]
        elif space.kind is SpaceKind.BUILDING:
            power[index] = _building_w(space, occupancy(space.use, kind)) * wobble[index]
        elif space.kind is SpaceKind.SITE:
            power[index] = _street_lights_w() + 900.0 * wobble[index]
    power[:drawn] *= hum
    if rooms:
        dryers = [tree.devices[index].attributes.get("allowed") == HAIR_DRYER for index in rooms]
        power[rooms] = room_power_w(campus.seed, day, kind, outdoor, dryers)
    if house:
        power[house] = _house_w(campus, [tree.devices[index] for index in house], day, outdoor)
    return power


_HOUSE_SEED = 100_003


def _house_w(campus: Campus, meters: list[Device], day: int, outdoor_c: Floats) -> Floats:
    """Each meter's rooms, of which one may have two."""
    counts = [int(meter.attributes.get("rooms", "1")) for meter in meters]
    rooms = room_power_w(campus.seed + _HOUSE_SEED, day, day_kind(day), outdoor_c, [False] * sum(counts))
    result: Floats = np.add.reduceat(rooms, np.cumsum([0, *counts[:-1]]), axis=0)
    return result


def day_light() -> Floats:
    """0 in the dark to 1 at noon, for each minute; enough to decide whether lights are on."""
    hours = np.arange(MINUTES) / 60
    result: Floats = np.clip(np.sin((hours - 6.3) / 11.4 * np.pi), 0, 1)
    return result


def lights_w(space: Space) -> float:
    """All lights of a floor or building, in W."""
    return _INTENSITY[space.use][1] * (space.area_m2 or 0.0) if space.use in _INTENSITY else 0.0


def climate_w(space: Space) -> float:
    """All air conditioning of a floor or building in mild weather, in W."""
    return 0.5 * _INTENSITY[space.use][3] * (space.area_m2 or 0.0) if space.use in _INTENSITY else 0.0


def _floor_w(space: Space, share: Floats, outdoor_c: Floats, light: Floats) -> Floats:
    base, lights, plugs, climate = _INTENSITY[space.use]
    need = np.clip((np.maximum(outdoor_c - 26, 0) + np.maximum(14 - outdoor_c, 0)) / 8, 0, 1)
    lit = np.sqrt(share) * (1 - 0.45 * light)
    cooled = smoothed_row(need * np.minimum(share * 1.6, 1), 15)
    result: Floats = (space.area_m2 or 0.0) * (base + lights * lit + plugs * share + climate * cooled)
    return result


def _building_w(space: Space, share: Floats) -> Floats:
    """Lifts, pumps, stairs and the lobby: what no floor meter counts."""
    area = space.area_m2 or 0.0
    result: Floats = area * (0.25 + 0.7 * share) + 200.0
    return result


def _street_lights_w() -> Floats:
    result: Floats = np.where(day_light() < 0.03, 5200.0, 0.0)
    return result
