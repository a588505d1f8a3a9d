"""What only the embedded store promises: many processes, sudden death at any moment, tidy files, plain errors."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from devices.errors import DependencyFailed
from devices.model import Reading
from storage.embedded import EmbeddedReadingStore
from storage.embedded_days import DAY_MS
from storage.embedded_sealed import thousandths
from storage.reading_store import Aggregate

T = 20_000 * DAY_MS
FAR = date(2090, 1, 1)
ALL = (T - 100 * DAY_MS, T + 100 * DAY_MS)
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "readings"


@pytest.fixture
def store(root: Path) -> Iterator[EmbeddedReadingStore]:
    with closing(EmbeddedReadingStore(root)) as made:
        yield made


def files(root: Path) -> list[str]:
    return sorted(path.name for folder in ("hot", "sealed") for path in (root / folder).iterdir())


def test_a_sealed_day_is_one_sorted_parquet_file_and_nothing_else(store: EmbeddedReadingStore, root: Path) -> None:
    store.write([Reading(device, metric, T + 7, 1.125) for device in ("b", "a") for metric in ("leak", "burst")])
    store.write([Reading("a", "leak", T + 3, 0.1 + 0.2)])
    assert store.seal(date(2024, 10, 4)) == 0
    assert store.seal(date(2024, 10, 5)) == 1
    assert files(root) == ["2024-10-04.000001.parquet"]
    table = pq.read_table(root / "sealed" / "2024-10-04.000001.parquet").to_pydict()
    assert list(zip(table["metric"], table["device_id"], table["ts_ms"], strict=True)) == [
        ("burst", "a", T + 7),
        ("burst", "b", T + 7),
        ("leak", "a", T + 3),
        ("leak", "a", T + 7),
        ("leak", "b", T + 7),
    ]
    assert table["value_milli"] == [1125, 1125, None, 1125, 1125]
    assert table["value"] == [None, None, 0.1 + 0.2, None, None]


def test_sealing_again_replaces_the_file_and_leaves_no_second_one(store: EmbeddedReadingStore, root: Path) -> None:
    for number in range(1, 4):
        store.write([Reading("a", "leak", T + number, float(number))])
        assert store.seal(FAR) == 1
        assert files(root) == [f"2024-10-04.{number:06d}.parquet"]
    assert len(store.range("a", "leak", *ALL)) == 3


def test_what_a_crash_left_is_ignored_and_swept(store: EmbeddedReadingStore, root: Path) -> None:
    store.write([Reading("a", "leak", T, 1.0)])
    store.seal(FAR)
    store.write([Reading("a", "leak", T + 1, 2.0)])
    good = (root / "sealed" / "2024-10-04.000001.parquet").read_bytes()
    (root / "sealed" / "2024-10-04.000000.parquet").write_bytes(good)
    (root / "sealed" / "2024-10-04.000002.draft").write_bytes(good[:100])
    (root / "hot" / "2024-10-04.dead0000.draft").write_bytes(b"half")
    (root / "hot" / "2024-10-04.dead0000.sqlite-wal").write_bytes(b"")
    assert [reading.value for reading in store.range("a", "leak", *ALL)] == [1.0, 2.0]
    store.seal(FAR)
    assert files(root) == ["2024-10-04.000002.parquet"]
    (root / "sealed" / "2024-10-09.000001.draft").write_bytes(good[:100])
    assert store.seal(FAR) == 0
    assert files(root) == ["2024-10-04.000002.parquet"]


def test_a_crash_between_the_new_file_and_the_removal_of_the_old_changes_nothing(root: Path) -> None:
    with closing(EmbeddedReadingStore(root)) as store:
        store.write([Reading("a", "leak", T, 1.0), Reading("a", "leak", T + 1, 2.0)])
    hot = next((root / "hot").glob("*.sqlite"))
    copy = hot.read_bytes()
    with closing(EmbeddedReadingStore(root)) as store:
        store.seal(FAR)
    hot.write_bytes(copy)  # as if the power went before the removal
    with closing(EmbeddedReadingStore(root)) as store:
        for _ in range(2):
            assert [reading.value for reading in store.range("a", "leak", *ALL)] == [1.0, 2.0]
            assert store.windows(["a"], "leak", [T, T + 9], Aggregate.COUNT)[0].count == 2
            store.seal(FAR)
    assert files(root) == ["2024-10-04.000002.parquet"]


WRITER = """
import sys
from pathlib import Path
from devices.model import Reading
from storage.embedded import EmbeddedReadingStore
store = EmbeddedReadingStore(Path(sys.argv[1]))
T = 20_000 * 86_400_000
for batch in range(1_000_000):
    store.write([Reading(f"d{n}", "leak", T + batch * 1000 + n + 43_200_000, float(batch)) for n in range(200)])
    print(batch, flush=True)
