"""What a server took that forgets its last seconds when killed: kept on our own disk until it must be on the server's."""

import fcntl
import logging
import os
import secrets
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from devices.errors import DependencyFailed

_LOG = logging.getLogger(__name__)
_HEADER = struct.Struct("<II")
_FILE_S = 10.0
_SUFFIX = ".resend"


@dataclass(slots=True)
class _File:
    """Locked as long as its process lives. `last_s`: of the last batch in it, on a steady clock."""

    path: Path
    stream: IO[bytes]
    begun_s: float
    last_s: float
    size: int = 0


class ResendLog:
    """Batches of the last `keep_s` seconds in `directory`, which many processes may share. One thread at a time."""

    def __init__(self, directory: Path, *, keep_s: float) -> None:
        self._directory = directory
        self._keep_s = keep_s
        self._files: list[_File] = []
        self._number = 0
        self._name = secrets.token_hex(8)

    def add(self, body: bytes, now_s: float) -> None:
        """On the disk on return: to be called before `body` is sent. Raises DependencyFailed where the disk refuses."""
        try:
            if not self._files or now_s - self._files[-1].begun_s > _FILE_S:
                self._files.append(self._begin(now_s))
            file = self._files[-1]
            file.stream.write(_HEADER.pack(len(body), zlib.crc32(body)) + body)
            os.fdatasync(file.stream.fileno())
        except OSError as error:
            raise DependencyFailed(f"cannot write to {self._directory}: {error.strerror}; make room", transient=True) from error
        file.last_s = now_s
        file.size += len(body)

    def forget_durable(self, now_s: float) -> None:
        """To be called when the server is known not to have started anew up to `now_s`."""
        while self._files and self._files[0].last_s <= now_s - self._keep_s:
            _remove(self._files.pop(0))

    def forget_all(self) -> None:
        while self._files:
            _remove(self._files.pop(0))

    def bodies(self) -> Iterator[bytes]:
        """Our own, oldest first."""
        for file in self._files:
            yield from _read(file.path)

    def send_left_over(self, send: Callable[[bytes], None]) -> int:
        """Sends what processes that are no more have left, and removes it; returns how many batches."""
        sent = 0
        for path in sorted(self._directory.glob(f"*{_SUFFIX}")) if self._directory.is_dir() else ():
            with suppress(FileNotFoundError), path.open("rb") as stream:
                if not _lock(stream):
                    continue
                for body in _read(path):
                    send(body)
                    sent += 1
                path.unlink(missing_ok=True)
        return sent

    @property
    def size_bytes(self) -> int:
        return sum(file.size for file in self._files)

    def close(self) -> None:
        """What is still there is for the next process to send."""
        while self._files:
            self._files.pop().stream.close()

    def _begin(self, now_s: float) -> _File:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._number += 1
        path = self._directory / f"{self._name}-{self._number:012d}{_SUFFIX}"
        stream = path.open("xb", buffering=0)
        _lock(stream)
        return _File(path, stream, now_s, now_s)


def _lock(stream: IO[bytes]) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove(file: _File) -> None:
    file.path.unlink(missing_ok=True)
    file.stream.close()


def _read(path: Path) -> Iterator[bytes]:
    """Whole batches only: what a kill tore was never sent."""
    with path.open("rb") as stream:
        while len(header := stream.read(_HEADER.size)) == _HEADER.size:
            length, checksum = _HEADER.unpack(header)
            body = stream.read(length)
            if len(body) < length or zlib.crc32(body) != checksum:
                _LOG.warning("the end of %s is torn; what lies there was not acknowledged", path.name)
                return
            yield body
