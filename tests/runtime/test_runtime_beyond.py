"""What no detector claims to find is counted apart."""

from datetime import UTC, datetime, timedelta

import pytest

from analytics.evaluation import Alarm
from analytics.finding import FindingKind
from runtime.beyond import AS_ALLOWED, Apart, as_claimed, set_apart
from simulators.campus import build_campus
from simulators.labels import LabelledFault

START = datetime(2026, 3, 10, 12, tzinfo=UTC)


def fault(kind: str, hours: float) -> LabelledFault:
    start = START + timedelta(hours=hours)
    return LabelledFault(kind=kind, device_id="rm-1", start=start, end=start + timedelta(minutes=5))


def appliance(device_id: str, local_hour: float, **figures: float) -> LabelledFault:
    start = datetime(2026, 3, 9, 16, tzinfo=UTC) + timedelta(hours=local_hour)
    end = start + timedelta(seconds=figures.pop("seconds"))
    return LabelledFault(kind="elec.heating_appliance", device_id=device_id, start=start, end=end, parameters=figures)


@pytest.mark.parametrize(
    ("fault", "apart"),
    [
        (appliance("rm-dorm-c-104", 12, power_w=880, seconds=300), True),
        (appliance("rm-dorm-c-104", 23, power_w=880, seconds=300), False),
        (appliance("rm-dorm-c-104", 12, power_w=1800, seconds=300), False),
        (appliance("rm-dorm-c-104", 12, power_w=880, seconds=900), False),
        (appliance("rm-dorm-c-104", 12, power_w=880, seconds=300, on_s=30.0, off_s=30.0), False),
        (appliance("rm-dorm-c-101", 12, power_w=880, seconds=300), False),
    ],
    ids=["as a dryer by day", "by night", "too strong", "too long", "a thermostat", "where none is allowed"],
)
def test_what_is_as_allowed_is_not_claimed(fault: LabelledFault, *, apart: bool) -> None:
    (judged,) = as_claimed([fault], build_campus().registry)
    assert (judged.kind == AS_ALLOWED) is apart


def alarm(hours: float, device_id: str = "rm-1") -> Alarm:
    at = START + timedelta(hours=hours)
    return Alarm(kind=FindingKind.ELEC_HEATING_APPLIANCE, device_id=device_id, raised=at, started=at, ended=at)


def test_finds_and_misses_are_shown_and_alarms_about_them_judged_no_further() -> None:
    faults = [fault("beyond.kettle_by_quarters", 0), fault("beyond.kettle_by_quarters", 24), fault("elec.heating_appliance", 48)]
    alarms = [alarm(0), alarm(0, "rm-2"), alarm(48)]
    others, apart = set_apart(faults, alarms)
    assert others == alarms[1:]
    assert apart == [Apart(kind="beyond.kettle_by_quarters", faults=2, found=1)]