"""
SEALER = """
import sys
from datetime import date
from pathlib import Path
from storage.embedded import EmbeddedReadingStore
store = EmbeddedReadingStore(Path(sys.argv[1]))
while True:
    store.seal(date(2090, 1, 1))
    print("sealed", flush=True)
"""


def start(code: str, root: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, str(root)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)


def test_nothing_acknowledged_is_lost_when_writer_and_sealer_are_killed(root: Path) -> None:
    """The writer says which batches are durable; the sealer turns days over all the while; both die by SIGKILL, three times."""
    acknowledged = 0
    for _ in range(3):
        writer, sealer = start(WRITER, root), start(SEALER, root)
        assert writer.stdout is not None
        last = -1
        for line in writer.stdout:
            last = int(line)
            if last >= 25:
                break
        sealer.kill()
        writer.kill()
        rest = writer.communicate()[0].split()
        sealer.communicate()
        acknowledged = max(acknowledged, last, *map(int, rest), 0)
        with closing(EmbeddedReadingStore(root)) as store:
            found = store.frame([f"d{n}" for n in range(200)], ["leak"], *ALL)
            assert len(found) >= (acknowledged + 1) * 200
            assert not found.duplicated(["device_id", "metric", "ts_ms"]).any()
            assert len(store.latest([f"d{n}" for n in range(200)])) == 200
    assert list((root / "sealed").iterdir())


def test_readers_in_other_processes_see_every_reading_while_days_are_sealed(root: Path) -> None:
    with closing(EmbeddedReadingStore(root)) as store, multiprocessing.get_context("spawn").Pool(1) as pool:
        store.write([Reading("a", "leak", T + day * DAY_MS, 0.0) for day in range(3)])
        stop = threading.Event()
        progress = {"written": 1, "sealed": 0}

        def seal() -> None:
            with closing(EmbeddedReadingStore(root)) as other:
                while not stop.is_set():
                    progress["sealed"] += other.seal(FAR)

        sealer = threading.Thread(target=seal)
        sealer.start()
        try:
            watched = pool.apply_async(_watch, (str(root),))
            while not watched.ready():
                number = progress["written"]
                store.write([Reading("a", "leak", T + day * DAY_MS + number, float(number)) for day in range(3)])
                progress["written"] += 1
            seen = watched.get(timeout=60)
        finally:
            stop.set()
            sealer.join()
        assert seen == sorted(seen), "a reading that had been seen vanished"
        assert progress["sealed"] > 3
        assert len(store.range("a", "leak", *ALL)) == 3 * progress["written"]


def _watch(root: str) -> list[int]:
    """How many readings there are, asked many times."""
    with closing(EmbeddedReadingStore(Path(root))) as store:
        return [len(store.range("a", "leak", *ALL)) for _ in range(60)]


def test_two_processes_that_name_the_same_series_agree(root: Path) -> None:
    with closing(EmbeddedReadingStore(root)) as one, closing(EmbeddedReadingStore(root)) as two:
        one.write([Reading(f"d{n}", "leak", T, 1.0) for n in range(50)])
        two.write([Reading(f"d{n}", "leak", T + 1, 2.0) for n in range(25, 75)])
        one.write([Reading(f"d{n}", "leak", T + 2, 3.0) for n in range(75)])
        assert len(one.frame([f"d{n}" for n in range(75)], ["leak"], *ALL)) == 50 + 50 + 75
        assert {reading.value for reading in two.latest([f"d{n}" for n in range(75)])} == {3.0}


def test_steady_writers_let_a_sealer_in(root: Path) -> None:
    writers = [start(WRITER, root), start(WRITER, root)]
    try:
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()
        with closing(EmbeddedReadingStore(root)) as store:
            assert store.seal(FAR) == 1
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()


def test_threads_may_share_a_store(store: EmbeddedReadingStore) -> None:
    failures: list[Exception] = []

    def work(thread: int) -> None:
        try:
            for number in range(20):
                store.write([Reading(f"t{thread}", "leak", T + number * DAY_MS // 4, float(number))])
                assert len(store.range(f"t{thread}", "leak", *ALL)) == number + 1
                if number % 7 == 3:
                    store.seal(FAR)
        except Exception as error:  # noqa: BLE001 - a thread's failure must reach the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_file_that_is_no_database_is_a_lasting_failure(store: EmbeddedReadingStore, root: Path) -> None:
    store.write([Reading("a", "leak", T, 1.0)])
    store.close()
    for path in (root / "hot").iterdir():
        path.write_bytes(b"this is not a database, it is a sentence" * 100)
    with closing(EmbeddedReadingStore(root)) as again, pytest.raises(DependencyFailed, match="reading store") as caught:
        again.write([Reading("a", "leak", T, 1.0)])
    assert not caught.value.transient


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(DependencyFailed, match="Permission denied"):
        EmbeddedReadingStore(tmp_path / "readings")


def test_a_full_disk_is_a_passing_failure_and_loses_nothing(root: Path) -> None:
    code = f"""
