"""The evaluation commands: a simulated stretch with one fault of each kind, and small data folders."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analytics.catalog import HEALTH, HOURLY, STREAM
from analytics.evaluation import Alarm, evaluate
from analytics.finding import FindingKind
from analytics.site import Site
from devices.errors import BadInput
from runtime import datasets, replay
from runtime.cli import run
from runtime.commands.evaluate import SHIPPED, report_of
from simulators.campus import build_campus
from simulators.faults import schedule
from simulators.history import generate
from simulators.labels import LabelledFault
from simulators.scenarios import scenarios

START = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
END = START + timedelta(days=12)


def fault(kind: str, device_id: str, from_h: float, hours: float, **parameters: float | str) -> LabelledFault:
    start = START + timedelta(hours=from_h)
    return LabelledFault(kind=kind, device_id=device_id, start=start, end=start + timedelta(hours=hours), parameters=parameters)


FAULTS = (
    fault("water.burst", "wm-dorm-a-f2", 200.5, 2.5, flow_l_per_h=7000.0),
    fault("water.running_tap", "wm-teach-1-f1", 217.2, 4.0, flow_l_per_h=600.0),
    fault("water.toilet_leak", "wm-lab-f2", 195.0, 60.0, flow_l_per_h=14.0),
    fault("elec.left_on", "em-teach-2-f1", 237.8, 9.0, power_w=6000.0),
    fault("elec.heating_appliance", "em-dorm-a-203", 230.0, 0.05, power_w=1900.0),
    fault("meter.frozen", "em-library-f1", 200.0, 40.0, catch_up=1.0),
    fault("meter.register_reset", "em-teach-1-f2", 210.25, 1.0),
    fault("device.dead", "wm-canteen-f1", 220.0, 12.0),
    fault("door.forced", "door-library-rear", 225.0, 0.1),
    fault("fire.smoke", "smoke-lab-f1-1", 226.0, 0.2),
)


def test_every_kind_is_found_and_nothing_else() -> None:
    campus = build_campus(3)
    ids = frozenset(one.device_id for one in FAULTS) | {"wm-dorm-a", "wm-campus", "em-teach-2", "em-teach-1"}
    history = generate(campus, start=START, end=END, faults=FAULTS, steps=replay.STEPS, device_ids=ids)
    alarms = replay.replay(campus, history, Site())
    result = evaluate(replay.labels(FAULTS), alarms, devices=len(ids), days=12)
    assert [(label.kind, label.device_id) for label in result.missed] == []
    assert [(alarm.kind, alarm.device_id) for alarm in result.false_alarms] == []


def test_a_burst_may_lower_the_pressure_at_its_hydrants() -> None:
    [label] = replay.labels([fault("water.burst", "wm-lab", 1, 1, flow_l_per_h=5e3, hydrant="hydrant-lab-1", site="campus")])
    assert {device_id for _, device_id in label.symptoms} == {"hydrant-lab-1", "hydrant-campus-1"}


def test_a_dorm_folder(tmp_path: Path) -> None:
    stamps = pd.date_range("2026-03-02", periods=360, freq="10s")
    power = np.full(360, 150)
    power[100:118] = 2000
    pd.DataFrame({"room": "A", "timestamp": stamps, "power_w": power}).to_parquet(tmp_path / "dorm.parquet")
    out = tmp_path / "alarms.csv"
    assert run("evaluate", ["dorm", str(tmp_path), "--out", str(out)]) == 0
    [alarm] = pd.read_csv(out, parse_dates=["start", "end"]).itertuples()
    assert alarm.room == "A"
    assert stamps[100] <= alarm.start <= stamps[106]
    assert stamps[117] <= alarm.end <= stamps[120]


def test_a_campus_folder(tmp_path: Path) -> None:
    stamps = pd.date_range("2025-03-03", periods=24 * 500, freq="h")
    litres = np.where((stamps.hour >= 7) & (stamps.hour < 22), 100.0, 0.0) * np.random.default_rng(1).uniform(0.9, 1.1, stamps.size)
    litres[11_000:11_004] = 5000.0
    litres[11_500:11_510] = np.nan
    table = pd.DataFrame({"meter": "W", "kind": "water_L", "timestamp": stamps, "value": litres})
    table.to_parquet(tmp_path / "campus.parquet")
    found = datasets.campus(tmp_path)
    assert [(row.start, row.end, row.kind) for row in found.itertuples()] == [
        (stamps[11_001], stamps[11_003], "water.burst"),
        (stamps[11_502], stamps[11_509], "device.dead"),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "known here: demo, campus, dorm"),
        (["campus"], "needs the data folder"),
        (["dorm", "/does/not/exist"], "no such file"),
        (["demo", "/tmp"], "leave the folder out"),
    ],
)
def test_wrong_calls_say_the_remedy(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("evaluate", arguments) == 1
    assert words in capsys.readouterr().err


def test_a_folder_without_the_columns(tmp_path: Path) -> None:
    pd.DataFrame({"other": [1]}).to_parquet(tmp_path / "dorm.parquet")
    with pytest.raises(BadInput, match="room, timestamp, power_w"):
        datasets.dorm(tmp_path)


def test_the_report_names_each_miss_and_false_alarm() -> None:
    truth = replay.labels(FAULTS[:2])
    false = Alarm(kind=FindingKind.ELEC_LEFT_ON, device_id="em-lab", raised=END, started=END, ended=END)
    report = report_of(evaluate(truth, [false], devices=10, days=30.4), weeks=4, seed=7, seconds=1.0)
    assert json.loads(json.dumps(report)) == report
    assert report["overall"]["false_alarms_per_device_month"] == 0.1
    assert [row["device_id"] for row in report["missed"]] == ["wm-dorm-a-f2", "wm-teach-1-f1"]
    assert [row["device_id"] for row in report["false_alarms"]] == ["em-lab"]


def test_every_shipped_detector_has_a_row_and_what_is_not_labelled_says_so() -> None:
    result = evaluate(replay.labels(FAULTS[:2]), [], devices=10, days=30.4, shipped=SHIPPED)
    rows = {row["kind"]: row for row in report_of(result, weeks=4, seed=7, seconds=1.0)["detectors"]}
    assert set(rows) == set(SHIPPED)
    assert rows["water.burst"]["ground_truth"]
    assert not rows["door.not_back"]["ground_truth"]
    assert rows["door.not_back"]["recall"] is None


def test_each_meter_detector_has_a_scenario_in_eight_weeks() -> None:
    campus, end = build_campus(7), START + timedelta(weeks=9)
    week = timedelta(weeks=1)
    faults = schedule(campus, START, end, 7, warm_up=week)
    faults += scenarios(campus, START, end, 7, taken=faults, warm_up=week)
    kinds = {one.kind for one in faults}
    shipped = {detector.kind for detector in (*HOURLY, *STREAM)} | {FindingKind.ELEC_POWER_QUALITY, *HEALTH}
    assert shipped <= kinds
