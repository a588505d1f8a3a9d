"""Rows into readings: what offices write for times and numbers, and what is told of rows that cannot be used."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import BadInput
from devices.model import Reading
from ingest.table_import import Plan, Problem, check, convert, guess
from ingest.tables import Row

PLAN = Plan(time="t", value="v", device_column="d", metric="water.volume")
MARCH = 1_772_325_000_000  # 2026-03-01 08:30 in Shanghai


def one(plan: Plan = PLAN, known: frozenset[str] | None = None, **cells: str) -> object:
    row = Row(7, {"t": "2026-03-01 08:30", "v": "12.5", "d": "wm-1", **cells})
    return next(convert(iter([row]), plan, known))


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01 08:30",
        "2026-03-01T08:30:00",
        "2026-03-01T00:30:00Z",
        "2026-03-01T08:30:00+08:00",
        "2026/3/1 8:30",
        "2026/03/01 08:30:00",
        "2026.3.1 8:30",
        "2026年3月1日 8:30",
        "2026年3月1日8时30分",
        "２０２６-03-01 08：30",
        "20260301083000",
        "1772325000",
        "1772325000000",
        "46082.35416666666",
    ],
)
def test_times(text: str) -> None:
    assert one(t=text) == (7, Reading("wm-1", "water.volume", MARCH, 12.5))


def test_a_date_alone_is_its_midnight_and_24_00_the_next() -> None:
    assert [one(t=text)[1].ts_ms for text in ("2026-03-02", "20260302", "2026-03-01 24:00")] == [MARCH + 55_800_000] * 3  # type: ignore[index]


@pytest.mark.parametrize(("text", "value"), [("1,234.5", 1234.5), ("１２．５", 12.5), ("-3", -3.0), ("1e3", 1000.0), (" 7 ", 7.0)])
def test_numbers(text: str, value: float) -> None:
    assert one(v=text)[1].value == value  # type: ignore[index]


@pytest.mark.parametrize(("unit", "value"), [("L", 0.0125), ("升", 0.0125), ("m3", 12.5), ("m³", 12.5), ("吨", 12.5), ("", 12.5)])
def test_units(unit: str, value: float) -> None:
    assert one(replace(PLAN, unit=unit))[1].value == pytest.approx(value)  # type: ignore[index]


@pytest.mark.parametrize(
    ("cells", "column", "words"),
    [
        ({"t": "yesterday"}, "t", "is no time"),
        ({"t": ""}, "t", "is no time"),
        ({"t": "2026-13-01"}, "t", "is no time"),
        ({"t": "1969-01-01"}, "t", "outside 1970-2099"),
        ({"v": ""}, "v", "is empty"),
        ({"v": "12,5"}, "v", "is no number"),
        ({"v": "nan"}, "v", "is no number"),
        ({"v": "1_000"}, "v", "is no number"),
        ({"d": ""}, "d", "is empty"),
        ({"d": "wm-9"}, "d", "no device 'wm-9'"),
    ],
)
def test_a_row_that_cannot_be_used_is_told_with_its_column(cells: dict[str, str], column: str, words: str) -> None:
    problem = one(known=frozenset({"wm-1"}), **cells)
    assert isinstance(problem, Problem)
    assert (problem.row, problem.column, words in problem.message) == (7, column, True)


@pytest.mark.parametrize(
    ("columns", "expect"),
    [
        (["device_id", "metric", "ts_ms", "value", "quality"], ("ts_ms", "value", "device_id", "metric", "quality")),
        (["表号", "抄表时间", "读数（kWh）"], ("抄表时间", "读数（kWh）", "表号", None, None)),
        (["Meter", "Date", "Reading [m3]"], ("Date", "Reading [m3]", "Meter", None, None)),
    ],
)
def test_the_plan_is_guessed_from_the_names(columns: list[str], expect: tuple[str | None, ...]) -> None:
    plan = guess(columns, timezone="Asia/Shanghai")
    assert plan is not None
    assert (plan.time, plan.value, plan.device_column, plan.metric_column, plan.quality_column) == expect
    assert guess(["a", "b"], timezone="Asia/Shanghai") is None


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"time": "x"}, "time: there is no column 'x'"),
        ({"device_column": None}, "device_column: say which"),
        ({"metric": None}, "metric_column: say which"),
        ({"unit": "kWh"}, "unit: 'kWh' cannot be turned into m3; water.volume takes m3, L"),
        ({"timezone": "Mars/Base"}, "timezone: no time zone"),
    ],
)
def test_a_plan_that_does_not_fit_is_told(change: dict[str, str | None], place: str) -> None:
    with pytest.raises(BadInput, match=place):
        check(replace(PLAN, **change), ["t", "v", "d"])  # type: ignore[arg-type]


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_any_cells_give_a_reading_or_a_problem(time: str, value: str, device: str) -> None:
    assert isinstance(one(t=time, v=value, d=device), tuple)


@pytest.mark.parametrize(
    ("column", "metric", "unit"),
    [
        ("表底(kWh)", "elec.energy.import", "kWh"),
        ("止码（m³）", "water.volume", "m3"),
        ("读数[MWh]", "elec.energy.import", "MWh"),
        ("Reading (kwh)", "elec.energy.import", "kWh"),
        ("示数（吨）", "water.volume", "m3"),
        ("读数", None, None),
        ("读数（备注）", None, None),
    ],
)
def test_the_unit_in_a_columns_name_counts(column: str, metric: str | None, unit: str | None) -> None:
    plan = guess(["表号", "时间", column], timezone="Asia/Shanghai")
    assert plan is not None
    assert (plan.value, plan.device_column, plan.metric, plan.unit) == (column, "表号", metric, unit)
