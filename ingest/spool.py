"""Segment spool: what lies here survives power loss, so a message may be acknowledged once `append` has returned.

A segment is a file of frames; a frame is length and CRC-32 (little endian, 4 bytes each) and a msgpack array of messages. One
thread appends, one thread reads; the cursor says how far the reader's work is done. Everything from the cursor on is
delivered again after a crash, so what the reader does with it must be idempotent.
"""

import fcntl
import logging
import os
import struct
import threading
import zlib
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from devices.errors import BadInput, DependencyFailed
from ingest.message import Message

_LOG = logging.getLogger(__name__)
_HEADER = struct.Struct("<II")
_CURSOR = struct.Struct("<QQI")
_FRAME_LIMIT_BYTES = 1 << 30
_RECENT_BYTES = 8 << 20
_BATCH_BYTES = 16 << 20
_STAMP_EVERY_MS = 1000
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[Message])


class Position(NamedTuple):
    """The end of a frame: number of the segment, bytes from its start."""

    segment: int
    offset: int


class _Frame(NamedTuple):
    start: Position
    end: Position
    messages: Sequence[Message]

    @property
    def size(self) -> int:
        return self.end.offset - self.start.offset


class _Stamp(NamedTuple):
    """When the first message of the frame that starts there was received; those behind it are no older."""

    start: Position
    received_ms: int


