"""Messages from other processes than ingest's own (HTTP pushes, readings typed by people): durable files in one directory.

A spool has one writer; here any process may put messages in, each group a file of its own that appears whole or not at
all. The ingest role drains the files like its spool: read, store, then delete, so a crash repeats and never loses.
"""

import itertools
import logging
import os
import uuid
import zlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from devices.errors import DependencyFailed
from ingest.message import Message
from ingest.segments import fsync_directory

_LOG = logging.getLogger(__name__)
MAILBOX_FOLDER = "mailbox"
"""Its place under the data directory."""

_SUFFIX = ".batch"
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[Message])

Taken = tuple[str, ...]
"""The names of the files that were read."""


class Mailbox:
    """`limit_bytes` and `limit_files` bound what may wait while ingest is away."""

    def __init__(self, directory: Path, *, limit_bytes: int = 256 << 20, limit_files: int = 20_000) -> None:
        self._directory = directory
        self._limit_bytes = limit_bytes
        self._limit_files = limit_files
        self._numbers = itertools.count()
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, messages: Sequence[Message]) -> None:
        """On disk on return. Raises DependencyFailed, nothing kept, where the limit or the disk refuses."""
        if not messages:
            return
        body = _ENCODER.encode(messages)
        self._check_room(len(body))
        name = f"{messages[0].received_ms:015d}-{next(self._numbers):012d}-{uuid.uuid4().hex}{_SUFFIX}"
        partial = self._directory / f"{name}.partial"
        try:
            with partial.open("xb") as file:
                file.write(zlib.crc32(body).to_bytes(4, "little") + body)
                file.flush()
                os.fsync(file.fileno())
            partial.rename(self._directory / name)
            fsync_directory(self._directory)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise DependencyFailed(f"cannot write to {self._directory}: {error.strerror}", transient=True) from None

    def read(self, max_messages: int) -> tuple[list[Message], Taken]:
        """The oldest files' messages, up to `max_messages` but at least one file, and what to `advance` with."""
        messages: list[Message] = []
        taken: list[str] = []
        for name in sorted(self._names()):
            if messages and len(messages) >= max_messages:
                break
            messages += self._open(name)
            taken.append(name)
        return messages, tuple(taken)

    def advance(self, taken: Taken) -> None:
        """All of these are done with."""
        for name in taken:
            (self._directory / name).unlink(missing_ok=True)

    @property
    def size_bytes(self) -> int:
        return sum(size for _, size in self._entries())

    def _names(self) -> list[str]:
        return [name for name, _ in self._entries()]

    def _entries(self) -> list[tuple[str, int]]:
        found = []
        with os.scandir(self._directory) as entries:
            for entry in entries:
                if entry.name.endswith(_SUFFIX):
                    try:
                        found.append((entry.name, entry.stat().st_size))
                    except FileNotFoundError:
                        continue  # the other side has just taken it
        return found

    def _check_room(self, more_bytes: int) -> None:
        entries = self._entries()
        if len(entries) >= self._limit_files or sum(size for _, size in entries) + more_bytes > self._limit_bytes:
            raise DependencyFailed(
                "too much waits for ingest already; is the ingest role running?", transient=True, retry_after_s=5
            )

    def _open(self, name: str) -> list[Message]:
        path = self._directory / name
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return []
        try:
            if zlib.crc32(raw[4:]).to_bytes(4, "little") == raw[:4]:
                return _DECODER.decode(raw[4:])
        except msgspec.DecodeError as error:
            _LOG.error("%s cannot be decoded: %s", name, error)
        kept = path.with_suffix(".damaged")
        _LOG.error("a file of messages is damaged; kept as %s: check the disk", kept)
        path.replace(kept)
        return []
