"""InfluxDB 2 without an InfluxDB: the text we send, the answers we understand, and writes read back from a VictoriaMetrics."""

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from devices.errors import BadInput, DependencyFailed
from devices.model import Quality, Reading
from storage import influxdb2
from storage.influxdb2 import InfluxReadingStore
from storage.line_protocol import encode, escape, plain, stored
from storage.reading_store import Aggregate, Window

T = 1_763_683_200_000
HOUR = 3_600_000
Answer = tuple[int, dict[str, str], str]


# ---- line protocol


@pytest.mark.parametrize(
    ("reading", "line"),
    [
        (Reading("em-1", "elec.power.active", T, 1200.0), f"elec.power.active,device=em-1 value=1200.0,quality=0i {T}"),
        (Reading("em-1", "leak", T, 1, 6), f"leak,device=em-1 value=1.0,quality=6i {T}"),
        (Reading("a b,c=d", "x.y z", T, 0.1), rf"x.y\ z,device=a\ b\,c\=d value=0.1,quality=0i {T}"),
        (Reading("宿舍-3", "x.测量", T, -1e-300), f"x.测量,device=宿舍-3 value=-1e-300,quality=0i {T}"),
        (Reading("tail\\", "leak", T, 1.0), f"leak,device=tail%5C value=1.0,quality=0i {T}"),
        (Reading("two\nlines", "_internal", T, 1.0), f"%5Finternal,device=two%0Alines value=1.0,quality=0i {T}"),
        (Reading("100%", "#x", T, 1.0), f"%23x,device=100%25 value=1.0,quality=0i {T}"),
    ],
)
def test_a_reading_is_one_line(reading: Reading, line: str) -> None:
    assert encode([reading]).decode() == line


def test_of_equal_keys_the_last_line_alone_is_sent() -> None:
    readings = [Reading("a", "leak", T, 1.0), Reading("a", "leak", T + 1, 2.0), Reading("a", "leak", T, 3.0)]
    assert [line.split()[1] for line in encode(readings).decode().splitlines()] == ["value=3.0,quality=0i", "value=2.0,quality=0i"]


def test_a_name_must_not_be_empty() -> None:
    with pytest.raises(BadInput, match="empty"):
        encode([Reading("", "leak", T, 1.0)])


@given(st.text(min_size=1))
def test_any_name_makes_one_line_and_comes_back(name: str) -> None:
    line = escape(name)
    assert plain(stored(name)) == name
    assert line.isprintable() or not set(line) & set(map(chr, range(32)))
    assert not line.endswith("\\")


# ---- Flux


def test_flux_for_rows() -> None:
    assert influxdb2.rows_flux(2, 1) == (
        "from(bucket: p_bucket)\n"
        "  |> range(start: p_start, stop: p_stop)\n"
        "  |> filter(fn: (r) => (r._measurement == p_metric_0) and (r.device == p_device_0 or r.device == p_device_1))\n"
        '  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")\n'
        '  |> keep(columns: ["_measurement", "device", "_time", "value", "quality"])'
    )
    assert influxdb2.rows_flux(1, 1, limited=True).endswith('  |> sort(columns: ["_time"])\n  |> limit(n: p_limit)')


def test_flux_for_the_latest() -> None:
    assert influxdb2.latest_flux(1, None) == (
        "from(bucket: p_bucket)\n"
        "  |> range(start: 1970-01-01T00:00:00Z, stop: 2100-01-01T00:00:00Z)\n"
        "  |> filter(fn: (r) => (r.device == p_device_0))\n"
        "  |> last()\n"
        '  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")\n'
        '  |> keep(columns: ["_measurement", "device", "_time", "value", "quality"])'
    )
    assert "(r._measurement == p_metric_0 or r._measurement == p_metric_1) and" in influxdb2.latest_flux(1, 2)


def test_flux_for_windows() -> None:
    assert influxdb2.windows_flux(1, T - HOUR // 2, HOUR, Aggregate.SUM) == (
        "from(bucket: p_bucket)\n"
        "  |> range(start: p_start, stop: p_stop)\n"
        '  |> filter(fn: (r) => r._measurement == p_metric_0 and r._field == "value" and (r.device == p_device_0))\n'
        '  |> aggregateWindow(every: 3600000ms, offset: 1800000ms, fn: sum, createEmpty: false, timeSrc: "_start")'
    )
    assert influxdb2.flagged_flux(1) == (
        "from(bucket: p_bucket)\n"
        "  |> range(start: p_start, stop: p_stop)\n"
        '  |> filter(fn: (r) => r._measurement == p_metric_0 and r._field == "quality" and (r.device == p_device_0))\n'
        "  |> filter(fn: (r) => r._value != 0)"
    )