class Spool:
    """Owns its directory, which a second process cannot open (BadInput). `limit_bytes` bounds all segments together.

    `reserve_bytes` of the disk are left to others: the alarms' database and the draining store need room when we have none.
    """

    def __init__(self, directory: Path, *, limit_bytes: int, segment_bytes: int = 16 << 20, reserve_bytes: int = 0) -> None:
        self._directory = directory
        self._limit_bytes = limit_bytes
        self._reserve_bytes = reserve_bytes
        self._segment_bytes = min(segment_bytes, limit_bytes // 4)  # a consumed segment frees its room only once it is full
        directory.mkdir(parents=True, exist_ok=True)
        self._lock_file = _lock(directory)
        self._grown = threading.Condition()
        self._sizes = _recover(directory)
        self._writer: IO[bytes] | None = None
        self._next = max(self._sizes, default=0) + 1
        self._cursor = self._load_cursor()
        self._read_at = self._cursor
        self._reader: IO[bytes] | None = None
        self._recent: deque[_Frame] = deque()
        self._recent_bytes = 0
        self._stamps = _first_stamps(directory, self._sizes, self._cursor)
        self._drop_consumed()

    def append(self, messages: Sequence[Message]) -> None:
        """On disk on return. Raises DependencyFailed, nothing kept, where the limit or the disk refuses: do not acknowledge."""
        body = _ENCODER.encode(messages)
        frame = _HEADER.pack(len(body), zlib.crc32(body)) + body
        free_bytes = self.disk_free_bytes
        if free_bytes < self._reserve_bytes:
            raise DependencyFailed(
                f"only {free_bytes >> 20} MB of the disk under {self._directory} are free, of which {self._reserve_bytes >> 20} MB "
                "are kept for alarms; free some space",
                transient=True,
            )
        if self.size_bytes + len(frame) > self._limit_bytes and not self.drained:  # a group larger than the limit must pass too
            raise DependencyFailed(
                f"the spool holds its limit of {self._limit_bytes >> 20} MB; the reading store is down or too slow", transient=True
            )
        try:
            segment, writer = self._segment_for_writing()
            _write_all(writer, frame)
            os.fdatasync(writer.fileno())
        except OSError as error:
            self._abandon_segment()
            raise DependencyFailed(f"cannot write to the spool {self._directory}: {error.strerror}", transient=True) from None
        with self._grown:
            start = Position(segment, self._sizes[segment])
            end = Position(segment, start.offset + len(frame))
            self._stamp(start, messages)
            self._sizes[segment] = end.offset
            self._remember(_Frame(start, end, messages))
            self._grown.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """True once something is there to read; False after `timeout_s`."""
        with self._grown:
            return self._grown.wait_for(self._has_unread, timeout_s)

    def read(self, max_messages: int) -> tuple[list[Message], Position]:
        """The next whole frames, up to `max_messages` or 16 MB but at least one frame; and the position to `advance` to."""
        messages: list[Message] = []
        read_bytes = 0
        while len(messages) < max_messages and read_bytes < _BATCH_BYTES:
            before = self._read_at
            frame = self._read_frame()
            if frame is None:
                break
            messages += frame
            read_bytes += self._read_at.offset - (before.offset if before.segment == self._read_at.segment else 0)
        return messages, self._read_at

    def advance(self, position: Position) -> None:
        """All up to `position` is done with: remembers it durably and deletes the segments before it."""
        self._cursor = position
        try:
            _write_cursor(self._directory, position)
        except OSError as error:
            # A cursor that lags costs repeated work after a crash, never a message; on a full disk deleting is what helps.
            _LOG.warning("spool cursor not saved: %s", error.strerror)
        with self._grown:
            while len(self._stamps) > 1 and self._stamps[1].start <= position:
                self._stamps.popleft()
        self._drop_consumed()

    @property
    def oldest_ms(self) -> int | None:
        """When the oldest message that is not drained was received (epoch ms, up to a second too early); None: all are drained."""
        with self._grown:
            return self._stamps[0].received_ms if self._stamps and self._waits() else None

    @property
    def disk_free_bytes(self) -> int:
        """What is left on the disk for programs that are not root's."""
        disk = os.statvfs(self._directory)
        return disk.f_bavail * disk.f_frsize

    @property
    def size_bytes(self) -> int:
        return sum(self._sizes.copy().values())

    @property
    def limit_bytes(self) -> int:
        return self._limit_bytes

    @property
    def drained(self) -> bool:
        """Nothing lies behind the cursor."""
        with self._grown:
            return not self._waits()

    def close(self) -> None:
        self._close_reader()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._lock_file.close()

    def _waits(self) -> bool:
        return any(Position(segment, size) > self._cursor for segment, size in self._sizes.items() if size)

    def _has_unread(self) -> bool:
        return any(Position(segment, size) > self._read_at for segment, size in self._sizes.items() if size)

    def _segment_for_writing(self) -> tuple[int, IO[bytes]]:
        number = self._next - 1
        if self._writer is None or self._sizes[number] >= self._segment_bytes:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            number = self._next
            self._writer = _path(self._directory, number).open("xb", buffering=0)
            self._next += 1
            with self._grown:
                self._sizes[number] = 0
            _fsync_directory(self._directory)
        return number, self._writer

    def _abandon_segment(self) -> None:
        """After a failed write or sync the kernel may have dropped pages, so this file is never written to again."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        segment = self._next - 1
        try:
            os.ftruncate(writer.fileno(), self._sizes[segment])
        except OSError as error:
            _LOG.warning("spool segment %s keeps a torn end, which reading skips: %s", segment, error.strerror)
        writer.close()
        if not self._sizes[segment]:
            self._forget([segment])

    def _read_frame(self) -> Sequence[Message] | None:
        while True:
            with self._grown:
                sizes = self._sizes.copy()
            size = sizes.get(self._read_at.segment, 0)
            if self._read_at.offset < size:
                return self._frame_at(size)
            following = [segment for segment in sizes if segment > self._read_at.segment and sizes[segment]]
            if not following:
                return None
            self._close_reader()
            self._read_at = Position(min(following), 0)

    def _frame_at(self, size: int) -> Sequence[Message]:
        recalled = self._recall()
        if recalled is not None:
            self._close_reader()
            self._read_at = recalled.end
            return recalled.messages
        segment, offset = self._read_at
        if self._reader is None:
            self._reader = _path(self._directory, segment).open("rb", buffering=1 << 18)
            self._reader.seek(offset)
        body = _read_body(self._reader)
        if body is None:
            self._set_aside(segment, offset)
            self._read_at = Position(segment, size)
            return []
        self._read_at = Position(segment, offset + _HEADER.size + len(body))
        return _DECODER.decode(body)

    def _set_aside(self, segment: int, offset: int) -> None:
        """A frame that was once durable and is no more: the medium failed. Keep the file for a person, go on with the next."""
        path = _path(self._directory, segment)
        kept = path.with_suffix(".damaged")
        _LOG.error("spool segment damaged at byte %s; kept as %s; what lies behind is unreadable: check the disk", offset, kept)
        self._close_reader()
        try:
            os.link(path, kept)
        except OSError as error:
            _LOG.error("could not keep %s: %s", kept, error.strerror)

    def _stamp(self, start: Position, messages: Sequence[Message]) -> None:
        """One a second is enough: days of backlog must not fill the memory with times."""
        if not messages:
            return
        received_ms = messages[0].received_ms
        if not self._waits():
            self._stamps.clear()
        if not self._stamps or abs(received_ms - self._stamps[-1].received_ms) >= _STAMP_EVERY_MS:
            self._stamps.append(_Stamp(start, received_ms))

    def _remember(self, frame: _Frame) -> None:
        """What was appended a moment ago need not come from the disk again, as long as the reader keeps up."""
        if self._recent_bytes + frame.size <= _RECENT_BYTES:
            self._recent.append(frame)
            self._recent_bytes += frame.size

    def _recall(self) -> _Frame | None:
        """The frame at the reader's position, where it is remembered."""
        with self._grown:
            while self._recent and self._recent[0].start <= self._read_at:
                frame = self._recent.popleft()
                self._recent_bytes -= frame.size
                if frame.start == self._read_at:
                    return frame
        return None

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _load_cursor(self) -> Position:
        first = Position(min(self._sizes, default=self._next), 0)
        try:
            segment, offset, checksum = _CURSOR.unpack((self._directory / "cursor").read_bytes())
        except (OSError, struct.error):
            return first
        if checksum != zlib.crc32(_CURSOR.pack(segment, offset, 0)):
            return first
        # A number below the cursor's was handed out before; new segments must lie behind the cursor to be read.
        self._next = max(self._next, segment + 1)
        return max(Position(segment, offset), first) if self._sizes else Position(segment, offset)

    def _drop_consumed(self) -> None:
        with self._grown:
            done = [s for s, size in self._sizes.items() if self._is_consumed(s, size)]
        self._forget(done)

    def _forget(self, segments: list[int]) -> None:
        for segment in segments:
            _path(self._directory, segment).unlink(missing_ok=True)
            with self._grown:
                del self._sizes[segment]

    def _is_consumed(self, segment: int, size: int) -> bool:
        being_written = self._writer is not None and segment == self._next - 1
        return not being_written and Position(segment, size) <= self._cursor


def _path(directory: Path, segment: int) -> Path:
    return directory / f"{segment:016d}.segment"


def _write_all(file: IO[bytes], data: bytes) -> None:
    """A raw file may take a part only, as it does when the disk fills up; asking for the rest then raises the reason."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _lock(directory: Path) -> IO[bytes]:
    file = (directory / "lock").open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise BadInput("another ingest process works here; stop it first", place=str(directory)) from None
    return file


def _recover(directory: Path) -> dict[int, int]:
    """Sizes of the segments in bytes. The torn end of the last one, which nobody was told of as durable, is cut off."""
    paths = sorted(directory.glob("*.segment"))
    sizes = {int(path.stem): path.stat().st_size for path in paths}
    if paths:
        last = paths[-1]
        sound = _sound_bytes(last)
        if sound < sizes[int(last.stem)]:
            _LOG.warning("spool: cut %s unacknowledged bytes off %s", sizes[int(last.stem)] - sound, last.name)
            with last.open("r+b") as file:
                file.truncate(sound)
                os.fsync(file.fileno())
            sizes[int(last.stem)] = sound
    return sizes


def _sound_bytes(path: Path) -> int:
    sound = 0
    with path.open("rb") as file:
        while (body := _read_body(file)) is not None:
            sound += _HEADER.size + len(body)
    return sound


def _first_stamps(directory: Path, sizes: dict[int, int], cursor: Position) -> deque[_Stamp]:
    """Of what an earlier process left: one for each segment, the first of them at the cursor."""
    stamps: deque[_Stamp] = deque()
    for segment in sorted(segment for segment, size in sizes.items() if Position(segment, size) > cursor):
        start = cursor if cursor.segment == segment else Position(segment, 0)
        with _path(directory, segment).open("rb") as file:
            file.seek(start.offset)
            body = _read_body(file)
        messages = _DECODER.decode(body) if body else []
        if messages:
            stamps.append(_Stamp(start, messages[0].received_ms))
    return stamps


def _read_body(file: IO[bytes]) -> bytes | None:
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    length, checksum = _HEADER.unpack(header)
    if not 0 < length <= _FRAME_LIMIT_BYTES:
        return None
    body = file.read(length)
    return body if len(body) == length and zlib.crc32(body) == checksum else None


def _write_cursor(directory: Path, position: Position) -> None:
    checksum = zlib.crc32(_CURSOR.pack(*position, 0))
    partial = directory / "cursor.partial"
    with partial.open("wb") as file:
        file.write(_CURSOR.pack(*position, checksum))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(directory / "cursor")
    _fsync_directory(directory)


def _fsync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
