"""What no detector claims to find is counted apart."""

from datetime import UTC, datetime, timedelta

from analytics.evaluation import Alarm
from analytics.finding import FindingKind
from runtime.beyond import Apart, set_apart
from simulators.labels import LabelledFault

START = datetime(2026, 3, 10, 12, tzinfo=UTC)


def fault(kind: str, hours: float) -> LabelledFault:
    start = START + timedelta(hours=hours)
    return LabelledFault(kind=kind, device_id="rm-1", start=start, end=start + timedelta(minutes=5))


def alarm(hours: float, device_id: str = "rm-1") -> Alarm:
    at = START + timedelta(hours=hours)
    return Alarm(kind=FindingKind.ELEC_HEATING_APPLIANCE, device_id=device_id, raised=at, started=at, ended=at)


def test_finds_and_misses_are_shown_and_alarms_about_them_judged_no_further() -> None:
    faults = [fault("beyond.kettle_by_quarters", 0), fault("beyond.kettle_by_quarters", 24), fault("elec.heating_appliance", 48)]
    alarms = [alarm(0), alarm(0, "rm-2"), alarm(48)]
    others, apart = set_apart(faults, alarms)
    assert others == alarms[1:]
    assert apart == [Apart(kind="beyond.kettle_by_quarters", faults=2, found=1)]
