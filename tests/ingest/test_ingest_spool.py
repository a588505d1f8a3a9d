"""The spool: what append returned for is there after any crash; nothing else is promised and nothing torn is delivered."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.errors import BadInput, DependencyFailed
from ingest.message import Message
from ingest.spool import Spool

LIMIT = 1 << 20

messages = st.builds(
    Message,
    st.integers(0, 1 << 45),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.binary(max_size=80),
    st.booleans(),
    st.integers(0, 65_535),
)
groups = st.lists(st.lists(messages, min_size=1, max_size=5), max_size=8)


_OPEN: list[Spool] = []


def opened(directory: Path, limit_bytes: int = LIMIT, segment_bytes: int = 256) -> Spool:
    spool = Spool(directory, limit_bytes=limit_bytes, segment_bytes=segment_bytes)
    _OPEN.append(spool)
    return spool


@pytest.fixture(autouse=True)
def _all_closed() -> Iterator[None]:
    yield
    while _OPEN:
        _OPEN.pop().close()


def message(number: int, size: int = 20) -> Message:
    return Message(number, f"topic/{number}", bytes(size))


def everything(spool: Spool) -> list[Message]:
    return spool.read(1_000_000)[0]


def segments(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.segment"))


@given(groups)
@settings(max_examples=40, deadline=None)
def test_what_was_appended_is_read_in_order_after_a_restart(appended: list[list[Message]]) -> None:
    with TemporaryDirectory() as name:
        spool = opened(Path(name))
        for group in appended:
            spool.append(group)
        spool.close()
        again = opened(Path(name))
        assert everything(again) == [one for group in appended for one in group]
        again.close()


@given(st.lists(st.lists(messages, min_size=1, max_size=5), min_size=1, max_size=8), st.data())
@settings(max_examples=80, deadline=None)
def test_a_crash_at_any_byte_of_the_last_segment_leaves_a_prefix_of_whole_groups(
    appended: list[list[Message]], data: st.DataObject
) -> None:
    with TemporaryDirectory() as name:
        spool = opened(Path(name), segment_bytes=1 << 16)
        ends = []
        for group in appended:
            spool.append(group)
            ends.append(spool.size_bytes)
        spool.close()
        (segment,) = segments(Path(name))
        cut = data.draw(st.integers(0, ends[-1]))
        torn = data.draw(st.binary(max_size=40))
        content = segment.read_bytes()[:cut]
        segment.write_bytes(content + torn if cut != ends[-1] else content)
        whole = sum(1 for end in ends if end <= cut)
        again = opened(Path(name))
        got = everything(again)
        expected = [one for group in appended[:whole] for one in group]
        assert got[: len(expected)] == expected
        if not torn or cut == ends[-1]:
            assert got == expected
        again.append([message(1)])
        assert everything(again) == [message(1)]
        again.close()


def test_the_cursor_survives_and_consumed_segments_are_deleted(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for number in range(20):
        spool.append([message(number, 100)])
    first, position = spool.read(10)
    spool.advance(position)
    spool.close()
    assert [one.received_ms for one in first] == list(range(10))
    again = opened(tmp_path)
    assert [one.received_ms for one in everything(again)] == list(range(10, 20))
    _, end = again.read(1)
    again.advance(end)
    again.close()
    assert not opened(tmp_path).size_bytes
    assert segments(tmp_path) == []


def test_what_was_read_but_not_advanced_comes_again(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.append([message(1)])
    assert everything(spool) == [message(1)]
    spool.close()
    assert everything(opened(tmp_path)) == [message(1)]


def test_after_everything_was_consumed_new_messages_are_found(tmp_path: Path) -> None:
    for number in range(3):
        spool = opened(tmp_path)
        spool.append([message(number)])
        got, position = spool.read(10)
        spool.advance(position)
        assert got == [message(number)]
        spool.close()


def test_a_broken_cursor_means_from_the_start(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.append([message(1)])
    spool.advance(spool.read(1)[1])
    spool.append([message(2)])
    spool.close()
    (tmp_path / "cursor").write_bytes(b"torn")
    assert everything(opened(tmp_path))[-1] == message(2)


def test_more_than_memory_keeps_is_read_from_disk(tmp_path: Path) -> None:
    spool = opened(tmp_path, limit_bytes=64 << 20, segment_bytes=1 << 20)
    for start in range(0, 30_000, 1_000):
        spool.append([message(number) for number in range(start, start + 1_000)])
    assert [one.received_ms for one in everything(spool)] == list(range(30_000))
    spool.append([message(30_000)])
    assert everything(spool) == [message(30_000)]


def test_at_its_limit_it_refuses_and_takes_again_once_drained(tmp_path: Path) -> None:
    spool = opened(tmp_path, limit_bytes=4_000, segment_bytes=1_000)
    taken = 0
    while spool.size_bytes < 3_600:
        spool.append([message(taken, 300)])
        taken += 1
    with pytest.raises(DependencyFailed, match="limit") as refused:
        spool.append([message(taken, 500)])
    assert refused.value.transient
    assert spool.size_bytes <= 4_000
    got, position = spool.read(1_000)
    assert len(got) == taken
    spool.advance(position)
    spool.append([message(taken, 300)])
    assert everything(spool) == [message(taken, 300)]


def test_a_group_larger_than_the_limit_passes_once_all_else_is_drained(tmp_path: Path) -> None:
    spool = opened(tmp_path, limit_bytes=4_000, segment_bytes=1_000)
    spool.append([message(0, 300)])
    with pytest.raises(DependencyFailed, match="limit"):
        spool.append([message(1, 5_000)])
    spool.advance(spool.read(10)[1])
    spool.append([message(1, 5_000)])
    assert everything(spool) == [message(1, 5_000)]


@contextmanager
def no_file_beyond(size_bytes: int) -> Iterator[None]:
    """A disk that is full, as the kernel tells it: writes past that size fail."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_a_full_disk_refuses_without_a_torn_frame_and_recovers_by_itself(tmp_path: Path) -> None:
    spool = opened(tmp_path, segment_bytes=1 << 16)
    spool.append([message(0, 500)])
    with no_file_beyond(1_000):
        for _ in range(3):
            with pytest.raises(DependencyFailed, match="cannot write") as refused:
                spool.append([message(1, 5_000)])
    assert refused.value.transient
    assert len(segments(tmp_path)) == 1
    spool.append([message(2, 500)])
    assert everything(spool) == [message(0, 500), message(2, 500)]
    spool.close()
    assert everything(opened(tmp_path)) == [message(0, 500), message(2, 500)]


def test_a_damaged_frame_is_kept_aside_and_the_next_segment_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = opened(tmp_path, segment_bytes=100)
    for number in range(4):
        spool.append([message(number, 200)])
    spool.close()
    damaged = segments(tmp_path)[1]
    content = bytearray(damaged.read_bytes())
    content[20] ^= 0xFF
    damaged.write_bytes(content)
    assert [one.received_ms for one in everything(opened(tmp_path))] == [0, 2, 3]
    assert "damaged" in caplog.text
    assert len(list(tmp_path.glob("*.damaged"))) == 1


def test_a_second_process_is_told_who_is_there(tmp_path: Path) -> None:
    first = opened(tmp_path)
    with pytest.raises(BadInput, match="another ingest process"):
        opened(tmp_path)
    first.close()
    opened(tmp_path).close()


def test_waiting_ends_with_the_first_message(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    assert not spool.wait(0)
    assert spool.drained
    spool.append([message(1)])
    assert spool.wait(0)
    spool.read(1)
    assert not spool.wait(0)
    assert not spool.drained
