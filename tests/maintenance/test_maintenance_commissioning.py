"""Which orders wait while a meter learns: never those of life safety, nor a burst."""

import pytest

from alerts.rules import LIFE_SAFETY
from analytics.catalog import HOURLY, STREAM
from analytics.finding import FindingKind
from maintenance.policy import LEARNED, waits


@pytest.mark.parametrize("kind", sorted(FindingKind))
def test_only_what_a_meter_must_learn_waits(kind: FindingKind) -> None:
    learning = waits(kind, commissioning=True)
    assert not waits(kind, commissioning=False)
    if kind in LIFE_SAFETY or kind.startswith(("fire.", "door.", "cold.", "device.", "platform.")):
        assert not learning


def test_each_kind_that_waits_is_told_by_a_detector_of_meters() -> None:
    told = {detector.kind for detector in (*HOURLY, *STREAM)}
    assert told >= LEARNED
    assert told - LEARNED == {
        FindingKind.WATER_BURST,
        FindingKind.METER_FROZEN,
        FindingKind.METER_REGISTER_RESET,
        FindingKind.METER_REGISTER_JUMP,
        FindingKind.METER_REVERSED,
    }