import resource, signal, sys
from pathlib import Path
from devices.errors import DependencyFailed
from devices.model import Reading
from storage.embedded import EmbeddedReadingStore
store = EmbeddedReadingStore(Path({str(root)!r}))
store.write([Reading("a", "leak", {T}, 1.0)])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))  # stands for a full disk
big = [Reading("a", "leak", {T} + 10 * n, n + 0.5) for n in range(100_000)]
try:
    store.write(big)
except DependencyFailed as error:
    assert error.transient, error
else:
    raise SystemExit("the write went through")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert len(store.range("a", "leak", {T}, {T} + 86_400_000)) == 1
store.write(big)
assert len(store.range("a", "leak", {T}, {T} + 86_400_000)) == 100_000
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY, timeout=60)


@pytest.mark.parametrize("value", [0.0, -0.0, 0.001, 12345.678, 1e12, 123456789012.345, 1 / 3, -7.25, 1e-9, 1e300])
def test_thousandths_are_used_only_where_nothing_is_lost(value: float) -> None:
    array = pa.array([value]).to_numpy()
    milli, exact = thousandths(array)
    if exact[0]:
        assert str(milli[0] / 1000.0) == str(value)
    assert exact[0] == (value in {0.001, 12345.678, 123456789012.345, -7.25} or str(value) == "0.0")


def test_a_killed_process_leaves_no_lock(root: Path) -> None:
    code = WRITER.replace(
        "for batch", "held = store._days.lock(20_000, exclusive=True); held.__enter__(); print('held', flush=True)\nfor batch"
    )
    code = code[: code.index("for batch")] + "import time; time.sleep(60)"
    holder = start(code, root)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    with closing(EmbeddedReadingStore(root)) as store:
        store.write([Reading("a", "leak", T, 1.0)])
        assert store.seal(FAR) == 1


def test_files_of_sealed_days_are_let_go(root: Path) -> None:
    """A removed file that somebody holds open still fills the disk."""
    with closing(EmbeddedReadingStore(root)) as store, closing(EmbeddedReadingStore(root)) as other:
        store.write([Reading("a", "leak", T + day * DAY_MS, 1.0) for day in range(5)])
        assert len(store.range("a", "leak", *ALL)) == 5
        assert other.seal(FAR) == 5
        store.write([Reading("a", "leak", T + 7 * DAY_MS, 1.0)])
        assert len(store.range("a", "leak", *ALL)) == 6
        store.write([Reading("a", "leak", T + 1, 1.0)])
        assert other.seal(FAR) == 2
        assert len(store.range("a", "leak", *ALL)) == 7
        store.write([Reading("a", "leak", T + 9 * DAY_MS, 1.0)])
        held = [str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
        assert not [name for name in held if str(root) in name and "(deleted)" in name]
