"""VictoriaMetrics beyond the contract: killed servers and writers, numbers it would round, settings that would lose readings."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from devices.errors import BadInput, DependencyFailed
from devices.model import Reading
from storage import victoria_rows
from storage.victoria_http import Access
from storage.victoria_resend import ResendLog
from storage.victoriametrics import VictoriaReadingStore

T = 1_763_683_200_000
ALL = (T - 10**9, T + 10**9)


def open_store(url: str, resend: Path, **access: object) -> VictoriaReadingStore:
    return VictoriaReadingStore(
        Access(url=url, **access),  # type: ignore[arg-type]
        resend_directory=resend,
        epoch_ms=lambda: time.time_ns() // 1_000_000,
        steady_s=time.monotonic,
    )


class Server:
    """A VictoriaMetrics that can be killed and started again at the same address, with the same data."""

    def __init__(self, directory: Path, *options: str) -> None:
        binary = shutil.which("victoria-metrics") or shutil.which("victoria-metrics-prod")
        if binary is None:
            pytest.skip("VictoriaMetrics is not installed here (apt install victoria-metrics)")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._command = [binary, f"-storageDataPath={directory}", f"-httpListenAddr=127.0.0.1:{port}", *options]
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urlopen(Request(f"{self.url}/health"), timeout=1):
                    return
            except (URLError, OSError):
                time.sleep(0.02)
        pytest.fail("VictoriaMetrics did not start")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)


@contextmanager
def running(directory: Path, *options: str) -> Iterator[Server]:
    server = Server(directory, *(options or ("-retentionPeriod=100y",)))
    try:
        yield server
    finally:
        server.kill()


def batch(number: int) -> list[Reading]:
    return [Reading(f"m{device}", "leak", T + number, number + device / 8, number % 3) for device in range(20)]


@pytest.mark.network
def test_a_server_that_is_killed_while_we_write_has_every_acknowledged_reading_once(tmp_path: Path) -> None:
    written: list[Reading] = []
    with running(tmp_path / "data") as server, closing(open_store(server.url, tmp_path / "resend")) as store:
        restart = threading.Event()

        def kill_twice() -> None:
            for _ in range(2):
                time.sleep(0.7)
                server.kill()
                server.start()
            restart.set()

        killer = threading.Thread(target=kill_twice)
        killer.start()
        number = refused = 0
        while not restart.is_set():
            try:
                store.write(batch(number))
            except DependencyFailed as failure:
                refused += failure.transient
                time.sleep(0.01)
            else:
                written += batch(number)
                number += 1
        killer.join()
        store.write(batch(number))  # the last attempt may have failed after the server had taken it
        written += batch(number)
        assert refused
        deadline = time.monotonic() + 15  # the next look comes within seconds of writing
        expected = sorted(written)
        while True:
            store.write(batch(0))
            found = [Reading(*row) for row in store.frame([f"m{n}" for n in range(20)], ["leak"], *ALL).itertuples(index=False)]
            if found == expected or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        assert len(found) == len(expected)
        assert found == expected


_WRITER = """
import sys, time
from tests.storage.test_storage_reading_victoriametrics import batch, open_store
from pathlib import Path
store = open_store(sys.argv[1], Path(sys.argv[2]))
for number in range(100_000):
    store.write(batch(number))
    print(number, flush=True)
