"""`caretaker backtest`: a user's own file, from the columns' names to the money."""

import json
import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from runtime.cli import run
from runtime.meter_table import habits_of, number


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
    assert "dorm.csv (register): 1,43" in told
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


def test_consumption_called_a_register_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = leaking_dormitory(tmp_path / "dorm.csv", register=False)
    assert run("backtest", [str(file), "--quantity", "water", "--values", "register"]) == 1
    assert "--values consumption" in capsys.readouterr().err


@pytest.mark.parametrize("register", [True, False])
def test_what_the_numbers_are_is_told_by_their_course(tmp_path: Path, capsys: pytest.CaptureFixture[str], register: bool) -> None:
    file = leaking_dormitory(tmp_path / "dorm.csv", register=register)
    assert run("backtest", [str(file), "--quantity", "water", "--json"]) == 0
    (meter,) = json.loads(capsys.readouterr().out)["meters"]
    assert meter["values"] == ("register" if register else "consumption")
    assert 400 < meter["consumption"] < 800


HABITS = {
    "German": ("Zeitstempel;Z\u00e4hlerstand [kWh];Status", "{at:%d.%m.%Y %H:%M};{value};ok", ","),
    "American": ('Date,Time,"Reading (kWh)"', '{at:%m/%d/%Y},{at:%I:%M %p},"{value}"', "."),
    "Chinese": ("表计名称,采集时间,正向有功总电能(kWh),备注", "一号表,{at:%Y年%m月%d日 %H时%M分},{value},", "."),
    "ISO": ("Timestamp,energy_wh", "{at:%Y-%m-%dT%H:%M:%S}+08:00,{value}", "."),
    "nameless": ("when,what", "{at:%Y-%m-%d %H:%M},{value}", "."),
}


@pytest.mark.parametrize("habit", HABITS)
def test_tables_of_any_habit(tmp_path: Path, capsys: pytest.CaptureFixture[str], habit: str) -> None:
    header, line, point = HABITS[habit]
    factor = 1000 if "_wh" in header else 1
    lines = [
        line.format(at=datetime(2026, 3, 2) + timedelta(hours=hour), value=f"{(1000 + 2 * hour) * factor:.2f}".replace(".", point))  # noqa: DTZ001
        for hour in range(30 * 24)
    ]
    lines[9] = lines[9].replace(f"{1018 * factor:.2f}".replace(".", point), "N/A")
    file = tmp_path / "meter.csv"
    file.write_text("\n".join([header, *lines]), encoding="utf-8")
    assert run("backtest", [str(file), "--json"]) == 0
    (meter,) = json.loads(capsys.readouterr().out)["meters"]
    assert meter["consumption"] == pytest.approx(2 * (30 * 24 - 1), rel=0.01)


def test_dates_that_could_be_meant_two_ways_are_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "short.csv"
    file.write_text("time,value\n03/04/2026 08:00,5\n03/05/2026 08:00,6\n")
    assert run("backtest", [str(file)]) == 1
    assert "may be day or month first; write 2026-03-01" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("0,123", "1,456"), (0.123, 1.456)),
        (("1.234,5", "1.234.567,8"), (1234.5, 1234567.8)),
        (("1,234.5", "12"), (1234.5, 12.0)),
        (("1 234,5", "7"), (1234.5, 7.0)),
        (("12,345", "1,000"), (12345.0, 1000.0)),
    ],
)
def test_numbers(cells: tuple[str, ...], expected: tuple[float, ...]) -> None:
    habits = habits_of((), cells, "here")
    assert tuple(number(cell, habits) for cell in cells) == expected
