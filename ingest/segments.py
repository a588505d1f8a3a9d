"""The files of the spool: segments of checked frames and the cursor."""

import fcntl
import logging
import os
import struct
import zlib
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from devices.errors import BadInput
from ingest.message import Message

_LOG = logging.getLogger(__name__)
HEADER = struct.Struct("<II")
CURSOR = struct.Struct("<QQI")
DECODER = msgspec.msgpack.Decoder(list[Message])
_FRAME_LIMIT_BYTES = 1 << 30


class Position(NamedTuple):
    """The end of a frame: number of the segment, bytes from its start."""

    segment: int
    offset: int


class Stamp(NamedTuple):
    """When the first message of the frame that starts there was received; those behind it are no older."""

    start: Position
    received_ms: int


def path_of(directory: Path, segment: int) -> Path:
    return directory / f"{segment:016d}.segment"


def write_all(file: IO[bytes], data: bytes) -> None:
    """A raw file may take a part only, as it does when the disk fills up; asking for the rest then raises the reason."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def lock(directory: Path) -> IO[bytes]:
    file = (directory / "lock").open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise BadInput("another ingest process works here; stop it first", place=str(directory)) from None
    return file


def recover(directory: Path) -> dict[int, int]:
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
        while (body := read_body(file)) is not None:
            sound += HEADER.size + len(body)
    return sound


def first_stamps(directory: Path, sizes: dict[int, int], cursor: Position) -> deque[Stamp]:
    """Of what an earlier process left: one for each segment, the first of them at the cursor."""
    stamps: deque[Stamp] = deque()
    for segment in sorted(segment for segment, size in sizes.items() if Position(segment, size) > cursor):
        start = cursor if cursor.segment == segment else Position(segment, 0)
        with path_of(directory, segment).open("rb") as file:
            file.seek(start.offset)
            body = read_body(file)
        messages = DECODER.decode(body) if body else []
        if messages:
            stamps.append(Stamp(start, messages[0].received_ms))
    return stamps


def read_body(file: IO[bytes]) -> bytes | None:
    header = file.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    length, checksum = HEADER.unpack(header)
    if not 0 < length <= _FRAME_LIMIT_BYTES:
        return None
    body = file.read(length)
    return body if len(body) == length and zlib.crc32(body) == checksum else None


def write_cursor(directory: Path, position: Position) -> None:
    checksum = zlib.crc32(CURSOR.pack(*position, 0))
    partial = directory / "cursor.partial"
    with partial.open("wb") as file:
        file.write(CURSOR.pack(*position, checksum))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(directory / "cursor")
    fsync_directory(directory)


def fsync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def newest_groups(directory: Path, sizes: dict[int, int], count: int) -> list[Sequence[Message]]:
    """The groups that hold the last `count` messages of the two newest segments, oldest first."""
    bodies: deque[bytes] = deque(maxlen=count)
    for segment in sorted(sizes)[-2:]:
        with path_of(directory, segment).open("rb") as file:
            while (body := read_body(file)) is not None:
                bodies.append(body)
    groups: list[Sequence[Message]] = []
    while bodies and sum(map(len, groups)) < count:
        groups.append(DECODER.decode(bodies.pop()))
    return groups[::-1]
