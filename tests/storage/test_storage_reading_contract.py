"""The laws of a ReadingStore, held by every implementation.

VictoriaMetrics takes part where it is installed, InfluxDB 2 where CARETAKER_TEST_INFLUX_* name one.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen
from uuid import uuid4

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from devices.errors import BadInput, DependencyFailed
from devices.model import Quality, Reading
from storage.embedded import EmbeddedReadingStore
from storage.embedded_days import DAY_MS
from storage.influxdb2 import InfluxReadingStore
from storage.reading_store import Aggregate, ReadingStore, Window
from storage.victoria_http import Access
from storage.victoriametrics import VictoriaReadingStore

T = 20_000 * DAY_MS  # 2024-10-04
HOUR = 3_600_000
FAR = date(2090, 1, 1)
ALL = (T - 100 * DAY_MS, T + 100 * DAY_MS)
IMPLAUSIBLE, LATE = int(Quality.IMPLAUSIBLE), int(Quality.LATE)


def _influx() -> InfluxReadingStore:
    names = ("CARETAKER_TEST_INFLUX_URL", "CARETAKER_TEST_INFLUX_ORG", "CARETAKER_TEST_INFLUX_TOKEN")
    missing = [name for name in names if name not in os.environ]
    if missing:
        pytest.skip(f"no InfluxDB 2 to test against: set {', '.join(missing)}")
    url, org, token = (os.environ[name] for name in names)
    store = InfluxReadingStore(url=url, org=org, bucket=f"caretaker-test-{uuid4().hex[:12]}", token=SecretStr(token))
    store.create_bucket()
    return store


def _victoria(url: str, resend: Path) -> VictoriaReadingStore:
    """One server serves all tests: each begins with nothing in it."""
    fields = urlencode({"match[]": '{__name__!=""}'}).encode()
    with urlopen(f"{url}/internal/force_flush"), urlopen(f"{url}/api/v1/admin/tsdb/delete_series", fields):
        pass
    clocks: Any = {"epoch_ms": lambda: time.time_ns() // 1_000_000, "steady_s": time.monotonic}
    return VictoriaReadingStore(Access(url=url), resend_directory=resend, **clocks)


@pytest.fixture(params=["embedded", "influxdb2", pytest.param("victoriametrics", marks=pytest.mark.network)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ReadingStore]:
    makers: dict[str, Callable[[], ReadingStore]] = {
        "embedded": lambda: EmbeddedReadingStore(tmp_path / "readings"),
        "influxdb2": _influx,
        "victoriametrics": lambda: _victoria(request.getfixturevalue("victoria_url"), tmp_path),
    }
    with closing(makers[request.param]()) as made:
        yield made
        if isinstance(made, InfluxReadingStore):
            made.drop_bucket()


def settle(store: ReadingStore) -> None:
    """Seals what the store can seal: no law may depend on it."""
    if isinstance(store, EmbeddedReadingStore):
        store.seal(FAR)


def table(readings: Sequence[Reading]) -> pa.Table:
    return pa.table({name: [getattr(reading, name) for reading in readings] for name in Reading._fields})


def rows(frame: pd.DataFrame) -> list[Reading]:
    return [Reading(*row) for row in frame.itertuples(index=False)]


@pytest.mark.parametrize("sealed", [False, True], ids=["hot", "sealed"])
def test_what_was_written_is_found_and_the_last_value_stands(store: ReadingStore, sealed: bool) -> None:
    store.write([Reading("m1", "elec.power.active", T, 1.0), Reading("m1", "elec.power.active", T + 1000, 2.0)])
    if sealed:
        settle(store)
    store.write([Reading("m1", "elec.power.active", T, 1.5, LATE)])
    store.write([Reading("m1", "elec.power.active", T, 1.5, LATE)])
    expected = [Reading("m1", "elec.power.active", T, 1.5, LATE), Reading("m1", "elec.power.active", T + 1000, 2.0)]
    assert store.range("m1", "elec.power.active", *ALL) == expected
    settle(store)
    assert store.range("m1", "elec.power.active", *ALL) == expected


def test_in_one_batch_too_the_last_of_equal_keys_stands(store: ReadingStore) -> None:
    store.write([Reading("m1", "leak", T, 9.0), Reading("m1", "leak", T, 1.0), Reading("m1", "leak", T, 5.0)])
    assert store.range("m1", "leak", *ALL) == [Reading("m1", "leak", T, 5.0)]


def test_nothing_written_changes_nothing(store: ReadingStore) -> None:
    store.write([])
    assert store.latest(["m1"]) == []
    assert store.range("m1", "leak", *ALL) == []
    assert store.frame(["m1"], ["leak"], *ALL).empty
    assert store.delete_before(T) in {0, -1}


def test_a_range_is_half_open_ordered_and_limited(store: ReadingStore) -> None:
    times = [T + 5 * HOUR, T, T + 30 * HOUR, T - 1, T + 2 * HOUR, T + 49 * HOUR]
    store.write([Reading("m1", "water.flow", ts, float(ts - T)) for ts in times])
    for _ in range(2):
        found = [reading.ts_ms - T for reading in store.range("m1", "water.flow", T, T + 30 * HOUR)]
        assert found == [0, 2 * HOUR, 5 * HOUR]
        assert [r.ts_ms - T for r in store.range("m1", "water.flow", *ALL, limit=2)] == [-1, 0]
        assert store.range("m1", "water.flow", T, T) == []
        assert store.range("m1", "water.flow", T + 1, T) == []
        settle(store)


def test_a_frame_is_sorted_typed_and_takes_only_what_was_asked(store: ReadingStore) -> None:
    store.write([Reading(device, metric, T, 1.0, LATE) for device in ("b", "a", "c") for metric in ("leak", "burst", "tamper")])
    for _ in range(2):
        frame = store.frame(["c", "a", "a", "nobody"], ["leak", "burst"], T, T + 1)
        assert list(frame.columns) == ["device_id", "metric", "ts_ms", "value", "quality"]
        assert [str(frame[name].dtype) for name in ("ts_ms", "value", "quality")] == ["int64", "float64", "int64"]
        assert list(zip(frame["device_id"], frame["metric"], strict=True)) == [
            ("a", "burst"),
            ("a", "leak"),
            ("c", "burst"),
            ("c", "leak"),
        ]
        assert set(frame["quality"]) == {LATE}
        settle(store)
    empty = store.frame(["nobody"], ["leak"], T, T + 1)
    assert empty.empty
    assert list(empty.columns) == list(frame.columns)


def test_late_data_reaches_a_sealed_day(store: ReadingStore) -> None:
    store.write([Reading("m1", "leak", T + 10, 1.0), Reading("m2", "leak", T + 10, 2.0)])
    settle(store)
    store.write([Reading("m1", "leak", T + 5, 0.5, LATE), Reading("m3", "leak", T + 10, 3.0, LATE)])
    expected = [
        Reading("m1", "leak", T + 5, 0.5, LATE),
        Reading("m1", "leak", T + 10, 1.0),
        Reading("m2", "leak", T + 10, 2.0),
        Reading("m3", "leak", T + 10, 3.0, LATE),
    ]
    for _ in range(3):
        assert rows(store.frame(["m1", "m2", "m3"], ["leak"], *ALL)) == expected
        settle(store)


def test_latest_finds_the_youngest_wherever_it_lies(store: ReadingStore) -> None:
    store.write([Reading("old", "leak", T - 40 * DAY_MS, 7.0), Reading("m1", "leak", T, 1.0), Reading("m1", "burst", T - 5, 0.0)])
    settle(store)
    store.write([Reading("m1", "leak", T - DAY_MS, 9.0, LATE), Reading("m2", "leak", T + 3, 2.0)])
    expected = [
        Reading("m1", "burst", T - 5, 0.0),
        Reading("m1", "leak", T, 1.0),
        Reading("m2", "leak", T + 3, 2.0),
        Reading("old", "leak", T - 40 * DAY_MS, 7.0),
    ]
    for _ in range(2):
        assert store.latest(["old", "m2", "m1", "nobody", "m1"]) == expected
        assert store.latest(["m1"], ["leak", "tamper"]) == [expected[1]]
        assert store.latest([]) == []
        assert store.latest(["m1"], []) == []
        settle(store)
    store.write([Reading("old", "leak", T + 8, 8.0), Reading("m1", "leak", T, 1.25)])
    assert store.latest(["old", "m1"], ["leak"]) == [Reading("m1", "leak", T, 1.25), Reading("old", "leak", T + 8, 8.0)]


WINDOW_READINGS = [
    Reading("m1", "water.volume.hourly", T, 1.0),
    Reading("m1", "water.volume.hourly", T + HOUR - 1, 2.5, LATE),
    Reading("m1", "water.volume.hourly", T + 30 * 60_000, 1e9, IMPLAUSIBLE),
    Reading("m1", "water.volume.hourly", T + 25 * HOUR, 4.0),
    Reading("m1", "water.volume.hourly", T + 50 * HOUR, 1e9, IMPLAUSIBLE),
    Reading("m2", "water.volume.hourly", T + HOUR, -3.0),
]


@pytest.mark.parametrize(
    ("aggregate", "first", "nothing"),
    [
        (Aggregate.SUM, 3.5, None),
        (Aggregate.MEAN, 1.75, None),
        (Aggregate.MIN, 1.0, None),
        (Aggregate.MAX, 2.5, None),
        (Aggregate.FIRST, 1.0, None),
        (Aggregate.LAST, 2.5, None),
        (Aggregate.COUNT, 2.0, 0.0),
    ],
)
def test_windows_keep_to_their_edges_and_leave_out_the_implausible(
    store: ReadingStore, aggregate: Aggregate, first: float, nothing: float | None
) -> None:
    edges = [T, T + HOUR, T + 25 * HOUR, T + 50 * HOUR, T + 51 * HOUR]  # uneven, as days are when the clock changes
    flags = LATE | IMPLAUSIBLE
    one, minus_three, four = (1.0, 1.0, 1.0) if aggregate is Aggregate.COUNT else (1.0, -3.0, 4.0)
    for write in (lambda: store.write(WINDOW_READINGS), lambda: settle(store), lambda: store.write(WINDOW_READINGS[:1])):
        write()
        assert store.windows(["m2", "m1"], "water.volume.hourly", edges, aggregate) == [
            Window(device_id="m2", start_ms=edges[0], value=nothing, count=0),
            Window(device_id="m2", start_ms=edges[1], value=one if aggregate is Aggregate.COUNT else minus_three, count=1),
            Window(device_id="m2", start_ms=edges[2], value=nothing, count=0),
            Window(device_id="m2", start_ms=edges[3], value=nothing, count=0),
            Window(device_id="m1", start_ms=edges[0], value=first, count=2, quality=flags),
            Window(device_id="m1", start_ms=edges[1], value=nothing, count=0),
            Window(device_id="m1", start_ms=edges[2], value=four, count=1),
            Window(device_id="m1", start_ms=edges[3], value=nothing, count=0, quality=IMPLAUSIBLE),
        ]


def test_windows_that_are_none(store: ReadingStore) -> None:
    store.write(WINDOW_READINGS)
    assert store.windows([], "water.volume.hourly", [T, T + 1], Aggregate.SUM) == []
    assert store.windows(["m1"], "water.volume.hourly", [T], Aggregate.SUM) == []
    for edges in ([T, T], [T + 1, T]):
        with pytest.raises(BadInput, match="ascend strictly"):
            store.windows(["m1"], "water.volume.hourly", edges, Aggregate.SUM)


@pytest.mark.parametrize(
    "name",
    ["宿舍楼-3#电表", "a b,c=d", 'it\'s "quoted"', "back\\slash\\", "${x} |> drop()", "; DROP TABLE reading; --", "é\u0301🙂"],
)
def test_any_text_is_a_device_id(store: ReadingStore, name: str) -> None:
    reading = Reading(name, "x.测量", T, 1.5)
    store.write([reading, Reading("other", "x.测量", T, 9.0)])
    for _ in range(2):
        assert store.latest([name]) == [reading]
        assert store.range(name, "x.测量", *ALL) == [reading]
        assert rows(store.frame([name], ["x.测量"], *ALL)) == [reading]
        assert store.windows([name], "x.测量", [T, T + 1], Aggregate.SUM)[0].value == 1.5
        settle(store)


def test_numbers_come_back_as_they_went(store: ReadingStore) -> None:
    values = [0.0, -0.0, 0.1, 1e-300, 1.7976931348623157e308, -123456.789, 1e15 + 0.125]
    store.write([Reading("m1", "counter", T + index, value) for index, value in enumerate(values)])
    for _ in range(2):
        assert [reading.value for reading in store.range("m1", "counter", *ALL)] == values
        settle(store)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_a_finite_number_is_refused_whole(store: ReadingStore, value: float) -> None:
    with pytest.raises(BadInput, match="finite"):
        store.write([Reading("m1", "leak", T, 1.0), Reading("m1", "leak", T + 1, value)])
    assert store.latest(["m1"]) == []


def test_a_time_out_of_this_world_is_refused(store: ReadingStore) -> None:
    for ts in (-1, 10**17):
        with pytest.raises(BadInput, match="1970-2099"):
            store.write([Reading("m1", "leak", ts, 1.0)])


def test_delete_before_takes_the_older_and_leaves_the_rest(store: ReadingStore) -> None:
    readings = [Reading("m1", "leak", T + hour * HOUR, float(hour)) for hour in range(-60, 60, 6)]
    store.write(readings)
    settle(store)
    store.write([readings[3]._replace(value=99.0), Reading("gone", "leak", T - 50 * HOUR, 1.0)])
    cut = T + 7 * HOUR
    if isinstance(store, VictoriaReadingStore):  # deletes whole series or nothing: the server's retention does the rest
        with pytest.raises(DependencyFailed, match="-retentionPeriod"):
            store.delete_before(cut)
        assert len(store.range("m1", "leak", *ALL)) == len(readings)
        readings, cut = readings[3:4], T - 49 * HOUR
        assert store.delete_before(T + 100 * HOUR) == -1
        assert store.latest(["gone", "m1"]) == []
        store.write(readings)
    assert store.delete_before(cut) in {sum(reading.ts_ms < cut for reading in readings) + 1, -1}
    assert store.range("m1", "leak", *ALL) == [reading for reading in readings if reading.ts_ms >= cut]
    assert store.latest(["gone", "m1"]) == [readings[-1]]
    assert store.delete_before(cut) in {0, -1}
    store.write([Reading("gone", "leak", T, 2.0)])
    assert store.latest(["gone"]) == [Reading("gone", "leak", T, 2.0)]


def test_an_import_merges_with_what_is_there_and_repeats_without_harm(store: ReadingStore) -> None:
    store.write([Reading("m1", "leak", T + 5 * DAY_MS, 1.0)])
    history = [Reading(device, "leak", T + day * DAY_MS + 7, float(day)) for device in ("m2", "m1") for day in range(6)]
    for _ in range(2):
        assert store.import_table(table(history)) == len(history)
        expected = sorted([*history, Reading("m1", "leak", T + 5 * DAY_MS, 1.0)])
        assert rows(store.frame(["m1", "m2"], ["leak"], *ALL)) == expected
        assert store.latest(["m1", "m2"]) == [Reading(device, "leak", T + 5 * DAY_MS + 7, 5.0) for device in ("m1", "m2")]
    settle(store)
    assert store.import_table(table([Reading("m1", "leak", T + 5 * DAY_MS, 2.0)]).drop_columns(["quality"])) == 1
    assert store.range("m1", "leak", T + 5 * DAY_MS, T + 5 * DAY_MS + 1) == [Reading("m1", "leak", T + 5 * DAY_MS, 2.0)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop_columns(["ts_ms"]), "no column ts_ms"),
        (lambda t: t.set_column(3, "value", pa.array([1.0, None])), "row 2: value is empty"),
        (lambda t: t.set_column(3, "value", pa.array([1.0, float("nan")])), "row 2: value is not a finite"),
        (lambda t: t.set_column(2, "ts_ms", pa.array([-5, T])), "row 1: ts_ms lies outside"),
        (lambda t: t.set_column(3, "value", pa.array(["1.0", "much"])), "value cannot be read"),
    ],
)
def test_a_table_that_cannot_be_used_says_where(store: ReadingStore, change: Callable[[pa.Table], pa.Table], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        store.import_table(change(table([Reading("m1", "leak", T, 1.0), Reading("m1", "leak", T + 1, 1.0)])))
    assert store.latest(["m1"]) == []


_reading = st.builds(
    Reading,
    st.sampled_from(["a", "b", "楼"]),
    st.sampled_from(["leak", "water.flow"]),
    st.integers(-2, 2).flatmap(lambda day: st.integers(0, 3).map(lambda step: T + day * DAY_MS + step * 8 * HOUR - 1)),
    st.integers(-9, 9).map(float),
    st.sampled_from([0, LATE, IMPLAUSIBLE]),
)
_step = st.one_of(
    st.tuples(st.just("write"), st.lists(_reading, min_size=1, max_size=6)),
    st.tuples(st.just("import"), st.lists(_reading, min_size=1, max_size=6)),
    st.tuples(st.just("seal"), st.integers(-2, 3)),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(_step, max_size=8))
def test_any_order_of_writes_imports_and_seals_gives_the_same_readings(
    steps: list[tuple[str, list[Reading] | int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    expected: dict[tuple[str, str, int], Reading] = {}
    with closing(EmbeddedReadingStore(tmp_path_factory.mktemp("order") / "readings")) as store:
        for verb, what in steps:
            if isinstance(what, int):
                store.seal(date.fromordinal(date(2024, 10, 4).toordinal() + what))
                continue
            expected |= {reading[:3]: reading for reading in what}
            if verb == "write":
                store.write(what)
            else:
                store.import_table(table(what))
        wanted = sorted(expected.values())
        assert rows(store.frame(["a", "b", "楼"], ["leak", "water.flow"], *ALL)) == wanted
        youngest = {reading[:2]: reading for reading in wanted}
        assert store.latest(["a", "b", "楼"]) == sorted(youngest.values())
        totals = store.windows(["a", "b", "楼"], "leak", [ALL[0], T, ALL[1]], Aggregate.SUM)
        assert [window.count for window in totals] == [
            sum(r[:2] == (device, "leak") and low <= r.ts_ms < high and not r.quality & IMPLAUSIBLE for r in wanted)
            for device in ("a", "b", "楼")
            for low, high in ((ALL[0], T), (T, ALL[1]))
        ]