"""


@pytest.mark.network
def test_where_writer_and_server_are_both_killed_the_next_process_sends_the_rest(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        command = [sys.executable, "-c", _WRITER, server.url, str(tmp_path / "resend")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": "."}) as writer:
            assert writer.stdout is not None
            last = -1
            until = time.monotonic() + 1.5
            while time.monotonic() < until or last < 5:
                last = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            last = max([last, *map(int, writer.stdout.read().split())])
        server.kill()
        server.start()
        with closing(open_store(server.url, tmp_path / "resend")) as store:
            store.write([Reading("other", "leak", T, 1.0)])
            expected = sorted(reading for number in range(last + 1) for reading in batch(number))
            deadline = time.monotonic() + 15  # a busy server shows late what it took
            while True:
                frame = store.frame([f"m{n}" for n in range(20)], ["leak"], T, T + last + 1)
                found = [Reading(*row) for row in frame.itertuples(index=False)]
                if found == expected or time.monotonic() > deadline:
                    break
                time.sleep(0.1)
        assert found == expected
    assert not list((tmp_path / "resend").iterdir())


@pytest.mark.network
def test_a_closed_store_has_its_readings_on_the_servers_disk(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        with closing(open_store(server.url, tmp_path / "resend")) as store:
            store.write(batch(1))
        assert not list((tmp_path / "resend").iterdir())
        server.kill()
        server.start()
        with closing(open_store(server.url, tmp_path / "other")) as store:
            assert len(store.latest([f"m{n}" for n in range(20)])) == 20


@pytest.mark.network
def test_values_among_rubbish_stay_exact(victoria_url: str, tmp_path: Path) -> None:
    chosen = random.Random(7)
    values = [chosen.choice([1.0, 1e3, 1e9, 1e-7, 1e17, 1e300, -1.0]) * chosen.random() for _ in range(2_000)]
    values += [round(chosen.uniform(-1e9, 1e9), chosen.randrange(7)) for _ in range(2_000)] + [5e-324, 1 / 3, 0.1 + 0.2]
    readings = [Reading("rubbish", "x.rubbish", T + place, value) for place, value in enumerate(values)]
    with closing(open_store(victoria_url, tmp_path)) as store:
        store.write(readings)
        assert store.range("rubbish", "x.rubbish", *ALL) == readings
        assert store.latest(["rubbish"]) == readings[-1:]
        assert store.range("rubbish", "x.rubbish", *ALL, limit=3) == readings[:3]


@pytest.mark.network
def test_many_processes_see_one_value_and_revisions_count_on(victoria_url: str, tmp_path: Path) -> None:
    for number in range(5):
        with closing(open_store(victoria_url, tmp_path)) as store:
            store.write([Reading("again", "leak", T, float(number % 3)), Reading("again", "leak", T + 1, 9.0)])
            assert store.range("again", "leak", *ALL) == [
                Reading("again", "leak", T, float(number % 3)),
                Reading("again", "leak", T + 1, 9.0),
            ]


@pytest.mark.network
def test_an_import_that_the_server_drops_for_its_age_is_refused(tmp_path: Path) -> None:
    table = pa.table({"device_id": ["m"], "metric": ["leak"], "ts_ms": [T - 700 * 86_400_000], "value": [1.0]})
    with (
        running(tmp_path / "data", "-retentionPeriod=1") as server,
        closing(open_store(server.url, tmp_path / "resend")) as store,
        pytest.raises(BadInput, match="longer -retentionPeriod"),
    ):
        store.import_table(table)


@pytest.mark.network
def test_a_server_that_thins_readings_out_is_refused(tmp_path: Path) -> None:
    with (
        running(tmp_path / "data", "-retentionPeriod=100y", "-dedup.minScrapeInterval=60s") as server,
        closing(open_store(server.url, tmp_path / "resend")) as store,
        pytest.raises(DependencyFailed, match="start it with 1ms or without") as caught,
    ):
        store.write(batch(1))
    assert not caught.value.transient


@pytest.mark.network
def test_a_user_with_a_password_at_another_path(tmp_path: Path) -> None:
    options = ("-retentionPeriod=100y", "-httpAuth.username=us", "-httpAuth.password=s3cret", "-http.pathPrefix=/vm")
    with running(tmp_path / "data", "-retentionPeriod=100y") as plain:
        plain.kill()
        server = Server.__new__(Server)
        server.url, server._command = plain.url, [*plain._command[:3], *options]
        process = subprocess.Popen(server._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            right = open_store(f"{plain.url}/vm", tmp_path / "resend", username="us", password=SecretStr("s3cret"))
            wrong = open_store(f"{plain.url}/vm", tmp_path / "resend", username="us", password=SecretStr("guessed"))
            with closing(right), closing(wrong):
                _until_written(right)
                assert right.latest(["m0"]) == [batch(1)[0]]
                with pytest.raises(DependencyFailed, match="401") as caught:
                    wrong.latest(["m0"])
                assert "guessed" not in str(caught.value)
        finally:
            process.kill()
            process.wait(10)


def _until_written(store: VictoriaReadingStore) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            store.write(batch(1))
        except DependencyFailed:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def test_a_server_that_is_not_there_is_a_passing_failure(tmp_path: Path) -> None:
    with closing(open_store("http://127.0.0.1:9", tmp_path)) as store:
        for call in (lambda: store.write(batch(1)), lambda: store.latest(["m1"]), lambda: store.range("m1", "leak", *ALL)):
            with pytest.raises(DependencyFailed, match="does not answer") as caught:
                call()
            assert caught.value.transient


# ---- rows


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        (1200.0, "value=1200.0"),
        (-0.5, "value=-0.5"),
        (12345678.901, "value=12345678.901"),
        (1e9, "value=1000000000.0,high=1104006501i,low=0i"),
        (1 / 3, "value=0.333333,high=1070945621i,low=1431655765i"),
        (1e300, "high=2117592124i,low=2281731484i"),
        (5e-324, "value=0.0,high=0i,low=1i"),
    ],
)
def test_a_number_goes_where_it_stays_exact(value: float, fields: str) -> None:
    line = victoria_rows.encode([(Reading("em 1", "leak", T, value, 4), 0)]).decode()
    assert line == rf"leak,device=em\ 1 {fields},quality=4i {T}"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_number_comes_back_from_its_samples(value: float) -> None:
    line = victoria_rows.encode([(Reading("m", "leak", T, value), 0)]).decode()
    fields = dict(field.split("=") for field in line.split(" ")[1].split(","))
    assert victoria_rows.exact({name: float(text.removesuffix("i")) for name, text in fields.items()}) == (value, 0)


def _export(*series: tuple[dict[str, str], list[tuple[int, float]]]) -> bytes:
    rows = [{"metric": m, "timestamps": [ts for ts, _ in s], "values": [value for _, value in s]} for m, s in series]
    return b"\n".join(map(msgspec.json.encode, rows)) + b"\n"


def _labels(field: str, rev: str | None = None) -> dict[str, str]:
    return {"__name__": f"leak_{field}", "device": "m"} | ({"rev": rev} if rev else {})


def test_of_what_an_export_holds_the_highest_complete_revision_stands() -> None:
    export = _export(
        (_labels("value"), [(5, 2.0), (3, 1.0), (3, 1.0), (7, 9.0)]),  # out of order, doubled, one without its quality
        (_labels("quality"), [(3, 0), (5, 4), (5, 4), (8, 1)]),
        (_labels("value", "2"), [(3, 30.0)]),
        (_labels("quality", "2"), [(3, 2)]),
        (_labels("value", "10"), [(3, 31.0)]),
        (_labels("quality", "10"), [(3, 1)]),
        ({"__name__": "up_value"}, [(3, 1.0)]),
        ({"__name__": "foreign", "device": "m"}, [(3, 1.0)]),
    )
    table = victoria_rows.resolved(export, 0, 100)
    assert table.to_pydict() == {
        "device_id": ["m", "m"],
        "metric": ["leak", "leak"],
        "ts_ms": [3, 5],
        "value": [31.0, 2.0],
        "quality": [1, 4],
    }


def test_a_name_in_a_selector_stays_a_name() -> None:
    assert victoria_rows.selector(['a"}', "b|c", "d.e"], ["x"]) == (
        '{__name__=~"x_value|x_quality|x_high|x_low",device=~"a\\"\\\\}|b\\\\|c|d\\\\.e"}'
    )


# ---- what is sent again


def test_what_is_durable_is_forgotten_and_the_rest_is_for_the_next_process(tmp_path: Path) -> None:
    log = ResendLog(tmp_path, keep_s=60)
    for second in range(0, 100, 5):
        log.add(b"%d" % second, float(second))
    assert next(log.bodies()) == b"0"
    log.forget_durable(100.0)
    kept = list(log.bodies())
    assert kept[-1] == b"95"
    assert b"0" not in kept
    assert b"41" not in kept
    assert {b"45", b"60"} <= set(kept)
    sent: list[bytes] = []
    assert ResendLog(tmp_path, keep_s=60).send_left_over(sent.append) == 0, "its owner lives"
    log.close()
    assert ResendLog(tmp_path, keep_s=60).send_left_over(sent.append) == len(kept)
    assert sent == kept
    assert not list(tmp_path.iterdir())


def test_a_torn_end_is_left_out(tmp_path: Path) -> None:
    log = ResendLog(tmp_path, keep_s=60)
    log.add(b"whole", 0.0)
    log.add(b"torn", 0.0)
    log.close()
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    sent: list[bytes] = []
    ResendLog(tmp_path, keep_s=60).send_left_over(sent.append)
    assert sent == [b"whole"]
