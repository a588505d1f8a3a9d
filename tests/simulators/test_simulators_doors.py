"""Traffic at the doors."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import numpy as np

from simulators.campus import build_campus
from simulators.doors import Passage, fault_events, passage_events, passages
from simulators.labels import LabelledFault
from simulators.timetable import day_start_s

CAMPUS = build_campus()
FRIDAY = (date(2026, 11, 20) - date(1970, 1, 1)).days
SUNDAY = FRIDAY + 2


def minute(passage: Passage) -> float:
    return (passage.asked_ms / 1000 - day_start_s(FRIDAY)) / 60


def test_a_school_day_is_busier_than_a_sunday_and_always_the_same() -> None:
    assert len(passages(CAMPUS, FRIDAY)) > 2 * len(passages(CAMPUS, SUNDAY)) > 100
    assert passages(CAMPUS, FRIDAY) == passages(CAMPUS, FRIDAY)


def test_teaching_doors_burst_before_the_first_lesson() -> None:
    times = np.array([minute(p) for day in (FRIDAY,) for p in passages(CAMPUS, day) if p.device_id == "door-teach-1-main"])
    assert ((times > 430) & (times < 480)).sum() > 3 * ((times > 540) & (times < 590)).sum()
    assert not ((times > 60) & (times < 300)).any()


def test_somebody_comes_home_at_night_somewhere_in_a_week() -> None:
    nights = [p for day in range(FRIDAY - 7, FRIDAY) for p in passages(CAMPUS, day) if (p.asked_ms / 3.6e6 + 8) % 24 < 5]
    assert {p.device_id.rsplit("-", 1)[0] for p in nights} <= {"door-dorm-a", "door-dorm-b"}
    assert nights


def test_one_passage_ends_before_the_next_begins() -> None:
    last: dict[str, int] = {}
    for passage in passages(CAMPUS, FRIDAY):
        assert passage.asked_ms >= last.get(passage.device_id, 0)
        last[passage.device_id] = passage.closed_ms or passage.asked_ms
        if passage.opened_ms is not None and passage.closed_ms is not None:
            assert passage.asked_ms < passage.opened_ms < passage.closed_ms < passage.opened_ms + 30_000


def test_people_are_pseudonyms_and_some_badges_are_refused() -> None:
    types = Counter(event.type for day in range(FRIDAY - 6, FRIDAY) for p in passages(CAMPUS, day) for event in passage_events(p))
    assert 0 < types["access.denied"] < 0.02 * types["access.granted"]
    people = {p.person for p in passages(CAMPUS, FRIDAY)}
    assert all(person is None or person.startswith("p-") for person in people)


def test_a_faulty_door_has_no_other_traffic() -> None:
    start = datetime.fromtimestamp(day_start_s(FRIDAY), UTC) + timedelta(hours=7.5)
    fault = LabelledFault(kind="door.held_open", device_id="door-teach-1-main", start=start, end=start + timedelta(minutes=20))
    left = [minute(p) for p in passages(CAMPUS, FRIDAY, [fault]) if p.device_id == "door-teach-1-main"]
    assert not [at for at in left if 449 <= at <= 471]
    assert len(left) > 50
    types = [event.type for event in fault_events(fault)]
    assert types == ["access.granted", "door.opened", "door.held_open", "door.closed"]