def test_days_of_uneven_length_are_runs_of_equal_windows() -> None:
    day = 24 * HOUR
    edges = [0, day, 2 * day, 3 * day - HOUR, 4 * day - HOUR, 5 * day - HOUR]
    assert influxdb2.equal_runs(edges) == [(0, 0, day, 2), (2, 2 * day, day - HOUR, 1), (3, 3 * day - HOUR, day, 2)]


# ---- a server that answers as InfluxDB does


class Server:
    """Keeps what was asked; answers what the test says."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.answer: Callable[[str, str], Answer] = lambda path, body: (204, {}, "")
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                text = (gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body).decode()
                outer.asked.append((self.path, text))
                status, headers, answer = outer.answer(self.path, text)
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(answer.encode()))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.encode())

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.http.shutdown()
    thread.join()
    made.http.server_close()


def open_store(url: str, timeout_s: float = 10.0) -> InfluxReadingStore:
    return InfluxReadingStore(url=url, org="school", bucket="caretaker", token=SecretStr("t0ken"), timeout_s=timeout_s)


@pytest.fixture
def store(server: Server) -> Iterator[InfluxReadingStore]:
    with closing(open_store(server.url)) as made:
        yield made


def test_a_write_is_our_own_text_in_milliseconds(server: Server, store: InfluxReadingStore) -> None:
    store.write([Reading("em-1", "leak", T, 1.0)])
    assert server.asked == [
        ("/api/v2/write?org=school&bucket=caretaker&precision=ms", f"leak,device=em-1 value=1.0,quality=0i {T}"),
    ]


@pytest.mark.parametrize(
    ("status", "headers", "transient", "wait_s", "says"),
    [
        (503, {"Retry-After": "7"}, True, 7.0, "503: overloaded"),
        (429, {}, True, 1.0, "429"),
        (500, {}, True, 1.0, "500"),
        (400, {}, False, 1.0, "400"),
        (401, {}, False, 1.0, "put a valid one into token_file"),
        (403, {}, False, 1.0, "read and write access"),
        (404, {}, False, 1.0, r"correct bucket and org in \[store\]"),
    ],
)
def test_an_error_says_whether_to_try_again(  # noqa: PLR0917 - a table's columns
    server: Server, store: InfluxReadingStore, status: int, headers: dict[str, str], transient: bool, wait_s: float, says: str
) -> None:
    server.answer = lambda path, body: (status, headers, json.dumps({"code": "x", "message": "overloaded"}))
    for call in (lambda: store.write([Reading("a", "leak", T, 1.0)]), lambda: store.latest(["a"])):
        with pytest.raises(DependencyFailed, match=says) as caught:
            call()
        assert caught.value.transient is transient
        assert caught.value.retry_after_s == wait_s
        assert "t0ken" not in str(caught.value)


def test_a_server_that_is_not_there_is_a_passing_failure() -> None:
    with closing(open_store("http://127.0.0.1:9")) as store, pytest.raises(DependencyFailed, match="does not answer") as caught:
        store.write([Reading("a", "leak", T, 1.0)])
    assert caught.value.transient


HOSTILE = '" or true) |> drop(columns: ["x"]) //${p_bucket}'


def test_a_hostile_name_travels_as_a_value_and_never_as_flux(server: Server, store: InfluxReadingStore) -> None:
    server.answer = lambda path, body: (200, {"Content-Type": "text/csv"}, "")
    store.latest([HOSTILE])
    store.range(HOSTILE, HOSTILE, 0, T)
    store.frame([HOSTILE], [HOSTILE], 0, T)
    store.windows([HOSTILE], HOSTILE, [0, T], Aggregate.SUM)
    queries = [json.loads(body) for path, body in server.asked if path.startswith("/api/v2/query")]
    assert len(queries) == 6
    for query in queries:
        assert "drop(" not in query["query"]
        values = {
            statement["assignment"]["id"]["name"]: statement["assignment"]["init"].get("value")
            for statement in query["extern"]["body"]
        }
        assert values["p_device_0"] == HOSTILE
        assert values["p_bucket"] == "caretaker"


def _csv(columns: dict[str, str], rows: list[list[object]]) -> str:
    """Annotated CSV as InfluxDB sends it: one table."""
    heads = [
        ["#datatype", "string", "long", *columns.values()],
        ["#group", "false", "false", *["false" for _ in columns]],
        ["#default", "_result", *["" for _ in range(len(columns) + 1)]],
        ["", "result", "table", *columns],
    ]
    return "".join(",".join(map(str, row)) + "\r\n" for row in [*heads, *(["", "", 0, *row] for row in rows)]) + "\r\n"


ROWS = {"_time": "dateTime:RFC3339", "_measurement": "string", "device": "string", "value": "double", "quality": "long"}


def test_rows_are_read_sorted_and_with_their_own_names(server: Server, store: InfluxReadingStore) -> None:
    rows: list[list[object]] = [
        ["2025-11-21T00:00:00.5Z", "leak", "tail%5C", 2.5, 4],
        ["2025-11-21T00:00:00Z", "leak", "宿舍", 1.5, 0],
    ]
    server.answer = lambda path, body: (200, {"Content-Type": "text/csv"}, _csv(ROWS, rows))
    expected = [Reading("tail\\", "leak", T + 500, 2.5, 4), Reading("宿舍", "leak", T, 1.5, 0)]
    assert store.latest(["宿舍", "tail\\"]) == expected
    frame = store.frame(["宿舍", "tail\\"], ["leak"], 0, 2 * T)
    assert [Reading(*row) for row in frame.itertuples(index=False)] == expected
    assert str(frame["quality"].dtype) == "int64"


def test_a_window_with_an_implausible_reading_is_counted_again_without_it(server: Server, store: InfluxReadingStore) -> None:
    windows = {"_time": "dateTime:RFC3339", "device": "string", "_value": "double"}
    counts = windows | {"_value": "long"}

    def answer(path: str, body: str) -> Answer:
        flux = json.loads(body)["query"]
        if "fn: sum" in flux:
            text = _csv(windows, [["2025-11-21T00:00:00Z", "m1", 1e9], ["2025-11-21T01:00:00Z", "m1", 5.0]])
        elif "fn: count" in flux:
            text = _csv(counts, [["2025-11-21T00:00:00Z", "m1", 3], ["2025-11-21T01:00:00Z", "m1", 2]])
        elif "!= 0" in flux:
            flagged: list[list[object]] = [["2025-11-21T00:00:09Z", "m1", 4], ["2025-11-21T01:59:00Z", "m1", 1]]
            text = _csv(counts, flagged)
        else:
            rows: list[list[object]] = [["2025-11-21T00:00:00Z", "x", "m1", 2.0, 0], ["2025-11-21T00:00:09Z", "x", "m1", 1e9, 4]]
            text = _csv(ROWS, rows)
        return 200, {"Content-Type": "text/csv"}, text

    server.answer = answer
    assert store.windows(["m1"], "x", [T, T + HOUR, T + 2 * HOUR, T + 3 * HOUR], Aggregate.SUM) == [
        Window(device_id="m1", start_ms=T, value=2.0, count=1, quality=int(Quality.IMPLAUSIBLE)),
        Window(device_id="m1", start_ms=T + HOUR, value=5.0, count=2, quality=1),
        Window(device_id="m1", start_ms=T + 2 * HOUR, value=None, count=0),
    ]


def test_deleting_ends_before_the_moment(server: Server, store: InfluxReadingStore) -> None:
    assert store.delete_before(T) == -1
    path, body = server.asked[0]
    assert path.startswith("/api/v2/delete?")
    assert json.loads(body)["stop"].startswith("2025-11-20T23:59:59.999999")


# ---- a real server that takes the same line protocol


@pytest.mark.network
def test_victoria_metrics_takes_our_lines_and_gives_them_back(victoria_url: str) -> None:
    names = ["em-1", "宿舍-3", "a b,c=d", 'it\'s "quoted"', "back\\slash", "tail\\", "100%"]
    now_ms = int(time.time() * 1000)
    readings = [Reading(name, "elec.power.active", now_ms - 1000 * n, n + 0.125, n) for n, name in enumerate(names)]
    with closing(open_store(victoria_url)) as store:
        store.write(readings)
        store.write(readings)
    with urlopen(f"{victoria_url}/internal/force_flush", timeout=10):
        pass
    query = urlencode({"match[]": '{__name__=~"elec.power.active_.*"}', "reduce_mem_usage": "1"})
    deadline = time.monotonic() + 10
    found: dict[tuple[str, str], tuple[float, int]] = {}
    while len(found) < 2 * len(names) and time.monotonic() < deadline:
        with urlopen(f"{victoria_url}/api/v1/export?{query}", timeout=10) as answer:
            for series in map(json.loads, answer.read().decode().splitlines()):
                key = (plain(series["metric"]["device"]), series["metric"]["__name__"].rsplit("_", 1)[1])
                found[key] = (series["values"][-1], series["timestamps"][-1])
    for reading in readings:
        assert found[reading.device_id, "value"] == (reading.value, reading.ts_ms)
        assert found[reading.device_id, "quality"] == (reading.quality, reading.ts_ms)
