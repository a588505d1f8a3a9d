"""The school's calendar: terms, holidays, lesson hours, and how full each kind of building is minute by minute.

Local days of Asia/Shanghai (UTC+8 all year); a day is named by its number since 1970-01-01 local time.
"""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from devices.model import UseType

Floats = npt.NDArray[np.float64]
UTC_OFFSET_S = 8 * 3600
DAY_S = 86_400
MINUTES = 1440


class DayKind(StrEnum):
    TERM = "term"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    VACATION = "vacation"


_HOLIDAYS = ((1, 1, 1, 1), (4, 4, 4, 6), (5, 1, 5, 5), (10, 1, 10, 7))
_VACATIONS = ((1, 15, 2, 22), (7, 10, 8, 31))
LESSONS = (
    (480, 525), (530, 575), (590, 635), (640, 685), (690, 735),
    (840, 885), (890, 935), (950, 995), (1000, 1045),
    (1110, 1155), (1160, 1205), (1210, 1255),
)  # fmt: skip
"""Lessons as minutes of the day: five in the morning, four after lunch, three in the evening."""


def local_day(ts_s: float) -> int:
    return int((ts_s + UTC_OFFSET_S) // DAY_S)


def day_start_s(day: int) -> int:
    """Epoch seconds UTC of the local midnight that begins the day."""
    return day * DAY_S - UTC_OFFSET_S


def day_of(moment: datetime) -> int:
    return local_day(moment.timestamp())


def moment(day: int, minute: float) -> datetime:
    """The aware UTC time of a minute of a local day."""
    return datetime.fromtimestamp(day_start_s(day), UTC) + timedelta(minutes=minute)


def date_of(day: int) -> date:
    return date(1970, 1, 1) + timedelta(days=day)


def day_kind(day: int) -> DayKind:
    when = date_of(day)
    if _within(when, _VACATIONS):
        return DayKind.VACATION
    if _within(when, _HOLIDAYS):
        return DayKind.HOLIDAY
    return DayKind.WEEKEND if when.weekday() >= 5 else DayKind.TERM


def _within(when: date, spans: tuple[tuple[int, int, int, int], ...]) -> bool:
    return any((first_m, first_d) <= (when.month, when.day) <= (last_m, last_d) for first_m, first_d, last_m, last_d in spans)


_Knots = tuple[tuple[float, float], ...]
_CLOSED: _Knots = ((0, 0), (24, 0))
_KNOTS: dict[tuple[UseType, DayKind], _Knots] = {
    (UseType.TEACHING, DayKind.TERM): (
        (7.2, 0),
        (7.9, 0.85),
        (12.1, 0.85),
        (12.4, 0.1),
        (13.6, 0.1),
        (13.95, 0.75),
        (17.4, 0.7),
        (17.8, 0.1),
        (18.3, 0.1),
        (18.6, 0.4),
        (20.9, 0.35),
        (21.3, 0.03),
        (21.6, 0),
    ),
    (UseType.TEACHING, DayKind.WEEKEND): ((8, 0), (9, 0.08), (16.5, 0.08), (17.5, 0)),
    (UseType.LABORATORY, DayKind.TERM): (
        (7.5, 0),
        (8.2, 0.7),
        (12, 0.7),
        (12.4, 0.2),
        (13.5, 0.2),
        (14, 0.75),
        (17.8, 0.6),
        (18.5, 0.15),
        (21, 0.1),
        (21.6, 0),
    ),
    (UseType.LABORATORY, DayKind.WEEKEND): ((9, 0), (10, 0.12), (16.5, 0.1), (17.5, 0)),
    (UseType.CANTEEN, DayKind.TERM): (
        (5.0, 0),
        (6.2, 0.1),
        (7.2, 0.6),
        (8.2, 0.1),
        (10.5, 0.12),
        (11.5, 0.6),
        (12.3, 1),
        (13.2, 0.1),
        (16.2, 0.12),
        (17.6, 0.9),
        (18.6, 0.5),
        (19.5, 0.1),
        (20.5, 0),
    ),
    (UseType.CANTEEN, DayKind.WEEKEND): (
        (5.5, 0),
        (7.6, 0.3),
        (9, 0.08),
        (11.8, 0.55),
        (13.2, 0.08),
        (17.6, 0.5),
        (19.3, 0.08),
        (20.5, 0),
    ),
    (UseType.CANTEEN, DayKind.HOLIDAY): ((6, 0), (8, 0.12), (11.8, 0.2), (13.2, 0.05), (17.6, 0.2), (19, 0.03), (20, 0)),
    (UseType.LIBRARY, DayKind.TERM): (
        (7.3, 0),
        (8, 0.2),
        (10, 0.45),
        (12, 0.3),
        (15, 0.5),
        (18, 0.35),
        (19.5, 0.75),
        (21.8, 0.6),
        (22.3, 0),
    ),
    (UseType.LIBRARY, DayKind.WEEKEND): ((8, 0), (9.5, 0.4), (15, 0.6), (18, 0.3), (20, 0.4), (21.8, 0.25), (22.3, 0)),
    (UseType.LIBRARY, DayKind.HOLIDAY): ((8.8, 0), (10, 0.12), (16, 0.15), (17.2, 0)),
    # Dormitory: the share of the residents who are in and awake.
    (UseType.DORMITORY, DayKind.TERM): (
        (0, 0.06),
        (1, 0.02),
        (5.5, 0.02),
        (6.6, 0.35),
        (7.3, 0.8),
        (7.9, 0.1),
        (11.8, 0.08),
        (12.5, 0.4),
        (13.4, 0.45),
        (13.9, 0.08),
        (17.2, 0.12),
        (18, 0.35),
        (18.6, 0.3),
        (21, 0.45),
        (22, 0.85),
        (23, 0.75),
        (23.6, 0.2),
        (24, 0.06),
    ),
    (UseType.DORMITORY, DayKind.WEEKEND): (
        (0, 0.1),
        (1.2, 0.02),
        (6.5, 0.02),
        (8.5, 0.3),
        (10, 0.5),
        (12, 0.35),
        (15, 0.35),
        (18, 0.35),
        (21, 0.5),
        (22.5, 0.65),
        (23.6, 0.3),
        (24, 0.1),
    ),
    (UseType.DORMITORY, DayKind.HOLIDAY): (
        (0, 0.05),
        (1.2, 0.01),
        (7, 0.01),
        (9, 0.12),
        (12, 0.16),
        (18, 0.14),
        (21, 0.25),
        (23, 0.25),
        (24, 0.05),
    ),
    (UseType.DORMITORY, DayKind.VACATION): ((0, 0.01), (7, 0.005), (9, 0.03), (22, 0.05), (24, 0.01)),
}


@lru_cache(maxsize=128)
def occupancy(use: UseType, kind: DayKind) -> Floats:
    """Share 0..1 of a space's people who are there (dormitory: there and awake), for each minute of the day."""
    hours = np.arange(MINUTES) / 60
    knots = _KNOTS.get((use, kind), _CLOSED)
    curve: Floats = np.interp(hours, [hour for hour, _ in knots], [share for _, share in knots])
    curve.setflags(write=False)
    return curve


@lru_cache(maxsize=16)
def breaks(kind: DayKind) -> Floats:
    """1 in the minutes between two lessons, from the bell on; 0 elsewhere and on days without lessons."""
    mask = np.zeros(MINUTES)
    if kind is DayKind.TERM:
        for _, ends in LESSONS:
            mask[ends : ends + 10] = 1
    mask.setflags(write=False)
    return mask
