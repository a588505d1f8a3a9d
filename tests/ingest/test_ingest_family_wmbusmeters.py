"""The JSON of wmbusmeters: units in names, phases, tariffs, status."""

import json
from typing import Any

import pytest

from ingest.decoded import Decoded, Rejected
from ingest.decoders import decode
from ingest.message import Message


def _decode(**fields: Any) -> Decoded | Rejected:
    told = {"_": "telegram", "id": "12345678", "media": "water", "timestamp": "2026-03-01T08:00:00Z", **fields}
    (outcome,) = decode(Message(0, "wmbusmeters/x", json.dumps(told).encode()), "wmbusmeters")
    return outcome


@pytest.mark.parametrize(
    ("name", "value", "metric", "expected"),
    [
        ("total_m3", 6.408, "water.volume", 6.408),
        ("total_backward_m3", 0.1, "water.volume.reverse", 0.1),
        ("total_energy_consumption_kwh", 12.5, "elec.energy.import", 12.5),
        ("total_energy_consumption_tariff_1_kwh", 12.5, "elec.energy.import.t1", 12.5),
        ("current_power_consumption_phase1_kw", 0.25, "elec.power.active.l1", 250),
        ("voltage_at_phase_2_v", 233, "elec.voltage.l2", 233),
        ("current_l3_a", 1.4, "elec.current.l3", 1.4),
        ("pressure_bar", 1.02, "water.pressure", 102),
        ("a_counter", 7, "counter.a", 7),
        ("rssi_weirdness", 3, "x.rssi_weirdness", 3),
    ],
)
def test_a_field_is_stored_under_its_metric(name: str, value: float, metric: str, expected: float) -> None:
    outcome = _decode(**{name: value})
    assert isinstance(outcome, Decoded)
    assert outcome.samples[0].values == {metric: pytest.approx(expected)}
    assert outcome.samples[0].ts_ms == 1772352000000


def test_a_heat_meters_energy_is_heat() -> None:
    outcome = _decode(media="heat", total_kwh=5)
    assert isinstance(outcome, Decoded)
    assert outcome.samples[0].values == {"heat.energy": 5}


def test_a_status_that_is_not_ok_is_told() -> None:
    outcome = _decode(total_m3=1, status="DRY")
    assert isinstance(outcome, Decoded)
    assert [(happening.type, happening.attributes) for happening in outcome.happenings] == [("meter.status", {"detail": "DRY"})]


@pytest.mark.parametrize("fields", [{"id": ""}, {"_": "other"}, {}])
def test_what_is_no_reading_is_refused(fields: dict[str, Any]) -> None:
    assert isinstance(_decode(**fields), Rejected)
