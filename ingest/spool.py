"""Segment spool: what lies here survives power loss, so a message may be acknowledged once `append` has returned.

A segment is a file of frames; a frame is length and CRC-32 (little endian, 4 bytes each) and a msgpack array of messages. One
thread appends, one thread reads; the cursor says how far the reader's work is done. Everything from the cursor on is
delivered again after a crash, so what the reader does with it must be idempotent.
"""

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

from devices.errors import DependencyFailed
from ingest.message import Message
from ingest.repeats import REMEMBERED, Tail
from ingest.segments import (
    CURSOR,
    DECODER,
    HEADER,
    Position,
    Stamp,
    first_stamps,
    fsync_directory,
    lock,
    newest_groups,
    path_of,
    read_body,
    recover,
    write_all,
    write_cursor,
)

_LOG = logging.getLogger(__name__)
_RECENT_BYTES = 8 << 20
_BATCH_BYTES = 16 << 20
_STAMP_EVERY_MS = 1000
_ENCODER = msgspec.msgpack.Encoder()


class _Frame(NamedTuple):
    start: Position
    end: Position
    messages: Sequence[Message]

    @property
    def size(self) -> int:
        return self.end.offset - self.start.offset


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
        self._lock_file = lock(directory)
        self._grown = threading.Condition()
        self._sizes = recover(directory)
        self._writer: IO[bytes] | None = None
        self._next = max(self._sizes, default=0) + 1
        self._cursor = self._load_cursor()
        self._read_at = self._cursor
        self._reader: IO[bytes] | None = None
        self._recent: deque[_Frame] = deque()
        self._recent_bytes = 0
        self._stamps = first_stamps(directory, self._sizes, self._cursor)
        self.tail = Tail(directory / "tail", newest_groups(directory, self._sizes, REMEMBERED))
        self.tail.save()
        self._drop_consumed()

    def append(self, messages: Sequence[Message]) -> None:
        """On disk on return. Raises DependencyFailed, nothing kept, where the limit or the disk refuses: do not acknowledge."""
        body = _ENCODER.encode(messages)
        frame = HEADER.pack(len(body), zlib.crc32(body)) + body
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
            write_all(writer, frame)
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
            self.tail.add(messages)
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
            write_cursor(self._directory, position)
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
                self.tail.save()
            number = self._next
            self._writer = path_of(self._directory, number).open("xb", buffering=0)
            self._next += 1
            with self._grown:
                self._sizes[number] = 0
            fsync_directory(self._directory)
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
            self._reader = path_of(self._directory, segment).open("rb", buffering=1 << 18)
            self._reader.seek(offset)
        body = read_body(self._reader)
        if body is None:
            self._set_aside(segment, offset)
            self._read_at = Position(segment, size)
            return []
        self._read_at = Position(segment, offset + HEADER.size + len(body))
        return DECODER.decode(body)

    def _set_aside(self, segment: int, offset: int) -> None:
        """A frame that was once durable and is no more: the medium failed. Keep the file for a person, go on with the next."""
        path = path_of(self._directory, segment)
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
            self._stamps.append(Stamp(start, received_ms))

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
            segment, offset, checksum = CURSOR.unpack((self._directory / "cursor").read_bytes())
        except (OSError, struct.error):
            return first
        if checksum != zlib.crc32(CURSOR.pack(segment, offset, 0)):
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
            path_of(self._directory, segment).unlink(missing_ok=True)
            with self._grown:
                del self._sizes[segment]

    def _is_consumed(self, segment: int, size: int) -> bool:
        being_written = self._writer is not None and segment == self._next - 1
        return not being_written and Position(segment, size) <= self._cursor
