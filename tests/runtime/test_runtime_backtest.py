"""`caretaker backtest`: a user's own file, from the columns' names to the money."""

import json
import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from runtime.cli import run


def leaking_dormitory(path: Path, encoding: str = "utf-8", *, register: bool = True) -> Path:
    """Sixty days of hourly water in m3, and a leak of 250 L/h in the last twenty."""
    draw = random.Random(1)
    total, lines, at = 1000.0, ["时间,读数"], datetime(2026, 3, 2)  # noqa: DTZ001 - local times without a zone, as people's files have them
    for hour in range(60 * 24):
        busy = 7 <= at.hour < 22 and at.weekday() < 5
        used = draw.uniform(0.3, 0.6) if busy else draw.uniform(0, 0.02)
        used += 0.25 if hour >= 40 * 24 else 0.0
        total += used
        at += timedelta(hours=1)
        lines.append(f"{at:%Y/%m/%d %H:%M},{(total if register else used):.3f}")
    path.write_text("\n".join(lines), encoding=encoding)
    return path


@pytest.mark.parametrize("register", [True, False])
def test_a_leak_in_a_users_register_is_told_with_evidence_and_cost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], register: bool
) -> None:
    file = leaking_dormitory(tmp_path / "dorm.csv", "gb18030", register=register)
    values = "register" if register else "consumption"
    assert run("backtest", [str(file), "--quantity", "water", "--values", values, "--use", "dormitory", "--json"]) == 0
    (meter,) = json.loads(capsys.readouterr().out)["meters"]
    leak = next(one for one in meter["findings"] if one["kind"] == "water.toilet_leak")
    assert leak["ended"] is None
    assert "2026-04-09" < leak["started"] < leak["raised"] < "2026-04-13"
    assert 0.8 * 120 <= leak["wasted"]["m3"] <= 1.2 * 120
    assert leak["wasted"]["money"] == pytest.approx(leak["wasted"]["m3"] * 4.10, rel=0.01)
    assert len(leak["evidence"]["observed"]) > 24


def test_the_text_names_the_meter_and_the_money(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("backtest", [str(leaking_dormitory(tmp_path / "dorm.csv")), "--quantity", "water"]) == 0
    told = capsys.readouterr().out
    assert "dorm.csv: 1,43" in told
    assert "water.toilet_leak" in told
    assert "CNY wasted" in told


@pytest.mark.parametrize(
    ("text", "arguments", "complaint"),
    [
        ("when,what\n1,2\n", [], "no column for the time; there are when, what; say which with --time-column"),
        ("time,value\nyesterday,2\n", [], "row 2: 'yesterday' is no time"),
        ("time,value\n2026-03-01,two\n", [], "row 2: 'two' is no number"),
        ("time,value\n1926-03-01,2\n", [], "outside the years"),
        ("time,value\n", [], "no row with a value"),
        ("time,value\n2026-03-01,2\n", ["--quantity", "steam"], "no quantity 'steam'"),
        ("time,value\n2026-03-01,2\n", ["--unit", "m3"], "no unit of electricity"),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, arguments: list[str], complaint: str
) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(text)
    assert run("backtest", [str(file), *arguments]) == 1
    assert complaint in capsys.readouterr().err


def test_consumption_given_as_a_register_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = leaking_dormitory(tmp_path / "dorm.csv", register=False)
    assert run("backtest", [str(file), "--quantity", "water"]) == 1
    assert "--values consumption" in capsys.readouterr().err
